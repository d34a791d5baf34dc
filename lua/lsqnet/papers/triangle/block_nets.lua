-- What the experiments with several triangle waves side by side share (sections 5 and A.9 of the
-- paper): trainings of block nets and of usual nets of the same size.

local lsqnet = require "lsqnet"

local blocks = {}

blocks.WIDTH = 5 -- neurons of a block in each layer: triangle.blocks has two sum neurons
blocks.RATES = { 1e-2, 1e-3 } -- of the peaks, and of the weights: "we lowered the learning rate"

-- The layers of a net of usual kind that is as deep as blocks.
function blocks.layers(inputs, width)
  return { inputs, width, width, width, width, width, 1 }
end

-- Makes each block a function of one direction of the inputs, as ours start: a layer from the
-- inputs to one number a block, and one from there to its neurons, both initialised as usual.
local function give_directions(net, count, rng)
  local inputs = net.layers[1]
  local weights = lsqnet.matrix(inputs, blocks.WIDTH * count)
  local biases = lsqnet.matrix(1, blocks.WIDTH * count)
  local function draw(fan_in) return (2 * rng:uniform() - 1) / math.sqrt(fan_in) end
  for block = 1, count do
    local direction, offset = {}, draw(inputs)
    for i = 1, inputs do direction[i] = draw(inputs) end
    for j = (block - 1) * blocks.WIDTH + 1, block * blocks.WIDTH do
      local factor = draw(1)
      for i = 1, inputs do weights:set(i, j, factor * direction[i]) end
      biases:set(1, j, factor * offset + draw(1))
    end
  end
  net:set_weight(1, weights)
  net:set_bias(1, biases)
end

-- A net of usual kind by Adam on full batches. Options: `layers`, `loss`, `epochs`, `validation`;
-- `count`: with it the net consists of so many blocks that are kept apart, each initialised as a
-- net of its own; `directions`: each of them starts as a function of one direction of the inputs
-- ("free"), or stays one ("fixed"). Returns the net and the report.
function blocks.train_plain(X, Y, seed, o)
  local net = lsqnet.network { layers = o.layers, loss = o.loss, seed = seed }
  local mask
  if o.count then
    mask = assert(lsqnet.triangle.blocks(X, { blocks = o.count })):mask()
    local widen = math.sqrt(o.count) -- from the fan-in of the whole layer to that of a block
    for k = 2, net.depth - 1 do
      net:set_weight(k, net:weight(k) * widen)
      net:set_bias(k, net:bias(k) * widen)
    end
    net:set_parameters(net:parameters():mul(mask))
    if o.directions then give_directions(net, o.count, lsqnet.rng(seed)) end
    if o.directions == "fixed" then
      for i = 1, net.layers[1] * net.layers[2] do mask:set(i, 1, 0) end
    end
  end
  local report = assert(lsqnet.adam(net, X, Y, {
    epochs = o.epochs, batch_size = X.rows, shuffle = false, mask = mask,
    learning_rate = o.learning_rate, validation = o.validation,
  }))
  return net, report
end

-- Blocks with triangle pretraining. Options: `count` (or a list), `signs`, `loss`,
-- `finish_weights`, `finish`, `finish_options`, `epochs` of the peaks, `validation`. Returns the
-- report; its fields `network` and `first_loss`, that after the first phase.
function blocks.train_triangle(X, Y, seed, o)
  local net = assert(lsqnet.triangle.blocks(X, {
    blocks = o.count, signs = o.signs, loss = o.loss, seed = seed,
  }))
  local report = assert(lsqnet.triangle(net, X, Y, {
    epochs = o.epochs, learning_rate = blocks.RATES[1],
    finish_weights = o.finish_weights,
    finish = o.finish, finish_options = o.finish_options, validation = o.validation,
  }))
  report.first_loss = net:loss(X, Y)
  return report
end

-- What each of `count` blocks of the last layer adds to the output: one list a block.
function blocks.contributions(net, X, count)
  local hidden, weights = net:activations(X, net.depth - 1), net:weight(net.depth)
  local lists = {}
  for block = 1, count do
    local columns = {}
    for j = 1, blocks.WIDTH do columns[j] = (block - 1) * blocks.WIDTH + j end
    lists[block] = (hidden:columns(columns) * weights:take(columns)):t():totable()[1]
  end
  return lists
end

return blocks
