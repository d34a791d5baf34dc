local lsqnet = require "lsqnet"
local naive = require "naive"
local naive_metrics = require "naive_metrics"

local matrix, metrics = lsqnet.matrix, lsqnet.metrics

local refusal = naive.message

describe("lsqnet.metrics", function()
  it("are the naive ones, also of views", function()
    local wide = matrix.randn(60, 9, lsqnet.rng(31))
    for _, shape in ipairs { { 2, 1 }, { 7, 1 }, { 50, 3 }, { 3, 4 } } do
      local Y = wide:slice(5, 4 + shape[1], 1, shape[2])
      local P = wide:slice(6, 5 + shape[1], 6, 5 + shape[2])
      for _, pair in ipairs { { Y, P }, { Y:copy(), P:copy() }, { Y, P:copy() } } do
        local y, p = pair[1], pair[2]
        local squared = naive_metrics.mse(y, p)
        assert.is_near(squared, metrics.mse(y, p), 1e-14 * squared)
        local absolute = naive_metrics.mae(y, p)
        assert.is_near(absolute, metrics.mae(y, p), 1e-14 * absolute)
        local fit = naive_metrics.r2(y, p)
        assert.is_near(fit, metrics.r2(y, p), 1e-12 * math.max(1, math.abs(fit)))
      end
    end
  end)

  it("r2 is 1 for an exact fit, 0 for the mean, and decides on constant columns", function()
    local Y = matrix { { 1, 5 }, { 2, 7 }, { 6, 9 } }
    assert.are.equal(1, metrics.r2(Y, Y))
    assert.are.equal(0, metrics.r2(Y, matrix { { 3, 7 }, { 3, 7 }, { 3, 7 } }))
    local constant = matrix(7, 1, 0.1) -- whose mean is not exactly 0.1
    assert.are.equal(1, metrics.r2(constant, constant))
    assert.are.equal(0, metrics.r2(constant, matrix(7, 1, 0.2)))
    assert.are.equal(0.5, metrics.r2(matrix { { 1, 4 }, { 2, 4 } }, matrix { { 1, 4 }, { 2, 5 } }))
    assert.are.equal(1, metrics.r2(matrix { 3 }, matrix { 3 }))
    assert.are.equal(0, metrics.r2(matrix { 3 }, matrix { 4 }))
  end)

  it("r2 keeps its digits far from zero", function()
    local Y, P = matrix { 1, 2, 3, 4 }, matrix { 1, 2, 3, 5 }
    assert.are.equal(metrics.r2(Y, P), metrics.r2(Y + 2 ^ 40, P + 2 ^ 40))
  end)

  it("accuracy compares classes", function()
    local Y = matrix { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 0.2, 0.5, 0.3 } }
    local P = matrix { { 0.6, 0.2, 0.2 }, { 0.5, 0.4, 0.1 }, { 0.4, 0.2, 0.4 }, { 0, 0.9, 0.1 } }
    assert.are.equal(0.5, metrics.accuracy(Y, P)) -- row 3 is a tie: the first counts
    assert.are.equal(1, metrics.accuracy(Y, Y))
    assert.are.equal(0.75, metrics.accuracy(matrix { 1, 0, 1, 0 }, matrix { 0.6, 0.5, 0.5, 0.1 }))
  end)

  it("cross_entropy takes probabilities, and clips them", function()
    local Y = matrix { { 1, 0 }, { 0.25, 0.75 } }
    local P = matrix { { 0.5, 0.5 }, { 0.125, 0.875 } }
    local expected = -(math.log(0.5) + 0.25 * math.log(0.125) + 0.75 * math.log(0.875)) / 2
    assert.is_near(expected, metrics.cross_entropy(Y, P), 1e-15)
    assert.is_near(-(math.log(0.9) + math.log(0.75)) / 2,
      metrics.cross_entropy(matrix { 1, 0 }, matrix { 0.9, 0.25 }), 1e-15)
    assert.are.equal(0, metrics.cross_entropy(Y:row(1), Y:row(1)))
    assert.is_near(52 * math.log(2), metrics.cross_entropy(matrix { 1 }, matrix { 0 }), 1e-14)
    assert.is_near(52 * math.log(2), metrics.cross_entropy(matrix { 0 }, matrix { 1 }), 1e-14)
    assert.is_near(52 * math.log(2),
      metrics.cross_entropy(matrix { { 1, 0 } }, matrix { { 0, 1 } }), 1e-14)
  end)

  it("cross_entropy is the net's loss", function()
    local X = matrix.randn(20, 3, lsqnet.rng(2))
    for _, outputs in ipairs { 1, 3 } do
      local net = lsqnet.network { layers = { 3, outputs }, loss = "cross_entropy" }
      local Y = matrix(20, outputs)
      for i = 1, 20 do Y:set(i, 1 + i % outputs, outputs == 1 and i % 2 or 1) end
      assert.is_near(net:loss(X, Y), metrics.cross_entropy(Y, net:probabilities(X)), 1e-14)
    end
  end)

  it("raise on shapes that differ and on nothing", function()
    for _, name in ipairs { "mse", "mae", "r2", "accuracy", "cross_entropy" } do
      local f = metrics[name]
      assert.are.equal("(3 x 1 expected to match Y, got 1 x 3)",
        refusal(f, matrix(3, 1), matrix(1, 3)):match "%(.*%)$")
      assert.are.equal("(Y is empty)", refusal(f, matrix(0, 1), matrix(0, 1)):match "%(.*%)$")
      assert.are.equal("(Y is empty)", refusal(f, matrix(2, 0), matrix(2, 0)):match "%(.*%)$")
      local message = refusal(f, {}, matrix(1, 1))
      assert.is_truthy(message:find("lsqnet.matrix expected, got table", 1, true))
    end
    assert.are.equal("bad argument #2 to 'mse' (3 x 1 expected to match Y, got 1 x 3)",
      refusal(function() metrics.mse(matrix(3, 1), matrix(1, 3)) end))
  end)

  it("tell what is not finite", function()
    for _, name in ipairs { "mse", "mae", "r2", "accuracy", "cross_entropy" } do
      local good, bad = matrix(2, 1), matrix { 0, 0 / 0 }
      local value, message, code = metrics[name](bad, good)
      assert.is_nil(value)
      assert.are.equal(1, (message:find("^Y is not finite: row 2, column 1 is ")))
      assert.are.equal("non_finite", code)
      value, message, code = metrics[name](good, bad)
      assert.is_nil(value)
      assert.are.equal(1, (message:find("^the prediction is not finite: row 2, column 1 is ")))
      assert.are.equal("non_finite", code)
    end
  end)

  it("cross_entropy raises on what are no probabilities", function()
    local Y = matrix { { 1, 0 }, { 0, 1 } }
    local logits = "bad argument #2 to 'cross_entropy' (row 2 of the prediction does not hold "
      .. "probabilities (of logits take net:probabilities))"
    assert.are.equal(logits,
      refusal(function() metrics.cross_entropy(Y, matrix { { 0.5, 0.5 }, { 3, -2 } }) end))
    assert.are.equal(logits,
      refusal(function() metrics.cross_entropy(matrix { 1, 0 }, matrix { 0.5, 1.5 }) end))
    assert.are.equal("bad argument #1 to 'cross_entropy' (Y row 1 cannot be a target of "
      .. "cross_entropy: probabilities in [0, 1] that sum to 1 expected)",
      refusal(function() metrics.cross_entropy(matrix { { 1, 1 } }, matrix { { 0.5, 0.5 } }) end))
  end)
end)
