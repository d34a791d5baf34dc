--- @submodule lsqnet.optim

local core = require "lsqnet.core"

local optim = core.optim

--- Compares a gradient with central differences of the function.
-- @function check_gradient
-- @tparam function opfunc `opfunc(x) -> f, gradient`, as for `lbfgs`
-- @tparam matrix x where to compare, one column or one row; left as it was
-- @tparam[opt=1e-5] number step of the differences, relative to 1 + |x_i|
-- @treturn number the largest |difference| / (1 + |gradient entry|)
-- @treturn matrix the differences quotients, of x's shape
function optim.check_gradient(opfunc, x, step)
  step = step or 1e-5
  local _, gradient = opfunc(x)
  gradient = gradient:copy()
  local quotients, worst = gradient:copy(), 0
  for i = 1, x.rows do
    for j = 1, x.cols do
      local value = x:get(i, j)
      local h = step * (1 + math.abs(value))
      x:set(i, j, value + h)
      local above = opfunc(x)
      x:set(i, j, value - h)
      local below = opfunc(x)
      x:set(i, j, value)
      local quotient, exact = (above - below) / (2 * h), gradient:get(i, j)
      quotients:set(i, j, quotient)
      worst = math.max(worst, math.abs(quotient - exact) / (1 + math.abs(exact)))
    end
  end
  return worst, quotients
end

return optim
