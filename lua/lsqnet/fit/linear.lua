-- The candidates without hidden units: `lin`, ridge regression on standardised columns, and `gam`,
-- on thermometers too, an additive model; of classes by cross-entropy.

local ridge_path = require "lsqnet.fit.ridge_path"
local softmax_path = require "lsqnet.fit.softmax_path"

return function(problem, bins)
  local map, matrix = problem:map(bins)
  local F, lambdas = matrix(), ridge_path.lambdas()
  if problem.classes then
    local held, weight, bias, lambda = softmax_path(problem, F, lambdas)
    if not held then return nil, weight, bias end
    return held, { map = map, unit = "none", weight = weight, bias = bias },
      ("lambda %.3g"):format(lambda)
  end
  local best, errors, parts = ridge_path.cross(F, problem.Y, problem.ranges, lambdas)
  if not best then return nil, errors, parts end
  local weight, bias = ridge_path.mean(parts, best)
  return ridge_path.held_out(F, problem.ranges, parts, best),
    { map = map, unit = "none", weight = weight, bias = bias },
    ("lambda %.3g"):format(lambdas[best])
end
