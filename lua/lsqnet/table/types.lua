-- What a column of cells is, by all rows: a number, a date, a time of day or a category.

local core = require "lsqnet.core"
local problems = require "lsqnet.table.problems"

local types = {}

local FEW = 0.05 -- share of texts that are slips among numbers, not levels
local SHOWN = 3 -- texts in a message
local NAMED = 5 -- different texts that --missing names; of more, the column is another type

--- What `types` may say of a column.
types.CHOICES = { "number", "category", "date", "skip" }

-- A format that a model remembers is more than "date".
local FORMATS = { date = { "iso", "dmy", "mdy", "time" }, iso = { "iso" }, dmy = { "dmy" },
                  mdy = { "mdy" }, time = { "time" } }

-- The first texts of a column with their lines, and all different ones, at most NAMED.
local function texts_of(column)
  local reader, cells, above = column.reader, column.values, column.above
  local found, seen, different = {}, {}, {}
  local row = core.table.next(cells, 1, "text")
  while row and #different <= NAMED do
    local text = reader:cell(cells, row)
    if #found < SHOWN then
      found[#found + 1] = { text = text, line = reader:line(row + above) }
    else
      found.more = true
    end
    if not seen[text] then
      seen[text] = true
      different[#different + 1] = text
    end
    row = core.table.next(cells, row + 1, "text")
  end
  found.more = found.more or row ~= nil
  return found, different
end

local function fields(n, total)
  return ("%d of %d field%s %s"):format(n, total, total == 1 and "" or "s",
                                         n == 1 and "is" or "are")
end

-- Texts in a column of numbers: an error that counts them.
local function tell_texts(column, list, count)
  local found, different = texts_of(column)
  list:add(("column %d (%s): %s no number%s: %s"):format(
    column.position, column.title, fields(count.texts, count.numbers + count.texts),
    count.texts == 1 and "" or "s", problems.examples(found)))
  if #different <= NAMED then
    list:advise_missing(different)
  else
    list:advise_type(column.word, "category")
  end
end

local function set_number(column)
  column.type = "number"
end

--- Few levels are coded at once; many when somebody asks, so that names cost no memory.
local function eager_limit(rows)
  return 256 + rows // 64
end

local function set_category(column)
  column.type = "category"
  column.levels = column.reader:code(column.values, eager_limit(column.values.rows))
  if column.levels then column.reader = nil end
end

local function set_date(column, format)
  column.reader:convert(column.values, format)
  column.type = format == "time" and "time" or "date"
  column.format = format
  column.reader = nil
end

-- The one format that fits all texts; "ambiguous", or nil.
local function format_of(fits, texts, allowed, order)
  local fitting = {}
  for _, format in ipairs(allowed) do
    local barred = order and (format == "dmy" or format == "mdy") and format ~= order
    if fits[format] == texts and not barred then fitting[#fitting + 1] = format end
  end
  if #fitting > 1 then return "ambiguous" end
  return fitting[1]
end

local function tell_ambiguous(column, list)
  local found = texts_of(column)
  list:add(("column %d (%s): dates with the day or the month first, such as %s: "
    .. "--date-order dmy|mdy says which"):format(column.position, column.title,
    problems.examples({ found[1] })))
  list:advise_date_order()
end

-- A column that has to be dates.
local function force_date(column, list, count, asked, order)
  local fits = column.reader:dates(column.values)
  local format = format_of(fits, count.texts, FORMATS[asked], order)
  if format == "ambiguous" then return tell_ambiguous(column, list) end
  if count.numbers == 0 and format then return set_date(column, format) end
  if column.mark then
    local best = FORMATS[asked][1]
    for _, each in ipairs(FORMATS[asked]) do
      if fits[each] > fits[best] then best = each end
    end
    for row = 1, column.values.rows do -- a number is no date either
      local value = column.values:get(row, 1)
      if value == value then
        column.mark(row, "no date")
        column.values:set(row, 1, 0 / 0)
      end
    end
    column.reader:convert(column.values, best)
    column.mark_texts("no date")
    column.type, column.format = best == "time" and "time" or "date", best
    column.reader = nil
    return
  end
  local most = math.max(fits.iso, fits.dmy, fits.mdy, fits.time)
  local total = count.numbers + count.texts
  list:add(("column %d (%s): %s no date"):format(column.position, column.title,
                                                  fields(total - most, total)))
  list:advise_type(column.word, "category")
end

local function force_number(column, list, count)
  if count.texts == 0 then
    set_number(column)
  elseif column.mark then
    column.mark_texts("no number")
    set_number(column)
  else
    tell_texts(column, list, count)
  end
end

--- Decides what a column is and turns its cells into numbers, in place.
-- @tparam table column `values` (N x 1 cells), `reader`, `position`, `title`, `word` (as `types`
-- names it), `above`, how many rows are above it, and, where rows that cannot be read are marked,
-- `mark` and `mark_texts`; gets `type`, of categories `levels`, of dates `format`
-- @tparam table count of its cells
-- @param list of problems
-- @tparam[opt] string asked what the option `types` says
-- @tparam[opt] string order "dmy" or "mdy"
function types.settle(column, count, list, asked, order)
  if asked == "category" then return set_category(column) end
  if asked == "number" then return force_number(column, list, count) end
  if FORMATS[asked] then return force_date(column, list, count, asked, order) end
  if count.texts == 0 then return set_number(column) end
  if count.numbers == 0 then
    local format = format_of(column.reader:dates(column.values), count.texts, FORMATS.date, order)
    if format == "ambiguous" then return tell_ambiguous(column, list) end
    if format then return set_date(column, format) end
    return set_category(column)
  end
  if count.texts <= FEW * (count.numbers + count.texts) then
    return force_number(column, list, count)
  end
  set_category(column)
end

return types
