--- A small training, for the specs of what sgd, adam and adagrad share.
local lsqnet = require "lsqnet"

local descent = {}

local rng = lsqnet.rng(2)
descent.X = lsqnet.matrix.randn(50, 2, rng)
descent.Y = (descent.X:columns(1, 1) - descent.X:columns(2, 2)):map(math.abs)

function descent.fresh(seed)
  return lsqnet.network { layers = { 2, 5, 1 }, seed = seed or 1 }
end

function descent.losses(report)
  local list = {}
  for k, entry in ipairs(report.history) do list[k] = entry.loss end
  return list
end

--- Parameters and losses after a training of a fresh net.
function descent.train(options, trainer)
  local net = descent.fresh()
  local report = lsqnet[trainer or "sgd"](net, descent.X, descent.Y, options)
  return net:parameters(), descent.losses(report), report, net
end

return descent
