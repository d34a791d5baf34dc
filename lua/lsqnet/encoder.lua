--- Columns of a table as the inputs of a net, learned from the training rows alone.
--
--     local encoder = assert(lsqnet.encoder(houses, { target = "price", rows = train }))
--     local X = encoder:apply(houses)          -- N x #encoder.inputs
--     local Y, rows = encoder:targets(houses)  -- of the rows that have a target
--
-- A number is itself, its median where it is missing; a category an input a level; a date its
-- parts. [docs/tables.md](docs/tables.md) has the rules. What is learned is a plain table
-- (`encoder:totable()`), which a model's file holds.
-- @module lsqnet.encoder

local apply = require "lsqnet.encoder.apply"
local columns = require "lsqnet.table.columns"
local core = require "lsqnet.core"
local fit = require "lsqnet.encoder.fit"
local options = require "lsqnet.options"
local plan = require "lsqnet.encoder.plan"
local tables = require "lsqnet.table"
local target = require "lsqnet.encoder.target"
local words = require "lsqnet.words"

local VERSION <const> = 1

--- An encoder. Its fields, not to be changed: `inputs`, the names of the columns of X; `columns`,
-- what was learned of each column that is used; `left_out`, a list of `{ name =, reason = }`;
-- `target`, nil or a table with `name`, `position`, `task` ("regression" or "classification") and,
-- of classes, `classes`; `notes`, sentences about what was decided; `determines`, the names of
-- columns that determine a class target exactly; `header`, whether the training table had names;
-- `width`, how many columns it had.
-- @type encoder
local encoder = {}
encoder.__index = encoder
encoder.__name = "lsqnet.encoder"

local function finish(self)
  self.plan, self.inputs = plan.make(self.columns)
  return setmetatable(self, encoder)
end

-- Learns one column, or tells why it is left out.
local function learn(column, values, whole)
  if column.type == "category" then return fit.category(values, column.levels) end
  if column.type == "number" then return fit.number(values) end
  return fit.date(values, column.type, column.format or whole.format)
end

-- Rows that train, without those whose target is missing.
local function training_rows(tab, position, rows)
  if not position and not rows then return nil end
  local values, list, without = position and tab:column(position), {}, 0
  for k = 1, rows and #rows or tab.rows do
    local row = rows and rows[k] or k
    local value = values and values:get(row, 1) or 0
    if value - value == 0 then list[#list + 1] = row else without = without + 1 end
  end
  if without == 0 and not rows then return nil end
  return list, without
end

-- Positions of the columns that count the rows, where other inputs remain.
local function index_columns(tab, inputs)
  local found, count = {}, 0
  for _, k in ipairs(inputs) do
    if tab:type(k) == "number" and fit.is_index(tab.names[k], tab:column(k)) then
      found[k] = true
      count = count + 1
    end
  end
  return count < #inputs and found or {}
end

-- The classes of the rows of a table, by number.
local function class_list(tab, position)
  local values, list = tab:column(position), {}
  for i = 1, tab.rows do
    local value = values:get(i, 1)
    list[i] = value == value and value or nil
  end
  return list
end

local function find_determining(self, train)
  local classes = class_list(train, self.target.position)
  for _, spec in ipairs(self.columns) do
    local column = { values = train:column(spec.position), levels = train:levels(spec.position) }
    if (spec.type == "number" or spec.type == "category") and fit.determines(column, classes) then
      self.determines[#self.determines + 1] = spec.name
      self.notes[#self.notes + 1] = ("'%s' determines the target exactly (--drop %s leaves it out)")
        :format(spec.title, spec.title)
    end
  end
end

local function settle_target(self, train, position, o, without)
  if not position then return true end
  local title = columns.title(train.names, position)
  local settled, message = target.settle(train, position, title, o.task, o.folds, self.notes)
  if not settled then return nil, message end
  settled.name, settled.position, settled.title = train.names[position], position, title
  self.target = settled
  if without > 0 then
    self.notes[#self.notes + 1] = ("%d row%s without a target %s left out"):format(
      without, without == 1 and "" or "s", without == 1 and "is" or "are")
  end
  return true
end

local function learn_columns(self, tab, train, inputs)
  local indices = index_columns(tab, inputs)
  for _, k in ipairs(inputs) do
    local whole = train.columns[k]
    local column = { type = train:type(k), levels = train:levels(k), format = whole.format }
    local title, spec = columns.title(train.names, k), nil
    local reason = "it counts the rows"
    if not indices[k] then spec, reason = learn(column, train:column(k), whole) end
    if spec then
      spec.name, spec.position, spec.title = train.names[k], k, title
      self.columns[#self.columns + 1] = spec
      if spec.type == "number" and reason > 0 then
        self.notes[#self.notes + 1] = ("'%s': %d infinite value%s taken for missing"):format(
          title, reason, reason == 1 and " is" or "s are")
      end
    else
      self.left_out[#self.left_out + 1] = { name = train.names[k], title = title,
                                            position = k, reason = reason }
    end
  end
end

local OPTIONS = {
  target = { type = "any" }, features = { type = "any" }, drop = { type = "any" },
  task = { choices = { "auto", "regression", "classification" }, default = "auto" },
  folds = { type = "integer", default = 5, minimum = 1 },
  rows = { type = "table" },
}

-- Input and target positions, or nil and a message.
local function choose(tab, o)
  local inputs, targets = columns.choose(tab.names, o, tab.header)
  if not inputs then return nil, targets end
  if #targets > 1 then return nil, "--target: one column expected" end
  if #inputs == 0 then return nil, "no column is left for the inputs" end
  return inputs, targets[1]
end

-- What a saved encoder is.
local FIELDS <const> = { "version", "header", "width", "columns", "left_out", "target", "notes",
                         "determines", "rows" }

-- JSON writers cut numbers to 14 digits: those that need more are strings.
local function exact(number)
  return tonumber(("%.14g"):format(number)) == number and number or words.exact(number)
end

-- Copies of the columns with a function applied to the numbers that were learned.
local function mapped(specs, f)
  local list = {}
  for k, spec in ipairs(specs) do
    local copy = {}
    for key, value in pairs(spec) do copy[key] = value end
    copy.median = spec.median and f(spec.median)
    if spec.fills then
      copy.fills = {}
      for i, value in ipairs(spec.fills) do copy.fills[i] = f(value) end
    end
    list[k] = copy
  end
  return list
end

--- What was learned, as a plain table of strings, numbers, booleans and lists: for JSON. A number
-- that needs more than 14 digits is a string of them.
-- @function encoder:totable
-- @treturn table to be given to `lsqnet.encoder.restore`
function encoder:totable()
  local plain = {}
  for _, name in ipairs(FIELDS) do plain[name] = self[name] end
  plain.columns = mapped(self.columns, exact)
  return plain
end

--- Encodes the rows of a table. Columns are found by their names, whatever their order; where the
-- encoder or the table has none, by their positions, and a table may then have the target or not.
-- @function encoder:apply
-- @tparam tabular tab
-- @treturn[1] matrix N x #inputs
-- @treturn[1] table with `unseen`, `{ [column] = how many values have a level that training had
-- not }`, and `notes`, sentences
-- @treturn[2] nil
-- @treturn[2] string message that names each column that is missing or of another type
-- @treturn[2] string "bad_format"
-- @raise when the argument is no table
function encoder:apply(tab)
  options.typed(tab, "lsqnet.table", 1, "apply")
  return apply.table(self, tab)
end

--- Encodes one row, `{ age = 31, sex = "male" }`; by positions `{ [3] = 31 }` where the training
-- table had no names. What is not there is missing; a date is a string in the format of training,
-- or a number of days (of hours, for a time of day).
-- @function encoder:row
-- @tparam table values of the columns
-- @tparam[opt] matrix out 1 x #inputs, to be written to instead of a new one
-- @treturn[1] matrix 1 x #inputs
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "bad_format"
function encoder:row(values, out)
  local specs, entries = self.columns, self.plan
  local by_name = self.header
  if out then
    for j = 1, #self.inputs do out:set(1, j, 0) end
  else
    out = core.matrix(1, #self.inputs)
  end
  for k = 1, #specs do
    local spec = specs[k]
    local value
    if by_name then value = values[spec.name] else value = values[spec.position] end
    local ok, message = plan.put(spec, entries[k], value, out)
    if not ok then return nil, ("'%s': %s"):format(spec.title, message), "bad_format" end
  end
  return out
end

--- The targets of the rows that have one: numbers; of two classes 0 and 1; of more an indicator
-- column a class, as the loss "cross_entropy" takes them.
-- @function encoder:targets
-- @tparam tabular tab
-- @treturn[1] matrix Y n x 1, or n x classes
-- @treturn[1] {int,...} the rows of the table that Y is of
-- @treturn[1] {int,...} of classes, the number of each row's class
-- @treturn[2] nil
-- @treturn[2] string message, when there is no such column or a class that training had not
-- @treturn[2] string "bad_format"
-- @raise when the argument is no table, or the encoder has no target
function encoder:targets(tab)
  options.typed(tab, "lsqnet.table", 1, "targets")
  options.argument(self.target, 1, "targets", "an encoder with a target expected")
  return apply.targets(self, tab)
end

--- Options for `lsqnet.table.read_csv` by which another file is read as the training table was: the
-- types of the columns, the names that tell its first line, and `mark`.
-- @function encoder:read_options
-- @treturn table a new one, to be changed at will
function encoder:read_options()
  local expected, types = {}, {}
  for k, spec in ipairs(self.columns) do
    expected[k] = spec.name
    types[self.header and "name=" .. spec.name or spec.position] = spec.format or spec.type
  end
  return { expected = self.header and expected or nil, header = not self.header and false or nil,
           types = self.header and types or nil, mark = true }
end

function encoder:__tostring()
  return ("lsqnet.encoder: %d column%s -> %d input%s"):format(
    #self.columns, #self.columns == 1 and "" or "s", #self.inputs, #self.inputs == 1 and "" or "s")
end

--- @section end

local encoders = {}

--- An encoder from what `encoder:totable` gave.
-- @function lsqnet.encoder.restore
-- @tparam table plain
-- @treturn[1] encoder
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "bad_format"
function encoders.restore(plain)
  if type(plain) ~= "table" or plain.version ~= VERSION or type(plain.columns) ~= "table" then
    return nil, ("not an encoder of version %d"):format(VERSION), "bad_format"
  end
  local self = {}
  for _, name in ipairs(FIELDS) do self[name] = plain[name] end
  self.columns = mapped(plain.columns, tonumber)
  return finish(self)
end

--- Learns an encoder from a table.
-- @function lsqnet.encoder
-- @tparam tabular tab
-- @tparam[opt] table opts `target`, a name or a position (default: no target); `task`, "auto"
-- (classes where the target is text or has exactly two values), "regression" or "classification";
-- `features` and `drop`, lists of names and positions or `1-7,9`; `rows`, a list of the training
-- rows (default: all); `folds=5`: a target most of whose classes have fewer rows is refused
-- @treturn[1] encoder
-- @treturn[2] nil
-- @treturn[2] string message, when a column is not there or a target cannot be predicted, or no
-- input is left
-- @treturn[2] string "bad_format"
-- @raise when an option is unknown or the argument is no table
local function construct(_, tab, opts)
  if not tables.is(tab) then options.typed(tab, "lsqnet.table", 1, "encoder", 4) end
  local o = options.read(opts, OPTIONS)
  local inputs, position = choose(tab, o)
  if not inputs then return nil, position, "bad_format" end
  local rows, without = training_rows(tab, position, o.rows)
  local train = rows and tab:take(rows) or tab
  local self = { version = VERSION, header = tab.header or false, width = #tab.names, columns = {},
                 left_out = {}, notes = {}, determines = {}, rows = train.rows }
  local ok, message = settle_target(self, train, position, o, without or 0)
  if not ok then return nil, message, "bad_format" end
  learn_columns(self, tab, train, inputs)
  if #self.columns == 0 then
    return nil, "no input is left: " .. apply.reasons(self.left_out), "bad_format"
  end
  if self.target and self.target.task == "classification" then find_determining(self, train) end
  return finish(self)
end

return setmetatable(encoders, { __call = construct })
