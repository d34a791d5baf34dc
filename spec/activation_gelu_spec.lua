local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

-- Its gradients are in spec/network_kinds_spec.lua, with those of all others.

describe("gelu", function()
  it("is x Phi(x), in the tails too", function()
    local net = lsqnet.network { layers = { 1, 1 }, output_activation = "gelu" }
    net:set_parameters(matrix { 1, 0 })
    -- x and 0.5 x erfc(-x / sqrt(2)) by CPython's math.erfc
    local pairs_of = {
      { -9, -1.015729565358458e-18 }, { -5, -1.4332578593959731e-06 }, { -1, -0.15865525393145707 },
      { -0.5, -0.15426876936299344 }, { 0, 0 }, { 0.25, 0.14967658142073093 },
      { 1, 0.8413447460685429 }, { 3, 2.99595030590511 }, { 800, 800 }, { -800, 0 },
    }
    for _, pair in ipairs(pairs_of) do
      local x, value = pair[1], pair[2]
      assert.is_near(value, net:predict(matrix { x }):get(1, 1), 4e-14 * math.abs(value))
    end
  end)

  it("trains by gradients, and trainers by layers refuse it", function()
    local X = matrix.linspace(-2, 2, 64)
    local net = lsqnet.network { layers = { 1, 6, 1 }, activation = "gelu" }
    local Y = X:map(math.cos)
    local report = lsqnet.lbfgs(net, X, Y, { iterations = 100 })
    assert.is_true(report.loss < 1e-5, tostring(report.loss))
    local ok, message = pcall(lsqnet.anmin, net, X, Y)
    assert.is_false(ok)
    assert.matches("anmin trains a relu or leaky_relu net, this is gelu", message)
  end)
end)
