-- Reading what is to be drawn. Errors are raised without a position: lsqnet.plot adds its caller's.

local options = require "lsqnet.options"

local values = {}

local function fail(message, ...)
  error(message:format(...), 0)
end

values.fail = fail

function values.is_matrix(value)
  return options.typename(value) == "lsqnet.matrix"
end

function values.is_finite(v)
  return v - v == 0
end

-- A new list of the numbers of a list, or of a matrix of one row or column.
function values.numbers(value, what)
  local list
  if values.is_matrix(value) then
    if value.rows ~= 1 and value.cols ~= 1 then
      fail("%s: one row or column expected, got a matrix of %d x %d", what, value.rows, value.cols)
    end
    list = value:reshape(1, value.rows * value.cols):totable()[1]
  elseif type(value) == "table" then
    list = table.move(value, 1, #value, 1, {})
  else
    fail("%s: a list or a matrix expected, got %s", what, options.typename(value))
  end
  for i, v in ipairs(list) do
    if type(v) ~= "number" then
      fail("%s: a number expected at position %d, got %s", what, i, options.typename(v))
    end
  end
  return list
end

-- The smallest and the largest finite element of a list of rows, of those above 0 if so asked; nil
-- when there is none.
function values.extent(rows, positive)
  local low, high
  for _, row in ipairs(rows) do
    for _, v in ipairs(row) do
      if values.is_finite(v) and (v > 0 or not positive) then
        low, high = math.min(low or v, v), math.max(high or v, v)
      end
    end
  end
  return low, high
end

-- Reads a list of things to draw, or one of them: a matrix, a list of numbers, or a table that
-- has `field`. `read(entry, position)` reads each.
function values.each(given, field, read)
  local single = values.is_matrix(given)
    or type(given) == "table" and (given[field] ~= nil or type(given[1]) == "number")
  if single then given = { given } end
  if type(given) ~= "table" then
    fail("what to draw: a list expected, got %s", options.typename(given))
  end
  if #given == 0 then fail("what to draw: at least one entry expected, got none") end
  local list = {}
  for i, entry in ipairs(given) do list[i] = read(entry, i) end
  return list
end

-- Checks an option that is a pair of numbers, the first the lower.
function values.check_pair(pair, name)
  if pair == nil then return end
  local low, high = pair[1], pair[2]
  local sound = #pair == 2 and type(low) == "number" and type(high) == "number"
    and values.is_finite(low) and values.is_finite(high) and low < high
  if not sound then
    fail("option '%s': two finite numbers, the lower first, expected", name)
  end
end

return values
