--- Matrices as tables of rows, computed in the plainest way: what the matrix specs compare with.
local lsqnet = require "lsqnet"
local naive = {}

--- A matrix with the elements of m (a table of rows, or a matrix), as a view in the middle of a
-- larger one full of nan: its stride is not its width, and reading past its edges shows.
function naive.strided(m, rows, cols)
  local t = type(m) == "table" and m or m:totable()
  rows, cols = rows or #t, cols or m.cols or #t[1]
  local outer = lsqnet.matrix(rows + 2, cols + 3, 0 / 0)
  local view = outer:slice(2, rows + 1, 3, cols + 2)
  for i = 1, rows do
    for j = 1, cols do view:set(i, j, t[i][j]) end
  end
  return view, outer
end

--- Tables of rows from a function of row and column.
function naive.build(rows, cols, f)
  local t = {}
  for i = 1, rows do
    t[i] = {}
    for j = 1, cols do t[i][j] = f(i, j) end
  end
  return t
end

--- a b, a rows x inner, b inner x cols.
function naive.product(a, b, rows, inner, cols)
  return naive.build(rows, cols, function(i, j)
    local sum = 0
    for k = 1, inner do sum = sum + a[i][k] * b[k][j] end
    return sum
  end)
end

--- The largest |a - b| of two matrices; fails for different shapes. Not math.max, which loses a
-- nan.
function naive.distance(a, b)
  assert(a.rows == b.rows and a.cols == b.cols,
    ("%d x %d against %d x %d"):format(a.rows, a.cols, b.rows, b.cols))
  local largest = 0
  for i = 1, a.rows do
    for j = 1, a.cols do
      local d = math.abs(a:get(i, j) - b:get(i, j))
      if d > largest or d ~= d then largest = d end
    end
  end
  return largest
end

--- The message with which f(...) raises, without its position.
function naive.message(f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "no error was raised")
  return (tostring(message):gsub("^[^:]+:%d+: ", ""))
end

return naive
