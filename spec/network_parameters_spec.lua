local lsqnet = require "lsqnet"
local naive = require "naive"

local matrix = lsqnet.matrix

local refusal = naive.message

describe("network parameters", function()
  local net

  before_each(function() net = lsqnet.network { layers = { 2, 3, 1 }, bias = { true, false } } end)

  it("are weight(1) row by row, bias(1), weight(2), ...", function()
    local flat = matrix { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }
    net:set_parameters(flat)
    assert.is_true(net:weight(1) == matrix { { 1, 2, 3 }, { 4, 5, 6 } })
    assert.is_true(net:bias(1) == matrix { { 7, 8, 9 } })
    assert.is_true(net:weight(2) == matrix { 10, 11, 12 })
    assert.is_nil(net:bias(2))
    assert.is_true(net:parameters() == flat)
  end)

  it("are read as copies", function()
    local before = net:parameters()
    for _, copy in ipairs { net:parameters(), net:weight(1), net:bias(1), net:weight(2) } do
      copy:set(1, 1, 99)
    end
    assert.is_true(net:parameters() == before)
    net:set_parameters(matrix(12, 1))
    assert.is_false(before == matrix(12, 1))
  end)

  it("are set from rows, columns and views, which are copied", function()
    local wide = matrix.randn(12, 12, lsqnet.rng(1))
    net:set_parameters(wide:slice(1, 12, 3, 3))
    assert.is_true(net:parameters() == wide:slice(1, 12, 3, 3))
    net:set_parameters(wide:row(4))
    assert.is_true(net:parameters() == wide:row(4):t())
    net:set_weight(1, wide:slice(5, 6, 2, 4))
    assert.is_true(net:weight(1) == wide:slice(5, 6, 2, 4))
    net:set_bias(1, wide:slice(1, 3, 7, 7))
    assert.is_true(net:bias(1) == wide:slice(1, 3, 7, 7):t())
    net:set_bias(1, wide:slice(2, 2, 1, 3))
    assert.is_true(net:bias(1) == wide:slice(2, 2, 1, 3))
    local weight = net:weight(1)
    wide:set(5, 2, 1e9)
    assert.is_true(net:weight(1) == weight)
  end)

  it("say what does not fit", function()
    assert.are.equal(
      "bad argument #1 to 'set_parameters' (the parameter vector is 12 x 1, got 6 x 2)",
      refusal(function() net:set_parameters(matrix(6, 2)) end))
    assert.are.equal(
      "bad argument #2 to 'set_weight' (this layer's weight is 2 x 3, got 3 x 2)",
      refusal(function() net:set_weight(1, matrix(3, 2)) end))
    assert.are.equal("bad argument #2 to 'set_bias' (this layer's bias is 1 x 3, got 1 x 4)",
      refusal(function() net:set_bias(1, matrix(1, 4)) end))
    assert.are.equal("bad argument #1 to 'set_bias' (this layer has no bias)",
      refusal(function() net:set_bias(2, matrix(1, 1)) end))
    for _, name in ipairs { "weight", "bias" } do
      for _, k in ipairs { 0, 3, -1 } do
        assert.are.equal(("a layer from 1 to 2 expected, got %d"):format(k),
          refusal(net[name], net, k):match "%((.*)%)$")
      end
    end
    assert.are.equal("bad argument #1 to 'weight' (number has no integer representation)",
      refusal(function() net:weight(1.5) end))
    assert.is_truthy(refusal(function() net.weight({}, 1) end)
      :find("lsqnet.network expected, got table", 1, true))
  end)

  it("of a clone are its own", function()
    local copy = net:clone()
    assert.are.same(net:options(), copy:options())
    assert.are.equal(tostring(net), tostring(copy))
    assert.is_true(net:parameters() == copy:parameters())
    copy:set_parameters(matrix(12, 1))
    assert.is_false(net:parameters() == copy:parameters())
    local options = {
      layers = { 1, 2, 2 }, activation = "leaky_relu", alpha = 0.4, output_activation = "tanh",
      bias = { false, true }, init = { "normal", 1, 2 }, loss = "cross_entropy",
    }
    assert.are.same(options, lsqnet.network(options):clone():options())
  end)
end)

describe("network:fold_scaling", function()
  local rng = lsqnet.rng(12)

  local function scaler(columns)
    return { mean = matrix.randn(1, columns, rng), scale = matrix.rand(1, columns, rng) + 0.5 }
  end

  local function apply(X, s)
    return (X - s.mean):div(s.scale)
  end

  local function invert(X, s)
    return X:mul(s.scale) + s.mean
  end

  it("gives a net of raw data, equal to 1e-12", function()
    for _, layers in ipairs { { 4, 2 }, { 4, 6, 3 }, { 4, 5, 6, 1 } } do
      local net = lsqnet.network { layers = layers, activation = "tanh", init = "normal" }
      local x, y = scaler(4), scaler(layers[#layers])
      local X = matrix.randn(30, 4, rng)
      local expected = invert(net:predict(apply(X, x)), y)
      local folded = net:clone()
      assert.are.equal(folded, folded:fold_scaling(x, y))
      assert.is_true(folded:predict(X):allclose(expected, 1e-12, 1e-12))
      local inputs_only = net:clone():fold_scaling(x)
      assert.is_true(inputs_only:predict(X):allclose(net:predict(apply(X, x)), 1e-12, 1e-12))
      local outputs_only = net:clone():fold_scaling(nil, y)
      assert.is_true(outputs_only:predict(X):allclose(invert(net:predict(X), y), 1e-12, 1e-12))
      assert.is_true(net:clone():fold_scaling():parameters() == net:parameters())
    end
  end)

  it("folds scales without means into layers without biases", function()
    local net = lsqnet.network { layers = { 3, 4, 1 }, bias = false }
    local x = { mean = matrix(1, 3), scale = matrix { { 2, 3, 4 } } }
    local y = { mean = matrix(1, 1), scale = matrix { { 5 } } }
    local X = matrix.randn(10, 3, rng)
    local expected = invert(net:predict(apply(X, x)), y)
    assert.is_true(net:fold_scaling(x, y):predict(X):allclose(expected, 1e-13, 1e-13))
  end)

  it("refuses what it cannot fold, and leaves the net alone", function()
    local function check(options, x, y, message)
      local net = lsqnet.network(options)
      local before = net:parameters()
      assert.are.equal(message, refusal(function() net:fold_scaling(x, y) end))
      assert.is_true(net:parameters() == before)
    end
    local x, y = scaler(2), scaler(1)
    check({ layers = { 2, 3, 1 }, bias = { false, true } }, x, y,
      "bad argument #1 to 'fold_scaling' (the first layer has no bias to fold the means into)")
    check({ layers = { 2, 3, 1 }, bias = { true, false } }, x, y,
      "bad argument #2 to 'fold_scaling' (the last layer has no bias to fold the means into)")
    check({ layers = { 2, 1 }, output_activation = "relu" }, x, y, "bad argument #2 to "
      .. "'fold_scaling' (outputs can be folded only where the output activation is identity)")
    check({ layers = { 3, 1 } }, x, y,
      "bad argument #1 to 'fold_scaling' (a scaler of 3 columns expected, its mean is 1 x 2)")
    check({ layers = { 2, 2 } }, x, y,
      "bad argument #2 to 'fold_scaling' (a scaler of 2 columns expected, its mean is 1 x 1)")
    check({ layers = { 2, 1 } }, { mean = x.mean }, nil,
      "bad argument #1 to 'fold_scaling' (a scaler expected: its scale is a nil, not a matrix)")
    check({ layers = { 2, 1 } }, 3, nil,
      "bad argument #1 to 'fold_scaling' (scaler expected, got number)")
  end)

  it("tells of scales that are zero and numbers that are not finite", function()
    local net = lsqnet.network { layers = { 2, 1 } }
    local before = net:parameters()
    local function check(mean, scale, message, code)
      local scaler_of = { mean = matrix { mean }, scale = matrix { scale } }
      local value, said, kind = net:fold_scaling(scaler_of)
      assert.is_nil(value)
      assert.are.equal(message, said)
      assert.are.equal(code, kind)
      assert.is_true(net:parameters() == before)
    end
    check({ 0, 1 }, { 1, 0 }, "x_scaler has scale 0 at column 2", "singular")
    check({ 0 / 0, 1 }, { 1, 1 }, "x_scaler is not finite at column 1", "non_finite")
    check({ 0, 1 }, { 1, math.huge }, "x_scaler is not finite at column 2", "non_finite")
    local _, said = net:fold_scaling(nil, { mean = matrix { { 0 } }, scale = matrix { { 0 } } })
    assert.are.equal("y_scaler has scale 0 at column 1", said)
  end)
end)
