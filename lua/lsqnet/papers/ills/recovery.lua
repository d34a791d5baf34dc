-- Khadilkar, the claims of a lower error, of faster convergence and of recovered parameters:
-- students of tanh nets by ILLS, as published and as repaired, and by Adam.

local plot = require "lsqnet.plot"
local problems = require "lsqnet.papers.ills.problems"
local statistics = require "lsqnet.experiments.statistics"
local trials = require "lsqnet.papers.ills.trials"

local CURVES = 30 -- runs whose curves are kept
local GOAL = 1e-4 -- the MSE of the race
local ILLS_ITERATIONS, ADAM_ITERATIONS = 300, 2000

local NETS = {
  { name = "2-2-1", layers = { 2, 2, 1 }, rows = 200, is_small = true },
  { name = "3-3-1", layers = { 3, 3, 1 }, rows = 200, is_small = true },
  { name = "2-2-2-1", layers = { 2, 2, 2, 1 }, rows = 200, is_small = true, is_deep = true },
  { name = "4-8-8-1", layers = { 4, 8, 8, 1 }, rows = 500, is_deep = true },
}

local METHODS = {
  { name = "ILLS robust", options = {}, color = "#0072b2" },
  { name = "ILLS robust full", options = { deviation = "full" }, color = "#009e73",
    is_for_deep = true },
  { name = "ILLS paper", options = { variant = "paper" }, color = "#e69f00" },
}

local function case_of(net, method)
  return ("%s: %s"):format(net.name, method.name)
end

local function each_case(visit)
  for _, net in ipairs(NETS) do
    for _, method in ipairs(METHODS) do
      if net.is_deep or not method.is_for_deep then visit(case_of(net, method), net, method) end
    end
    for _, rate in ipairs(problems.ADAM_RATES) do
      visit(trials.adam_case(net.name, rate), net, { name = "Adam", rate = rate })
    end
  end
end

local function train(problem, method, quick)
  return trials.train(problem, method, quick and 20 or ILLS_ITERATIONS,
                      quick and 200 or ADAM_ITERATIONS)
end

local function run(name, seed, context)
  local row
  each_case(function(case, net, method)
    if case ~= name then return end
    local problem = problems.teacher(net.layers, net.rows, seed)
    local trace, last = train(problem, method, context.quick)
    row = { best = trace.best, ms = trace.total_ms }
    row.goal_iterations, row.goal_ms = trials.first_below(trace, GOAL)
    if net.is_small then
      row.parameter_error = problems.parameter_error(problem.net, problem.teacher)
    end
    if method.rate then
      row.best300 = statistics.min(table.move(trace.losses, 1, math.min(#trace.losses, 301), 1, {}))
    end
    if seed <= CURVES then row.losses, row.times = trials.curves(trace, last) end
  end)
  return row
end

local function found_share(results, case)
  return statistics.share(results:values(case, "parameter_error"), function(v) return v < 1e-6 end)
end

local function tabulate(results, report)
  local rows = {}
  each_case(function(case, net, method)
    if not results:has(case) then return end
    local best = results:values(case, "best")
    local errors = results:values(case, "parameter_error")
    rows[#rows + 1] = {
      net.name, method.rate and ("Adam %g"):format(method.rate) or method.name,
      ("%.2g"):format(statistics.median(best)), ("%.2g"):format(statistics.mean(best)),
      ("%.2g"):format(statistics.quantile(best, 0.9)),
      #errors > 0 and ("%.2g"):format(statistics.median(errors)) or "",
      #errors > 0 and ("%.0f %%"):format(100 * found_share(results, case)) or "",
      statistics.or_never(trials.median_or_never(results, case, "goal_iterations")),
      statistics.or_never(trials.median_or_never(results, case, "goal_ms")),
      ("%.3g"):format(statistics.median(results:values(case, "ms"))), #best,
    }
  end)
  report:table {
    name = "recovery", rows = rows,
    title = "Training MSE and parameters, 300 iterations of ILLS, 2000 of Adam",
    columns = { "net", "method", "MSE, median", "mean", "9 in 10 below",
                "parameter error (L2), median", "recovered to 1e-6", "iterations to 1e-4",
                "ms to 1e-4", "ms in all", "runs" },
  }
end

local WHY = {
  shallow = [[the published form alternates between the two layers and crawls along the valley that
    couples them, linearly; the joint projection of the robust form is what ends that (ablation in
    docs/ills.md)]],
  deep = [[the published recursion, as we reconstruct it, hardly moves the layers below the top
    hidden one; deviations by the chain rule do (ablation in docs/ills.md)]],
  parameters = [[nothing in a least-squares fit keeps weights small: runs that miss the teacher end
    far from it (the figure), where Adam's stay nearer to where they started; the teacher itself is
    found by %s]],
  time = [[time by the clock; docs/ills.md has 0.3 ms for the same training]],
}

-- Why parameters are far off, with the share of runs that each method recovers them in.
local function why_far(results, net, adam)
  local found = {}
  for _, method in ipairs(METHODS) do
    if results:has(case_of(net, method)) then
      found[#found + 1] = ("%s in %.0f %%"):format(
        method.name, 100 * found_share(results, case_of(net, method)))
    end
  end
  found[#found + 1] = ("Adam in %.0f %%"):format(100 * found_share(results, adam))
  return WHY.parameters:format(table.concat(found, ", "))
end

-- What this library asks of the robust form.
local function compare_asked(results, report)
  local function asked(case, what, measure, statistic, rule)
    local values = results:values(case, measure)
    if #values == 0 then return end
    report:compare {
      what = ("%s: %s (asked of this library)"):format(case, what), published = "not in the paper",
      ours = statistic(values), runs = #values, at_most = rule.at_most, at_least = rule.at_least,
      format = "%.2g", why = rule.why,
    }
  end
  local function tenth(values) return statistics.quantile(values, 0.9) end
  local function recovered(values)
    return statistics.share(values, function(v) return v < 1e-6 end)
  end
  asked("2-2-1: ILLS robust", "median MSE", "best", statistics.median, { at_most = 1e-25 })
  asked("2-2-1: ILLS robust", "share with all parameters recovered", "parameter_error", recovered,
        { at_least = 0.7 })
  asked("2-2-1: ILLS robust", "median ms a run", "ms", statistics.median,
        { at_most = 2, why = WHY.time })
  asked("2-2-2-1: ILLS robust", "median MSE", "best", statistics.median, { at_most = 1e-6 })
  asked("2-2-2-1: ILLS robust", "nine runs in ten below", "best", tenth, { at_most = 1e-5 })
  asked("4-8-8-1: ILLS robust", "mean MSE", "best", statistics.mean, { at_most = 6e-5 })
end

local function compare_method(results, report, net, method)
  local case = case_of(net, method)
  local rate, adam = trials.best_adam(results, net.name, "best")
  if not (rate and results:has(case)) then return end
  local function lower(what, ours, theirs, why, format)
    if ours == theirs then return end -- neither got there
    report:compare {
      what = ("%s, %s and Adam (%g): %s"):format(net.name, method.name, rate, what),
      published = "ILLS lower", runs = results:count(case),
      ours = ("%s and %s"):format(format(ours), format(theirs)), rule = "lower",
      agrees = ours < theirs, why = ours >= theirs and why or nil,
    }
  end
  local cause = net.is_deep and WHY.deep or WHY.shallow
  local function short(value) return ("%.2g"):format(value) end
  local function median(name, measure)
    return statistics.median(results:values(name, measure))
  end
  local early_rate, early = trials.best_adam(results, net.name, "best300")
  lower("median MSE after 300 and after 2000 iterations", median(case, "best"),
        median(adam, "best"), cause, short)
  lower(("median MSE after 300 iterations of both (Adam %g)"):format(early_rate),
        median(case, "best"), median(early, "best300"), cause, short)
  for _, unit in ipairs { { "iterations", "goal_iterations" }, { "ms", "goal_ms" } } do
    lower(("median %s to an MSE of 1e-4"):format(unit[1]),
          trials.median_or_never(results, case, unit[2]),
          trials.median_or_never(results, adam, unit[2]), cause, statistics.or_never)
  end
  if net.is_small then
    lower("median L2 error of the parameters", median(case, "parameter_error"),
          median(adam, "parameter_error"), why_far(results, net, adam), short)
  end
end

local function picture(results, net, x_of, options)
  local series = {}
  for _, method in ipairs(METHODS) do
    local style = { label = method.name, color = method.color }
    series[#series + 1] = trials.band(results, case_of(net, method), x_of(ILLS_ITERATIONS),
                                      "losses", style)
  end
  local rate, adam = trials.best_adam(results, net.name, "best")
  if adam then
    series[#series + 1] = trials.band(results, adam, x_of(ADAM_ITERATIONS), "losses", {
      label = "Adam", color = "#d55e00" })
  end
  if #series == 0 then return nil end
  options.title = rate and ("%s (Adam %g)"):format(net.name, rate) or net.name
  options.log, options.ylabel = "xy", "lowest MSE so far"
  return { "lines", series, options }
end

-- Iterations from 1 on: a logarithmic axis has no 0.
local function iterations(last)
  local list = trials.moments(last)
  list[1] = 0 / 0
  return list
end

local function draw_curves(results, report)
  local function figure(name, title, x_of, xlabel)
    local list = {}
    for _, net in ipairs(NETS) do
      list[#list + 1] = picture(results, net, x_of, { xlabel = xlabel })
    end
    if #list == 0 then return end
    report:figure {
      name = name, title = title,
      caption = ("Medians and quartiles of %d runs at most. Adam with the learning rate of the "
        .. "lowest mean MSE of six, 0.001 to 0.3."):format(CURVES),
      draw = function(path)
        return plot.panels(path, list, { columns = math.min(2, #list), legend = true })
      end,
    }
  end
  figure("mse_by_iteration", "Training MSE by iteration", iterations, "iteration")
  figure("mse_by_time", "Training MSE by time", function() return "times" end, "time (ms)")
end

local function draw_parameters(results, report)
  local list = {}
  for _, net in ipairs(NETS) do
    local _, adam = trials.best_adam(results, net.name, "best")
    local series = {}
    for _, entry in ipairs { { "ILLS robust", case_of(net, METHODS[1]), "#0072b2" },
                             { "ILLS paper", case_of(net, METHODS[3]), "#e69f00" },
                             { "Adam", adam, "#d55e00" } } do
      local x, y = entry[2] and results:values(entry[2], "parameter_error") or {}, {}
      table.sort(x)
      -- A step goes up where it starts.
      for i = 1, #x do y[i] = 100 * (i - 1) / #x end
      if #x > 0 then
        x[#x + 1], y[#y + 1] = x[#x], 100
        series[#series + 1] = { x = x, y = y, label = entry[1], color = entry[3], style = "steps" }
      end
    end
    if #series > 0 then
      list[#list + 1] = { "lines", series, {
        title = net.name, log = "x", xlabel = "L2 error of the parameters",
        ylabel = "runs at or below (%)", yrange = { 0, 105 } } }
    end
  end
  if #list == 0 then return end
  report:figure {
    name = "parameters", title = "How near the parameters come to the teacher's",
    caption = "The nearest of all orders and signs of the hidden units counts.",
    draw = function(path)
      return plot.panels(path, list, { columns = #list, legend = true })
    end,
  }
end

return {
  title = "Students of tanh nets by ILLS and Adam",
  source = "Khadilkar, arXiv 2307.05189, the claims of lower error, speed and recovered parameters",
  setup = [[
    We know the paper by its abstract and a summary, not by its tables: what is compared are its
    claims, and what this library asks of itself. Teacher and student have tanh everywhere, weights
    and biases from U(-1, 1), X is uniform on [-1, 1]^d, 200 rows (4-8-8-1: 500), no noise. ILLS
    300 iterations, "paper" as published (local deviations, no safeguards, step size 0.3), "robust"
    as this library recommends it, "full" with the deviations of all hidden layers in one system.
    Adam 2000 iterations over the full batch at six learning rates, of which the one with the
    lowest mean MSE is compared. The error of the parameters is the L2 distance from the teacher's,
    the least over the orders and signs of hidden units; of 4-8-8-1, which has too many of these,
    none.
  ]],
  runs = 100, quick_runs = 2,
  measures = { "best", "best300", "ms", "goal_iterations", "goal_ms", "parameter_error" },
  curves = { "losses", "times" },
  cases = function() return trials.names(each_case) end,
  run = run,
  report = function(results, report)
    tabulate(results, report)
    draw_curves(results, report)
    draw_parameters(results, report)
    compare_asked(results, report)
    for _, net in ipairs(NETS) do
      for _, method in ipairs { METHODS[3], METHODS[1] } do
        compare_method(results, report, net, method)
      end
    end
  end,
}
