local lsqnet = require "lsqnet"
local naive = require "naive"

local matrix = lsqnet.matrix

local refusal = naive.message

local activations = {
  identity = function(x) return x end,
  relu = function(x) return math.max(x, 0) end,
  leaky_relu = function(x) return x < 0 and 0.2 * x or x end,
  elu = function(x) return x < 0 and math.exp(x) - 1 or x end,
  tanh = function(x)
    local e = math.exp(-2 * math.abs(x))
    return (x < 0 and -1 or 1) * (1 - e) / (1 + e)
  end,
  sigmoid = function(x) return 1 / (1 + math.exp(-x)) end,
}

--- The activations after layer k, element by element.
local function naive_activations(net, X, k)
  local rows = X:totable()
  for layer = 1, k do
    local W, b = net:weight(layer), net:bias(layer)
    local sigma = activations[layer == net.depth and net.output_activation or net.activation]
    for r, row in ipairs(rows) do
      local out = {}
      for j = 1, W.cols do
        local sum = b and b:get(1, j) or 0
        for i = 1, W.rows do sum = sum + row[i] * W:get(i, j) end
        out[j] = sigma(sum)
      end
      rows[r] = out
    end
  end
  return rows
end

--- Greatest difference of a matrix from a table of rows.
local function distance(m, rows)
  local greatest = 0
  for i, row in ipairs(rows) do
    for j, value in ipairs(row) do
      greatest = math.max(greatest, math.abs(m:get(i, j) - value))
    end
  end
  return greatest
end

local function naive_loss(net, X, Y, loss)
  local rows, sum = naive_activations(net, X, net.depth), 0
  for i, row in ipairs(rows) do
    if loss == "mse" then
      for j, value in ipairs(row) do sum = sum + (value - Y:get(i, j)) ^ 2 / #row end
    elseif #row == 1 then
      local p = 1 / (1 + math.exp(-row[1]))
      sum = sum - (Y:get(i, 1) == 1 and math.log(p) or math.log(1 - p))
    else
      local total = 0
      for _, z in ipairs(row) do total = total + math.exp(z) end
      for j, z in ipairs(row) do sum = sum - Y:get(i, j) * math.log(math.exp(z) / total) end
    end
  end
  return sum / #rows
end

--- One-hot rows, or 0/1 for one column.
local function classes(rows, cols)
  local Y = matrix(rows, cols)
  for i = 1, rows do
    if cols > 1 then
      Y:set(i, 1 + (i * 7) % cols, 1)
    else
      Y:set(i, 1, i % 2)
    end
  end
  return Y
end

describe("network:predict", function()
  it("is the naive forward pass, in every activation and depth", function()
    for name in pairs(activations) do
      for depth = 1, 4 do
        local layers = { 3, 5, 4, 6, 2 }
        layers[depth + 1] = 2
        for k = depth + 2, 5 do layers[k] = nil end
        local net = lsqnet.network {
          layers = layers, activation = name, output_activation = name, alpha = 0.2,
          bias = depth ~= 2, init = "normal", seed = depth,
        }
        local X = matrix.randn(9, 3, lsqnet.rng(depth))
        for k = 0, depth do
          -- terms up to about 100, sums of at most 6: a few hundred units in the last place
          local expected = naive_activations(net, X, k)
          assert.is_true(distance(net:activations(X, k), expected) < 1e-12, name)
        end
        assert.is_true(net:predict(X) == net:activations(X, depth))
      end
    end
  end)

  it("does not depend on how many rows come with a row, beyond rounding", function()
    local net = lsqnet.network { layers = { 4, 33, 3 }, activation = "tanh", init = "normal" }
    local X = matrix.randn(1037, 4, lsqnet.rng(2))
    local all = net:predict(X)
    for _, i in ipairs { 1, 63, 64, 65, 512, 1037 } do
      assert.is_true(net:predict(X:row(i)):allclose(all:row(i), 1e-13, 1e-13))
    end
  end)

  it("takes views, no rows, and one row", function()
    local net = lsqnet.network { layers = { 2, 6, 2 }, activation = "elu", init = "normal" }
    local wide = matrix.randn(40, 5, lsqnet.rng(3))
    local view = wide:slice(11, 20, 2, 3)
    assert.is_true(net:predict(view) == net:predict(view:copy()))
    assert.is_true(net:activations(view, 1) == net:activations(view:copy(), 1))
    assert.is_true(net:activations(view, 0) == view)
    local none = net:predict(matrix(0, 2))
    assert.are.equal(0, none.rows)
    assert.are.equal(2, none.cols)
    assert.are.equal(0, net:activations(matrix(0, 2), 1).rows)
    assert.are.equal(6, net:activations(matrix(0, 2), 1).cols)
    assert.are.equal(1, net:predict(view:row(1)).rows)
  end)

  it("returns copies: activations(X, 0) is not X", function()
    local net = lsqnet.network { layers = { 2, 1 } }
    local X = matrix { { 1, 2 } }
    net:activations(X, 0):set(1, 1, 9)
    assert.are.equal(1, X:get(1, 1))
  end)

  it("lets what is not finite through, in its own row only", function()
    for name in pairs(activations) do
      local net = lsqnet.network { layers = { 2, 3, 1 }, activation = name, init = "normal" }
      local X = matrix { { 1, 2 }, { 0 / 0, 1 }, { 2, 1 } }
      local out = net:predict(X)
      assert.is_true(out:get(2, 1) ~= out:get(2, 1), name)
      assert.is_true(out:get(1, 1) == out:get(1, 1) and out:get(3, 1) == out:get(3, 1), name)
    end
  end)

  it("saturates without overflow", function()
    local net = lsqnet.network { layers = { 1, 1 }, output_activation = "sigmoid", init = "zeros" }
    net:set_weight(1, matrix { { 1 } })
    local out = net:predict(matrix { -1e300, -745, -40, 0, 40, 1e300 })
    assert.are.equal(0, out:get(1, 1))
    assert.is_near(5e-324, out:get(2, 1), 0)
    assert.is_near(math.exp(-40), out:get(3, 1), 1e-15 * math.exp(-40))
    assert.are.equal(0.5, out:get(4, 1))
    assert.are.equal(1, out:get(6, 1))
    net = lsqnet.network { layers = { 1, 1 }, output_activation = "elu", init = "zeros" }
    net:set_weight(1, matrix { { 1 } })
    out = net:predict(matrix { -1e-12, -1e300 })
    assert.is_near(-1e-12, out:get(1, 1), 1e-24) -- exp(x) - 1 would be off by 1e-5 of it
    assert.are.equal(-1, out:get(2, 1))
  end)

  it("says what does not fit", function()
    local net = lsqnet.network { layers = { 7, 2 } }
    local X = matrix(3, 6)
    assert.are.equal("bad argument #1 to 'predict' (X has 6 columns, the network takes 7 inputs)",
      refusal(function() net:predict(X) end))
    assert.are.equal(
      "bad argument #1 to 'probabilities' (X has 6 columns, the network takes 7 inputs)",
      refusal(function() net:probabilities(X) end))
    assert.are.equal("bad argument #2 to 'activations' (a layer from 0 to 1 expected, got 2)",
      refusal(function() net:activations(matrix(3, 7), 2) end))
    assert.are.equal("bad argument #2 to 'activations' (a layer from 0 to 1 expected, got -1)",
      refusal(function() net:activations(matrix(3, 7), -1) end))
    local one = lsqnet.network { layers = { 1, 1 } }
    assert.are.equal("bad argument #1 to 'predict' (X has 2 columns, the network takes 1 input)",
      refusal(function() one:predict(matrix(3, 2)) end))
    assert.is_truthy(refusal(function() net:probabilities { 1, 2 } end)
      :find("bad argument #1 to 'probabilities' (lsqnet.matrix expected, got table)", 1, true))
  end)
end)

describe("network:probabilities", function()
  it("are the softmax, or the logistic function of one output, whatever the loss", function()
    local X = matrix.randn(8, 3, lsqnet.rng(4))
    for _, loss in ipairs { "mse", "cross_entropy" } do
      local net = lsqnet.network { layers = { 3, 4 }, init = "normal", loss = loss }
      local logits, P = net:predict(X), net:probabilities(X)
      for i = 1, 8 do
        local total, sum = 0, 0
        for j = 1, 4 do total = total + math.exp(logits:get(i, j)) end
        for j = 1, 4 do
          assert.is_near(math.exp(logits:get(i, j)) / total, P:get(i, j), 1e-15)
          sum = sum + P:get(i, j)
        end
        assert.is_near(1, sum, 1e-15)
      end
      local binary = lsqnet.network { layers = { 3, 1 }, init = "normal", loss = loss }
      local z, p = binary:predict(X), binary:probabilities(X)
      for i = 1, 8 do assert.is_near(1 / (1 + math.exp(-z:get(i, 1))), p:get(i, 1), 1e-15) end
    end
  end)

  it("are finite for logits beyond exp", function()
    local net = lsqnet.network { layers = { 1, 2 }, init = "zeros" }
    net:set_weight(1, matrix { { 1, -1 } })
    local P = net:probabilities(matrix { 1000, -1000 })
    assert.is_true(P == matrix { { 1, 0 }, { 0, 1 } })
  end)
end)

describe("network:loss", function()
  it("is the naive one", function()
    for _, loss in ipairs { "mse", "cross_entropy" } do
      for _, outputs in ipairs { 1, 2, 5 } do
        for _, rows in ipairs { 1, 2, 77, 300 } do
          local net = lsqnet.network {
            layers = { 3, 9, outputs }, activation = "tanh", loss = loss, seed = rows,
          }
          local X = matrix.randn(rows, 3, lsqnet.rng(rows))
          local Y = loss == "mse" and matrix.randn(rows, outputs, lsqnet.rng(5))
            or classes(rows, outputs)
          local expected = naive_loss(net, X, Y, loss)
          assert.is_near(expected, net:loss(X, Y), 1e-13 * expected)
          assert.are.equal(net:loss(X, Y), net:loss(X, Y, loss))
          assert.is_near(net:loss(X, Y), (net:gradient(X, Y)), 1e-13 * expected)
        end
      end
    end
  end)

  it("takes probability rows, and is stable for extreme logits", function()
    local net = lsqnet.network { layers = { 1, 2 }, init = "zeros", loss = "cross_entropy" }
    assert.is_near(math.log(2), net:loss(matrix { 1 }, matrix { { 0.3, 0.7 } }), 1e-15)
    net:set_weight(1, matrix { { 1, -1 } })
    assert.are.equal(2000, net:loss(matrix { 1000 }, matrix { { 0, 1 } }))
    assert.are.equal(0, net:loss(matrix { 1000 }, matrix { { 1, 0 } }))
    local binary = lsqnet.network { layers = { 1, 1 }, init = "zeros", loss = "cross_entropy" }
    binary:set_weight(1, matrix { { 1 } })
    assert.are.equal(1000, binary:loss(matrix { 1000 }, matrix { 0 }))
    assert.are.equal(0, binary:loss(matrix { 1000 }, matrix { 1 }))
    assert.is_near(math.exp(-50), binary:loss(matrix { 50 }, matrix { 1 }), 1e-14 * math.exp(-50))
  end)

  it("is zero where the fit is exact", function()
    local net = lsqnet.network { layers = { 2, 5, 3 }, init = "normal" }
    local X = matrix.randn(20, 2, lsqnet.rng(1))
    local Y = net:predict(X)
    assert.are.equal(0, net:loss(X, Y))
    assert.are.equal(1, net:score(X, Y))
  end)

  local methods = { "loss", "gradient", "score" }

  it("raises on what does not fit", function()
    local net = lsqnet.network { layers = { 2, 3 } }
    local single = lsqnet.network { layers = { 2, 1 } }
    for _, name in ipairs(methods) do
      local function message(model, X, Y)
        return refusal(load "local m, n, X, Y = ...; return m[n](m, X, Y)", model, name, X, Y)
      end
      local X = matrix(4, 2)
      local place = "bad argument #%d to '?' "
      assert.are.equal(place:format(2) .. "(X has 3 columns, the network takes 2 inputs)",
        message(net, matrix(4, 3), matrix(4, 3)))
      assert.are.equal(place:format(3) .. "(4 rows expected to match X, got 5)",
        message(net, X, matrix(5, 3)))
      assert.are.equal(place:format(3) .. "(Y has 1 column, the network has 3 outputs)",
        message(net, X, matrix(4, 1)))
      assert.are.equal(place:format(3) .. "(Y has 2 columns, the network has 1 output)",
        message(single, X, matrix(4, 2)))
      assert.are.equal(place:format(2) .. "(X has no rows)",
        message(net, matrix(0, 2), matrix(0, 3)))
    end
    assert.matches("bad argument #3 to 'loss' %('mse', 'cross_entropy'.* expected, got 'mae'%)",
      refusal(function() net:loss(matrix(4, 2), matrix(4, 3), "mae") end))
    assert.are.equal("bad argument #2 to 'loss' (4 rows expected to match X, got 5)",
      refusal(function() net:loss(matrix(4, 2), matrix(5, 3)) end))
  end)

  it("raises on targets that are no probabilities, and names the row", function()
    local net = lsqnet.network { layers = { 1, 2 }, loss = "cross_entropy" }
    local single = lsqnet.network { layers = { 1, 1 }, loss = "cross_entropy" }
    local X = matrix { 1, 2 }
    local rows = "bad argument #2 to 'loss' (Y row 2 cannot be a target of cross_entropy: "
      .. "probabilities in [0, 1] that sum to 1 expected)"
    for _, bad in ipairs { { 0.5, 0.4 }, { 1.5, -0.5 }, { 1, 1 }, { 0, 0 } } do
      assert.are.equal(rows, refusal(function() net:loss(X, matrix { { 0, 1 }, bad }) end))
    end
    local one = "bad argument #2 to 'score' (Y row 1 cannot be a target of cross_entropy: "
      .. "0 or 1 expected)"
    for _, bad in ipairs { 0.5, 2, -1 } do
      assert.are.equal(one, refusal(function() single:score(X, matrix { bad, 1 }) end))
    end
    assert.is_number(single:loss(X, matrix { 5, -3 }, "mse"))
    assert.is_number(net:loss(X, matrix { { 0, 1 }, { 0.1 + 0.2, 0.7 } }))
  end)

  it("tells what is not finite by its place", function()
    local net = lsqnet.network { layers = { 2, 1 } }
    for _, bad in ipairs { 0 / 0, math.huge, -math.huge } do
      for _, name in ipairs(methods) do
        local X, Y = matrix(3, 2), matrix(3, 1)
        X:set(2, 1, bad)
        local value, message, code = net[name](net, X, Y)
        assert.is_nil(value)
        assert.are.equal(1, (message:find("^X is not finite: row 2, column 1 is ")))
        assert.are.equal("non_finite", code)
        X:set(2, 1, 0)
        Y:set(3, 1, bad)
        value, message, code = net[name](net, X, Y)
        assert.is_nil(value)
        assert.are.equal(1, (message:find("^Y is not finite: row 3, column 1 is ")))
        assert.are.equal("non_finite", code)
      end
    end
  end)
end)

describe("network:score", function()
  it("is R2 for mse and accuracy for cross-entropy", function()
    local X = matrix.randn(50, 3, lsqnet.rng(6))
    local net = lsqnet.network { layers = { 3, 4, 2 }, init = "normal" }
    local Y = matrix.randn(50, 2, lsqnet.rng(7))
    assert.are.equal(lsqnet.metrics.r2(Y, net:predict(X)), net:score(X, Y))
    for _, outputs in ipairs { 1, 4 } do
      local C = classes(50, outputs)
      local judge = lsqnet.network {
        layers = { 3, outputs }, init = "normal", loss = "cross_entropy",
      }
      assert.are.equal(lsqnet.metrics.accuracy(C, judge:probabilities(X)), judge:score(X, C))
    end
  end)
end)

describe("threads", function()
  local before

  setup(function() before = lsqnet.info().threads end)
  teardown(function() lsqnet.set_threads(before) end)

  it("do not change a bit of any result", function()
    for _, case in ipairs {
      { layers = { 7, 64, 1 }, rows = 1000, activation = "relu" },
      { layers = { 3, 20, 20, 3 }, rows = 777, activation = "tanh", loss = "cross_entropy" },
    } do
      local outputs = case.layers[#case.layers]
      local net = lsqnet.network {
        layers = case.layers, activation = case.activation, loss = case.loss or "mse",
      }
      local X = matrix.randn(case.rows, case.layers[1], lsqnet.rng(1))
      local Y = case.loss and classes(case.rows, outputs)
        or matrix.randn(case.rows, outputs, lsqnet.rng(2))
      lsqnet.set_threads(1)
      local prediction, loss = net:predict(X), net:loss(X, Y)
      local gradient_loss, gradient = net:gradient(X, Y)
      for threads = 2, 5 do
        lsqnet.set_threads(threads)
        for _ = 1, 3 do
          assert.is_true(prediction == net:predict(X))
          assert.are.equal(loss, net:loss(X, Y))
          local again_loss, again = net:gradient(X, Y)
          assert.are.equal(gradient_loss, again_loss)
          assert.is_true(gradient == again)
        end
      end
    end
  end)
end)

describe("tanh", function()
  it("is right to a few units in the last place, at any size", function()
    for exponent = -30, 6 do
      for step = 0, 20 do
        local x = 2.0 ^ exponent * (1 + step / 20)
        local expected
        if x > 0.4 then
          expected = 1 - 2 / (math.exp(2 * x) + 1)
        else -- the continued fraction of Lambert
          expected = 0
          for odd = 23, 1, -2 do expected = x * x / (odd + expected) end
          expected = expected / x
        end
        for sign = -1, 1, 2 do
          local net = lsqnet.network { layers = { 1, 1 }, output_activation = "tanh" }
          net:set_parameters(lsqnet.matrix { 1, 0 })
          local y = net:predict(lsqnet.matrix { sign * x }):get(1, 1)
          assert.is_true(math.abs(y / (sign * expected) - 1) < 2e-15, tostring(x))
        end
      end
    end
  end)
end)
