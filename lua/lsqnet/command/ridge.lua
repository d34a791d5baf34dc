-- Choosing the ridge penalty by validation, for trainers that have one.

local core = require "lsqnet.core"

local ridge = {}

--- What is tried, for columns of mean 0 and deviation 1. On the tables of docs/command.md the best
-- were 1e-2 (20 rows), 1e-3 (some hundreds to thousands) and 1e-5 (58,464 rows without noise).
ridge.CANDIDATES = { 1e-2, 1e-3, 1e-4, 1e-5 }

local FOLDS = 5
local SMALL = 1000 -- rows below which each fold is held out in turn, not the first alone
local FEWEST = 10 -- rows below which there is nothing to choose by

--- How many trainings a choice takes; 0 where there are too few rows for one.
function ridge.trainings(rows)
  if rows < FEWEST then return 0 end
  return #ridge.CANDIDATES * (rows < SMALL and FOLDS or 1)
end

-- Rows with and without the k-th fold of an order.
local function fold(order, k)
  local kept, held = {}, {}
  for i, row in ipairs(order) do
    local list = i % FOLDS == k - 1 and held or kept
    list[#list + 1] = row
  end
  return kept, held
end

--- Picks the candidate of the lowest mean squared error on rows held out.
-- @tparam matrix X scaled inputs
-- @tparam matrix Y scaled targets
-- @tparam int seed of the folds
-- @tparam function train `train(x, y, lambda)` returns a new net trained on the rows, or nil,
-- message, code
-- @treturn number the penalty
-- @return[2] nil, message, code of a training that failed
function ridge.choose(X, Y, seed, train)
  local order = core.rng(seed):permutation(X.rows)
  local best, lowest = nil, math.huge
  for _, lambda in ipairs(ridge.CANDIDATES) do
    local sum = 0
    for k = 1, X.rows < SMALL and FOLDS or 1 do
      local kept, held = fold(order, k)
      local net, message, code = train(X:take(kept), Y:take(kept), lambda)
      if not net then return nil, message, code end
      sum = sum + net:loss(X:take(held), Y:take(held)) * #held
    end
    if not best or sum < lowest then best, lowest = lambda, sum end
  end
  return best
end

return ridge
