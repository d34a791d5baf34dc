-- Barbu's Figures 4 to 6: the training of two methods against time.

local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local curves = {}

local ANMIN_COLOR, OTHER_COLOR = "#0072b2", "#d55e00"

-- The training curves of all splits, and the mean test curve, of one method.
local function add_series(series, results, case, method, train, test)
  local color = method == "ANMIN" and ANMIN_COLOR or OTHER_COLOR
  local times = statistics.quartiles(results:values(case, "times"))
  for i, seconds in ipairs(times) do times[i] = math.max(seconds, 1e-3) end
  for k, curve in ipairs(results:values(case, train)) do
    series[#series + 1] = { x = times, y = curve, color = color, opacity = 0.3, width = 0.8,
                            label = k == 1 and method .. ", train" or nil }
  end
  local mean, lower, upper = statistics.band(results:values(case, test))
  series[#series + 1] = { x = times, y = mean, lower = lower, upper = upper, dash = true,
                          color = color, label = method .. ", mean test" }
end

local function panel(results, data, method, measure)
  local series = {}
  for _, name in ipairs { method, "ANMIN" } do
    add_series(series, results, data.name .. " " .. name, name, "train_" .. measure .. "_at",
               "test_" .. measure .. "_at")
  end
  local is_r2 = measure == "r2"
  return { "lines", series, {
    title = data.title, xlabel = "seconds of processor time", ylabel = is_r2 and "R2" or "MSE",
    log = is_r2 and "x" or "xy", yrange = is_r2 and { 0, 1 } or nil,
  } }
end

-- Adds a figure of these data sets.
function curves.draw(results, report, sets, figure, method)
  local panels, splits = {}, 0
  for _, data in ipairs(sets) do
    local ours, other = data.name .. " ANMIN", data.name .. " " .. method
    local count = math.min(#results:values(ours, "times"), #results:values(other, "times"))
    if count > 0 then
      splits = math.max(splits, count)
      panels[#panels + 1] = panel(results, data, method, "mse")
      panels[#panels + 1] = panel(results, data, method, "r2")
    end
  end
  if #panels == 0 then return end
  report:figure {
    name = "figure" .. figure,
    title = ("Figure %d: MSE and R2 against time, %s and ANMIN"):format(figure, method),
    caption = ("Of the first %d splits, at median times: training curves of each, and the mean "
      .. "test curve with one standard deviation. L-BFGS and ANMIN by their best nets so far.")
      :format(splits),
    draw = function(path) return plot.panels(path, panels, { columns = 2, legend = true }) end,
  }
end

return curves
