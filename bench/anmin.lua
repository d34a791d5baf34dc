--- ANMIN on the three real data sets of the paper that are small enough to be kept here.
-- Usage: lua5.4 bench/anmin.lua [splits for the quality table, default 20] [timed runs, default 5]
-- Fits take 30 iterations, h = 64, lambda = 1e-3/N, X standardised, Y centred over the whole set
-- and an 80/20 split, as in the paper. The time is of the whole call, the memory of the process.

local lsqnet = require "lsqnet"

local splits, runs = tonumber(arg[1] or 20), tonumber(arg[2] or 5)

-- the issue's limits with OpenBLAS, the paper's RTX 3080 and its PyTorch code on a CPU like ours
local jobs = {
  { name = "abalone", limit = 0.30, gpu = 1.3, torch = "21.5", quality = 3.93, paper = "3.94" },
  { name = "bike_sharing", limit = 2.0, gpu = 4.7, torch = "107", quality = 1270, paper = "1457" },
  { name = "horse_sdf", limit = 1.5, gpu = 12.8, torch = "76-93", quality = 4.2, paper = "3.53" },
}

local function median(list)
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[n // 2 + 1] or (list[n // 2] + list[n // 2 + 1]) / 2
end

local function moments(list)
  local m = lsqnet.matrix(list)
  return m:mean(), #list > 1 and m:std() or 0
end

local function peak_memory()
  for line in io.lines "/proc/self/status" do
    local kb = line:match "^VmHWM:%s+(%d+)"
    if kb then
      return tonumber(kb) / 1024
    end
  end
end

local function fit(X, Y, seed)
  local train, test = lsqnet.data.split(X, Y, { test = 0.2, seed = seed })
  local net = lsqnet.network { layers = { X.cols, 64, 1 }, init = "normal", seed = seed }
  local report = assert(lsqnet.anmin(net, train.x, train.y, { lambda = 1e-3 / train.x.rows }))
  return report, net:loss(test.x, test.y)
end

local info = lsqnet.info()
print(("blas %s\n%d threads, %s"):format(info.blas, info.threads, info.simd))
print(("\n%-14s %9s %9s %9s %13s %9s"):format(
  "30 iterations", "median s", "at most", "RTX 3080", "PyTorch, CPU", "peak MB"))
for _, job in ipairs(jobs) do
  local X, Y = lsqnet.datasets[job.name]()
  if X then
    X, Y = lsqnet.data.standardize(X), lsqnet.data.center(Y)
    local seconds, train_losses, test_losses, degenerate = {}, {}, {}, 0
    for seed = 1, math.max(splits, runs) do
      local report, test_loss = fit(X, Y, seed)
      if seed <= runs then
        seconds[#seconds + 1] = report.seconds
      end
      train_losses[#train_losses + 1] = report.loss
      test_losses[#test_losses + 1] = test_loss
      degenerate = degenerate + report.degenerate_systems
    end
    job.train, job.test, job.degenerate = train_losses, test_losses, degenerate
    print(("%-14s %9.3f %9.2f %9.1f %13s %9.0f"):format(
      job.name, median(seconds), job.limit, job.gpu, job.torch, peak_memory()))
  else
    print(("%-14s skipped: %s"):format(job.name, Y))
  end
end

print(("\n%-14s %18s %18s %9s %9s %11s"):format(
  "best MSE", "train mean (std)", "test mean (std)", "at most", "paper", "degenerate"))
for _, job in ipairs(jobs) do
  if job.train then
    local train_mean, train_std = moments(job.train)
    local test_mean, test_std = moments(job.test)
    print(("%-14s %9.4g (%6.3g) %9.4g (%6.3g) %9.4g %9s %11d"):format(
      job.name, train_mean, train_std, test_mean, test_std, job.quality, job.paper, job.degenerate))
  end
end
