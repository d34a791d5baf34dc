-- Sorted runs, bars and surfaces; looks, marks and legends; logarithmic axes.
local lsqnet = require "lsqnet"
local picture = require "picture"
local tmp = require "tmp"

local matrix, plot = lsqnet.matrix, lsqnet.plot
local blocks, png_size = picture.blocks, picture.png_size

local has_gnuplot = os.execute("command -v gnuplot >/dev/null 2>&1") == true

-- f is called with the path of a picture to draw, and a function that returns its script.
local function draws(name, f)
  it(name, function()
    if not has_gnuplot then return pending("gnuplot is not installed") end
    tmp.with(function(folder)
      f(folder .. "/a.png", function() return tmp.read(folder .. "/a.gp") end, folder .. "/a.dat")
    end)
  end)
end

local function has(script, ...)
  for _, text in ipairs { ... } do assert.matches(text, script, 1, true) end
end

local function count(script, text)
  local total, from = 0, 1
  while true do
    local first, last = script:find(text, from, true)
    if not first then return total end
    total, from = total + 1, last + 1
  end
end

-- The range of an axis, as set.
local function range(script, axis)
  local low, high = script:match("set " .. axis .. "range %[([^:]+):([^%]]+)%]")
  return tonumber(low), tonumber(high)
end

-- The tics of an axis that have a label: a list of labels, and one of places.
local function tics(script, axis)
  local labels, places = {}, {}
  for label, place in script:match("set " .. axis .. "tics (%b())"):gmatch("'([^']+)' ([^,)]+)") do
    labels[#labels + 1], places[#places + 1] = label, tonumber(place)
  end
  return labels, places
end

describe("plot", function()
  local GRID = matrix { { 1, 2, 3 }, { 4, 0 / 0, 6 } }
  local CASES = {
    sorted = { { 3, 1, 2 } },
    bars = { { 3, 1 }, { categories = { "a", "b" } } },
    surface = { GRID },
  }

  draws("draws every kind as PNG and SVG, alone and among panels", function(path)
    local list = {}
    for kind, case in pairs(CASES) do
      assert.are.equal(path, plot[kind](path, case[1], case[2]))
      assert.are.same({ 800, 520 }, { png_size(path) })
      local svg = assert(plot[kind](path:gsub("png$", "svg"), case[1], case[2]))
      assert.matches("</svg>%s*$", tmp.read(svg))
      list[#list + 1] = { kind, case[1], case[2] }
    end
    assert(plot.panels(path, list))
    assert.are.same({ 3 * 460, 350 }, { png_size(path) })
    for k = 1, 5 do list[3 + k] = list[1] end
    assert(plot.panels(path, list, { columns = 4 }))
    assert.are.same({ 4 * 400, 2 * 310 }, { png_size(path) })
  end)

  describe("sorted", function()
    draws("sorts runs, and shows what goes with them in their order", function(path, script, data)
      local test, train = { 2, 5, 3, 3 }, { 20, 50, 31, 32 }
      assert(plot.sorted(path, { values = test, label = "test",
                                 with = { { values = train, label = "train" } } }))
      assert.are.same({ { { 1, 5 }, { 2, 3 }, { 3, 3 }, { 4, 2 } },
                        { { 1, 50 }, { 2, 31 }, { 3, 32 }, { 4, 20 } } }, blocks(data))
      has(script(), "with lines lw 2 lc rgb '#0072b2'  title 'test'",
          "with points pt 7 ps 0.4 lc rgb '#0072b2' title 'train'", "set xlabel 'run, sorted'")
      assert(plot.sorted(path, { test, matrix { train } }, { order = "increasing", xlabel = "k" }))
      assert.are.same({ { { 1, 2 }, { 2, 3 }, { 3, 3 }, { 4, 5 } },
                        { { 1, 20 }, { 2, 31 }, { 3, 32 }, { 4, 50 } } }, blocks(data))
      has(script(), "lc rgb '#d55e00'", "set xlabel 'k'")
      assert.are.same({ 2, 5, 3, 3 }, test)
    end)

    draws("takes what is not finite as the largest, and shows a gap", function(path, _, data)
      assert(plot.sorted(path, { 1, 0 / 0, 3, 1 / 0 }))
      assert.are.same({ { 1, "NaN" }, { 2, "NaN" }, { 3, 3 }, { 4, 1 } }, blocks(data)[1])
      assert(plot.sorted(path, { 1, 0 / 0, 3, 1 / 0 }, { order = "increasing", log = "y" }))
      assert.are.same({ { 1, 1 }, { 2, 3 }, { 3, "NaN" }, { 4, "NaN" } }, blocks(data)[1])
    end)
  end)

  describe("bars", function()
    draws("stands beside each other in groups, with errors", function(path, script, data)
      assert(plot.bars(path, { { values = { 4, 0 / 0 }, errors = { 1, 2 }, label = "one" },
                               matrix { 7, 9 } }, { categories = { "a", "it's" } }))
      local first, second = table.unpack(blocks(data))
      assert.are.same({ 4, 1 }, { first[1][2], first[1][4] })
      assert.are.same({ "NaN", 9 }, { first[2][2], second[2][2] })
      assert.is_near(0.368, first[1][3], 1e-15)
      for k, x in ipairs { 0.8, 1.8 } do
        assert.is_near(x, first[k][1], 1e-15)
        assert.is_near(x + 0.4, second[k][1], 4e-16)
      end
      has(script(), "set xtics norotate ('a' 1, \"it's\" 2)", "set yrange [0:*]",
          "using 1:2:3 with boxes fc rgb '#0072b2'", "using 1:($2 - $4):(0):($2 + $4 - ($2 - $4))")
    end)

    draws("has room below the shortest where the axis is logarithmic", function(path, script)
      assert(plot.bars(path, { { values = { 1, 1000 }, errors = { 2, 1 } } },
                       { categories = { "abalone", "bike sharing" }, log = "y" }))
      local low, high = range(script(), "y")
      assert.is_true(low > 0.1 and low < 0.6 and high > 1001 and high < 2000)
      has(script(), "($2 > $4 ? $2 - $4 : 1e-300)")
    end)

    draws("slants names that do not fit", function(path, script)
      local names = {}
      for i = 1, 12 do names[i] = "category " .. i end
      assert(plot.bars(path, { 1, 2, 3, 4, 5, 6, -7, 8, 9, 10, 11, 12 }, { categories = names }))
      has(script(), "set xtics rotate by 30 right ('category 1' 1, ", "set yrange [*:*]")
    end)
  end)

  describe("surface", function()
    draws("stands above the coordinates given, rows along y", function(path, script, data)
      assert(plot.surface(path, { matrix = GRID, x = { 0.5, 1, 4 }, y = matrix { 10, 20 } },
                          { xlabel = "first", ylabel = "y", zlabel = "loss", colorbar = "MSE" }))
      assert.are.same({ { 3, 0.5, 1, 4 }, { 10, 1, 2, 3 }, { 20, 4, "NaN", 6 } }, blocks(data)[1])
      has(script(), "index 0 nonuniform matrix using 1:2:3 with pm3d", "set xrange [0.5:4]",
          "set yrange [10:20]", "set zrange [1:6]", "set cbrange [1:6]", "set view 55,320",
          "set xlabel 'first' rotate parallel", "set ylabel 'y' norotate",
          "set zlabel 'loss' rotate parallel", "set cblabel 'MSE'", "border lc rgb '#50000000'")
      assert(plot.surface(path, GRID, { view = { 60, 30 }, colorbar = false, mesh = false,
                                        palette = "diverging" }))
      assert.are.same({ 3, 1, 2, 3 }, blocks(data)[1][1])
      has(script(), "set view 60,30", "unset colorbox", "depthorder noborder", "set cbrange [-6:6]")
    end)

    draws("has logarithmic heights and colours", function(path, script)
      assert(plot.surface(path, matrix { { 1e-6, 1 }, { -1, 1e3 } }, { log = "z" }))
      has(script(), "set logscale zcb", "set zrange [1e-06:1000]")
      local labels, places = tics(script(), "cb")
      assert.are.same({ "10⁻⁶", 1e-6 }, { labels[1], places[1] })
      assert(plot.surface(path, matrix(2, 2, 5), { log = "z" }))
      has(script(), "set zrange [2.5:10]")
      assert(plot.surface(path, matrix(60, 60, 5)))
      has(script(), "set zrange [4.5:5.5]", "depthorder noborder")
    end)
  end)

  draws("draws faint lines with a clear entry in the legend", function(path, script)
    local runs = {}
    for k = 1, 100 do runs[k] = { y = { k, k + 1 }, color = 2, opacity = 0.2, width = 0.6 } end
    runs[100].label = "runs"
    runs[101] = { y = { 1, 2 }, color = "#123456", opacity = 0, style = "points", label = "none" }
    assert(plot.lines(path, runs))
    assert.are.equal(100, count(script(), "lw 0.6 lc rgb '#ccd55e00'  notitle"))
    has(script(), "NaN with lines lw 2 lc rgb '#d55e00'  title 'runs'",
        "points pt 7 ps 0.6 lc rgb '#ff123456' notitle",
        "NaN with points pt 7 ps 0.6 lc rgb '#123456' title 'none'")
    assert.are.equal(2, count(script(), " title '"))
  end)

  draws("draws level marks, and keeps all marks within the axes", function(path, script)
    local marks = { { at = 30, axis = "y", label = "published", dash = true, color = 3 },
                    { at = -4 } }
    assert(plot.lines(path, { 1, 2 }, { marks = marks }))
    has(script(), "set arrow from graph 0, first 30 to graph 1, first 30 nohead front lw 1.6 lc "
        .. "rgb '#009e73' dt 2", "title 'published'", "set yrange [*<1:30<*]",
        "set xrange [*<-4:2<*]")
    assert(plot.lines(path, { 1, 2 }, { log = "xy", marks = marks }))
    local _, high = range(script(), "y")
    local low = range(script(), "x")
    assert.is_true(high > 30 and high < 40 and low > 0.9 and low < 1)
  end)

  describe("logarithmic axes", function()
    local function labels_of(path, script, y)
      assert(plot.lines(path, y, { log = "y" }))
      local labels, places = tics(script(), "y")
      for i, place in ipairs(places) do
        if tonumber(labels[i]) then assert.are.equal(tonumber(labels[i]), place) end
      end
      local low, high = range(script(), "y")
      assert.is_true(low < math.min(table.unpack(y)) and high > math.max(table.unpack(y)))
      return labels
    end

    draws("have tics that can be read, at any scale", function(path, script)
      assert.are.same({ "0.01", "0.1", "1", "10", "100" },
                      labels_of(path, script, { 0.009, 300 }))
      assert.are.same({ "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰" },
                      labels_of(path, script, { 1e-5, 2 }))
      assert.are.same({ "10⁵", "10⁶" }, labels_of(path, script, { 1e5, 1e6 }))
      assert.are.same({ "2", "5", "10", "20" }, labels_of(path, script, { 2, 30 }))
      assert.are.same({ "1200", "1250", "1300", "1350", "1400" },
                      labels_of(path, script, { 1200, 1400 }))
      assert.are.same({ "4", "6", "8", "10", "12" }, labels_of(path, script, { 7 }))
      local many = labels_of(path, script, { 1e-300, 1e300 })
      assert.is_true(#many > 8 and #many <= 16)
    end)

    draws("show a band that reaches below zero, without following it", function(path, script)
      assert(plot.lines(path, { y = { 1, 10 }, lower = { -3, 1e-9 }, upper = { 5, 20 } },
                        { log = "y" }))
      local low, high = range(script(), "y")
      assert.is_true(low > 0.08 and low < 0.1 and high > 20 and high < 30)
      has(script(), "using 1:($3 > 0 ? $3 : 1e-300):4 with filledcurves")
    end)

    draws("divide a histogram into bins of equal ratio", function(path, script, data)
      assert(plot.histogram(path, { 1, 2, 10, 50, 100, 999, 1000, -1, 0 }, { bins = 3, log = "x" }))
      local rows = blocks(data)[1]
      assert.are.same({ 2, 2, 3 }, { rows[1][2], rows[2][2], rows[3][2] })
      for k, row in ipairs(rows) do -- centre and width, from 10^(k-1) to 10^k
        assert.is_near(10 ^ (k - 1), row[1] - row[3] / 2, 1e-10)
        assert.is_near(10 ^ k, row[1] + row[3] / 2, 1e-10)
      end
      assert.are.same({ 1, 1000 }, { range(script(), "x") })
      assert(plot.histogram(path, { 7, 7 }, { log = "xy" }))
      assert.are.same({ 3.5, 14 }, { range(script(), "x") })
      assert.is_true(range(script(), "y") < 1)
    end)
  end)

  describe("panels", function()
    local A = { { y = { 1, 2 }, label = "a" }, { y = { 2, 1 }, label = "b" } }

    draws("have one legend for all, each label once", function(path, script)
      local list = {
        { "lines", A, { marks = { { at = 1, label = "here" } } } },
        { "scatter", { { y = { 1 }, label = "b" }, { y = { 2 }, label = "c" } } },
        { "lines", { y = { 1, 2 }, label = "own" }, { legend = "top left" } },
        { "histogram", { values = { 1, 2 }, label = "d" } },
        { "image", GRID },
      }
      assert(plot.panels(path, list, { legend = true, columns = 3 }))
      assert.are.same({ 3 * 460, 2 * 350 + 38 }, { png_size(path) })
      local common = script():match("set key center center.-\nplot (.-)\nunset multiplot")
      local labels = {}
      for label in common:gmatch("NaN with [^\n]- title '([^']+)'") do
        labels[#labels + 1] = label
      end
      assert.are.same({ "a", "b", "here", "c", "d" }, labels)
      assert.are.equal(4, count(script(), "unset key"))
      assert.are.equal(1, count(script(), "set key top left"))
      -- without a label there is none, and without the option each has its own
      assert(plot.panels(path, { { "lines", { 1, 2 } } }, { legend = true }))
      assert.are.same({ 560, 420 }, { png_size(path) })
      assert(plot.panels(path, list))
      assert.are.equal(3, count(script(), "set key top right"))
    end)

    draws("wrap texts that are too long for them", function(path, script)
      assert(plot.panels(path, { { "lines", { 1, 2 }, {
        title = "a title of so many words that no panel of the usual size is wide enough",
        ylabel = "one that isn't short either, `x` \"q\" \\n and goes on",
      } } }, { title = "short" }))
      has(script(), "set multiplot title 'short'",
          '"a title of so many words that no panel\\nof the usual size is wide enough"',
          '"one that isn\'t short either,\\n\\140x\\140 \\042q\\042 \\134n and goes on"')
      local svg = assert(plot.lines(path:gsub("png$", "svg"), { 1, 2 },
                                    { title = ("word "):rep(40) }))
      assert.matches("word word<", tmp.read(svg), 1, true)
    end)

    it("name the one that has nothing to draw, or is wrong", function()
      local function answer(...)
        local ok, message, code = plot.panels("a.png", { { "lines", { 1 } }, { ... } })
        assert.is_nil(ok)
        return { message, code }
      end
      assert.are.same({ "panel 2 (loss): no finite number to draw", "non_finite" },
                      answer("lines", { 0 / 0 }, { title = "loss" }))
      assert.are.same({ "panel 2: no finite number above 0 to draw on a logarithmic axis "
                        .. "(log = 'y')", "non_finite" }, answer("lines", { -1, 0 }, { log = "y" }))
      assert.are.same({ "panel 2: no finite number above 0 to draw on a logarithmic axis "
                        .. "(log = 'z')", "non_finite" },
                      answer("surface", matrix(2, 2, 0), { log = "z" }))
      assert.are.same({ "panel 2: no finite number to draw", "non_finite" },
                      answer("bars", { 0 / 0 }, { categories = { "a" } }))
      assert.are.same({ "panel 2: no finite number to draw", "non_finite" },
                      answer("sorted", { 1 / 0 }))
      local ok, message = pcall(plot.panels, "a.png", { { "lines", { 1 }, { titel = "x" } } })
      assert.is_false(ok)
      assert.matches("panel 1: unknown option 'titel' (did you mean 'title'?)", message, 1, true)
    end)
  end)

  it("says what is wrong, at the caller's line", function()
    local P = "a.png"
    local names = { categories = { "a", "b" } }
    local cases = {
      { "series 1, color: a string or an integer from 1 expected, got 0", plot.lines,
        { y = { 1 }, color = 0 } },
      { "sample 1, color: a string or an integer from 1 expected, got boolean", plot.histogram,
        { values = { 1 }, color = true } },
      { "series 1, opacity: the color as '#rrggbb' or an integer expected beside it, got 'red'",
        plot.lines, { y = { 1 }, color = "red", opacity = 0.5 } },
      { "option 'opacity': at most 1 expected, got 2", plot.lines, { y = { 1 }, opacity = 2 } },
      { "option 'axis': 'x' or 'y' expected, got 'z'", plot.lines, { 1 },
        { marks = { { at = 1, axis = "z" } } } },
      { "option 'yrange': numbers above 0 expected on a logarithmic axis", plot.lines, { 1 },
        { log = "y", yrange = { 0, 1 } } },
      { "sample 1: a table with values expected, got string", plot.sorted, { "x" } },
      { "sample 2, values: a number expected at position 1, got string", plot.sorted,
        { { 1 }, { values = { "x" } } } },
      { "sample 1, with 2: 3 values expected, one a run, got 1", plot.sorted,
        { values = { 1, 2, 3 }, with = { { values = { 1, 2, 3 } }, { 1 } } } },
      { "option 'order': 'decreasing' or 'increasing' expected, got 'up'", plot.sorted, { 1 },
        { order = "up" } },
      { "option 'categories': a list of at least one name expected", plot.bars, { 1 } },
      { "option 'categories': a string expected at position 2, got number", plot.bars, { 1, 2 },
        { categories = { "a", 2 } } },
      { "series 1, values: 2 numbers expected, one a category, got 3", plot.bars, { 1, 2, 3 },
        names },
      { "series 1, errors: 2 numbers expected, one a category, got 1", plot.bars,
        { values = { 1, 2 }, errors = { 1 } }, names },
      { "option 'log': 'y' expected, as the categories are no numbers, got 'xy'", plot.bars,
        { 1, 2 }, { categories = { "a", "b" }, log = "xy" } },
      { "what to draw: a matrix, or a table with matrix, expected, got number", plot.surface, 1 },
      { "what to draw: a matrix of at least 2 x 2 expected", plot.surface, matrix(1, 4) },
      { "x: 3 numbers expected, one a column of the matrix, got 2", plot.surface,
        { matrix = GRID, x = { 1, 2 } } },
      { "y: 2 numbers expected, one a row of the matrix, got 3", plot.surface,
        { matrix = GRID, y = { 1, 2, 3 } } },
      { "y: finite numbers expected, each above the one before", plot.surface,
        { matrix = GRID, y = { 2, 2 } } },
      { "option 'view': {tilt, turn} expected, degrees from 0 to 180 and from 0 to 360",
        plot.surface, GRID, { view = { 181, 0 } } },
      { "option 'range': numbers above 0 expected on a logarithmic axis", plot.surface, GRID,
        { log = "z", range = { -1, 1 } } },
    }
    for _, case in ipairs(cases) do
      local ok, message = pcall(function() case[2](P, case[3], case[4]) return nil end)
      assert.is_false(ok)
      assert.matches(case[1], message, 1, true)
      assert.matches("plot_kinds_spec.lua:%d+: ", message)
    end
  end)
end)
