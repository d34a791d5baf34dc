-- Choosing columns of a CSV file by name or number, and reading them.

local core = require "lsqnet.core"
local options = require "lsqnet.options"

local columns = {}

local SEPARATORS = { tab = "\t", ["\\t"] = "\t", space = " ", semicolon = ";", comma = "," }

--- Adds the arguments that say what stands in a table.
function columns.declare(parser)
  parser:option("--features", "Input columns, names or numbers from 1: age,height or 1-7,9. "
                .. "Default: all the others."):argname("COLUMNS")
  parser:option("--drop", "Columns to leave out, likewise."):argname("COLUMNS")
  parser:option("--separator", "Between fields: one character, tab or space."):argname("C")
    :default(",")
end

local function trimmed(text)
  return text:match("^%s*(.-)%s*$")
end

-- The fields of a line; a quoted one may hold the separator, and two quotes for one.
local function fields(line, separator)
  if separator == " " then line, separator = trimmed(line):gsub("[ \t]+", " "), " " end
  local list, start = {}, 1
  repeat
    local quoted, rest = line:match('^%s*"(.-)"%s*()', start)
    while quoted and line:sub(rest, rest) == '"' do -- a doubled quote: the field goes on
      local more
      more, rest = line:match('^"(.-)"%s*()', rest)
      quoted = more and quoted .. '"' .. more
    end
    local stop = line:find(separator, quoted and rest or start, true)
    list[#list + 1] = quoted or trimmed(line:sub(start, (stop or 0) - 1))
    start = stop and stop + 1
  until not start
  return list
end

local function is_number(field)
  local word = field:lower():gsub("^[+-]", "")
  return word == "nan" or word == "inf" or word == "infinity"
    or tonumber(field) ~= nil and not word:find("x", 1, true)
end

-- The first line that is not blank.
local function first_line(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local line, problem = file:read("l")
  while line and not line:find("%S") do line, problem = file:read("l") end
  file:close()
  if not line then return nil, ("%s: %s"):format(path, problem or "no rows") end
  return (line:gsub("^\xEF\xBB\xBF", ""))
end

--- Looks at the first line of a file.
-- @treturn table with `path`, `separator`, `count` of columns, and `names` or nil without a header
function columns.look(path, separator)
  separator = SEPARATORS[separator] or separator
  if #separator ~= 1 or separator:find("[%w.+\"-]") then
    return nil, ("--separator: one character, tab or space expected, got '%s'"):format(separator),
      "usage"
  end
  local line, message = first_line(path)
  if not line then return nil, message end
  local names = fields(line, separator)
  local header = false
  for _, field in ipairs(names) do header = header or field ~= "" and not is_number(field) end
  return { path = path, separator = separator, count = #names, names = header and names or nil }
end

-- The number of the column that a word means.
local function find(head, word)
  local found
  for k, name in ipairs(head.names or {}) do
    if name == word then
      if found then
        return nil, ("%s: two columns are named '%s'; number them, from 1"):format(head.path, word)
      end
      found = k
    end
  end
  local number = found or math.tointeger(tonumber(word))
  if not number then
    return nil, ("%s: %s"):format(head.path, head.names
      and ("no column is named '%s'%s"):format(word, options.suggest(word, head.names))
      or ("column '%s' wanted, but there is no header: number it, from 1"):format(word))
  elseif number < 1 or number > head.count then
    return nil, ("%s: column %d wanted, there are %d"):format(head.path, number, head.count)
  end
  return number
end

-- The numbers of the columns that `age,height` or `1-7,9` mean; nil means none.
local function find_all(head, text)
  local list, seen = {}, {}
  if not text then return list end
  for word in (text .. ","):gmatch("%s*(.-)%s*,") do
    local first, message = find(head, word)
    local last = first
    local low, high = word:match("^(%d+)%-(%d+)$")
    if not first and low then
      first, message = find(head, low)
      last = first and find(head, high)
      if first and not last then return nil, select(2, find(head, high)), "usage" end
      if first and last < first then
        return nil, ("'%s' ends before it begins"):format(word), "usage"
      end
    end
    if not first then return nil, message, "usage" end
    for k = first, last do
      if seen[k] then return nil, ("column '%s' is named twice"):format(word), "usage" end
      seen[k] = true
      list[#list + 1] = k
    end
  end
  return list
end

--- Sorts the columns of a table into inputs and targets.
-- @tparam table head what `look` returned
-- @tparam table args `features`, `target` and `drop` as on the command line, or nil
-- @treturn {int,...} the inputs
-- @treturn {int,...} the targets: empty where `target` is nil
function columns.choose(head, args)
  local lists = {}
  for _, name in ipairs { "features", "target", "drop" } do
    local list, message, code = find_all(head, args[name])
    if not list then return nil, ("--%s: %s"):format(name, message), code end
    lists[name] = list
  end
  local taken = {}
  for _, k in ipairs(lists.target) do taken[k] = "a target" end
  for _, k in ipairs(lists.drop) do
    if taken[k] then return nil, ("column %d is a target and dropped"):format(k), "usage" end
    taken[k] = "dropped"
  end
  for _, k in ipairs(lists.features) do
    if taken[k] then
      return nil, ("column %d is an input and %s"):format(k, taken[k]), "usage"
    end
  end
  if args.features then return lists.features, lists.target end
  local inputs = {}
  for k = 1, head.count do
    if not taken[k] then inputs[#inputs + 1] = k end
  end
  return inputs, lists.target
end

--- What a column is called: its name, or `column 3`.
function columns.name(head, k)
  return head.names and head.names[k] or "column " .. k
end

-- Adds to the message of a field that is no number what to do about it.
local function advised(message, targets)
  local column = tonumber(message:match(":%d+: column (%d+)"))
  if not column or not message:find("not a number") then return message end
  for _, k in ipairs(targets) do
    if k == column then return message .. ": a target is a number, not a class" end
  end
  return ("%s (--drop %d leaves this column out)"):format(message, column)
end

-- Where the first value that is not finite stands.
local function infinite_place(head, m, chosen)
  for i = 1, m.rows do
    for j = 1, m.cols do
      local v = m:get(i, j)
      if v - v ~= 0 then
        return ("%s: row %d, %s: %g is not a finite number")
          :format(head.path, i, columns.name(head, chosen[j]), v)
      end
    end
  end
end

--- Reads the chosen columns.
-- @treturn matrix inputs
-- @treturn matrix targets, or nil where there are none
function columns.read(head, inputs, targets)
  local chosen = table.move(inputs, 1, #inputs, 1, {})
  table.move(targets, 1, #targets, #inputs + 1, chosen)
  local m, message, code = core.matrix.read_csv(head.path, {
    columns = chosen, header = head.names ~= nil, separator = head.separator,
  })
  if not m then return nil, advised(message, targets), code end
  if m.rows == 0 then return nil, head.path .. ": no rows" end
  local total = m:sum()
  local place = total - total ~= 0 and infinite_place(head, m, chosen)
  if place then return nil, place end
  return m:columns(1, #inputs), #targets > 0 and m:columns(#inputs + 1, m.cols) or nil
end

return columns
