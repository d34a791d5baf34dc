local lsqnet = require "lsqnet"
local naive = require "naive"

--- The message that f raises, without its position.
local refusal = naive.message

local function refused(options)
  return refusal(lsqnet.network, options)
end

--- Count, mean, standard deviation, smallest and greatest of a list.
local function describe_values(values)
  local sum, low, high = 0, math.huge, -math.huge
  for _, v in ipairs(values) do
    sum, low, high = sum + v, math.min(low, v), math.max(high, v)
  end
  local mean, squares = sum / #values, 0
  for _, v in ipairs(values) do squares = squares + (v - mean) ^ 2 end
  return #values, mean, math.sqrt(squares / (#values - 1)), low, high
end

local function flatten(m)
  local values = {}
  for i = 1, m.rows do
    for j = 1, m.cols do values[#values + 1] = m:get(i, j) end
  end
  return values
end

describe("lsqnet.network", function()
  it("has the defaults of the contract", function()
    local net = lsqnet.network { layers = { 7, 64, 1 } }
    assert.are.equal(
      "lsqnet.network 7-64-1 relu, identity output, mse, 577 parameters", tostring(net))
    assert.are.same({
      layers = { 7, 64, 1 }, activation = "relu", alpha = 0.1, output_activation = "identity",
      bias = true, init = "kaiming", loss = "mse",
    }, net:options())
  end)

  it("shows its shape and activations as fields", function()
    local net = lsqnet.network {
      layers = { 2, 3, 4 }, activation = "leaky_relu", alpha = 0.25, output_activation = "tanh",
    }
    assert.are.same({ 2, 3, 4 }, net.layers)
    assert.are.equal("leaky_relu", net.activation)
    assert.are.equal("tanh", net.output_activation)
    assert.are.equal(0.25, net.alpha)
    assert.are.equal(2, net.depth)
    assert.are.equal(2 * 3 + 3 + 3 * 4 + 4, net.parameter_count)
    assert.is_nil(net.no_such_field)
    assert.is_nil(net[1])
    assert.are.equal("a network's fields cannot be set (field 'alpha')",
      refusal(function() net.alpha = 1 end))
    net.layers[1] = 99
    assert.are.same({ 2, 3, 4 }, net.layers)
  end)

  it("is rebuilt by its options", function()
    local options = {
      layers = { 3, 2, 2 }, activation = "elu", alpha = 0, output_activation = "sigmoid",
      bias = { false, true }, init = { "uniform", -1, 2.5 }, loss = "cross_entropy",
    }
    local net = lsqnet.network(options)
    assert.are.same(options, net:options())
    assert.are.equal(
      "lsqnet.network 3-2-2 elu, sigmoid output, cross_entropy, 12 parameters", tostring(net))
    assert.is_true(lsqnet.network(net:options()):parameters() == net:parameters())
  end)

  it("takes the alpha that other activations ignore", function()
    assert.are.equal(0.5, lsqnet.network { layers = { 1, 1 }, alpha = 0.5 }.alpha)
  end)

  it("lays out biases per layer", function()
    local net = lsqnet.network { layers = { 2, 3, 4, 1 }, bias = { true, false, true } }
    assert.are.equal(6 + 3 + 12 + 4 + 1, net:parameters().rows)
    assert.are.equal(3, net:bias(1).cols)
    assert.is_nil(net:bias(2))
    assert.are.equal(1, net:bias(3).cols)
    assert.is_nil(lsqnet.network { layers = { 2, 1 }, bias = false }:bias(1))
  end)

  it("draws the same net from the same seed, and another from another", function()
    for _, init in ipairs { "kaiming", "xavier", "normal", "uniform", "raai" } do
      local function draw(seed)
        return lsqnet.network { layers = { 3, 5, 2 }, init = init, seed = seed }:parameters()
      end
      assert.is_true(draw(7) == draw(7), init)
      assert.is_false(draw(7) == draw(8), init)
      assert.is_true(draw(nil) == draw(1), init)
    end
  end)

  it("draws from a generator, which moves on", function()
    local rng = lsqnet.rng(7)
    local first = lsqnet.network { layers = { 3, 5, 2 }, rng = rng }
    local second = lsqnet.network { layers = { 3, 5, 2 }, rng = rng }
    local seeded = lsqnet.network { layers = { 3, 5, 2 }, seed = 7 }
    assert.is_true(first:parameters() == seeded:parameters())
    assert.is_false(first:parameters() == second:parameters())
  end)

  it("takes what is in the table, not what a metatable would add", function()
    local options = setmetatable({ layers = { 3, 5, 1 } }, {
      __index = function(_, name) return name == "rng" and lsqnet.rng(7) or nil end,
    })
    local expected = lsqnet.network { layers = { 3, 5, 1 } }:parameters()
    assert.is_true(lsqnet.network(options):parameters() == expected)
  end)

  -- The bounds below are five standard errors of the statistic at these counts.
  local inputs, outputs = 50, 400

  local function drawn(init, bias)
    local net = lsqnet.network { layers = { inputs, outputs }, init = init, seed = 11, bias = bias }
    local b = net:bias(1)
    return flatten(net:weight(1)), b and flatten(b), net
  end

  local function check_uniform(values, low, high)
    local n, mean, deviation, least, greatest = describe_values(values)
    local width = high - low
    assert.is_true(least >= low and greatest <= high)
    assert.is_true(least < low + width * 20 / n and greatest > high - width * 20 / n)
    assert.is_near((low + high) / 2, mean, 5 * width / math.sqrt(12 * n))
    assert.is_near(width / math.sqrt(12), deviation, 5 * 0.45 * width / math.sqrt(12 * n))
  end

  local function check_normal(values, expected_mean, expected_deviation)
    local n, mean, deviation, least, greatest = describe_values(values)
    assert.is_near(expected_mean, mean, 5 * expected_deviation / math.sqrt(n))
    assert.is_near(expected_deviation, deviation, 5 * expected_deviation / math.sqrt(2 * n))
    assert.is_true(greatest > expected_mean + 2 * expected_deviation)
    assert.is_true(least < expected_mean - 2 * expected_deviation)
  end

  it("initialises by kaiming", function()
    local weights, biases = drawn "kaiming"
    local bound = 1 / math.sqrt(inputs)
    check_uniform(weights, -bound, bound)
    check_uniform(biases, -bound, bound)
  end)

  it("initialises by xavier", function()
    local weights, biases = drawn "xavier"
    local bound = math.sqrt(6 / (inputs + outputs))
    check_uniform(weights, -bound, bound)
    for _, b in ipairs(biases) do assert.are.equal(0, b) end
  end)

  it("initialises by normal, uniform and zeros", function()
    local weights, biases = drawn "normal"
    check_normal(weights, 0, 1)
    check_normal(biases, 0, 1)
    weights, biases = drawn "uniform"
    check_uniform(weights, 0, 1)
    check_uniform(biases, 0, 1)
    local _, _, net = drawn "zeros"
    assert.is_true(net:parameters() == lsqnet.matrix(inputs * outputs + outputs, 1))
  end)

  it("initialises by a range", function()
    local weights, biases = drawn { "uniform", 2, 5 }
    check_uniform(weights, 2, 5)
    check_uniform(biases, 2, 5)
    weights, biases = drawn { "normal", -3, 0.25 }
    check_normal(weights, -3, 0.25)
    check_normal(biases, -3, 0.25)
    weights = drawn { "normal", 4, 0 }
    for _, w in ipairs(weights) do assert.are.equal(4, w) end
  end)

  it("initialises by raai: anti-correlated rows with one entry from Beta(2, 1)", function()
    local _, _, net = drawn "raai"
    local weight, bias = net:weight(1), net:bias(1)
    local replaced_biases, betas, others = 0, {}, {}
    for j = 1, outputs do
      local sum, greatest = 0, -math.huge
      for i = 1, inputs do
        sum = sum + weight:get(i, j)
        greatest = math.max(greatest, weight:get(i, j))
      end
      if math.abs(sum) < 1e-12 then -- no weight was replaced
        replaced_biases = replaced_biases + 1
        betas[#betas + 1] = bias:get(1, j)
      else
        others[#others + 1] = bias:get(1, j)
      end
      assert.is_true(bias:get(1, j) <= 1 and greatest <= 1)
    end
    -- replaced with probability 1/51: 7.8 expected of 400, standard deviation 2.8
    assert.is_true(replaced_biases >= 1 and replaced_biases <= 22)
    for _, b in ipairs(betas) do assert.is_true(b >= 0 and b < 1) end
    check_normal(others, 0, 0.6007 / math.sqrt(inputs))

    -- one input and no bias: the only entry is the draw, of mean 2/3 and deviation sqrt(1/18)
    local single = lsqnet.network { layers = { 1, 1000 }, bias = false, init = "raai" }
    local n, mean, deviation, least, greatest = describe_values(flatten(single:weight(1)))
    assert.is_near(2 / 3, mean, 5 * math.sqrt(1 / 18 / n))
    assert.is_near(math.sqrt(1 / 18), deviation, 0.03)
    assert.is_true(least >= 0 and greatest < 1)
  end)

  it("refuses layers that are none", function()
    local missing = "option 'layers' is missing: "
      .. "a list of widths, inputs first, such as {7, 64, 1}"
    assert.are.equal(missing, refused {})
    assert.are.equal(missing, refused(nil))
    assert.are.equal("option 'layers': a list of widths expected, got number",
      refused { layers = 3 })
    assert.are.equal("option 'layers': at least 2 widths (inputs and outputs) expected, got 1",
      refused { layers = { 3 } })
    for given, shown in pairs { [0] = "0", [-2] = "-2", [1.5] = "1.5", ["4"] = "4" } do
      assert.are.equal("option 'layers': a positive integer expected at position 2, got " .. shown,
        refused { layers = { 3, given, 1 } })
    end
    assert.are.equal("option 'layers': a positive integer expected at position 1, got true",
      refused { layers = { true, 1 } })
  end)

  it("refuses layers that no memory holds", function()
    assert.are.equal("a network of these layers has too many parameters for this machine",
      refused { layers = { math.maxinteger, math.maxinteger } })
    assert.are.equal("a network of these layers has too many parameters for this machine",
      refused { layers = { 1, 1 << 62 } })
  end)

  it("refuses other values with the reason", function()
    local L = { 2, 1 }
    assert.are.equal("unknown option 'activaton' (did you mean 'activation'?)",
      refused { layers = L, activaton = "relu" })
    assert.matches("^option 'activation': 'identity', 'relu', .* or '%a+' expected, got 'rleu' "
      .. "%(did you mean 'relu'%?%)$", refused { layers = L, activation = "rleu" })
    assert.matches("^option 'loss': 'mse', 'cross_entropy', .* or '%a+' expected, got 'hinge'$",
      refused { layers = L, loss = "hinge" })
    assert.are.equal("option 'alpha': a slope below 1 expected, got 1.0",
      refused { layers = L, alpha = 1 })
    assert.are.equal("option 'alpha': at least 0.0 expected, got -0.5",
      refused { layers = L, alpha = -0.5 })
    assert.are.equal("option 'bias': a boolean or a list of booleans expected, got number",
      refused { layers = L, bias = 1 })
    assert.are.equal("option 'bias': a list of 1 booleans expected, one per layer, got 2",
      refused { layers = L, bias = { true, true } })
    assert.are.equal("option 'bias': a boolean expected at position 1, got number",
      refused { layers = L, bias = { 0 } })
    assert.are.equal("option 'seed': an integer expected, got 1.5",
      refused { layers = L, seed = 1.5 })
    assert.are.equal("option 'rng': an lsqnet.rng expected, got number",
      refused { layers = L, rng = 4 })
    assert.are.equal("options 'rng' and 'seed' exclude each other",
      refused { layers = L, rng = lsqnet.rng(1), seed = 1 })
    assert.are.equal("bad argument #1 to 'network' (a table of options expected, got number)",
      refusal(function() lsqnet.network(3) end))
  end)

  it("refuses initialisations that are none", function()
    local function init(value)
      return refused { layers = { 2, 1 }, init = value }
    end
    local form = "option 'init': a name, {\"uniform\", low, high} or {\"normal\", mean, sd} "
      .. "expected, got "
    assert.are.equal("option 'init': 'kaiming', 'xavier', 'normal', 'uniform', 'zeros' or 'raai' "
      .. "expected, got 'xaver' (did you mean 'xavier'?)", init "xaver")
    assert.are.equal(form .. "number", init(1))
    assert.are.equal(form .. "another list", init {})
    assert.are.equal(form .. "another list", init { "uniform", 1 })
    assert.are.equal(form .. "a list that begins with 'kaiming'", init { "kaiming", 1, 2 })
    assert.are.equal("option 'init': a finite number expected at position 3, got inf",
      init { "uniform", 0, math.huge })
    assert.are.equal("option 'init': a finite number expected at position 2, got 0",
      init { "normal", "0", 1 })
    assert.are.equal("option 'init': a low end not above the high one expected, got 2.0 and 1.0",
      init { "uniform", 2, 1 })
    assert.are.equal("option 'init': a standard deviation of at least 0 expected, got -1.0",
      init { "normal", 0, -1 })
  end)

  it("survives the collector", function()
    local mode = collectgarbage "generational"
    local nets, expected = {}, {}
    for k = 1, 300 do
      local options = { layers = { 3, 1 + k % 7, 2 }, bias = { k % 2 == 0, true }, seed = k }
      nets[k] = lsqnet.network(options):clone()
      expected[k] = nets[k]:parameters():sum()
      if k % 50 == 0 then collectgarbage() end
    end
    for k = 1, 300 do assert.are.equal(expected[k], nets[k]:parameters():sum()) end
    collectgarbage(mode)
  end)
end)
