--- Adam and L-BFGS beside PyTorch and scikit-learn, where python3 has them, in the same session.
-- Usage: lua5.4 bench/gradient.lua [runs, default 5]
-- One hidden layer of 64 ReLU, squared error, float64; X standardised, Y centred, 80 % of the
-- rows. Medians over the runs, run k having seed k for the split, the net and the order. The
-- contestants take turns, each run starting with another. Times are of the training alone. The
-- peers have one thread and OpenBLAS where it is installed, whatever is behind lsqnet.

local lsqnet = require "lsqnet"

local runs = tonumber(arg[1] or 5)
local python = os.getenv "PYTHON" or "/usr/bin/python3"
local script = arg[0]:match "^(.*)[/\\]" .. "/peers/gradient.py"

-- unit: seconds are divided by it; limit: of the issue, in that unit
local jobs = {
  { name = "Adam, abalone, 300 epochs, s", data = "abalone", solver = "adam", iterations = 300,
    rate = 0.01, unit = 1, limit = 0.30, peers = { torch = true, sklearn = true } },
  { name = "Adam, bike sharing, ms an epoch", data = "bike_sharing", solver = "adam",
    iterations = 20, rate = 0.01, unit = 20e-3, limit = 6,
    peers = { torch = true, sklearn = true } },
  { name = "L-BFGS, bike sharing, 500 its, s", data = "bike_sharing", solver = "lbfgs",
    iterations = 500, rate = 1, unit = 1, limit = 3.0, peers = { sklearn = true } },
  { name = "L-BFGS, abalone, 500 its, s", data = "abalone", solver = "lbfgs", iterations = 500,
    rate = 1, unit = 1, limit = 0.50, peers = { sklearn = true } },
}
local HIDDEN, BATCH = 64, 256
local versions = {} -- of the peers

local function median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local n = #sorted
  return n % 2 == 1 and sorted[n // 2 + 1] or (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end

local function first_line(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read "l"
  return pipe:close() and line or nil
end

local function has(module)
  return first_line(("%s -c 'import %s; print(1)' 2>/dev/null"):format(python, module)) == "1"
end

local with_openblas = (first_line ".ci/blas openblas 2>/dev/null" or ""):gsub("^.+$", function(path)
  return "LD_LIBRARY_PATH=" .. path
end)

local function fit(job, train, seed, threads)
  lsqnet.set_threads(threads)
  local net = lsqnet.network { layers = { train.x.cols, HIDDEN, 1 }, seed = seed }
  local report
  if job.solver == "adam" then
    report = lsqnet.adam(net, train.x, train.y,
      { epochs = job.iterations, batch_size = BATCH, learning_rate = job.rate, seed = seed })
  else -- neither a tolerance nor the number of evaluations ends it
    report = lsqnet.lbfgs(net, train.x, train.y, { iterations = job.iterations,
      max_evaluations = 15000, gradient_tolerance = 0, loss_tolerance = 0 })
  end
  return report.seconds, report.loss, report.iterations
end

local function fit_peer(job, peer, files, seed)
  local line = first_line(("OMP_NUM_THREADS=1 %s %s %s %s %s %s %s %d %d %d %g %d"):format(
    with_openblas, python, script, peer, job.solver, files.x, files.y, HIDDEN, job.iterations,
    BATCH, job.rate, seed))
  local seconds, loss, iterations, version = line:match "^(%S+) (%S+) (%S+) (%S+)"
  versions[peer] = version
  return tonumber(seconds), tonumber(loss), tonumber(iterations)
end

local function contestants(job, peers)
  local list = { "1 thread", "2 threads" }
  for _, peer in ipairs { "torch", "sklearn" } do
    if peers[peer] and job.peers[peer] then list[#list + 1] = peer end
  end
  return list
end

local function measure(job, peers, files)
  local X, Y = lsqnet.datasets[job.data]()
  if not X then return nil, Y end
  X, Y = lsqnet.data.standardize(X), lsqnet.data.center(Y)
  local order, results = contestants(job, peers), {}
  for _, who in ipairs(order) do results[who] = { seconds = {}, losses = {}, iterations = {} } end
  for run = 1, runs do
    local train = lsqnet.data.split(X, Y, { test = 0.2, seed = run })
    assert(train.x:write_npy(files.x))
    assert(train.y:write_npy(files.y))
    for turn = 1, #order do
      local who = order[(run + turn - 2) % #order + 1]
      local threads = who:match "^%d"
      local seconds, loss, iterations
      if threads then
        seconds, loss, iterations = fit(job, train, run, tonumber(threads))
      else
        seconds, loss, iterations = fit_peer(job, who, files, run)
      end
      local result = results[who]
      result.seconds[run], result.losses[run] = seconds / job.unit, loss
      result.iterations[run] = iterations
    end
  end
  return results
end

local peers = {}
for _, peer in ipairs { "torch", "sklearn" } do
  peers[peer] = has(peer)
  if not peers[peer] then print(("%s skipped: %s has none"):format(peer, python)) end
end
local name = os.tmpname()
local files = { x = name .. "-x.npy", y = name .. "-y.npy" }

local info = lsqnet.info()
print(("blas %s, %s"):format(info.blas, info.simd))
print(("load %s"):format(first_line "cat /proc/loadavg 2>/dev/null" or "unknown"))
print(("\n%-33s %9s %9s %9s %9s %7s %9s %7s"):format("medians of " .. runs, "1 thread", "2 threads",
  "at most", "torch", "ratio", "sklearn", "ratio"))
local measured = {}
for k, job in ipairs(jobs) do
  local results, missing = measure(job, peers, files)
  measured[k] = results
  if results then
    local ours = median(results["1 thread"].seconds)
    local function peer_text(peer)
      if not results[peer] then return ("%9s %7s"):format("-", "-") end
      local theirs = median(results[peer].seconds)
      return ("%9.3f %7.1f"):format(theirs, theirs / ours)
    end
    print(("%-33s %9.3f %9.3f %9.2f %s %s"):format(job.name, ours,
      median(results["2 threads"].seconds), job.limit, peer_text "torch", peer_text "sklearn"))
  else
    print(("%-33s skipped: %s"):format(job.name, missing))
  end
end

print(("\n%-33s %9s %9s %9s   %s"):format("training MSE, medians", "lsqnet", "torch", "sklearn",
  "iterations of lsqnet, sklearn"))
for k, job in ipairs(jobs) do
  if measured[k] then
    local function text(who, what)
      local result = measured[k][who]
      return result and ("%.6g"):format(median(result[what])) or "-"
    end
    print(("%-33s %9s %9s %9s   %s, %s"):format(job.name:match "^(.*),", text("1 thread", "losses"),
      text("torch", "losses"), text("sklearn", "losses"), text("1 thread", "iterations"),
      text("sklearn", "iterations")))
  end
end
for peer, version in pairs(versions) do print(("%s %s"):format(peer, version)) end
for _, path in pairs { name, files.x, files.y } do os.remove(path) end
