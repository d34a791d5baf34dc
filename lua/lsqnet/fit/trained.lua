-- One net by a trainer that was named, in place of a blend.

local core = require "lsqnet.core"
local data = require "lsqnet.data"
local options = require "lsqnet.options"

local WIDTH <const> = 64
local TANH <const> = { ills = true }

local function known()
  local names = {}
  for _, trainer in ipairs(core.trainers()) do names[#names + 1] = trainer.name end
  return names
end

--- Raises unless the trainer is known.
local function check(o, level)
  for _, name in ipairs(known()) do
    if name == o.trainer then return end
  end
  error(("option 'trainer': no trainer '%s'%s"):format(
    o.trainer, options.suggest(o.trainer, known())), level)
end

local function train(problem, o, X, Y)
  local layers = { X.cols }
  for _, width in ipairs(o.hidden or { WIDTH }) do layers[#layers + 1] = width end
  layers[#layers + 1] = Y.cols
  local net = core.network { layers = layers, activation = TANH[o.trainer] and "tanh" or "relu",
                             loss = problem.classes and "cross_entropy" or "mse", seed = o.seed }
  local report, message, code = core[o.trainer](net, X, Y, o.options)
  if not report then return nil, message, code end
  return net, report
end

local function said_by(problem, net, X)
  return problem.classes and net:probabilities(X) or net:predict(X)
end

-- What a net on standardised targets is scaled by to give the table's numbers.
local function units(problem)
  if problem.classes then return nil end
  return { mean = core.matrix { { problem.mean } }, scale = core.matrix { { problem.deviation } } }
end

local function run(_, problem, o)
  local started = core.clock()
  local S, scaler = data.standardize(problem.X)
  local held
  for k = 1, problem.folds do
    local net, message, code = train(problem, o, problem:training(S, k),
                                     problem:training(problem.Y, k))
    if not net then return nil, message, code end
    local said = said_by(problem, net, problem:held_out(S, k))
    held = held and held:vcat(said) or said
  end
  local net, report, code = train(problem, o, S, problem.Y)
  if not net then return nil, report, code end
  net:fold_scaling(scaler, units(problem))
  return net, held, { detail = ("stopped: %s"):format(report.stopped),
                      seconds = core.clock() - started }
end

return setmetatable({ check = check }, { __call = run })
