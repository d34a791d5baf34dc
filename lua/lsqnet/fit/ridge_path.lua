-- Ridge regression for many lambdas at the cost of one: an eigendecomposition a fold.

local ridge_path = {}

--- 10^-3 to 10^4, 15 of them.
function ridge_path.lambdas()
  local list = {}
  for k = 0, 14 do list[k + 1] = 10 ^ (-3 + k / 2) end
  return list
end

-- A X' Y of two matrices of the same rows.
local function inner(A, B)
  return A:t() * B
end

-- Sums of a block of rows: how many, of F, of Y, of their products.
local function sums_of(F, Y)
  return { rows = F.rows, f = F:sum("rows"), y = Y:sum("rows"), gram = inner(F, F),
           cross = inner(F, Y) }
end

local function less(total, part)
  local rest = { rows = total.rows - part.rows }
  for _, name in ipairs { "f", "y", "gram", "cross" } do rest[name] = total[name] - part[name] end
  return rest
end

-- Weights (inputs x outputs) for each lambda, and the means, from the sums of some rows.
local function solve(sums, lambdas)
  local f, y = sums.f / sums.rows, sums.y / sums.rows
  local gram = sums.gram - inner(f, f) * sums.rows
  local values, vectors, code = gram:eigh()
  if not values then return nil, vectors, code end
  local projected = vectors:t() * (sums.cross - inner(f, y) * sums.rows)
  values = values:map(function(v) return math.max(v, 0) end)
  local weights = {}
  for k, lambda in ipairs(lambdas) do
    weights[k] = vectors * projected:div(values:map(function(v) return v + lambda end))
  end
  return weights, f, y
end

local function squares(A, B)
  return (A - B):norm() ^ 2
end

-- What the weights for one lambda say of rows.
local function predict(F, weight, f, y)
  return F * weight + (y - f * weight)
end

--- Solves for every lambda and fold.
-- @tparam matrix F n x d
-- @tparam matrix Y n x c
-- @tparam {{first,last},...} ranges of rows, each held out in turn
-- @tparam {number,...} lambdas
-- @treturn[1] int the place of the lambda with the lowest held-out error
-- @treturn[1] {number,...} mean squared errors
-- @treturn[1] {table,...} for each fold `weights` by lambda, `f`, `y`
-- @treturn[2] nil, message, code
function ridge_path.cross(F, Y, ranges, lambdas)
  local total, parts = sums_of(F, Y), {}
  local errors, held = {}, 0
  for k = 1, #lambdas do errors[k] = 0 end
  for k, range in ipairs(ranges) do
    local f, y = F:slice(range[1], range[2]), Y:slice(range[1], range[2])
    local weights, mean_f, mean_y = solve(less(total, sums_of(f, y)), lambdas)
    if not weights then return nil, mean_f, mean_y end
    for l, weight in ipairs(weights) do
      errors[l] = errors[l] + squares(predict(f, weight, mean_f, mean_y), y)
    end
    parts[k] = { weights = weights, f = mean_f, y = mean_y }
    held = held + f.rows * Y.cols
  end
  local best = 1
  for l = 1, #lambdas do
    errors[l] = errors[l] / held
    if errors[l] < errors[best] then best = l end
  end
  return best, errors, parts
end

--- The held-out predictions for one lambda, of the rows of the ranges, which follow each other.
function ridge_path.held_out(F, ranges, parts, l)
  local out
  for k, range in ipairs(ranges) do
    local p = parts[k]
    local said = predict(F:slice(range[1], range[2]), p.weights[l], p.f, p.y)
    out = out and out:vcat(said) or said
  end
  return out
end

--- The mean of the folds' nets: a weight and a bias.
function ridge_path.mean(parts, l)
  local weight, bias
  for _, p in ipairs(parts) do
    local w = p.weights[l]
    local b = p.y - p.f * w
    weight, bias = weight and weight + w or w, bias and bias + b or b
  end
  return weight / #parts, bias / #parts
end

--- All rows at once, for one lambda.
function ridge_path.whole(F, Y, lambda)
  local weights, f, y = solve(sums_of(F, Y), { lambda })
  if not weights then return nil, f, y end
  return weights[1], y - f * weights[1]
end

return ridge_path
