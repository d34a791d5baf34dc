--- @submodule lsqnet.optim

local core = require "lsqnet.core"
local options = require "lsqnet.options"

local optim = core.optim

local function evaluate(opfunc, x)
  local value, gradient = opfunc(x)
  if math.type(value) == nil or options.typename(gradient) ~= "lsqnet.matrix" then
    error(("opfunc has to return a number and a matrix, got %s and %s"):format(
      type(value), options.typename(gradient)), 3)
  end
  if gradient.rows ~= x.rows or gradient.cols ~= x.cols then
    error(("opfunc has to return a gradient of %d x %d as x, got %d x %d"):format(
      x.rows, x.cols, gradient.rows, gradient.cols), 3)
  end
  return value, gradient
end

--- Compares a gradient with central differences of the function.
-- @function check_gradient
-- @tparam function opfunc `opfunc(x) -> f, gradient`, as for `lbfgs`
-- @tparam matrix x where to compare, of any shape; left as it is, opfunc gets copies
-- @tparam[opt=1e-5] number step of the differences, relative to 1 + |x_i|
-- @treturn number the largest |difference| / (1 + |gradient entry|); nan where one is nan
-- @treturn matrix the difference quotients, of x's shape
-- @raise whatever opfunc raises; when it returns something else
function optim.check_gradient(opfunc, x, step)
  step = step or 1e-5
  options.argument(type(opfunc) == "function", 1, "check_gradient",
                   ("a function expected, got %s"):format(type(opfunc)))
  options.typed(x, "lsqnet.matrix", 2, "check_gradient")
  options.argument(type(step) == "number" and step > 0, 3, "check_gradient",
                   "a positive number expected")
  local at = x:copy()
  local _, returned = evaluate(opfunc, at)
  local gradient, quotients, worst = returned:copy(), x:copy(), 0
  for i = 1, x.rows do
    for j = 1, x.cols do
      local value = x:get(i, j)
      local h = step * (1 + math.abs(value))
      at:set(i, j, value + h)
      local above = evaluate(opfunc, at)
      at:set(i, j, value - h)
      local below = evaluate(opfunc, at)
      at:set(i, j, value)
      local quotient, exact = (above - below) / (2 * h), gradient:get(i, j)
      local difference = math.abs(quotient - exact) / (1 + math.abs(exact))
      quotients:set(i, j, quotient)
      if difference > worst or difference ~= difference then -- math.max would lose a nan
        worst = difference
      end
    end
  end
  return worst, quotients
end

return optim
