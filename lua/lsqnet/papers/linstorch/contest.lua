-- Linstorch's races (Khanov and Akbas, Figures 4 to 7): the problems, the methods, and a run.

local lsqnet = require "lsqnet"
local races = require "lsqnet.papers.linstorch.race_clock"
local real_data = require "lsqnet.experiments.real_data"

local contest = {}

contest.CURVES = 30 -- runs whose curves are kept

-- `floor`: the lowest test MSE of Linstorch read off the figure. `epoch19`: test MSE of the
-- gradient methods at its end. `code`: milliseconds to each target of the authors' program, run
-- again on two cores, and of the fastest gradient method in it.
contest.PROBLEMS = {
  { name = "sin", figure = 4, title = "sin(x) + 1, net 1-10-1", hidden = { 10 },
    targets = { 0.35, 0.30, 0.27 }, floor = 0.298,
    code = { { 7.1, 40 }, { 12.6, 70 }, { 107, 144 } } },
  { name = "auto_mpg global", set = "auto_mpg", figure = 5, hidden = { 10 },
    title = "Auto MPG, one scale for all columns", targets = { 0.115, 0.105 }, floor = 0.10,
    code = { { 27 } }, epoch19 = { SGD = 0.216, AdaGrad = 0.38, Adam = 0.53 } },
  { name = "auto_mpg columns", set = "auto_mpg", figure = 5, hidden = { 10 },
    title = "Auto MPG, columns scaled", targets = { 0.115, 0.105 }, floor = 0.10,
    code = { { 2.8, 81 }, { nil, 258 } } },
  { name = "concrete global", set = "concrete", figure = 6, hidden = { 10 },
    title = "Concrete, one scale for all columns", targets = { 0.38, 0.36 }, floor = 0.371,
    code = { { 3.7, 623 } }, epoch19 = { SGD = 0.818, AdaGrad = 0.795, Adam = 0.775 } },
  { name = "concrete columns", set = "concrete", figure = 6, hidden = { 10 },
    title = "Concrete, columns scaled", targets = { 0.38, 0.36 }, floor = 0.371,
    code = { { 1.5, 96 }, { nil, 109 } } },
  { name = "sin deep", figure = 7, title = "sin(x) + 1, net 1-10-10-1", hidden = { 10, 10 },
    targets = { 0.30, 0.15 }, floor = 0.15, code = { { 22, 55 }, { 132, 176 } } },
}

contest.METHODS = {
  { name = "Linstorch", color = "#0072b2" },
  { name = "RANDOM", color = "#555555" },
  { name = "SGD", color = "#d55e00", trainer = "sgd",
    options = { learning_rate = 1e-3, momentum = 0.9 } },
  { name = "Adam", color = "#009e73", trainer = "adam", options = { learning_rate = 1e-3 } },
  { name = "AdaGrad", color = "#cc79a7", trainer = "adagrad", options = { learning_rate = 1e-2 } },
}

function contest.case_of(problem, method)
  return problem.name .. ": " .. method
end

-- Moves and scales all elements by one mean and one deviation, as the authors' program does.
local function global_scaler(A)
  local mean = A:sum() / (A.rows * A.cols)
  local square = A:map(function(v) return (v - mean) ^ 2 end):sum() / (A.rows * A.cols)
  local scaler = {}
  function scaler.apply(_, B)
    return B:map(function(v) return (v - mean) / math.sqrt(square) end)
  end
  return scaler
end

local function scaler_of(A, is_global)
  return is_global and global_scaler(A) or select(2, lsqnet.data.standardize(A))
end

-- The split of a seed, in units of its training part.
local function split_of(problem, seed, context)
  local X, Y
  if problem.set then
    X, Y = assert(real_data(context, problem.set))
  else
    X, Y = lsqnet.datasets.sin_plus_one(1001)
  end
  local train, test = lsqnet.data.split(X, Y, { test = 0.33, seed = seed })
  local x_scaler = scaler_of(train.x, problem.name:find "global")
  local y_scaler = scaler_of(train.y)
  return { targets = problem.targets,
           x = x_scaler:apply(train.x), y = y_scaler:apply(train.y),
           test_x = x_scaler:apply(test.x), test_y = y_scaler:apply(test.y) }
end

local function fresh_net(problem, race, seed)
  local layers = { race.x.cols }
  table.move(problem.hidden, 1, #problem.hidden, 2, layers)
  layers[#layers + 1] = 1
  return lsqnet.network { layers = layers, seed = seed }
end

local function search(problem, race, seed, method, draws)
  return races.search(race, function(k)
    local net = fresh_net(problem, race, seed * 100000 + k)
    if method == "RANDOM" then return net, net:loss(race.x, race.y) end
    return net, assert(lsqnet.linstorch(net, race.x, race.y)).loss
  end, draws)
end

-- What the errors are held against: the straight line, and the best single knot.
local function add_references(row, problem, race)
  local line = lsqnet.linear_regression(race.x, race.y)
  row.line, row.line_test = line:loss(race.x, race.y), line:loss(race.test_x, race.test_y)
  if #problem.hidden == 1 then
    local net = fresh_net(problem, race, 1)
    row.floor = assert(lsqnet.knot_search(net, race.x, race.y)).loss
    row.floor_test = net:loss(race.test_x, race.test_y)
  end
end

function contest.run(name, seed, context)
  local problem, method
  for _, candidate in ipairs(contest.PROBLEMS) do
    for _, way in ipairs(contest.METHODS) do
      if contest.case_of(candidate, way.name) == name then problem, method = candidate, way end
    end
  end
  local race = split_of(problem, seed, context)
  local row
  if method.trainer then
    local options = { batch_size = 32, seed = seed }
    for key, value in pairs(method.options) do options[key] = value end
    row = races.descend(race, fresh_net(problem, race, seed), method.trainer, options,
                        context.quick and 30 or 2000)
  else
    local draws = method.name == "RANDOM" and 20000 or 2000
    row = search(problem, race, seed, method.name, context.quick and 60 or draws)
    if method.name == "Linstorch" then add_references(row, problem, race) end
  end
  if seed > contest.CURVES then row.time, row.error = nil, nil end
  return row
end

return contest
