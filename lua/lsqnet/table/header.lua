-- Whether the first line of a file holds names.

local header = {}

-- Integers 0..n-1 or 1..n, as NumPy and pandas name what has no names. Two alone could be a row of
-- data as well: there the columns below have to be of another kind, with fractions.
local function is_counted(fields, counts)
  local filled, whole = {}, false
  for j, field in ipairs(fields) do
    if field ~= "" then
      filled[#filled + 1] = tonumber(field) or -1
      whole = whole or counts[j].fractions == 0
    end
  end
  if #filled < 2 or #fields == 2 and whole then return false end
  for k, number in ipairs(filled) do
    if number ~= filled[1] + k - 1 then return false end
  end
  return filled[1] == 0 or filled[1] == 1
end

-- Whether what is below is a column of numbers, but for a few texts that are to be told.
local function is_numeric(count)
  return count.numbers > 0 and count.texts <= 0.05 * (count.numbers + count.texts)
end

-- What stands in the first line, by column: "text", "number", "empty" or "missing" (a word for it).
local function kinds_of(text, cells, fields)
  local kinds = {}
  for j = 1, cells.cols do
    local value = text:cell(cells:slice(1, cells.rows, j, j), 1)
    kinds[j] = type(value) == "string" and "text" or type(value) == "number" and "number"
      or fields[j] == "" and "empty" or "missing"
  end
  return kinds
end

local function distinct(fields)
  local seen = {}
  for _, field in ipairs(fields) do
    if seen[field] then return false end
    seen[field] = true
  end
  return true
end

--- Decides.
-- @param text the reader
-- @param cells all rows, the first line as the first
-- @param fields of the first line, as they are written
-- @param counts of the rows below
-- @treturn boolean whether they are names
-- @treturn string why, in a sentence
function header.decide(text, cells, fields, counts)
  local kinds = kinds_of(text, cells, fields)
  local any_number, numeric_below, text_above_numbers = false, false, false
  for j, kind in ipairs(kinds) do
    local numeric = is_numeric(counts[j])
    any_number = any_number or kind == "number"
    numeric_below = numeric_below or numeric and (kind == "text" or kind == "empty")
    text_above_numbers = text_above_numbers or numeric and kind == "text"
  end
  if text_above_numbers then
    return true, "the first line holds names: text above columns of numbers"
  elseif is_counted(fields, counts) then
    return true, ("the first line holds names: it counts %s to %s")
      :format(fields[1] ~= "" and fields[1] or fields[2], fields[#fields])
  elseif not any_number and numeric_below then
    return true, "the first line holds names: none of its fields is a number"
  elseif any_number then
    return false, "the first line is data: its fields are of the kinds below"
  end
  local all_text = true
  for j, kind in ipairs(kinds) do
    all_text = all_text and (kind == "text" or counts[j].texts == 0)
  end
  if all_text and distinct(fields) and not text:first_repeats(cells) then
    return true, "the first line holds names: its fields are distinct and never repeated"
  end
  return false, "the first line is data: its texts are of the kinds below"
end

--- Decides by the names that a model knows.
function header.has_names(fields, expected)
  local known, found = {}, 0
  for _, field in ipairs(fields) do known[field] = true end
  for _, name in ipairs(expected) do found = found + (known[name] and 1 or 0) end
  return found > 0 and 2 * found >= #expected
end

return header
