-- Linear models of classes by penalised cross-entropy, for many lambdas and all folds together.
--
-- Steps by a bound of the Hessian (Boehning 1992: at most half of F'F for each class), whose
-- eigendecomposition is made once, for all rows: that of fewer rows is below it. In the coordinates
-- of its vectors a step divides by a diagonal; Nesterov's momentum makes up for the bound.

local core = require "lsqnet.core"

local STEPS <const> = 40 -- a lambda, at most
local TOLERANCE <const> = 1e-3 -- of a step, relative to the weights

-- Copies of Y side by side, one a fold, and where each fold trains.
local function repeated(problem)
  local Y, mask = problem.Y, nil
  for k = 1, problem.folds do
    local part = core.matrix(Y.rows, Y.cols, 1)
    local range = problem.ranges[k]
    for i = range[1], range[2] do
      for c = 1, Y.cols do part:set(i, c, 0) end
    end
    mask = mask and mask:hcat(part) or part
  end
  local all = Y
  for _ = 2, problem.folds do all = all:hcat(Y) end
  return all, mask
end

local function fold_columns(problem, M, k)
  local c = problem.outputs
  return M:slice(1, M.rows, (k - 1) * c + 1, k * c)
end

-- The softmax of each fold's columns, in place.
local function softmax(problem, M)
  for k = 1, problem.folds do core.fit.softmax(fold_columns(problem, M, k)) end
  return M
end

local function held_out(problem, P)
  local out
  for k, range in ipairs(problem.ranges) do
    local said = fold_columns(problem, P, k):slice(range[1], range[2])
    out = out and out:vcat(said) or said:copy()
  end
  return out
end

local function log_loss(problem, P)
  local chosen = P:mul(problem:judged_rows(problem.Y)):sum("cols")
  return -chosen:map(function(p) return math.log(math.max(p, 1e-15)) end):mean()
end

-- One lambda from where the last one ended; returns what the folds' models say of all rows.
local function descend(state, problem, lambda)
  local scale = state.bound:map(function(v) return 1 / (v + lambda) end)
  local B, b = state.B, state.b
  local B0, b0, t = B, b, 1
  for _ = 1, STEPS do
    local following = (1 + math.sqrt(1 + 4 * t * t)) / 2
    local momentum = (t - 1) / following
    local VB, vb = B + (B - B0) * momentum, b + (b - b0) * momentum
    local R = (softmax(problem, state.Q * VB + vb) - state.Y):mul(state.mask)
    local gradient = state.Qt * R + VB * lambda
    B0, b0 = B, b
    B = VB - gradient:mul(scale)
    b = vb - R:sum("rows") * (2 / problem.rows)
    t = following
    local moved = B - B0
    if gradient:mul(moved):sum() > 0 then t = 1 end -- the momentum leads uphill
    if moved:norm() <= TOLERANCE * (1e-3 + B:norm()) then break end
  end
  state.B, state.b = B, b
  return softmax(problem, state.Q * B + b)
end

local function start(problem, F)
  local mean = F:mean("rows")
  local Z = F - mean
  local values, vectors, code = (Z:t() * Z):eigh()
  if not values then return nil, vectors, code end
  local Y, mask = repeated(problem)
  local Q = Z * vectors
  local columns = problem.outputs * problem.folds
  return { mean = mean, vectors = vectors, Q = Q, Qt = Q:t(), Y = Y, mask = mask,
           bound = values:map(function(v) return math.max(v, 0) / 2 end),
           B = core.matrix(F.cols, columns), b = core.matrix(1, columns) }
end

-- The mean of the folds' models, for F as it is.
local function joined(problem, state, B, b)
  local weight, bias
  for k = 1, problem.folds do
    local w = state.vectors * fold_columns(problem, B, k)
    local v = fold_columns(problem, b, k) - state.mean * w
    weight, bias = weight and weight + w or w, bias and bias + v or v
  end
  return weight / problem.folds, bias / problem.folds
end

--- Trains with falling lambdas until the held-out loss has risen twice.
-- @treturn[1] matrix held-out probabilities
-- @treturn[1] matrix weight
-- @treturn[1] matrix bias
-- @treturn[1] number lambda
-- @treturn[2] nil, message, code
return function(problem, F, lambdas)
  local state, message, code = start(problem, F)
  if not state then return nil, message, code end
  local best, rises = { loss = math.huge }, 0
  for l = #lambdas, 1, -1 do
    local P = held_out(problem, descend(state, problem, lambdas[l]))
    local loss = log_loss(problem, P)
    if loss < best.loss then
      best = { loss = loss, P = P, B = state.B, b = state.b, lambda = lambdas[l] }
      rises = 0
    else
      rises = rises + 1
    end
    if rises == 2 or problem:left() < 0 then break end
  end
  local weight, bias = joined(problem, state, best.B, best.b)
  return best.P, weight, bias, best.lambda
end
