-- Where the inputs of each column stand, and how one value becomes them.

local level = require "lsqnet.table.level"
local parts = require "lsqnet.encoder.dates"
local core = require "lsqnet.core"

local plan = {}

-- Slots of a category: its levels, "other", "missing"; of two slots the second is an input.
local function category_plan(spec, title, names)
  local slots = {}
  for _, name in ipairs(spec.levels) do slots[#slots + 1] = { "=" .. name, level = name } end
  if spec.other then slots[#slots + 1] = { " other", other = true } end
  if spec.indicator then slots[#slots + 1] = { " missing", missing = true } end
  local entry = { to = {}, other = 0, missing = 0 }
  for k, slot in ipairs(slots) do
    local input = 0
    if #slots > 2 or k == 2 then
      names[#names + 1] = title .. slot[1]
      input = #names
    end
    if slot.level then entry.to[slot.level] = input end
    if slot.other then entry.other = input end
    if slot.missing then entry.missing = input end
  end
  for _, name in ipairs(spec.pooled) do entry.to[name] = entry.other end
  -- Numbers as they come in Lua find their level without being written first.
  entry.fast = {}
  for name, input in pairs(entry.to) do
    entry.fast[name] = input
    local number = tonumber(name)
    if number and level.name(number) == name then entry.fast[number] = input end
  end
  return entry
end

local function number_plan(spec, title, names)
  local entry = { value = 0, flag = 0 }
  if not spec.constant then
    names[#names + 1] = title
    entry.value = #names
  end
  if spec.indicator then
    names[#names + 1] = title .. " missing"
    entry.flag = #names
  end
  return entry
end

local function date_plan(spec, title, names)
  local entry = { value = {}, of = {}, flag = 0 }
  for k, name in ipairs(spec.parts) do
    names[#names + 1] = title .. ": " .. name
    entry.value[k] = #names
    entry.of[k] = parts.named(spec.type, name)
  end
  if spec.indicator then
    names[#names + 1] = title .. " missing"
    entry.flag = #names
  end
  return entry
end

--- Plans the inputs of all columns.
-- @tparam {table,...} specs what `fit` learned, with `title`
-- @treturn {table,...} an entry a column
-- @treturn {string,...} the names of the inputs
function plan.make(specs)
  local entries, names = {}, {}
  for k, spec in ipairs(specs) do
    local make = spec.type == "number" and number_plan or spec.type == "category" and category_plan
      or date_plan
    entries[k] = make(spec, spec.title, names)
  end
  return entries, names
end

-- The value of a date in a row: days or hours; nil where it is missing, false where it is none.
local function date_value(spec, value)
  if value == nil or value == "" or value ~= value then return nil end
  if type(value) == "number" then return value end
  return type(value) == "string"
    and core.table.parse_date(value:match("^%s*(.-)%s*$"), spec.format) or false
end

local function put_number(spec, entry, value, out)
  if type(value) == "string" then
    local text = value
    value = tonumber(text)
    if not value and text:find("%S") then return nil, "a number expected, got '" .. text .. "'" end
  elseif value ~= nil and type(value) ~= "number" then
    return nil, "a number expected, got " .. type(value)
  end
  local gap = value == nil or value - value ~= 0
  if entry.value > 0 then out:set(1, entry.value, gap and spec.median or value) end
  if entry.flag > 0 then out:set(1, entry.flag, gap and 1 or 0) end
  return true
end

local function put_category(_, entry, value, out)
  local input = entry.fast[value]
  if not input then
    local name = level.name(value)
    input = name == nil and entry.missing or entry.to[name] or entry.other
  end
  if input > 0 then out:set(1, input, 1) end
  return true
end

local function put_date(spec, entry, given, out)
  local value = date_value(spec, given)
  if value == false then
    return nil, ("a %s expected, got '%s'"):format(spec.type, tostring(given))
  end
  for k, input in ipairs(entry.value) do
    out:set(1, input, value and entry.of[k](value, spec.median) or spec.fills[k])
  end
  if entry.flag > 0 then out:set(1, entry.flag, value and 0 or 1) end
  return true
end

local PUT = { number = put_number, category = put_category, date = put_date, time = put_date }

--- Writes one value into a row of zeros.
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function plan.put(spec, entry, value, out)
  return PUT[spec.type](spec, entry, value, out)
end

return plan
