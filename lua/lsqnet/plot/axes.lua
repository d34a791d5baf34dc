-- Axes, legend and marks: what all kinds but images and surfaces have in common.

local gnuplot = require "lsqnet.plot.gnuplot"
local options = require "lsqnet.options"
local texts = require "lsqnet.plot.texts"
local tics = require "lsqnet.plot.tics"
local values = require "lsqnet.plot.values"

local axes = {}

local quoted, number = gnuplot.quoted, gnuplot.number

-- Okabe and Ito's colours, told apart also by the colour-blind.
local COLORS = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555" }

-- Options that are read by `axes.read`; a kind may declare more beside them.
axes.OPTIONS = {
  size = { type = "table" },
  title = { type = "string" },
  xlabel = { type = "string" },
  ylabel = { type = "string" },
  log = { choices = { "x", "y", "xy" } },
  xrange = { type = "table" },
  yrange = { type = "table" },
  legend = { type = "any" }, -- at the top right, unless the picture has one for all panels
  marks = { type = "table" },
}

-- The options of all kinds with axes, and those of one kind.
function axes.options(more)
  for name, option in pairs(axes.OPTIONS) do more[name] = option end
  return more
end

local KEYS = {
  ["top right"] = "top right",
  ["top left"] = "top left Left reverse",
  ["bottom right"] = "bottom right",
  ["bottom left"] = "bottom left Left reverse",
  ["outside"] = "outside right top Left reverse",
}

local LEGEND = {
  legend = { choices = { "top right", "top left", "bottom right", "bottom left", "outside" } },
}

local MARK = {
  at = { type = "number" },
  axis = { choices = { "x", "y" }, default = "x" },
  label = { type = "string" },
  color = { type = "any", default = "#333333" },
  dash = { type = "boolean", default = false },
}

local function read_mark(given, position)
  if type(given) ~= "table" or type(given.at) ~= "number" or not values.is_finite(given.at) then
    values.fail("mark %d: a table expected whose field at is a finite number", position)
  end
  local mark = options.read(given, MARK, 0)
  axes.check_color(mark.color, "mark " .. position)
  return mark
end

local function is_log(o, axis)
  return (o.log or ""):find(axis, 1, true) ~= nil
end

local function check_range(o, axis)
  local name = axis .. "range"
  values.check_pair(o[name], name)
  if o[name] and is_log(o, axis) and o[name][1] <= 0 then
    values.fail("option '%s': numbers above 0 expected on a logarithmic axis", name)
  end
end

function axes.read(given, declared)
  local o = options.read(given, declared, 0)
  check_range(o, "x")
  check_range(o, "y")
  if o.legend then options.read({ legend = o.legend }, LEGEND, 0) end
  local marks = {}
  for i, mark in ipairs(o.marks or {}) do marks[i] = read_mark(mark, i) end
  o.marks = marks
  o.extent = {}
  return o
end

-- Whether a coordinate has a place on an axis.
function axes.has_place(o, axis, v)
  return values.is_finite(v) and (v > 0 or not is_log(o, axis))
end

local function widen(o, axis, v)
  local extent = o.extent[axis] or { v, v }
  o.extent[axis] = { math.min(extent[1], v), math.max(extent[2], v) }
end

-- Widens the extent of what is drawn to hold a point, if the axes can show it.
function axes.include(o, x, y)
  if axes.has_place(o, "x", x) and axes.has_place(o, "y", y) then
    widen(o, "x", x)
    widen(o, "y", y)
  end
end

-- The panel if there is anything to draw, else nil, a message and a code.
function axes.unless_empty(o)
  if o.extent.x then return o end
  return nil, o.log and ("no finite number above 0 to draw on a logarithmic axis (log = '%s')")
    :format(o.log) or "no finite number to draw", "non_finite"
end

-- Raises unless a colour is one: the name of one, "#rrggbb", or the place of one of ours.
function axes.check_color(color, what)
  if color ~= nil and type(color) ~= "string" and not (math.tointeger(color) and color >= 1) then
    values.fail("%s, color: a string or an integer from 1 expected, got %s", what,
                type(color) == "number" and tostring(color) or options.typename(color))
  end
end

-- The colour of the i-th thing drawn, quoted; of an opacity from 0 to 1.
function axes.color(given, i, opacity)
  local color = type(given) == "string" and given or COLORS[((given or i) - 1) % #COLORS + 1]
  if opacity and opacity < 1 then
    color = ("#%02x%s"):format(math.floor((1 - opacity) * 255 + 0.5), color:sub(2))
  end
  return quoted(color)
end

function axes.dash(is_dashed)
  return is_dashed and "dt 2" or ""
end

local function draw_mark(figure, mark)
  local from, to = "first %s, graph 0", "first %s, graph 1"
  if mark.axis == "y" then from, to = "graph 0, first %s", "graph 1, first %s" end
  local at = number(mark.at)
  figure:add("set arrow from %s to %s nohead front lw 1.6 lc rgb %s %s", from:format(at),
             to:format(at), axes.color(mark.color), axes.dash(mark.dash))
end

-- The range of an axis, so that what is drawn and the marks fit.
local function set_range(figure, o, axis, pixels)
  local range, extent = o[axis .. "range"], o.extent[axis]
  local low, high = extent[1], extent[2]
  local marked = false
  for _, mark in ipairs(o.marks) do
    if mark.axis == axis and axes.has_place(o, axis, mark.at) then
      low, high, marked = math.min(low, mark.at), math.max(high, mark.at), true
    end
  end
  if is_log(o, axis) then
    tics.set_log(figure, axis, range or tics.log_range(low, high), pixels)
  elseif range then
    figure:add("set %srange [%s:%s]", axis, number(range[1]), number(range[2]))
  elseif marked then -- wherever gnuplot would end the axis, the marks are on it
    figure:add("set %srange [*<%s:%s<*]", axis, number(low), number(high))
  end
end

local function settings(figure, o, box)
  figure:add("set border 3 lc rgb '#666666'")
  figure:add("set tics nomirror out scale 0.6,0.3 textcolor rgb '#333333'")
  figure:add("set format xy '%h'") -- gnuplot's own leaves room for a sign, which shifts numbers
  figure:add("set grid %s lc rgb '#e4e4e4' lt 1 lw 1", o.grid or "xtics ytics")
  local legend = o.legend
  if legend == nil then legend = not figure.common_legend and "top right" end
  figure:add(legend and "set key " .. KEYS[legend] .. " samplen 2 spacing 1.15" or "unset key")
  texts.labels(figure, o, box)
  if o.log then figure:add("set logscale " .. o.log) end
  set_range(figure, o, "x", box.width - 90)
  set_range(figure, o, "y", box.height - 90)
end

-- Draws entries within the axes that `o` describes: each { data = "'file' using 1:2", with =
-- "lines ...", label = its text in the legend or nil, key = its look there where that is another }.
-- Returns the legend, a list of { label, look }, empty when the panel has one of its own. Marks
-- are arrows, which have no entry there of their own.
function axes.draw(figure, o, box, entries)
  settings(figure, o, box)
  local plots, legend = {}, {}
  local function name(label, look)
    plots[#plots + 1] = ("NaN with %s title %s"):format(look, quoted(label))
  end
  local function note(label, look)
    if label and o.legend == nil then legend[#legend + 1] = { label, look } end
  end
  for _, entry in ipairs(entries) do
    local titled = entry.label and not entry.key
    plots[#plots + 1] = ("%s with %s %s")
      :format(entry.data, entry.with, titled and "title " .. quoted(entry.label) or "notitle")
    if entry.label and entry.key then name(entry.label, entry.key) end
    note(entry.label, entry.key or entry.with)
  end
  for _, mark in ipairs(o.marks) do
    draw_mark(figure, mark)
    local look = ("lines lw 1.6 lc rgb %s %s"):format(axes.color(mark.color), axes.dash(mark.dash))
    if mark.label then name(mark.label, look) end
    note(mark.label, look)
  end
  figure:add("%s", "plot " .. table.concat(plots, ", \\\n     "))
  return legend
end

return axes
