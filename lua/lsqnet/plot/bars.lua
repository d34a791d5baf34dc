-- Bars for categories, in groups of one bar a series.

local axes = require "lsqnet.plot.axes"
local gnuplot = require "lsqnet.plot.gnuplot"
local options = require "lsqnet.options"
local values = require "lsqnet.plot.values"

local bars = {}

local quoted, number = gnuplot.quoted, gnuplot.number

local GROUP = 0.8 -- the part of a category's place that its bars fill

local OPTIONS = axes.options { categories = { type = "table" } }

local SERIES = {
  values = { type = "any" },
  errors = { type = "any" },
  label = { type = "string" },
  color = { type = "any" },
}

local function read_categories(given)
  if type(given) ~= "table" or #given == 0 then
    values.fail("option 'categories': a list of at least one name expected")
  end
  for i, name in ipairs(given) do
    if type(name) ~= "string" then
      values.fail("option 'categories': a string expected at position %d, got %s", i,
                  options.typename(name))
    end
  end
  return table.move(given, 1, #given, 1, {})
end

local function read_series(given, position, count)
  local what = "series " .. position
  if values.is_matrix(given) or type(given) == "table" and type(given[1]) == "number" then
    given = { values = given }
  elseif type(given) ~= "table" then
    values.fail("%s: a table with values expected, got %s", what, options.typename(given))
  end
  local one = options.read(given, SERIES, 0)
  axes.check_color(one.color, what)
  for _, name in ipairs { "values", "errors" } do
    if one[name] ~= nil or name == "values" then
      one[name] = values.numbers(one[name], what .. ", " .. name)
      if #one[name] ~= count then
        values.fail("%s, %s: %d numbers expected, one a category, got %d", what, name, count,
                    #one[name])
      end
    end
  end
  return one
end

function bars.read(what, opts)
  local panel = axes.read(opts, OPTIONS)
  if panel.log and panel.log ~= "y" then
    values.fail("option 'log': 'y' expected, as the categories are no numbers, got '%s'", panel.log)
  end
  panel.grid = "noxtics ytics"
  panel.categories = read_categories(panel.categories)
  panel.series = values.each(what, "values", function(given, position)
    return read_series(given, position, #panel.categories)
  end)
  for _, one in ipairs(panel.series) do
    for i, v in ipairs(one.values) do
      local error_bar = one.errors and values.is_finite(one.errors[i]) and one.errors[i] or 0
      axes.include(panel, i, v)
      axes.include(panel, i, v + error_bar)
      if not panel.log then axes.include(panel, i, v - error_bar) end
    end
  end
  panel.xrange = panel.xrange or { 0.5, #panel.categories + 0.5 }
  return axes.unless_empty(panel)
end

-- A bar has no zero to stand on where the axis is logarithmic: room for the shortest to be seen.
local function set_range(figure, panel)
  if panel.yrange then return end
  local low, high = panel.extent.y[1], panel.extent.y[2]
  if panel.log then
    panel.yrange = { 10 ^ (math.log(low, 10) - math.max(0.3, 0.1 * math.log(high / low, 10))),
                     high * (high / low) ^ 0.03 * 1.1 }
  else
    figure:add("set yrange [%s:%s]", low < 0 and "*" or "0", high > 0 and "*" or "0")
  end
end

-- Names beside each other where they fit, else slanted.
local function set_names(figure, panel, box)
  local list, longest = {}, 0
  for i, name in ipairs(panel.categories) do
    list[i] = ("%s %d"):format(quoted(name), i)
    longest = math.max(longest, utf8.len(name) or #name)
  end
  local fits = longest * 8 < (box.width - 90) / #panel.categories
  figure:add("%s", ("set xtics %s (%s)"):format(fits and "norotate" or "rotate by 30 right",
                                                table.concat(list, ", ")))
  figure:add("set xtics scale 0")
end

function bars.draw(figure, panel, box)
  local entries, lines = {}, {}
  local width = GROUP / #panel.series
  for i, one in ipairs(panel.series) do
    local rows = {}
    for k, v in ipairs(one.values) do
      rows[k] = { k - GROUP / 2 + (i - 0.5) * width, v, width * 0.92,
                  one.errors and one.errors[k] }
    end
    local data, color = figure:data(rows), axes.color(one.color, i)
    entries[i] = { data = data .. " using 1:2:3", label = one.label,
                   with = ("boxes fc rgb %s fs solid 0.85 noborder"):format(color) }
    if one.errors then
      -- what a logarithmic axis cannot show of the lower half goes on to the end of the picture
      local lower = panel.log and "($2 > $4 ? $2 - $4 : 1e-300)" or "($2 - $4)"
      lines[#lines + 1] = { data = ("%s using 1:2:%s:($2 + $4)"):format(data, lower),
                            with = "yerrorbars pt 7 ps 0 lw 1.4 lc rgb '#333333'" }
    end
  end
  figure:add("set errorbars %s", number(#panel.categories * #panel.series > 20 and 0.4 or 0.8))
  set_range(figure, panel)
  set_names(figure, panel, box)
  return axes.draw(figure, panel, box, table.move(lines, 1, #lines, #entries + 1, entries))
end

return bars
