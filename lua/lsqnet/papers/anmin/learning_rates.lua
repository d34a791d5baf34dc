-- The search for SGD's learning rate on each data set of Barbu's Table 3.

local setup = require "lsqnet.papers.anmin.setup"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local RATES = { "1e-5", "3e-5", "1e-4", "3e-4", "1e-3", "3e-3", "1e-2", "3e-2", "1e-1", "3e-1",
                "1" }

-- An epoch's mean loss that stands this much above the first net's is a blow-up, even where the
-- training recovers from it.
local BLOW_UP = 10

local function run(case, seed, context)
  local name, rate = setup.parse(case)
  local train, test = setup.split(context, name, seed)
  local net, report = setup.train(context, setup.DATA[name], "SGD", train, seed,
                                  { rate = tonumber(rate) })
  local start, peak = report.history[1].loss, 0
  for _, entry in ipairs(report.history) do
    peak = math.max(peak, entry.loss or math.huge)
  end
  local blew_up = report.stopped == "diverged" or peak > BLOW_UP * start
  return { train_mse = report.loss, test_mse = net:loss(test.x, test.y),
           blew_up = blew_up and 1 or 0 }
end

-- The rates with runs: { rate, losses, blown splits }.
local function tried(results, name)
  local list = {}
  for _, rate in ipairs(RATES) do
    local case = name .. " " .. rate
    if results:has(case) then
      local blown = 0
      for _, value in ipairs(results:values(case, "blew_up")) do blown = blown + value end
      list[#list + 1] = { rate = rate, losses = results:values(case, "train_mse"), blown = blown,
                          test = results:values(case, "test_mse") }
    end
  end
  return list
end

-- The chosen one of what tried() gives, or nil.
local function choose(list)
  local best
  for _, entry in ipairs(list) do
    entry.mean = statistics.mean(entry.losses)
    if entry.blown == 0 and (not best or entry.mean < best.mean) then best = entry end
  end
  return best
end

local function tabulate(results, report)
  local rows, chosen = {}, {}
  for _, data in ipairs(setup.DATA) do
    local list = tried(results, data.name)
    local best = choose(list)
    for _, entry in ipairs(list) do
      local is_best = entry == best
      rows[#rows + 1] = { data.title, { entry.rate, bold = is_best },
                          { statistics.summary(entry.losses), bold = is_best },
                          statistics.summary(entry.test), entry.blown, #entry.losses }
    end
    if best then
      chosen[#chosen + 1] = ("%s %s (%g)"):format(data.title, best.rate,
                                                  setup.SGD_RATES[data.name])
    end
  end
  if #chosen > 0 then
    report:text(("Chosen here, and in parentheses what anmin-table3 uses: %s."):format(
      table.concat(chosen, ", ")))
  end
  report:table {
    name = "rates", title = "Training by SGD: MSE, and how many splits blew up",
    columns = { "data", "learning rate", "MSE train", "MSE test", "blew up", "splits" },
    rows = rows,
  }
end

local function draw(results, report)
  local panels = {}
  for _, data in ipairs(setup.DATA) do
    local list = tried(results, data.name)
    local best = choose(list)
    if best then
      local x, y, blown_x, blown_y = {}, {}, {}, {}
      for _, entry in ipairs(list) do
        local to_x, to_y = x, y
        if entry.blown > 0 then to_x, to_y = blown_x, blown_y end
        to_x[#to_x + 1], to_y[#to_y + 1] = tonumber(entry.rate), entry.mean
      end
      local series = { { x = x, y = y, style = "both", size = 1, label = "no blow-up" } }
      if #blown_x > 0 then
        series[2] = { x = blown_x, y = blown_y, style = "points", size = 1.2,
                      label = "blew up (best net)" }
      end
      panels[#panels + 1] = { "lines", series, {
        title = data.title, xlabel = "learning rate", ylabel = "mean training MSE", log = "xy",
        xrange = { 5e-6, 2 },
        marks = { { at = tonumber(best.rate), label = "chosen", dash = true } },
      } }
    end
  end
  report:figure {
    name = "rates", title = "SGD's final training MSE by learning rate",
    draw = function(path)
      return plot.panels(path, panels, { columns = math.min(2, #panels), legend = true })
    end,
  }
end

return {
  title = "SGD's learning rate for each data set of ANMIN's Table 3",
  source = "Barbu, section 2.6",
  setup = [[
    The paper says that SGD's rate was tuned for each data set to avoid blow-ups and to obtain a
    small final loss, but not which it was. Here it is searched from 1e-5 to 1 by half decades,
    with the paper's 300 epochs, batches of 256 and a tenth of the rate every 100 epochs, and the
    first splits of Table 3. Chosen is the rate with the lowest mean training MSE of those with
    which no split blew up: none diverged, nor had an epoch with ten times the loss of the first
    net. YearPredictionMSD's file is not at hand.
  ]],
  runs = 3, quick_runs = 1,
  measures = { "train_mse", "test_mse", "blew_up" },
  cases = function(context)
    local names = {}
    for i, data in ipairs(setup.DATA) do names[i] = data.name end
    return setup.cases(context, names, RATES)
  end,
  run = run,
  report = function(results, report)
    tabulate(results, report)
    draw(results, report)
  end,
}
