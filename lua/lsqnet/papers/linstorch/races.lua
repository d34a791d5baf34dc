-- Khanov and Akbas, Figures 4 to 7: the error of nets against the time spent on them, by restarts
-- of Linstorch, by random nets, and by three gradient methods.

local contest = require "lsqnet.papers.linstorch.contest"
local plot = require "lsqnet.plot"
local real_data = require "lsqnet.experiments.real_data"
local statistics = require "lsqnet.experiments.statistics"

local case_of = contest.case_of

local GRADIENT = { "SGD", "Adam", "AdaGrad" }

-- The seeds whose split lets Linstorch reach a target: all with two hidden layers, which have no
-- such floor.
local function attainable(results, problem, k)
  local seeds, count = {}, 0
  for _, row in ipairs(results:rows(case_of(problem, "Linstorch"))) do
    if not row.floor or row.floor <= problem.targets[k] then
      seeds[row.seed] = true
      count = count + 1
    end
  end
  return seeds, count
end

-- The median time to a target over some seeds, math.huge where most did not get there, and the
-- share of them that did; nil without a run.
local function race_time(results, case, k, seeds)
  local list, reached = {}, 0
  for _, row in ipairs(results:rows(case)) do
    if seeds[row.seed] then
      list[#list + 1] = row["ms" .. k] or math.huge
      reached = reached + (row["ms" .. k] and 1 or 0)
    end
  end
  if #list == 0 then return nil end
  table.sort(list)
  return list[#list // 2 + 1], reached / #list
end

local function tabulate_times(results, report)
  local rows = {}
  for _, problem in ipairs(contest.PROBLEMS) do
    for k, target in ipairs(problem.targets) do
      local seeds, count = attainable(results, problem, k)
      local code = problem.code[k] or {}
      local row = { problem.title, target, code[1] or "never", code[2] or "never",
                    ("%d of %d"):format(count, results:count(case_of(problem, "Linstorch"))) }
      for _, method in ipairs(contest.METHODS) do
        local ms, share = race_time(results, case_of(problem, method.name), k, seeds)
        row[#row + 1] = ms and ("%s (%.0f %%)"):format(statistics.or_never(ms), 100 * share) or ""
      end
      rows[#rows + 1] = row
    end
  end
  report:table {
    name = "times", rows = rows,
    title = "Milliseconds to a training MSE: median over the splits on which Linstorch can get "
      .. "there (in brackets the runs that did); the authors' program beside it",
    columns = { "data", "target", "authors: Linstorch", "authors: best gradient", "splits",
                "Linstorch", "RANDOM", "SGD", "Adam", "AdaGrad" },
  }
end

local function median_cell(results, case, name)
  local values = results:values(case, name)
  return #values > 0 and ("%.4g"):format(statistics.median(values)) or ""
end

local function tabulate_errors(results, report)
  local rows = {}
  for _, problem in ipairs(contest.PROBLEMS) do
    for _, method in ipairs(contest.METHODS) do
      local case = case_of(problem, method.name)
      if results:has(case) then
        rows[#rows + 1] = { problem.title, method.name,
                            problem.epoch19 and problem.epoch19[method.name] or "",
                            median_cell(results, case, "test19"),
                            median_cell(results, case, "train"),
                            median_cell(results, case, "test"), median_cell(results, case, "ms") }
      end
    end
    local case = case_of(problem, "Linstorch")
    for _, mark in ipairs { { "straight line", "line" }, { "best single knot", "floor" } } do
      if #results:values(case, mark[2]) > 0 then
        rows[#rows + 1] = { problem.title, mark[1], "", "", median_cell(results, case, mark[2]),
                            median_cell(results, case, mark[2] .. "_test"), "" }
      end
    end
  end
  report:table {
    name = "errors", rows = rows,
    title = "MSE, medians: after 19 epochs (Linstorch and RANDOM: 19 nets), and at the end (2000 "
      .. "epochs, 2000 nets of Linstorch, 20000 random nets)",
    columns = { "data", "method", "published test, 19", "test, 19", "train, end", "test, end",
                "ms, end" },
  }
end

-- The share of seeds for which a measure of one case is below that of another.
local function share_lower(results, first, name, second, second_name)
  local by_seed, count, lower = {}, 0, 0
  for _, row in ipairs(results:rows(first)) do by_seed[row.seed] = row[name] end
  for _, row in ipairs(results:rows(second)) do
    local ours, other = by_seed[row.seed], row[second_name]
    if ours and other then
      count = count + 1
      lower = lower + (ours < other and 1 or 0)
    end
  end
  return count > 0 and lower / count or nil, count
end

local WHY = {
  deep = [[two hidden layers have no floor: among 2000 nets rare ones go far below; the authors end
    their search at a target]],
  speed = [[in the authors' program %g ms and %g ms: there Linstorch is first. Both are faster here,
    the gradient methods by far more: a small batch costs PyTorch much more than its arithmetic]],
  scaling = [[with scaled columns the gradient methods are below the best single knot, or about
    there, within 19 epochs: the published gap is made by scaling all columns by one mean and one
    deviation]],
  sine = [[the gradient methods are near the best single knot by epoch 19 already]],
  beyond = [[one hidden layer of Linstorch cannot go below the best single knot, and with two low
    draws are rare; gradient methods go on. The figure ends at 19 epochs]],
}

local function compare_speed(results, report, problem, label)
  local seeds, count = attainable(results, problem, 1)
  local ours = race_time(results, case_of(problem, "Linstorch"), 1, seeds)
  local fastest
  for _, name in ipairs(GRADIENT) do
    local ms = race_time(results, case_of(problem, name), 1, seeds)
    if ms and (not fastest or ms < fastest) then fastest = ms end
  end
  if not (ours and fastest) then return end
  local code = problem.code[1]
  report:compare {
    what = label .. ("ms to a training MSE of %g, Linstorch and the fastest gradient method")
      :format(problem.targets[1]),
    published = "Linstorch in the least time", runs = count,
    ours = ("%s and %s"):format(statistics.or_never(ours), statistics.or_never(fastest)),
    rule = "lower median", agrees = ours < fastest,
    why = ours >= fastest and code[2] and WHY.speed:format(code[1], code[2]) or nil,
  }
end

local function compare_errors(results, report, problem, label)
  local ours = case_of(problem, "Linstorch")
  local by_end = { test19 = math.huge, test = math.huge }
  local runs = 0
  for name in pairs(by_end) do
    for _, rival in ipairs(GRADIENT) do
      local share, count = share_lower(results, ours, "test", case_of(problem, rival), name)
      if share then by_end[name], runs = math.min(by_end[name], share), count end
    end
  end
  if by_end.test19 <= 1 then
    report:compare {
      what = label .. "share of runs with a lower test MSE than each gradient method, 19 epochs",
      published = "the lowest error", ours = by_end.test19, runs = runs, at_least = 0.5,
      why = by_end.test19 < 0.5 and (problem.set and WHY.scaling or WHY.sine) or nil,
    }
  end
  if by_end.test <= 1 then
    report:compare {
      what = label .. "the same, 2000 epochs", published = "the lowest error", ours = by_end.test,
      runs = runs, at_least = 0.5, why = by_end.test < 0.5 and WHY.beyond or nil,
    }
  end
end

local function compare_with_code(results, report, problem, label)
  for k, code in ipairs(problem.code) do
    local seeds, count = attainable(results, problem, k)
    local ms = race_time(results, case_of(problem, "Linstorch"), k, seeds)
    if code[1] and ms then
      report:compare {
        what = label .. ("Linstorch's ms to a training MSE of %g; published: the authors' program")
          :format(problem.targets[k]),
        published = code[1], ours = ms, runs = count, at_most = code[1], better = "lower",
      }
    end
  end
end

local function compare_problem(results, report, problem)
  local ours = case_of(problem, "Linstorch")
  local label = ("Figure %d, %s: "):format(problem.figure, problem.title)
  local tests = results:values(ours, "test")
  report:compare {
    what = label .. "test MSE where Linstorch ends", published = problem.floor, ours = tests,
    tolerance = math.max(0.01, 2 * statistics.std(tests)), better = "lower",
    why = #problem.hidden > 1 and WHY.deep or nil,
  }
  local share, runs = share_lower(results, ours, "train", case_of(problem, "RANDOM"), "train")
  if share then
    report:compare {
      what = label .. "share of runs that end lower than random sampling (training MSE)",
      published = "always", ours = share, runs = runs, at_least = 1,
    }
  end
  share, runs = share_lower(results, ours, "test", ours, "line_test")
  report:compare {
    what = label .. "share of runs that end lower than linear regression (test MSE)",
    published = "outperforms", ours = share, runs = runs, at_least = 0.5,
  }
  compare_speed(results, report, problem, label)
  compare_errors(results, report, problem, label)
  compare_with_code(results, report, problem, label)
end

-- What the paper says of Figure 7 beside Figure 4.
local function compare_depth(results, report)
  local shallow, deep = "sin: Linstorch", "sin deep: Linstorch"
  if not (results:has(shallow) and results:has(deep)) then return end
  for _, entry in ipairs { { "test", "less error", "test MSE of the best net", true },
                           { "ms", "more time", "ms for equally many nets", false } } do
    local one = statistics.median(results:values(shallow, entry[1]))
    local two = statistics.median(results:values(deep, entry[1]))
    report:compare {
      what = ("Figures 4 and 7: %s, one and two hidden layers"):format(entry[3]),
      published = entry[2] .. " with more layers", ours = ("%.3g and %.3g"):format(one, two),
      runs = results:count(deep), rule = entry[4] and "lower" or "higher",
      agrees = (two < one) == entry[4],
    }
  end
end

local function compare_epochs(results, report, problem)
  for _, name in ipairs(GRADIENT) do
    local values = results:values(case_of(problem, name), "test19")
    if problem.epoch19 and #values > 0 then
      report:compare {
        what = ("Figure %d: test MSE of %s after 19 epochs"):format(problem.figure, name),
        published = problem.epoch19[name], ours = values, better = "lower",
        tolerance = math.max(0.02, 2 * statistics.std(values)),
      }
    end
  end
end

-- The series and options of the picture of one problem; nil without curves.
local function race_picture(results, problem)
  local series, low, high = {}, math.huge, 0
  for _, method in ipairs(contest.METHODS) do
    local case = case_of(problem, method.name)
    local times = statistics.quartiles(results:values(case, "time"))
    local middle, lower, upper = statistics.quartiles(results:values(case, "error"))
    if #times > 0 then
      series[#series + 1] = { x = times, y = middle, lower = lower, upper = upper,
                              label = method.name, color = method.color }
      low, high = math.min(low, times[1]), math.max(high, times[#times])
    end
  end
  if #series == 0 then return nil end
  for _, mark in ipairs { { "line_test", "straight line", "#e69f00" },
                          { "floor_test", "best single knot", "#000000" } } do
    local values = {} -- of the splits that have curves
    for _, row in ipairs(results:rows(case_of(problem, "Linstorch"))) do
      values[#values + 1] = row.time and row[mark[1]]
    end
    if #values > 0 then
      local level = statistics.median(values)
      series[#series + 1] = { x = { low, high }, y = { level, level }, label = mark[2],
                              color = mark[3], dash = true, width = 1.5 }
    end
  end
  return series, { title = problem.title, xlabel = "time (ms)", ylabel = "test MSE", log = "xy" }
end

local function draw_figure(results, report, number)
  local list = {}
  for _, problem in ipairs(contest.PROBLEMS) do
    if problem.figure == number then
      local series, options = race_picture(results, problem)
      if series then list[#list + 1] = { "lines", series, options } end
    end
  end
  if #list == 0 then return end
  report:figure {
    name = "figure" .. number, title = ("Figure %d: test MSE against time"):format(number),
    caption = ("Medians and quartiles of %d runs at most, each with a split of its own. Curves end "
      .. "with 2000 epochs, 2000 nets of Linstorch, 20000 random nets."):format(contest.CURVES),
    draw = function(path)
      return plot.panels(path, list, { legend = true, size = { #list == 1 and 800 or 1240, 580 } })
    end,
  }
end

local function cases(context)
  local names, skipped = {}, {}
  for _, problem in ipairs(contest.PROBLEMS) do
    local X, message = true, nil
    if problem.set then X, message = real_data(context, problem.set) end
    if not X then skipped[#skipped + 1] = { problem.name, message } end
    for _, method in ipairs(X and contest.METHODS or {}) do
      names[#names + 1] = case_of(problem, method.name)
    end
  end
  return names, skipped
end

return {
  title = "Linstorch's races against random nets and gradient methods",
  source = "Khanov and Akbas, Figures 4 to 7",
  setup = [[
    One third of the rows is held out; a run draws the split, the nets and the batches from its
    seed, where the paper has one split. sin(x) + 1 on 1001 points of [0, 2 pi]; Auto MPG:
    horsepower from mpg, acceleration and displacement; Concrete: strength from age and
    ingredients. Nets have ten ReLUs a hidden layer and start as in PyTorch. Gradient methods have
    the settings of the authors' program: batches of 32, SGD 0.001 with momentum 0.9, Adam 0.001,
    AdaGrad 0.01. Linstorch and RANDOM draw again and keep the net with the lowest training MSE.
    All go on for longer than in the paper, whose gradient methods end at epoch 19. Targets are of
    the training part, as in the authors' program; the figures show the test part. The authors
    scale X by one mean and one deviation for all columns, which Linstorch does not notice and
    gradient methods do: Figures 5 and 6 are drawn like that, and with scaled columns beside it.
    Times leave out what only the curves need. The times of the authors' program are of our own
    runs of it (PyTorch, two cores); the targets are those of these runs, since the paper names
    none. The published errors are read off the figures, whose text has no numbers.
  ]],
  runs = 100, quick_runs = 1,
  measures = { "ms1", "ms2", "ms3", "ms", "train", "test", "test19", "line", "line_test", "floor",
               "floor_test" },
  curves = { "time", "error" },
  cases = cases,
  run = contest.run,
  report = function(results, report)
    tabulate_times(results, report)
    tabulate_errors(results, report)
    for number = 4, 7 do draw_figure(results, report, number) end
    for _, problem in ipairs(contest.PROBLEMS) do
      if results:has(case_of(problem, "Linstorch")) then
        compare_problem(results, report, problem)
      end
      compare_epochs(results, report, problem)
    end
    compare_depth(results, report)
  end,
}
