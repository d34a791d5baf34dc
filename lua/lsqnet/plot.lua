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

local bars = require "lsqnet.plot.bars"
local histogram = require "lsqnet.plot.histogram"
local image = require "lsqnet.plot.image"
local layout = require "lsqnet.plot.layout"
local options = require "lsqnet.options"
local series = require "lsqnet.plot.series"
local sorted = require "lsqnet.plot.sorted"
local surface = require "lsqnet.plot.surface"
local values = require "lsqnet.plot.values"

local plot = {}

-- A kind reads what to draw and its options into a panel (or nil, message, code), and draws a
-- panel into a box: { left, top, width, height } in pixels. See lsqnet.plot.layout.
local KINDS = {
  lines = series.lines,
  scatter = series.scatter,
  sorted = sorted,
  histogram = histogram,
  bars = bars,
  image = image,
  surface = surface,
}

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

-- One panel that fills the picture.
local function draw_one(kind, path, what, opts)
  check_path(path, kind)
  local panel, message, code = checked(KINDS[kind].read, what, opts)
  if not panel then return nil, message, code end
  checked(check_size, panel.size)
  local size = panel.size or { 800, 520 }
  return layout.draw(path, { { KINDS[kind], panel } },
                     { columns = 1, width = size[1], height = size[2] })
end

--- Lines through points, in the order given.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} data a list of series; each a list of numbers, a matrix, or a table with `y`
-- and perhaps `x` (default 1, 2, ...), `label`, `lower` and `upper` (a shaded band), `color` (as
-- "#rrggbb", a name of gnuplot's, or k for the k-th of our own colours, which series without one
-- take in turn), `opacity=1` (0: invisible; not with a name), `width=2`, `size=0.6` (of points),
-- `dash=false`, and `style`: "lines", "points", "both" or "steps". One series may stand without
-- the list.
-- @tparam[opt] table opts `title`, `xlabel`, `ylabel`; `log`: "x", "y" or "xy"; `xrange={low,
-- high}`, `yrange`; `legend="top right"`, "top left", "bottom right", "bottom left", "outside" or
-- false; `marks`: a list of lines across, `{at=, axis="x", label=, color=, dash=false}`: upright
-- ones at an x, level ones (`axis="y"`) at a y; `size={800, 520}`
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
-- @usage
-- -- a hundred runs as a haze in one colour, with one entry in the legend, and their mean
-- local series = {}
-- for k, run in ipairs(runs) do
--   series[k] = { y = run, color = 1, opacity = 0.2, width = 0.6 }
-- end
-- series[#series + 1] = { y = mean, color = 1, label = "Adam, mean of 100" }
-- lsqnet.plot.lines("runs.png", series, {
--   log = "y", marks = { { at = 0.01, axis = "y", label = "published", dash = true } },
-- })
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

--- The results of many runs, sorted by size: how often a method does how well, at a glance. A
-- result that is not finite counts as the largest, and leaves a gap.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} data a list of samples, one a method; each a list of numbers, one a run, a
-- matrix, or a table with `values` and perhaps `with` and the looks of a series of `lines`. `with`
-- is a list of further results of the same runs, `{values=, label=, ...}`, shown in the order of
-- the sample's own values and in its colour: points beside a line, a line beside points. One
-- sample may stand without the list.
-- @tparam[opt] table opts `order="decreasing"` or "increasing"; the others as for `lines`
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
-- @usage
-- lsqnet.plot.sorted("search.png", {
--   { values = adam.test, label = "Adam, test",
--     with = { { values = adam.train, label = "Adam, training" } } },
--   { values = search.test, label = "random search, test" },
-- }, { log = "y", ylabel = "MSE" })
function plot.sorted(path, data, opts)
  return draw_one("sorted", path, data, opts)
end

--- How often values fall into equal bins. Values that are not finite are left out.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} data a list of samples; each a list of numbers, a matrix, or a table with
-- `values` and perhaps `label` and `color`. One sample may stand without the list.
-- @tparam[opt] table opts `bins` (default: the root of the largest sample's size, from 8 to 60);
-- `xrange`, which the bins divide (default: all values); the others as for `lines`. With a
-- logarithmic x axis the bins are of equal width on it, and values up to 0 are left out.
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
function plot.histogram(path, data, opts)
  return draw_one("histogram", path, data, opts)
end

--- Bars for categories, side by side for each of several series.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} data a list of series; each a list of numbers, one a category, a matrix, or a
-- table with `values` and perhaps `errors` (drawn above and below), `label` and `color`. A value
-- that is not finite leaves its place empty. One series may stand without the list.
-- @tparam table opts `categories`, their names; `log`: "y"; the others as for `lines`
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
-- @usage
-- lsqnet.plot.bars("times.png", {
--   { values = { 0.4, 8.1 }, errors = { 0.1, 0.5 }, label = "ANMIN" },
--   { values = { 12, 340 }, errors = { 2, 31 }, label = "Adam" },
-- }, { categories = { "abalone", "bike sharing" }, ylabel = "seconds", log = "y" })
function plot.bars(path, data, opts)
  return draw_one("bars", path, data, opts)
end

--- A function of two variables as a surface above a grid.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam matrix|table data a matrix of at least 2 x 2, whose element (i, j) is the height at the
-- i-th y and the j-th x; or a table `{matrix=, x=, y=}` with the coordinates of the columns and of
-- the rows, increasing (default 1, 2, ...). Elements that are not finite leave a hole.
-- @tparam[opt] table opts `title`, `xlabel`, `ylabel`, `zlabel`; `log`: "z", heights and colours;
-- `range={low, high}` of heights and colours (default: all elements); `palette="viridis"`,
-- "diverging" (centred on 0) or "gray"; `colorbar=true`, false or its label; `view={55, 320}`, the
-- tilt and the turn in degrees; `mesh`, lines along the grid (default: up to 2500 points);
-- `size={800, 520}`
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"
-- @raise when an argument or option is wrong
-- @usage
-- lsqnet.plot.surface("loss.png", { matrix = losses, x = first, y = second },
--                     { xlabel = "a", ylabel = "b", zlabel = "MSE", log = "z" })
function plot.surface(path, data, opts)
  return draw_one("surface", path, data, opts)
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
    entries[k] = { image, panel }
  end
  panels[#panels].last = true
  local rows = (#panels + columns - 1) // columns
  width = columns * width + strip
  local size = o.size or { width, rows * height + layout.title_height(title, width) }
  return layout.draw(path, entries, { columns = columns, width = size[1], height = size[2],
                                      strip = strip, title = title })
end

local PANELS = {
  title = { type = "string" },
  columns = { type = "integer", minimum = 1 },
  size = { type = "table" },
  legend = { type = "boolean", default = false },
}

-- Usual sizes of a panel in pixels, by the number of columns.
local SIZES = { { 560, 420 }, { 560, 420 }, { 460, 350 }, { 400, 310 } }

local function kind_names()
  local names = {}
  for name in pairs(KINDS) do names[#names + 1] = name end
  table.sort(names)
  return "'" .. table.concat(names, "', '", 1, #names - 1) .. "' or '" .. names[#names] .. "'"
end

local function read_panel(given)
  local kind = type(given) == "table" and given[1]
  if type(kind) ~= "string" or not KINDS[kind] then
    values.fail("{kind, data, options} expected, where kind is %s", kind_names())
  end
  local panel, message, code = KINDS[kind].read(given[2], given[3])
  if panel and (panel.size or panel.columns) then
    values.fail("size and columns are options of the whole picture")
  end
  return panel, message, code
end

-- The panels, each { kind, panel }; or nil, a message that names the first that cannot be drawn,
-- and a code.
local function read_panels(list)
  local entries = {}
  for k, given in ipairs(list) do
    local ok, panel, message, code = pcall(read_panel, given)
    if not ok then error(("panel %d: %s"):format(k, panel), 0) end
    if not panel then
      local title = type(given[3]) == "table" and given[3].title
      local name = title and ("panel %d (%s)"):format(k, title) or ("panel %d"):format(k)
      return nil, name .. ": " .. message, code
    end
    entries[k] = { KINDS[given[1]], panel }
  end
  return entries
end

--- Several pictures of any kind in one.
-- @tparam string path of the picture, ending in .png or .svg
-- @tparam {table,...} list of `{kind, data, options}`: kind is "lines", "scatter", "sorted",
-- "histogram", "bars", "image" (one matrix) or "surface", the others as for the function of that
-- name
-- @tparam[opt] table opts `title`, above all; `columns` (default: up to three panels in a row, else
-- about a square); `legend=false`: true gathers the legends of all panels beneath them, each label
-- once (but of panels that have an option `legend`); `size` (default: from 560 x 420 for each panel
-- of one or two columns to 400 x 310 of four and more)
-- @treturn string path
-- @return[2] nil, message, "missing_program", "no_write" or "non_finite"; the message names the
-- first panel with nothing to draw
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
  local entries, message, code = checked(read_panels, list)
  if not entries then return nil, message, code end
  local count = #entries
  local columns = math.min(count, o.columns or (count <= 3 and count)
                                  or math.ceil(math.sqrt(count)))
  local rows = (count + columns - 1) // columns
  local usual = SIZES[math.min(columns, #SIZES)]
  local width = o.size and o.size[1] or usual[1] * columns
  local legend = o.legend and layout.legend_height(entries, width) or nil
  local height = o.size and o.size[2]
    or usual[2] * rows + layout.title_height(o.title, width) + (legend or 0)
  return layout.draw(path, entries, { columns = columns, width = width, height = height,
                                      title = o.title, legend = legend })
end

return plot
