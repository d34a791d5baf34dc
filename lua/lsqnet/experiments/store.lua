-- Results, one line of a CSV file a run, appended as soon as the run has ended: what is finished
-- survives an interruption. A line is known by its set-up ("full" or "quick"), case and seed. Its
-- other fields are the seconds the run took, the protocol's measures, and its curves: numbers
-- with blanks between them. A field is empty where a run has no such value.

local files = require "lsqnet.experiments.files"
local words = require "lsqnet.words"

local store = {}
store.__index = store

local KEYS = { "setup", "case", "seed", "seconds" }

local function exact(value)
  if value ~= value then return "nan" end
  if value == math.huge or value == -math.huge then return value > 0 and "inf" or "-inf" end
  return words.exact(value)
end

-- Curves are for pictures: six digits.
local function rounded(value)
  return value - value == 0 and (("%.6g"):format(value):gsub(",", ".")) or exact(value)
end

local SPECIAL = { nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge }

local function number(text)
  return tonumber(text) or SPECIAL[text]
end

local function curve(text)
  local list = {}
  for word in text:gmatch("%S+") do list[#list + 1] = number(word) end
  return list
end

local function key(setup, case, seed)
  return ("%s,%s,%d"):format(setup, case, seed)
end

local function header_of(measures, curves)
  local names = table.move(KEYS, 1, #KEYS, 1, {})
  table.move(measures, 1, #measures, #names + 1, names)
  table.move(curves, 1, #curves, #names + 1, names)
  return table.concat(names, ",")
end

local function split(line)
  local fields = {}
  for field in (line .. ","):gmatch("([^,]*),") do fields[#fields + 1] = field end
  return fields
end

function store:line_of(row)
  local fields = { row.setup, row.case, ("%d"):format(row.seed), ("%.6g"):format(row.seconds) }
  for _, name in ipairs(self.measures) do
    fields[#fields + 1] = row[name] and exact(row[name]) or ""
  end
  for _, name in ipairs(self.curves) do
    local list = {}
    for i, value in ipairs(row[name] or {}) do list[i] = rounded(value) end
    fields[#fields + 1] = table.concat(list, " ")
  end
  return table.concat(fields, ",") .. "\n"
end

function store:row_of(line, position)
  local fields = split(line)
  local row = { setup = fields[1], case = fields[2], seed = math.tointeger(tonumber(fields[3])),
                seconds = number(fields[4]) }
  if #fields ~= #KEYS + #self.measures + #self.curves or not (row.seed and row.seconds) then
    return nil, ("%s: line %d is not a line of results: take it out, or move the file away")
      :format(self.path, position), "bad_format"
  end
  for i, name in ipairs(self.measures) do row[name] = number(fields[#KEYS + i]) end
  for i, name in ipairs(self.curves) do
    local text = fields[#KEYS + #self.measures + i]
    if text ~= "" then row[name] = curve(text) end
  end
  return row
end

local function add(self, row)
  local name = key(row.setup, row.case, row.seed)
  if not self.index[name] then
    self.index[name] = row
    self.rows[#self.rows + 1] = row
  end
end

local function other_columns(self)
  return nil, ("%s holds other columns than this protocol writes: move it away, or choose "
    .. "another folder"):format(self.path), "bad_format"
end

-- Reads the file again: other processes may have added to it. A last line without an end was cut
-- by an interruption and does not count.
function store:reload()
  self.rows, self.index = {}, {}
  local text, message, code = files.read(self.path)
  if not text then return nil, message, code end
  local position, header = 0, header_of(self.measures, self.curves)
  for line in text:gmatch("([^\n]*)\n") do
    position = position + 1
    if position == 1 and line ~= header then
      return other_columns(self)
    elseif line ~= header then -- a second one comes of two processes that began at once
      local row
      row, message, code = self:row_of(line, position)
      if not row then return nil, message, code end
      add(self, row)
    end
  end
  if position == 0 and header:sub(1, #text) ~= text then return other_columns(self) end
  self.is_torn = text ~= "" and text:sub(-1) ~= "\n"
  return self
end

-- Opens the results in a file, which need not exist yet. Returns nil, message, "bad_format" when
-- it holds something else.
function store.open(path, measures, curves)
  return setmetatable({ path = path, measures = measures, curves = curves }, store):reload()
end

-- Makes the file ready for `append`: writes the header of a new one, cuts a torn line off. The
-- header is appended: another process may have written rows meanwhile.
function store:prepare()
  local text, message, code = files.read(self.path)
  if not text then return nil, message, code end
  local header = header_of(self.measures, self.curves) .. "\n"
  if text == "" then return files.write(self.path, header, "ab") end
  -- A line that has its end by now was not cut: another process was writing it.
  if not self.is_torn or text:sub(-1) == "\n" then return true end
  local whole
  whole, message, code = files.write(self.path .. ".new", text:match("^.*\n") or header)
  if not whole then return nil, message, code end
  self.is_torn = false
  local renamed, problem = os.rename(self.path .. ".new", self.path)
  return renamed, problem, not renamed and "no_write" or nil
end

function store:has(setup, case, seed)
  return self.index[key(setup, case, seed)] ~= nil
end

function store:append(row)
  assert(not row.case:find("[,\n\"]"), "a case without commas, quotes and line ends expected")
  local ok, message, code = files.write(self.path, self:line_of(row), "ab")
  if not ok then return nil, message, code end
  add(self, row)
  return true
end

return store
