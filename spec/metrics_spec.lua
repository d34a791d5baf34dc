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
      local copied = metrics[name](Y:copy(), P:copy())
      -- compilers may add in another order where the stride is another
      assert.is_true(math.abs(metrics[name](Y, P) - copied) <= 1e-14 * math.abs(copied))
    end
  end)

  it("sums squares of the smallest and the largest numbers", function()
    local rng = lsqnet.rng(5)
    local Y = matrix.randn(30, 2, rng)
    local P = Y + matrix.randn(30, 2, rng) * 0.1
    local r2, mse = metrics.r2(Y, P), metrics.mse(Y, P)
    for _, exponent in ipairs { -1000, -538, -300, 300, 511, 600, 1020 } do
      local scale = 2.0 ^ exponent
      assert.are.equal(r2, metrics.r2(Y * scale, P * scale), exponent)
      assert.are.equal(1, metrics.r2(Y * scale, Y * scale))
      assert.are.equal(mse * scale * scale, metrics.mse(Y * scale, P * scale))
    end
    assert.are.equal(1, metrics.r2(matrix { 1e-162, 2e-162, 3e-162 },
                                   matrix { 1e-162, 2e-162, 3e-162 }))
    local most = 0x1.fffffffffffffp1023
    assert.are.equal(0, metrics.r2(matrix { most, -most }, matrix { 0, 0 }))
    -- the sum of these squares overflows, their mean does not
    assert.are.equal(0x1p1022, metrics.mse(matrix(100, 1, 0x1p511), matrix(100, 1)))
  end)

  it("counts a row of weight k as k rows, and one of weight 0 not at all", function()
    local rng = lsqnet.rng(6)
    local times, rows = { 2, 0, 1, 3, 0, 1, 1, 2 }, {}
    for i, count in ipairs(times) do
      for _ = 1, count do rows[#rows + 1] = i end
    end
    local weights = matrix(times)
    local function check(name, Y, P)
      local weighted = metrics[name](Y, P, { weights = weights })
      local repeated = metrics[name](Y:take(rows), P:take(rows))
      assert.is_true(math.abs(weighted - repeated) <= 1e-14 * math.max(1, math.abs(repeated)), name)
    end
    local Y, P = matrix.randn(8, 3, rng), matrix.randn(8, 3, rng)
    for _, name in ipairs { "mse", "mae", "r2", "accuracy" } do check(name, Y, P) end
    check("cross_entropy", matrix { 0, 1, 1, 0, 1, 0, 1, 0 },
      matrix { .1, .7, .6, .3, .2, .6, .9, .5 })
    check("accuracy", matrix { 0, 1, 1, 0, 1, 0, 1, 0 }, matrix { .1, .7, .6, .3, .2, .6, .9, .4 })
  end)

  it("says what is wrong with weights", function()
    local Y = matrix(3, 1)
    local function message(weights)
      return select(2, pcall(metrics.mse, Y, Y, { weights = weights }))
    end
    assert.matches("option 'weights': 3 x 1 expected, a weight for each row, got 2 x 1",
      message(matrix(2, 1, 1)), 1, true)
    assert.matches("option 'weights': row 2 is negative", message(matrix { 1, -1, 1 }))
    assert.matches("option 'weights': all are 0", message(matrix(3, 1)))
    assert.matches("option 'weights': lsqnet.matrix expected, got table", message({ 1, 1, 1 }))
    assert.are.equal("non_finite",
      select(3, metrics.mse(Y, Y, { weights = matrix { 1, 0 / 0, 1 } })))
    assert.matches("unknown option 'weight' %(did you mean 'weights'%?%)",
      select(2, pcall(metrics.mse, Y, Y, { weight = Y })))
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
