-- From a file to the columns of a table: what the bytes are, where the fields are, which line
-- holds names, what each column is. The work on every row is done in C.

local columns = require "lsqnet.table.columns"
local core = require "lsqnet.core"
local header = require "lsqnet.table.header"
local level = require "lsqnet.table.level"
local options = require "lsqnet.options"
local problems = require "lsqnet.table.problems"
local types = require "lsqnet.table.types"
local words = require "lsqnet.words"

local MISSING = { "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", "-", "." }
local INFINITE = { inf = math.huge, ["-inf"] = -math.huge }
local SEPARATORS = { tab = "\t", ["\\t"] = "\t", space = " ", semicolon = ";", comma = "," }
local PIECE = 1 << 20
local SAMPLE = 1000 -- rows that tell whether a column may be numbers with decimal commas
local WRONG_SHOWN = 3

-- The content of what is no plain file, in pieces.
local function drain(file)
  local pieces = {}
  for piece in function() return file:read(PIECE) end do pieces[#pieces + 1] = piece end
  return pieces
end

local function read_gzip(path)
  local opened, message = io.open(path, "rb")
  if not opened then return nil, ("cannot read '%s': %s"):format(path, message:match(": (.*)$")),
                            "no_file" end
  opened:close()
  local pipe = assert(io.popen("gzip -dc <" .. words.shell_quoted(path) .. " 2>/dev/null", "r"))
  local pieces = drain(pipe)
  if not pipe:close() then
    return nil, ("cannot read '%s': gzip cannot decompress it"):format(path), "bad_format"
  end
  return pieces
end

local function open(path, o)
  local separator = SEPARATORS[o.separator] or o.separator
  if path == "-" then return core.table.open("-", drain(io.stdin), separator, o.comment) end
  if path:find("%.gz$") then
    local pieces, message, code = read_gzip(path)
    if not pieces then return nil, message, code end
    return core.table.open(path, pieces, separator, o.comment)
  end
  return core.table.open(path, nil, separator, o.comment)
end

-- Words and numbers that stand for a missing value. A number matches by its value.
local function missing_of(given)
  local list, numbers = table.move(MISSING, 1, #MISSING, 1, {}), {}
  for _, word in ipairs(given or {}) do
    local name = level.name(word)
    local number = name and (tonumber(name) or INFINITE[name:lower()])
    if number then numbers[#numbers + 1] = number elseif name then list[#list + 1] = name end
  end
  return list, numbers
end

-- A column, which shares its elements: those of the matrix are changed through it.
local function view(m, j)
  return m:slice(1, m.rows, j, j)
end

-- Whether numbers are written with a decimal comma: some column is numbers only so, and none is
-- numbers only with points.
local function has_decimal_commas(reader, body, counts)
  local found = false
  for j = 1, body.cols do
    local count = counts[j]
    if count.texts == 0 and count.fractions > 0 then return false end
    if count.texts > 0 and count.fractions == 0 then
      local column = view(body, j)
      local first = column:slice(1, math.min(SAMPLE, column.rows))
      local sampled = core.table.count(first)[1].texts
      if sampled == 0 or reader:other_decimal(first) > 0 then
        found = found or reader:other_decimal(column) == count.texts
      end
    end
  end
  return found
end

local function below_first(cells)
  return cells.rows > 1 and cells:slice(2, cells.rows) or core.matrix(0, cells.cols)
end

-- Cells of all rows, with the decimal character that makes most of them numbers.
local function read_cells(reader, o, separator)
  local list, numbers = missing_of(o.missing)
  local cells, empty, code = reader:read(o.decimal or ".", o.thousands, list, numbers)
  if not cells then return nil, empty, code end
  local body = below_first(cells)
  local counts = core.table.count(body)
  if o.decimal or separator == "," or o.thousands == ","
     or not has_decimal_commas(reader, body, counts) then
    return cells, empty, counts, o.decimal or "."
  end
  cells, body = nil, nil -- luacheck: ignore
  collectgarbage()
  cells, empty, code = reader:read(",", o.thousands, list, numbers)
  if not cells then return nil, empty, code end
  return cells, empty, core.table.count(below_first(cells)), ","
end

local NAMED_SEPARATORS = { ["\t"] = "tabs", [" "] = "blanks", [";"] = "semicolons", ["|"] = "|" }

-- What was found out about the bytes, in sentences.
local function notes_of(info, decimal, empty)
  local notes = {}
  if info.encoding ~= "UTF-8" then
    notes[#notes + 1] = ("the text is read as %s%s"):format(info.encoding,
      info.encoding == "Latin-1" and ", for it is not UTF-8" or "")
  end
  if info.separator ~= "," then
    notes[#notes + 1] = ("fields are separated by %s%s"):format(
      NAMED_SEPARATORS[info.separator] or "'" .. info.separator .. "'",
      decimal == "," and ", numbers have decimal commas" or "")
  elseif decimal == "," then
    notes[#notes + 1] = "numbers have decimal commas"
  end
  if info.comment then
    notes[#notes + 1] = ("lines that begin with %s are left out"):format(info.comment)
  end
  if empty > 0 then
    notes[#notes + 1] = ("%d row%s of separators alone %s left out"):format(
      empty, empty == 1 and "" or "s", empty == 1 and "is" or "are")
  end
  return notes
end

-- The names, whether they are of the file, and a note; the rows that are data.
local function take_header(reader, cells, counts, o)
  local fields = reader:first_line()
  for j, field in ipairs(fields) do fields[j] = field:match("^%s*(.-)%s*$") end
  local named, note = o.header, nil
  if named == nil and o.expected then
    named = header.has_names(fields, o.expected)
  elseif named == nil then
    named, note = header.decide(reader, cells, fields, counts)
  end
  if named then return fields, true, note, below_first(cells), counts end
  local names = {}
  for j = 1, cells.cols do names[j] = "column " .. j end
  return names, false, note, cells, core.table.count(cells)
end

-- Positions of the columns that stay: not those at the end without a name and a value.
local function filled_columns(names, counts, rows, named)
  local last = #names
  while last > 1 and counts[last].missing == rows and (not named or names[last] == "") do
    last = last - 1
  end
  return last
end

-- Which type each column has by the option `types`: by position.
local function asked_types(names, given, named)
  local asked = {}
  for word, kind in pairs(given or {}) do
    local k, message = columns.find(names, word, named)
    if not k then return nil, "types: " .. message end
    asked[k] = kind
  end
  return asked
end

-- Rows of a wrong number of fields: all of them counted, the first shown.
local function tell_wrong(reader, body, count, list)
  local column, shown = view(body, 1), {}
  local row = core.table.next(column, 1, "wrong")
  while row and #shown < WRONG_SHOWN do
    local _, line, fields, trouble = reader:cell(column, row)
    shown[#shown + 1] = trouble and ("line %d: %s"):format(line, trouble)
      or ("line %d has %d"):format(line, fields)
    row = core.table.next(column, row + 1, "wrong")
  end
  list:add(("%d of %d rows %s not %d field%s: %s%s"):format(
    count.wrong, body.rows, count.wrong == 1 and "has" or "have", body.cols,
    body.cols == 1 and "" or "s", table.concat(shown, ", "), row and ", ..." or ""))
end

-- Functions that note which rows cannot be read, and why.
local function markers(bad, cells, title)
  local function mark(row, why)
    if not bad[row] then bad[row] = ("%s: %s"):format(title, why) end
  end
  local function mark_texts(why)
    local row = core.table.next(cells, 1, "text")
    while row do
      mark(row, why)
      cells:set(row, 1, 0 / 0)
      row = core.table.next(cells, row + 1, "text")
    end
  end
  return mark, mark_texts
end

local function mark_wrong(reader, body, bad)
  local column = view(body, 1)
  local row = core.table.next(column, 1, "wrong")
  while row do
    local _, _, fields, trouble = reader:cell(column, row)
    bad[row] = trouble or ("%d fields, not %d"):format(fields, body.cols)
    for j = 1, body.cols do body:set(row, j, 0 / 0) end
    row = core.table.next(column, row + 1, "wrong")
  end
end

-- How `types` names a column: by its name, where that is one of a kind.
local function type_word(names, k)
  local name = names[k]
  if name == "" or name:find("[=,\"]") then return tostring(k) end
  if name:find("^%d+$") then return tostring(k) end
  return columns.find(names, name) and name or tostring(k)
end

local function read_columns(reader, source, o, list, bad)
  local chosen = {}
  for _, k in ipairs(source.chosen) do
    local asked = source.asked[k]
    if asked ~= "skip" then
      local cells = view(source.body, k)
      local column = { name = source.names[k], position = k, values = cells, reader = reader,
                       title = columns.title(source.names, k), word = type_word(source.names, k),
                       above = source.above }
      if bad then column.mark, column.mark_texts = markers(bad, cells, column.title) end
      types.settle(column, source.counts[k], list, asked, o.date_order)
      column.mark, column.mark_texts, column.title, column.word = nil, nil, nil, nil
      column.above = nil
      if column.type == "number" then column.reader = nil end
      chosen[#chosen + 1] = column
    end
  end
  return chosen
end

local function chosen_columns(names, o, named)
  local last = #names
  if o.columns then return columns.find_all(names, o.columns, named) end
  local list = {}
  for k = 1, last do list[k] = k end
  return list
end

local OPTIONS = {
  header = { type = "boolean" }, separator = { type = "string" },
  decimal = { choices = { ".", "," } }, thousands = { type = "string" },
  missing = { type = "table" }, comment = { type = "string" }, types = { type = "table" },
  columns = { type = "any" }, date_order = { choices = { "dmy", "mdy" } },
  expected = { type = "table" }, mark = { type = "boolean", default = false },
  command = { type = "string", default = "lsqnet fit" },
}

local function check_options(given)
  local o = options.read(given, OPTIONS, 4)
  local separator = SEPARATORS[o.separator] or o.separator
  if separator and (#separator ~= 1 or separator:find("[%w.+\"\r\n-]")) then
    error(("option 'separator': one character, tab or space expected, got '%s'")
          :format(o.separator), 3)
  end
  for _, name in ipairs { "thousands", "comment" } do
    if o[name] and #o[name] ~= 1 then
      error(("option '%s': one character expected, got '%s'"):format(name, o[name]), 3)
    end
  end
  if o.decimal == "," and separator == "," or o.thousands and o.thousands == (o.decimal or ".") then
    error("option 'decimal': it is another character too", 3)
  end
  return o
end

local KINDS = { number = true, category = true, date = true, skip = true, iso = true, dmy = true,
                mdy = true, time = true }

local function check_types(given)
  for word, kind in pairs(given or {}) do
    if not KINDS[kind] then
      error(("option 'types': 'number', 'category', 'date' or 'skip' expected for '%s', got '%s'")
            :format(word, tostring(kind)), 3)
    end
  end
end

--- Reads a file.
-- @treturn[1] {table,...} columns: name, position, values, type, levels, format
-- @treturn[1] table about: rows, header, notes, bad
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
return function(path, given)
  local o = check_options(given)
  check_types(o.types)
  local reader, message, code = open(path, o)
  if not reader then return nil, message, code end
  local info = reader:info()
  local cells, empty, counts, decimal = read_cells(reader, o, info.separator)
  if not cells then return nil, empty, counts end
  if cells.rows == 0 then return nil, path .. ": there is nothing but separators", "bad_format" end
  local notes = notes_of(info, decimal, empty)
  local names, named, note, body
  names, named, note, body, counts = take_header(reader, cells, counts, o)
  table.insert(notes, 1, note)
  local last = filled_columns(names, counts, body.rows, named)
  if last < #names then
    local one = #names - last == 1
    notes[#notes + 1] = ("%d empty column%s at the end %s left out"):format(
      #names - last, one and "" or "s", one and "is" or "are")
    for k = #names, last + 1, -1 do names[k] = nil end
  end
  local source = { names = names, body = body, counts = counts, above = cells.rows - body.rows }
  source.chosen, message = chosen_columns(names, o, named)
  if source.chosen then source.asked, message = asked_types(names, o.types, named) end
  if not source.asked then return nil, ("%s: %s"):format(path, message), "bad_format" end
  local list = problems.new(path, o.command)
  local bad = o.mark and {} or nil
  if counts[1].wrong > 0 then
    if bad then
      mark_wrong(reader, body, bad)
    else
      tell_wrong(reader, body, counts[1], list)
    end
  end
  local chosen = read_columns(reader, source, o, list, bad)
  message = list:message()
  if message then return nil, message, "bad_format" end
  return chosen, { rows = body.rows, header = named, notes = notes, bad = bad }
end
