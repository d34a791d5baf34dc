--- Training loss against seconds: varpro and the other trainers of small nets, one thread.
-- Usage: OMP_NUM_THREADS=1 lua5.4 bench/varpro.lua [seconds, default .25,.5,1,2,5]
--   [splits, default 5] [sets, default all four] [file of a picture] [methods]
-- h = 64, relu, X and Y standardised over the whole set, an 80/20 split per seed. varpro and Adam
-- are run anew for each time, Adam with the epochs that fit it and a rate from 0.03 to 3e-5 along
-- a cosine; of the others one run is looked at as the time goes by. PyTorch's Adam (PYTHON,
-- default /usr/bin/python3) is fitted to its processor time alike.

local lsqnet = require "lsqnet"

local here = arg[0]:match "^(.*)/" or "."
local python = os.getenv "PYTHON" or "/usr/bin/python3"
local HIDDEN = 64

local function words(text)
  local list = {}
  for word in text:gmatch "[^,]+" do
    list[#list + 1] = word
  end
  return list
end

local times = {}
for _, word in ipairs(words(arg[1] or ".25,.5,1,2,5")) do
  times[#times + 1] = tonumber(word)
end
local longest = times[#times]
local splits = tonumber(arg[2] or 5)
local sets = words(arg[3] or "abalone,bike_sharing,horse_sdf,concrete")
local picture = arg[4] ~= "" and arg[4] or nil
local methods = words(arg[5] or "varpro,adam,gauss_newton,lbfgs,anmin,anmin x 8,torch")

-- Of varpro in specs/varpro.md, for the sake of comparison: .25, .5, 1, 2, 5 s of another machine.
local wanted = {
  abalone = { [0.25] = 3.57, [0.5] = 3.10, [1] = 2.85, [2] = 2.83, [5] = 2.76 },
  bike_sharing = { [0.25] = 1838, [0.5] = 1359, [1] = 1069, [2] = 982, [5] = 873 },
  horse_sdf = { [0.25] = 4.42, [0.5] = 3.01, [1] = 3.12, [2] = 2.25, [5] = 2.61 },
  concrete = { [0.25] = 4.40, [0.5] = 3.19, [1] = 2.65, [2] = 2.65, [5] = 2.53 },
}

local function fresh(train, seed)
  return lsqnet.network { layers = { train.x.cols, HIDDEN, 1 }, seed = seed }
end

local function run_varpro(train, seed)
  local losses = {}
  for k, limit in ipairs(times) do
    local report = assert(lsqnet.varpro(fresh(train, seed), train.x, train.y, {
      time_limit = limit, seed = seed,
    }))
    losses[k] = report.loss
  end
  return losses
end

--- Seconds of an epoch of Adam's, the fastest of a few.
local function epoch_seconds(train)
  local least = math.huge
  for _ = 1, 5 do
    local report = assert(lsqnet.adam(fresh(train, 1), train.x, train.y, { epochs = 2 }))
    least = math.min(least, report.seconds / 2)
  end
  return least
end

local function run_adam(train, seed)
  local losses, seconds = {}, epoch_seconds(train)
  for k, limit in ipairs(times) do
    local epochs = math.max(1, math.floor(0.95 * limit / seconds))
    local net = fresh(train, seed)
    assert(lsqnet.anmin(net, train.x, train.y, { iterations = 0, lambda = 1e-3 / train.x.rows }))
    local report = assert(lsqnet.adam(net, train.x, train.y, {
      epochs = epochs,
      seed = seed,
      time_limit = 1.05 * limit,
      schedule = function(epoch)
        return 3e-5 + (0.03 - 3e-5) * (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2
      end,
    }))
    losses[k] = report.loss
  end
  return losses
end

--- One run, seen as the time goes by: the lowest loss so far at each time.
local function anytime(trainer, extra)
  return function(train, seed)
    local losses, best = {}, math.huge
    local options = { time_limit = longest, seed = seed }
    for name, value in pairs(extra(train)) do
      options[name] = value
    end
    local started = lsqnet.clock()
    options.on_iteration = function(event)
      local now = lsqnet.clock() - started
      for k, limit in ipairs(times) do
        if now > limit and not losses[k] then
          losses[k] = best
        end
      end
      best = math.min(best, event.loss)
    end
    local net = lsqnet.network {
      layers = { train.x.cols, HIDDEN, 1 }, seed = seed,
      init = trainer == "anmin" and "normal" or "kaiming",
    }
    assert(lsqnet[trainer](net, train.x, train.y, options))
    for k in ipairs(times) do
      losses[k] = losses[k] or best
    end
    return losses
  end
end

local function run_torch(train, seed)
  local name = os.tmpname()
  assert(train.x:write_npy(name .. "-x.npy"))
  assert(train.y:write_npy(name .. "-y.npy"))
  local pipe = assert(io.popen(("%s %s/peers/varpro.py %s-x.npy %s-y.npy %d %d %s 2>/dev/null")
    :format(python, here, name, name, HIDDEN, seed, table.concat(times, " "))))
  local losses = {}
  for word in (pipe:read "l" or ""):gmatch "%S+" do
    losses[#losses + 1] = tonumber(word)
  end
  pipe:close()
  for _, path in ipairs { name, name .. "-x.npy", name .. "-y.npy" } do
    os.remove(path)
  end
  return #losses >= #times and losses or nil
end

local runs = {
  varpro = run_varpro,
  adam = run_adam,
  gauss_newton = anytime("gauss_newton", function() return { iterations = 1000000 } end),
  lbfgs = anytime("lbfgs", function() return { iterations = 1000000 } end),
  anmin = anytime("anmin", function(train)
    return { iterations = 1000000, lambda = 1e-3 / train.x.rows }
  end),
  ["anmin x 8"] = anytime("anmin", function(train)
    return { restarts = 8, lambda = 1e-3 / train.x.rows }
  end),
  torch = run_torch,
}

local function first_line(command)
  local pipe = io.popen(command)
  local line = pipe and pipe:read "l"
  if pipe then pipe:close() end
  return line
end

--- The mean over the splits, per time, of the mse in the units of Y; nil where it cannot run.
local function race(X, Y, method)
  local scale = Y:std() ^ 2
  Y = lsqnet.data.standardize(Y)
  local means = {}
  for seed = 1, splits do
    local train = lsqnet.data.split(X, Y, { test = 0.2, seed = seed })
    local losses = runs[method](train, seed)
    if not losses then return nil end
    for k = 1, #times do
      means[k] = (means[k] or 0) + losses[k] * scale / splits
    end
  end
  return means
end

local panels = {}
local info = lsqnet.info()
print(("blas %s, %d thread(s), %s"):format(info.blas, info.threads, info.simd))
for _, set in ipairs(sets) do
  local X, Y = lsqnet.datasets[set]()
  if not X then
    print(("\n%s skipped: %s"):format(set, Y))
  else
    X = lsqnet.data.standardize(X)
    print(("\n%-14s %s   load %s"):format(set, table.concat(words(arg[1] or ".25,.5,1,2,5"), " s, ")
      .. " s", first_line "cat /proc/loadavg 2>/dev/null" or "unknown"))
    local curves, lowest = {}, {}
    for _, method in ipairs(methods) do
      local means = race(X, Y, method)
      if means then
        local texts = {}
        for k, mean in ipairs(means) do
          texts[k] = ("%9.4g"):format(mean)
          if method ~= "varpro" then lowest[k] = math.min(lowest[k] or math.huge, mean) end
        end
        print(("%-14s %s"):format(method, table.concat(texts)))
        io.stdout:flush()
        curves[#curves + 1] = { label = method, x = times, y = means }
      else
        print(("%-14s skipped: %s has none"):format(method, python))
      end
    end
    local asked, of_lowest = {}, {}
    for k, limit in ipairs(times) do
      local first = curves[1]
      local ours = first and first.label == "varpro" and first.y[k]
      local paper = wanted[set] and wanted[set][limit]
      asked[k] = ours and paper and ("%9.2f"):format(ours / paper) or "        -"
      of_lowest[k] = ours and lowest[k] and ("%9.2f"):format(ours / lowest[k]) or "        -"
    end
    print(("%-14s %s"):format("/ specified", table.concat(asked)))
    print(("%-14s %s"):format("/ best other", table.concat(of_lowest)))
    panels[#panels + 1] = { title = set, curves = curves }
  end
end
if picture and #panels > 0 then
  local drawn = {}
  for k, panel in ipairs(panels) do
    drawn[k] = { "lines", panel.curves, {
      title = panel.title, xlabel = "seconds", ylabel = "training MSE", log = "xy",
    } }
  end
  print(assert(lsqnet.plot.panels(picture, drawn, { columns = 2 })))
end
