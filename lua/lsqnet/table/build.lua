-- Columns of a table from lists in Lua.

local core = require "lsqnet.core"
local level = require "lsqnet.table.level"
local options = require "lsqnet.options"

local NONE <const> = 0 / 0

-- { { name, list }, ... } in the order that the columns have.
local function pairs_of(values, order)
  if #values > 0 then return values end
  local list = {}
  if order then
    for k, name in ipairs(order) do
      if values[name] == nil then
        error(("option 'names': there is no column '%s'"):format(tostring(name)), 4)
      end
      list[k] = { name, values[name] }
    end
    return list
  end
  for name, column in pairs(values) do list[#list + 1] = { name, column } end
  table.sort(list, function(a, b) return level.before(tostring(a[1]), tostring(b[1])) end)
  return list
end

local function length_of(list, name)
  if options.typename(list) == "lsqnet.matrix" then
    if list.cols ~= 1 then
      error(("bad argument #1 to 'table' (column '%s': one column expected, got %d)")
            :format(name, list.cols), 4)
    end
    return list.rows
  elseif type(list) ~= "table" then
    error(("bad argument #1 to 'table' (column '%s': a list or a matrix expected, got %s)")
          :format(name, options.typename(list)), 4)
  end
  local length = 0
  for key in pairs(list) do
    if math.type(key) ~= "integer" or key < 1 then
      error(("bad argument #1 to 'table' (column '%s': a list expected)"):format(name), 4)
    end
    length = math.max(length, key)
  end
  return length
end

local function is_missing(value)
  return value == nil or value ~= value or value == ""
end

-- Whether all values are numbers.
local function are_numbers(list, rows)
  for i = 1, rows do
    if not is_missing(list[i]) and type(list[i]) ~= "number" then return false end
  end
  return true
end

local function numbers(list, rows)
  local values = core.matrix(rows, 1, NONE)
  for i = 1, rows do
    local value = list[i]
    if not is_missing(value) then values:set(i, 1, value) end
  end
  return values
end

-- Whether every value that is there is a text of a format.
local function dated(list, rows, format)
  local values, found = core.matrix(rows, 1, NONE), false
  for i = 1, rows do
    local value = list[i]
    if not is_missing(value) then
      local parsed = type(value) == "string"
        and core.table.parse_date(value:match("^%s*(.-)%s*$"), format)
      if not parsed then return nil end
      values:set(i, 1, parsed)
      found = true
    end
  end
  return found and values or nil
end

local function as_dates(list, rows, name, order)
  local fitting
  for _, format in ipairs { "iso", "time", "dmy", "mdy" } do
    local barred = order and (format == "dmy" or format == "mdy") and format ~= order
    local values = not barred and dated(list, rows, format)
    if values and fitting then
      error(("bad argument #1 to 'table' (column '%s': the option 'date_order', 'dmy' or 'mdy', "
             .. "says which comes first)"):format(name), 4)
    elseif values then
      fitting = { type = format == "time" and "time" or "date", format = format, values = values }
    end
  end
  return fitting
end

local function as_category(list, rows)
  local codes, levels = {}, {}
  for i = 1, rows do
    local name = level.name(list[i])
    if name and not codes[name] then
      codes[name] = true
      levels[#levels + 1] = name
    end
  end
  table.sort(levels, level.before)
  for code, name in ipairs(levels) do codes[name] = code end
  local values = core.matrix(rows, 1, NONE)
  for i = 1, rows do
    local name = level.name(list[i])
    if name then values:set(i, 1, codes[name]) end
  end
  return { type = "category", levels = levels, values = values }
end

-- Elements of a matrix as a list.
local function listed(list)
  if type(list) == "table" then return list end
  local elements = {}
  for i = 1, list.rows do elements[i] = list:get(i, 1) end
  return elements
end

local function column_of(list, rows, name, asked, order)
  if asked == "category" then return as_category(listed(list), rows) end
  if type(list) ~= "table" then return { type = "number", values = list:copy() } end
  if asked ~= "date" and are_numbers(list, rows) then
    return { type = "number", values = numbers(list, rows) }
  elseif asked == "number" then
    error(("bad argument #1 to 'table' (column '%s': numbers expected)"):format(name), 4)
  end
  local found = as_dates(list, rows, name, order)
  if not found and asked == "date" then
    error(("bad argument #1 to 'table' (column '%s': dates expected)"):format(name), 4)
  end
  return found or as_category(list, rows)
end

local OPTIONS = { names = { type = "table" }, rows = { type = "integer", minimum = 0 },
                  types = { type = "table", default = {} },
                  date_order = { choices = { "dmy", "mdy" } } }

return function(values, opts)
  local o = options.read(opts, OPTIONS, 4)
  local given, rows = pairs_of(values, o.names), o.rows
  for _, entry in ipairs(given) do
    if type(entry) ~= "table" or type(entry[1]) ~= "string" then
      error("bad argument #1 to 'table' (names of columns are strings)", 3)
    end
    local length = length_of(entry[2], entry[1])
    if not o.rows then rows = math.max(rows or 0, length) end
    local fixed = type(entry[2]) ~= "table"
    if length > rows or fixed and length ~= rows and o.rows then
      error(("bad argument #1 to 'table' (column '%s': %d rows expected, got %d)")
            :format(entry[1], rows, length), 3)
    end
  end
  rows = rows or 0
  local list = {}
  for k, entry in ipairs(given) do
    local name, values_of = entry[1], entry[2]
    if type(values_of) ~= "table" and values_of.rows ~= rows then
      error(("bad argument #1 to 'table' (column '%s': %d rows expected, got %d)")
            :format(name, rows, values_of.rows), 3)
    end
    local asked = o.types[name]
    if asked ~= "skip" then
      local column = column_of(values_of, rows, name, asked, o.date_order)
      column.name, column.position = name, k
      list[#list + 1] = column
    end
  end
  return list, rows
end
