-- Axes, legend and marks: what lines, scatter and histogram have in common.

local gnuplot = require "lsqnet.plot.gnuplot"
local options = require "lsqnet.options"
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
  legend = { type = "any", default = "top right" },
  marks = { type = "table" },
}

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
  label = { type = "string" },
  color = { type = "string", default = "#333333" },
  dash = { type = "boolean", default = false },
}

local function read_mark(given, position)
  if type(given) ~= "table" or type(given.at) ~= "number" or not values.is_finite(given.at) then
    values.fail("mark %d: a table expected whose field at is a finite number", position)
  end
  return options.read(given, MARK, 0)
end

function axes.read(given, declared)
  local o = options.read(given, declared, 0)
  values.check_pair(o.xrange, "xrange")
  values.check_pair(o.yrange, "yrange")
  if o.legend ~= false then options.read({ legend = o.legend }, LEGEND, 0) end
  local marks = {}
  for i, mark in ipairs(o.marks or {}) do marks[i] = read_mark(mark, i) end
  o.marks = marks
  return o
end

-- The colour of the i-th thing drawn, quoted.
function axes.color(given, i)
  return quoted(given or COLORS[(i - 1) % #COLORS + 1])
end

-- The part of a plot command that names a thing in the legend.
function axes.title(text)
  return text and "title " .. quoted(text) or "notitle"
end

function axes.dash(is_dashed)
  return is_dashed and "dt 2" or ""
end

-- Sets the texts of a panel, where it has them.
function axes.labels(figure, o)
  for _, name in ipairs { "title", "xlabel", "ylabel" } do
    if o[name] then
      local font = name == "title" and " font ',13'" or ""
      figure:add("%s", ("set %s %s%s"):format(name, quoted(o[name]), font))
    end
  end
end

local function draw_mark(figure, mark)
  local at = number(mark.at)
  figure:add("set arrow from first %s, graph 0 to first %s, graph 1 nohead front lw 1.6 "
             .. "lc rgb %s %s", at, at, quoted(mark.color), axes.dash(mark.dash))
end

local function settings(figure, o)
  figure:add("set border 3 lc rgb '#666666'")
  figure:add("set tics nomirror out scale 0.6 textcolor rgb '#333333'")
  figure:add("set grid lc rgb '#e4e4e4' lt 1 lw 1")
  figure:add(o.legend and "set key " .. KEYS[o.legend] .. " samplen 2 spacing 1.15" or "unset key")
  axes.labels(figure, o)
  if o.log then figure:add("set logscale " .. o.log) end
  for _, axis in ipairs { "x", "y" } do
    local range = o[axis .. "range"]
    if range then figure:add("set %srange [%s:%s]", axis, number(range[1]), number(range[2])) end
  end
end

-- Draws plot entries ("'file' using 1:2 with lines ...") within the axes that `o` describes.
-- Marks are arrows, which have no entry in the legend of their own.
function axes.draw(figure, o, entries)
  settings(figure, o)
  for _, mark in ipairs(o.marks) do
    draw_mark(figure, mark)
    if mark.label then
      entries[#entries + 1] = ("NaN with lines lw 1.6 lc rgb %s %s %s")
        :format(quoted(mark.color), axes.dash(mark.dash), axes.title(mark.label))
    end
  end
  figure:add("%s", "plot " .. table.concat(entries, ", \\\n     "))
end

return axes
