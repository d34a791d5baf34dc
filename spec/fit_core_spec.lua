-- The parts in C under lsqnet.fit: piecewise-linear maps, trainings of their nets.
local lsqnet = require "lsqnet"

local fit = lsqnet.core.fit

local function uniform(n, d, seed)
  return lsqnet.matrix.rand(n, d, lsqnet.rng(seed))
end

local function target(X)
  local Y = lsqnet.matrix(X.rows, 1)
  for i = 1, X.rows do
    Y:set(i, 1, math.sin(6 * X:get(i, 1)) + X:get(i, 2) * X:get(i, 3) * 2 - 1)
  end
  return Y
end

-- A column that a thermometer of few knots takes as it is, one of two values, one constant.
local function mixed(n)
  local X = uniform(n, 4, 3)
  for i = 1, n do
    X:set(i, 2, X:get(i, 2) < .3 and 1 or 0)
    X:set(i, 3, X:get(i, 3) * 4 // 1)
    X:set(i, 4, 7)
  end
  return X
end

local function folds(n, count)
  local fold = lsqnet.matrix(n, 1)
  for i = 1, n do fold:set(i, 1, (i - 1) % count + 1) end
  return fold
end

local function mse(a, b)
  return (a - b):norm() ^ 2 / a.rows
end

describe("piecewise maps", function()
  it("standardise, and put knots at distinct values or quantiles", function()
    local X = mixed(200)
    local map = fit.piecewise(X, 8)
    local first = map.first:totable()[1]
    assert.same({ 0, 9, 11, 15, 16 }, { first[1], first[2], first[3], first[4], first[5] })
    local column = {}
    for i = 1, 200 do column[i] = X:get(i, 1) end
    table.sort(column)
    local at = 199 * 3 / 8
    local expected = column[at // 1 + 1 | 0]
    expected = expected + (at % 1) * (column[at // 1 + 2 | 0] - expected)
    assert.near(expected, map.knots:get(4, 1), 1e-15)
    local S = fit.expand(fit.piecewise(X, 0), X)
    assert.equal(4, S.cols)
    assert.near(0, S:slice(1, 200, 1, 1):mean(), 1e-12)
    assert.near(1, S:slice(1, 200, 1, 1):norm() ^ 2 / 200, 1e-12)
    assert.equal(0, S:slice(1, 200, 4, 4):norm()) -- the constant
  end)

  it("expand bins as the recipe says", function()
    local X = mixed(150)
    local map = fit.piecewise(X, 5)
    local F, bin = fit.expand(map, X), X.cols
    for j = 1, X.cols do
      for k = map.first:get(1, j) + 1, map.first:get(1, j + 1) - 1 do
        local from, to, sum = map.knots:get(k | 0, 1), map.knots:get(k + 1 | 0, 1), 0
        local raw = {}
        for i = 1, X.rows do
          raw[i] = 2 * math.max(0, math.min(1, (X:get(i, j) - from) / (to - from))) - 1
          sum = sum + raw[i]
        end
        bin = bin + 1
        for i = 1, X.rows do assert.near(raw[i] - sum / X.rows, F:get(i, bin), 1e-12) end
      end
    end
    assert.equal(F.cols, bin)
  end)

  it("parts give what the expanded inputs do, also beyond the knots", function()
    local X, rng = mixed(100), lsqnet.rng(5)
    local wide = X * 1.7 - .4
    for _, bins in ipairs { 0, 1, 6 } do
      local map = fit.piecewise(X, bins)
      local F = fit.expand(map, wide)
      local W, b = lsqnet.matrix.randn(F.cols, 5, rng), lsqnet.matrix.randn(1, 5, rng)
      local V, c = lsqnet.matrix.randn(5, 2, rng), lsqnet.matrix.randn(1, 2, rng)
      local skip = lsqnet.matrix.randn(4, 2, rng)
      local Z = F * W + b
      local part = fit.part { map = map, unit = "none", weight = W, bias = b }
      assert.is_true(part:predict(wide):allclose(Z, 1e-10, 1e-10))
      local S = F:slice(1, F.rows, 1, 4)
      for unit, f in pairs {
        relu = function(z) return math.max(z, 0) end,
        silu = function(z) return z / (1 + math.exp(-z)) end,
        tanh = function(z) return 1 - 2 / (math.exp(2 * z) + 1) end,
      } do
        part = fit.part { map = map, unit = unit, weight = W, bias = b, output = V, offset = c,
                          skip = skip }
        assert.is_true(part:predict(wide):allclose(Z:map(f) * V + c + S * skip, 1e-9, 1e-9))
      end
    end
  end)

  it("refuse shapes that do not fit", function()
    local X = mixed(30)
    local map = fit.piecewise(X, 3)
    local W = lsqnet.matrix(fit.expand(map, X).cols, 1)
    assert.error_matches(function()
      fit.part { map = map, unit = "none", weight = X, bias = X }
    end, "field 'weight': %d+ x 0 expected")
    assert.error_matches(function()
      fit.part({ map = map, unit = "none", weight = W, bias = lsqnet.matrix(1, 1) }):predict(W)
    end, "4 columns expected, got 1")
    map.first:set(1, 2, 99)
    assert.error_matches(function() fit.expand(map, X) end, "field 'first'")
  end)
end)

describe("the ensemble", function()
  it("predicts rows that each net has not seen, with the joined nets' mean", function()
    local X = uniform(300, 3, 1)
    local Y, fold = target(X), folds(300, 3)
    local map = fit.piecewise(X, 8)
    local net = fit.ensemble(map, X, Y, fold, { nets = 3, units = 32, most_steps = 400 })
    assert.near(net.loss, mse(net.held_out, Y), 1e-5)
    assert.is_true(net.loss < .01 * mse(Y, lsqnet.matrix(300, 1, Y:mean())))
    local part = fit.part { map = map, unit = "relu", weight = net.weight, bias = net.bias,
                            output = net.output, offset = net.offset }
    assert.is_true(mse(part:predict(X), Y) < net.loss)
    local again = fit.ensemble(map, X, Y, fold, { nets = 3, units = 32, most_steps = 400 })
    assert.is_true(again.weight == net.weight and again.held_out == net.held_out)
  end)

  it("held-out outputs come from the other nets alone", function()
    local X = uniform(90, 3, 2)
    local Y, fold = target(X), folds(90, 3)
    local map = fit.piecewise(X, 4)
    local options = { nets = 3, units = 16, most_steps = 60 }
    local before = fit.ensemble(map, X, Y, fold, options).held_out
    for i = 1, 90, 3 do Y:set(i, 1, 100) end -- the first fold's targets
    local after = fit.ensemble(map, X, Y, fold, options).held_out
    for i = 1, 90, 3 do assert.equal(before:get(i, 1), after:get(i, 1)) end
    assert.is_true(math.abs(before:get(2, 1) - after:get(2, 1)) > 1e-3)
  end)

  it("learns classes", function()
    local X = uniform(300, 3, 4)
    local Y, raw = lsqnet.matrix(300, 3), target(X)
    for i = 1, 300 do
      local v = raw:get(i, 1)
      Y:set(i, v < -.5 and 1 or v < .5 and 2 or 3, 1)
    end
    local net = fit.ensemble(fit.piecewise(X, 8), X, Y, folds(300, 3),
                             { nets = 3, units = 32, most_steps = 300, classes = true })
    local P = fit.softmax(net.held_out:copy())
    local loss = -P:mul(Y):sum("cols"):map(function(p) return math.log(p) end):mean()
    assert.near(net.loss, loss, 1e-5)
    assert.is_true(loss < .35) -- of 1.1 for a guess
  end)

  it("checks folds", function()
    local X = uniform(10, 2, 1)
    assert.error_matches(function()
      fit.ensemble(fit.piecewise(X, 2), X, X:columns { 1 }, lsqnet.matrix(10, 1), { nets = 2 })
    end, "every net has to train on rows and miss some")
  end)
end)

describe("evidence", function()
  it("recovers a small net's function, and counts what the data determine", function()
    local X = uniform(400, 3, 6)
    local Y, rng = target(X), lsqnet.rng(9)
    local map = fit.piecewise(X, 0)
    local S, noisy = fit.expand(map, X), Y:copy()
    for i = 1, 400 do noisy:set(i, 1, Y:get(i, 1) + .1 * rng:normal()) end
    for _, unit in ipairs { "silu", "tanh" } do
      local net = fit.evidence(S, noisy, { units = 8, unit = unit, iterations = 50 })
      net.map, net.unit = map, unit
      local said = fit.part(net):predict(X)
      assert.near(net.squares, mse(said, noisy) * 400, 1e-8)
      assert.is_true(mse(said, Y) < .002) -- noise .01, 44 parameters
      local all = 8 * 3 + 8 + 8 + 1 + 3
      assert.is_true(net.effective > 8 and net.effective < all)
    end
  end)

  it("falls back to a line where there is nothing else", function()
    local X = uniform(200, 4, 8)
    local rng, Y = lsqnet.rng(2), lsqnet.matrix(200, 1)
    for i = 1, 200 do Y:set(i, 1, X:get(i, 1) * 3 + rng:normal()) end
    local net = fit.evidence(fit.expand(fit.piecewise(X, 0), X), Y, { units = 6 })
    assert.is_true(net.effective < 12) -- of 41
  end)

  it("gives the same bits for the same seed", function()
    local X = uniform(60, 2, 1)
    local Y = X:columns { 1 }
    local a = fit.evidence(X, Y, { units = 3, seed = 5 })
    local b = fit.evidence(X, Y, { units = 3, seed = 5 })
    assert.is_true(a.weight == b.weight and a.output == b.output)
    assert.is_false(a.weight == fit.evidence(X, Y, { units = 3, seed = 6 }).weight)
  end)
end)
