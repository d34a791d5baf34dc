-- The summary of a table: a line a column, aligned.

local dates = require "lsqnet.table.dates"

local LEVELS = 4 -- most frequent ones that are shown
local LONGEST = 16 -- bytes of a level

local function number(value)
  return ("%.4g"):format(value):gsub(",", ".")
end

-- Values that are there, sorted.
local function sorted_values(column)
  local list = {}
  for i = 1, column.values.rows do
    local value = column.values:get(i, 1)
    if value == value then list[#list + 1] = value end
  end
  table.sort(list)
  return list
end

-- The quantile between the two nearest values, as most programs have it.
local function quantile(list, share)
  local at = 1 + share * (#list - 1)
  local low = math.floor(at)
  local value = list[low]
  if low < #list and at > low then value = value + (at - low) * (list[low + 1] - value) end
  return value
end

local function of_numbers(list)
  local cells = {}
  for k = 0, 4 do cells[k + 1] = number(quantile(list, k / 4)) end
  return cells
end

local function shortened(text)
  text = text:gsub("%c", "?")
  if utf8.len(text) and utf8.len(text) <= LONGEST then return text end
  local stop = utf8.offset(text, LONGEST - 2) or LONGEST - 2
  return text:sub(1, stop - 1) .. "..."
end

-- "3 levels: male 577, female 314"
local function of_category(column)
  local counts, order = {}, {}
  for code in ipairs(column.levels) do counts[code], order[code] = 0, code end
  for i = 1, column.values.rows do
    local value = column.values:get(i, 1)
    if value == value then
      local code = value // 1 | 0
      counts[code] = counts[code] + 1
    end
  end
  table.sort(order, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  local shown = {}
  for k = 1, math.min(LEVELS, #order) do
    shown[k] = ("%s %d"):format(shortened(column.levels[order[k]]), counts[order[k]])
  end
  return ("%d level%s: %s%s"):format(#order, #order == 1 and "" or "s",
    table.concat(shown, ", "), #order > LEVELS and ", ..." or "")
end

local function width(text)
  return utf8.len(text) or #text
end

-- Rows of cells, each padded to its column's width; numbers lean to the right.
local function aligned(rows, right)
  local widths = {}
  for _, row in ipairs(rows) do
    for j, cell in ipairs(row) do widths[j] = math.max(widths[j] or 0, width(cell)) end
  end
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for j, cell in ipairs(row) do
      local blanks = (" "):rep(widths[j] - width(cell))
      cells[j] = right[j] and blanks .. cell or cell .. blanks
    end
    lines[i] = (table.concat(cells, "  ") .. (row.rest and "  " .. row.rest or "")):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

local function row_of(k, column)
  local values = sorted_values(column)
  local row = { tostring(k), shortened(column.name), column.type,
                tostring(column.values.rows - #values) }
  if #values == 0 then
    row.rest = "nothing but missing values"
  elseif column.type == "number" then
    table.move(of_numbers(values), 1, 5, 5, row)
  elseif column.type == "category" then
    row.rest = of_category(column)
  else
    local text = column.type == "date" and dates.text or dates.time_text
    row.rest = ("%s to %s"):format(text(values[1]), text(values[#values]))
  end
  return row
end

--- Describes a table whose categories are coded.
return function(tab)
  local any_number = false
  local rows = { { "", "name", "type", "missing" } }
  for k, column in ipairs(tab.columns) do
    rows[k + 1] = row_of(k, column)
    any_number = any_number or #rows[k + 1] > 4
  end
  if any_number then
    table.move({ "min", "25%", "median", "75%", "max" }, 1, 5, 5, rows[1])
  end
  local right = { [1] = true, [4] = true }
  for j = 5, 9 do right[j] = true end
  return tostring(tab):gsub("^lsqnet.table: ", "") .. "\n" .. aligned(rows, right)
end
