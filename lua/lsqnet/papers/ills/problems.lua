-- The data of the ILLS experiments, drawn alike from a seed, and what their nets are held against.

local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix
local problems = {}

problems.ADAM_RATES = { 0.001, 0.003, 0.01, 0.03, 0.1, 0.3 }

-- Nets with tanh everywhere, the output too; weights and biases from U(-1, 1) unless `init` says
-- otherwise.
local function net_of(layers, seed, init)
  return lsqnet.network {
    layers = layers, activation = "tanh", output_activation = "tanh",
    init = init or { "uniform", -1, 1 }, seed = seed,
  }
end

-- X uniform on [-1, 1]^d and the outputs of a teacher; teacher and student are drawn alike, from
-- streams of their own. Returns { x, y, net, teacher }.
function problems.teacher(layers, rows, seed)
  local X = matrix.rand(rows, layers[1], lsqnet.rng(seed)) * 2 - matrix(rows, layers[1], 1)
  local teacher = net_of(layers, 1000 + seed)
  return { x = X, y = teacher:predict(X), net = net_of(layers, 2000 + seed), teacher = teacher }
end

-- The Mackey-Glass series, delay 17, in [-0.8, 0.8]: x[t+6] from x[t], x[t-6], ..., x[t-30]. The
-- first 1000 rows are the training part, the 500 that follow the test part. Returns
-- { x, y, test_x, test_y }.
function problems.mackey_glass()
  local x = { 1.2 }
  for t = 1, 2999 do
    local late = x[t - 17] or 0
    x[t + 1] = x[t] + 0.2 * late / (1 + late ^ 10) - 0.1 * x[t]
  end
  local series = table.move(x, 501, 3000, 1, {})
  local low, high = math.min(table.unpack(series)), math.max(table.unpack(series))
  local function value(t) return -0.8 + 1.6 * (series[t + 1] - low) / (high - low) end
  local X, Y = matrix(1500, 6), matrix(1500, 1)
  for row = 1, 1500 do
    local t = 35 + row
    for k = 0, 5 do X:set(row, k + 1, value(t - 6 * k)) end
    Y:set(row, 1, value(t + 6))
  end
  return { x = X:slice(1, 1000), y = Y:slice(1, 1000),
           test_x = X:slice(1001, 1500), test_y = Y:slice(1001, 1500) }
end

-- A net 6-8-1 for it: weights N(0, 1/inputs), biases N(0, 0.1^2).
function problems.mackey_glass_net(seed)
  local layers = { 6, 8, 1 }
  local net, rng = net_of(layers, seed, "zeros"), lsqnet.rng(seed)
  for l = 1, #layers - 1 do
    net:set_weight(l, matrix.randn(layers[l], layers[l + 1], rng) * (1 / math.sqrt(layers[l])))
    net:set_bias(l, matrix.randn(1, layers[l + 1], rng) * 0.1)
  end
  return net
end

-- All orders of 1 .. n, each with all signs: { { order }, { signs } }.
local function symmetries(n)
  local list = {}
  local function extend(order, signs, used)
    if #order == n then
      list[#list + 1] = { table.move(order, 1, n, 1, {}), table.move(signs, 1, n, 1, {}) }
      return
    end
    local place = #order + 1
    for k = 1, n do
      for sign = used[k] and 3 or -1, 1, 2 do
        order[place], signs[place], used[k] = k, sign, true
        extend(order, signs, used)
        order[place], signs[place], used[k] = nil, nil, nil
      end
    end
  end
  extend({}, {}, {})
  return list
end

local function plain(n)
  local order, signs = {}, {}
  for k = 1, n do order[k], signs[k] = k, 1 end
  return { order, signs }
end

-- The squared distance of a layer from the teacher's, its inputs and outputs reordered.
local function layer_distance(net, teacher, l, from, to)
  local w, b, v, c = net:weight(l), net:bias(l), teacher:weight(l), teacher:bias(l)
  local sum = 0
  for j = 1, w.cols do
    local column, sign = to[1][j], to[2][j]
    sum = sum + (sign * b:get(1, column) - c:get(1, j)) ^ 2
    for i = 1, w.rows do
      sum = sum + (sign * from[2][i] * w:get(from[1][i], column) - v:get(i, j)) ^ 2
    end
  end
  return sum
end

-- The L2 distance of a net's parameters from a teacher's. Hidden tanh units may change places, and
-- a unit all its signs, without a change of the net: the nearest of these nets counts. All of them
-- are tried, which is for hidden layers of up to three units.
function problems.parameter_error(net, teacher)
  local layers = net.layers
  local last = #layers - 1
  local function nearest(l, from)
    local best = math.huge
    for _, to in ipairs(l == last and { plain(layers[l + 1]) } or symmetries(layers[l + 1])) do
      local sum = layer_distance(net, teacher, l, from, to)
      if l < last and sum < best then sum = sum + nearest(l + 1, to) end
      best = math.min(best, sum)
    end
    return best
  end
  return math.sqrt(nearest(1, plain(layers[1])))
end

return problems
