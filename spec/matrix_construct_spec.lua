local lsqnet = require "lsqnet"
local naive = require "naive"
local matrix, message = lsqnet.matrix, naive.message

describe("matrix constructors", function()
  it("take a table of rows", function()
    local m = matrix { { 1, 2, 3 }, { 4, 5.5, -6 } }
    assert.same({ 2, 3, 2 }, { m.rows, m.cols, #m })
    assert.same({ { 1, 2, 3 }, { 4, 5.5, -6 } }, m:totable())
    assert.same("float", math.type(m:get(1, 1)))
  end)

  it("take a list of numbers as one column", function()
    local m = matrix { 1, 2, 3 }
    assert.same({ 3, 1 }, { m.rows, m.cols })
    assert.same({ { 1 }, { 2 }, { 3 } }, m:totable())
  end)

  it("take a shape and a number to fill it", function()
    assert.same({ { 0, 0 } }, matrix(1, 2):totable())
    assert.same({ { 7 }, { 7 } }, matrix(2, 1, 7):totable())
    assert.same({ { 0, 0 } }, matrix.zeros(1, 2):totable())
    assert.same({ { 0 } }, matrix(1.0, 1.0):totable())
  end)

  it("make empty matrices of every shape", function()
    for _, shape in ipairs { { 0, 0 }, { 0, 3 }, { 3, 0 } } do
      local m = matrix(table.unpack(shape))
      assert.same(shape, { m.rows, m.cols })
    end
    assert.same({ 0, 0 }, { matrix({}).rows, matrix({}).cols })
    assert.same({ 2, 0 }, { matrix({ {}, {} }).rows, matrix({ {}, {} }).cols })
    assert.same({ 0, 0 }, { matrix.eye(0).rows, matrix.eye(0).cols })
    assert.same({ 0, 1 }, { matrix.linspace(0, 1, 0).rows, matrix.linspace(0, 1, 0).cols })
    assert.same({ {}, {} }, matrix(2, 0):totable())
    assert.same({}, matrix(0, 2):totable())
  end)

  it("store nan and infinities as they are", function()
    local m = matrix { { 0 / 0, math.huge }, { -math.huge, -0.0 } }
    assert.is_true(m:get(1, 1) ~= m:get(1, 1))
    assert.same({ math.huge, -math.huge }, { m:get(1, 2), m:get(2, 1) })
    assert.same(-math.huge, 1 / m:get(2, 2))
  end)

  it("align the elements to a cache line", function()
    for n = 1, 20 do
      assert.same(n * n, matrix(n, n, 1):sum())
    end
  end)

  it("name row and column of what is not a number, or ragged", function()
    assert.same("bad argument #1 to 'matrix' (number expected in row 2, column 1, got string)",
      message(function() return lsqnet.matrix { { 1, 2 }, { "3", 4 } } end))
    assert.same("bad argument #1 to 'matrix' (number expected in row 3, column 1, got boolean)",
      message(function() return lsqnet.matrix { 1, 2, true } end))
    assert.same("bad argument #1 to 'matrix' (number expected in row 1, column 1, got string)",
      message(function() return lsqnet.matrix { "a" } end))
    assert.same("bad argument #1 to 'matrix' (row 2 has 3 values, row 1 has 2)",
      message(function() return lsqnet.matrix { { 1, 2 }, { 3, 4, 5 } } end))
    assert.same("bad argument #1 to 'matrix' (row 2 is no list of numbers but a number)",
      message(function() return lsqnet.matrix { { 1, 2 }, 3 } end))
    assert.same("bad argument #1 to 'matrix' (number expected in row 2, column 1, got table)",
      message(function() return lsqnet.matrix { 1, { 2 } } end))
  end)

  it("refuse what is no shape", function()
    assert.same("bad argument #1 to 'matrix' (rows expected to be at least 0, got -1)",
      message(function() return lsqnet.matrix(-1, 2) end))
    assert.same("bad argument #2 to 'matrix' (columns expected to be at least 0, got -2)",
      message(function() return lsqnet.matrix(1, -2) end))
    assert.same("bad argument #2 to 'matrix' (number has no integer representation)",
      message(function() return lsqnet.matrix(1, 2.5) end))
    assert.same("bad argument #1 to 'matrix' (table or number of rows expected, got no value)",
      message(function() return lsqnet.matrix() end))
    assert.same("bad argument #1 to 'matrix' (table or number of rows expected, got string)",
      message(function() return lsqnet.matrix("2") end))
    assert.same("bad argument #3 to 'matrix' (number expected, got table)",
      message(function() return lsqnet.matrix(1, 1, {}) end))
  end)

  it("refuse sizes that overflow before they allocate", function()
    assert.same("a matrix of 4294967296 x 4294967296 numbers does not fit the address space",
      message(function() return matrix(1 << 32, 1 << 32) end))
    assert.same("a matrix of 3037000500 x 3037000500 numbers does not fit the address space",
      message(function() return matrix.eye(3037000500) end))
    assert.same("a matrix of 1152921504606846976 x 1 numbers does not fit the address space",
      message(function() return matrix.linspace(0, 1, 1 << 60) end))
    assert.same("not enough memory", message(function() return matrix(1 << 28, 1 << 28) end))
    assert.same("a matrix of 9223372036854775807 x 0 numbers does not fit the address space",
      message(function() return matrix(math.maxinteger, 0) end))
    assert.same("a matrix of 0 x 4294967296 numbers does not fit the address space",
      message(function() return matrix(0, 1 << 32) end))
  end)

  it("make the identity", function()
    assert.same({ { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } }, matrix.eye(3):totable())
  end)

  it("space numbers equally, ends exact, symmetric ends symmetric", function()
    assert.same({ { 0 }, { 0.25 }, { 0.5 }, { 0.75 }, { 1 } }, matrix.linspace(0, 1, 5):totable())
    assert.same({ { 3 } }, matrix.linspace(3, 9, 1):totable())
    local m = matrix.linspace(-0.1, 0.1, 12)
    assert.same({ -0.1, 0.1 }, { m:get(1, 1), m:get(12, 1) })
    for i = 1, 12 do
      assert.same(-m:get(i, 1), m:get(13 - i, 1))
      assert.is_true(math.abs(m:get(i, 1) - (-0.1 + (i - 1) * 0.2 / 11)) <= 2 ^ -54)
    end
    assert.same({ { 1e308 }, { 0 }, { -1e308 } }, matrix.linspace(1e308, -1e308, 3):totable())
  end)

  it("draw random numbers row by row from the generator given", function()
    local rng, other = lsqnet.rng(5), lsqnet.rng(5)
    local uniform, normal = matrix.rand(3, 2, rng), matrix.randn(2, 3, rng)
    for i = 1, 3 do
      for j = 1, 2 do assert.same(other:uniform(), uniform:get(i, j)) end
    end
    for i = 1, 2 do
      for j = 1, 3 do assert.same(other:normal(), normal:get(i, j)) end
    end
    assert.same(other:state(), rng:state())
  end)

  it("draw from a fresh generator of seed 1 without one", function()
    assert.is_true(matrix.rand(2, 3) == matrix.rand(2, 3))
    assert.is_true(matrix.rand(2, 3) == matrix.rand(2, 3, lsqnet.rng(1)))
    assert.is_true(matrix.randn(2, 3) == matrix.randn(2, 3, lsqnet.rng(1)))
    assert.matches("lsqnet.rng expected", message(matrix.rand, 1, 1, 7))
  end)

  it("let the collector see how large they are", function()
    collectgarbage()
    local before, peak = collectgarbage("count"), 0
    for _ = 1, 400 do
      local m = matrix(1000, 100)
      assert(m.rows == 1000)
      peak = math.max(peak, collectgarbage("count"))
    end
    assert.is_true(peak - before < 20 * 1024, "kilobytes: " .. peak - before)
  end)
end)
