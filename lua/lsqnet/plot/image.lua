-- Matrices as images, with a colour scale and contour lines. Row 1 is at the top.

local gnuplot = require "lsqnet.plot.gnuplot"
local options = require "lsqnet.options"
local texts = require "lsqnet.plot.texts"
local values = require "lsqnet.plot.values"

local image = {}

local number, quoted = gnuplot.number, gnuplot.quoted

local PALETTES = {
  viridis = { "#440154", "#472c7a", "#3b518b", "#2c718e", "#21908d", "#27ad81", "#5cc863",
              "#aadc32", "#fde725" },
  diverging = { "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7", "#fddbc7", "#f4a582",
                "#d6604d", "#b2182b" },
  gray = { "#000000", "#ffffff" },
}

image.PALETTE_NAMES = { "viridis", "diverging", "gray" }
image.STRIP = 104 -- pixels for a colour scale and its numbers
local LONG_SIDE = 400 -- pixels of an image where no size is asked for

image.OPTIONS = {
  size = { type = "table" },
  columns = { type = "integer", minimum = 1 },
  title = { type = "string" },
  xlabel = { type = "string" },
  ylabel = { type = "string" },
  range = { type = "table" },
  palette = { choices = image.PALETTE_NAMES, default = "viridis" },
  colorbar = { type = "any", default = true },
  contour = { type = "any" },
  contour_color = { type = "string", default = "#111111" },
  tics = { type = "boolean", default = true },
}

-- The levels of the contour lines, as a list.
local function read_contour(contour)
  if contour == nil then return {} end
  if type(contour) == "number" then contour = { contour } end
  local levels = values.numbers(contour, "option 'contour'")
  for _, level in ipairs(levels) do
    if not values.is_finite(level) then values.fail("option 'contour': finite levels expected") end
  end
  return levels
end

-- The colour range: as given, or that of the elements; around zero for the diverging palette.
function image.color_range(o, low, high)
  if o.range then return o.range end
  if o.log then return low < high and { low, high } or { low / 2, high * 2 } end
  if o.palette == "diverging" then
    local most = math.max(math.abs(low), math.abs(high))
    low, high = -most, most
  end
  if low == high then low, high = low - 0.5, high + 0.5 end
  return { low, high }
end

local ENTRY = { matrix = { type = "lsqnet.matrix" }, title = { type = "string" } }

-- One image; what it has no field for stands in the options `o` of all.
local function read_entry(given, position, o)
  if values.is_matrix(given) then given = { matrix = given } end
  local entry = options.read(given, ENTRY, 0)
  local m = entry.matrix
  if not m or m.rows < 2 or m.cols < 2 then
    values.fail("image %d: a matrix of at least 2 x 2 expected", position)
  end
  local fields = { title = entry.title or false, elements = m:totable(), rows = m.rows,
                   cols = m.cols }
  return setmetatable(fields, { __index = o })
end

function image.check_colorbar(colorbar)
  if type(colorbar) ~= "boolean" and type(colorbar) ~= "string" then
    values.fail("option 'colorbar': true, false or its label expected, got %s",
                options.typename(colorbar))
  end
end

local function read_options(given)
  local o = options.read(given, image.OPTIONS, 0)
  values.check_pair(o.range, "range")
  image.check_colorbar(o.colorbar)
  o.contour = read_contour(o.contour)
  return o
end

-- Reads one matrix, or a list of them, which share a colour range. Returns a list of panels, and
-- the options.
function image.read_all(what, opts)
  local o = read_options(opts)
  local low, high
  local panels = values.each(what, "matrix", function(given, position)
    local panel = read_entry(given, position, o)
    local least, most = values.extent(panel.elements)
    if least then low, high = math.min(low or least, least), math.max(high or most, most) end
    return panel
  end)
  if not low then return nil, "no finite number to draw", "non_finite" end
  o.range = image.color_range(o, low, high)
  if #panels == 1 then panels[1].title = panels[1].title or o.title end
  for _, panel in ipairs(panels) do panel.single = #panels == 1 end
  return panels, o
end

-- Reads one matrix as a panel of its own.
function image.read(what, opts)
  local panels, message, code = image.read_all(what, opts)
  if not panels then return nil, message, code end
  if #panels > 1 then values.fail("one matrix a panel expected, got %d", #panels) end
  return panels[1]
end

function image.palette_command(name)
  local stops = PALETTES[name]
  local parts = {}
  for i, color in ipairs(stops) do parts[i] = ("%d '%s'"):format(i - 1, color) end
  return ("set palette defined (%s)"):format(table.concat(parts, ", "))
end

-- Pixels kept free at the left, right, top and bottom of an image, for its texts; `width` is that
-- of its box.
local function padding(panel, width)
  local lines = panel.title and #texts.wrap(panel.title, width - 90, "title") or 0
  return (panel.tics and 48 or 10) + (panel.ylabel and 22 or 0),
    panel.colorbar and panel.single and image.STRIP or 14,
    lines > 0 and 22 + 20 * lines or 12,
    (panel.tics and 28 or 10) + (panel.xlabel and 30 or 0)
end

-- The box that shows a panel at its natural size: width and height in pixels.
function image.natural_size(panel)
  local scale = LONG_SIDE / math.max(panel.rows, panel.cols)
  local left, right = padding(panel, math.huge)
  local width = math.ceil(left + right + panel.cols * scale)
  local _, _, top, bottom = padding(panel, width)
  return width, math.ceil(top + bottom + panel.rows * scale)
end

-- Where the image itself goes within its box, in the proportions of the matrix.
local function inner_box(panel, box)
  local left, right, top, bottom = padding(panel, box.width)
  local width = math.max(1, box.width - left - right)
  local height = math.max(1, box.height - top - bottom)
  local scale = math.min(width / panel.cols, height / panel.rows)
  local w, h = panel.cols * scale, panel.rows * scale
  return { left = box.left + left + (width - w) / 2, top = box.top + top + (height - h) / 2,
           width = w, height = h }
end

-- The contour lines are computed by gnuplot into a data block of its own.
local function draw_contour(figure, data, levels)
  figure.contours = (figure.contours or 0) + 1
  local block = "$contour" .. figure.contours
  local list = {}
  for i, level in ipairs(levels) do list[i] = number(level) end
  figure:add("set contour base")
  figure:add("set cntrparam levels discrete %s", table.concat(list, ", "))
  figure:add("unset surface")
  figure:add("set table %s", block)
  figure:add("%s", "splot " .. data)
  figure:add("unset table")
  figure:add("unset contour")
  return block
end

local function draw_colorbar(figure, panel, x, y, inner)
  figure:add("set colorbox vertical user origin screen %s, screen %s size screen %s, screen %s",
             x(inner.left + inner.width + 14), y(inner.top + inner.height), x(16),
             number(inner.height / figure.height))
  figure:add("set cbtics scale 0.4 textcolor rgb '#333333'")
  if type(panel.colorbar) == "string" then
    figure:add("set cblabel %s offset 1.5,0", quoted(panel.colorbar))
  end
end

local function draw_frame(figure, panel, box, inner, x, y)
  figure:add("set lmargin at screen %s", x(inner.left))
  figure:add("set rmargin at screen %s", x(inner.left + inner.width))
  figure:add("set tmargin at screen %s", y(inner.top))
  figure:add("set bmargin at screen %s", y(inner.top + inner.height))
  figure:add("set border 15 lc rgb '#666666'")
  figure:add(panel.tics and "set tics nomirror out scale 0.6 textcolor rgb '#333333'"
             or "unset xtics; unset ytics")
  texts.labels(figure, panel, box)
  figure:add("set xrange [0.5:%s]", number(panel.cols + 0.5))
  figure:add("set yrange [%s:0.5]", number(panel.rows + 0.5))
  figure:add("set cbrange [%s:%s]", number(panel.range[1]), number(panel.range[2]))
  figure:add("%s", image.palette_command(panel.palette))
  figure:add("unset key")
end

-- Draws the panel into its box. Of several images the last one shows the common colour scale, to
-- the right of its box.
function image.draw(figure, panel, box)
  local inner = inner_box(panel, box)
  local function x(pixels) return number(pixels / figure.width) end
  local function y(pixels) return number(1 - pixels / figure.height) end
  local data = figure:data(panel.elements) .. " matrix using ($1+1):($2+1):3"
  local contour = #panel.contour > 0 and draw_contour(figure, data, panel.contour)
  draw_frame(figure, panel, box, inner, x, y)
  if panel.colorbar and (panel.single or panel.last) then
    draw_colorbar(figure, panel, x, y, inner)
  else
    figure:add("unset colorbox")
  end
  local lines = contour and (", %s using 1:2 with lines lw 1.8 lc rgb %s notitle")
    :format(contour, quoted(panel.contour_color))
  figure:add("%s", ("plot %s with image notitle%s"):format(data, lines or ""))
  return {}
end

return image
