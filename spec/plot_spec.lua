local lsqnet = require "lsqnet"
local run_lua = require "run_lua"
local tmp = require "tmp"

local matrix, plot = lsqnet.matrix, lsqnet.plot

local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  return message
end

-- Width and height of a PNG file.
local function png_size(path)
  local content = tmp.read(path)
  assert.are.equal("\137PNG\r\n\26\n", content:sub(1, 8))
  assert.are.equal("IHDR", content:sub(13, 16))
  assert.are.equal("IEND", content:sub(-8, -5)) -- the file is whole
  return (">I4I4"):unpack(content, 17)
end

-- The numbers of the data file, by blocks of rows.
local function blocks(path)
  local list = {}
  for block in (tmp.read(path) .. "\n\n"):gmatch("(.-\n)\n\n") do
    local rows = {}
    for line in block:gmatch("[^\n]+") do
      local row = {}
      for field in line:gmatch("%S+") do row[#row + 1] = tonumber(field) or field end
      rows[#rows + 1] = row
    end
    list[#list + 1] = rows
  end
  return list
end

local has_gnuplot = os.execute("command -v gnuplot >/dev/null 2>&1") == true

local function draws(name, f)
  it(name, function()
    if not has_gnuplot then return pending("gnuplot is not installed") end
    tmp.with(f)
  end)
end

describe("plot", function()
  local SPIRAL = { x = { 0, 1, 0, -1 }, y = { 1, 0, -2, 0 } }
  local FIELD = matrix { { -1, 0, 1, 2 }, { -2, -1, 0.5, 1 }, { -3, -2, -1, 0.5 } }

  -- What each kind is given, and its usual size.
  local KINDS = {
    lines = { { SPIRAL, { 3, 1, 2 } }, 800, 520 },
    scatter = { { SPIRAL }, 800, 520 },
    histogram = { { { 1, 2, 2, 3 }, matrix { 4, 5 } }, 800, 520 },
    panels = { { { "lines", SPIRAL }, { "image", FIELD } }, 1120, 420 },
  }

  draws("writes a PNG of the usual size, and data and script beside it", function(folder)
    for kind, case in pairs(KINDS) do
      local path = folder .. "/" .. kind .. ".png"
      assert.are.equal(path, plot[kind](path, case[1]))
      local width, height = png_size(path)
      assert.are.same({ kind, case[2], case[3] }, { kind, width, height })
      assert.is_true(tmp.exists(folder .. "/" .. kind .. ".dat"))
      assert.is_true(tmp.exists(folder .. "/" .. kind .. ".gp"))
    end
  end)

  draws("writes the size asked for", function(folder)
    local path = folder .. "/a.png"
    for kind, case in pairs(KINDS) do
      assert(plot[kind](path, case[1], { size = { 320, 240 } }))
      local width, height = png_size(path)
      assert.are.same({ 320, 240 }, { width, height })
    end
    assert(plot.image(path, FIELD, { size = { 321, 234 } }))
    local width, height = png_size(path)
    assert.are.same({ 321, 234 }, { width, height })
  end)

  draws("writes SVG with the texts in it", function(folder)
    local path = folder .. "/a.svg"
    assert(plot.lines(path, { { y = { 1, 2 }, label = "train_mse <1>" } },
                      { title = "It's `echo x` @HOME", xlabel = "x'' \\n",
                        ylabel = "{/Bold y}^2" }))
    local svg = tmp.read(path)
    assert.matches("^<%?xml", svg)
    assert.matches("</svg>%s*$", svg)
    for _, text in ipairs { "train_mse &lt;1", "It's `echo x` @HOME", "x'' \\n",
                            "{/Bold y}^2" } do
      assert.matches(text, svg, 1, true)
    end
    for kind, case in pairs(KINDS) do
      assert(plot[kind](path, case[1]))
      assert.matches("</svg>%s*$", tmp.read(path))
    end
    assert(plot.image(path, FIELD))
    assert.matches("</svg>%s*$", tmp.read(path))
  end)

  draws("keeps every digit of the data", function(folder)
    local x = { 0.1, 1 / 3, 1e-300, -2 ^ 53 + 1 }
    local y = { math.pi, 5e-324, 1.7976931348623157e308, 0.5 }
    local gaps = { 1, 0 / 0, 3, 1 / 0 }
    assert(plot.lines(folder .. "/a.png", { { x = x, y = y }, { x = x, y = gaps } }))
    local first, second = table.unpack(blocks(folder .. "/a.dat"))
    for i = 1, 4 do assert.are.same({ x[i], y[i] }, first[i]) end
    assert.are.same({ 1, "NaN", 3, "NaN" },
                    { second[1][2], second[2][2], second[3][2], second[4][2] })
  end)

  draws("counts 1, 2, ... where x is not given, and takes matrices of one row or column",
        function(folder)
    local column = matrix { { 5, 1 }, { 6, 2 }, { 7, 3 } }:slice(1, 3, 1, 1)
    local row = matrix { { 5, 6, 7 } }
    for _, data in ipairs { { 5, 6, 7 }, { { 5, 6, 7 } }, { y = { 5, 6, 7 } }, row, column,
                            { column }, { { y = column, x = matrix { { 1, 2, 3 } } } } } do
      assert(plot.scatter(folder .. "/a.png", data))
      assert.are.same({ { 1, 5 }, { 2, 6 }, { 3, 7 } }, blocks(folder .. "/a.dat")[1])
    end
  end)

  draws("draws bands, marks, styles, logarithmic axes and legends", function(folder)
    local path = folder .. "/a.png"
    local y = { 1, 10, 100 }
    assert(plot.lines(path, {
      { y = y, lower = { 0.5, 5, 50 }, upper = { 2, 20, 200 }, label = "band" },
      { y = y, style = "points", size = 1 }, { y = y, style = "both", dash = true },
      { y = y, style = "steps", width = 3, color = "#ff0000" },
    }, { log = "xy", xrange = { 0.5, 4 }, yrange = { 0.1, 1000 }, legend = "outside",
         marks = { { at = 2, label = "best", dash = true }, { at = 3 } } }))
    local script = tmp.read(folder .. "/a.gp")
    for _, text in ipairs { "using 1:3:4 with filledcurves", "with points", "with linespoints",
                            "with fsteps lw 3 lc rgb '#ff0000'", "set logscale xy",
                            "set xrange [0.5:4]", "set yrange [0.1:1000]", "title 'best'",
                            "set arrow from first 3, graph 0" } do
      assert.matches(text, script, 1, true)
    end
    assert.are.same({ 1, 1, 0.5, 2 }, blocks(folder .. "/a.dat")[1][1])
    for _, legend in ipairs { "top right", "top left", "bottom right", "bottom left", false } do
      assert(plot.lines(path, y, { legend = legend }))
    end
  end)

  draws("counts a histogram", function(folder)
    local path = folder .. "/a.png"
    assert(plot.histogram(path, { 0, 0.5, 1, 1.5, 3.9, 4, 0 / 0, 1 / 0 }, { bins = 4 }))
    assert.are.same({ { 0.5, 2, 1 }, { 1.5, 2, 1 }, { 2.5, 0, 1 }, { 3.5, 2, 1 } },
                    blocks(folder .. "/a.dat")[1])
    assert(plot.histogram(path, { { values = { 1, 2 }, label = "a" }, { values = { 5, 9 } } },
                          { bins = 2, xrange = { 0, 4 } }))
    assert.are.same({ { { 1, 1, 2 }, { 3, 1, 2 } }, { { 1, 0, 2 }, { 3, 0, 2 } } },
                    blocks(folder .. "/a.dat"))
    -- one value; the number of bins grows with the root of the sample
    assert(plot.histogram(path, { 7, 7, 7 }))
    local total = 0
    for _, row in ipairs(blocks(folder .. "/a.dat")[1]) do total = total + row[2] end
    assert.are.equal(3, total)
    assert(plot.histogram(path, matrix.randn(400, 1, lsqnet.rng(1))))
    assert.are.equal(20, #blocks(folder .. "/a.dat")[1])
  end)

  draws("shows images side by side on one colour scale, with contours", function(folder)
    local path = folder .. "/a.png"
    assert(plot.image(path, { { matrix = FIELD, title = "one" }, FIELD * 2 },
                      { title = "both", contour = { 0, 1 }, colorbar = "metres" }))
    local script = tmp.read(folder .. "/a.gp")
    local _, ranges = script:gsub("set cbrange %[%-6:4%]", "")
    assert.are.equal(2, ranges)
    local _, boxes = script:gsub("\nset colorbox", "")
    assert.are.equal(1, boxes)
    assert.matches("set cntrparam levels discrete 0, 1\n", script, 1, true)
    assert.are.same(FIELD:totable(), blocks(folder .. "/a.dat")[1])
    assert(plot.image(path, { FIELD, FIELD }, { palette = "diverging", columns = 1 }))
    assert.matches("set cbrange [-3:3]", tmp.read(folder .. "/a.gp"), 1, true)
    assert(plot.image(path, matrix(3, 3, 5), { tics = false, colorbar = false, palette = "gray" }))
    assert.matches("set cbrange [4.5:5.5]", tmp.read(folder .. "/a.gp"), 1, true)
    assert(plot.image(path, FIELD, { range = { -1, 1 } }))
    assert.matches("set cbrange [-1:1]", tmp.read(folder .. "/a.gp"), 1, true)
    -- an element that is not finite is left out; a level that no element reaches, too
    local broken = FIELD:copy()
    broken:set(1, 1, 0 / 0)
    assert(plot.image(path, broken, { contour = 99 }))
  end)

  draws("takes paths with blanks, quotes, dashes and bars, absolute and relative", function(folder)
    local odd = folder .. "/it's a \"dir\" $HOME;"
    assert(os.execute("mkdir -p " .. tmp.quoted(odd)))
    for _, name in ipairs { "o'ne two.png", "-n.png", "|cat.png", "<a.svg", "a.b.PNG",
                            "`date`.png" } do
      local path = odd .. "/" .. name
      assert.are.equal(path, plot.lines(path, { 1, 2 }))
      assert.is_true(#tmp.read(path) > 500)
    end
    local code = [[
      local plot = require("lsqnet").plot
      assert(plot.lines("-here.png", { 1, 2 }))
      assert(plot.lines("-sub/there.png", { 1, 2 }))
    ]]
    assert(os.execute("mkdir -- " .. tmp.quoted(folder .. "/-sub")))
    local status, _, err = run_lua.run { code = code, folder = folder,
                                         environment = { CDPATH = "/usr:/" } }
    assert.are.same({ 0, "" }, { status, err })
    png_size(folder .. "/-here.png")
    png_size(folder .. "/-sub/there.png")
  end)

  draws("writes a script that draws the picture again", function(folder)
    assert(plot.panels(folder .. "/a.png", { { "lines", { 1, 2, 3 }, { title = "x" } },
                                             { "histogram", { 1, 2, 3 } } }, { title = "both" }))
    local before = tmp.read(folder .. "/a.png")
    os.remove(folder .. "/a.png")
    assert(os.execute("cd " .. folder .. " && gnuplot -d a.gp"))
    assert.are.equal(#before, #tmp.read(folder .. "/a.png"))
  end)

  draws("answers nil when nothing is finite", function(folder)
    local path = folder .. "/a.png"
    local nan = { 0 / 0, 1 / 0 }
    local answers = {
      table.pack(plot.lines(path, nan)), table.pack(plot.scatter(path, { { y = {} } })),
      table.pack(plot.histogram(path, nan)), table.pack(plot.image(path, matrix(2, 2, 0 / 0))),
    }
    for _, answer in ipairs(answers) do
      assert.is_nil(answer[1])
      assert.are.same({ "no finite number to draw", "non_finite" }, { answer[2], answer[3] })
    end
    local ok, message, code = plot.panels(path, { { "lines", { 1 } }, { "lines", nan } })
    assert.is_nil(ok)
    assert.are.same({ "panel 2: no finite number to draw", "non_finite" }, { message, code })
  end)

  draws("tells when a file cannot be written", function(folder)
    local ok, message, code = plot.lines(folder .. "/missing/a.png", { 1, 2 })
    assert.is_nil(ok)
    assert.matches(folder .. "/missing/a.dat: No such file", message, 1, true)
    assert.are.equal("no_write", code)
  end)

  draws("tells what gnuplot said when it fails", function(folder)
    local ok, message, code = plot.lines(folder .. "/a.png", { y = { 1, 2 }, color = "no colour" })
    assert.is_nil(ok)
    assert.matches("gnuplot could not draw " .. folder .. "/a.png: ", message, 1, true)
    assert.matches("line %d+", message)
    assert.are.equal("no_write", code)
    assert(os.execute("mkdir " .. folder .. "/b.png"))
    ok, message, code = plot.lines(folder .. "/b.png", { 1, 2 })
    assert.is_nil(ok)
    assert.matches("gnuplot could not draw .*b.png: .*cannot open", message)
    assert.are.equal("no_write", code)
  end)

  it("tells what to install when gnuplot is missing, and leaves the data", function()
    tmp.with(function(folder)
      local status, out, err = run_lua.run {
        code = [[print(select(2, require("lsqnet").plot.lines("a.png", { 1, 2 })))]],
        folder = folder, environment = { PATH = folder },
      }
      assert.are.same({ 0, "" }, { status, err })
      assert.matches("^gnuplot was not found: install the Debian package gnuplot%-nox", out)
      assert.matches("\tmissing_program\n$", out)
      assert.are.same({ { { 1, 1 }, { 2, 2 } } }, blocks(folder .. "/a.dat"))
    end)
  end)

  it("says what is wrong, at the caller's line", function()
    local cases = {
      { "bad argument #1 to 'lines' (string expected, got no value)", plot.lines },
      { "bad argument #1 to 'image' (a path that ends in .png or .svg expected, got 'a.pdf')",
        plot.image, "a.pdf", FIELD },
      { "ends in .png or .svg expected, got '.png'", plot.lines, ".png", { 1 } },
      { "what to draw: a list expected, got nil", plot.lines, "a.png" },
      { "what to draw: at least one entry expected, got none", plot.lines, "a.png", {} },
      { "series 1: a table with y expected, got string", plot.lines, "a.png", { "x" } },
      { "unknown option 'colour' (did you mean 'color'?)", plot.lines, "a.png",
        { { y = { 1 }, colour = "red" } } },
      { "series 2, y: a list or a matrix expected, got nil", plot.lines, "a.png",
        { { 1 }, { x = { 1 } } } },
      { "series 1, x: 2 numbers expected to match y, got 3", plot.lines, "a.png",
        { x = { 1, 2, 3 }, y = { 1, 2 } } },
      { "series 1, y: a number expected at position 2, got string", plot.lines, "a.png",
        { 1, "2" } },
      { "series 1, y: one row or column expected, got a matrix of 3 x 4", plot.lines, "a.png",
        FIELD },
      { "series 1: lower and upper go together", plot.lines, "a.png",
        { y = { 1 }, lower = { 0 } } },
      { "unknown option 'titel' (did you mean 'title'?)", plot.scatter, "a.png", { 1 },
        { titel = "x" } },
      { "option 'log': 'x', 'y' or 'xy' expected, got 'z'", plot.lines, "a.png", { 1 },
        { log = "z" } },
      { "option 'xrange': two finite numbers, the lower first, expected", plot.lines, "a.png",
        { 1 }, { xrange = { 2, 1 } } },
      { "option 'legend': 'top right', 'top left', 'bottom right', 'bottom left' or 'outside' "
        .. "expected, got 'top'", plot.lines, "a.png", { 1 }, { legend = "top" } },
      { "mark 1: a table expected whose field at is a finite number", plot.lines, "a.png", { 1 },
        { marks = { { label = "x" } } } },
      { "option 'size': {width, height} in pixels, each from 50 to 20000, expected", plot.lines,
        "a.png", { 1 }, { size = { 10, 400 } } },
      { "option 'bins': at least 1 expected, got 0", plot.histogram, "a.png", { 1 },
        { bins = 0 } },
      { "sample 1: a table with values expected, got boolean", plot.histogram, "a.png", { true } },
      { "image 1: a matrix of at least 2 x 2 expected", plot.image, "a.png", matrix(1, 5) },
      { "option 'palette': 'viridis', 'diverging' or 'gray' expected, got 'grey' (did you mean "
        .. "'gray'?)", plot.image, "a.png", FIELD, { palette = "grey" } },
      { "option 'colorbar': true, false or its label expected, got number", plot.image, "a.png",
        FIELD, { colorbar = 3 } },
      { "option 'contour': finite levels expected", plot.image, "a.png", FIELD,
        { contour = 1 / 0 } },
      { "bad argument #2 to 'panels' (a list of at least one panel expected)", plot.panels,
        "a.png", {} },
      { "panel 1: {kind, data, options} expected, where kind is 'bars', 'histogram', 'image', "
        .. "'lines', 'scatter', 'sorted' or 'surface'", plot.panels, "a.png", { { "pie", { 1 } } } },
      { "one matrix a panel expected, got 2", plot.panels, "a.png",
        { { "image", { FIELD, FIELD } } } },
      { "panel 1: size and columns are options of the whole picture", plot.panels, "a.png",
        { { "lines", { 1 }, { size = { 100, 100 } } } } },
    }
    for _, case in ipairs(cases) do
      local message = message_of(function() case[2](case[3], case[4], case[5]) return nil end)
      assert.matches(case[1], message, 1, true)
      assert.matches("plot_spec.lua:%d+: ", message)
    end
  end)
end)
