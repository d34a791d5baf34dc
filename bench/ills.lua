-- ILLS against its numpy reference and Adam, on the reference's data (docs/ills.md):
--
--     make bench BENCH=bench/ills.lua [BLAS=openblas]
--
-- Seeds 1 to 100 (Mackey-Glass: 1 to 20), none left out. ILLS_RUNS=20 runs fewer; ILLS_PART names
-- one part (table, time, stability, adam, ablation, classes), ILLS_ROW one row of the table.

local lsqnet = require "lsqnet"
local problems = require "lsqnet.papers.ills.problems"

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

local function mackey_glass_problem()
  local data = problems.mackey_glass()
  return function(seed) return data.x, data.y, problems.mackey_glass_net(seed) end
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
  { name = "2-2-1", layers = { 2, 2, 1 }, make = teacher_problem({ 2, 2, 1 }, 200),
    iterations = 300,
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

local function first_line(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read "l"
  return pipe:close() and line or nil
end

-- The same training in numpy, where python3 has it: one thread, and OpenBLAS where it is
-- installed, whatever is behind lsqnet.
local function time_numpy(variant, X, Y, net)
  local python = os.getenv "PYTHON" or "/usr/bin/python3"
  if not first_line(python .. " -c 'import numpy; print(1)' 2>/dev/null") then
    return nil, python .. " has no numpy"
  end
  local name = os.tmpname()
  local files = { name .. "-x.npy", name .. "-y.npy", name .. "-parameters.npy" }
  for k, m in ipairs { X, Y, net:parameters() } do assert(m:write_npy(files[k])) end
  local path = first_line ".ci/blas openblas 2>/dev/null"
  local here = arg[0]:match "^(.*)[/\\]" or "."
  local line = first_line(("OMP_NUM_THREADS=1 %s %s %s/peers/ills.py %s %s %s 100 30"):format(
    path and "LD_LIBRARY_PATH=" .. path or "", python, here, here .. "/../spec/oracles/ills.json",
    table.concat(files, " "), variant))
  for _, file in ipairs { name, table.unpack(files) } do os.remove(file) end
  if not line then return nil, "bench/peers/ills.py failed" end
  local iteration, try, loss, version = line:match "^(%S+) (%S+) (%S+) (%S+)"
  return { iteration = tonumber(iteration), try = tonumber(try), loss = tonumber(loss),
           version = version }
end

-- The fastest of several runs, since other programs run too.
local function time_ours(variant, X, Y, start)
  local fastest = { iteration = math.huge, try = math.huge }
  for _ = 1, 200 do
    local net = start:clone()
    local report = assert(lsqnet.ills(net, X, Y, { variant = variant, iterations = 100 }))
    local tries = 0
    for _, entry in ipairs(report.history) do tries = tries + entry.tries end
    fastest.iteration = math.min(fastest.iteration, 1e6 * report.seconds / report.iterations)
    fastest.try = math.min(fastest.try, 1e6 * report.seconds / tries)
    fastest.loss = report.loss
  end
  return fastest
end

function parts.time()
  local info = lsqnet.info()
  print(("2-2-1, N = 200, us; asked: a tenth of numpy's time; blas %s, %s, load %s"):format(
    info.blas, info.simd, first_line "cat /proc/loadavg 2>/dev/null" or "unknown"))
  local X, Y, start = PROBLEMS[1].make(1)
  Y = Y + matrix.randn(200, 1, lsqnet.rng(3)) * 0.05 -- so that it does not end at once
  local row = "%-8s %12s %9s %9s %14s"
  print(row:format("", "an iteration", "a try", "ratio", "loss"))
  for _, variant in ipairs { "paper", "robust" } do
    local numpy, missing = time_numpy(variant, X, Y, start)
    local ours = time_ours(variant, X, Y, start)
    local function tell(name, t)
      print(row:format(name, ("%.1f"):format(t.iteration), ("%.1f"):format(t.try),
        numpy and ("%.1f"):format(numpy.iteration / t.iteration) or "-", ("%.10g"):format(t.loss)))
    end
    tell(variant, ours)
    if numpy then tell("  numpy", numpy) else print("  numpy skipped: " .. missing) end
  end
end

function parts.stability()
  print("variant = 'paper', 2-2-1: runs whose last mse exceeds ten times their best; asked: none")
  for _, step_size in ipairs { 0.01, 0.1, 0.3, 0.5, 1 } do
    local best, _, _, _, last = run(PROBLEMS[1].make, {
      variant = "paper", step_size = step_size, iterations = 300, keep = "best",
    }, RUNS)
    local late, worst = 0, 0
    for k = 1, RUNS do
      if last[k] > 10 * best[k] or last[k] ~= last[k] then late = late + 1 end
      worst = math.max(worst, last[k] / best[k])
    end
    print(("step_size %4.2f: %d of %d, worst last/best %.3g, mean best %.2g"):format(
      step_size, late, RUNS, worst, mean(best)))
  end
end

-- Adam over the full batch, 2000 iterations, the learning rate with the best mean.
function parts.adam()
  local row = "%-13s %6s %9s %9s %9s %9s"
  print(row:format("Adam", "rate", "median", "mean", "90 %", "ms"))
  each_problem(function(problem)
    local best
    for _, rate in ipairs { 0.001, 0.003, 0.01, 0.03, 0.1, 0.3 } do
      local losses, seconds = {}, {}
      for seed = 1, problem.runs do
        local X, Y, net = problem.make(seed)
        local lowest = math.huge
        local report = lsqnet.adam(net, X, Y, {
          epochs = 2000, batch_size = X.rows, learning_rate = rate,
        })
        for _, entry in ipairs(report.history) do lowest = math.min(lowest, entry.loss) end
        losses[seed], seconds[seed] = lowest, report.seconds
      end
      if not best or mean(losses) < mean(best.losses) then
        best = { losses = losses, seconds = seconds, rate = rate }
      end
    end
    print(row:format(problem.name, best.rate, ("%.2g"):format(quantile(best.losses, 0.5)),
                     ("%.2g"):format(mean(best.losses)),
                     ("%.2g"):format(quantile(best.losses, 0.9)),
                     ("%.1f"):format(1e3 * quantile(best.seconds, 0.5))))
  end)
end

-- Noisy targets at the ends of tanh's range, where safeguards matter that clean data do without.
local function saturated_problem(seed)
  local rng = lsqnet.rng(seed)
  local X = matrix.rand(200, 2, rng) * 2 - matrix(200, 2, 1)
  local teacher = net_of({ 2, 4, 1 }, nil, { "uniform", -3, 3 }, 1000 + seed)
  local Y = teacher:predict(X) + matrix.randn(200, 1, rng) * 0.02
  Y = Y:map(function(y) return math.max(-1, math.min(1, y)) end)
  return X, Y, net_of({ 2, 4, 1 }, nil, UNIFORM, 2000 + seed)
end

function parts.ablation()
  local kinds = {
    { "robust", {} },
    { "without joint", { joint = false } },
    { "without guard", { guard = false } },
    { "guard by halving", { guard = "halving" } },
    { "without anchor", { anchor = false } },
    { "without cap", { target_cap = math.huge } },
    { "without weights", { output_weighting = "none" } },
    { "local deviations", { deviation = "local" } },
    { "full deviations", { deviation = "full" } },
    { "no refit", { refit = false } },
    { "paper", { variant = "paper" } },
  }
  local chosen = { PROBLEMS[1], PROBLEMS[2], PROBLEMS[4],
                   { name = "saturated", make = saturated_problem, runs = RUNS } }
  local runs = math.min(RUNS, 20)
  print(("median / mean mse of seeds 1 to %d, 100 iterations"):format(runs))
  local row = "%-18s %18s %18s %18s %18s"
  print(row:format("", "2-2-1", "2-2-2-1", "Mackey-Glass", "saturated 2-4-1"))
  for _, kind in ipairs(kinds) do
    local cells = {}
    for k, problem in ipairs(chosen) do
      local options = { iterations = 100 }
      for name, value in pairs(kind[2]) do options[name] = value end
      local losses = run(problem.make, options, runs)
      cells[k] = ("%.1e / %.1e"):format(quantile(losses, 0.5), mean(losses))
    end
    print(row:format(kind[1], table.unpack(cells)))
  end
end

-- Two spirals are beyond a small net; three classes split by two lines are not.
function parts.classes()
  local function sample(seed)
    local rng = lsqnet.rng(seed)
    local X, Y = matrix.randn(400, 2, rng), matrix(400, 3)
    for i = 1, 400 do
      local noise = 0.2 * rng:normal()
      local class = X:get(i, 1) + noise > 0.3 and 1 or X:get(i, 2) + noise > 0 and 2 or 3
      Y:set(i, class, 1)
    end
    return X, Y
  end
  local X, Y = sample(1)
  local V, W = sample(2)
  local function net_for(output, loss)
    return lsqnet.network { layers = { 2, 6, 3 }, activation = "tanh", output_activation = output,
                            loss = loss, init = UNIFORM }
  end
  local function tell(name, net, seconds)
    local text = "%-22s accuracy %.3f train, %.3f test; cross-entropy %.3f, %.3f; %.0f ms"
    print(text:format(name, net:score(X, Y), net:score(V, W), net:loss(X, Y), net:loss(V, W),
              1e3 * seconds))
  end
  local net = net_for("tanh")
  local targets = lsqnet.classification.targets(Y)
  local report = assert(lsqnet.ills(net, X, targets, { iterations = 50 }))
  tell("ills, 50 iterations", lsqnet.classification.classifier(net), report.seconds)
  net = net_for("identity", "cross_entropy")
  report = lsqnet.adam(net, X, Y, { epochs = 300, batch_size = 400, learning_rate = 0.03 })
  tell("adam on cross-entropy", net, report.seconds)
end

for _, name in ipairs { "table", "time", "stability", "adam", "ablation", "classes" } do
  if parts[name] and (not PART or PART == name) then
    print(("\n-- %s"):format(name))
    parts[name]()
  end
end
