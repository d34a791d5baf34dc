local lsqnet = require "lsqnet"
local naive = require "naive"
local matrix, message = lsqnet.matrix, naive.message

local rng = lsqnet.rng(11)

local function random_table(rows, cols)
  return naive.build(rows, cols, function() return rng:normal() end)
end

-- Both the matrix and a strided view of the same elements.
local function both(t, rows, cols)
  local view = naive.strided(t, rows, cols)
  return { view:copy(), view }
end

local OPERATIONS = {
  { name = "add", lua = function(x, y) return x + y end, call = function(a, b) return a + b end },
  { name = "subtract", lua = function(x, y) return x - y end,
    call = function(a, b) return a - b end },
  { name = "multiply", lua = function(x, y) return x * y end,
    call = function(a, b) return a:mul(b) end },
  { name = "divide", lua = function(x, y) return x / y end,
    call = function(a, b) return a:div(b) end },
}

describe("operations element by element", function()
  local SHAPES = { { 0, 0 }, { 0, 3 }, { 3, 0 }, { 1, 1 }, { 1, 5 }, { 5, 1 }, { 3, 7 }, { 7, 3 } }

  for _, operation in ipairs(OPERATIONS) do
    it(operation.name .. " like a loop, whichever side is spread", function()
      for _, shape in ipairs(SHAPES) do
        local rows, cols = table.unpack(shape)
        local whole = random_table(rows, cols)
        local others = {
          { random_table(rows, cols), rows, cols, function(t, i, j) return t[i][j] end },
          { random_table(1, cols), 1, cols, function(t, _, j) return t[1][j] end },
          { random_table(rows, 1), rows, 1, function(t, i) return t[i][1] end },
        }
        for _, a in ipairs(both(whole, rows, cols)) do
          for _, other in ipairs(others) do
            local t, other_rows, other_cols, at = table.unpack(other)
            for _, b in ipairs(both(t, other_rows, other_cols)) do
              assert.same(naive.build(rows, cols, function(i, j)
                return operation.lua(whole[i][j], at(t, i, j))
              end), operation.call(a, b):totable())
              assert.same(naive.build(rows, cols, function(i, j)
                return operation.lua(at(t, i, j), whole[i][j])
              end), operation.call(b, a):totable())
            end
          end
          assert.same(naive.build(rows, cols, function(i, j)
            return operation.lua(whole[i][j], 3)
          end), operation.call(a, 3):totable())
        end
      end
    end)
  end

  it("take a number on either side of an operator", function()
    local m = matrix { { 1, 2 }, { 4, 8 } }
    assert.same({ { 2, 1 }, { -1, -5 } }, (3 - m):totable())
    assert.same({ { 4, 5 }, { 7, 11 } }, (3 + m):totable())
    assert.same({ { 2, 4 }, { 8, 16 } }, (2 * m):totable())
    assert.same({ { 2, 4 }, { 8, 16 } }, (m * 2):totable())
    assert.same({ { 0.5, 1 }, { 2, 4 } }, (m / 2):totable())
    assert.same({ { -1, -2 }, { -4, -8 } }, (-m):totable())
    assert.same(-math.huge, 1 / (-matrix(1, 1)):get(1, 1))
  end)

  it("work on overlapping views and on one matrix twice", function()
    local m = matrix { { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } }
    local upper, lower = m:slice(1, 2), m:slice(2, 3)
    assert.same({ { 5, 7, 9 }, { 11, 13, 15 } }, (upper + lower):totable())
    assert.same({ { 3, 3, 3 }, { 3, 3, 3 } }, (lower - upper):totable())
    assert.same({ { 2, 4, 6 }, { 5, 7, 9 }, { 8, 10, 12 } }, (m + m:row(1)):totable())
    assert.same({ { 1, 4, 9 } }, m:row(1):mul(m:row(1)):totable())
    assert.same({ { 30, 36 }, { 66, 81 } }, (m:slice(1, 2) * m:slice(1, 3, 1, 2)):totable())
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 }, { 7, 8, 9 } }, m:totable())
  end)

  it("name both shapes where they do not fit", function()
    local a, b = matrix(2, 3), matrix(3, 2)
    local expected = "equal shapes expected, or on one side a single row or column of the other's "
      .. "length"
    assert.same("cannot add 2 x 3 and 3 x 2: " .. expected, message(function() return a + b end))
    assert.same("cannot subtract 3 x 2 and 2 x 3: " .. expected,
      message(function() return b - a end))
    assert.same("cannot multiply 2 x 3 and 3 x 2: " .. expected, message(a.mul, a, b))
    assert.same("cannot divide 2 x 3 by 1 x 2: " .. expected, message(a.div, a, matrix(1, 2)))
    assert.same("cannot add 2 x 3 and 1 x 1: " .. expected,
      message(function() return a + matrix(1, 1) end))
    assert.same("cannot add 1 x 3 and 2 x 1: " .. expected,
      message(function() return matrix(1, 3) + matrix(2, 1) end))
  end)

  it("refuse two numbers, which only the metamethods themselves can be given", function()
    for _, event in ipairs { "__add", "__sub", "__mul", "__div", "__unm" } do
      assert.match("^cannot %a+ number %a+ number: matrices and numbers expected$",
        message(getmetatable(matrix(1, 1))[event], 1, 2))
    end
  end)

  it("refuse what is neither a matrix nor a number", function()
    local a = matrix(2, 3)
    assert.same("cannot add 2 x 3 and string: matrices and numbers expected",
      message(function() return a + "1" end))
    assert.same("cannot subtract nil and 2 x 3: matrices and numbers expected",
      message(function() return nil - a end))
    assert.same("cannot multiply 2 x 3 and table: matrices and numbers expected",
      message(function() return a * {} end))
    assert.same("cannot divide 2 x 3 by boolean: matrices and numbers expected",
      message(function() return a / true end))
    assert.same("cannot divide 2 x 3 by 2 x 3 with '/': use a:div(b) element by element, "
      .. "m:solve(b) for a linear system", message(function() return a / a end))
    assert.matches("^cannot divide number by 2 x 3", message(function() return 1 / a end))
  end)
end)

describe("the matrix product", function()
  -- |fl(sum) - sum| <= k eps |a| |b|, with normal numbers below 5 and a little room
  local function close(a, b, rows, inner, cols)
    local expected = naive.product(a, b, rows, inner, cols)
    for _, left in ipairs(both(a, rows, inner)) do
      for _, right in ipairs(both(b, inner, cols)) do
        local c = left * right
        assert.same({ rows, cols }, { c.rows, c.cols })
        for i = 1, rows do
          for j = 1, cols do
            assert.is_true(math.abs(c:get(i, j) - expected[i][j]) <= 25 * inner * 2 ^ -52)
          end
        end
      end
    end
  end

  it("is that of three loops, whatever the shapes", function()
    for _, shape in ipairs { { 0, 0, 0 }, { 0, 3, 2 }, { 3, 0, 2 }, { 3, 2, 0 }, { 1, 1, 1 },
      { 1, 9, 1 }, { 9, 1, 9 }, { 2, 3, 4 }, { 7, 8, 9 }, { 8, 8, 8 }, { 8, 8, 9 }, { 20, 3, 20 },
      { 33, 17, 5 }, { 40, 40, 40 } } do
      local rows, inner, cols = table.unpack(shape)
      close(random_table(rows, inner), random_table(inner, cols), rows, inner, cols)
    end
  end)

  it("of an empty inner dimension is zeros", function()
    assert.same({ { 0, 0 }, { 0, 0 }, { 0, 0 } }, (matrix(3, 0) * matrix(0, 2)):totable())
  end)

  it("names both shapes where they do not fit", function()
    assert.same("cannot multiply 2 x 3 by 2 x 3: the left has 3 columns, the right 2 rows "
      .. "(a:mul(b) multiplies element by element)",
      message(function() return matrix(2, 3) * matrix(2, 3) end))
  end)
end)

describe("comparison of matrices", function()
  it("by == is exact", function()
    local m = matrix { { 1, 2 }, { 3, 4 } }
    assert.is_true(m == m:copy())
    assert.is_true(m == (naive.strided(m)))
    assert.is_true(matrix(1, 1, 0.0) == matrix(1, 1, -0.0))
    local other = m:copy()
    other:set(2, 2, 4 + 2 ^ -50)
    assert.is_false(m == other)
    assert.is_false(m == matrix(2, 3))
    assert.is_true(matrix(0, 3) == matrix(0, 3))
    assert.is_false(matrix(0, 3) == matrix(3, 0))
    assert.is_false(m == 1)
    assert.is_false(m == lsqnet.rng(1))
    local nan = matrix(1, 1, 0 / 0)
    assert.is_false(nan == nan:copy())
  end)

  it("by allclose has a relative and an absolute tolerance", function()
    local one = matrix(1, 2, 1)
    assert.is_true(one:allclose(matrix(1, 2, 1 + 1e-6)))
    assert.is_false(one:allclose(matrix(1, 2, 1 + 2e-5)))
    assert.is_false(one:allclose(matrix(1, 2, 1 + 1e-6), 1e-7))
    assert.is_true(one:allclose(matrix(1, 2, 1.5), 0, 0.5))
    assert.is_false(one:allclose(matrix(1, 2, 1.5), 0, 0.49))
    assert.is_true(matrix(1, 1):allclose(matrix(1, 1, 1e-8)))
    assert.is_false(matrix(1, 1):allclose(matrix(1, 1, 1.1e-8)))
    assert.is_true(one:allclose((naive.strided(one))))
    assert.is_false(one:allclose(matrix(2, 1, 1)))
    local inf = matrix(1, 1, math.huge)
    assert.is_true(inf:allclose(inf:copy()))
    assert.is_false(inf:allclose(-inf))
    assert.is_false(inf:allclose(matrix(1, 1, 1), 1, 1))
    assert.is_false(matrix(1, 1, 0 / 0):allclose(matrix(1, 1, 0 / 0)))
    assert.same("bad argument #2 to 'allclose' (tolerance of at least 0 expected)",
      message(function() one:allclose(one, -1) end))
    assert.same("bad argument #3 to 'allclose' (tolerance of at least 0 expected)",
      message(function() one:allclose(one, 0, 0 / 0) end))
    assert.same("bad argument #1 to 'allclose' (lsqnet.matrix expected, got number)",
      message(function() one:allclose(1) end))
  end)
end)

describe("map", function()
  it("passes value, row and column, row by row", function()
    local seen = {}
    local m = naive.strided({ { 1, 2 }, { 3, 4 } })
    local out = m:map(function(value, i, j)
      seen[#seen + 1] = { value, i, j }
      return value * 10
    end)
    assert.same({ { 10, 20 }, { 30, 40 } }, out:totable())
    assert.same({ { 1, 1, 1 }, { 2, 1, 2 }, { 3, 2, 1 }, { 4, 2, 2 } }, seen)
    assert.same({ 0, 3 }, { matrix(0, 3):map(error).rows, matrix(0, 3):map(error).cols })
  end)

  it("names row and column of what is no number, and lets errors through", function()
    local m = matrix(2, 2)
    assert.same("the function of 'map' returned nil for row 2, column 1, not a number",
      message(m.map, m, function(_, i) return i == 1 and 1 or nil end))
    assert.same("the function of 'map' returned string for row 1, column 1, not a number",
      message(m.map, m, function() return "1" end))
    local thrown = {}
    local ok, caught = pcall(m.map, m, function() error(thrown) end)
    assert.is_false(ok)
    assert.equal(thrown, caught)
    assert.same("bad argument #1 to 'map' (function expected, got number)",
      message(function() m:map(1) end))
  end)

  it("survives a function that collects garbage and writes to the matrix", function()
    local m = matrix(3, 3, 1)
    local out = m:map(function(value, i, j)
      collectgarbage()
      if j < 3 then m:set(i, j + 1, value + 1) end
      return value
    end)
    assert.same({ { 1, 2, 3 }, { 1, 2, 3 }, { 1, 2, 3 } }, out:totable())
  end)
end)
