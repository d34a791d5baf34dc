local lsqnet = require "lsqnet"
local naive = require "naive_metrics"

local metrics, matrix = lsqnet.metrics, lsqnet.matrix

describe("metrics", function()
  it("is the same by require", function()
    assert.are.equal(metrics, require "lsqnet.metrics")
  end)

  it("agrees with the definitions", function()
    local rng = lsqnet.rng(3)
    for _, shape in ipairs { { 1, 2 }, { 2, 1 }, { 7, 3 }, { 100, 5 } } do
      local Y, P = matrix.randn(shape[1], shape[2], rng), matrix.randn(shape[1], shape[2], rng)
      for name, f in pairs(naive) do
        if not (name == "r2" and shape[1] == 1) then -- one row has no variance
          local expected = f(Y, P)
          -- sums of at most 500 terms, each rounded once or twice
          assert.is_true(math.abs(metrics[name](Y, P) - expected)
                         <= 1e-13 * math.max(1, math.abs(expected)), name)
        end
      end
    end
  end)

  it("counts a constant column 1 for a perfect fit, otherwise 0", function()
    local Y = matrix { { 2, 1 }, { 2, 3 } }
    assert.are.equal(1, metrics.r2(Y, Y:copy()))
    assert.are.equal(0.5, metrics.r2(Y, matrix { { 2.5, 1 }, { 2, 3 } }))
  end)

  it("works on views", function()
    local rng = lsqnet.rng(4)
    local big, other = matrix.randn(9, 6, rng), matrix.randn(9, 6, rng)
    local Y, P = big:slice(2, 8, 3, 5), other:slice(1, 7, 1, 3)
    for _, name in ipairs { "mse", "mae", "r2" } do
      assert.are.equal(metrics[name](Y:copy(), P:copy()), metrics[name](Y, P))
    end
  end)

  it("measures the accuracy of probabilities", function()
    local Y = matrix { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { 0, 0, 1 } }
    local P = matrix { { 0.6, 0.3, 0.1 }, { 0.5, 0.4, 0.1 }, { 0.1, 0.2, 0.7 }, { 0, 0, 1 } }
    assert.are.equal(0.75, metrics.accuracy(Y, P))
    assert.are.equal(0.75, metrics.accuracy(matrix { 0, 1, 1, 0 },
                                            matrix { 0.2, 0.9, 0.6, 0.7 }))
  end)

  it("measures the cross-entropy of probabilities", function()
    local Y = matrix { { 1, 0 }, { 0, 1 } }
    local P = matrix { { 0.25, 0.75 }, { 0.5, 0.5 } }
    local expected = -(math.log(0.25) + math.log(0.5)) / 2
    assert.is_true(math.abs(metrics.cross_entropy(Y, P) - expected) < 1e-15)
    assert.is_true(math.abs(metrics.cross_entropy(matrix { 0, 1 }, matrix { 0.75, 0.5 })
                            - expected) < 1e-15)
  end)

  it("says what is wrong", function()
    for _, name in ipairs { "mse", "mae", "r2", "accuracy", "cross_entropy" } do
      local ok, message = pcall(metrics[name], matrix(3, 2), matrix(3, 1))
      assert.is_false(ok)
      assert.matches("bad argument #2 to", message)
      ok, message = pcall(metrics[name], matrix(3, 2), 1)
      assert.is_false(ok)
      assert.matches("lsqnet.matrix expected, got number", message)
    end
  end)
end)
