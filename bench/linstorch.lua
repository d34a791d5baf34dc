--- Linstorch: Table I of the paper, and times; what was asked for stands beside what is measured.
-- Then where the search can end at all (the floor of a split), and the table of docs/linstorch.md.
-- OMP_WAIT_POLICY=passive where the cores are shared: threads that spin cost the race 40 times.
-- Usage: lua5.4 bench/linstorch.lua [nets of Table I, default 1000] [timed runs, default 41]

local lsqnet = require "lsqnet"

local nets, runs = tonumber(arg[1] or 1000), tonumber(arg[2] or 41)

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

print(("blas %s, %d threads"):format(lsqnet.info().blas, lsqnet.info().threads))

local X, Y = lsqnet.datasets.sin_plus_one(101)
local line = select(2, lsqnet.linear_regression(X, Y)).loss
local function table_one(order, solves)
  local sum, worse = 0, 0
  for seed = 1, nets do
    local net = lsqnet.network {
      layers = { 1, 11, 11, 1 }, init = "uniform", output_activation = "relu", seed = seed,
    }
    local loss = assert(lsqnet.linstorch(net, X, Y, { order = order, solves = solves })).loss
    sum = sum + loss
    worse = worse + (loss > line * (1 + 1e-12) and 1 or 0)
  end
  return sum / nets, worse
end
print(("linear regression: 0.2031 asked, %.5f"):format(line))
for _, job in ipairs {
  { "backward_first", 0, "5300 +- 250" }, { "backward_first", 1, "0.081 +- 0.005" },
  { "backward_first", 2, "0.174 +- 0.006" }, { "forward_first", 1, "0.489 +- 0.01" },
  { "forward_first", 2, "0.486 +- 0.01" },
} do
  local mean, worse = table_one(job[1], job[2])
  print(("%-15s %d solves: %s asked, %.4f; worse than the line %d"):format(
    job[1], job[2], job[3], mean, worse))
end

-- Train and test part, in units of the training part's columns.
local function scaled(A, B, seed)
  local train, test = lsqnet.data.split(A, B, { test = 0.33, seed = seed or 42 })
  local x, x_scaler = lsqnet.data.standardize(train.x)
  local y, y_scaler = lsqnet.data.standardize(train.y)
  return x, y, x_scaler:apply(test.x), y_scaler:apply(test.y)
end
local function draw(x, seed)
  return lsqnet.network { layers = { x.cols, 10, 1 }, seed = seed }
end
local function search(x, y, options)
  local times = {}
  for seed = 1, runs do
    options.seed = seed
    times[seed] = assert(lsqnet.linstorch(draw(x, seed), x, y, options)).seconds * 1e3
  end
  return median(times)
end
local S, T = lsqnet.datasets.sin_plus_one(1001)
local sx, sy = scaled(S, T)
print(("one solve of 1-10-1, us over 1000 restarts: 60 asked, %.1f"):format(
  search(sx, sy, { restarts = 1000 })))

-- The best single knot is the best that any number of restarts can reach.
local TARGET, SPLITS, RACES = 0.27, 50, 15
local below, gap, races, reached = 0, 0, {}, 0
for seed = 1, SPLITS do
  local x, y = scaled(S, T, seed)
  local floor = assert(lsqnet.knot_search(draw(x, seed), x, y)).loss
  if seed <= 10 then
    local found = assert(lsqnet.linstorch(draw(x, seed), x, y, { restarts = 2000, seed = seed }))
    gap = math.max(gap, found.loss / floor - 1)
    assert(found.loss > floor * (1 - 1e-9), "restarts went below the floor")
  end
  if floor < TARGET then
    below = below + 1
    if #races < RACES then
      local report = assert(lsqnet.linstorch(draw(x, seed), x, y, {
        restarts = 1000000, target_loss = TARGET, time_limit = 2, seed = seed,
      }))
      races[#races + 1] = report.seconds * 1e3
      reached = reached + (report.stopped == "target" and 1 or 0)
    end
  end
end
print(("sin(x)+1, floor of split 42: %.4f; best of 2000 restarts above the floor by at most %.1e"):
  format(assert(lsqnet.knot_search(draw(sx, 1), sx, sy)).loss, gap))
print(("splits 1 to %d with a floor below %.2f: %d"):format(SPLITS, TARGET, below))
local fields = #races
print(("sin(x)+1 to %.2f on the first %d of them, ms: 5 asked, median %.2f; %d reached it"):format(
  TARGET, fields, median(races), reached))

local data = { { "sin", S, T } }
for _, name in ipairs { "auto_mpg", "concrete" } do
  local A, B = lsqnet.datasets[name]()
  if A then
    data[#data + 1] = { name, A, B }
  else
    print(name .. ": " .. B)
  end
end
if data[#data][1] == "concrete" then
  local cx, cy = scaled(data[#data][2], data[#data][3])
  print(("Concrete to 0.38, ms: 0.3 asked, %.3f"):format(
    search(cx, cy, { restarts = 1000000, target_loss = 0.38 })))
end

print("\nhidden layers of width 10, 100 nets, mean / best, ms; then 200 by width")
for _, set in ipairs(data) do
  local x, y = scaled(set[2], set[3])
  local bound = select(2, lsqnet.linear_regression(x, y)).loss * (1 + 1e-9)
  local function solve(layers, seed)
    return assert(lsqnet.linstorch(lsqnet.network { layers = layers, seed = seed }, x, y))
  end
  local layers = { x.cols, 1 }
  for depth = 1, 5 do
    table.insert(layers, 2, 10)
    local sum, best, seconds = 0, math.huge, 0
    for seed = 1, 100 do
      local report = solve(layers, seed)
      sum, best = sum + report.loss, math.min(best, report.loss)
      seconds = seconds + report.seconds
    end
    print(("%-9s depth %d: %.4f / %.4f, %.2f"):format(set[1], depth, sum / 100, best, seconds * 10))
  end
  for _, width in ipairs { 1, 2, 3, 5, 10, 50 } do
    local sum, worse = 0, 0
    for seed = 1, 200 do
      local loss = solve({ x.cols, width, 1 }, seed).loss
      sum, worse = sum + loss, worse + (loss > bound and 1 or 0)
    end
    print(("%-9s width %d: mean %.4f, worse %.1f %%"):format(set[1], width, sum / 200, worse / 2))
  end
end
local trace = assert(lsqnet.linstorch(draw(sx, 1), sx, sy, { trace = true })).trace
print(("trace on sin: %.3f %.1f %.1f %.3f"):format(table.unpack(trace)))

local cosine = X:map(function(x) return math.cos(x) + 1 end)
for _, name in ipairs { "linstorch", "elm", "knot_search", "spread_net" } do
  local options = { restarts = (name == "linstorch" or name == "elm") and 100 or nil }
  print(("cos(x)+1, %s: %.5f"):format(name,
    assert(lsqnet[name](draw(X, 1), X, cosine, options)).loss))
end

local starts = {
  none = function() end,
  linstorch = lsqnet.linstorch,
  elm = lsqnet.elm,
  ["spread_net 0.3"] = function(net, x, y, options)
    return lsqnet.spread_net(net, x, y, { noise = 0.3, seed = options.seed })
  end,
}
local methods = {
  { "linear regression", function(_, x, y) return lsqnet.linear_regression(x, y) end },
  { "linstorch, best of 1000", function(net, x, y, seed)
    assert(lsqnet.linstorch(net, x, y, { restarts = 1000, seed = seed }))
  end },
  { "knot_search", function(net, x, y) assert(lsqnet.knot_search(net, x, y)) end },
  { "spread_net", function(net, x, y) assert(lsqnet.spread_net(net, x, y)) end },
  { "elm, best of 100", function(net, x, y, seed)
    assert(lsqnet.elm(net, x, y, { restarts = 100, seed = seed }))
  end },
}
local finish_options = {
  adam = { epochs = 300, batch_size = 32 },
  lbfgs = { iterations = 500 },
  gauss_newton = { iterations = 50 },
}
for _, finish in ipairs { "adam", "lbfgs", "gauss_newton" } do
  for _, start in ipairs { "none", "linstorch", "elm", "spread_net 0.3" } do
    methods[#methods + 1] = { start .. ", " .. finish, function(net, x, y, seed)
      starts[start](net, x, y, { seed = seed })
      local options = { seed = seed }
      for key, value in pairs(finish_options[finish]) do
        options[key] = value
      end
      assert(lsqnet[finish](net, x, y, options))
    end }
  end
end

print("\nmse train / test, ms; width 10, median of 5 seeds, one third held out, columns scaled")
local head = {}
for i, set in ipairs(data) do
  head[i] = set[1]
end
print("| | " .. table.concat(head, " | ") .. " |\n|---|" .. ("---|"):rep(#data))
for _, method in ipairs(methods) do
  local cells = {}
  for i, set in ipairs(data) do
    local x, y, test_x, test_y = scaled(set[2], set[3])
    local train, test, times = {}, {}, {}
    for seed = 1, 5 do
      local net = draw(x, seed)
      local start = lsqnet.clock()
      net = method[2](net, x, y, seed) or net
      times[seed] = (lsqnet.clock() - start) * 1e3
      train[seed], test[seed] = net:loss(x, y), net:loss(test_x, test_y)
    end
    cells[i] = ("%.4f / %.4f, %.3g"):format(median(train), median(test), median(times))
  end
  print(("| %s | %s |"):format(method[1], table.concat(cells, " | ")))
end
