-- Khanov and Akbas, Figure 8: where the regression has no slope, Linstorch returns the mean.

local lsqnet = require "lsqnet"
local named = require "lsqnet.experiments.named"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local DRAWN = 10 -- nets whose outputs are kept for the figure

local CASES = { { name = "1-10-1", layers = { 1, 10, 1 } },
                { name = "1-11-11-1", layers = { 1, 11, 11, 1 } } }

local function data()
  local X = lsqnet.datasets.sin_plus_one(101)
  return X, X:map(function(x) return math.cos(x) + 1 end)
end

local function run(name, seed, context)
  local X, Y = context:once("data", data)
  local case = named(CASES, name)
  local net = lsqnet.network { layers = case.layers, seed = seed }
  local report = assert(lsqnet.linstorch(net, X, Y))
  local output = net:predict(X)
  local line, fit = lsqnet.linear_regression(X, Y)
  local row = { mse = report.loss, range = output:max() - output:min(), line_mse = fit.loss,
                slope = line:weight(1):get(1, 1) }
  if seed <= DRAWN then row.output = output:t():totable()[1] end
  return row
end

local function compare(results, report)
  local _, Y = data()
  local variance = statistics.variance(Y)
  for _, case in ipairs(CASES) do
    local values = results:values(case.name, "mse")
    if #values > 0 then
      report:compare {
        what = ("least MSE of the nets %s, and that of the line"):format(case.name),
        published = "does not outperform linear regression",
        ours = ("%.8f and %.8f"):format(statistics.min(values),
                                        results:values(case.name, "line_mse")[1]),
        runs = #values, rule = "no net below the line",
        agrees = statistics.min(values) >= results:values(case.name, "line_mse")[1] * (1 - 1e-12),
      }
      report:compare {
        what = ("MSE of the nets %s; published: the variance of the data"):format(case.name),
        published = variance, ours = values, tolerance = 1e-12, format = "%.8f",
      }
      report:compare {
        what = ("widest range of a net's outputs, %s"):format(case.name), published = "constant",
        ours = statistics.max(results:values(case.name, "range")), runs = #values, at_most = 1e-12,
      }
    end
  end
end

local function draw(results, report)
  local X, Y = data()
  local series = { { x = X, y = Y, label = "cos(x) + 1", color = "#000000" } }
  for _, output in ipairs(results:values(CASES[1].name, "output")) do
    series[#series + 1] = { x = X, y = output, color = "#56b4e9", width = 6,
                            label = #series == 1 and "Linstorch" or nil }
  end
  local line = lsqnet.linear_regression(X, Y)
  series[#series + 1] = { x = X, y = line:predict(X), label = "linear regression", dash = true,
                          color = "#d55e00" }
  report:figure {
    name = "figure8", title = "Figure 8: a regression line without slope",
    caption = ("%d nets, one upon the other, under the line."):format(#series - 2),
    draw = function(path)
      return plot.lines(path, series, { xlabel = "x", ylabel = "output", legend = "bottom right",
                                        xrange = { 0, 2 * math.pi }, yrange = { -0.05, 2.05 } })
    end,
  }
end

return {
  title = "Linstorch where the regression has no slope",
  source = "Khanov and Akbas, Figure 8",
  setup = [[
    The paper names no function; cos(x) + 1 on 101 points of [0, 2 pi] has its picture: even about
    pi, so that the regression on x has slope zero. Nets with one hidden layer and with two, drawn
    as in PyTorch, one solve. Linstorch sees X through the regression alone (docs/linstorch.md), so
    every net must be the constant mean, with the variance for its MSE.
  ]],
  runs = 200, quick_runs = 10,
  measures = { "mse", "range", "line_mse", "slope" },
  curves = { "output" },
  cases = function() return { CASES[1].name, CASES[2].name } end,
  run = run,
  report = function(results, report)
    local rows = {}
    for _, case in ipairs(CASES) do
      local values = results:values(case.name, "mse")
      if #values > 0 then
        rows[#rows + 1] = { case.name, ("%.10f"):format(statistics.min(values)),
                            ("%.10f"):format(statistics.max(values)),
                            ("%.2g"):format(statistics.max(results:values(case.name, "range"))),
                            ("%.2g"):format(results:values(case.name, "slope")[1]), #values }
      end
    end
    report:table {
      name = "zero_slope", title = "cos(x) + 1 by nets of Linstorch", rows = rows,
      columns = { "net", "least MSE", "largest MSE", "widest range of outputs", "slope of the line",
                  "nets" },
    }
    compare(results, report)
    if results:has(CASES[1].name) then draw(results, report) end
  end,
}
