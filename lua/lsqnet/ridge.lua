--- Ridge regression that finds its own penalty.
-- @module lsqnet

local core = require "lsqnet.core"
local options = require "lsqnet.options"
local ridge_path = require "lsqnet.fit.ridge_path"

local OPTIONS <const> = {
  lambdas = { type = "table" }, folds = { type = "integer", default = 5, minimum = 2 },
  seed = { type = "integer", default = 1, minimum = 0 },
}

local function check_pair(X, Y)
  options.typed(X, "lsqnet.matrix", 1, "ridge", 4)
  options.typed(Y, "lsqnet.matrix", 2, "ridge", 4)
  options.argument(X.rows >= 2 and X.cols > 0, 1, "ridge",
                   "at least two rows and one column expected", 4)
  options.argument(Y.rows == X.rows and Y.cols > 0, 2, "ridge",
                   ("%d rows expected to match X, got %d"):format(X.rows, Y.rows), 4)
end

local function check_lambdas(lambdas)
  for _, lambda in ipairs(lambdas) do
    if math.type(lambda) == nil or not (lambda > 0 and lambda < math.huge) then
      error(("option 'lambdas': numbers above 0 expected, got %s"):format(tostring(lambda)), 4)
    end
  end
  if #lambdas == 0 then error("option 'lambdas': at least one number expected", 4) end
  return lambdas
end

local function finite(M, name)
  for i = 1, M.rows do
    for j = 1, M.cols do
      local v = M:get(i, j)
      if v - v ~= 0 then
        return nil, ("%s is not finite: row %d, column %d is %s"):format(name, i, j, v),
          "non_finite"
      end
    end
  end
  return true
end

local function ranges_of(rows, folds)
  local ranges = {}
  for k = 1, folds do ranges[k] = { (k - 1) * rows // folds + 1, k * rows // folds } end
  return ranges
end

local function net_of(weight, bias)
  local net = core.network { layers = { weight.rows, weight.cols }, init = "zeros" }
  net:set_weight(1, weight)
  net:set_bias(1, bias)
  return net
end

-- Held-out predictions in the order of the rows as they were given.
local function held_out(X, ranges, parts, best, order)
  local said, place = ridge_path.held_out(X, ranges, parts, best), {}
  for i, row in ipairs(order) do place[row] = i end
  return said:take(place)
end

--- Minimises |Y - X W - b|^2 + lambda |W|^2 for many lambdas, by one eigendecomposition of X'X a
-- fold, takes the lambda with the lowest error on rows held out, and fits all rows with it. Columns
-- are centred, not scaled: `lsqnet.data.standardize` does that.
-- @function lsqnet.ridge
-- @tparam matrix X N x d
-- @tparam matrix Y N x c
-- @tparam[opt] table opts `lambdas`, a list of numbers above 0 (default: 15 from 1e-3 to 1e4);
-- `folds=5`, at most N; `seed=1` of their draw
-- @treturn[1] network layers {d, c}
-- @treturn[1] table report: `lambda`, `lambdas`, `errors` (the held-out mean squared error of
-- each), `error` (of the one taken), `held_out` (N x c, predictions of nets that had not seen the
-- row)
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "non_finite" or "no_convergence"
-- @raise when the shapes do not match or an option is wrong
return function(X, Y, opts)
  check_pair(X, Y)
  local o = options.read(opts, OPTIONS)
  local lambdas = check_lambdas(o.lambdas or ridge_path.lambdas())
  local ok, message, code = finite(X, "X")
  if ok then ok, message, code = finite(Y, "Y") end
  if not ok then return nil, message, code end
  local order = core.rng(o.seed):permutation(X.rows)
  local ranges, drawn = ranges_of(X.rows, math.min(o.folds, X.rows)), X:take(order)
  local best, errors, parts = ridge_path.cross(drawn, Y:take(order), ranges, lambdas)
  if not best then return nil, errors, parts end
  local weight, bias, why = ridge_path.whole(X, Y, lambdas[best])
  if not weight then return nil, bias, why end
  return net_of(weight, bias), { lambda = lambdas[best], lambdas = lambdas, errors = errors,
                                 error = errors[best],
                                 held_out = held_out(drawn, ranges, parts, best, order) }
end
