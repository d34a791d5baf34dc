--- ANMIN beyond the paper's limits: conjugate gradients, streams, wide data, restarts.
-- Usage: lua5.4 bench/large.lua [job ...]; without a job, all of them, each in a process of its
-- own so that the memory is its own. Fits take 30 iterations from N(0, 1), lambda = 1e-3/N.

local lsqnet = require "lsqnet"

local ROWS = 412276 -- the training part of YearPredictionMSD

local function memory(field)
  for line in io.lines "/proc/self/status" do
    local kb = line:match("^" .. field .. ":%s+(%d+)")
    if kb then return tonumber(kb) / 1024 end
  end
  return 0
end

local function fit(X, Y, layers, options)
  local net = lsqnet.network { layers = layers, init = "normal", seed = options.seed or 1 }
  local anonymous = 0
  options.lambda = 1e-3 / X.rows
  options.on_iteration = function()
    anonymous = math.max(anonymous, memory "RssAnon")
  end
  options.seed = nil
  local report = assert(lsqnet.anmin(net, X, Y, options))
  local inner = 0
  for _, entry in ipairs(report.history) do inner = inner + (entry.inner_iterations or 0) end
  return report, inner, anonymous
end

local function show(name, limit, report, inner, anonymous)
  print(("%-22s %8.2f s (at most %s)  mse %.6g  inner %d  peak %.0f MB, anonymous %.0f MB")
    :format(name, report.seconds, limit, report.loss, inner, memory "VmHWM", anonymous))
end

-- The year data as files, written by another process, so that this one never held them.
local function year_stream()
  local x, y = os.tmpname(), os.tmpname()
  assert(os.execute(("%s %s write %s %s"):format(arg[-1], arg[0], x, y)))
  local stream = assert(lsqnet.stream(x, y))
  os.remove(x)
  os.remove(y)
  return stream
end

local jobs = {}

function jobs.autoencoder()
  local X, Y = lsqnet.datasets.bsds_patches()
  if not X then return print("autoencoder skipped: " .. Y) end
  for _, preconditioner in ipairs { "kronecker", "block" } do
    show("autoencoder " .. preconditioner, "15", fit(X, Y, { X.cols, 32, Y.cols },
      { solver = "cg", preconditioner = preconditioner }))
  end
end

function jobs.year()
  local X, Y = lsqnet.datasets.year_like(ROWS)
  collectgarbage()
  show("412276 x 90", "180, 1200 MB", fit(X, Y, { 90, 64, 1 }, { solver = "cg" }))
end

-- How much the tolerance matters there: whole fits of a twentieth of the rows.
function jobs.year_tolerance()
  local X, Y = lsqnet.datasets.year_like(ROWS // 20)
  for _, tolerance in ipairs { 1e-2, 1e-6 } do
    show(("%d x 90 at %g"):format(X.rows, tolerance), "-", fit(X, Y, { 90, 64, 1 },
      { solver = "cg", cg_tolerance = tolerance, cg_iterations = 1000 }))
  end
end

-- By the twentieth above, some ten minutes on two cores: not in the list below.
function jobs.year_exact()
  local X, Y = lsqnet.datasets.year_like(ROWS)
  show("412276 x 90 at 1e-6", "-", fit(X, Y, { 90, 64, 1 },
    { solver = "cg", cg_tolerance = 1e-6, cg_iterations = 1000 }))
end

function jobs.streamed()
  local stream = year_stream()
  collectgarbage()
  collectgarbage()
  show("the same streamed", "1.5 times, 250 MB", fit(stream, nil, { 90, 64, 1 },
    { solver = "cg" }))
end

function jobs.wide()
  local X, Y = lsqnet.datasets.year_like(20000, { dimension = 1000 })
  collectgarbage()
  show("20000 x 1000", "120, 1000 MB", fit(X, Y, { 1000, 64, 1 },
    { solver = "cg", iterations = 10 }))
end

function jobs.restarts()
  local X, Y = lsqnet.datasets.horse_sdf()
  if not X then return print("restarts skipped: " .. Y) end
  X, Y = lsqnet.data.standardize(X), lsqnet.data.center(Y)
  local losses, seconds = {}, {}
  for seed = 1, 10 do
    local train = lsqnet.data.split(X, Y, { test = 0.2, seed = seed })
    local net = lsqnet.network { layers = { X.cols, 64, 1 }, init = "normal", seed = seed }
    local report = assert(lsqnet.anmin(net, train.x, train.y,
      { lambda = 1e-3 / train.x.rows, restarts = 8, seed = seed }))
    losses[seed], seconds[seed] = report.loss, report.seconds
  end
  table.sort(seconds)
  print(("horse, best of 8      %8.2f s median, %.2f s most (at most 12)  mse %.4g (at most 3.3)")
    :format(seconds[5], seconds[10], lsqnet.matrix(losses):mean()))
end

-- Mean training MSE over five splits: tolerances, steps.
function jobs.tolerance()
  for _, name in ipairs { "abalone", "bike_sharing", "horse_sdf" } do
    local X, Y = lsqnet.datasets[name]()
    if X then
      X, Y = lsqnet.data.standardize(X), lsqnet.data.center(Y)
      for _, case in ipairs {
        { "cholesky", {} },
        { "cholesky damped", { step = "damped" } },
        { "cg 1e-2", { solver = "cg" } },
        { "cg 1e-2 block", { solver = "cg", preconditioner = "block" } },
        { "cg 1e-3", { solver = "cg", cg_tolerance = 1e-3 } },
        { "cg 1e-3 block", { solver = "cg", cg_tolerance = 1e-3, preconditioner = "block" } },
        { "cg 1e-4", { solver = "cg", cg_tolerance = 1e-4 } },
      } do
        local loss, test, inner, seconds, n = 0, 0, 0, 0, 5
        for seed = 1, n do
          local train, rest = lsqnet.data.split(X, Y, { test = 0.2, seed = seed })
          local net = lsqnet.network { layers = { X.cols, 64, 1 }, init = "normal", seed = seed }
          local options = { lambda = 1e-3 / train.x.rows }
          for key, value in pairs(case[2]) do options[key] = value end
          local report = assert(lsqnet.anmin(net, train.x, train.y, options))
          loss, test = loss + report.loss / n, test + net:loss(rest.x, rest.y) / n
          seconds = seconds + report.seconds / n
          for _, entry in ipairs(report.history) do
            inner = inner + (entry.inner_iterations or 0) / n
          end
        end
        print(("%-13s %-16s train %8.4g  test %8.4g  inner %5.0f  %6.2f s")
          :format(name, case[1], loss, test, inner, seconds))
      end
    end
  end
end

-- The two solvers from the same ten starts. One flipped firing bit separates two runs for good, so
-- that only their distributions can agree.
function jobs.distribution()
  for _, case in ipairs { { "abalone", 1e-4 }, { "bike_sharing", 1e-3 } } do
    local X, Y = lsqnet.datasets[case[1]]()
    if X then
      X, Y = lsqnet.data.standardize(X), lsqnet.data.center(Y)
      for _, solver in ipairs { "cholesky", "cg" } do
        local losses = {}
        for seed = 1, 10 do
          local train = lsqnet.data.split(X, Y, { test = 0.2, seed = seed })
          local net = lsqnet.network { layers = { X.cols, 64, 1 }, init = "normal", seed = seed }
          losses[seed] = assert(lsqnet.anmin(net, train.x, train.y, { solver = solver,
            lambda = 1e-3 / train.x.rows, cg_tolerance = case[2], cg_iterations = 1000 })).loss
        end
        local m = lsqnet.matrix(losses)
        print(("%-13s %-9s train mse of 10 seeds: mean %.4g, std %.3g, from %.4g to %.4g")
          :format(case[1], solver, m:mean(), m:std(), m:min(), m:max()))
      end
    end
  end
end

local ORDER = { "autoencoder", "year", "streamed", "wide", "restarts", "tolerance",
  "year_tolerance", "distribution" }
if #arg == 0 then
  local info = lsqnet.info()
  print(("blas %s, %d threads, %s"):format(info.blas, info.threads, info.simd))
  io.stdout:flush()
  for _, name in ipairs(ORDER) do
    os.execute(("%s %s %s"):format(arg[-1], arg[0], name))
  end
end
if arg[1] == "write" then
  local X, Y = lsqnet.datasets.year_like(ROWS)
  assert(X:write_npy(arg[2]) and Y:write_npy(arg[3]))
  return
end
for _, name in ipairs(arg) do jobs[name]() end
