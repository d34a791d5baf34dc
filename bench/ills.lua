-- ILLS against its numpy reference and Adam, on the reference's data (docs/ills.md):
--
--     make bench BENCH=bench/ills.lua [BLAS=openblas]
--
-- Seeds 1 to 100 (Mackey-Glass: 1 to 20), none left out. ILLS_RUNS=20 runs fewer; ILLS_PART names
-- one part (table, time, stability, adam, ablation, classes), ILLS_ROW one row of the table.

local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix
local RUNS = tonumber(os.getenv "ILLS_RUNS") or 100
local PART, ROW = os.getenv "ILLS_PART", os.getenv "ILLS_ROW"
local UNIFORM = { "uniform", -1, 1 }

local function sorted(values)
  local list = table.move(values, 1, #values, 1, {})
  table.sort(list)
  return list
end

local function quantile(values, share)
  local list = sorted(values)
  return list[math.max(1, math.ceil(share * #list))]
end

local function mean(values)
  local sum = 0
  for _, value in ipairs(values) do sum = sum + value end
  return sum / #values
end

local function net_of(layers, activations, init, seed)
  return lsqnet.network {
    layers = layers, activation = "tanh", output_activation = activations or "tanh",
    init = init or UNIFORM, seed = seed,
  }
end

-- Teacher and student drawn alike, from streams of their own.
local function teacher_problem(layers, rows, noise)
  return function(seed)
    local rng = lsqnet.rng(seed)
    local X = matrix.rand(rows, layers[1], rng) * 2 - matrix(rows, layers[1], 1)
    local teacher = net_of(layers, nil, nil, 1000 + seed)
    local Y = teacher:predict(X)
    if noise then Y = Y + matrix.randn(rows, Y.cols, rng) * noise end
    return X, Y, net_of(layers, nil, nil, 2000 + seed), teacher
  end
end

local function mackey_glass()
  local x = { 1.2 }
  for t = 1, 2999 do
    local late = x[t - 17] or 0
    x[t + 1] = x[t] + 0.2 * late / (1 + late ^ 10) - 0.1 * x[t]
  end
  local series = table.move(x, 501, 3000, 1, {})
  local low, high = math.min(table.unpack(series)), math.max(table.unpack(series))
  local X, Y = matrix(1000, 6), matrix(1000, 1)
  local function value(t) return -0.8 + 1.6 * (series[t + 1] - low) / (high - low) end
  for row = 1, 1000 do
    local t = 35 + row
    for k = 0, 5 do X:set(row, k + 1, value(t - 6 * k)) end
    Y:set(row, 1, value(t + 6))
  end
  return X, Y
end

-- Weights N(0, 1/inputs), biases N(0, 0.1^2).
local function scaled_start(layers, seed)
  local net, rng = net_of(layers, nil, "zeros"), lsqnet.rng(seed)
  for l = 1, #layers - 1 do
    net:set_weight(l, matrix.randn(layers[l], layers[l + 1], rng) * (1 / math.sqrt(layers[l])))
    net:set_bias(l, matrix.randn(1, layers[l + 1], rng) * 0.1)
  end
  return net
end

local function mackey_glass_problem()
  local X, Y = mackey_glass()
  return function(seed) return X, Y, scaled_start({ 6, 8, 1 }, seed) end
end

-- Whether the net is the teacher up to the order and the signs of its hidden units.
local function recovered(net, teacher)
  local w, t = net:weight(1):vcat(net:bias(1)), teacher:weight(1):vcat(teacher:bias(1))
  local v, u = net:weight(2), teacher:weight(2)
  local width, used = w.cols, {}
  local worst = math.abs(net:bias(2):get(1, 1) - teacher:bias(2):get(1, 1))
  for j = 1, width do
    local best, nearest = math.huge, nil
    for k = 1, width do
      for sign = -1, 1, 2 do
        local far = math.abs(sign * v:get(k, 1) - u:get(j, 1))
        for i = 1, w.rows do far = math.max(far, math.abs(sign * w:get(i, k) - t:get(i, j))) end
        if not used[k] and far < best then best, nearest = far, k end
      end
    end
    if nearest then used[nearest] = true end
    worst = math.max(worst, best)
  end
  return worst < 1e-6
end

local function run(problem, options, runs)
  local losses, seconds, iterations, found, last = {}, {}, {}, 0, {}
  for seed = 1, runs do
    local X, Y, net, teacher = problem(seed)
    local report = assert(lsqnet.ills(net, X, Y, options))
    losses[seed], seconds[seed], iterations[seed] = report.loss, report.seconds, report.iterations
    last[seed] = report.history[#report.history].loss
    if teacher and #teacher:parameters() == 9 and recovered(net, teacher) then found = found + 1 end
  end
  return losses, seconds, iterations, found, last
end

local PROBLEMS = {
  { name = "2-2-1", layers = { 2, 2, 1 }, make = teacher_problem({ 2, 2, 1 }, 200), iterations = 300,
    runs = RUNS, asked = "median 1e-25, 70 found, 2 ms" },
  { name = "2-2-2-1", layers = { 2, 2, 2, 1 }, make = teacher_problem({ 2, 2, 2, 1 }, 200),
    iterations = 300, runs = RUNS, asked = "median 1e-6, 90 % below 1e-5" },
  { name = "4-8-8-1", layers = { 4, 8, 8, 1 }, make = teacher_problem({ 4, 8, 8, 1 }, 500),
    iterations = 300, runs = RUNS, asked = "mean 6e-5" },
  { name = "Mackey-Glass", layers = { 6, 8, 1 }, make = mackey_glass_problem(), iterations = 100,
    runs = math.min(RUNS, 20), asked = "mean 3.5e-5" },
}

local function each_problem(visit)
  for _, problem in ipairs(PROBLEMS) do
    if not ROW or ROW == problem.name then visit(problem) end
  end
end

local parts = {}

function parts.table()
  local row = "%-13s %-8s %9s %9s %9s %9s %9s %9s  %s"
  print(row:format("robust", "devi.", "median", "mean", "90 %", "found", "ms", "iter.", "asked"))
  each_problem(function(problem)
    for _, deviation in ipairs(#problem.layers > 3 and { "chain", "full" } or { "chain" }) do
      local losses, seconds, iterations, found = run(problem.make, {
        iterations = problem.iterations, deviation = deviation,
      }, problem.runs)
      print(row:format(problem.name, deviation, ("%.2g"):format(quantile(losses, 0.5)),
                       ("%.2g"):format(mean(losses)), ("%.2g"):format(quantile(losses, 0.9)),
                       problem.name == "2-2-1" and ("%d/%d"):format(found, problem.runs) or "",
                       ("%.2f"):format(1e3 * quantile(seconds, 0.5)),
                       quantile(iterations, 0.5), problem.asked))
    end
  end)
end

for _, name in ipairs { "table", "time", "stability", "adam", "ablation", "classes" } do
  if parts[name] and (not PART or PART == name) then
    print(("\n-- %s"):format(name))
    parts[name]()
  end
end
