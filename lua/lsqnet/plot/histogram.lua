-- Histograms of one or several samples, over common bins.

local axes = require "lsqnet.plot.axes"
local options = require "lsqnet.options"
local values = require "lsqnet.plot.values"

local histogram = {}

local OPTIONS = axes.options { bins = { type = "integer", minimum = 1, maximum = 10000 } }

local SAMPLE = {
  values = { type = "any" },
  label = { type = "string" },
  color = { type = "any" },
}

local function read_sample(given, position)
  if values.is_matrix(given) or type(given) == "table" and type(given[1]) == "number" then
    given = { values = given }
  end
  local what = "sample " .. position
  if type(given) ~= "table" then
    values.fail("%s: a table with values expected, got %s", what, options.typename(given))
  end
  local sample = options.read(given, SAMPLE, 0)
  axes.check_color(sample.color, what)
  sample.values = values.numbers(sample.values, what .. ", values")
  return sample
end

-- The values of the sample that the horizontal axis can show.
local function visible(panel, sample)
  local list = {}
  for _, v in ipairs(sample.values) do
    if axes.has_place(panel, "x", v) then list[#list + 1] = v end
  end
  return list
end

-- The range of all samples, and the size of the largest.
local function extent(samples)
  local low, high, count = math.huge, -math.huge, 0
  for _, sample in ipairs(samples) do
    for _, v in ipairs(sample.values) do low, high = math.min(low, v), math.max(high, v) end
    count = math.max(count, #sample.values)
  end
  return low, high, count
end

-- The edges of equal bins; equal in their ratio on a logarithmic axis.
local function edges(range, bins, is_log)
  local low, high = range[1], range[2]
  local list = {}
  for k = 0, bins do
    list[k] = is_log and low * (high / low) ^ (k / bins) or low + k * ((high - low) / bins)
  end
  list[bins] = high
  return list
end

-- How many values fall between neighbouring edges. A bin holds its lower edge; the last one both.
local function counts(list, edge)
  local count = {}
  for k = 1, #edge do count[k] = 0 end
  for _, v in ipairs(list) do
    if v >= edge[0] and v <= edge[#edge] then
      local first, last = 1, #edge -- the bin is among these
      while first < last do
        local middle = (first + last) // 2
        if v < edge[middle] then last = middle else first = middle + 1 end
      end
      count[first] = count[first] + 1
    end
  end
  return count
end

function histogram.read(what, opts)
  local panel = axes.read(opts, OPTIONS)
  panel.samples = values.each(what, "values", read_sample)
  for _, sample in ipairs(panel.samples) do sample.values = visible(panel, sample) end
  local low, high, count = extent(panel.samples)
  if count == 0 then return axes.unless_empty(panel) end
  local is_log = (panel.log or ""):find("x") ~= nil
  if low == high and is_log then
    low, high = low / 2, high * 2
  elseif low == high then -- one value: room around it that rounding cannot close
    local margin = math.max(0.5, math.abs(low) * 1e-6)
    low, high = low - margin, high + margin
  end
  panel.xrange = panel.xrange or { low, high }
  local bins = panel.bins or math.max(8, math.min(60, math.ceil(math.sqrt(count))))
  panel.edges = edges(panel.xrange, bins, is_log)
  panel.ylabel = panel.ylabel or "count"
  for _, sample in ipairs(panel.samples) do
    sample.counts = counts(sample.values, panel.edges)
    for k, n in ipairs(sample.counts) do axes.include(panel, panel.edges[k], n) end
  end
  -- on a logarithmic axis a bar of 1 stands on something lower
  axes.include(panel, panel.edges[bins], 0.5)
  return axes.unless_empty(panel)
end

function histogram.draw(figure, panel, box)
  local bars, edge = {}, panel.edges
  for i, sample in ipairs(panel.samples) do
    local rows = {}
    for k, count in ipairs(sample.counts) do
      rows[k] = { (edge[k - 1] + edge[k]) / 2, count, edge[k] - edge[k - 1] }
    end
    local color = axes.color(sample.color, i)
    bars[i] = { data = figure:data(rows) .. " using 1:2:3", label = sample.label,
                with = ("boxes fc rgb %s fs transparent solid 0.5 border rgb %s")
                  :format(color, color) }
  end
  if not panel.yrange and not (panel.log or ""):find("y") then figure:add("set yrange [0:*]") end
  return axes.draw(figure, panel, box, bars)
end

return histogram
