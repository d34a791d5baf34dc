-- Columns of a table by position and name: what a person writes and which columns that means.
-- A bare number is always a position; a name made of digits is written `name=2`.

local options = require "lsqnet.options"

local columns = {}

--- What a column is called in messages: its name, or its position where it has none.
function columns.title(names, k)
  local name = names[k]
  if not name or name == "" then return "column " .. k end
  return (name:gsub("%c+", " "))
end

local function by_position(names, number)
  if number < 1 or number > #names then
    return nil, ("column %d wanted, there %s"):format(
      number, #names == 1 and "is 1" or "are " .. #names)
  end
  return number
end

local function by_name(names, name, header)
  local found
  for k, known in ipairs(names) do
    if known == name then
      if found then
        return nil, ("two columns are named '%s'; number them, from 1"):format(name)
      end
      found = k
    end
  end
  if found then return found end
  if header == false then
    return nil, ("column '%s' wanted, but there is no line of names: number it, from 1")
      :format(name)
  end
  return nil, ("no column is named '%s'%s"):format(name, options.suggest(name, names))
end

--- The position of one column.
-- @tparam {string,...} names of all columns
-- @tparam int|string word a position, or a name; a string of digits is a position, and
-- `name=2` the column named 2
-- @tparam[opt] boolean header false where the table had no line of names
-- @treturn[1] int
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function columns.find(names, word, header)
  if type(word) == "number" then
    local number = math.tointeger(word)
    if not number then return nil, ("columns are numbered from 1, got %.14g"):format(word) end
    return by_position(names, number)
  end
  local named = word:match("^name=(.*)$")
  if named then return by_name(names, named, header) end
  if word:find("^%d+$") then return by_position(names, math.tointeger(tonumber(word)) or 0) end
  return by_name(names, word, header)
end

-- Splits `first-last` at a hyphen where both sides are columns: names may have hyphens too.
local function find_range(names, word, header)
  local at = 0
  while true do
    at = word:find("-", at + 1, true)
    if not at then return nil end
    local first = columns.find(names, word:sub(1, at - 1), header)
    local last = first and columns.find(names, word:sub(at + 1), header)
    if last then return first, last end
  end
end

local function find_span(names, word, header)
  local first, message = columns.find(names, word, header)
  if first then return first, first end
  if type(word) == "number" then return nil, message end
  local low, high = find_range(names, word, header)
  if not low then
    -- The side that is wrong is what to tell of two positions.
    local left, right = word:match("^(%d+)%-(%d+)$")
    if left then
      message = select(2, columns.find(names, left, header))
        or select(2, columns.find(names, right, header))
    end
    return nil, message
  elseif high < low then
    return nil, ("'%s' ends before it begins"):format(word)
  end
  return low, high
end

-- The words of a list as it is written on a command line: commas within double quotes are text.
local function split(text)
  local words, at = {}, 1
  while at <= #text + 1 do
    local quoted, after = text:match('^%s*"(.-)"%s*()', at)
    if quoted and (after > #text or text:sub(after, after) == ",") then
      words[#words + 1] = quoted
      at = after + 1
    else
      local stop = text:find(",", at, true) or #text + 1
      words[#words + 1] = text:sub(at, stop - 1):match("^%s*(.-)%s*$")
      at = stop + 1
    end
  end
  return words
end

columns.split = split

--- The positions of several columns.
-- @tparam {string,...} names of all columns
-- @tparam string|table|nil selection `age,height` or `1-7,9`, or a list of names and positions
-- @tparam[opt] boolean header false where the table had no line of names
-- @treturn[1] {int,...} in the order asked for; empty for nil
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function columns.find_all(names, selection, header)
  local list, seen = {}, {}
  if selection == nil then return list end
  if type(selection) == "string" then
    local whole = columns.find(names, selection, header)
    selection = whole and { whole } or split(selection)
  elseif type(selection) == "number" then
    selection = { selection }
  end
  for _, word in ipairs(selection) do
    local first, last = find_span(names, word, header)
    if not first then return nil, last end
    for k = first, last do
      if seen[k] then return nil, ("column '%s' is named twice"):format(word) end
      seen[k] = true
      list[#list + 1] = k
    end
  end
  return list
end

--- Sorts the columns of a table into inputs and targets.
-- @tparam {string,...} names of all columns
-- @tparam table selection `features`, `target` and `drop`, each as for `find_all`; without
-- features all other columns are inputs
-- @tparam[opt] boolean header false where the table had no line of names
-- @treturn[1] {int,...} the inputs
-- @treturn[1] {int,...} the targets: empty where `target` is nil
-- @treturn[2] nil
-- @treturn[2] string what is wrong, beginning with `--features`, `--target` or `--drop`
function columns.choose(names, selection, header)
  local lists = {}
  for _, part in ipairs { "features", "target", "drop" } do
    local list, message = columns.find_all(names, selection[part], header)
    if not list then return nil, ("--%s: %s"):format(part, message) end
    lists[part] = list
  end
  local taken = {}
  for _, k in ipairs(lists.target) do taken[k] = "a target" end
  for _, k in ipairs(lists.drop) do
    if taken[k] then return nil, ("column %d is a target and dropped"):format(k) end
    taken[k] = "dropped"
  end
  for _, k in ipairs(lists.features) do
    if taken[k] then return nil, ("column %d is an input and %s"):format(k, taken[k]) end
  end
  if selection.features then return lists.features, lists.target end
  local inputs = {}
  for k = 1, #names do
    if not taken[k] then inputs[#inputs + 1] = k end
  end
  return inputs, lists.target
end

return columns
