--- Trainings beside other programs: this one starts busy processes, twice as many as there are
-- cores, and stops them when it ends.
-- Usage: lua5.4 bench/busy.lua [runs, default 5] [trainer, default anmin] [passive|active]
-- Each run is a process of its own, so that libgomp reads its environment anew. Printed are the
-- medians on a quiet machine, then beside the busy processes with all threads and with one. Threads
-- wait passively, as the command lets them, or actively, as in a host that sets nothing. At most 2
-- is asked of busy over one thread; busy over quiet says what the others took.

local lsqnet = require "lsqnet"

local SECONDS = 300 -- that the busy processes last, should this one be killed

local jobs = {
  ["200 x 3"] = function()
    local X = lsqnet.matrix.randn(200, 3, lsqnet.rng(1))
    return X, X:slice(1, 200, 1, 1):map(math.sin)
  end,
}
local order = { "200 x 3", "abalone", "bike_sharing", "horse_sdf" }

local function data_of(name)
  if jobs[name] then return jobs[name]() end
  local X, Y = lsqnet.datasets[name]()
  if not X then return nil end
  return lsqnet.data.standardize(X), (lsqnet.data.center(Y))
end

local OPTIONS = {
  anmin = { iterations = 30 }, adam = { epochs = 30 }, sgd = { epochs = 30 },
  adagrad = { epochs = 30 }, lbfgs = { iterations = 100 }, gauss_newton = { iterations = 10 },
}

-- In the process of one run: the seconds of one training.
local function train(name, trainer)
  local X, Y = data_of(name)
  if not X then return print "skipped" end
  local net = lsqnet.network { layers = { X.cols, 64, Y.cols }, init = "normal", seed = 1 }
  print((assert(lsqnet[trainer](net, X, Y, OPTIONS[trainer])).seconds))
end

if arg[1] == "train" then return train(arg[2], arg[3]) end

local runs, trainer, policy = tonumber(arg[1] or 5), arg[2] or "anmin", arg[3] or "passive"

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return text
end

-- The median over the runs; nil where the data are not there.
local function median(name, environment)
  local seconds = {}
  for _ = 1, runs do
    seconds[#seconds + 1] = tonumber(output_of(("%s %s '%s' train '%s' %s"):format(environment,
      arg[-1], arg[0], name, trainer)))
  end
  table.sort(seconds)
  return seconds[(#seconds + 1) // 2]
end

local function start_busy(count)
  local started = output_of(([[i=0; while [ $i -lt %d ]; do i=$((i + 1))
    timeout %d sh -c "while :; do :; done" >/dev/null 2>&1 & echo $!; done]])
    :format(count, SECONDS))
  return setmetatable({}, { __close = function()
    os.execute("kill " .. started:gsub("%s+", " ") .. "2>/dev/null")
  end })
end

local ALL, ONE = "OMP_WAIT_POLICY=" .. policy, "OMP_NUM_THREADS=1"

local cores = tonumber(output_of "getconf _NPROCESSORS_ONLN")
print(("%s, %d runs each, %d cores, %d busy processes, waiting is %s\n%s"):format(trainer, runs,
  cores, 2 * cores, policy, lsqnet.info().blas))
local quiet = {}
for _, name in ipairs(order) do quiet[name] = median(name, ALL) end
local busy <close> = start_busy(2 * cores) -- luacheck: ignore 211
print(("%-14s %9s %9s %11s %11s %11s"):format("seconds", "quiet", "busy", "one thread",
  "busy/quiet", "busy/one"))
for _, name in ipairs(order) do
  if not quiet[name] then
    print(("%-14s skipped: %s"):format(name, select(2, lsqnet.datasets[name]())))
  else
    local all, one = median(name, ALL), median(name, ONE)
    print(("%-14s %9.3f %9.3f %11.3f %11.1f %7.2f (2)"):format(name, quiet[name], all, one,
      all / quiet[name], all / one))
  end
end
