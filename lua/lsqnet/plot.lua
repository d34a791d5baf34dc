--- Pictures, drawn by gnuplot into PNG or SVG files; never a window. Beside `name.png` stand
-- `name.dat`, the data with all their digits, and `name.gp`, the script: `gnuplot name.gp` in
-- that folder draws the picture again.
--
-- Every kind takes the path of the picture, what to draw, and options, and returns the path; or
-- nil, a message and a code: "missing_program" without gnuplot, "no_write" when a file cannot be
-- written or gnuplot fails (the message holds what it said), "non_finite" when there is no finite
-- number to draw. Wrong arguments and unknown options raise. Single values that are not finite
-- leave a gap.
--
-- Numbers come as lists or as matrices of one row or one column. Options of all kinds: `title`;
-- `size={width, height}` in pixels.
-- @module lsqnet.plot
-- @usage
-- lsqnet.plot.lines("loss.png", {
--   { x = iteration, y = training, label = "train" },
--   { x = iteration, y = validation, label = "validation", dash = true },
-- }, { title = "ANMIN", xlabel = "iteration", ylabel = "MSE", log = "y" })

local gnuplot = require "lsqnet.plot.gnuplot"
local histogram = require "lsqnet.plot.histogram"
local image = require "lsqnet.plot.image"
local options = require "lsqnet.options"
local series = require "lsqnet.plot.series"
local values = require "lsqnet.plot.values"

local plot = {}

-- A kind reads what to draw and its options into a panel (or nil, message, code), and draws a
-- panel into a box: { left, top, width, height } in pixels.
local KINDS = {
  lines = series.lines,
  scatter = series.scatter,
  histogram = histogram,
  image = image,
}

local TITLE_HEIGHT = 40 -- pixels

-- Calls f; misuse that it raises is blamed on the caller of the function of lsqnet.plot.
local function checked(f, ...)
  local results = table.pack(pcall(f, ...))
  if not results[1] then error(results[2], 3) end
  return table.unpack(results, 2, results.n)
end

local function check_path(path, name)
  options.typed(path, "string", 1, name, 4)
  options.argument(path:lower():find("[^/]%.png$") or path:lower():find("[^/]%.svg$"), 1, name,
                   ("a path that ends in .png or .svg expected, got '%s'"):format(path), 4)
end

local function check_size(size)
  if size == nil then return end
  for k = 1, 2 do
    local pixels = math.tointeger(size[k])
    if not pixels or pixels < 50 or pixels > 20000 then
      values.fail("option 'size': {width, height} in pixels, each from 50 to 20000, expected")
    end
  end
end

-- The boxes of `count` panels in columns, from left to right and top to bottom.
local function boxes(count, columns, width, height, top)
  local rows = (count + columns - 1) // columns
  local list = {}
  for k = 0, count - 1 do
    local w, h = width / columns, (height - top) / rows
    list[k + 1] = { left = k % columns * w, top = top + k // columns * h, width = w, height = h }
  end
  return list
end

local function place(figure, box)
  figure:add("reset")
  figure:add("set origin %s,%s", gnuplot.number(box.left / figure.width),
             gnuplot.number(1 - (box.top + box.height) / figure.height))
  figure:add("set size %s,%s", gnuplot.number(box.width / figure.width),
             gnuplot.number(box.height / figure.height))
end

-- Draws panels, each { kind, panel }, and writes the files. `strip` pixels at the right stay
-- free of boxes.
local function draw(path, panels, layout)
  local figure = gnuplot.figure(path, layout.width, layout.height)
  local top = layout.title and TITLE_HEIGHT or 0
  local width = layout.width - (layout.strip or 0)
  local list = boxes(#panels, layout.columns, width, layout.height, top)
  if #panels > 1 then
    local title = layout.title and " title " .. gnuplot.quoted(layout.title) .. " font ',15'" or ""
    figure:add("%s", "set multiplot" .. title)
  end
  for k, entry in ipairs(panels) do
    if #panels > 1 then place(figure, list[k]) end
    KINDS[entry[1]].draw(figure, entry[2], list[k])
  end
  if #panels > 1 then figure:add("unset multiplot") end
  return figure:draw()
end

-- One panel that fills the picture.
local function draw_one(kind, path, what, opts)
  check_path(path, kind)
  local panel, message, code = checked(KINDS[kind].read, what, opts)
  if not panel then return nil, message, code end
  checked(check_size, panel.size)
  local size = panel.size or { 800, 520 }
  return draw(path, { { kind, panel } }, { columns = 1, width = size[1], height = size[2] })
end

--- Lines through points, in the order given.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} data a list of series; each a list of numbers, a matrix, or a table with `y`
-- and perhaps `x` (default 1, 2, ...), `label`, `lower` and `upper` (a shaded band), `color` (as
-- "#rrggbb" or a name of gnuplot's), `width=2`, `size=0.6` (of points), `dash=false`, and `style`:
-- "lines", "points", "both" or "steps". One series may stand without the list.
-- @tparam[opt] table opts `title`, `xlabel`, `ylabel`; `log`: "x", "y" or "xy"; `xrange={low,
-- high}`, `yrange`; `legend="top right"`, "top left", "bottom right", "bottom left", "outside" or
-- false; `marks`: a list of vertical lines `{at=x, label=, color=, dash=false}`;
-- `size={800, 520}`
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
function plot.lines(path, data, opts)
  return draw_one("lines", path, data, opts)
end

--- Points. The same as `lines`, with the style "points" where a series names none.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} data a list of series, as for `lines`
-- @tparam[opt] table opts as for `lines`
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
-- @usage
-- lsqnet.plot.scatter("fit.svg", {
--   { x = X, y = Y, label = "data" },
--   { x = X, y = net:predict(X), label = "net", style = "lines" },
-- })
function plot.scatter(path, data, opts)
  return draw_one("scatter", path, data, opts)
end

--- How often values fall into equal bins. Values that are not finite are left out.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} data a list of samples; each a list of numbers, a matrix, or a table with
-- `values` and perhaps `label` and `color`. One sample may stand without the list.
-- @tparam[opt] table opts `bins` (default: the root of the largest sample's size, from 8 to 60);
-- `xrange`, which the bins divide (default: all values); the others as for `lines`
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
function plot.histogram(path, data, opts)
  return draw_one("histogram", path, data, opts)
end

--- A matrix as an image, row 1 at the top; or several side by side on a common colour scale.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam matrix|{table,...} data a matrix of at least 2 x 2, or a list of matrices or of tables
-- `{matrix=, title=}`
-- @tparam[opt] table opts `title`, `xlabel`, `ylabel`; `range={low, high}` of the colours (default:
-- from the smallest to the largest element of all images); `palette="viridis"`, "diverging"
-- (centred on 0) or "gray"; `colorbar=true`, false or its label; `contour`: a level or a list of
-- levels, drawn in `contour_color="#111111"`; `tics=true`; `columns`, of a list; `size` (default:
-- as the matrices need)
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
-- @usage
-- lsqnet.plot.image("fields.png", {
--   { matrix = truth, title = "true" }, { matrix = learned, title = "learned" },
-- }, { palette = "diverging", contour = 0, colorbar = "distance" })
function plot.image(path, data, opts)
  check_path(path, "image")
  local panels, o, code = checked(image.read_all, data, opts)
  if not panels then return nil, o, code end
  checked(check_size, o.size)
  local columns = math.min(#panels, o.columns or #panels)
  local strip = #panels > 1 and o.colorbar and image.STRIP or 0
  local title = #panels > 1 and o.title or nil
  local width, height = 0, 0
  local entries = {}
  for k, panel in ipairs(panels) do
    local w, h = image.natural_size(panel)
    width, height = math.max(width, w), math.max(height, h)
    entries[k] = { "image", panel }
  end
  panels[#panels].last = true
  local rows = (#panels + columns - 1) // columns
  local size = o.size or { columns * width + strip, rows * height + (title and TITLE_HEIGHT or 0) }
  return draw(path, entries, { columns = columns, width = size[1], height = size[2],
                               strip = strip, title = title })
end

local PANELS = {
  title = { type = "string" },
  columns = { type = "integer", minimum = 1 },
  size = { type = "table" },
}

local function read_panel(given, position)
  local kind = type(given) == "table" and given[1]
  if type(kind) ~= "string" or not KINDS[kind] then
    values.fail("panel %d: {kind, data, options} expected, where kind is 'lines', 'scatter', "
                .. "'histogram' or 'image'", position)
  end
  local panel, message, code = KINDS[kind].read(given[2], given[3])
  if panel and (panel.size or panel.columns) then
    values.fail("panel %d: size and columns are options of the whole picture", position)
  end
  return panel, message, code
end

--- Several pictures of any kind in one.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} list of `{kind, data, options}`: kind is "lines", "scatter", "histogram" or
-- "image" (one matrix), the others as for the function of that name
-- @tparam[opt] table opts `title`, above all; `columns` (default: up to three panels in a row, else
-- about a square); `size` (default: 560 x 420 for each panel)
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
-- @usage
-- lsqnet.plot.panels("run.png", {
--   { "lines", loss, { title = "loss", log = "y" } },
--   { "histogram", residuals, { title = "residuals" } },
-- })
function plot.panels(path, list, opts)
  check_path(path, "panels")
  options.argument(type(list) == "table" and #list > 0, 2, "panels",
                   "a list of at least one panel expected")
  local o = options.read(opts, PANELS)
  checked(check_size, o.size)
  local entries = {}
  for k, given in ipairs(list) do
    local panel, message, code = checked(read_panel, given, k)
    if not panel then return nil, ("panel %d: %s"):format(k, message), code end
    entries[k] = { given[1], panel }
  end
  local count = #entries
  local columns = math.min(count, o.columns or (count <= 3 and count)
                                  or math.ceil(math.sqrt(count)))
  local rows = (count + columns - 1) // columns
  local size = o.size or { 560 * columns, 420 * rows + (o.title and TITLE_HEIGHT or 0) }
  return draw(path, entries, { columns = columns, width = size[1], height = size[2],
                               title = o.title })
end

return plot
