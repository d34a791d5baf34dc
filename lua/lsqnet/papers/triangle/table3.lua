-- Triangle pretraining, Table 3 and Figure 4: ten training points, and the error between them.

local curves = require "lsqnet.papers.triangle.convex_curves"
local lsqnet = require "lsqnet"
local named = require "lsqnet.experiments.named"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local POINTS = 10
local SPAN = 3    -- factor within which the least of 30 is known
local DRAWN = 30  -- nets whose outputs are kept for Figure 4
local CELLS = 50  -- of the grid that Figure 4 is drawn on

-- Published: the least test MSE of 30 nets (Table 3), in the order of curves.NAMES.
local TRAININGS = {
  { name = "Kaiming", init = "kaiming", published = { 2.41e-4, 2.14e-3, 2.27e-5, 1.60e-4 } },
  { name = "Kaiming of 2000 epochs", init = "kaiming", epochs = 2000 },
  { name = "enforced", published = { 5.65e-6, 6.53e-4, 7.92e-7, 5.09e-6 } },
}

-- All have the test points in the middle between training points; the paper does not say which it
-- has. 20 points by turns, beginning with a training point or with a test point: one test point is
-- then at an end. Or ten from end to end, with only nine places between them.
local GRIDS = {
  { name = "alt20", text = "20 points by turns", points = 2 * POINTS, first = 1 },
  { name = "alt20b", text = "20 points by turns, 0 a test point", points = 2 * POINTS, first = 0 },
  { name = "mid9", text = "10 points from 0 to 1, tested between", points = 2 * POINTS - 1,
    first = 1 },
}

local function case_name(curve, grid, training)
  return ("%s %s: %s"):format(curve, grid.name, training.name)
end

local function find(case)
  local curve, grid, training = case:match("^(.*) (%w+): (.*)$")
  return curve, named(GRIDS, grid), named(TRAININGS, training)
end

-- Training and test points of a curve.
local function points(curve, grid)
  local X, Y = lsqnet.datasets.convex_curve(grid.points, { name = curve })
  local train, test = {}, {}
  for i = 1, grid.points do table.insert(i % 2 == grid.first and train or test, i) end
  return X:take(train), Y:take(train), X:take(test), Y:take(test)
end

local function run(case, seed, context)
  local curve, grid, training = find(case)
  local X, Y, test_x, test_y = points(curve, grid)
  local epochs = curves.epochs(context, training.epochs)
  local net, mse
  if training.init then
    net, mse = curves.train_plain(X, Y, seed, { init = training.init, epochs = epochs })
  else
    net, mse = curves.train_triangle(X, Y, seed, { epochs = epochs })
  end
  local row = { train_mse = mse, test_mse = net:loss(test_x, test_y),
                regions = net:linear_regions(0, 1) }
  if grid == GRIDS[1] and seed <= DRAWN and not training.epochs then
    row.output = net:predict(lsqnet.matrix.linspace(0, 1, CELLS + 1)):t():totable()[1]
  end
  return row
end

local function least(results, curve, grid, training)
  local values = results:values(case_name(curve, grid, training), "test_mse")
  return #values > 0 and curves.of_samples(values, curves.NETS, "min"), #values
end

-- A published number agrees when it lies within what the grids span, widened by a factor of three.
local function compare(results, report, curve, k, training)
  local ours, numbers, runs = {}, {}, 0
  for _, grid in ipairs(GRIDS) do
    local list, count = least(results, curve, grid, training)
    if list then
      numbers[#numbers + 1] = statistics.mean(list)
      ours[#ours + 1] = ("%.3g (%s)"):format(numbers[#numbers], grid.name)
      runs = math.max(runs, count)
    end
  end
  if #numbers == 0 then return end
  local published = training.published[k]
  report:compare {
    what = ("%s, least test MSE of 30, %s"):format(curve, training.name), published = published,
    ours = table.concat(ours, ", "), runs = runs, format = "%.3g",
    agrees = published >= statistics.min(numbers) / SPAN
      and published <= statistics.max(numbers) * SPAN,
    rule = ("within a factor %d of what the grids span"):format(SPAN),
  }
end

local function compare_claim(results, report, grid)
  local better, count = 0, 0
  for _, curve in ipairs(curves.NAMES) do
    local plain = results:values(case_name(curve, grid, TRAININGS[1]), "test_mse")
    local ours = results:values(case_name(curve, grid, TRAININGS[3]), "test_mse")
    if #plain > 0 and #ours > 0 then
      count = count + 1
      if statistics.median(ours) < statistics.median(plain) then better = better + 1 end
    end
  end
  if count == 0 then return end
  report:compare {
    what = "curves whose median test MSE is lower with pretraining, " .. grid.text,
    published = "pretraining predicts unseen points better",
    ours = ("%d of %d"):format(better, count), agrees = better == count, rule = "all",
    runs = results:runs(),
  }
end

-- How many published errors of pretrained nets are below those of all our grids.
local function compare_level(results, report)
  local below, count = 0, 0
  for k, curve in ipairs(curves.NAMES) do
    local lowest = math.huge
    for _, grid in ipairs(GRIDS) do
      local list = least(results, curve, grid, TRAININGS[3])
      if list then lowest = math.min(lowest, statistics.mean(list)) end
    end
    if lowest < math.huge then
      count = count + 1
      if TRAININGS[3].published[k] < lowest then below = below + 1 end
    end
  end
  if count == 0 then return end
  report:text(("The published errors of pretrained nets are below ours on every "
    .. "grid for %d of %d curves."):format(below, count))
end

local function tabulate(results, report, grid)
  local columns, rows = { "training" }, {}
  for _, curve in ipairs(curves.NAMES) do
    columns[#columns + 1] = curve
    columns[#columns + 1] = "published"
  end
  for _, training in ipairs(TRAININGS) do
    local row, is_empty = { training.name }, true
    for k, curve in ipairs(curves.NAMES) do
      local values = results:values(case_name(curve, grid, training), "test_mse")
      is_empty = is_empty and #values == 0
      row[#row + 1] = #values == 0 and "" or ("%.2e (%.1e)"):format(
        statistics.mean(curves.of_samples(values, curves.NETS, "min")), statistics.median(values))
      row[#row + 1] = training.published and ("%.2e"):format(training.published[k]) or ""
    end
    if not is_empty then rows[#rows + 1] = row end
  end
  if #rows == 0 then return end
  report:table {
    name = "table3_" .. grid.name, columns = columns, rows = rows,
    title = ("Table 3, %s (%s): least of %d test MSE (median of all nets)")
      :format(grid.text, grid.name, curves.NETS),
  }
end

-- The output of the net with the least test MSE among those whose outputs are kept.
local function best_output(results, curve, training)
  local row = results:best(case_name(curve, GRIDS[1], training), "test_mse", "output")
  return row and row.output
end

-- Panels of a curve: fits, and their errors.
local function panels_of(results, curve, is_first)
  local kaiming = best_output(results, curve, TRAININGS[1])
  local ours = best_output(results, curve, TRAININGS[3])
  if not (kaiming and ours) then return end
  local X, Y, test_x, test_y = points(curve, GRIDS[1])
  local grid, truth = lsqnet.datasets.convex_curve(CELLS + 1, { name = curve })
  local function errors(output)
    local list = {}
    for i, value in ipairs(output) do list[i] = value - truth:get(i, 1) end
    return list
  end
  return { "lines", {
    { x = grid, y = kaiming, label = "Kaiming", color = "#d55e00" },
    { x = grid, y = ours, label = "pretrained", color = "#0072b2" },
    { x = X, y = Y, label = "training points", style = "points", color = "#000000", size = 0.9 },
    { x = test_x, y = test_y, label = "test points", style = "points", color = "#009e73" },
  }, { title = curve, xlabel = "x", ylabel = "y", legend = is_first and "top left",
       xrange = { -0.03, 1.03 }, yrange = { -0.05, 1.1 } } },
  { "lines", {
    { x = grid, y = errors(kaiming), color = "#d55e00" },
    { x = grid, y = errors(ours), color = "#0072b2" },
  }, { title = curve .. ": output - y", xlabel = "x", ylabel = "error", legend = false } }
end

local function draw_fits(results, report)
  local panels, below = {}, {}
  for _, curve in ipairs(curves.NAMES) do
    local fit, error = panels_of(results, curve, #panels == 0)
    panels[#panels + 1], below[#below + 1] = fit, error
  end
  local columns = #panels
  if columns == 0 then return end
  table.move(below, 1, columns, columns + 1, panels)
  report:figure {
    name = "figure4", title = "Figure 4: ten points, standard nets and pretrained ones",
    caption = ("Of each kind the net with the least test MSE of the first %d; below, its error."
               ):format(DRAWN),
    draw = function(path)
      return plot.panels(path, panels, { columns = columns, size = { 420 * columns, 760 } })
    end,
  }
end

return {
  title = "Ten training points",
  source = "Compelling ReLU networks to exhibit exponentially many linear regions, "
    .. "Table 3 and Figure 4",
  setup = [[
    Ten training points of each curve and the test points "as far away from learned data as
    possible". The paper does not give them: of 20 equally spaced points every other one, beginning
    with a training point or with a test point, so that there are ten test points, one of them
    outside the training points; or ten training points from 0 to 1 and the nine in the middle
    between them. The rest as for Tables 1 and 2. As
    in the paper the net is chosen by its test error, which is therefore no estimate of what one
    gets; medians are given beside. The least of 30 is the mean over samples of 30 nets. It depends
    on the grid, so that a published number agrees when it is within a factor of three of what the
    grids span.
  ]],
  runs = 120, quick_runs = 1,
  measures = { "train_mse", "test_mse", "regions" },
  curves = { "output" },
  cases = function()
    local names = {}
    for _, curve in ipairs(curves.NAMES) do
      for _, grid in ipairs(GRIDS) do
        for _, training in ipairs(TRAININGS) do
          names[#names + 1] = case_name(curve, grid, training)
        end
      end
    end
    return names
  end,
  run = run,
  report = function(results, report)
    for _, grid in ipairs(GRIDS) do
      tabulate(results, report, grid)
      compare_claim(results, report, grid)
    end
    compare_level(results, report)
    for k, curve in ipairs(curves.NAMES) do
      for _, training in ipairs(TRAININGS) do
        if training.published then compare(results, report, curve, k, training) end
      end
    end
    draw_fits(results, report)
  end,
}
