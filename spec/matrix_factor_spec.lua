local lsqnet = require "lsqnet"
local naive = require "naive"
local matrix, message, distance = lsqnet.matrix, naive.message, naive.distance

local EPS = 2 ^ -52
local rng = lsqnet.rng(2)

local SHAPES = { { 1, 1 }, { 1, 4 }, { 4, 1 }, { 3, 3 }, { 7, 4 }, { 4, 7 }, { 40, 12 }, { 12, 40 },
  { 30, 30 }, { 300, 5 }, { 5, 300 } }

-- Backward stable algorithms: the error is a modest multiple of the size times EPS times the
-- norm. 10 is that multiple here.
local function tolerance(m)
  return 10 * math.max(m.rows, m.cols) * EPS * math.max(m:norm(), 1)
end

-- rows x cols of the given rank (full without), as a matrix and as a strided view.
local function samples(rows, cols, rank)
  local m = rank and matrix.randn(rows, rank, rng) * matrix.randn(rank, cols, rng)
    or matrix.randn(rows, cols, rng)
  return { m, (naive.strided(m, rows, cols)) }
end

local function each(f)
  for _, shape in ipairs(SHAPES) do
    for _, m in ipairs(samples(table.unpack(shape))) do f(m) end
  end
end

local function diagonal(s)
  return matrix(s.rows, s.rows):map(function(_, i, j) return i == j and s:get(i, 1) or 0 end)
end

local function assert_near(expected, got, bound)
  local d = distance(expected, got)
  assert.is_true(d <= bound, ("%g above %g"):format(d, bound))
end

local function assert_orthonormal(q)
  assert_near(matrix.eye(q.cols), q:t() * q, 10 * math.max(q.rows, 1) * EPS)
end

-- Symmetric, with the given eigenvalues.
local function symmetric(values)
  local q = assert(matrix.randn(values.rows, values.rows, rng):qr())
  local m = q * diagonal(values) * q:t()
  return (m + m:t()) / 2
end

describe("svd", function()
  it("is thin, orthonormal, descending, and multiplies back", function()
    each(function(m)
      local kept, k = m:copy(), math.min(m.rows, m.cols)
      local u, s, v = m:svd()
      assert.same({ m.rows, k, k, 1, m.cols, k },
        { u.rows, u.cols, s.rows, s.cols, v.rows, v.cols })
      assert_orthonormal(u)
      assert_orthonormal(v)
      assert_near(m, u * diagonal(s) * v:t(), tolerance(m))
      for i = 1, k do
        assert.is_true(s:get(i, 1) >= (i < k and s:get(i + 1, 1) or 0))
      end
      assert.is_true(m == kept)
    end)
  end)

  it("has nothing to do for empty shapes", function()
    for _, shape in ipairs { { 0, 0 }, { 0, 3 }, { 3, 0 } } do
      local u, s, v = matrix(table.unpack(shape)):svd()
      assert.same({ shape[1], 0, 0, 1, shape[2], 0 },
        { u.rows, u.cols, s.rows, s.cols, v.rows, v.cols })
    end
  end)

  it("finds the values of matrices that are far from 1", function()
    for _, scale in ipairs { 1e-300, 1e300 } do
      local _, s = matrix({ { 3 * scale, 0 }, { 0, -4 * scale } }):svd()
      assert.is_true(math.abs(s:get(1, 1) / scale - 4) <= 20 * EPS)
      assert.is_true(math.abs(s:get(2, 1) / scale - 3) <= 20 * EPS)
    end
  end)
end)

describe("qr", function()
  it("is thin, with orthonormal q and triangular r, and multiplies back", function()
    each(function(m)
      local kept, k = m:copy(), math.min(m.rows, m.cols)
      local q, r = m:qr()
      assert.same({ m.rows, k, k, m.cols }, { q.rows, q.cols, r.rows, r.cols })
      assert_orthonormal(q)
      assert_near(m, q * r, tolerance(m))
      for i = 2, k do
        for j = 1, i - 1 do assert.same(0, r:get(i, j)) end
      end
      assert.is_true(m == kept)
    end)
  end)

  it("works for lacking rank and empty shapes", function()
    local m = samples(9, 5, 2)[1]
    local q, r = m:qr()
    assert_orthonormal(q)
    assert_near(m, q * r, tolerance(m))
    for _, shape in ipairs { { 0, 0 }, { 0, 3 }, { 3, 0 } } do
      q, r = matrix(table.unpack(shape)):qr()
      assert.same({ shape[1], 0, 0, shape[2] }, { q.rows, q.cols, r.rows, r.cols })
    end
  end)
end)

describe("cholesky", function()
  it("gives a lower factor that multiplies back", function()
    for _, n in ipairs { 0, 1, 2, 5, 40, 100 } do
      local a = matrix.randn(n + 3, n, rng)
      local m = a:t() * a
      for _, sample in ipairs { m, n > 0 and naive.strided(m) or m } do
        local l = sample:cholesky()
        assert.same({ n, n }, { l.rows, l.cols })
        assert_near(m, l * l:t(), tolerance(m))
        for i = 1, n do
          assert.is_true(l:get(i, i) > 0)
          for j = i + 1, n do assert.same(0, l:get(i, j)) end
        end
      end
    end
  end)

  it("reads the lower triangle alone", function()
    local l = matrix({ { 4, -777 }, { 2, 5 } }):cholesky()
    assert.same({ { 2, 0 }, { 1, 2 } }, l:totable())
  end)

  it("names the part that is not positive definite", function()
    local m = matrix { { 1, 0, 0 }, { 0, -2, 0 }, { 0, 0, 3 } }
    local l, text, code = m:cholesky()
    assert.is_nil(l)
    assert.same("the matrix is not positive definite: its leading 2 x 2 part is not", text)
    assert.same("not_positive_definite", code)
    assert.same("not_positive_definite", select(3, matrix(1, 1):cholesky()))
  end)
end)

describe("eigh", function()
  it("gives ascending values and orthonormal vectors that multiply back", function()
    for _, n in ipairs { 1, 2, 3, 20, 60 } do
      local a = matrix.randn(n, n, rng)
      local m = (a + a:t()) / 2
      for _, sample in ipairs { m, (naive.strided(m)) } do
        local values, vectors = sample:eigh()
        assert.same({ n, 1, n, n }, { values.rows, values.cols, vectors.rows, vectors.cols })
        assert_orthonormal(vectors)
        assert_near(m * vectors, vectors * diagonal(values), tolerance(m))
        for i = 2, n do assert.is_true(values:get(i - 1, 1) <= values:get(i, 1)) end
      end
    end
    local values, vectors = matrix(0, 0):eigh()
    assert.same({ 0, 1, 0, 0 }, { values.rows, values.cols, vectors.rows, vectors.cols })
  end)

  it("finds the values a matrix was made of", function()
    local made = matrix { -3, -1e-3, 0, 2, 2, 50 }
    local m = symmetric(made)
    assert_near(made, (m:eigh()), tolerance(m))
  end)

  it("reads the lower triangle alone", function()
    local values = matrix({ { 2, 99 }, { 0, 1 } }):eigh()
    assert.same({ { 1 }, { 2 } }, values:totable())
  end)
end)

describe("solve", function()
  it("solves for any number of right-hand sides", function()
    for _, n in ipairs { 1, 2, 5, 40, 90 } do
      for _, m in ipairs(samples(n, n)) do
        for _, k in ipairs { 0, 1, 3 } do
          local b = matrix.randn(n, k, rng)
          local kept_m, kept_b = m:copy(), b:copy()
          local x = assert(m:solve(b))
          assert.same({ n, k }, { x.rows, x.cols })
          assert_near(b, m * x, tolerance(m) * math.max(x:norm(), 1))
          assert.is_true(m == kept_m and b == kept_b)
        end
      end
    end
    assert.same({ 0, 2 }, { matrix(0, 0):solve(matrix(0, 2)).rows,
      matrix(0, 0):solve(matrix(0, 2)).cols })
  end)

  it("takes views of one matrix as both sides", function()
    local m = matrix { { 2, 1, 3 }, { 1, 3, 4 } }
    local x = m:slice(1, 2, 1, 2):solve(m:slice(1, 2, 3, 3))
    assert_near(matrix { 1, 1 }, x, 4 * EPS)
  end)

  it("names the pivot of a singular matrix", function()
    -- powers of two: no product and no quotient is rounded, in whatever order
    local x, text, code = matrix({ { 1, 2, 4 }, { 2, 4, 1 }, { 4, 8, 1 } }):solve(matrix(3, 1, 1))
    assert.is_nil(x)
    assert.same("the matrix is singular: pivot 2 of 3 is exactly 0, so that column 2 depends on "
      .. "those before it", text)
    assert.same("singular", code)
    assert.same("singular", select(3, matrix(1, 1):solve(matrix(1, 1))))
  end)

  it("gives no solution made of rounding errors", function()
    local nearly = { -- whether a pivot is exactly 0 is up to the machine
      matrix { { .1, .2, .3 }, { .4, .5, .6 }, { .7, .8, .9 } },
      matrix { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } },
      matrix { { 1, 2, 3 }, { 2, 4, 1 }, { 3, 6, 1 } },
      matrix { { 1, 1 }, { 1, 1 + EPS } },
    }
    for _, m in ipairs(nearly) do
      local x, text, code = m:solve(matrix(m.rows, 1, 1))
      assert.is_nil(x)
      assert.matches("^the matrix is singular", text)
      assert.same("singular", code)
      assert.same({ -math.huge, 0 }, { m:logdet() })
    end
    -- a condition of 4 / 2^-46 is far from the limit
    local x = assert(matrix({ { 1, 1 }, { 1, 1 + 0x1p-46 } }):solve(matrix { 2, 2 + 0x1p-46 }))
    assert_near(matrix { 1, 1 }, x, 0x1p-4)
  end)

  it("says so when the solution overflows", function()
    local x, text, code = matrix(1, 1, 1e-300):solve(matrix(1, 1, 1e300))
    assert.is_nil(x)
    assert.same("the matrix is singular to working precision: the solution overflows", text)
    assert.same("singular", code)
  end)

  it("raises for shapes that do not fit", function()
    assert.same("calling 'solve' on bad self (square matrix expected, got 2 x 3)",
      message(function() matrix(2, 3):solve(matrix(2, 1)) end))
    local m = matrix.eye(3)
    assert.same("bad argument #1 to 'solve' (3 rows expected to match the 3 x 3 matrix, got 2 x 1)",
      message(function() m:solve(matrix(2, 1)) end))
    assert.same("bad argument #1 to 'solve' (lsqnet.matrix expected, got table)",
      message(function() m:solve({}) end))
  end)
end)

describe("logdet", function()
  it("is the logarithm of the product of the eigenvalues, with its sign", function()
    local values = matrix { -3, -0.5, -0.25, 4, 7 }
    local m = symmetric(values)
    local logarithm, sign = m:logdet()
    assert.is_true(math.abs(logarithm - math.log(3 * 0.5 * 0.25 * 4 * 7)) <= 100 * EPS)
    assert.same(-1, sign)
    assert.same("integer", math.type(sign))
    assert.same(1, select(2, (-m):logdet()))
  end)

  it("changes sign with every exchange of rows", function()
    for n = 1, 6 do
      local m = matrix.randn(n, n, rng)
      local order, sign = rng:permutation(n), 1
      for i = 1, n do
        for j = i + 1, n do
          if order[i] > order[j] then sign = -sign end
        end
      end
      local log_1, sign_1 = m:logdet()
      local log_2, sign_2 = naive.strided(m:take(order)):logdet()
      assert.same(sign * sign_1, sign_2)
      assert.is_true(math.abs(log_1 - log_2) <= 1000 * EPS)
    end
  end)

  it("knows singular and empty matrices, and does not overflow", function()
    assert.same({ -math.huge, 0 }, { matrix(3, 3):logdet() })
    assert.same({ 0, 1 }, { matrix(0, 0):logdet() })
    local apart, positive = matrix { { 1e-200, 2e-200 }, { 1, 4 } }:logdet() -- rows of other units
    assert.is_true(math.abs(apart - (math.log(2) - 200 * math.log(10))) <= 500 * EPS)
    assert.same(1, positive)
    local logarithm, sign = (matrix.eye(500) * 1e10):logdet()
    assert.is_true(math.abs(logarithm / (5000 * math.log(10)) - 1) <= 500 * EPS)
    assert.same(1, sign)
  end)
end)

describe("pinv", function()
  it("meets the four conditions of Penrose, at any shape and rank", function()
    for _, shape in ipairs(SHAPES) do
      local rows, cols = table.unpack(shape)
      for _, rank in ipairs { math.min(rows, cols), math.max(1, math.min(rows, cols) // 2) } do
        for _, a in ipairs(samples(rows, cols, rank)) do
          local p = a:pinv(1e-12)
          assert.same({ cols, rows }, { p.rows, p.cols })
          local bound = tolerance(a) * tolerance(p) / (10 * math.max(rows, cols) * EPS)
          local ap, pa = a * p, p * a
          assert_near(a, ap * a, bound * math.max(a:norm(), 1))
          assert_near(p, pa * p, bound * math.max(p:norm(), 1))
          assert_near(ap, ap:t(), bound)
          assert_near(pa, pa:t(), bound)
        end
      end
    end
  end)

  it("of zeros is zeros, of nothing nothing", function()
    assert.same({ { 0, 0 }, { 0, 0 }, { 0, 0 } }, matrix(2, 3):pinv():totable())
    assert.same({ 3, 0 }, { matrix(0, 3):pinv().rows, matrix(0, 3):pinv().cols })
  end)

  it("cuts small singular values off", function()
    local m = matrix { { 1, 0 }, { 0, 1e-6 } }
    assert.is_true(math.abs(m:pinv():get(2, 2) / 1e6 - 1) <= 4 * EPS)
    assert.same(0, m:pinv(1e-5):get(2, 2))
    assert.same("bad argument #1 to 'pinv' (rcond from 0 to less than 1 expected)",
      message(function() m:pinv(1) end))
    assert.same("bad argument #1 to 'pinv' (rcond from 0 to less than 1 expected)",
      message(function() m:pinv(0 / 0) end))
  end)
end)

describe("lstsq", function()
  it("gives pinv(a) b and the rank, at any shape and rank", function()
    for _, shape in ipairs(SHAPES) do
      local rows, cols = table.unpack(shape)
      for _, rank in ipairs { math.min(rows, cols), math.max(1, math.min(rows, cols) // 2) } do
        for _, a in ipairs(samples(rows, cols, rank)) do
          for _, k in ipairs { 0, 1, 3 } do
            local b = naive.strided(matrix.randn(rows, k, rng), rows, k)
            local p = a:pinv(1e-12)
            local kept = a:copy()
            local x, found = a:lstsq(b, 1e-12)
            assert.same({ cols, k }, { x.rows, x.cols })
            assert.same(rank, found)
            assert.same("integer", math.type(found))
            local cond = math.max(a:norm() * p:norm(), 1)
            assert_near(p * b, x,
              tolerance(a) * cond * math.max(p:norm(), 1) * math.max(b:norm(), 1))
            assert.is_true(a == kept)
          end
        end
      end
    end
  end)

  it("has the smallest norm among the solutions", function()
    local a = samples(6, 9, 3)[1]
    local b = a * matrix.randn(9, 1, rng)
    local x, rank = a:lstsq(b)
    assert.same(3, rank)
    assert_near(b, a * x, tolerance(a) * 10)
    local _, _, v = a:svd()
    local kernel = matrix.randn(9, 1, rng)
    kernel = kernel - v:slice(1, 9, 1, 3) * (v:slice(1, 9, 1, 3):t() * kernel)
    assert.is_true((a * kernel):norm() <= tolerance(a) * kernel:norm())
    assert.is_true((x:t() * kernel):norm() <= tolerance(a) * kernel:norm() * math.max(x:norm(), 1))
    assert.is_true((x + kernel * 0.01):norm() > x:norm())
  end)

  it("leaves a residual orthogonal to the columns, however many blocks of rows", function()
    for _, rows in ipairs { 255, 256, 257, 511, 513, 1300 } do
      local a, b = matrix.randn(rows, 6, rng), matrix.randn(rows, 2, rng)
      local x, rank = a:lstsq(b)
      assert.same(6, rank)
      assert.is_true((a:t() * (b - a * x)):norm() <= tolerance(a) * b:norm())
    end
    local wide = matrix.randn(300, 290, rng)
    local x = wide:lstsq(wide * matrix(290, 1, 1))
    assert.is_true((wide * (x - 1)):norm() <= tolerance(wide) * 290 ^ 0.5)
  end)

  it("solves systems whose numbers are near the ends of the range", function()
    for _, sizes in ipairs { { 2 ^ 1000, 1 }, { 2 ^ -1000, 2 ^ -1000 }, { 1, 2 ^ 1000 },
      { 2 ^ 900, 2 ^ 900 }, { 2 ^ -1060, 2 ^ -1060 } } do
      for _, rows in ipairs { 3, 1 } do
        local a = matrix.linspace(1, 2, 2 * rows):reshape(rows, 2)
        local b = a * matrix { 3, 4 }
        local expected = a:lstsq(b)
        local x, rank = (a * sizes[1]):lstsq(b * sizes[2])
        assert.same(math.min(rows, 2), rank)
        -- 2^-1060 leaves 14 bits to the data
        local bound = sizes[1] == 2 ^ -1060 and 2 ^ -9 or 1000 * EPS
        local size = sizes[2] / sizes[1]
        for i = 1, 2 do
          local d = math.abs(x:get(i, 1) - expected:get(i, 1) * size)
          assert.is_true(d <= bound * 5 * size)
        end
      end
    end
  end)

  it("knows empty shapes and zeros", function()
    local x, rank = matrix(0, 3):lstsq(matrix(0, 2))
    assert.same({ { 0, 0 }, { 0, 0 }, { 0, 0 } }, x:totable())
    assert.same(0, rank)
    x, rank = matrix(3, 0):lstsq(matrix(3, 2))
    assert.same({ 0, 2, 0 }, { x.rows, x.cols, rank })
    x, rank = matrix(3, 2):lstsq(matrix(3, 1, 1))
    assert.same({ { 0 }, { 0 } }, x:totable())
    assert.same(0, rank)
  end)

  it("raises for shapes and rcond that make no sense", function()
    local m = matrix(3, 2)
    assert.same("bad argument #1 to 'lstsq' (3 rows expected to match the 3 x 2 matrix, got 2 x 1)",
      message(function() m:lstsq(matrix(2, 1)) end))
    assert.same("bad argument #2 to 'lstsq' (rcond from 0 to less than 1 expected)",
      message(function() m:lstsq(matrix(3, 1), -1) end))
  end)
end)

describe("cond and rank", function()
  it("come from the singular values", function()
    assert.same(1, matrix.eye(4):cond())
    assert.is_true(math.abs(matrix({ { 4, 0 }, { 0, 0.5 }, { 0, 0 } }):cond() - 8) <= 32 * EPS)
    assert.same(math.huge, matrix(2, 3):cond())
    assert.same(0, matrix(0, 3):cond())
    each(function(m)
      local _, s = m:svd()
      local k = s.rows
      local expected = s:get(1, 1) / s:get(k, 1)
      assert.is_true(math.abs(m:cond() / expected - 1) <= 100 * k * EPS * expected)
      assert.same(k, m:rank())
    end)
  end)

  it("count with a tolerance", function()
    assert.same(0, matrix(3, 3):rank())
    assert.same(0, matrix(0, 3):rank())
    assert.same(2, samples(20, 9, 2)[1]:rank())
    local m = matrix { { 1, 0 }, { 0, 1e-6 } }
    assert.same({ 2, 1 }, { m:rank(), m:rank(1e-5) })
    assert.same({ 1, 2 }, { matrix({ { 1, 0 }, { 0, 2 ^ -51 } }):rank(),
      matrix({ { 1, 0 }, { 0, 2 ^ -50 } }):rank() })
    assert.same("bad argument #1 to 'rank' (rcond from 0 to less than 1 expected)",
      message(function() m:rank(2) end))
  end)
end)

describe("factorisations of data that are not finite", function()
  local NAMES = { "svd", "qr", "cholesky", "eigh", "logdet", "pinv", "cond", "rank", "solve",
    "lstsq" }
  local WORDS = { [math.huge] = "inf", [-math.huge] = "-inf" }

  for _, name in ipairs(NAMES) do
    it(name .. " returns nil, row and column, and the process lives", function()
      local b = matrix(3, 1, 1)
      for i = 1, 3 do
        for j = 1, 3 do
          for _, bad in ipairs { 0 / 0, math.huge, -math.huge } do
            local m = matrix.eye(3)
            m:set(i, j, bad)
            for _, sample in ipairs { m, (naive.strided(m)) } do
              local result, text, code = sample[name](sample, (name == "solve" or name == "lstsq")
                and b or nil)
              assert.is_nil(result)
              assert.same(("the matrix is not finite: %s in row %d, column %d"):format(
                WORDS[bad] or "nan", i, j), text)
              assert.same("non_finite", code)
            end
          end
        end
      end
    end)
  end

  it("names the right-hand side", function()
    for _, name in ipairs { "solve", "lstsq" } do
      for i = 1, 3 do
        local m, b = matrix.eye(3), matrix(3, 2)
        b:set(i, 2, -math.huge)
        local result, text, code = m[name](m, b)
        assert.is_nil(result)
        assert.same(("the right-hand side is not finite: -inf in row %d, column 2"):format(i), text)
        assert.same("non_finite", code)
      end
    end
  end)

  it("raise for shapes that are not square", function()
    for _, name in ipairs { "cholesky", "eigh", "logdet" } do
      local m = matrix(2, 3)
      assert.matches("square matrix expected, got 2 x 3", message(m[name], m), 1, true)
    end
  end)
end)
