-- Numbers and aligned columns, as the command reads and prints them.

local words = require "lsqnet.words"

local text = {}

--- A converter for argparse: whole numbers from `low` on.
function text.whole(option, low)
  return function(word)
    local value = math.tointeger(tonumber(word))
    if value and value >= low then return value end
    local from = low > math.mininteger and (" of at least %d"):format(low) or ""
    return nil, ("%s: a whole number%s expected, got '%s'"):format(option, from, word)
  end
end

--- Writes a line to standard output. Lua's own print flushes each line and hides that it failed.
-- @return as of `file:write`
function text.print(line)
  return io.stdout:write(line, "\n")
end

--- A number of four significant digits; a missing one is empty.
function text.number(v)
  return v and words.number("%.4g", v) or ""
end

--- Rows of strings as aligned lines. Columns are two blanks apart.
-- @tparam {{string,...},...} rows
-- @tparam[opt] boolean numbers whether all columns but the first lean to the right
function text.aligned(rows, numbers)
  local widths = {}
  for _, row in ipairs(rows) do
    for j, cell in ipairs(row) do widths[j] = math.max(widths[j] or 0, #cell) end
  end
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for j, cell in ipairs(row) do
      local blanks = (" "):rep(widths[j] - #cell)
      cells[j] = numbers and j > 1 and blanks .. cell or cell .. blanks
    end
    lines[i] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

return text
