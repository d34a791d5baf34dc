-- The candidate that predicts the mean of the training rows, or the classes' shares.

local core = require "lsqnet.core"

return function(problem)
  local out = core.matrix(problem.judged, problem.outputs)
  local sum = core.matrix(1, problem.outputs)
  for k = 1, problem.folds do
    local mean = problem:training(problem.Y, k):mean("rows")
    local range = problem.ranges[k]
    for i = range[1], range[2] do
      for c = 1, problem.outputs do out:set(i, c, mean:get(1, c)) end
    end
    sum = sum + mean
  end
  local map = problem:map(false)
  local bias = sum / problem.folds
  if problem.classes then bias = bias:map(function(p) return math.log(math.max(p, 1e-12)) end) end
  return out, { map = map, unit = "none", bias = bias,
                weight = core.matrix(problem.inputs, problem.outputs) }
end
