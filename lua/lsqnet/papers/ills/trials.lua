-- Trainings of the ILLS experiments by either method, told alike.

local lsqnet = require "lsqnet"
local problems = require "lsqnet.papers.ills.problems"
local statistics = require "lsqnet.experiments.statistics"

local trials = {}

-- Losses and milliseconds at 0, 1, 2, ... iterations.
local function trace_of(report)
  local losses, ms = {}, {}
  for i, entry in ipairs(report.history) do losses[i], ms[i] = entry.loss, 1e3 * entry.seconds end
  return { losses = losses, ms = ms, total_ms = 1e3 * report.seconds }
end

-- Trains problem.net by ILLS.
function trials.ills(problem, options)
  local report = assert(lsqnet.ills(problem.net, problem.x, problem.y, options))
  local trace = trace_of(report)
  trace.best = math.min(report.loss, statistics.min(trace.losses))
  trace.last = trace.losses[#trace.losses]
  return trace
end

-- Trains problem.net by Adam, an iteration a step over all rows.
function trials.adam(problem, rate, iterations)
  local report = assert(lsqnet.adam(problem.net, problem.x, problem.y, {
    epochs = iterations, batch_size = problem.x.rows, learning_rate = rate,
  }))
  local trace = trace_of(report)
  -- An epoch of one batch tells the loss in front of its step.
  table.remove(trace.losses, 1)
  trace.losses[#trace.losses + 1] = report.loss
  trace.best, trace.last = statistics.min(trace.losses), report.loss
  return trace
end

-- Trains problem.net as a method says: by Adam where it has a `rate`, by ILLS with its `options`
-- otherwise. Returns the trace and the iterations allowed.
function trials.train(problem, method, ills_iterations, adam_iterations)
  if method.rate then
    return trials.adam(problem, method.rate, adam_iterations), adam_iterations
  end
  local options = { iterations = ills_iterations }
  for key, value in pairs(method.options) do options[key] = value end
  return trials.ills(problem, options), options.iterations
end

-- The names of the cases that `each_case` visits.
function trials.names(each_case)
  local names = {}
  each_case(function(case) names[#names + 1] = case end)
  return names
end

-- The iterations at which curves are kept: 0, 1, 2, 3, 5, 7, 10, ... up to `last`.
function trials.moments(last)
  local list, moment = { 0 }, 1
  while moment < last do
    list[#list + 1] = moment
    moment = math.max(moment + 1, math.floor(moment * 10 ^ 0.2 + 0.5))
  end
  list[#list + 1] = last
  return list
end

-- The lowest loss so far and the milliseconds at these iterations. A training that ended stays
-- where it was.
function trials.curves(trace, last)
  local losses, ms = {}, {}
  local lowest, i = math.huge, 0
  for k, moment in ipairs(trials.moments(last)) do
    while i <= moment and i < #trace.losses do
      i = i + 1
      if trace.losses[i] < lowest then lowest = trace.losses[i] end
    end
    losses[k] = tonumber(("%.3g"):format(lowest))
    ms[k] = tonumber(("%.3g"):format(trace.ms[i]))
  end
  return losses, ms
end

-- The iteration and the milliseconds at which a loss was first met; nil when it never was.
function trials.first_below(trace, goal)
  for i, loss in ipairs(trace.losses) do
    if loss <= goal then return i - 1, trace.ms[i] end
  end
end

function trials.adam_case(name, rate)
  return ("%s: Adam %g"):format(name, rate)
end

-- The learning rate of Adam with the lowest mean of a measure, and its case; nil without runs.
function trials.best_adam(results, name, measure)
  local best, lowest
  for _, rate in ipairs(problems.ADAM_RATES) do
    local values = results:values(trials.adam_case(name, rate), measure)
    local mean = #values > 0 and statistics.mean(values)
    if mean and (not lowest or mean < lowest) then best, lowest = rate, mean end
  end
  return best, best and trials.adam_case(name, best)
end

-- The median of a measure over all runs of a case, where some have none: math.huge when fewer than
-- half have one; nil without runs.
function trials.median_or_never(results, case, measure)
  local list = {}
  for i, row in ipairs(results:rows(case)) do list[i] = row[measure] or math.huge end
  table.sort(list)
  return list[#list // 2 + 1]
end

-- A series of plot.lines: medians with quartiles of curves over x, or over the medians of curves
-- of x.
function trials.band(results, case, x, y, style)
  local curves = results:values(case, y)
  if #curves == 0 then return nil end
  local series = {}
  for key, value in pairs(style) do series[key] = value end
  series.y, series.lower, series.upper = statistics.quartiles(curves)
  series.x = type(x) == "string" and statistics.quartiles(results:values(case, x))
    or table.move(x, 1, #series.y, 1, {})
  return series
end

return trials
