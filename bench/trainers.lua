--- Which trainer for which data: six real and three generated tables, each trainer as it is
-- called without tuning, one thread. Prints docs/trainers.md's table in Markdown.
-- Usage: lua5.4 bench/trainers.lua [splits, default 5] [table,table,... or all] [trainer,...]
-- Errors are root mean squares over the target's deviation: 1 is what the mean gets. Seconds are
-- processor time of one training, medians over the splits.

local lsqnet = require "lsqnet"

local splits = tonumber(arg[1] or 5)
local UNITS, RATE = 64, 0.01

local function chosen(list)
  if not list or list == "all" then return function() return true end end
  local set = {}
  for word in list:gmatch("[^,]+") do set[word] = true end
  return function(name) return set[name] end
end

-- The generated tables of the literature on additive and interacting inputs.
local function generated(rows, inputs, low, noise, f)
  local rng = lsqnet.rng(1)
  local X = lsqnet.matrix.rand(rows, inputs, rng) * (1 - low) + lsqnet.matrix(rows, inputs, low)
  local Y = lsqnet.matrix(rows, 1)
  for i = 1, rows do
    Y:set(i, 1, f(X, i) + noise * rng:normal())
  end
  return X, Y
end

local function encoded(file, target)
  local folder = os.getenv "LSQNET_DATA" or "data"
  local tab, message = lsqnet.table.read_csv(folder .. "/tables/" .. file)
  if not tab then return nil, message end
  local encoder = assert(lsqnet.encoder(tab, { target = target }))
  local Y, rows = encoder:targets(tab)
  return encoder:apply(tab):take(rows), Y
end

local tables = {
  { "abalone", lsqnet.datasets.abalone },
  { "auto_mpg", lsqnet.datasets.auto_mpg },
  { "bike_sharing", lsqnet.datasets.bike_sharing },
  { "concrete", lsqnet.datasets.concrete },
  { "horse_sdf", lsqnet.datasets.horse_sdf },
  { "insurance", function() return encoded("insurance.csv", "charges") end },
  { "friedman1", function()
    return generated(1000, 10, 0, 1, function(X, i)
      return 10 * math.sin(math.pi * X:get(i, 1) * X:get(i, 2)) + 20 * (X:get(i, 3) - 0.5) ^ 2
        + 10 * X:get(i, 4) + 5 * X:get(i, 5)
    end)
  end },
  { "checker", function()
    return generated(1000, 2, 0, 0.1, function(X, i)
      local v = 4 * math.sin(3 * math.pi * X:get(i, 1)) * math.sin(3 * math.pi * X:get(i, 2))
      return 1 - 2 / (math.exp(2 * v) + 1)
    end)
  end },
  { "sine5", function()
    return generated(500, 6, -1, 0.2, function(X, i)
      return math.sin(2 * math.pi * X:get(i, 1))
    end)
  end },
}

local function net_of(d, activation, units)
  return lsqnet.network { layers = { d, units or UNITS, 1 }, activation = activation, seed = 1 }
end

-- name, and a training that returns the net.
local trainers = {
  { "linear_regression", function(X, Y) return assert(lsqnet.linear_regression(X, Y)) end },
  { "elm", function(X, Y)
    local net = net_of(X.cols, "tanh")
    assert(lsqnet.elm(net, X, Y, { restarts = 20 }))
    return net
  end },
  { "anmin", function(X, Y)
    local net = net_of(X.cols, "relu")
    assert(lsqnet.anmin(net, X, Y, { lambda = 1e-3 / X.rows }))
    return net
  end },
  { "varpro", function(X, Y)
    local net = net_of(X.cols, "relu")
    assert(lsqnet.varpro(net, X, Y, { time_limit = 1 }))
    return net
  end },
  { "gauss_newton", function(X, Y)
    local net = net_of(X.cols, "relu")
    assert(lsqnet.gauss_newton(net, X, Y, { lambda = 1e-3 / X.rows }))
    return net
  end },
  { "gauss_newton, 8 tanh", function(X, Y)
    local net = net_of(X.cols, "tanh", 8)
    assert(lsqnet.gauss_newton(net, X, Y, { lambda = 1e-4 }))
    return net
  end },
  { "lbfgs", function(X, Y)
    local net = net_of(X.cols, "relu")
    assert(lsqnet.lbfgs(net, X, Y, { iterations = 200 }))
    return net
  end },
  { "adam", function(X, Y)
    local net = net_of(X.cols, "relu")
    assert(lsqnet.adam(net, X, Y, { epochs = 100, learning_rate = RATE, batch_size = 128 }))
    return net
  end },
  { "ills, 16 tanh", function(X, Y)
    local net = net_of(X.cols, "tanh", 16)
    assert(lsqnet.ills(net, X, Y, { iterations = 30 }))
    return net
  end },
}

local function root(net, X, Y)
  return math.sqrt(lsqnet.metrics.mse(Y, net:predict(X)))
end

local function median(values)
  table.sort(values)
  return values[#values // 2 + 1]
end

local function measure(train, X, Y)
  local fit, test, seconds = 0, 0, {}
  for split = 1, splits do
    local part, rest = lsqnet.data.split(X, Y, { test = 0.2, seed = split })
    local x, x_scaler = lsqnet.data.standardize(part.x)
    local y, y_scaler = lsqnet.data.standardize(part.y)
    local start = os.clock()
    local net = train(x, y)
    seconds[split] = os.clock() - start
    fit = fit + root(net, x, y) / splits
    test = test + root(net, x_scaler:apply(rest.x), y_scaler:apply(rest.y)) / splits
  end
  return fit, test, median(seconds)
end

lsqnet.set_threads(1)
local wants_table, wants_trainer = chosen(arg[2]), chosen(arg[3])
print "| table | rows x inputs | trainer | training error | test error | seconds |"
print "|---|---|---|---|---|---|"
for _, entry in ipairs(tables) do
  if wants_table(entry[1]) then
    local X, Y = entry[2]()
    if not X then
      print(("| %s | left out: %s | | | | |"):format(entry[1], (tostring(Y):gsub("\n.*", ""))))
    end
    for k, trainer in ipairs(X and trainers or {}) do
      if wants_trainer(trainer[1]) and lsqnet[trainer[1]:match("^[%a_]+")] then
        local fit, test, seconds = measure(trainer[2], X, Y)
        print(("| %s | %s | %s | %.3f | %.3f | %.2f |"):format(k == 1 and entry[1] or "",
          k == 1 and X.rows .. " x " .. X.cols or "", trainer[1], fit, test, seconds))
        io.stdout:flush()
      end
    end
  end
end
