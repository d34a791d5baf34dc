-- Histograms of one or several samples, over common bins.

local axes = require "lsqnet.plot.axes"
local options = require "lsqnet.options"
local values = require "lsqnet.plot.values"

local histogram = {}

local OPTIONS = { bins = { type = "integer", minimum = 1, maximum = 10000 } }
for name, option in pairs(axes.OPTIONS) do OPTIONS[name] = option end

local SAMPLE = {
  values = { type = "any" },
  label = { type = "string" },
  color = { type = "string" },
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
  local finite = {}
  for _, v in ipairs(values.numbers(sample.values, what .. ", values")) do
    if values.is_finite(v) then finite[#finite + 1] = v end
  end
  sample.values = finite
  return sample
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

function histogram.read(what, opts)
  local panel = axes.read(opts, OPTIONS)
  panel.samples = values.each(what, "values", read_sample)
  local low, high, count = extent(panel.samples)
  if count == 0 then return nil, "no finite number to draw", "non_finite" end
  if low == high then -- one value: room around it that rounding cannot close
    local margin = math.max(0.5, math.abs(low) * 1e-6)
    low, high = low - margin, high + margin
  end
  panel.xrange = panel.xrange or { low, high }
  panel.bins = panel.bins or math.max(8, math.min(60, math.ceil(math.sqrt(count))))
  panel.ylabel = panel.ylabel or "count"
  return panel
end

-- How many values fall into each of `bins` equal parts of the range; the last one is closed.
local function counts(list, range, bins)
  local low, high = range[1], range[2]
  local count = {}
  for k = 1, bins do count[k] = 0 end
  for _, v in ipairs(list) do
    if v >= low and v <= high then
      local k = math.min(bins, math.floor((v - low) / (high - low) * bins) + 1)
      count[k] = count[k] + 1
    end
  end
  return count
end

function histogram.draw(figure, panel)
  local bars, low = {}, panel.xrange[1]
  local width = (panel.xrange[2] - low) / panel.bins
  for i, sample in ipairs(panel.samples) do
    local rows = {}
    for k, count in ipairs(counts(sample.values, panel.xrange, panel.bins)) do
      rows[k] = { low + (k - 0.5) * width, count, width }
    end
    local color = axes.color(sample.color, i)
    bars[i] = ("%s using 1:2:3 with boxes fc rgb %s fs transparent solid 0.5 border rgb %s %s")
      :format(figure:data(rows), color, color, axes.title(sample.label))
  end
  if not panel.yrange and not (panel.log or ""):find("y") then figure:add("set yrange [0:*]") end
  axes.draw(figure, panel, bars)
end

return histogram
