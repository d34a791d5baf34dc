-- ANMIN iteration by iteration, for Barbu's Figures 9 to 11: a protocol on some of the data sets.

local anmin_setup = require "lsqnet.papers.anmin.setup"
local differences = require "lsqnet.papers.anmin.differences"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local METHODS = { { name = "ANMIN", title = "ReLU", figure = 10 },
                  { name = "ANMIN-L", title = "leaky ReLU", figure = 11 } }

local function run(case, seed, context)
  local name, method = anmin_setup.parse(case)
  local train = anmin_setup.split(context, name, seed)
  local start, times = os.clock(), {}
  local _, report = anmin_setup.train(context, anmin_setup.DATA[name], method, train, seed, {
    solver = "cholesky",
    on_iteration = function() times[#times + 1] = os.clock() - start end,
  })
  local row = { train_mse = report.loss, degenerate = report.degenerate_systems,
                times = times, losses = {}, log_determinants = {} }
  for i, entry in ipairs(report.history) do
    row.losses[i] = entry.loss
    row.log_determinants[i - 1] = entry.log_determinant -- none before the first iteration
  end
  row.first_determinant = row.log_determinants[1]
  row.last_determinant = row.log_determinants[#row.log_determinants]
  return row
end

local function lowest_so_far(losses)
  local lowest = {}
  for i, loss in ipairs(losses) do lowest[i] = math.min(lowest[i - 1] or math.huge, loss) end
  return lowest
end

-- A line a run, thin and transparent where there are many.
local function haze(curves, x)
  local series, is_crowd = {}, #curves > 10
  for k, curve in ipairs(curves) do
    series[k] = { x = x, y = curve, color = "#0072b2", opacity = is_crowd and 0.4 or 1,
                  width = is_crowd and 0.8 or 1.5 }
  end
  return series
end

local function draw_losses(results, report, names)
  local panels, runs = {}, 0
  for _, name in ipairs(names) do
    local case = name .. " ANMIN"
    local losses, lowest = results:values(case, "losses"), {}
    for k, curve in ipairs(losses) do lowest[k] = lowest_so_far(curve) end
    local x = statistics.quartiles(results:values(case, "times"))
    local title = anmin_setup.DATA[name].title
    runs = math.max(runs, #losses)
    for _, entry in ipairs { { losses, "at the iteration" }, { lowest, "lowest so far" } } do
      if #losses > 0 then
        panels[#panels + 1] = { "lines", haze(entry[1], x), {
          title = ("%s, %s"):format(title, entry[2]), xlabel = "seconds of processor time",
          ylabel = "training MSE",
          log = "y",
        } }
      end
    end
  end
  if #panels == 0 then return end
  report:figure {
    name = "figure9", title = "Figure 9: ANMIN's training MSE against time",
    caption = ("A line a split, %d splits at most, at median times."):format(runs),
    draw = function(path) return plot.panels(path, panels, { columns = 2 }) end,
  }
end

local function draw_determinants(results, report, names, method)
  local panels, runs = {}, 0
  for _, name in ipairs(names) do
    local curves = results:values(name .. " " .. method.name, "log_determinants")
    runs = math.max(runs, #curves)
    if #curves > 0 then
      panels[#panels + 1] = { "lines", haze(curves), {
        title = anmin_setup.DATA[name].title, xlabel = "iteration", ylabel = "ln|M + lambda I|",
      } }
    end
  end
  if #panels == 0 then return end
  report:figure {
    name = "figure" .. method.figure,
    title = ("Figure %d: the log determinant, %s"):format(method.figure, method.title),
    caption = ("A line a split, %d splits at most. Our sums are divided by N: the authors' numbers "
      .. "are larger by (d+1) h ln N."):format(runs),
    draw = function(path)
      return plot.panels(path, panels, { columns = math.min(2, #panels) })
    end,
  }
end

local function tabulate(results, report, names)
  local rows = {}
  for _, name in ipairs(names) do
    for _, method in ipairs(METHODS) do
      local case = name .. " " .. method.name
      if results:has(case) then
        local function summary(measure) return statistics.summary(results:values(case, measure)) end
        rows[#rows + 1] = {
          anmin_setup.DATA[name].title, method.title, summary "first_determinant",
          summary "last_determinant", summary "degenerate", summary "train_mse",
          results:count(case),
        }
      end
    end
  end
  report:table {
    name = "determinants", title = "ln|M + lambda I|: mean (standard deviation)",
    columns = { "data", "activation", "first iteration", "last iteration",
                "degenerate systems a run", "MSE train", "splits" },
    rows = rows,
  }
end

-- Correlation of a list with 1, 2, ...: the direction of a curve.
local function trend(curve)
  local n, mean = #curve, statistics.mean(curve)
  local xy, xx, yy = 0, 0, 0
  for i, value in ipairs(curve) do
    local x, y = i - (n + 1) / 2, value - mean
    xy, xx, yy = xy + x * y, xx + x * x, yy + y * y
  end
  return xx > 0 and yy > 0 and xy / math.sqrt(xx * yy) or 0
end

local function compare(results, report, names)
  for _, name in ipairs(names) do
    for _, method in ipairs(METHODS) do
      local curves = results:values(name .. " " .. method.name, "log_determinants")
      if #curves > 0 then
        local falls = name ~= "bsds_patches"
        local share = statistics.share(curves, function(curve)
          return (trend(curve) < 0) == falls
        end)
        report:compare {
          what = ("Figure %d, %s: share of splits whose log determinant %s with the iterations")
            :format(method.figure, anmin_setup.DATA[name].title, falls and "falls" or "rises"),
          published = falls and "tends to decrease" or "increases",
          ours = ("%.2f"):format(share), runs = #curves, rule = "more than half",
          agrees = share > 0.5, why = differences.DETERMINANTS[name],
        }
      end
    end
  end
end

-- Figure 9: the loss jumps, by less than L-BFGS's 26 powers of ten.
local function compare_jumps(results, report, names)
  for _, name in ipairs(names) do
    local curves = results:values(name .. " ANMIN", "losses")
    if #curves > 0 then
      local largest, rises = 0, 0
      for _, curve in ipairs(curves) do
        for i = 2, #curve do
          largest = math.max(largest, curve[i] / curve[i - 1])
          rises = rises + (curve[i] > curve[i - 1] and 1 or 0)
        end
      end
      report:compare {
        what = ("Figure 9, %s: largest factor by which the MSE rises in one iteration")
          :format(anmin_setup.DATA[name].title),
        published = "sometimes jumps, much less than L-BFGS", ours = largest, runs = #curves,
        rule = "rises, by less than 1e6", agrees = rises > 0 and largest < 1e6,
      }
    end
  end
end

local iterations = {}

-- The protocol's parts for the data sets of these names, of which some are in Figure 9.
function iterations.of(names, of_figure9)
  return {
    measures = { "train_mse", "degenerate", "first_determinant", "last_determinant" },
    curves = { "times", "losses", "log_determinants" },
    run = run,
    cases = function(context)
      return anmin_setup.cases(context, names, { METHODS[1].name, METHODS[2].name })
    end,
    report = function(results, report)
      tabulate(results, report, names)
      draw_losses(results, report, of_figure9)
      for _, method in ipairs(METHODS) do draw_determinants(results, report, names, method) end
      compare_jumps(results, report, of_figure9)
      compare(results, report, names)
    end,
  }
end

return iterations
