local lsqnet = require "lsqnet"
local naive = require "naive"
local matrix, message = lsqnet.matrix, naive.message

local function counted(rows, cols)
  return matrix(rows, cols):map(function(_, i, j) return 10 * i + j end)
end

describe("matrix elements", function()
  it("are read and written", function()
    local m = counted(3, 4)
    assert.same(23, m:get(2, 3))
    assert.same(23, m:get(2.0, 3.0))
    m:set(2, 3, -1.5)
    assert.same({ { 11, 12, 13, 14 }, { 21, 22, -1.5, 24 }, { 31, 32, 33, 34 } }, m:totable())
  end)

  it("are guarded by messages that name the index and the shape", function()
    local m = counted(4, 3)
    assert.same("bad argument #1 to 'get' (row 5 out of range 1..4 of a 4 x 3 matrix)",
      message(function() m:get(5, 1) end))
    assert.same("bad argument #2 to 'get' (column 0 out of range 1..3 of a 4 x 3 matrix)",
      message(function() m:get(1, 0) end))
    assert.same("bad argument #1 to 'set' (row -1 out of range 1..4 of a 4 x 3 matrix)",
      message(function() m:set(-1, 1, 0) end))
    assert.same("bad argument #2 to 'set' (column 4 out of range 1..3 of a 4 x 3 matrix)",
      message(function() m:set(1, 4, 0) end))
    assert.same("bad argument #3 to 'set' (number expected, got nil)",
      message(function() m:set(1, 1, nil) end))
    assert.same("bad argument #1 to 'get' (number has no integer representation)",
      message(function() m:get(1.5, 1) end))
    assert.same("bad argument #1 to 'row' (row 1 out of range 1..0 of a 0 x 3 matrix)",
      message(function() matrix(0, 3):row(1) end))
    assert.matches("lsqnet.matrix expected, got table", message(m.get, {}, 1, 1))
  end)

  it("have read-only fields beside them", function()
    local m = counted(2, 3)
    assert.same({ 2, 3, 2 }, { m.rows, m.cols, #m })
    assert.same("integer", math.type(m.rows))
    assert.is_nil(m.size)
    assert.is_nil(m[1])
    assert.same("cannot assign field 'rows' of a matrix: rows and cols are read-only, and elements "
      .. "are written by m:set(i, j, value)", message(function() m.rows = 3 end))
    assert.matches("cannot assign field '1'", message(function() m[1] = 3 end))
    assert.same({ 2, 3 }, { m.rows, m.cols })
  end)
end)

describe("matrix views", function()
  it("write through to their owner", function()
    local m = counted(4, 5)
    local row, block = m:row(2), m:slice(2, 3, 4, 5)
    assert.same({ { 21, 22, 23, 24, 25 } }, row:totable())
    assert.same({ { 24, 25 }, { 34, 35 } }, block:totable())
    block:set(1, 1, 0)
    assert.same(0, m:get(2, 4))
    assert.same(0, row:get(1, 4))
    m:set(3, 5, -1)
    assert.same(-1, block:get(2, 2))
    assert.same({ { 14 }, { 0 } }, m:slice(1, 3):slice(1, 2, 4, 4):totable())
  end)

  it("may be empty", function()
    local m = counted(3, 2)
    for _, v in ipairs { m:slice(1, 0), m:slice(4, 3), m:slice(2, 1) } do
      assert.same({ 0, 2 }, { v.rows, v.cols })
    end
    local v = m:slice(1, 3, 3, 2)
    assert.same({ 3, 0 }, { v.rows, v.cols })
    assert.same({ 0, 0 }, { m:slice(4, 3, 3, 2).rows, m:slice(4, 3, 3, 2).cols })
    assert.same(0, v:sum())
  end)

  it("refuse ranges outside", function()
    local m = counted(3, 2)
    assert.same("bad argument #1 to 'slice' (row range 2..4 not within 1..3 of a 3 x 2 matrix)",
      message(function() m:slice(2, 4) end))
    assert.same("bad argument #1 to 'slice' (row range 0..1 not within 1..3 of a 3 x 2 matrix)",
      message(function() m:slice(0, 1) end))
    assert.same("bad argument #1 to 'slice' (row range 3..1 not within 1..3 of a 3 x 2 matrix)",
      message(function() m:slice(3, 1) end))
    assert.same("bad argument #3 to 'slice' (column range 1..3 not within 1..2 of a 3 x 2 matrix)",
      message(function() m:slice(1, 3, 1, 3) end))
    assert.same("bad argument #1 to 'slice' (row range 5..4 not within 1..3 of a 3 x 2 matrix)",
      message(function() m:slice(5, 4) end))
    assert.same("bad argument #4 to 'slice' (number expected, got no value)",
      message(function() m:slice(1, 3, 1) end))
    assert.matches("not within", message(function() m:slice(math.mininteger, math.maxinteger) end))
    assert.matches("not within", message(function() m:slice(1, math.mininteger) end))
  end)

  it("outlive their owners in every mode of the collector", function()
    for _, mode in ipairs { "generational", "incremental" } do
      collectgarbage(mode)
      local views = {}
      for k = 1, 200 do
        local owner = matrix(50, 40, k)
        views[k] = owner:slice(3, 20):slice(2, 10, 5, 9):row(1)
        if k % 50 == 0 then collectgarbage() end
      end
      for _ = 1, 20 do assert(matrix(100, 100, -1)) end
      collectgarbage()
      for k, view in ipairs(views) do assert.same(5 * k, view:sum()) end
    end
    collectgarbage("incremental")
  end)

  it("keep the owner of the elements alive, and no more", function()
    local alive = setmetatable({}, { __mode = "k" })
    local owner = matrix(2, 2, 3)
    local between = owner:slice(1, 2)
    local last = between:row(1)
    alive[owner], alive[between] = "owner", "between"
    owner, between = nil, nil -- luacheck: ignore
    collectgarbage()
    local left = {}
    for _, name in pairs(alive) do left[#left + 1] = name end
    assert.same({ "owner" }, left)
    assert.same(6, last:sum())
    last = nil -- luacheck: ignore
    collectgarbage()
    assert.is_nil(next(alive))
  end)
end)

describe("matrix copies", function()
  it("share nothing", function()
    local m = counted(2, 2)
    for _, c in ipairs { m:copy(), m:t(), m:reshape(2, 2), m:columns(1, 2), m:take { 1, 2 },
      m:slice(1, 2):copy(), m:hcat(matrix(2, 0)), m:vcat(matrix(0, 2)) } do
      c:set(1, 1, -99)
      assert.same(11, m:get(1, 1))
    end
  end)

  it("take columns and rows, in any order, with repeats", function()
    for _, m in ipairs { counted(3, 4), (naive.strided(counted(3, 4))) } do
      assert.same({ { 14, 11, 14 }, { 24, 21, 24 }, { 34, 31, 34 } },
        m:columns({ 4, 1, 4 }):totable())
      assert.same({ { 12, 13 }, { 22, 23 }, { 32, 33 } }, m:columns(2, 3):totable())
      assert.same({ { 12 }, { 22 }, { 32 } }, m:columns(2):totable())
      assert.same({ { 31, 32, 33, 34 }, { 11, 12, 13, 14 }, { 31, 32, 33, 34 } },
        m:take({ 3, 1, 3.0 }):totable())
      assert.same({ 0, 4 }, { m:take({}).rows, m:take({}).cols })
      assert.same({ 3, 0 }, { m:columns({}).rows, m:columns({}).cols })
      assert.same({ 3, 0 }, { m:columns(5, 4).rows, m:columns(5, 4).cols })
    end
  end)

  it("name the entry of a list that is no index", function()
    local m = counted(3, 4)
    assert.same("bad argument #1 to 'take' (entry 2 of the list: row 4 out of range 1..3 of a "
      .. "3 x 4 matrix)", message(function() m:take { 1, 4 } end))
    assert.same("bad argument #1 to 'columns' (entry 1 of the list: column 0 out of range 1..4 of "
      .. "a 3 x 4 matrix)", message(function() m:columns { 0 } end))
    assert.same("bad argument #1 to 'take' (entry 2 of the list is no integer but string)",
      message(function() m:take { 1, "2" } end))
    assert.same("bad argument #1 to 'take' (entry 1 of the list is no integer but 1.5)",
      message(function() m:take { 1.5 } end))
    assert.same("bad argument #1 to 'take' (table expected, got number)",
      message(function() m:take(1) end))
    assert.same("bad argument #1 to 'columns' (column range 3..5 not within 1..4 of a 3 x 4 "
      .. "matrix)", message(function() m:columns(3, 5) end))
    assert.same("bad argument #1 to 'columns' (column 5 out of range 1..4 of a 3 x 4 matrix)",
      message(function() m:columns(5) end))
  end)

  it("transpose", function()
    for _, shape in ipairs { { 0, 3 }, { 3, 0 }, { 1, 1 }, { 1, 7 }, { 5, 3 }, { 16, 16 },
      { 33, 17 }, { 17, 40 } } do
      local rows, cols = table.unpack(shape)
      local t = naive.build(rows, cols, function(i, j) return i + j / 64 end)
      local m = naive.strided(t, rows, cols)
      local transposed = m:t()
      assert.same({ cols, rows }, { transposed.rows, transposed.cols })
      assert.same(naive.build(cols, rows, function(i, j) return t[j][i] end), transposed:totable())
    end
  end)

  it("reshape row by row", function()
    for _, m in ipairs { counted(2, 3), (naive.strided(counted(2, 3))) } do
      assert.same({ { 11, 12 }, { 13, 21 }, { 22, 23 } }, m:reshape(3, 2):totable())
      assert.same({ { 11, 12, 13, 21, 22, 23 } }, m:reshape(1, 6):totable())
    end
    assert.same({ 5, 0 }, { matrix(0, 2):reshape(5, 0).rows, matrix(0, 2):reshape(5, 0).cols })
    assert.same("cannot reshape 2 x 3 into 4 x 2: 6 numbers do not fill it",
      message(function() counted(2, 3):reshape(4, 2) end))
    assert.same("cannot reshape 2 x 3 into 4611686018427387904 x 4: 6 numbers do not fill it",
      message(function() counted(2, 3):reshape(1 << 62, 4) end))
  end)

  it("stand side by side and on top of each other, with themselves too", function()
    local m = counted(2, 2)
    local block = m:slice(1, 2, 2, 2)
    assert.same({ { 11, 12, 12 }, { 21, 22, 22 } }, m:hcat(block):totable())
    assert.same({ { 12, 12 }, { 22, 22 } }, block:hcat(block):totable())
    assert.same({ { 11, 12 }, { 21, 22 }, { 21, 22 } }, m:vcat(m:row(2)):totable())
    assert.same("cannot put 2 x 2 and 3 x 1 side by side: the rows differ",
      message(function() m:hcat(matrix(3, 1)) end))
    assert.same("cannot put 2 x 2 above 1 x 3: the columns differ",
      message(function() m:vcat(matrix(1, 3)) end))
  end)
end)

describe("tostring of a matrix", function()
  it("aligns small ones", function()
    assert.same("matrix 2 x 2\n      1  -2.5\n  1e+20   nan",
      tostring(matrix { { 1, -2.5 }, { 1e20, 0 / 0 } }))
    assert.same("matrix 1 x 3\n  0.333333  -inf  nan",
      tostring(matrix { { 1 / 3, -math.huge, -(0 / 0) } }))
    assert.same("matrix 0 x 3", tostring(matrix(0, 3)))
    assert.same("matrix 3 x 0", tostring(matrix(3, 0)))
  end)

  it("elides the middle of large ones", function()
    local lines = {}
    for line in tostring(counted(30, 12)):gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.same(12, #lines)
    assert.same("matrix 30 x 12", lines[1])
    assert.same("   11   12   13   14   15  ...   18   19   20   21   22", lines[2])
    assert.same("  ...  ...  ...  ...  ...  ...  ...  ...  ...  ...  ...", lines[7])
    assert.same("  301  302  303  304  305  ...  308  309  310  311  312", lines[12])
    assert.same(11, select(2, tostring(counted(10, 10)):gsub("\n", "\n")) + 1)
    assert.is_nil(tostring(counted(10, 10)):find("...", 1, true))
  end)
end)
