local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

--- Targets that fit the loss: anything, one-hot and soft rows, or 0/1.
local function targets(loss, rows, outputs, seed)
  if loss == "mse" then return matrix.randn(rows, outputs, lsqnet.rng(seed)) end
  local Y = matrix(rows, outputs)
  for i = 1, rows do
    if outputs == 1 then
      Y:set(i, 1, i % 2)
    elseif i % 2 == 0 then
      Y:set(i, 1 + i % outputs, 1)
    else
      Y:set(i, 1, 0.25)
      Y:set(i, outputs, 0.75)
    end
  end
  return Y
end

--- Greatest difference of the gradient from central differences.
-- A step of 1e-6 leaves about 1e-12 of truncation, and of rounding the loss's own (1e-15 or
-- so) over 2e-6, 1e-9: hence the 2e-8 below.
local function deviation(net, X, Y, loss)
  local _, gradient = net:gradient(X, Y, loss)
  local at = net:parameters()
  local step, greatest = 1e-6, 0
  for p = 1, at.rows do
    local value = at:get(p, 1)
    at:set(p, 1, value + step)
    net:set_parameters(at)
    local above = net:loss(X, Y, loss)
    at:set(p, 1, value - step)
    net:set_parameters(at)
    local below = net:loss(X, Y, loss)
    at:set(p, 1, value)
    greatest = math.max(greatest, math.abs((above - below) / (2 * step) - gradient:get(p, 1)))
  end
  net:set_parameters(at)
  return greatest
end

describe("network:gradient", function()
  local widths = { { 2 }, { 2, 3 }, { 2, 3, 4 }, { 2, 4, 2, 3 } }
  local names = { "identity", "relu", "leaky_relu", "elu", "tanh", "sigmoid" }

  for _, activation in ipairs(names) do
    it("is that of finite differences with " .. activation, function()
      for _, loss in ipairs { "mse", "cross_entropy" } do
        for _, outputs in ipairs { 1, 3 } do
          for depth = 1, 4 do
            for _, bias in ipairs { true, false, "mixed" } do
              local layers = table.move(widths[depth], 1, depth, 1, {})
              layers[depth + 1] = outputs
              local mixed = {}
              for k = 1, depth do mixed[k] = k % 2 == 0 end
              if bias == "mixed" then bias = mixed end
              local net = lsqnet.network {
                layers = layers, activation = activation, alpha = 0.3, bias = bias, loss = loss,
                seed = depth + 3 * outputs,
              }
              local X = matrix.randn(5, 2, lsqnet.rng(depth))
              assert.is_true(deviation(net, X, targets(loss, 5, outputs, 9)) < 2e-8)
            end
          end
        end
      end
    end)

    it("is that of finite differences with output activation " .. activation, function()
      for _, loss in ipairs { "mse", "cross_entropy" } do
        local net = lsqnet.network {
          layers = { 2, 4, 3 }, activation = "tanh", output_activation = activation, alpha = 0.3,
          init = "xavier",
        }
        local X = matrix.randn(6, 2, lsqnet.rng(3))
        assert.is_true(deviation(net, X, targets(loss, 6, 3, 2), loss) < 2e-8)
      end
    end)
  end

  it("is the derivative along a direction where many blocks are summed", function()
    for _, rows in ipairs { 1, 15, 64, 65, 129, 1000, 3001 } do
      local net = lsqnet.network { layers = { 5, 40, 2 }, activation = "tanh", seed = rows }
      local X, Y = matrix.randn(rows, 5, lsqnet.rng(1)), matrix.randn(rows, 2, lsqnet.rng(2))
      local _, gradient = net:gradient(X, Y)
      local at = net:parameters()
      local direction = matrix.randn(at.rows, 1, lsqnet.rng(3))
      direction = direction / direction:norm()
      local step = 1e-5
      net:set_parameters(at + direction * step)
      local above = net:loss(X, Y)
      net:set_parameters(at - direction * step)
      local below = net:loss(X, Y)
      local slope = (gradient:t() * direction):get(1, 1)
      -- truncation step^2 and rounding 1e-15 / step, both about 1e-10
      assert.is_near((above - below) / (2 * step), slope, 2e-9)
    end
  end)

  it("is the mean of its rows' gradients", function()
    local net = lsqnet.network { layers = { 3, 10, 2 }, activation = "elu", loss = "cross_entropy" }
    local X, Y = matrix.randn(200, 3, lsqnet.rng(5)), targets("cross_entropy", 200, 2, 1)
    local loss, gradient = net:gradient(X, Y)
    local sum, losses = matrix(gradient.rows, 1), 0
    for i = 1, 200 do
      local row_loss, row = net:gradient(X:row(i), Y:row(i))
      sum, losses = sum + row, losses + row_loss
    end
    assert.is_near(losses / 200, loss, 1e-14)
    assert.is_true((sum / 200):allclose(gradient, 1e-12, 1e-14))
  end)

  it("takes views", function()
    local net = lsqnet.network { layers = { 2, 9, 2 }, activation = "sigmoid" }
    local wide = matrix.randn(150, 7, lsqnet.rng(8))
    local X, Y = wide:slice(20, 140, 2, 3), wide:slice(20, 140, 3, 4) -- overlapping
    local loss, gradient = net:gradient(X, Y)
    local copied_loss, copied = net:gradient(X:copy(), Y:copy())
    assert.is_near(copied_loss, loss, 1e-15)
    assert.is_true(gradient:allclose(copied, 1e-13, 1e-16))
    assert.is_near(net:loss(X:copy(), Y:copy()), net:loss(X, Y), 1e-15)
  end)

  it("takes the left derivative at a kink", function()
    for activation, slope in pairs { relu = 0, leaky_relu = 0.25 } do
      local net = lsqnet.network {
        layers = { 1, 1 }, output_activation = activation, alpha = 0.25, init = "zeros",
      }
      local _, gradient = net:gradient(matrix { 3 }, matrix { 1 }) -- 2 (0 - 1) slope (3, 1)
      assert.is_true(gradient == matrix { -6 * slope, -2 * slope })
    end
  end)

  it("has the layout of the parameters", function()
    local net = lsqnet.network { layers = { 2, 2, 1 }, init = "zeros" }
    net:set_bias(2, matrix { { 3 } })
    local loss, gradient = net:gradient(matrix { { 1, 2 } }, matrix { 1 })
    assert.are.equal(4, loss)
    assert.is_true(gradient == matrix { 0, 0, 0, 0, 0, 0, 0, 0, 4 })
  end)

  it("descends", function()
    local net = lsqnet.network { layers = { 1, 8, 1 }, activation = "tanh", seed = 3 }
    local X = matrix.linspace(-1, 1, 50)
    local Y = X:map(math.sin)
    local first = net:loss(X, Y)
    for _ = 1, 50 do
      local _, gradient = net:gradient(X, Y)
      net:set_parameters(net:parameters() - gradient * 0.2)
    end
    assert.is_true(net:loss(X, Y) < first / 5)
  end)
end)
