--- Levenberg-Marquardt: what it reaches beside what was asked, and its peers.
-- Small nets on generated functions (geometric means over seeds), scipy's MINPACK on the same
-- starts where python3-scipy is installed, abalone and concrete over 5 splits, the exponential of a
-- 2 x 2 matrix and bike sharing against Adam and L-BFGS at equal time. One thread, to be pinned:
-- taskset -c 0 lua5.4 bench/gauss_newton.lua [seeds, default 60] [part, default all]
-- Parts: small, noisy, deep, tables, exponential, bike. [first seed, default 1] comes third.

local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix
local seeds, part, first = tonumber(arg[1] or 60), arg[2] or "all", tonumber(arg[3] or 1)
lsqnet.set_threads(1)

local function wanted(name)
  return part == "all" or part == name
end

local function standardized(A)
  return (lsqnet.data.standardize(A))
end

--- N x d, uniform in [-r, r], and f of each row.
local function sample(n, d, range, seed, f)
  local rng = lsqnet.rng(seed)
  local X = matrix.rand(n, d, rng):map(function(u)
    return range * (2 * u - 1)
  end)
  local values = {}
  for i = 1, n do
    local row = {}
    for j = 1, d do row[j] = X:get(i, j) end
    values[i] = { f(row, rng) }
  end
  return X, matrix(values)
end

local TASKS = {
  [2] = { 200, function(x)
    return math.sin(3 * x[1]) * math.cos(2 * x[2]) + x[1] * x[2] / 2
  end },
  [3] = { 400, function(x)
    return math.sin(math.pi * (x[1] ^ 2 + x[2] ^ 2 + x[3] ^ 2))
  end },
  [4] = { 500, function(x)
    local square = 0
    for j = 1, 4 do square = square + (x[j] - 0.3) ^ 2 end
    return math.exp(-2 * square) + math.sin(2 * x[1] * x[2]) + x[3] * x[4]
  end },
}

local function task(d, seed)
  local X, Y = sample(TASKS[d][1], d, 1, 1000 + seed, TASKS[d][2])
  return standardized(X), standardized(Y)
end

local function summary(losses)
  local logarithms, sum = 0, 0
  table.sort(losses)
  for _, loss in ipairs(losses) do
    logarithms = logarithms + math.log(math.max(loss, 1e-300))
    sum = sum + loss
  end
  local n = #losses
  local median = (losses[(n + 1) // 2] + losses[n // 2 + 1]) / 2
  return { geometric = math.exp(logarithms / n), mean = sum / n, median = median }
end

--- One run a seed. Returns the summary, the stops, and seconds a run.
local function over_seeds(layers, activation, data_of, options)
  local losses, stops, seconds = {}, {}, 0
  for k = 1, seeds do
    local seed = first + k - 1
    local X, Y = data_of(seed)
    local net = lsqnet.network { layers = layers, activation = activation, seed = seed }
    local started = os.clock()
    local report = assert(lsqnet.gauss_newton(net, X, Y, options))
    losses[k] = report.loss
    seconds = seconds + os.clock() - started
    stops[report.stopped] = (stops[report.stopped] or 0) + 1
  end
  local words = {}
  for stop, count in pairs(stops) do words[#words + 1] = count .. " " .. stop end
  table.sort(words)
  return summary(losses), table.concat(words, ", "), seconds / seeds
end

--- The same starts by scipy; nil where there is none.
local function by_scipy(method, layers, activation, data_of)
  local folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  for k = 1, seeds do
    local X, Y = data_of(first + k - 1)
    local net = lsqnet.network { layers = layers, activation = activation, seed = first + k - 1 }
    assert(X:write_npy(("%s/X_%d.npy"):format(folder, k)))
    assert(Y:write_npy(("%s/Y_%d.npy"):format(folder, k)))
    assert(net:parameters():write_npy(("%s/P_%d.npy"):format(folder, k)))
  end
  local python = os.getenv "PYTHON" or "/usr/bin/python3"
  local pipe = io.popen(("%s bench/peers/gauss_newton.py %s %s %s %s %d 2>/dev/null"):format(
    python, method, activation, table.concat(layers, ","), folder, seeds))
  local losses, seconds = {}, 0
  for line in pipe:lines() do
    local loss, time = line:match "^(%S+) (%S+)$"
    losses[#losses + 1] = tonumber(loss)
    seconds = seconds + tonumber(time)
  end
  pipe:close()
  os.execute("rm -r " .. folder)
  if #losses < seeds then return nil end
  return summary(losses), seconds / seeds
end

local function row(name, asked, result, stops, seconds)
  print(("%-26s asked %-8s geometric %.2e, median %.2e, mean %.2e; %.1f ms; %s"):format(name, asked,
    result.geometric, result.median, result.mean, seconds * 1e3, stops))
end

local function peers(layers, activation, data_of)
  for _, method in ipairs { "lm", "lbfgs" } do
    local result, seconds = by_scipy(method, layers, activation, data_of)
    if result == nil then
      print("  (python3 with scipy is not installed: no peers)")
      return
    end
    row("  scipy " .. method, "", result, "", seconds)
  end
end

local function small()
  local asked = { tanh = "1e-4", sigmoid = "3e-5", relu = ".03", elu = ".005" }
  local function data_of(seed)
    return task(2, seed)
  end
  for _, activation in ipairs { "tanh", "sigmoid", "relu", "elu" } do
    row("2-6-1 " .. activation, asked[activation],
      over_seeds({ 2, 6, 1 }, activation, data_of, { iterations = 300 }))
    peers({ 2, 6, 1 }, activation, data_of)
  end
end

local function noisy()
  local function data_of(seed)
    return sample(120, 2, 2, 1000 + seed, function(x, rng)
      return math.sin(1.5 * x[1]) * math.cos(x[2]) + 0.05 * rng:normal()
    end)
  end
  row("noise, 2-6-1 tanh", ".0023, .0026 (median, mean)",
    over_seeds({ 2, 6, 1 }, "tanh", data_of, { iterations = 300 }))
  peers({ 2, 6, 1 }, "tanh", data_of)
end

local function deep()
  local function three(seed)
    return task(3, seed)
  end
  for _, activation in ipairs { "tanh", "relu" } do
    row("3-10-1 " .. activation, activation == "tanh" and ".212" or ".358",
      over_seeds({ 3, 10, 1 }, activation, three, { iterations = 300 }))
  end
  local function four(seed)
    return task(4, seed)
  end
  row("4-8-8-1 tanh, joint", "1.5e-4",
    over_seeds({ 4, 8, 8, 1 }, "tanh", four, { iterations = 1200 }))
end

local function read(name, drop)
  local folder = os.getenv "LSQNET_DATA" or "data"
  local M = matrix.read_csv(folder .. "/" .. name .. ".csv", { header = name == "concrete" })
  if M == nil then return nil end
  local columns = {}
  for j = 1, M.cols - 1 do
    if j ~= drop then columns[#columns + 1] = j end
  end
  return M:columns(columns), M:columns { M.cols }
end

local function splits(name, drop, seed)
  local X, Y = read(name, drop)
  if X == nil then return nil end
  local train = lsqnet.data.split(X, Y, { test = 0.2, seed = seed })
  return standardized(train.x), train.y
end

local function tables()
  for _, case in ipairs {
    { "abalone", 30, "3.35" }, { "concrete", 45, "4.3" },
  } do
    local sum, seconds = 0, 0
    for seed = 1, 5 do
      local X, Y = splits(case[1], nil, seed)
      if X == nil then
        print(case[1] .. ".csv is missing")
        return
      end
      local net = lsqnet.network { layers = { X.cols, 64, 1 }, seed = seed }
      local started = os.clock()
      local report = assert(lsqnet.gauss_newton(net, X, Y, {
        iterations = case[2], lambda = 1e-3 / X.rows,
      }))
      sum, seconds = sum + report.loss, seconds + os.clock() - started
    end
    print(("%-26s asked %-8s mean of 5 splits %.3f, %.2f s a run"):format(
      ("%s, %d iterations"):format(case[1], case[2]), case[3], sum / 5, seconds / 5))
  end
end

--- exp(A) of a 2 x 2 matrix A, row by row: the closed form by its trace and discriminant.
local function exponential(x)
  local half, q = (x[1] + x[4]) / 2, (x[1] - x[4]) / 2
  local square = q * q + x[2] * x[3]
  local root = math.sqrt(math.abs(square))
  local c, s = 1, 1
  if square > 0 then
    c, s = (math.exp(root) + math.exp(-root)) / 2, (math.exp(root) - math.exp(-root)) / (2 * root)
  elseif square < 0 then
    c, s = math.cos(root), math.sin(root) / root
  end
  local scale = math.exp(half)
  return scale * (c + s * q), scale * s * x[2], scale * s * x[3], scale * (c - s * q)
end

local function exponential_data()
  local X = matrix.randn(10000, 4, lsqnet.rng(5))
  local values = {}
  for i = 1, X.rows do
    values[i] = { exponential { X:get(i, 1), X:get(i, 2), X:get(i, 3), X:get(i, 4) } }
  end
  return X, matrix(values)
end

--- The least loss by each time, and the time by which the loss is `below`.
-- Times are processor seconds of this process: the machine may have other work.
local function race(name, train, times, below)
  local start, last = os.clock(), times[#times]
  local best, reached, history = math.huge, nil, {}
  train(function(entry)
    local now = os.clock() - start
    best = math.min(best, entry.loss)
    history[#history + 1] = { now, best }
    if reached == nil and below ~= nil and best <= below then reached = now end
    return now <= last
  end)
  local words = {}
  for k, time in ipairs(times) do
    local value = math.huge
    for _, point in ipairs(history) do
      if point[1] <= time then value = point[2] end
    end
    words[k] = ("%10.4g"):format(value)
  end
  print(("%-36s %s%s"):format(name, table.concat(words), reached and
    ("   %g in %.2f s"):format(below, reached) or ""))
end

local function learn_exponential()
  local X, Y = exponential_data()
  local times = { 0.25, 0.5, 1, 2, 3, 4 }
  print("exp of a 2 x 2 matrix, 4-32-16-4 tanh, 10000 rows; asked from 1 s on a fifth of Adam's, "
    .. "1e-3 within 3 s")
  print(("%-36s %s"):format("seconds",
    "      0.25       0.5         1         2         3         4"))
  for seed = first, first + 4 do
    local function net()
      return lsqnet.network { layers = { 4, 32, 16, 4 }, activation = "tanh", seed = seed }
    end
    race("gauss_newton, seed " .. seed, function(tell)
      lsqnet.gauss_newton(net(), X, Y, { iterations = 1e6, on_iteration = tell })
    end, times, 1e-3)
    race("  gram_rows = 0", function(tell)
      lsqnet.gauss_newton(net(), X, Y, {
        iterations = 1e6, gram_rows = 0, on_iteration = tell,
      })
    end, times)
    race("  adam, its defaults", function(tell)
      lsqnet.adam(net(), X, Y, { epochs = 1e6, on_iteration = tell })
    end, times)
    race("  adam, 128 rows, 0.01", function(tell)
      lsqnet.adam(net(), X, Y, {
        epochs = 1e6, batch_size = 128, learning_rate = 0.01,
        on_iteration = tell,
      })
    end, times)
    race("  lbfgs", function(tell)
      lsqnet.lbfgs(net(), X, Y, { iterations = 1e6, on_iteration = tell })
    end, times)
  end
end

local function bike()
  local times = { 0.6, 1.25, 2.5, 5 }
  print "bike sharing, 13-64-1 relu: train MSE by seconds"
  print(("%-36s %s"):format("seconds", "       0.6      1.25       2.5         5"))
  for seed = first, first + 2 do
    local X, Y = splits("bike_sharing_hour", 14, seed)
    if X == nil then
      print "bike_sharing_hour.csv is missing"
      return
    end
    local lambda = 1e-3 / X.rows
    local function net(init)
      return lsqnet.network { layers = { X.cols, 64, 1 }, init = init, seed = seed }
    end
    for _, warm in ipairs { "adam", "none" } do
      race(("gauss_newton, warm_start %s, seed %d"):format(warm, seed), function(tell)
        lsqnet.gauss_newton(net "normal", X, Y, {
          iterations = 1e6, warm_start = warm, lambda = lambda,
          on_iteration = tell,
        })
      end, times)
    end
    for _, rate in ipairs { 0.01, 0.03 } do
      race(("  adam, 128 rows, %g"):format(rate), function(tell)
        lsqnet.adam(net "normal", X, Y, {
          epochs = 1e6, batch_size = 128, learning_rate = rate,
          on_iteration = tell,
        })
      end, times)
    end
    race("  lbfgs", function(tell)
      lsqnet.lbfgs(net "normal", X, Y, { iterations = 1e6, on_iteration = tell })
    end, times)
    race("  anmin", function(tell)
      lsqnet.anmin(net "normal", X, Y, { iterations = 1e6, on_iteration = tell })
    end, times)
  end
end

print(("blas %s, %d seeds from %d"):format(lsqnet.info().blas, seeds, first))
local parts = {
  { "small", small }, { "noisy", noisy }, { "deep", deep }, { "tables", tables },
  { "exponential", learn_exponential }, { "bike", bike },
}
for _, p in ipairs(parts) do
  if wanted(p[1]) then p[2]() end
end
