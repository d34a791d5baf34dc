-- Barbu, Figure 3: L-BFGS with fixed steps on abalone blows up.

local anmin_setup = require "lsqnet.papers.anmin.setup"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local CASE = "abalone L-BFGS"
local EVERY = 20 -- iterations of one call of PyTorch's step()
local BLOW_UP = 10 -- times the loss of the first net
local PUBLISHED = { 4.17, 0.16 } -- Table 3: training MSE of the best nets

-- The loss of each iteration as far as it is a number, and the lowest so far.
local function losses_of(history)
  local losses, lowest = {}, {}
  for i, entry in ipairs(history) do
    if not entry.loss then break end
    losses[i] = entry.loss
    lowest[i] = math.min(lowest[i - 1] or math.huge, entry.loss)
  end
  return losses, lowest
end

local function run(_, seed, context)
  local train, test = anmin_setup.split(context, "abalone", seed)
  local net, report = anmin_setup.train(context, anmin_setup.DATA.abalone, "L-BFGS", train, seed)
  local losses, lowest = losses_of(report.history)
  local row = { train_mse = report.loss, test_mse = net:loss(test.x, test.y), jumps = 0,
                largest = statistics.max(losses), iterations = #losses - 1,
                ended_early = report.stopped == "diverged" and 1 or 0, loss = {}, lowest = {} }
  for i = 2, #losses do
    local is_jump = losses[i] > BLOW_UP * losses[1] and losses[i - 1] <= BLOW_UP * losses[1]
    row.jumps = row.jumps + (is_jump and 1 or 0)
  end
  local steps = anmin_setup.steps(context, "L-BFGS")
  for k = 0, steps // EVERY do
    local i = k * EVERY + 1
    row.loss[k + 1] = losses[i] -- none behind an early end
    row.lowest[k + 1] = lowest[math.min(i, #lowest)]
  end
  return row
end

local function compare(results, report)
  local rows = results:rows(CASE)
  local jumped = statistics.share(rows, function(row)
    return row.jumps > 0 or row.ended_early > 0
  end)
  report:compare {
    what = "share of splits whose training blows up", published = "many times",
    ours = ("%.2f"):format(jumped), runs = #rows, rule = "at least 0.5", agrees = jumped >= 0.5,
  }
  report:compare {
    what = "largest training MSE of all splits", published = 1e26, format = "%.2g",
    ours = statistics.max(results:values(CASE, "largest")), at_least = 1e20, runs = #rows,
  }
  report:compare {
    what = "MSE train of the best nets", published = PUBLISHED,
    ours = results:values(CASE, "train_mse"), better = "lower",
  }
  local start = statistics.columns(results:values(CASE, "lowest"))[1]
  local final = statistics.max(results:values(CASE, "train_mse"))
  report:compare {
    what = "largest of the lowest training MSEs: the minimum so far takes the problem away",
    published = "no blow-ups", ours = final, runs = #rows, rule = "below all first nets",
    agrees = final < statistics.min(start),
  }
end

local function tabulate(results, report)
  local rows = results:rows(CASE)
  local function summary(name) return statistics.summary(results:values(CASE, name)) end
  report:table {
    name = "summary", title = "L-BFGS with fixed steps on abalone: mean (standard deviation)",
    columns = { "MSE train, best net", "MSE test, best net", "excursions above ten times the start",
                "iterations", "ended by numbers that are not finite", "splits" },
    rows = { { summary "train_mse", summary "test_mse", summary "jumps", summary "iterations",
               ("%.0f %%"):format(100 * statistics.mean(results:values(CASE, "ended_early"))),
               #rows } },
  }
end

local function draw(results, report)
  local function panel(name, title, range)
    local series = {}
    for k, curve in ipairs(results:values(CASE, name)) do
      local x = {}
      for i = 1, #curve do x[i] = (i - 1) * EVERY end
      series[k] = { x = x, y = curve, color = "#0072b2", opacity = 0.5, width = 0.8 }
    end
    return { "lines", series, { title = title, xlabel = "iteration", ylabel = "training MSE",
                                log = "y", yrange = range } }
  end
  report:figure {
    name = "figure3", title = "Figure 3: L-BFGS with fixed steps on abalone",
    caption = ("A line a split, %d of them, every %dth iteration. A line of the left panel ends "
      .. "where the loss is no longer finite."):format(results:count(CASE), EVERY),
    draw = function(path)
      return plot.panels(path, { panel("loss", "at the iteration", { 1, 1e30 }),
                                 panel("lowest", "lowest so far") }, { columns = 2 })
    end,
  }
end

return {
  title = "L-BFGS with fixed steps blows up",
  source = "Barbu, Figure 3",
  setup = [[
    L-BFGS as in anmin-table3: 1200 iterations (60 calls of PyTorch's step() with 20 each) of fixed
    step 0.01 and a memory of 100 pairs on abalone's training rows, from the start of PyTorch's
    nn.Linear. In float64 a blow-up goes on where float32 overflows (at 3e38); the training ends
    when the loss or the gradient is no longer finite.
  ]],
  runs = 100, quick_runs = 3,
  measures = { "train_mse", "test_mse", "largest", "jumps", "iterations", "ended_early" },
  curves = { "loss", "lowest" },
  cases = function(context) return anmin_setup.cases(context, { "abalone" }, { "L-BFGS" }) end,
  run = run,
  report = function(results, report)
    if not results:has(CASE) then return end
    tabulate(results, report)
    compare(results, report)
    draw(results, report)
  end,
}
