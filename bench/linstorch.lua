--- Linstorch: Table I of the paper, and times; what was asked for stands beside what is measured.
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

local function scaled(A, B)
  local train = lsqnet.data.split(A, B, { test = 0.33, seed = 42 })
  return (lsqnet.data.standardize(train.x)), (lsqnet.data.standardize(train.y))
end
local function search(x, y, width, options)
  local times = {}
  for seed = 1, runs do
    options.seed = seed
    local net = lsqnet.network { layers = { x.cols, width, 1 }, seed = seed }
    times[seed] = assert(lsqnet.linstorch(net, x, y, options)).seconds * 1e3
  end
  return median(times)
end
local sx, sy = scaled(lsqnet.datasets.sin_plus_one(1001))
print(("one solve of 1-10-1, us over 1000 restarts: 60 asked, %.1f"):format(
  search(sx, sy, 10, { restarts = 1000 })))
print(("sin(x)+1 to 0.27, ms: 5 asked, %.2f"):format(
  search(sx, sy, 10, { restarts = 1000000, target_loss = 0.27, time_limit = 0.2 })))
local C, D = lsqnet.datasets.concrete()
if C then
  local cx, cy = scaled(C, D)
  print(("Concrete to 0.38, ms: 0.3 asked, %.3f"):format(
    search(cx, cy, 10, { restarts = 1000000, target_loss = 0.38 })))
end
