-- Triangle pretraining, Figures 7 and 8: x^3 - x and r^3 by blocks of triangle waves.

local blocks = require "lsqnet.papers.triangle.block_nets"
local curves = require "lsqnet.papers.triangle.convex_curves"
local lsqnet = require "lsqnet"
local named = require "lsqnet.experiments.named"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local NETS = 12     -- of a sample, of which the best counts
local CELLS = 60    -- of the grid that Figure 7 is drawn on
local SIDE = 31     -- points of a side of the grid of r^3
local FINE = 101    -- of the grid on which linear regions are counted
local DRAWN = 12    -- nets whose outputs are kept

-- Each training: its function, what it is, and the published loss. `times`: of the epochs of the
-- second phase, or of a standard net.
local CASES = {
  { name = "x^3 - x: two blocks", count = 2, published = 4e-7, is_kept = true },
  { name = "x^3 - x: two blocks kept apart", count = 2, finish_weights = "block_diagonal" },
  { name = "x^3 - x: two blocks by Levenberg-Marquardt", count = 2, finish = "gauss_newton",
    bound = 1e-7 },
  { name = "x^3 - x: standard 8x5", width = 8, published = 8e-6, is_kept = true },
  { name = "x^3 - x: standard 10x5", width = 10 },
  { name = "r^3: two blocks", count = 2, published = 3.5e-6, is_kept = true },
  { name = "r^3: two blocks for four times the epochs", count = 2, times = 4 },
  { name = "r^3: four blocks", count = 4 },
  { name = "r^3: two blocks and one on top", count = { 2, 1 } },
  { name = "r^3: standard 8x5", width = 8, published = 1.5e-4, is_kept = true },
  { name = "r^3: standard 10x5", width = 10 },
  { name = "r^3: standard 10x5 for four times the epochs", width = 10, times = 4 },
}

local function is_radial(case)
  return case.name:find("r^3", 1, true) == 1
end

-- The points of a square grid on [-1, 1]^2.
local function square(side)
  local X = lsqnet.matrix(side * side, 2)
  for i = 0, side * side - 1 do
    X:set(i + 1, 1, 2 * (i % side) / (side - 1) - 1)
    X:set(i + 1, 2, 2 * (i // side) / (side - 1) - 1)
  end
  return X
end

local function radial(X)
  local Y = lsqnet.matrix(X.rows, 1)
  for i = 1, X.rows do Y:set(i, 1, (X:get(i, 1) ^ 2 + X:get(i, 2) ^ 2) ^ 1.5) end
  return Y
end

-- Standardised points, their scaler, and targets.
local function data(case, context)
  return context:once(is_radial(case) and "r^3" or "x^3 - x", function()
    local X, Y
    if is_radial(case) then
      X = square(context.quick and 11 or SIDE)
      Y = radial(X)
    else
      X = lsqnet.matrix.linspace(-1, 1, context.quick and 50 or curves.POINTS)
      Y = X:map(function(x) return x ^ 3 - x end)
    end
    local scaled, scaler = lsqnet.data.standardize(X)
    return scaled, Y, scaler
  end)
end

-- How many firing patterns a net shows on a fine grid of the square.
local function patterns(net, scaler)
  local X = scaler:apply(square(FINE))
  local keys = {}
  for i = 1, X.rows do keys[i] = "" end
  for k = 1, net.depth - 1 do
    for i, row in ipairs(net:activations(X, k):totable()) do
      local bits = 0
      for j, value in ipairs(row) do bits = value > 0 and bits | 1 << j or bits end
      keys[i] = ("%s %x"):format(keys[i], bits)
    end
  end
  local seen, count = {}, 0
  for _, key in ipairs(keys) do
    if not seen[key] then seen[key], count = true, count + 1 end
  end
  return count
end

-- What the figures show of a net.
local function keep(row, case, net, scaler)
  if is_radial(case) then
    row.output = net:predict(scaler:apply(square(SIDE))):t():totable()[1]
    row.patterns = patterns(net, scaler)
    return
  end
  local X = scaler:apply(lsqnet.matrix.linspace(-1, 1, CELLS + 1))
  row.output = net:predict(X):t():totable()[1]
  row.regions = net:linear_regions(scaler:apply(lsqnet.matrix { { -1 } }):get(1, 1),
                                   scaler:apply(lsqnet.matrix { { 1 } }):get(1, 1))
  if case.count then
    row.first_block, row.second_block = table.unpack(blocks.contributions(net, X, 2))
  end
end

local function run(name, seed, context)
  local case = named(CASES, name)
  local X, Y, scaler = data(case, context)
  local epochs = curves.epochs(context)
  local row = {}
  local net
  if case.width then
    local report
    net, report = blocks.train_plain(X, Y, seed, {
      layers = blocks.layers(X.cols, case.width), epochs = 2 * epochs * (case.times or 1),
    })
    row.mse = report.loss
  else
    local finish_options = { epochs = epochs * (case.times or 1), learning_rate = blocks.RATES[2] }
    if case.finish then finish_options = { iterations = context.quick and 10 or 200 } end
    local report = blocks.train_triangle(X, Y, seed, {
      count = case.count, signs = is_radial(case) and "subtracted" or nil, epochs = epochs,
      finish_weights = case.finish_weights, finish = case.finish, finish_options = finish_options,
    })
    net, row.mse, row.first_mse = report.network, report.loss, report.first_loss
  end
  if case.is_kept and seed <= DRAWN then keep(row, case, net, scaler) end
  return row
end

-- The least MSE that any sum g(x) + h(y) has on the grid: the one of the row and column means.
local function additive_floor()
  local Y = radial(square(SIDE)):t():totable()[1]
  local rows, columns, mean = {}, {}, 0
  for i = 1, SIDE do rows[i], columns[i] = 0, 0 end
  for i = 0, SIDE * SIDE - 1 do
    local y, r, c = Y[i + 1], i // SIDE + 1, i % SIDE + 1
    rows[r], columns[c], mean = rows[r] + y / SIDE, columns[c] + y / SIDE, mean + y / SIDE ^ 2
  end
  local sum = 0
  for i = 0, SIDE * SIDE - 1 do
    sum = sum + (Y[i + 1] - rows[i // SIDE + 1] - columns[i % SIDE + 1] + mean) ^ 2
  end
  return sum / SIDE ^ 2
end

local function least(results, name, measure)
  local values = results:values(name, measure or "mse")
  return #values > 0 and curves.of_samples(values, NETS, "min"), #values
end

-- Why r^3 does not come out, from our runs.
local function why_radial(results)
  local function mean(name, measure)
    local list = least(results, name, measure)
    return list and ("%.2g"):format(statistics.mean(list)) or "(not run)"
  end
  return ([[In the first phase the net is a sum of two functions of one variable each; along the
    axes no such sum is better than %.2g on r^3, and ours end at %s. The second phase has to leave
    that class: it comes to %s where standard nets of the same size come to %s, and with four times
    the epochs to %s and %s.]]):format(additive_floor(), mean("r^3: two blocks", "first_mse"),
    mean "r^3: two blocks", mean "r^3: standard 10x5",
    mean "r^3: two blocks for four times the epochs",
    mean "r^3: standard 10x5 for four times the epochs")
end

local function compare(results, report)
  for _, case in ipairs(CASES) do
    local list, count = least(results, case.name)
    if list and (case.published or case.bound) then
      report:compare {
        what = ("least MSE of %d, %s"):format(NETS, case.name), ours = list, runs = count,
        published = case.published or "not in the paper", format = "%.3g",
        better = case.published and "lower" or nil,
        at_most = case.bound, factor = case.published and 3 or nil,
        why = case.name == "r^3: two blocks" and why_radial(results) or nil,
      }
    end
  end
  for _, f in ipairs { "x^3 - x", "r^3" } do
    local blocks_case = named(CASES, f .. ": two blocks")
    local standard_case = named(CASES, f .. ": standard 8x5")
    local ours, count = least(results, blocks_case.name)
    local standard = least(results, standard_case.name)
    if ours and standard then
      report:compare {
        what = ("least MSE of %d, %s, standard 8x5 over two blocks"):format(NETS, f),
        published = standard_case.published / blocks_case.published, factor = 3,
        ours = statistics.mean(standard) / statistics.mean(ours),
        runs = count, better = "higher", why = f == "r^3" and why_radial(results) or nil,
      }
    end
  end
  for _, pair in ipairs {
    { "x^3 - x", "regions", "linear pieces on [-1, 1]" },
    { "r^3", "patterns", "firing patterns on a grid of 101 x 101" },
  } do
    local ours = results:values(pair[1] .. ": two blocks", pair[2])
    local standard = results:values(pair[1] .. ": standard 8x5", pair[2])
    if #ours > 0 and #standard > 0 then
      report:compare {
        what = ("%s, %s, two blocks over standard 8x5 (means)"):format(pair[3], pair[1]),
        published = "more", ours = statistics.mean(ours) / statistics.mean(standard),
        at_least = 1, runs = #ours,
      }
    end
  end
end

local function tabulate(results, report)
  local rows = {}
  for _, case in ipairs(CASES) do
    local list, count = least(results, case.name)
    if list then
      local first = least(results, case.name, "first_mse")
      rows[#rows + 1] = {
        case.name, case.published and ("%.1e"):format(case.published) or "",
        ("%.2e"):format(statistics.mean(list)),
        ("%.2e"):format(statistics.median(results:values(case.name, "mse"))),
        first and ("%.2e"):format(statistics.mean(first)) or "", count,
      }
    end
  end
  report:table {
    name = "blocks", rows = rows,
    title = ("MSE of x^3 - x and r^3 (least of %d nets: the mean over samples)"):format(NETS),
    columns = { "training", "published", ("least of %d"):format(NETS), "median",
                "least after the first phase", "nets" },
  }
end

-- The best of the nets that are drawn.
local function best(results, name)
  return results:best(name, "mse", "output")
end

local function differences(output, truth)
  local list = {}
  for i, value in ipairs(output) do list[i] = value - truth[i] end
  return list
end

local function draw_curve(results, report)
  local ours = best(results, "x^3 - x: two blocks")
  local standard = best(results, "x^3 - x: standard 8x5")
  if not (ours and standard) then return end
  local X = lsqnet.matrix.linspace(-1, 1, CELLS + 1)
  local x = X:t():totable()[1]
  local truth = X:map(function(v) return v ^ 3 - v end):t():totable()[1]
  report:figure {
    name = "figure7", title = "Figure 7: x^3 - x by two blocks",
    caption = [[The best nets. Components: what each block adds to the output, without the
      output's bias. Right: the errors, beside those of a standard 8x5 net.]],
    draw = function(path)
      return plot.panels(path, {
        { "lines", {
          { x = x, y = truth, label = "x^3 - x", color = "#bbbbbb", width = 6 },
          { x = x, y = ours.output, label = "two blocks", color = 1 },
          { x = x, y = ours.first_block, label = "first block", color = 3 },
          { x = x, y = ours.second_block, label = "second block", color = 4 },
        }, { title = "fit and components", xlabel = "x", ylabel = "y", legend = "outside" } },
        { "lines", {
          { x = x, y = differences(standard.output, truth), label = "standard 8x5", color = 2 },
          { x = x, y = differences(ours.output, truth), label = "two blocks", color = 1 },
        }, { title = "output - y", xlabel = "x", ylabel = "error", legend = "outside" } },
      }, { columns = 2, size = { 1400, 460 } })
    end,
  }
end

local function surface_of(list)
  local rows = {}
  for i = 1, SIDE do rows[i] = table.move(list, (i - 1) * SIDE + 1, i * SIDE, 1, {}) end
  return lsqnet.matrix(rows)
end

local function draw_surfaces(results, report)
  local ours, standard = best(results, "r^3: two blocks"), best(results, "r^3: standard 8x5")
  if not (ours and standard) then return end
  local x = lsqnet.matrix.linspace(-1, 1, SIDE)
  local truth = radial(square(SIDE)):t():totable()[1]
  local panels = {}
  for _, entry in ipairs { { "standard 8x5", standard }, { "two blocks", ours } } do
    local heights = { matrix = surface_of(entry[2].output), x = x, y = x }
    panels[#panels + 1] = { "surface", heights, {
      title = entry[1], xlabel = "x", ylabel = "y", range = { -0.2, 2.9 },
    } }
  end
  for _, entry in ipairs { { "standard 8x5", standard }, { "two blocks", ours } } do
    local errors = { matrix = surface_of(differences(entry[2].output, truth)), x = x, y = x }
    panels[#panels + 1] = { "surface", errors, {
      title = entry[1] .. ": output - r^3", xlabel = "x", ylabel = "y",
      palette = "diverging",
    } }
  end
  report:figure {
    name = "figure8", title = "Figure 8: r^3 on [-1, 1]^2 by a standard net and by two blocks",
    caption = "The best nets; below, their errors, each on its own scale.",
    draw = function(path)
      return plot.panels(path, panels, { columns = 2, size = { 1200, 960 } })
    end,
  }
end

return {
  title = "x^3 - x and r^3 by two blocks",
  source = "Compelling ReLU networks to exhibit exponentially many linear regions, Figures 7 and 8",
  setup = [[
    500 points of x^3 - x on [-1, 1]; r^3 = (x^2 + y^2)^(3/2) on 31 x 31 points of [-1, 1]^2; inputs
    standardised. The paper gives neither the data nor the training. Blocks are those of
    lsqnet.triangle.blocks: upside down and with two sum neurons, as in the paper, each behind a
    random direction, five hidden layers, so that two blocks make a 10x5 net; of alternating
    signs for x^3 - x, both convex for r^3. Adam on full batches: 1000 epochs at 1e-2 for peaks and
    all that goes with them, 1000 at 1e-3 for the weights, of the whole matrices unless kept apart.
    Standard nets have 2000 epochs at 1e-3. How many nets the published losses are the best of is
    not said; the least of 12 here is the mean over samples of 12, and agrees within a factor of
    three.
  ]],
  runs = 24, quick_runs = 1,
  measures = { "mse", "first_mse", "regions", "patterns" },
  curves = { "output", "first_block", "second_block" },
  cases = function()
    local names = {}
    for i, case in ipairs(CASES) do names[i] = case.name end
    return names
  end,
  run = run,
  report = function(results, report)
    tabulate(results, report)
    compare(results, report)
    draw_curve(results, report)
    draw_surfaces(results, report)
  end,
}
