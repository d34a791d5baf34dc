-- Sorted runs: the results of many runs in the order of their size.

local axes = require "lsqnet.plot.axes"
local options = require "lsqnet.options"
local series = require "lsqnet.plot.series"
local values = require "lsqnet.plot.values"

local OPTIONS = axes.options { order = { choices = { "decreasing", "increasing" },
                                         default = "decreasing" } }

local COMPANION = { values = { type = "any" } }
for name, option in pairs(series.LOOK) do COMPANION[name] = option end

local SAMPLE = { with = { type = "table" } }
for name, option in pairs(COMPANION) do SAMPLE[name] = option end

local function read_sample(given, what, declared)
  if values.is_matrix(given) or type(given) == "table" and type(given[1]) == "number" then
    given = { values = given }
  elseif type(given) ~= "table" then
    values.fail("%s: a table with values expected, got %s", what, options.typename(given))
  end
  local sample = options.read(given, declared, 0)
  series.check_look(sample, what)
  sample.values = values.numbers(sample.values, what .. ", values")
  return sample, given
end

-- The positions of a list's values from the largest to the smallest, or the other way round. What
-- is not finite counts as the largest; equals stay as they come.
local function order_of(list, decreasing)
  local key, order = {}, {}
  for i, v in ipairs(list) do
    key[i] = values.is_finite(v) and v or math.huge
    order[i] = i
  end
  table.sort(order, function(a, b)
    if key[a] == key[b] then return a < b end
    if decreasing then return key[a] > key[b] end
    return key[a] < key[b]
  end)
  return order
end

-- A series of the sample's values in the given order, over the ranks 1, 2, ...
local function ranked(sample, order)
  sample.x, sample.y = {}, {}
  for rank, i in ipairs(order) do sample.x[rank], sample.y[rank] = rank, sample.values[i] end
  return sample
end

-- The series of one sample: its own, and those that go with it, in its colour: points beside a
-- line, a line beside points (jagged lines in dashes are hard to follow).
local function read_entry(given, position, decreasing, list)
  local what = "sample " .. position
  local sample = read_sample(given, what, SAMPLE)
  local order = order_of(sample.values, decreasing)
  sample.color = sample.color or position
  sample.style = sample.style or "lines"
  list[#list + 1] = ranked(sample, order)
  for k, other in ipairs(sample.with or {}) do
    local name = ("%s, with %d"):format(what, k)
    local companion, fields = read_sample(other, name, COMPANION)
    if #companion.values ~= #order then
      values.fail("%s: %d values expected, one a run, got %d", name, #order, #companion.values)
    end
    companion.color = companion.color or sample.color
    local is_line = sample.style == "lines" or sample.style == "steps"
    companion.style = companion.style or (is_line and "points" or "lines")
    companion.size = fields.size or (is_line and 0.4 or sample.size)
    companion.width = fields.width or sample.width
    list[#list + 1] = ranked(companion, order)
  end
end

local function read(what, opts)
  local panel = axes.read(opts, OPTIONS)
  local list = {}
  values.each(what, "values", function(given, position)
    read_entry(given, position, panel.order == "decreasing", list)
  end)
  panel.xlabel = panel.xlabel or "run, sorted"
  return series.complete(panel, list, "lines")
end

return { read = read, draw = series.draw }
