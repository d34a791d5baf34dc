local lsqnet = require "lsqnet"
local tmp = require "tmp"

local matrix = lsqnet.matrix

-- Every activation and every loss there is, in every pair, by what lsqnet.network declares.

local choices = {}
for _, option in ipairs(lsqnet.core.options("network")) do
  choices[option.name] = option.choices or option.default
end

--- Targets that any loss takes which is not of classes; those of classes are one-hot.
local function targets(loss, rows, outputs)
  if loss ~= "cross_entropy" then return matrix.rand(rows, outputs, lsqnet.rng(5)) * 3 end
  local Y = matrix(rows, outputs)
  for i = 1, rows do
    if outputs == 1 then Y:set(i, 1, i % 2) else Y:set(i, 1 + i % outputs, 1) end
  end
  return Y
end

--- Greatest difference of the gradient from central differences. A step of 1e-6 leaves about 1e-12
-- of truncation, and of rounding the loss's own (1e-15 or so) over 2e-6, 1e-9: hence the 5e-8
-- below.
local function deviation(net, X, Y, options)
  local loss, gradient = net:gradient(X, Y, options)
  assert.is_near(net:loss(X, Y, options), loss, 1e-13 * math.abs(loss))
  local at, step, greatest = net:parameters(), 1e-6, 0
  for p = 1, at.rows do
    local value = at:get(p, 1)
    local function loss_at(v)
      at:set(p, 1, v)
      net:set_parameters(at)
      return net:loss(X, Y, options)
    end
    local slope = (loss_at(value + step) - loss_at(value - step)) / (2 * step)
    loss_at(value)
    greatest = math.max(greatest, math.abs(slope - gradient:get(p, 1)))
  end
  return greatest
end

describe("gradients are those of finite differences", function()
  local X, weights = matrix.randn(9, 2, lsqnet.rng(12)), matrix.rand(9, 1, lsqnet.rng(2))

  for _, activation in ipairs(choices.activation) do
    it("with the activation " .. activation .. " and every loss", function()
      for _, loss in ipairs(choices.loss) do
        for k, layers in ipairs { { 2, 1 }, { 2, 3, 1 }, { 2, 3, 2, 3 } } do
          local output = k == 2 and "identity" or activation
          local net = lsqnet.network { layers = layers, activation = activation, loss = loss,
            output_activation = output, seed = 3 }
          local Y = targets(loss, 9, layers[#layers])
          local gap = deviation(net, X, Y, { weights = k == 3 and weights or nil })
          assert.is_true(gap < 5e-8, ("%s, %s output, %d layers: %g"):format(loss, output,
            #layers - 1, gap))
        end
      end
    end)
  end
end)

--- A net of one unit that gives sigma(x).
local function unit(activation)
  local net = lsqnet.network { layers = { 1, 1 }, output_activation = activation }
  net:set_parameters(matrix { 1, 0 })
  return net
end

describe("activations", function()
  local naive = {
    silu = function(x) return x / (1 + math.exp(-x)) end,
    softplus = function(x) return math.log(1 + math.exp(x)) end,
    sine = math.sin,
  }

  it("are what they are called", function()
    local X = matrix.linspace(-9, 9, 73)
    for name, f in pairs(naive) do
      local gap = (unit(name):predict(X) - X:map(f)):map(math.abs):max()
      assert.is_true(gap < 4e-15, name .. ": " .. gap)
    end
  end)

  it("keep their digits in the tails, and no number makes NaN", function()
    local X = matrix { -800, -40, 40, 800 }
    assert.is_true(unit("softplus"):predict(X):allclose(matrix { 0, math.exp(-40), 40, 800 },
      1e-15, 0))
    assert.is_true(unit("silu"):predict(X):allclose(matrix { 0, -40 * math.exp(-40), 40, 800 },
      1e-15, 1e-300))
    for _, name in ipairs(choices.activation) do
      local net = unit(name)
      local _, slope = net:gradient(X, matrix(4, 1))
      for i = 1, 4 do
        local value = net:predict(X):get(i, 1)
        assert.is_true(value == value, name)
      end
      assert.is_true(slope:get(2, 1) == slope:get(2, 1), name)
    end
  end)
end)

describe("losses", function()
  local function loss_of(options, z, y)
    options.layers = { 1, 1 }
    local net = lsqnet.network(options)
    net:set_parameters(matrix { 1, 0 })
    return net:loss(matrix { z }, matrix { y })
  end

  it("are what they are called", function()
    assert.are.equal(3, loss_of({ loss = "absolute" }, 1, 4))
    assert.is_near(0.9 * 3, loss_of({ loss = "quantile", tau = 0.9 }, 1, 4), 1e-15)
    assert.is_near(0.1 * 3, loss_of({ loss = "quantile", tau = 0.9 }, 4, 1), 1e-15)
    assert.are.equal(1.5, loss_of({ loss = "quantile" }, 4, 1))
    assert.is_near(math.exp(0.5) - 2 * 0.5, loss_of({ loss = "poisson" }, 0.5, 2), 1e-15)
  end)

  it("find the median, the quantile and the mean of rows that are all alike", function()
    local n = 200
    local rng = lsqnet.rng(3)
    local X, Y = matrix(n, 1, 0), matrix.rand(n, 1, rng) * 10
    local sorted = {}
    for i = 1, n do sorted[i] = Y:get(i, 1) end
    table.sort(sorted)
    local function fitted(options)
      options.layers, options.init = { 1, 1 }, "zeros"
      local net = lsqnet.network(options)
      assert(lsqnet.adam(net, X, Y, { epochs = 1500, batch_size = n, learning_rate = 0.02 }))
      return net:bias(1):get(1, 1)
    end
    local function within(value, low, high)
      assert.is_true(value > sorted[low] - 0.02 and value < sorted[high] + 0.02, tostring(value))
    end
    within(fitted { loss = "absolute" }, 100, 101)
    within(fitted { loss = "quantile", tau = 0.9 }, 180, 181)
    assert.is_near(Y:mean(), math.exp(fitted { loss = "poisson" }), 1e-3)
  end)

  it("score what they expect", function()
    local X, Y = matrix { 1, 2, 3 }, matrix { 1, 2, 3 }:map(math.exp)
    local net = lsqnet.network { layers = { 1, 1 }, loss = "poisson" }
    net:set_parameters(matrix { 1, 0 })
    assert.are.equal(1, net:score(X, Y))
    assert.is_true(net:score(X, Y + 1) < 1)
  end)

  it("have their parameter in the net, its options, its text, copies and files", function()
    local folder = tmp.folder()
    for _, option in ipairs { { "quantile", "tau", 0.25 } } do
      local loss, name, value = table.unpack(option)
      local net = lsqnet.network { layers = { 2, 1 }, loss = loss, [name] = value }
      assert.are.equal(value, net[name])
      assert.are.equal(value, net:options()[name])
      assert.matches(loss .. " %(" .. name .. " " .. value .. "%)", tostring(net))
      assert.are.equal(value, net:clone()[name])
      assert(net:save(folder .. "/net.safetensors"))
      local loaded = assert(lsqnet.load(folder .. "/net.safetensors"))
      assert.are.equal(value, loaded[name])
      assert.are.equal(loss, loaded:options().loss)
      local bytes = tmp.read(folder .. "/net.safetensors")
      local function refused(from, to, message)
        local broken, count = bytes:gsub(from, to)
        assert.are.equal(1, count)
        local got, told, code = lsqnet.load(tmp.write(folder .. "/broken", broken))
        assert.is_nil(got)
        assert.are.equal("bad_format", code)
        assert.matches(message, told)
      end
      refused('"loss_parameter":"0.25"', '"loss_paramete_":"0.25"',
        "metadata 'loss_parameter' is missing")
      refused('"loss_parameter":"0.25"', '"loss_parameter":"-0.2"',
        "loss_parameter '%-0.2' is no tau of the loss quantile")
    end
    tmp.remove(folder)
  end)

  it("keep the net's parameter where it has the loss, and take their own elsewhere", function()
    local X, Y = matrix { 1, 2 }, matrix { 4, 4 }
    local net = lsqnet.network { layers = { 1, 1 }, loss = "quantile", tau = 0.9, init = "zeros" }
    assert.is_near(3.6, net:loss(X, Y, "quantile"), 1e-15)
    assert.is_near(0.8, net:loss(X, Y, { tau = 0.2 }), 1e-15)
    assert.is_near(0.8, net:loss(X, Y, "quantile", { tau = 0.2 }), 1e-15)
    assert.are.equal(16, net:loss(X, Y, "mse"))
    local other = lsqnet.network { layers = { 1, 1 }, init = "zeros" }
    assert.are.equal(2, other:loss(X, Y, "quantile"))
    assert(lsqnet.sgd(other, X, Y, { loss = "quantile", epochs = 1 }))
    assert.are.equal(0.5, other.tau)
    assert.is_nil(lsqnet.network { layers = { 1, 1 } }.tau)
  end)

  it("refuse parameters and targets that are not theirs", function()
    local function error_of(options, Y)
      options.layers = { 1, 1 }
      local ok, message = pcall(function()
        lsqnet.network(options):loss(matrix { 1 }, Y or matrix { 1 })
      end)
      assert.is_false(ok)
      return message
    end
    assert.matches("option .tau.: belongs to the loss quantile, this is mse",
      error_of { tau = 0.5 })
    assert.matches("option 'tau': at most 0.999999 expected, got 1.0",
      error_of { loss = "quantile", tau = 1 })
    assert.matches("Y row 1 cannot be a target of poisson: a number of at least 0 expected",
      error_of({ loss = "poisson" }, matrix { -1 }))
    assert.matches("option 'loss': 'mse', 'cross_entropy'.* expected, got 'hinge'",
      error_of { loss = "hinge" })
  end)
end)
