-- Weights of candidates, none negative, of sum 1, by held-out predictions; and when none of them is
-- worth more than the mean.

local core = require "lsqnet.core"

local blend = {}

local LEAST <const> = .03 -- smaller weights become 0
local SWEEPS <const> = 2000

-- Smaller ones to 0, the sum to 1.
local function trimmed(weights)
  local sum = 0
  for k, w in ipairs(weights) do
    if w < LEAST then weights[k] = 0 else sum = sum + w end
  end
  for k, w in ipairs(weights) do weights[k] = w / sum end
  return weights
end

-- Moves weight from j to i as far as lowers w'Gw; returns how much it moved.
local function move(G, w, i, j)
  local slope, curvature = 0, G[i][i] - 2 * G[i][j] + G[j][j]
  for k = 1, #w do slope = slope + (G[i][k] - G[j][k]) * w[k] end
  if curvature <= 0 then return 0 end
  local step = math.max(-w[i], math.min(w[j], -slope / curvature))
  w[i], w[j] = w[i] + step, w[j] - step
  return math.abs(step)
end

--- By least squares: the weights of the candidates' held-out errors.
-- @tparam {matrix,...} held n x 1 each
-- @tparam matrix Y n x 1
-- @treturn {number,...}
function blend.squares(held, Y)
  local E
  for _, said in ipairs(held) do E = E and E:hcat(said - Y) or said - Y end
  local G, w, count = (E:t() * E):totable(), {}, #held
  for k = 1, count do w[k] = 1 / count end
  for _ = 1, SWEEPS do
    local moved = 0
    for i = 1, count do
      for j = 1, count do
        if i ~= j then moved = math.max(moved, move(G, w, i, j)) end
      end
    end
    if moved < 1e-7 then break end
  end
  return trimmed(w)
end

-- The probability that a candidate gave to the class of each row.
local function of_class(said, Y)
  return said:mul(Y):sum("cols"):map(function(p) return math.max(p, 1e-15) end)
end

--- By log loss: expectation-maximisation of a mixture.
function blend.log_loss(held, Y)
  local P
  for _, said in ipairs(held) do
    local p = of_class(said, Y)
    P = P and P:hcat(p) or p
  end
  local Pt, ones = P:t(), core.matrix(Y.rows, 1, 1)
  local w = core.matrix(#held, 1, 1 / #held)
  for _ = 1, 300 do
    local following = w:mul(Pt * ones:div(P * w)) / Y.rows
    local moved = (following - w):norm()
    w = following
    if moved < 1e-5 then break end
  end
  local list = {}
  for k = 1, #held do list[k] = w:get(k, 1) end
  return trimmed(list)
end

--- What the blend says of the judged rows.
function blend.mix(held, weights)
  local sum
  for k, said in ipairs(held) do
    if weights[k] > 0 then sum = sum and sum + said * weights[k] or said * weights[k] end
  end
  return sum
end

--- Each row's loss: squared errors, or -ln of the probability of its class.
function blend.losses(said, Y, classes)
  if classes then return of_class(said, Y):map(function(p) return -math.log(p) end) end
  local off = said - Y
  return off:mul(off)
end

--- Whether one prediction's losses are lower than another's by more than the standard error of the
-- paired differences.
function blend.better(losses, others)
  local difference = others - losses
  local n = difference.rows
  if n < 2 then return false end
  return difference:mean() > difference:std() / math.sqrt(n)
end

-- Probabilities made sharper (above 1) or flatter.
function blend.sharpen(P, power)
  if power == 1 then return P end
  return core.fit.softmax(P:map(function(p) return power * math.log(math.max(p, 1e-15)) end))
end

--- The power of the probabilities, .5 to 2, that gives the lowest held-out log loss: by golden
-- section of its logarithm.
function blend.calibrate(P, Y)
  local ratio = (math.sqrt(5) - 1) / 2
  local function loss(x) return blend.losses(blend.sharpen(P, 2 ^ x), Y, true):mean() end
  local a, b = -1, 1
  local x, z = b - ratio * (b - a), a + ratio * (b - a)
  local fx, fz = loss(x), loss(z)
  while b - a > .02 do
    if fx < fz then
      b, z, fz = z, x, fx
      x = b - ratio * (b - a)
      fx = loss(x)
    else
      a, x, fx = x, z, fz
      z = a + ratio * (b - a)
      fz = loss(z)
    end
  end
  return 2 ^ ((a + b) / 2)
end

return blend
