-- What an encoder learns from the training rows of one column, as a plain table.
--
-- A column that is left out gives nil and the reason.

local core = require "lsqnet.core"
local level = require "lsqnet.table.level"
local parts = require "lsqnet.encoder.dates"

local fit = {}

local SHARE = 0.01 -- of missing values from which on they are an input of their own
local FEWEST = 2 -- of them, at least
local RARE = 0.005 -- share below which a level is pooled
local LEVELS = 40 -- beyond which the less frequent ones are pooled
local DISTINCT = 0.5 -- share of different texts from which on they are names

local INDEX = { [""] = true, ["unnamed: 0"] = true, id = true, index = true, row = true }

--- Whether missing values are told apart: at least 1 % of the rows, and 2.
function fit.is_flagged(missing, rows)
  return missing >= FEWEST and missing >= SHARE * rows
end

--- Whether a column counts the rows.
function fit.is_index(name, values)
  return INDEX[name:lower()] ~= nil and values.rows > 1
    and (core.table.counts_from(values, 0) or core.table.counts_from(values, 1))
end

--- A column of numbers.
function fit.number(values)
  local s = core.table.summarise(values)
  local gaps = s.missing + s.infinite
  local flag = fit.is_flagged(gaps, values.rows)
  if s.finite == 0 then return nil, "no value is there" end
  local constant = s.least == s.largest
  if constant and not flag then return nil, "constant" end
  return { type = "number", median = s.median, constant = constant, indicator = flag },
         s.infinite
end

-- Codes of the levels that get an input, in the order of their bytes, and whether others are left.
local function frequent(counts, rows)
  local order = {}
  for code, count in ipairs(counts) do
    if count > 0 and count >= RARE * rows then order[#order + 1] = code end
  end
  if #order > LEVELS then
    table.sort(order, function(a, b)
      if counts[a] ~= counts[b] then return counts[a] > counts[b] end
      return a < b
    end)
    for k = #order, LEVELS + 1, -1 do order[k] = nil end
    table.sort(order)
  end
  return order
end

--- A column of levels.
function fit.category(values, levels)
  local rows = values.rows
  local counts, missing = core.table.tally(values, #levels)
  local present = 0
  for _, count in ipairs(counts) do present = present + (count > 0 and 1 or 0) end
  if present == 0 then return nil, "no value is there" end
  if present > LEVELS and present > DISTINCT * (rows - missing) then
    return nil, ("names or ids: %d of %d texts differ"):format(present, rows - missing)
  end
  local kept, pooled, taken = {}, {}, {}
  for k, code in ipairs(frequent(counts, rows)) do
    kept[k] = levels[code]
    taken[code] = true
  end
  for code, count in ipairs(counts) do
    if count > 0 and not taken[code] then pooled[#pooled + 1] = levels[code] end
  end
  local spec = { type = "category", levels = kept, pooled = pooled, other = #pooled > 0,
                 indicator = fit.is_flagged(missing, rows) }
  local inputs = #kept + (spec.other and 1 or 0) + (spec.indicator and 1 or 0)
  if inputs < 2 then
    return nil, #kept == 0 and "no level is frequent enough" or "constant"
  end
  return spec
end

-- Values of a part of the dates that are there.
local function part_values(values, of, median)
  local list = core.matrix(values.rows, 1)
  for i = 1, values.rows do
    local value = values:get(i, 1)
    list:set(i, 1, value - value == 0 and of(value, median) or 0 / 0)
  end
  return list
end

--- A column of dates or times of day.
function fit.date(values, kind, format)
  local s = core.table.summarise(values)
  if s.finite == 0 then return nil, "no value is there" end
  local spec = { type = kind, format = format, median = s.median, parts = {}, fills = {},
                 indicator = fit.is_flagged(s.missing, values.rows) }
  for _, part in ipairs(parts.of(kind)) do
    local of = core.table.summarise(part_values(values, part[2], s.median))
    if of.largest - of.least > 1e-9 then
      spec.parts[#spec.parts + 1] = part[1]
      spec.fills[#spec.fills + 1] = of.median
    end
  end
  if #spec.parts == 0 and not spec.indicator then return nil, "constant" end
  return spec
end

local function hidden_key(value, column)
  if value ~= value then return "missing" end
  return column.levels and column.levels[value // 1 | 0] or level.name(value)
end

--- Whether each value of a column goes with one class of the target alone: few values, many rows.
-- @tparam table column with values and, of a category, levels
-- @tparam table classes of the rows, nil where unknown
function fit.determines(column, classes)
  local class_of, distinct, rows = {}, 0, 0
  for i = 1, column.values.rows do
    local class = classes[i]
    if class then
      local key = hidden_key(column.values:get(i, 1), column)
      if class_of[key] == nil then
        distinct = distinct + 1
        if distinct > LEVELS then return false end
        class_of[key] = class
      elseif class_of[key] ~= class then
        return false
      end
      rows = rows + 1
    end
  end
  return distinct > 1 and rows >= 20 and rows >= 5 * distinct
end

return fit
