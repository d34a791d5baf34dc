-- Whole numbers are summed exactly in any order, so most tests here ask for equality.
local lsqnet = require "lsqnet"

local rng = lsqnet.rng(20)

-- rows x cols of whole numbers in -range..range.
local function whole(rows, cols, range)
  return lsqnet.matrix.rand(rows, cols, rng):map(function(u)
    return math.floor(u * (2 * range + 1)) - range
  end)
end

-- The same values as a view in a larger matrix, whose other entries are NaN.
local function as_view(m)
  local owner = lsqnet.matrix(m.rows + 2, m.cols + 3, 0 / 0)
  for i = 1, m.rows do
    for j = 1, m.cols do owner:set(i + 1, j + 2, m:get(i, j)) end
  end
  return owner:slice(2, m.rows + 1, 3, m.cols + 2)
end

local function zeros_like_list(count)
  local list = {}
  for k = 1, count do list[k] = 0 end
  return list
end

local function naive_pattern_gram(X, Z)
  local N, d, h = X.rows, X.cols, Z.cols
  local U, pair = lsqnet.matrix(h * (h + 1) // 2, d * (d + 1) // 2), 0
  local x, z = X:totable(), Z:totable()
  for j = 1, h do
    for l = j, h do
      local sums = zeros_like_list(U.cols)
      for i = 1, N do
        if z[i][j] > 0 and z[i][l] > 0 then
          local product = 0
          for p = 1, d do
            for q = p, d do
              product = product + 1
              sums[product] = sums[product] + x[i][p] * x[i][q]
            end
          end
        end
      end
      pair = pair + 1
      for product = 1, U.cols do U:set(pair, product, sums[product]) end
    end
  end
  return U
end

-- A' B, entry by entry.
local function naive_product(A, B)
  local C, a, b = lsqnet.matrix(A.cols, B.cols), A:totable(), B:totable()
  for p = 1, A.cols do
    for q = 1, B.cols do
      local sum = 0
      for i = 1, A.rows do sum = sum + a[i][p] * b[i][q] end
      C:set(p, q, sum)
    end
  end
  return C
end

local function on_threads(threads, f, ...)
  lsqnet.set_threads(threads)
  local result = table.pack(f(...))
  lsqnet.set_threads(1)
  return table.unpack(result, 1, result.n)
end

describe("pattern_gram", function()
  local shapes = {
    -- rows, features, units: around a group of 6 slots, a pass of 48, a word of 64 units
    { 0, 3, 4 }, { 1, 1, 1 }, { 5, 1, 70 }, { 6, 20, 3 }, { 7, 2, 64 }, { 47, 3, 9 }, { 48, 4, 8 },
    { 49, 5, 7 }, { 63, 2, 65 }, { 97, 3, 63 }, { 130, 20, 4 }, { 200, 4, 30 }, { 3, 6, 70 },
  }

  for _, shape in ipairs(shapes) do
    local N, d, h = table.unpack(shape)
    it(("is the triple loop's for %d rows, %d features, %d units"):format(N, d, h), function()
      local X, Z = whole(N, d, 50), whole(N, h, 2)
      assert.are.equal(naive_pattern_gram(X, Z), lsqnet.pattern_gram(X, Z))
    end)
  end

  it("takes no features and no units", function()
    local U = lsqnet.pattern_gram(lsqnet.matrix(5, 0), lsqnet.matrix(5, 3, 1))
    assert.are.same({ 6, 0 }, { U.rows, U.cols })
    U = lsqnet.pattern_gram(lsqnet.matrix(5, 2, 1), lsqnet.matrix(5, 0))
    assert.are.same({ 0, 3 }, { U.rows, U.cols })
  end)

  it("adds up rows that share a pattern, and patterns beyond what fits at a time", function()
    -- 12000 rows: 2^3 patterns, then nearly as many as rows
    for _, h in ipairs { 3, 20 } do
      local X, Z = whole(12000, 2, 50), whole(12000, h, 10)
      assert.are.equal(naive_pattern_gram(X, Z), lsqnet.pattern_gram(X, Z))
    end
  end)

  it("reads views, and writes neither argument", function()
    local X, Z = whole(77, 5, 50), whole(77, 11, 2)
    local view, pattern = as_view(X), as_view(Z)
    assert.are.equal(naive_pattern_gram(X, Z), lsqnet.pattern_gram(view, pattern))
    assert.are.equal(X, view)
    assert.are.equal(Z, pattern)
  end)

  it("counts 0, -0 and NaN as not firing, the smallest number and infinity as firing", function()
    local X = lsqnet.matrix { 1, 10, 100, 1000, 10000 }
    local Z = lsqnet.matrix { 0, -0.0, 0 / 0, 4.9e-324, math.huge }
    assert.are.equal(1e6 + 1e8, lsqnet.pattern_gram(X, Z):get(1, 1))
  end)

  it("keeps a row that is not finite out of the pairs that do not fire in it", function()
    local X, Z = whole(60, 3, 50), whole(60, 8, 2)
    for j = 1, 8 do Z:set(33, j, j <= 2 and 1 or 0) end
    local expected = naive_pattern_gram(X, Z)
    X:set(33, 2, 0 / 0)
    local U, pair = lsqnet.pattern_gram(X, Z), 0
    for j = 1, 8 do
      for l = j, 8 do
        pair = pair + 1
        if l <= 2 then
          assert.is_true(U:get(pair, 2) ~= U:get(pair, 2))
        else
          assert.are.equal(expected:row(pair), U:row(pair))
        end
      end
    end
  end)

  it("is X'X where every unit fires", function()
    local X = whole(500, 6, 50)
    local U, product = lsqnet.pattern_gram(X, lsqnet.matrix(500, 4, 1)), 0
    local gram = naive_product(X, X)
    for p = 1, 6 do
      for q = p, 6 do
        product = product + 1
        for pair = 1, 10 do assert.are.equal(gram:get(p, q), U:get(pair, product)) end
      end
    end
  end)

  it("gives the same bits under 1, 2 and 3 threads", function()
    for _, shape in ipairs { { 3000, 3, 70 }, { 5000, 14, 17 }, { 100, 40, 5 }, { 2, 1, 1 } } do
      local N, d, h = table.unpack(shape)
      local X, Z = lsqnet.matrix.randn(N, d, rng), lsqnet.matrix.randn(N, h, rng)
      local one = on_threads(1, lsqnet.pattern_gram, X, Z)
      assert.are.equal(one, on_threads(2, lsqnet.pattern_gram, X, Z))
      assert.are.equal(one, on_threads(3, lsqnet.pattern_gram, X, Z))
    end
  end)

  it("rounds no worse than a plain sum", function()
    local N = 200
    local X, Z = lsqnet.matrix.randn(N, 5, rng), lsqnet.matrix.randn(N, 9, rng)
    -- a sum of N rounded products is within (N + 1) u times the sum of their magnitudes, either
    -- way it is added; the two differ by twice that at most
    local magnitude = naive_pattern_gram(X:map(math.abs), Z)
    local difference = (naive_pattern_gram(X, Z) - lsqnet.pattern_gram(X, Z)):map(math.abs)
    for pair = 1, magnitude.rows do
      for product = 1, magnitude.cols do
        local bound = 2 * (N + 1) * 2 ^ -53 * magnitude:get(pair, product)
        assert.is_true(difference:get(pair, product) <= bound)
      end
    end
  end)

  it("says which argument has the wrong shape", function()
    local X, Z = lsqnet.matrix(3, 2), lsqnet.matrix(4, 2)
    assert.has_error(function()
      lsqnet.pattern_gram(X, Z)
    end, "bad argument #2 to 'pattern_gram' (3 rows expected to match X, got 4)")
    assert.has_error(function()
      lsqnet.pattern_gram(X)
    end, "bad argument #2 to 'pattern_gram' (lsqnet.matrix expected, got no value)")
  end)
end)

describe("dense", function()
  local shapes = {
    -- rows, inputs, outputs: around the register block of 8 x 8, panels of 128 and 256, and the
    -- paths for up to 3 outputs
    { 0, 3, 4 }, { 4, 0, 3 }, { 4, 3, 0 }, { 1, 1, 1 }, { 1, 13, 64 }, { 7, 2, 9 }, { 8, 8, 8 },
    { 9, 17, 15 }, { 5, 7, 1 }, { 6, 8, 1 }, { 21, 9, 2 }, { 13, 33, 3 }, { 40, 40, 4 },
    { 130, 3, 33 }, { 300, 12, 5 }, { 3, 300, 11 }, { 2, 600, 2 }, { 3, 11, 300 },
  }

  for _, shape in ipairs(shapes) do
    local N, inputs, outputs = table.unpack(shape)
    it(("agrees with plain loops for %d x %d -> %d"):format(N, inputs, outputs), function()
      local X, W, D = whole(N, inputs, 99), whole(inputs, outputs, 99), whole(N, outputs, 99)
      local bias, ones = whole(1, outputs, 99), lsqnet.matrix(N, 1, 1)
      local product = naive_product(X:t(), W)
      assert.are.equal(product, lsqnet.dense_forward(X, W))
      assert.are.equal(product, lsqnet.dense_forward(X, W, nil))
      assert.are.equal(product + bias, lsqnet.dense_forward(X, W, bias))
      local by_weight, by_bias = lsqnet.dense_gradient(X, D)
      assert.are.equal(naive_product(X, D), by_weight)
      assert.are.equal(naive_product(ones, D), by_bias)
      assert.are.equal(naive_product(D:t(), W:t()), lsqnet.dense_backward(D, W))
      assert.are.equal(product + bias, lsqnet.dense_forward(as_view(X), as_view(W), as_view(bias)))
      assert.are.equal(by_weight, (lsqnet.dense_gradient(as_view(X), as_view(D))))
      assert.are.equal(naive_product(D:t(), W:t()), lsqnet.dense_backward(as_view(D), as_view(W)))
    end)
  end

  it("lets what is not finite through to its own row and column alone", function()
    local X, W = whole(20, 9, 9), whole(9, 13, 9)
    local clean = lsqnet.dense_forward(X, W)
    X:set(5, 9, 0 / 0)
    local Z = lsqnet.dense_forward(X, W)
    for i = 1, 20 do
      for q = 1, 13 do
        local value = Z:get(i, q)
        assert.are.equal(i == 5, value ~= value)
        if i ~= 5 then assert.are.equal(clean:get(i, q), value) end
      end
    end
  end)

  it("sums the lower triangle of S'S and leaves the rest zero", function()
    for _, shape in ipairs {
      { 0, 3 }, { 3, 0 }, { 1, 1 }, { 5, 7 }, { 9, 8 }, { 20, 9 }, { 40, 33 }, { 130, 17 },
      { 10, 65 },
    } do
      local S = whole(shape[1], shape[2], 99)
      local expected = naive_product(S, S)
      for p = 1, S.cols do
        for q = p + 1, S.cols do expected:set(p, q, 0) end
      end
      assert.are.equal(expected, lsqnet.dense_gram(S))
      assert.are.equal(expected, lsqnet.dense_gram(as_view(S)))
    end
  end)

  it("says which argument has the wrong shape", function()
    local X, W = lsqnet.matrix(4, 3), lsqnet.matrix(3, 2)
    local function raises(message, kernel, ...)
      local ok, text = pcall(kernel, ...)
      assert.is_false(ok)
      assert.are.equal("bad argument " .. message, (text:gsub(" to '.-'", "", 1)))
    end
    raises("#2 (3 rows expected to match the columns of X, got 4)",
      lsqnet.dense_forward, X, X)
    raises("#3 (one row of biases expected)", lsqnet.dense_forward, X, W, W)
    raises("#3 (2 columns expected to match those of weight, got 5)",
      lsqnet.dense_forward, X, W, lsqnet.matrix(1, 5))
    raises("#2 (4 rows expected to match X, got 3)", lsqnet.dense_gradient, X, W)
    raises("#2 (3 columns expected to match delta, got 2)",
      lsqnet.dense_backward, X, W)
    raises("#1 (lsqnet.matrix expected, got number)", lsqnet.dense_gram, 1)
  end)
end)
