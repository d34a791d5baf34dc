-- Coordinate descent on the output layer, against the ridge solution that it goes to.

local lsqnet = require "lsqnet"
local matrix = lsqnet.matrix

local X = matrix.randn(150, 3, lsqnet.rng(1))
local Y = X:columns { 1 }:mul(X:columns { 2 }):hcat(X:columns { 3 }:map(math.sin))

local function make_net(bias)
  return lsqnet.network {
    layers = { 3, 8, 2 }, activation = "tanh", init = "normal", bias = bias, seed = 2,
  }
end

-- (S'WS / (N c) + lambda I) B = S'WY / (N c)
local function ridge(net, lambda, weights)
  local S = net:activations(X, 1)
  if net:bias(2) then S = S:hcat(matrix(X.rows, 1, 1)) end
  local scale = 1 / (weights:sum() * Y.cols)
  local SW = S:mul(weights)
  return (SW:t() * S * scale + matrix.eye(S.cols) * lambda):solve(SW:t() * Y * scale)
end

describe("coordinate_descent", function()
  for _, bias in ipairs { true, false } do
    it("goes to the ridge solution " .. (bias and "with" or "without") .. " biases", function()
      local net = make_net(bias)
      local weights = matrix.rand(X.rows, 1, lsqnet.rng(4))
      local hidden = net:weight(1)
      local report = assert(lsqnet.coordinate_descent(net, X, Y, {
        iterations = 2000, lambda = 1e-2, tolerance = 0, weights = weights,
      }))
      local solution = ridge(net, 1e-2, weights)
      local found = net:weight(2)
      if bias then found = found:vcat(net:bias(2)) end
      assert.is_true(found:allclose(solution, 1e-9, 1e-9))
      assert.is_true(hidden == net:weight(1))
      assert.is_true(math.abs(report.loss - net:loss(X, Y, { weights = weights })) <= 1e-12)
    end)
  end

  it("never raises its objective, and stops where it stands", function()
    local report = assert(lsqnet.coordinate_descent(make_net(true), X, Y, { iterations = 100000 }))
    assert.are.equal("tolerance", report.stopped)
    for k = 2, #report.history - 1 do
      local before, here = report.history[k - 1].objective, report.history[k].objective
      assert.is_true(here <= before * (1 + 1e-12))
    end
  end)

  it("refuses nets of other kinds", function()
    local net = lsqnet.network { layers = { 3, 4, 2 }, output_activation = "tanh" }
    assert.has_error(function() lsqnet.coordinate_descent(net, X, Y) end,
      "bad argument #1 to 'coordinate_descent' (coordinate_descent trains a net whose output "
        .. "activation is identity, this has tanh)")
  end)
end)
