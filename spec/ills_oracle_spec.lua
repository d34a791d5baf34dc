local dkjson = require "dkjson"
local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

local function read_oracle(name)
  local file = assert(io.open("spec/oracles/" .. name .. ".json"))
  local text = file:read "a"
  file:close()
  return assert(dkjson.decode(text))
end

local ACTIVATIONS = { tanh = "tanh", linear = "identity", leaky = "leaky_relu" }

-- The numpy reference's names of the options.
local function options_of(given)
  assert(given.rho_lower == 0 and given.ridge_fit == 0 and given.hweight == false)
  return {
    variant = "paper",
    step_size = given.rho,
    deviation = given.dev,
    fit_order = given.order,
    joint = given.joint,
    guard = given.guard and (given.lm and true or "halving"),
    damping = given.ridge_dev,
    anchor = given.anchor,
    target_cap = given.tcap or math.huge,
    output_weighting = given.weight,
    target_margin = given.eps_y,
    clip_margin = given.eps,
    rcond = given.rcond,
    refit = given.refit,
    keep = "last",
    iterations = 20,
  }
end

describe("ills gives the numpy reference's numbers:", function()
  for _, case in ipairs(read_oracle("ills").cases) do
    it(case.name, function()
      local net = lsqnet.network {
        layers = case.sizes,
        activation = ACTIVATIONS[case.acts[1]],
        output_activation = ACTIVATIONS[case.acts[#case.acts]],
        alpha = case.options.alpha,
      }
      for l, theta in ipairs(case.theta0) do
        local stacked = matrix(theta)
        net:set_weight(l, stacked:slice(1, stacked.rows - 1))
        net:set_bias(l, stacked:slice(stacked.rows, stacked.rows))
      end
      local X, Y = matrix(case.X), matrix(case.Y)
      local report = assert(lsqnet.ills(net, X, Y, options_of(case.options)))
      local compared = 0
      for iteration, expected in pairs(case.mse) do
        local given = report.history[math.tointeger(iteration) + 1].loss
        local text = "iteration %s: %.17g expected, got %.17g"
        assert(math.abs(given / expected - 1) <= case.rtol[iteration],
               text:format(iteration, expected, given))
        compared = compared + 1
      end
      assert.are.equal(5, compared)
    end)
  end
end)
