-- Functions of two variables as surfaces above a grid.

local gnuplot = require "lsqnet.plot.gnuplot"
local image = require "lsqnet.plot.image"
local options = require "lsqnet.options"
local texts = require "lsqnet.plot.texts"
local tics = require "lsqnet.plot.tics"
local values = require "lsqnet.plot.values"

local surface = {}

local number, quoted = gnuplot.number, gnuplot.quoted

local OPTIONS = {
  size = { type = "table" },
  title = { type = "string" },
  xlabel = { type = "string" },
  ylabel = { type = "string" },
  zlabel = { type = "string" },
  log = { choices = { "z" } },
  range = { type = "table" },
  palette = { choices = image.PALETTE_NAMES, default = "viridis" },
  colorbar = { type = "any", default = true },
  view = { type = "table" },
  mesh = { type = "boolean" },
}

local DATA = {
  matrix = { type = "lsqnet.matrix" },
  x = { type = "any" },
  y = { type = "any" },
}

local MESH_LIMIT = 2500 -- points; of a finer grid the lines would hide the colours

-- Coordinates of the rows or columns: as given, strictly increasing, or 1, 2, ...
local function coordinates(given, count, name)
  local list = {}
  if given == nil then
    for i = 1, count do list[i] = i end
    return list
  end
  list = values.numbers(given, name)
  if #list ~= count then
    values.fail("%s: %d numbers expected, one a %s of the matrix, got %d", name, count,
                name == "x" and "column" or "row", #list)
  end
  for i, v in ipairs(list) do
    if not values.is_finite(v) or i > 1 and v <= list[i - 1] then
      values.fail("%s: finite numbers expected, each above the one before", name)
    end
  end
  return list
end

local function read_view(view)
  if view == nil then return { 55, 320 } end
  for k, most in ipairs { 180, 360 } do
    local angle = view[k]
    if #view ~= 2 or type(angle) ~= "number" or not (angle >= 0 and angle <= most) then
      values.fail("option 'view': {tilt, turn} expected, degrees from 0 to 180 and from 0 to 360")
    end
  end
  return view
end

function surface.read(what, opts)
  local o = options.read(opts, OPTIONS, 0)
  values.check_pair(o.range, "range")
  image.check_colorbar(o.colorbar)
  o.view = read_view(o.view)
  if values.is_matrix(what) then what = { matrix = what } end
  if type(what) ~= "table" then
    values.fail("what to draw: a matrix, or a table with matrix, expected, got %s",
                options.typename(what))
  end
  local data = options.read(what, DATA, 0)
  local m = data.matrix
  if not m or m.rows < 2 or m.cols < 2 then
    values.fail("what to draw: a matrix of at least 2 x 2 expected")
  end
  o.x, o.y = coordinates(data.x, m.cols, "x"), coordinates(data.y, m.rows, "y")
  o.rows = m:totable()
  if o.log and o.range and o.range[1] <= 0 then
    values.fail("option 'range': numbers above 0 expected on a logarithmic axis")
  end
  local low, high = values.extent(o.rows, o.log ~= nil)
  if not low then
    return nil, o.log and "no finite number above 0 to draw on a logarithmic axis (log = 'z')"
      or "no finite number to draw", "non_finite"
  end
  o.mesh = o.mesh == nil and m.rows * m.cols <= MESH_LIMIT or o.mesh
  o.range = o.range or image.color_range(o, low, high)
  return o
end

-- The rows as gnuplot's "nonuniform matrix" wants them: a first one of the x, a first column of y.
local function grid(panel)
  local rows = { table.move(panel.x, 1, #panel.x, 2, { #panel.x }) }
  for i, row in ipairs(panel.rows) do
    rows[i + 1] = table.move(row, 1, #row, 2, { panel.y[i] })
  end
  return rows
end

local function set_height(figure, panel, box)
  if panel.log then
    figure:add("set logscale zcb")
    tics.set_log(figure, "z", panel.range, box.height / 3)
    tics.set_log(figure, "cb", panel.range, box.height / 2)
    return
  end
  figure:add("set zrange [%s:%s]", number(panel.range[1]), number(panel.range[2]))
  figure:add("set cbrange [%s:%s]", number(panel.range[1]), number(panel.range[2]))
  -- about five numbers an axis: more collide in the projection
  figure:add("set ztics %s", number(tics.step(panel.range[1], panel.range[2], 4)))
end

-- Labels along the axes, as long level ones collide with the numbers.
local function draw_texts(figure, panel, box)
  if panel.title then
    figure:add("%s", ("set title %s font ',13'")
      :format(texts.quoted(panel.title, box.width - 90, "title")))
  end
  for _, name in ipairs { "xlabel", "ylabel", "zlabel" } do
    if panel[name] then
      local place = name == "zlabel" and "rotate parallel offset -1,0"
        or #panel[name] > 3 and "rotate parallel offset 0,-0.8" or "norotate offset 0,-0.5"
      figure:add("%s", ("set %s %s %s"):format(name, quoted(panel[name]), place))
    end
  end
end

-- The colour scale at the right of the box; the surface gets the rest.
local function set_colorbar(figure, panel, box)
  if not panel.colorbar then return figure:add("unset colorbox") end
  local function x(pixels) return number(pixels / figure.width) end
  local function y(pixels) return number(pixels / figure.height) end
  local bottom = figure.height - box.top - box.height
  figure:add("set origin %s,%s", x(box.left), y(bottom))
  figure:add("set size %s,%s", x(math.max(1, box.width - image.STRIP)), y(box.height))
  figure:add("set colorbox vertical user origin screen %s, screen %s size screen %s, screen %s",
             x(box.left + box.width - image.STRIP), y(bottom + 0.25 * box.height), x(14),
             y(box.height / 2))
  figure:add("set cbtics scale 0.4 textcolor rgb '#333333'")
  if type(panel.colorbar) == "string" then
    figure:add("set cblabel %s offset 1,0", quoted(panel.colorbar))
  end
end

function surface.draw(figure, panel, box)
  local x, y = panel.x, panel.y
  figure:add("set border 4095 lc rgb '#999999' lw 0.6")
  figure:add("set tics nomirror out scale 0.6,0.3 textcolor rgb '#333333'")
  figure:add("set grid x y z vertical lc rgb '#e0e0e0' lt 1 lw 0.6")
  figure:add("unset key")
  draw_texts(figure, panel, box)
  for axis, list in pairs { x = x, y = y } do
    local first, last = list[1], list[#list]
    figure:add("set %srange [%s:%s]", axis, number(first), number(last))
    figure:add("set %stics %s offset 0,-0.3", axis, number(tics.step(first, last, 4)))
  end
  set_height(figure, panel, box)
  figure:add("set view %s,%s,1,1", number(panel.view[1]), number(panel.view[2]))
  figure:add("set xyplane at %s", number(panel.range[1]))
  figure:add("%s", image.palette_command(panel.palette))
  figure:add("set pm3d depthorder %s",
             panel.mesh and "border lc rgb '#50000000' lw 0.4" or "noborder")
  set_colorbar(figure, panel, box)
  figure:add("splot %s nonuniform matrix using 1:2:3 with pm3d notitle", figure:data(grid(panel)))
  return {}
end

return surface
