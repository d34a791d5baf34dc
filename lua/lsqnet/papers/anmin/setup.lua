-- What the experiments of the ANMIN paper share: its data sets (section 2.4, Table 2), its methods
-- (2.5) and their settings (2.6).

local lsqnet = require "lsqnet"
local real_data = require "lsqnet.experiments.real_data"

local setup = {}

-- In the order of the paper's tables. `solver` where Cholesky's matrix would take minutes a run;
-- the autoencoder's tolerance makes solves nearly exact, as the paper's are.
setup.DATA = {
  { name = "horse_sdf", title = "SDF decoder", hidden = 64 },
  { name = "abalone", title = "Abalone", hidden = 64 },
  { name = "bike_sharing", title = "Bike-sharing", hidden = 64 },
  { name = "year_prediction_msd", title = "YearPredMSD", hidden = 64, batch_size = 2048,
    solver = "auto" },
  { name = "bsds_patches", title = "DAE", hidden = 32, solver = "auto", cg_tolerance = 1e-4 },
}

-- The rates that the protocol anmin-learning-rates chose: the lowest mean training MSE of those
-- with which no split blew up. YearPredictionMSD's is a guess, bike sharing's: its file is not at
-- hand.
setup.SGD_RATES = {
  horse_sdf = 1e-2, abalone = 3e-2, bike_sharing = 3e-3, year_prediction_msd = 3e-3,
  bsds_patches = 3e-2,
}

local QUICK_ROWS, QUICK_COLUMNS = 600, 20

-- Gradient methods start as PyTorch's nn.Linear does, ANMIN from N(0, 1). `steps`: epochs or
-- iterations; of L-BFGS 60 calls of PyTorch's step(), which makes 20 iterations.
local METHODS = {
  { name = "SGD", trainer = "sgd", steps = 300, activation = "relu" },
  { name = "Adam", trainer = "adam", steps = 300, activation = "relu" },
  { name = "Adam-L", trainer = "adam", steps = 300, activation = "leaky_relu" },
  { name = "L-BFGS", trainer = "lbfgs", steps = 60 * 20, activation = "relu" },
  { name = "ANMIN", trainer = "anmin", steps = 30, activation = "relu" },
  { name = "ANMIN-L", trainer = "anmin", steps = 30, activation = "leaky_relu" },
}

setup.METHODS = {}
for i, method in ipairs(METHODS) do
  setup.METHODS[i] = method.name
  METHODS[method.name] = method
end

for _, data in ipairs(setup.DATA) do setup.DATA[data.name] = data end

-- X with columns of mean 0 and deviation 1, Y centred, over the whole set, as the authors do; or
-- nil and a message where the file is missing. Quick: some rows of it, of the autoencoder some
-- inputs too.
function setup.load(context, name)
  return context:once(name, function()
    local X, Y = real_data(context, name)
    if not X then return nil, Y end
    if context.quick and X.rows > QUICK_ROWS then
      local order = lsqnet.rng(1):permutation(X.rows)
      local some = table.move(order, 1, QUICK_ROWS, 1, {})
      X = X:take(some):columns(1, math.min(X.cols, QUICK_COLUMNS))
      Y = Y:take(some)
    end
    return lsqnet.data.standardize(X), lsqnet.data.center(Y)
  end)
end

-- The train and test part of a split.
function setup.split(context, name, seed)
  local X, Y = setup.load(context, name)
  return lsqnet.data.split(X, Y, { test = 0.2, seed = seed })
end

-- The cases "<data> <suffix>" for the data sets that are there, and what to say of the others.
function setup.cases(context, names, suffixes)
  local cases, skipped = {}, {}
  for _, name in ipairs(names) do
    local X, message = setup.load(context, name)
    for _, suffix in ipairs(X and suffixes or {}) do cases[#cases + 1] = name .. " " .. suffix end
    if not X then skipped[#skipped + 1] = { name, message } end
  end
  return cases, skipped
end

function setup.parse(case)
  return case:match("^(%S+) (.*)$")
end

-- The epochs or iterations of a method, a tenth of them in quick runs.
function setup.steps(context, method)
  local steps = METHODS[method].steps
  return context.quick and steps // 10 or steps
end

local SETTINGS = {}

-- A tenth of the rate after each third.
local function descent(data, steps, rate)
  return { epochs = steps, learning_rate = rate, batch_size = data.batch_size or 256,
           schedule = { every = steps // 3, factor = 0.1 } }
end

function SETTINGS.sgd(data, steps, _, rate)
  return descent(data, steps, rate or setup.SGD_RATES[data.name])
end

function SETTINGS.adam(data, steps)
  return descent(data, steps, 0.03)
end

-- PyTorch's loss tolerance ends a call of step(), not the training.
function SETTINGS.lbfgs(_, steps)
  return { iterations = steps, max_evaluations = 2 * steps, memory = 100, line_search = "fixed",
           learning_rate = 0.01, loss_tolerance = 0, keep = "best" }
end

function SETTINGS.anmin(data, steps, rows)
  return { iterations = steps, lambda = 1e-3 / rows, solver = data.solver,
           cg_tolerance = data.cg_tolerance }
end

-- Trains a fresh net on the part of a split, with the paper's settings and what else is given:
-- { rate= (SGD's), options of the trainer }. Returns the net and the report.
function setup.train(context, data, method, part, seed, more)
  local steps = setup.steps(context, method)
  method = METHODS[method]
  local options = SETTINGS[method.trainer](data, steps, part.x.rows, more and more.rate)
  options.seed = seed
  for key, value in pairs(more or {}) do
    if key ~= "rate" then options[key] = value end
  end
  local net = lsqnet.network {
    layers = { part.x.cols, data.hidden, part.y.cols }, activation = method.activation,
    init = method.trainer == "anmin" and "normal" or "kaiming", seed = seed,
  }
  return net, assert(lsqnet[method.trainer](net, part.x, part.y, options))
end

-- Whether the trainer of a method keeps its best net.
function setup.keeps_best(method)
  local trainer = METHODS[method].trainer
  return trainer == "anmin" or trainer == "lbfgs"
end

-- MSE and R2 of a net.
function setup.quality(net, part)
  local prediction = net:predict(part.x)
  return lsqnet.metrics.mse(part.y, prediction), lsqnet.metrics.r2(part.y, prediction)
end

-- The values of a measure in two cases, of the runs that both have.
function setup.paired(results, one, other, measure)
  local of_seed, a, b = {}, {}, {}
  for _, row in ipairs(results:rows(one)) do of_seed[row.seed] = row[measure] end
  for _, row in ipairs(results:rows(other)) do
    if of_seed[row.seed] then
      a[#a + 1], b[#b + 1] = of_seed[row.seed], row[measure]
    end
  end
  return a, b
end

-- At most `count` positions of a list of `length`, spread evenly, with the first and the last.
function setup.positions(length, count)
  if length <= count then
    local all = {}
    for i = 1, length do all[i] = i end
    return all
  end
  local chosen = {}
  for k = 0, count - 1 do
    chosen[k + 1] = 1 + math.floor(k * (length - 1) / (count - 1) + 0.5)
  end
  return chosen
end

return setup
