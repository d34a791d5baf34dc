-- Barbu, Figures 7 and 8: sin(|x|^2) in 1 to 30 dimensions.

local anmin_setup = require "lsqnet.papers.anmin.setup"
local differences = require "lsqnet.papers.anmin.differences"
local lsqnet = require "lsqnet"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local POINTS = 31 -- of a curve
local DRAWN = 30 -- runs with curves
local SIMULATED = { name = "simulated", hidden = 64 }
local METHODS = { "Adam", "ANMIN" }
local COLORS = { Adam = "#d55e00", ANMIN = "#0072b2" }

local SITUATIONS = {}
for _, rows in ipairs { 1000, 10000 } do
  for _, dimension in ipairs { 1, 3, 10, 30 } do
    SITUATIONS[#SITUATIONS + 1] = { rows = rows, dimension = dimension,
                                    name = ("N=%d d=%d"):format(rows, dimension) }
  end
end

local function run(case, seed, context)
  local rows, dimension, method = case:match("^N=(%d+) d=(%d+) (.*)$")
  rows = context.quick and tonumber(rows) // 10 or math.tointeger(tonumber(rows))
  local X, Y = lsqnet.datasets.sin_norm_squared(2 * rows, {
    dimension = math.tointeger(tonumber(dimension)), seed = seed,
  })
  local train = { x = X:slice(1, rows), y = Y:slice(1, rows) }
  local test = { x = X:slice(rows + 1, 2 * rows), y = Y:slice(rows + 1, 2 * rows) }
  local net, report = anmin_setup.train(context, SIMULATED, method, train, seed, {
    validation = seed <= DRAWN and { test.x, test.y } or nil,
  })
  local row = { train_mse = report.loss, test_mse = net:loss(test.x, test.y) }
  if seed <= DRAWN then
    row.train_mse_at, row.test_mse_at = {}, {}
    for k, position in ipairs(anmin_setup.positions(#report.history, POINTS)) do
      row.train_mse_at[k] = report.history[position].loss
      row.test_mse_at[k] = report.history[position].validation_loss
    end
  end
  return row
end

-- The situations with runs of both methods.
local function present(results)
  local list = {}
  for _, situation in ipairs(SITUATIONS) do
    if results:has(situation.name .. " Adam") and results:has(situation.name .. " ANMIN") then
      list[#list + 1] = situation
    end
  end
  return list
end

local function tabulate(results, report)
  local rows = {}
  for _, situation in ipairs(present(results)) do
    local row = { situation.rows, situation.dimension }
    for _, measure in ipairs { "train_mse", "test_mse" } do
      for _, method in ipairs(METHODS) do
        row[#row + 1] = statistics.summary(results:values(situation.name .. " " .. method, measure))
      end
    end
    row[#row + 1] = results:count(situation.name .. " ANMIN")
    rows[#rows + 1] = row
  end
  report:table {
    name = "mse", title = "MSE of the trained nets: mean (standard deviation)",
    columns = { "N", "d", "train, Adam", "train, ANMIN", "test, Adam", "test, ANMIN", "runs" },
    rows = rows,
  }
end

-- A comparison of ANMIN's mean with Adam's.
local function compare_one(results, report, situation, measure, title, lower)
  local higher = lower == "ANMIN" and "Adam" or "ANMIN"
  local less, more = anmin_setup.paired(results, situation.name .. " " .. lower,
                                        situation.name .. " " .. higher, measure)
  if #less == 0 then return end
  report:compare {
    what = ("%s, %s: %s below %s"):format(title, situation.name, lower, higher),
    published = "lower", runs = #less, rule = "lower in the mean",
    ours = ("%.3g and %.3g"):format(statistics.mean(less), statistics.mean(more)),
    agrees = statistics.mean(less) < statistics.mean(more),
    why = differences.SIMULATIONS[situation.name],
  }
end

-- By how much the mean test MSE of a method is above its mean training MSE.
local function gap(results, situation, method)
  local case = situation.name .. " " .. method
  return statistics.mean(results:values(case, "test_mse"))
    - statistics.mean(results:values(case, "train_mse"))
end

-- "For d in {10, 30}, Adam obtains a smaller training loss, but it overfits more than ANMIN."
local function compare_overfitting(results, report, situation)
  local anmin, adam = gap(results, situation, "ANMIN"), gap(results, situation, "Adam")
  report:compare {
    what = ("MSE test less MSE train, %s: ANMIN below Adam"):format(situation.name),
    published = "lower", ours = ("%.3g and %.3g"):format(anmin, adam), rule = "lower in the mean",
    agrees = anmin < adam, runs = results:count(situation.name .. " ANMIN"),
  }
end

local function compare(results, report)
  for _, situation in ipairs(present(results)) do
    local is_low = situation.dimension <= 3
    compare_one(results, report, situation, "test_mse", "MSE test", "ANMIN")
    compare_one(results, report, situation, "train_mse", "MSE train", is_low and "ANMIN" or "Adam")
    if not is_low then compare_overfitting(results, report, situation) end
  end
end

local function add_curves(series, results, case, method)
  for k, curve in ipairs(results:values(case, "train_mse_at")) do
    local x = {}
    for i = 1, #curve do x[i] = i - 1 end
    series[#series + 1] = { x = x, y = curve, color = COLORS[method], opacity = 0.3,
                            width = 0.6, label = k == 1 and method .. ", train" or nil }
  end
  local medians, x = statistics.quartiles(results:values(case, "test_mse_at")), {}
  for i = 1, #medians do x[i] = i - 1 end
  series[#series + 1] = { x = x, y = medians, color = COLORS[method], dash = true,
                          label = method .. ", median test" }
end

local function draw_curves(results, report)
  local panels = {}
  for _, situation in ipairs(present(results)) do
    local series = {}
    for _, method in ipairs(METHODS) do
      add_curves(series, results, situation.name .. " " .. method, method)
    end
    panels[#panels + 1] = { "lines", series, {
      title = situation.name, xlabel = "iterations of ANMIN, or ten epochs of Adam",
      ylabel = "MSE", log = "y",
    } }
  end
  report:figure {
    name = "figure7", title = "Figure 7: MSE by iteration",
    caption = ("Training curves of the first %d runs at most, and the median test curve; ANMIN as "
      .. "it stands at each iteration, not its best net; Adam's training MSE is the mean over an "
      .. "epoch's batches as they were seen."):format(DRAWN),
    draw = function(path) return plot.panels(path, panels, { columns = 2, legend = true }) end,
  }
end

local function draw_sorted(results, report)
  local panels = {}
  for _, situation in ipairs(present(results)) do
    local samples = {}
    for k, method in ipairs(METHODS) do
      local case = situation.name .. " " .. method
      samples[k] = {
        values = results:values(case, "test_mse"), color = COLORS[method],
        label = method .. ", test",
        with = { { values = results:values(case, "train_mse"), label = method .. ", train" } },
      }
    end
    panels[#panels + 1] = { "sorted", samples, {
      title = situation.name, xlabel = "run, by decreasing test MSE", ylabel = "MSE", log = "y",
    } }
  end
  report:figure {
    name = "figure8", title = "Figure 8: final MSE of all runs, sorted by test MSE",
    caption = "Each method's runs are sorted on their own.",
    draw = function(path) return plot.panels(path, panels, { columns = 2, legend = true }) end,
  }
end

return {
  title = "ANMIN and Adam on sin(|x|^2), by dimension and number of rows",
  source = "Barbu, section 3.2, Figures 7 and 8",
  setup = [[
    x from N(0, I) in d dimensions, y = sin(|x|^2), as they are; N rows for training and N others
    for testing, drawn anew for each run, the same for both methods. 64 ReLU units. ANMIN: 30
    iterations from N(0, 1), lambda = 0.001/N, the best net. Adam: 300 epochs (as Figure 7 says; the
    text has iterations) from 0.03, a tenth of the rate every 100, batches of 256, from the start
    of PyTorch's nn.Linear.
  ]],
  runs = 100, quick_runs = 2,
  measures = { "train_mse", "test_mse" },
  curves = { "train_mse_at", "test_mse_at" },
  cases = function()
    local names = {}
    for _, situation in ipairs(SITUATIONS) do
      for _, method in ipairs(METHODS) do names[#names + 1] = situation.name .. " " .. method end
    end
    return names
  end,
  run = run,
  report = function(results, report)
    if #present(results) == 0 then return end
    tabulate(results, report)
    draw_curves(results, report)
    draw_sorted(results, report)
    compare(results, report)
  end,
}
