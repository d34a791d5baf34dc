-- Lines and scatter plots: series of points, perhaps with bands.

local axes = require "lsqnet.plot.axes"
local gnuplot = require "lsqnet.plot.gnuplot"
local options = require "lsqnet.options"
local values = require "lsqnet.plot.values"

local number = gnuplot.number

local SERIES = {
  x = { type = "any" },
  y = { type = "any" },
  lower = { type = "any" },
  upper = { type = "any" },
  label = { type = "string" },
  color = { type = "string" },
  width = { type = "number", default = 2, minimum = 0 },
  size = { type = "number", default = 0.6, minimum = 0 },
  dash = { type = "boolean", default = false },
  style = { choices = { "lines", "points", "both", "steps" } },
}

local function counting(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end

-- One series with its numbers as lists: x (1, 2, ... when not given), y, perhaps lower and upper.
local function read_series(given, position)
  local what = "series " .. position
  if values.is_matrix(given) or type(given) == "table" and type(given[1]) == "number" then
    given = { y = given }
  elseif type(given) ~= "table" then
    values.fail("%s: a table with y expected, got %s", what, options.typename(given))
  end
  local series = options.read(given, SERIES, 0)
  series.y = values.numbers(series.y, what .. ", y")
  series.x = series.x or counting(#series.y)
  for _, name in ipairs { "x", "lower", "upper" } do
    if series[name] ~= nil then
      series[name] = values.numbers(series[name], what .. ", " .. name)
      if #series[name] ~= #series.y then
        values.fail("%s, %s: %d numbers expected to match y, got %d", what, name, #series.y,
                    #series[name])
      end
    end
  end
  if (series.lower == nil) ~= (series.upper == nil) then
    values.fail("%s: lower and upper go together", what)
  end
  return series
end

local function is_visible(series)
  for i, y in ipairs(series.y) do
    if values.is_finite(y) and values.is_finite(series.x[i]) then return true end
  end
  return false
end

local function reader(style)
  return function(what, opts)
    local panel = axes.read(opts, axes.OPTIONS)
    panel.series = values.each(what, "y", read_series)
    local visible = false
    for _, series in ipairs(panel.series) do
      series.style = series.style or style
      visible = visible or is_visible(series)
    end
    if not visible then return nil, "no finite number to draw", "non_finite" end
    return panel
  end
end

local function style_command(series, color)
  local line = ("lw %s lc rgb %s %s"):format(number(series.width), color, axes.dash(series.dash))
  local point = "pt 7 ps " .. number(series.size)
  if series.style == "points" then return ("points %s lc rgb %s"):format(point, color) end
  if series.style == "both" then return ("linespoints %s %s"):format(point, line) end
  return (series.style == "steps" and "fsteps " or "lines ") .. line
end

local function rows_of(series)
  local rows = {}
  for i, y in ipairs(series.y) do
    rows[i] = { series.x[i], y, series.lower and series.lower[i], series.upper and series.upper[i] }
  end
  return rows
end

local function draw(figure, panel)
  local bands, curves = {}, {}
  for i, series in ipairs(panel.series) do
    local color = axes.color(series.color, i)
    local data = figure:data(rows_of(series))
    if series.lower then
      bands[#bands + 1] = ("%s using 1:3:4 with filledcurves lc rgb %s fs transparent solid 0.2 "
                           .. "noborder notitle"):format(data, color)
    end
    if series.style == "points" and not panel.log then -- so that no point is cut by the frame
      figure:add("set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03")
    end
    curves[i] = ("%s using 1:2 with %s %s")
      :format(data, style_command(series, color), axes.title(series.label))
  end
  axes.draw(figure, panel, table.move(curves, 1, #curves, #bands + 1, bands))
end

return {
  lines = { read = reader("lines"), draw = draw },
  scatter = { read = reader("points"), draw = draw },
}
