-- Khanov and Akbas, Table I and Figures 1 to 3: nets fitted to sin(x) + 1 by one or two calls of
-- Solve in either order, beside untrained ones and the straight line.

local lsqnet = require "lsqnet"
local named = require "lsqnet.experiments.named"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local DRAWN = 40 -- nets whose outputs are kept for Figure 1

-- Published means, and tolerances that allow for two samples of 1000 nets: from two standard errors
-- of their difference, without a call, to eight.
local CASES = {
  { name = "untrained", order = "backward_first", solves = 0, mse = 5331.501, tolerance = 250 },
  { name = "backward first once", order = "backward_first", solves = 1, mse = 0.084,
    tolerance = 0.008 },
  { name = "backward first twice", order = "backward_first", solves = 2, mse = 0.173,
    tolerance = 0.006 },
  { name = "forward first once", order = "forward_first", solves = 1, mse = 0.488,
    tolerance = 0.01 },
  { name = "forward first twice", order = "forward_first", solves = 2, mse = 0.485,
    tolerance = 0.01 },
}

local function data(context)
  return context:once("data", function() return lsqnet.datasets.sin_plus_one(101) end)
end

local function line_loss(context)
  local X, Y = data(context)
  return select(2, lsqnet.linear_regression(X, Y)).loss
end

local function run(name, seed, context)
  local X, Y = data(context)
  local case = named(CASES, name)
  local net = lsqnet.network {
    layers = { 1, 11, 11, 1 }, init = "uniform", output_activation = "relu", seed = seed,
  }
  local report = assert(lsqnet.linstorch(net, X, Y, { order = case.order, solves = case.solves }))
  local row = { mse = report.loss }
  if name == "backward first once" then
    row.line_mse = line_loss(context)
    if seed <= DRAWN then row.output = net:predict(X):t():totable()[1] end
  end
  return row
end

local function tabulate(results, report)
  local rows = {}
  for _, case in ipairs(CASES) do
    local values = results:values(case.name, "mse")
    if #values > 0 then
      rows[#rows + 1] = { case.name, case.mse, statistics.mean(values),
                          statistics.std(values), statistics.min(values), statistics.max(values),
                          #values }
      report:compare {
        what = "mean MSE, " .. case.name, published = case.mse, ours = values,
        tolerance = case.tolerance,
      }
    end
  end
  report:table {
    name = "table1", title = "Table I: MSE by order and number of calls of Solve",
    columns = { "order, calls", "published mean", "mean", "std", "least", "largest", "nets" },
    rows = rows,
  }
end

-- Table I has a line without a call for each order, and Figure 3 a third value: samples of nets
-- that differ in nothing.
local function compare_untrained(results, report)
  for _, published in ipairs { { "Table I, forward first", 5257.762 }, { "Figure 3", 5213.67 } } do
    report:compare {
      what = ("mean MSE, untrained (%s)"):format(published[1]), published = published[2],
      ours = results:values("untrained", "mse"), tolerance = 250,
    }
  end
end

local function compare_with_line(results, report)
  local values = results:values("backward first once", "mse")
  local line = results:values("backward first once", "line_mse")[1]
  report:compare {
    what = "MSE of linear regression", published = 0.20, ours = line, tolerance = 0.005,
  }
  report:compare {
    what = "share of nets better than linear regression", published = "always",
    ours = ("%.4g"):format(statistics.share(values, function(v) return v < line end)),
    runs = #values, rule = "all", agrees = statistics.max(values) < line,
  }
end

local function draw_fits(results, report)
  local X, Y = lsqnet.datasets.sin_plus_one(101)
  local series = {}
  for _, output in ipairs(results:values("backward first once", "output")) do
    series[#series + 1] = { x = X, y = output, color = "#56b4e9", width = 0.7,
                            label = #series == 0 and "nets" or nil }
  end
  series[#series + 1] = { x = X, y = Y, color = "#000000", label = "sin(x) + 1" }
  report:figure {
    name = "figure1", title = "Figure 1: nets after one call of Solve, backward first",
    caption = ("The first %d nets (the paper draws 1000)."):format(#series - 1),
    draw = function(path)
      return plot.lines(path, series, { xlabel = "x", ylabel = "output",
                                        xrange = { 0, 2 * math.pi } })
    end,
  }
end

local function draw_histograms(results, report)
  local solved = results:values("backward first once", "mse")
  local line = results:values("backward first once", "line_mse")[1]
  report:figure {
    name = "figure2", title = "Figure 2: MSE after one call of Solve, backward first",
    draw = function(path)
      return plot.histogram(path, { { values = solved, label = #solved .. " nets" } }, {
        xlabel = "MSE", ylabel = "nets", xrange = { 0, 1.1 * line }, size = { 960, 520 },
        legend = "outside", marks = {
          { at = line, label = "linear regression", dash = true },
          { at = statistics.mean(solved), label = "mean of the nets" },
        },
      })
    end,
  }
  local untrained = results:values("untrained", "mse")
  report:figure {
    name = "figure3", title = "Figure 3: MSE of nets that are not trained",
    draw = function(path)
      return plot.histogram(path, { { values = untrained, label = #untrained .. " nets" } }, {
        xlabel = "MSE", ylabel = "nets", xrange = { 0, statistics.max(untrained) },
        marks = { { at = statistics.mean(untrained), label = "mean of the nets" } },
      })
    end,
  }
end

return {
  title = "Linstorch on sin(x) + 1, by order and number of solves",
  source = "Khanov and Akbas, Table I, Figures 1 to 3",
  setup = [[
    101 points of sin(x) + 1 on [0, 2 pi], not scaled. The paper says two layers and ten neurons;
    its code has nets 1-11-11-1, ReLU on the output too, weights and biases from U(0, 1), and only
    that reproduces the table. A run is one net; all cases of a run start from the same net.
  ]],
  runs = 1000, quick_runs = 40,
  measures = { "mse", "line_mse" },
  curves = { "output" },
  cases = function()
    local names = {}
    for i, case in ipairs(CASES) do names[i] = case.name end
    return names
  end,
  run = run,
  report = function(results, report)
    tabulate(results, report)
    if results:has("untrained") then compare_untrained(results, report) end
    if results:has("backward first once") then
      compare_with_line(results, report)
      draw_fits(results, report)
    end
    if results:has("backward first once") and results:has("untrained") then
      draw_histograms(results, report)
    end
  end,
}
