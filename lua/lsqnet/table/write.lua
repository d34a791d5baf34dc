-- Values and whole tables as text.

local dates = require "lsqnet.table.dates"
local words = require "lsqnet.words"

local write = {}

local ROWS = 1000 -- of a piece

--- A value of a column: a number or a string, or nil where it is missing.
function write.value(column, row)
  local value = column.values:get(row, 1)
  if value ~= value then return nil end
  if column.type == "category" then return column.levels[value // 1 | 0] end
  if column.type == "date" then return dates.text(value) end
  if column.type == "time" then return dates.time_text(value) end
  return value
end

-- A text in quotes where it would be read as something else.
local function quoted(text, separator)
  if text == "" or text:find('[",\r\n]') or text:find(separator, 1, true) or text:find("^%s")
     or text:find("%s$") or separator == " " and text:find("%s") or text:find("^#") then
    return '"' .. text:gsub('"', '""') .. '"'
  end
  return text
end

local function field(column, row, separator)
  local value = write.value(column, row)
  if value == nil then return separator == " " and '""' or "" end
  return type(value) == "number" and words.exact(value) or quoted(value, separator)
end

--- The lines of a table, some thousand at a time.
-- @treturn {string,...}
function write.pieces(tab, separator)
  local pieces, lines, row = {}, {}, {}
  if tab.header then
    for k, name in ipairs(tab.names) do row[k] = quoted(name, separator) end
    lines[1] = table.concat(row, separator)
  end
  for i = 1, tab.rows do
    local filled = false
    for k, column in ipairs(tab.columns) do
      row[k] = field(column, i, separator)
      filled = filled or row[k] ~= ""
    end
    if not filled then row[1] = '""' end -- no blank line, and no row of separators alone
    lines[#lines + 1] = table.concat(row, separator)
    if #lines >= ROWS then
      pieces[#pieces + 1] = table.concat(lines, "\n") .. "\n"
      lines = {}
    end
  end
  if #lines > 0 then pieces[#pieces + 1] = table.concat(lines, "\n") .. "\n" end
  return pieces
end

return write
