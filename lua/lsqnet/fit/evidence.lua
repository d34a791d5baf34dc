-- The candidates `lm_silu` and `lm_tanh`: nets with direct connections on standardised columns, by
-- Levenberg-Marquardt with evidence, one a fold.

local core = require "lsqnet.core"

local MOST_ROWS <const> = 3000 -- a net
local MOST_INPUTS <const> = 130

local KINDS <const> = {
  silu = { floor = .03, units = function(n, d)
    return math.max(3, math.min(n / 40, 16, math.max(3, 400 // (d + 2)))) // 1 | 0
  end, starts = 1 },
  tanh = { floor = 1e-3, units = function(n)
    return math.max(3, math.min(n / 40, 12)) // 1 | 0
  end, starts = 2 },
}

-- Rows that train a net: all, or a draw of them.
local function sample(problem, S, k)
  local X, Y = problem:training(S, k), problem:training(problem.Y, k)
  if X.rows <= MOST_ROWS then return X, Y end
  local drawn = core.rng(problem.seed + k):permutation(X.rows)
  drawn = table.move(drawn, 1, MOST_ROWS, 1, {})
  return X:take(drawn), Y:take(drawn)
end

-- The start whose noise, by its own count of parameters, is the least.
local function best_of(problem, X, Y, k, unit)
  local kind, best = KINDS[unit], nil
  local iterations = problem.effort == "fast" and problem.rows > 2500 and 30 or 50
  for start = 1, kind.starts do
    local net, message, code = core.fit.evidence(X, Y, {
      units = kind.units(problem.rows, problem.inputs), unit = unit, floor = kind.floor,
      iterations = iterations, seed = problem.seed * 1000 + k * 10 + start,
      seconds = math.max(0, problem:left()),
    })
    if not net then return nil, message, code end
    net.noise = net.squares / math.max(X.rows - net.effective, X.rows / 10)
    if not best or net.noise < best.noise then best = net end
  end
  return best
end

-- All nets as one, whose output is the mean of theirs.
local function join(nets, map, unit)
  local joined = { map = map, unit = unit }
  local count = #nets
  for _, net in ipairs(nets) do
    local output, offset, skip = net.output / count, net.offset / count, net.skip / count
    if joined.weight then
      joined.weight, joined.bias = joined.weight:hcat(net.weight), joined.bias:hcat(net.bias)
      joined.output, joined.offset = joined.output:vcat(output), joined.offset + offset
      joined.skip = joined.skip + skip
    else
      joined.weight, joined.bias, joined.output = net.weight, net.bias, output
      joined.offset, joined.skip = offset, skip
    end
  end
  return joined
end

--- Whether it pays for a problem.
local function fits(problem)
  return not problem.classes and problem.inputs <= MOST_INPUTS
end

return { fits = fits, train = function(problem, unit)
  local map, matrix = problem:map(false)
  local S, nets, held, effective = matrix(), {}, nil, 0
  for k = 1, problem.folds do
    local X, Y = sample(problem, S, k)
    local net, message, code = best_of(problem, X, Y, k, unit)
    if not net then return nil, message, code end
    net.map, net.unit = map, unit
    local said = core.fit.part(net):predict(problem:held_out(problem.X, k))
    held = held and held:vcat(said) or said
    nets[k], effective = net, effective + net.effective / problem.folds
  end
  return held, join(nets, map, unit), ("%d units, %.0f effective parameters"):format(
    nets[1].weight.cols, effective)
end }
