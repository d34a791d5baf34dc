local lsqnet = require "lsqnet"
local naive = require "naive"
local matrix, message = lsqnet.matrix, naive.message

local NAN = 0 / 0
local EPS = 2 ^ -52

-- The numbers that one result is made of, for each axis: a list of lists.
local function lines(t, rows, cols, axis)
  local out = {}
  if axis == "rows" then
    for j = 1, cols do
      out[j] = {}
      for i = 1, rows do out[j][i] = t[i][j] end
    end
  elseif axis == "cols" then
    for i = 1, rows do out[i] = { table.unpack(t[i]) } end
  else
    out[1] = {}
    for i = 1, rows do
      for j = 1, cols do out[1][#out[1] + 1] = t[i][j] end
    end
  end
  return out
end

local NAIVE = {}

function NAIVE.sum(list)
  local sum = 0
  for _, x in ipairs(list) do sum = sum + x end
  return sum
end

function NAIVE.mean(list)
  return NAIVE.sum(list) / #list
end

function NAIVE.std(list)
  local mean, sum = NAIVE.mean(list), 0
  for _, x in ipairs(list) do sum = sum + (x - mean) ^ 2 end
  return (sum / (#list - 1)) ^ 0.5
end

function NAIVE.min(list)
  return math.min(table.unpack(list))
end

function NAIVE.max(list)
  return math.max(table.unpack(list))
end

local function results(m, name, axis)
  local out = m[name](m, axis)
  if axis == nil then return { out } end
  assert.same(axis == "rows" and { 1, m.cols } or { m.rows, 1 }, { out.rows, out.cols })
  return lines(out:totable(), out.rows, out.cols)[1]
end

-- Against the naive sum of the same numbers: that one is the less accurate.
local function close(expected, got, list)
  if expected ~= expected then return got ~= got end
  local scale = 0
  for _, x in ipairs(list) do scale = scale + math.abs(x) end
  return math.abs(expected - got) <= #list * EPS * math.max(scale, 1)
end

describe("reductions", function()
  local rng = lsqnet.rng(3)
  local SHAPES = { { 1, 1 }, { 1, 9 }, { 9, 1 }, { 2, 2 }, { 5, 3 }, { 3, 5 }, { 8, 8 }, { 7, 65 },
    { 3, 130 }, { 64, 9 } }

  for _, name in ipairs { "sum", "mean", "std", "min", "max" } do
    it(name .. " like a loop, over all shapes, axes and strides", function()
      for _, shape in ipairs(SHAPES) do
        local rows, cols = table.unpack(shape)
        local t = naive.build(rows, cols, function() return rng:normal() end)
        local view = naive.strided(t, rows, cols)
        for _, m in ipairs { view, view:copy() } do
          for _, axis in ipairs { "none", "rows", "cols" } do
            if axis == "none" then axis = nil end
            local got = results(m, name, axis)
            local parts = lines(t, rows, cols, axis)
            assert.same(#parts, #got)
            for k, list in ipairs(parts) do
              assert.is_true(close(NAIVE[name](list), got[k], list))
            end
          end
        end
      end
    end)
  end

  it("sum nothing to 0", function()
    assert.same(0, matrix(0, 3):sum())
    assert.same(0, matrix(3, 0):sum())
    assert.same({ { 0, 0, 0 } }, matrix(0, 3):sum("rows"):totable())
    assert.same({ { 0 }, { 0 } }, matrix(2, 0):sum("cols"):totable())
    assert.same({ 1, 0 }, { matrix(3, 0):sum("rows").rows, matrix(3, 0):sum("rows").cols })
    assert.same({ 0, 1 }, { matrix(0, 3):sum("cols").rows, matrix(0, 3):sum("cols").cols })
    assert.same(0, matrix(0, 3):norm())
  end)

  it("have no mean, deviation or extreme of nothing", function()
    for _, name in ipairs { "mean", "std", "min", "max" } do
      local m = matrix(0, 3)
      assert.same("there is no " .. name .. " of nothing: the matrix is 0 x 3", message(m[name], m))
      assert.same("there is no " .. name .. " of nothing: the matrix is 0 x 3",
        message(m[name], m, "rows"))
      assert.same(0, m[name](m, "cols").rows)
      local n = matrix(3, 0)
      assert.same("there is no " .. name .. " of nothing: the matrix is 3 x 0",
        message(n[name], n, "cols"))
      assert.same(0, n[name](n, "rows").cols)
    end
  end)

  it("know two axes", function()
    local m = matrix(2, 2)
    assert.same("bad argument #1 to 'sum' (axis \"rows\" or \"cols\" expected, got row)",
      message(function() m:sum("row") end))
    assert.same("bad argument #1 to 'max' (axis \"rows\" or \"cols\" expected, got 1)",
      message(function() m:max(1) end))
    assert.same(0, m:sum(nil))
  end)

  it("round a sum once, however much cancels", function()
    assert.same(2, matrix({ 1, 1e100, 1, -1e100 }):sum())
    assert.same({ { 2, 2 } }, matrix({ { 1, 1 }, { 1e100, 1e30 }, { 1, 1 }, { -1e100, -1e30 } })
      :sum("rows"):totable())
    assert.same(2, matrix({ { 1, 1e100, 1, -1e100 } }):sum("cols"):get(1, 1))
    assert.same(1e5, matrix(1000, 1000, 0.1):sum())
  end)

  it("give the mean of equal numbers as that number, with no deviation", function()
    for _, value in ipairs { 0.1, 1 / 3, -12345.678, 1e-300, 1e300, 0 } do
      for _, n in ipairs { 2, 3, 7, 10, 1000 } do
        local m = matrix(n, 2, value)
        assert.same({ { value, value } }, m:mean("rows"):totable())
        assert.same(value, m:mean())
        assert.same({ { 0, 0 } }, m:std("rows"):totable())
        assert.same(0, m:std())
        assert.same({ 0, 0 }, { m:slice(1, n, 2, 2):std(), m:t():std("cols"):get(1, 1) })
      end
    end
  end)

  it("take the deviation of data far from 0, of any size", function()
    local base = matrix.linspace(-1, 1, 101)
    local expected = base:std()
    local offset = 2 ^ 30
    -- the data themselves are rounded to offset * EPS / 2
    assert.is_true(math.abs((base + offset):std() - expected) <= offset * EPS)
    assert.same(1, matrix({ 1e15, 1e15 + 1, 1e15 + 2 }):std())
    -- the mean, 2^52 + 0.5, is no double
    local apart = matrix { { 2 ^ 52 }, { 2 ^ 52 + 1 } }
    assert.same({ 0.5 ^ 0.5, 0.5 ^ 0.5 }, { apart:std(), apart:std("rows"):get(1, 1) })
    assert.same({ { 1 } }, matrix({ 1e15, 1e15 + 1, 1e15 + 2 }):std("rows"):totable())
    for _, scale in ipairs { 2 ^ 1000, 2 ^ -1000, 2 ^ -1040 } do
      local m = base:map(function(x) return x * scale end)
      -- below 2^-1022 the data are multiples of 2^-1074
      local tolerance = math.max(4 * EPS, 2 ^ -1074 / scale)
      assert.is_true(math.abs(m:std() / scale / expected - 1) <= tolerance)
      assert.is_true(math.abs(m:std("rows"):get(1, 1) / scale / expected - 1) <= tolerance)
    end
    assert.is_true(matrix(1, 1, 5):std() ~= matrix(1, 1, 5):std())
  end)

  it("keep columns of very different size apart", function()
    local m = matrix { { 1e-200, 1, 1e200, 7 }, { 3e-200, 3, 3e200, 7 } }
    local std = m:std("rows")
    for j, size in ipairs { 1e-200, 1, 1e200 } do
      assert.is_true(math.abs(std:get(1, j) / size - 2 ^ 0.5) <= 4 * EPS)
    end
    assert.same(0, std:get(1, 4))
  end)

  it("take the norm without overflow or underflow", function()
    assert.same(5, matrix({ 3, 4 }):norm())
    assert.same(5 * 2 ^ 1000, matrix({ 3 * 2 ^ 1000, 4 * 2 ^ 1000 }):norm())
    assert.same(5 * 2 ^ -1060, matrix({ 3 * 2 ^ -1060, 4 * 2 ^ -1060 }):norm())
    assert.same(5, (naive.strided { { 3, 0 }, { 0, -4 } }):norm())
    assert.same(0, matrix(3, 3):norm())
    assert.same(math.huge, matrix({ 1, -math.huge }):norm())
    assert.is_true(matrix({ 1, NAN }):norm() ~= matrix({ 1, NAN }):norm())
  end)

  it("let nan and infinities through, wherever they are", function()
    for k = 1, 20 do
      local m = matrix(20, 1, 1)
      m:set(k, 1, NAN)
      for _, axis in ipairs { "none", "rows" } do
        for _, name in ipairs { "sum", "mean", "std", "min", "max" } do
          local x = results(m, name, axis == "rows" and axis or nil)[1]
          assert.is_true(x ~= x)
          x = results(m:t(), name, axis == "rows" and "cols" or nil)[1]
          assert.is_true(x ~= x)
        end
      end
      m:set(k, 1, math.huge)
      assert.same(math.huge, m:sum())
      assert.same(math.huge, m:mean())
      assert.same(math.huge, m:max())
      assert.same(1, m:min())
      assert.same(math.huge, m:sum("rows"):get(1, 1))
    end
    local m = matrix { math.huge, -math.huge }
    assert.is_true(m:sum() ~= m:sum())
  end)
end)
