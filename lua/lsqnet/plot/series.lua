-- Lines and scatter plots: series of points, perhaps with bands.

local axes = require "lsqnet.plot.axes"
local gnuplot = require "lsqnet.plot.gnuplot"
local options = require "lsqnet.options"
local values = require "lsqnet.plot.values"

local series = {}

local number = gnuplot.number

-- How a series looks.
series.LOOK = {
  label = { type = "string" },
  color = { type = "any" },
  opacity = { type = "number", default = 1, minimum = 0, maximum = 1 },
  width = { type = "number", default = 2, minimum = 0 },
  size = { type = "number", default = 0.6, minimum = 0 },
  dash = { type = "boolean", default = false },
  style = { choices = { "lines", "points", "both", "steps" } },
}

local SERIES = {
  x = { type = "any" },
  y = { type = "any" },
  lower = { type = "any" },
  upper = { type = "any" },
}
for name, option in pairs(series.LOOK) do SERIES[name] = option end

local function counting(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

-- Raises unless the colour of a series is one, and one that can be transparent where it should.
function series.check_look(given, what)
  axes.check_color(given.color, what)
  if given.opacity < 1 and type(given.color) == "string"
     and not given.color:find("^#%x%x%x%x%x%x$") then
    values.fail("%s, opacity: the color as '#rrggbb' or an integer expected beside it, got '%s'",
                what, given.color)
  end
end

-- One series with its numbers as lists: x (1, 2, ... when not given), y, perhaps lower and upper.
local function read_series(given, position)
  local what = "series " .. position
  if values.is_matrix(given) or type(given) == "table" and type(given[1]) == "number" then
    given = { y = given }
  elseif type(given) ~= "table" then
    values.fail("%s: a table with y expected, got %s", what, options.typename(given))
  end
  local one = options.read(given, SERIES, 0)
  series.check_look(one, what)
  one.y = values.numbers(one.y, what .. ", y")
  one.x = one.x or counting(#one.y)
  for _, name in ipairs { "x", "lower", "upper" } do
    if one[name] ~= nil then
      one[name] = values.numbers(one[name], what .. ", " .. name)
      if #one[name] ~= #one.y then
        values.fail("%s, %s: %d numbers expected to match y, got %d", what, name, #one.y,
                    #one[name])
      end
    end
  end
  if (one.lower == nil) ~= (one.upper == nil) then
    values.fail("%s: lower and upper go together", what)
  end
  return one
end

-- Widens the panel's extent to hold a series. A band that falls towards zero on a logarithmic
-- axis (a mean less its deviation) would stretch it without end: it gets one power of ten.
local function include(panel, one)
  local least = math.huge
  for i, y in ipairs(one.y) do
    axes.include(panel, one.x[i], y)
    if axes.has_place(panel, "y", y) then least = math.min(least, y) end
  end
  local floor = (panel.log or ""):find("y") and least < math.huge and least / 10 or -math.huge
  for i = 1, one.lower and #one.y or 0 do
    if one.lower[i] == one.lower[i] then
      axes.include(panel, one.x[i], math.max(one.lower[i], floor))
    end
    axes.include(panel, one.x[i], one.upper[i])
  end
end

-- Completes a panel by its list of series: the style where one has none, and the extent.
function series.complete(panel, list, style)
  panel.series = list
  for _, one in ipairs(list) do
    one.style = one.style or style
    include(panel, one)
  end
  return axes.unless_empty(panel)
end

local function reader(style)
  return function(what, opts)
    local panel = axes.read(opts, axes.OPTIONS)
    return series.complete(panel, values.each(what, "y", read_series), style)
  end
end

local function style_command(one, color, width)
  local line = ("lw %s lc rgb %s %s"):format(number(width), color, axes.dash(one.dash))
  local point = "pt 7 ps " .. number(one.size)
  if one.style == "points" then return ("points %s lc rgb %s"):format(point, color) end
  if one.style == "both" then return ("linespoints %s %s"):format(point, line) end
  return (one.style == "steps" and "fsteps " or "lines ") .. line
end

local function rows_of(one)
  local rows = {}
  for i, y in ipairs(one.y) do
    rows[i] = { one.x[i], y, one.lower and one.lower[i], one.upper and one.upper[i] }
  end
  return rows
end

-- On a logarithmic axis a band that reaches below zero goes on to the lower end of the picture.
local function band(panel, one, data, color)
  local lower = "3"
  if (panel.log or ""):find("y") then
    for _, v in ipairs(one.lower) do
      if v <= 0 then lower = "($3 > 0 ? $3 : 1e-300)" end
    end
  end
  return { data = ("%s using 1:%s:4"):format(data, lower),
           with = ("filledcurves lc rgb %s fs transparent solid 0.2 noborder"):format(color) }
end

function series.draw(figure, panel, box)
  local bands, curves = {}, {}
  for i, one in ipairs(panel.series) do
    local color = axes.color(one.color, i)
    local data = figure:data(rows_of(one))
    if one.lower then bands[#bands + 1] = band(panel, one, data, color) end
    if one.style == "points" and not panel.log then -- so that no point is cut by the frame
      figure:add("set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03")
    end
    curves[i] = {
      data = data .. " using 1:2",
      with = style_command(one, axes.color(one.color, i, one.opacity), one.width),
      label = one.label,
      -- a faint or thin line is hard to tell in the legend
      key = (one.opacity < 1 or one.width < 1) and style_command(one, color, math.max(2, one.width))
        or nil,
    }
  end
  return axes.draw(figure, panel, box, table.move(curves, 1, #curves, #bands + 1, bands))
end

series.lines = { read = reader("lines"), draw = series.draw }
series.scatter = { read = reader("points"), draw = series.draw }

return series
