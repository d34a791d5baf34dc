-- What the experiments of triangle pretraining on curves of one variable share: section 4.1 of the
-- paper, one net at a time.

local lsqnet = require "lsqnet"
local statistics = require "lsqnet.experiments.statistics"

local curves = {}

curves.NAMES = { "x^3", "x^11", "sin(pi x/2)", "tanh(3x)" }
curves.POINTS = 500
curves.LAYERS = { 1, 4, 4, 4, 4, 4, 1 } -- "four neurons wide with five hidden layers"
curves.EPOCHS = 1000                    -- of a default net, and of either phase of ours
curves.NETS = 30                        -- a sample: the paper has the least and the mean of 30

-- The points of a curve and the epochs; quick runs have a tenth of them.
function curves.data(name, context)
  return context:once(name, function()
    return lsqnet.datasets.convex_curve(context.quick and 50 or curves.POINTS, { name = name })
  end)
end

function curves.epochs(context, epochs)
  return (epochs or curves.EPOCHS) // (context.quick and 10 or 1)
end

-- A net of the usual kind, trained by Adam on full batches. Options: those of the net, `epochs`
-- and `learning_rate`. Returns the net and its loss.
function curves.train_plain(X, Y, seed, o)
  local net = lsqnet.network {
    layers = curves.LAYERS, init = o.init, output_activation = o.output_activation, seed = seed,
  }
  local report = assert(lsqnet.adam(net, X, Y, {
    epochs = o.epochs, learning_rate = o.learning_rate, batch_size = X.rows, shuffle = false,
  }))
  return net, report.loss
end

-- A net with triangle pretraining. Options: those of lsqnet.triangle, and `scales` and `peaks` of
-- the net. Returns the finished net, its loss, and the loss after the first phase.
function curves.train_triangle(X, Y, seed, o)
  local given = { scale = false } -- the curves run from 0 to 1 already
  for key, value in pairs(o) do given[key] = value end
  given.scales, given.peaks = nil, nil
  local net = lsqnet.triangle.network {
    scales = o.scales, peaks = o.peaks, seed = not o.peaks and seed or nil,
  }
  local report = assert(lsqnet.triangle(net, X, Y, given))
  return report.network, report.loss, net:loss(X, Y)
end

-- Values of many nets as samples of `size` nets, as one paper would have drawn them; values that
-- do not fill a sample are left out, unless there are no others.
function curves.samples(values, size)
  local samples = {}
  for first = 1, math.max(1, #values - size + 1), size do
    samples[#samples + 1] = table.move(values, first, math.min(first + size - 1, #values), 1, {})
  end
  return samples
end

-- A statistic ("min", "mean", "median") of each sample.
function curves.of_samples(values, size, name)
  local list = {}
  for i, sample in ipairs(curves.samples(values, size)) do list[i] = statistics[name](sample) end
  return list
end

return curves
