--- Tables as people have them: columns of numbers, categories and dates, with names and gaps.
-- @module lsqnet.table

local build = require "lsqnet.table.build"
local columns = require "lsqnet.table.columns"
local core = require "lsqnet.core"
local describe = require "lsqnet.table.describe"
local options = require "lsqnet.options"
local read = require "lsqnet.table.read"
local write = require "lsqnet.table.write"

local tables = {}

--- A table. Its fields are `rows`; `names`, the list of the columns' names; `header`, whether the
-- names are its own (without a line of names they are `column 1` and so on); `notes`, sentences
-- about how a file was read; `path` of that file; and, where rows were marked, `bad`.
-- @type tabular
local tabular = {}
tabular.__index = tabular
tabular.__name = "lsqnet.table"

local function new(list, about)
  local names = {}
  for k, column in ipairs(list) do names[k] = column.name end
  return setmetatable({
    rows = about.rows, names = names, header = about.header, notes = about.notes or {},
    path = about.path, bad = about.bad, columns = list,
  }, tabular)
end

-- The column that a name or a position means; raises when there is none.
local function pick(self, word, name)
  if type(word) ~= "string" and type(word) ~= "number" then
    error(("bad argument #1 to '%s' (a name or a position expected, got %s)")
          :format(name, options.typename(word)), 3)
  end
  local k, message = columns.find(self.names, word, self.header)
  if not k then error(("bad argument #1 to '%s' (%s)"):format(name, message), 3) end
  return self.columns[k]
end

-- Codes of a category whose levels were too many to be coded without need.
local function coded(column)
  if column.type == "category" and not column.levels then
    column.levels = column.reader:code(column.values, math.max(1, column.values.rows))
    column.reader = nil
  end
  return column
end

--- What a column is.
-- @function tabular:type
-- @tparam string|int name a name or a position; a string of digits is a position, and `name=2`
-- the column named 2
-- @treturn string "number", "category", "date", or "time" of day
-- @raise when there is no such column
function tabular:type(name)
  return pick(self, name, "type").type
end

--- The levels of a category, in the order of their bytes. Numbers among them are named by their
-- value: 1 and 1.0 are one level.
-- @function tabular:levels
-- @tparam string|int name as for `type`
-- @treturn {string,...} or nil for a column of another type; not to be changed
-- @raise when there is no such column
function tabular:levels(name)
  return coded(pick(self, name, "levels")).levels
end

--- The values of a column: numbers; of categories codes from 1, places in `levels`; of dates days
-- since 1970-01-01; of times of day hours. NaN where they are missing.
-- @function tabular:column
-- @tparam string|int name as for `type`
-- @treturn matrix rows x 1, which shares its elements with the table
-- @raise when there is no such column
function tabular:column(name)
  return coded(pick(self, name, "column")).values
end

--- How many values of a column are missing.
-- @function tabular:missing
-- @tparam string|int name as for `type`
-- @treturn int
-- @raise when there is no such column
function tabular:missing(name)
  local count = core.table.count(pick(self, name, "missing").values)[1]
  return count.missing
end

-- The same rows, of chosen columns, which are shared.
local function with_columns(self, list)
  local chosen = {}
  for k, position in ipairs(list) do chosen[k] = self.columns[position] end
  return new(chosen, self)
end

--- Columns of the table, which the new one shares.
-- @function tabular:select
-- @tparam table|string|int selection a list of names and positions, or `age,height` or `1-7,9`
-- @treturn tabular columns in the order asked for
-- @raise when there is no such column
function tabular:select(selection)
  local list, message = columns.find_all(self.names, selection, self.header)
  if not list then error(("bad argument #1 to 'select' (%s)"):format(message), 2) end
  return with_columns(self, list)
end

--- All columns but some.
-- @function tabular:drop
-- @tparam table|string|int selection as for `select`
-- @treturn tabular
-- @raise when there is no such column
function tabular:drop(selection)
  local list, message = columns.find_all(self.names, selection, self.header)
  if not list then error(("bad argument #1 to 'drop' (%s)"):format(message), 2) end
  local dropped, kept = {}, {}
  for _, k in ipairs(list) do dropped[k] = true end
  for k = 1, #self.names do
    if not dropped[k] then kept[#kept + 1] = k end
  end
  return with_columns(self, kept)
end

--- Rows of the table, copied.
-- @function tabular:take
-- @tparam {int,...} indices of the rows, from 1; they may repeat
-- @treturn tabular
-- @raise when there is no such row
function tabular:take(indices)
  options.typed(indices, "table", 1, "take")
  local list = {}
  for k, column in ipairs(self.columns) do
    local copy = {}
    for key, value in pairs(coded(column)) do copy[key] = value end
    copy.values = column.values:take(indices)
    list[k] = copy
  end
  local taken = new(list, { rows = #indices, header = self.header, path = self.path })
  return taken
end

--- The first rows.
-- @function tabular:head
-- @tparam[opt=6] int n how many, at most
-- @treturn tabular
function tabular:head(n)
  local indices = {}
  for k = 1, math.min(n or 6, self.rows) do indices[k] = k end
  return self:take(indices)
end

--- One value, as a person writes it.
-- @function tabular:value
-- @tparam int row from 1
-- @tparam string|int name as for `type`
-- @return a number, or the string of a level, a date or a time; nil where it is missing
-- @raise when there is no such row or column
function tabular:value(row, name)
  return write.value(coded(pick(self, name, "value")), row)
end

--- A summary, a line a column: its type, how many values are missing, of numbers the least, the
-- quartiles and the largest, of dates the first and the last, of categories the most frequent.
-- @function tabular:describe
-- @treturn string of several lines
function tabular:describe()
  for _, column in ipairs(self.columns) do coded(column) end
  return describe(self)
end

--- Writes a CSV file, with a line of names where the table has them: `lsqnet.table.read_csv` reads
-- the same table back. The file is written beside its place and renamed.
-- @function tabular:write_csv
-- @tparam string path
-- @tparam[opt] table opts `separator=","`
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_write"
-- @raise when an option is unknown
function tabular:write_csv(path, opts)
  options.typed(path, "string", 1, "write_csv")
  local o = options.read(opts, { separator = { type = "string", default = "," } })
  for _, column in ipairs(self.columns) do coded(column) end
  return core.table.save(path, write.pieces(self, o.separator))
end

function tabular:__tostring()
  return ("lsqnet.table: %d row%s x %d column%s"):format(
    self.rows, self.rows == 1 and "" or "s", #self.names, #self.names == 1 and "" or "s")
end

--- @section end

--- Reads a table from a CSV file as it is: separator, decimal character, the line of names and the
-- type of each column are found out by all rows.
--
-- The text may be UTF-8, UTF-16 with its byte order mark, or Latin-1; lines may end with LF, CR LF
-- or CR; a first line `sep=;`, lines of comments, empty columns at the end and rows of separators
-- alone are left out. A file that ends in `.gz` is read through `gzip`, which has to be there.
--
-- A column is numbers, or dates (ISO 8601, or day, month and year where one order fits all rows;
-- a time may follow, which an offset moves to UTC), or times of day (`18:00`, `18:00:30`,
-- `18.00.00`), or else a category. A column of numbers with at most 5 % of texts is an error that
-- counts them; so is a date with two readings. All of these are told at once.
-- @function lsqnet.table.read_csv
-- @tparam string path or "-", the standard input
-- @tparam[opt] table opts `header`, whether the first line holds names; `separator`, one
-- character, "tab" or "space" (any run of blanks); `decimal`, "." or ","; `thousands`, a character
-- between groups of three digits (default: none); `missing`, a list of words and numbers that
-- stand for missing values beside the empty field, NA, N/A, NaN, nan, null, NULL, None, ?, - and
-- a lone point (numbers match by value); `comment`, the character that lines of comments begin with
-- (default: # where the first line begins with it); `types`, `{ name = "number"|"category"|"date"|
-- "skip" }`, by names or positions; `columns`, a list of names and positions, or `1-7,9`;
-- `date_order`, "dmy" or "mdy"; `expected`, a list of names: the first line is names where it has
-- most of them; `mark=false`: true makes rows that cannot be read a part of the table, with missing
-- values, and the field `bad` says why, `{ [row] = "age: no number" }`; `command="lsqnet fit"`,
-- what stands before the command line that a message shows
-- @treturn[1] tabular
-- @treturn[2] nil
-- @treturn[2] string message, of a line for each column that cannot be read
-- @treturn[2] string "no_file", "bad_format" or "too_large"
-- @raise when an option is unknown or of the wrong type
-- @usage local houses = assert(lsqnet.table.read_csv("houses.csv", { missing = { -200 } }))
function tables.read_csv(path, opts)
  options.typed(path, "string", 1, "read_csv")
  local list, about, code = read(path, opts)
  if not list then return nil, about, code end
  about.path = path
  return new(list, about)
end

--- Whether a value is a table of this module.
-- @function lsqnet.table.is
-- @param value anything
-- @treturn boolean
function tables.is(value)
  return getmetatable(value) == tabular
end

--- Builds a table from columns in Lua. Numbers make a column of numbers; strings and booleans
-- a category, or dates where all of them are; nil, NaN and "" are missing values.
-- @function lsqnet.table
-- @tparam table values `{ name = list or matrix, ... }`, or a list of `{ name, list }` that keeps
-- its order; a matrix has one column
-- @tparam[opt] table opts `names`, the order of the columns (default: that of the alphabet);
-- `rows`, how many there are, where nil may stand at the end of a list; `types` and `date_order` as
-- for `read_csv`
-- @treturn tabular
-- @raise when the columns differ in length or are no lists, or an option is unknown
-- @usage local people = lsqnet.table { age = { 31, 18 }, sex = { "male", "female" } }
local function construct(_, values, opts)
  options.typed(values, "table", 1, "table")
  local list, rows = build(values, opts)
  return new(list, { rows = rows, header = true })
end

return setmetatable(tables, { __call = construct })
