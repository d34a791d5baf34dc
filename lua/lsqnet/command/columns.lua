-- Choosing columns of a CSV file by name or number, and reading them.

local core = require "lsqnet.core"
local header = require "lsqnet.table.header"
local selection = require "lsqnet.table.columns"

local columns = {}

local SEPARATORS = { tab = "\t", ["\\t"] = "\t", space = " ", semicolon = ";", comma = "," }

--- Adds the arguments that say what stands in a table.
function columns.declare(parser)
  parser:option("--features", "Input columns, names or numbers from 1: age,height or 1-7,9. "
                .. "Default: all the others."):argname("COLUMNS")
  parser:option("--drop", "Columns to leave out, likewise."):argname("COLUMNS")
end

--- Looks at the first line of a file, and at what is below.
-- @treturn table with `path`, `separator`, `count` of columns, and `names` or nil without a header
function columns.look(path, separator)
  separator = SEPARATORS[separator] or separator
  if #separator ~= 1 or separator:find("[%w.+\"-]") then
    return nil, ("--separator: one character, tab or space expected, got '%s'"):format(separator),
      "usage"
  end
  local reader, message = core.table.open(path, nil, separator)
  if not reader then return nil, message end
  local cells, problem = reader:read(".", nil, {}, {})
  if not cells then return nil, problem end
  if cells.rows == 0 then return nil, path .. ": there is nothing but separators" end
  local names = reader:first_line()
  local below = cells.rows > 1 and cells:slice(2, cells.rows) or core.matrix(0, cells.cols)
  local named = header.decide(reader, cells, names, core.table.count(below))
  return { path = path, separator = separator, count = #names, names = named and names or nil }
end

-- The names that selections are made by: of a table without any, a list of blanks.
local function names_of(head)
  if head.names then return head.names end
  local blanks = {}
  for k = 1, head.count do blanks[k] = "" end
  return blanks
end

--- Sorts the columns of a table into inputs and targets.
-- @tparam table head what `look` returned
-- @tparam table args `features`, `target` and `drop` as on the command line, or nil
-- @treturn {int,...} the inputs
-- @treturn {int,...} the targets: empty where `target` is nil
function columns.choose(head, args)
  local inputs, targets = selection.choose(names_of(head), {
    features = args.features, target = args.target, drop = args.drop,
  }, head.names ~= nil)
  if not inputs then return nil, targets, "usage" end
  return inputs, targets
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
