local lsqnet = require "lsqnet"
local tmp = require "tmp"

local matrix = lsqnet.matrix

-- Its gradients are in spec/network_kinds_spec.lua, with those of all others.

local function network(delta)
  return lsqnet.network { layers = { 1, 1 }, loss = "huber", delta = delta, init = "zeros" }
end

describe("huber", function()
  it("is a square within delta and a line beyond", function()
    local X = matrix { 0 }
    for _, delta in ipairs { 0.5, 1, 3 } do
      for _, y in ipairs { 0, 0.25, -0.5, 1, 2, -4, 100 } do
        local size = math.abs(y)
        local expected = size <= delta and size ^ 2 / 2 or delta * (size - delta / 2)
        assert.is_near(expected, network(delta):loss(X, matrix { y }), 1e-15 * expected)
      end
    end
    assert.are.equal(network(1):loss(X, matrix { 7 }), network():loss(X, matrix { 7 }))
    assert.are.equal(0.5 * network(1):loss(X, matrix { 3 }, "mse"),
      network(1e9):loss(X, matrix { 3 }))
  end)

  it("is hardly moved by a row far out", function()
    local X = matrix.linspace(-1, 1, 41)
    local Y = X * 2 + 1
    Y:set(7, 1, 1000)
    local robust, squares = network(0.1), lsqnet.network { layers = { 1, 1 }, init = "zeros" }
    assert(lsqnet.lbfgs(robust, X, Y, { iterations = 200 }))
    assert(lsqnet.lbfgs(squares, X, Y, { iterations = 200 }))
    assert.is_near(2, robust:weight(1):get(1, 1), 0.01)
    assert.is_near(1, robust:bias(1):get(1, 1), 0.01)
    assert.is_true(math.abs(squares:bias(1):get(1, 1) - 1) > 10)
  end)

  it("keeps delta in its file, and refuses one that is none", function()
    tmp.with(function(folder)
      local path = folder .. "/net.safetensors"
      assert(network(0.3):save(path))
      local net = assert(lsqnet.load(path))
      assert.are.equal(0.3, net.delta)
      assert.matches("huber %(delta 0.3%)", tostring(net))
    end)
    local ok, message = pcall(network, 0)
    assert.is_false(ok)
    assert.matches("option 'delta': at least 2.2250738585072e%-308 expected, got 0.0", message)
  end)
end)
