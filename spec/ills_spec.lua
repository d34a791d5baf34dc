local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

-- A teacher and a student drawn alike, and the teacher's data on [-1, 1]^d.
local function problem(layers, seed, options)
  options = options or {}
  local function draw(stream)
    return lsqnet.network {
      layers = layers, activation = options.activation or "tanh",
      output_activation = options.output or "tanh", init = { "uniform", -1, 1 },
      alpha = options.alpha, bias = options.bias, seed = 100 * seed + stream,
    }
  end
  local rng = lsqnet.rng(seed)
  local rows = options.rows or 80
  local X = matrix.rand(rows, layers[1], rng) * 2 - matrix(rows, layers[1], 1)
  local teacher = draw(1)
  return draw(2), X, teacher:predict(X), teacher
end

local function largest(m)
  return m:map(math.abs):max()
end

local function refusal(net, X, Y, options)
  local ok, message = pcall(function() lsqnet.ills(net, X, Y, options) end)
  assert.is_false(ok)
  return (message:gsub("^.-:%d+: ", ""))
end

-- With the identity as X, without a bias, the weights of a single layer are what H is.
local function inverses(output, values)
  local result = {}
  for first = 1, #values, 16 do -- few rows: no LAPACK, whose reflections would round
    local rows = math.min(16, #values - first + 1)
    local X, Y = matrix(rows, rows), matrix(rows, 1)
    for i = 1, rows do
      X:set(i, i, 1)
      Y:set(i, 1, values[first + i - 1])
    end
    local net = lsqnet.network { layers = { rows, 1 }, output_activation = output, bias = false }
    assert(lsqnet.ills(net, X, Y, {
      variant = "paper", iterations = 1, keep = "last", target_margin = 1e-15,
    }))
    for i = 1, rows do result[first + i - 1] = net:weight(1):get(i, 1) end
  end
  return result
end

local function units_apart(a, b) -- in the last place of b
  return math.abs(a - b) / 2.0 ^ (math.floor(math.log(math.abs(b), 2)) - 52)
end

describe("ills: the inverse", function()
  -- (1 + a) / (1 - a) of these is a whole number; of the small ones the series is short.
  it("of tanh is right to 5 units in the last place, at both signs", function()
    local values, expected = { 0 }, { 0 }
    local function add(value, inverse)
      for sign = -1, 1, 2 do
        values[#values + 1], expected[#expected + 1] = sign * value, sign * inverse
      end
    end
    for m = 1, 45 do add(1 - 2.0 ^ -m, math.log(2.0 ^ (m + 1) - 1) / 2) end
    for m = 8, 60 do
      local a = 1.25 * 2.0 ^ -m
      add(a, a + a ^ 3 * (1 / 3 + a ^ 2 * (1 / 5 + a ^ 2 * (1 / 7 + a ^ 2 / 9))))
    end
    local got = inverses("tanh", values)
    assert.are.equal(0, got[1])
    for k = 2, #values do
      assert(units_apart(got[k], expected[k]) <= 5,
             ("%.17g: %.17g expected, got %.17g"):format(values[k], expected[k], got[k]))
    end
  end)

  it("of sigmoid is right to 5 units in the last place", function()
    local values, expected = { 0.5 }, { 0 }
    for m = 2, 48 do
      values[#values + 1], expected[#expected + 1] = 2.0 ^ -m, -math.log(2.0 ^ m - 1)
      values[#values + 1], expected[#expected + 1] = 1 - 2.0 ^ -m, math.log(2.0 ^ m - 1)
    end
    local got = inverses("sigmoid", values)
    assert.are.equal(0, got[1])
    for k = 2, #values do
      assert(units_apart(got[k], expected[k]) <= 5,
             ("%.17g: %.17g expected, got %.17g"):format(values[k], expected[k], got[k]))
    end
  end)
end)

describe("ills: fits of few unknowns", function()
  -- Three columns and their sum: the smallest singular value is rounding.
  it("give the solution of minimum norm, as least_squares does", function()
    local rng = lsqnet.rng(5)
    for _, tilt in ipairs { 0, 1e-14, 1e-11, 1e-6, 1 } do
      local X = matrix.randn(60, 3, rng)
      local sum = X:slice(1, 60, 1, 1) + X:slice(1, 60, 2, 2) + X:slice(1, 60, 3, 3)
      X = X:hcat(sum + matrix.randn(60, 1, rng) * tilt)
      local Y = matrix.randn(60, 2, rng)
      local net = lsqnet.network {
        layers = { 4, 2 }, output_activation = "identity", bias = false,
      }
      lsqnet.ills(net, X, Y, { variant = "paper", iterations = 1, keep = "last", rcond = 1e-9 })
      local expected = X:lstsq(Y, 1e-9)
      -- Both solve a system whose counted singular values span 1e6 at most.
      local apart = largest(net:weight(1) - expected) / largest(expected)
      assert.is_true(apart < (tilt == 1e-6 and 1e-8 or 1e-13), tostring(apart))
    end
  end)

  it("scale with the data, over any range", function()
    for _, factor in ipairs { 2.0 ^ -500, 2.0 ^ -300, 2.0 ^ 300, 2.0 ^ 500 } do
      local X, Y = matrix.randn(40, 3, lsqnet.rng(6)), matrix.randn(40, 1, lsqnet.rng(7))
      local function weights(inputs)
        local net = lsqnet.network {
          layers = { 3, 1 }, output_activation = "identity", bias = false,
        }
        assert(lsqnet.ills(net, inputs, Y, { variant = "paper", iterations = 1, keep = "last" }))
        return net:weight(1)
      end
      local expected = weights(X)
      local apart = largest(weights(X * factor) * factor - expected)
      assert.is_true(apart < 1e-13 * largest(expected), tostring(apart))
    end
  end)
end)

describe("ills: what the specification asks for", function()
  it("solves a net without a hidden layer at once", function()
    for _, output in ipairs { "tanh", "sigmoid", "elu", "leaky_relu", "identity" } do
      for _, variant in ipairs { "paper", "robust" } do
        local net, X, Y = problem({ 3, 2 }, 1, { output = output })
        local report = lsqnet.ills(net, X, Y * 0.9, {
          iterations = 1, variant = variant, target_margin = 1e-6,
          output_weighting = "none",
        })
        if output == "identity" then assert.is_true(report.loss < 1e-25) end
        net, X, Y = problem({ 3, 2 }, 1, { output = output })
        assert.is_true(lsqnet.ills(net, X, Y, { iterations = 1, variant = variant,
                                                target_margin = 1e-6 }).loss < 1e-25, output)
      end
    end
  end)

  it("leaves hidden layers alone as the step goes to 0", function()
    for _, activation in ipairs { "tanh", "sigmoid", "elu", "leaky_relu", "identity", "relu" } do
      for _, layers in ipairs { { 2, 3, 1 }, { 3, 3, 2, 1 } } do
        local net, X, Y = problem(layers, 2, { activation = activation })
        local before = net:clone()
        lsqnet.ills(net, X, Y, {
          variant = "paper", step_size = 1e-14, iterations = 1, keep = "last", damping = 1e-3,
        })
        for l = 1, #layers - 2 do
          assert.is_true(largest(net:weight(l) - before:weight(l)) < 1e-9, activation)
          assert.is_true(largest(net:bias(l) - before:bias(l)) < 1e-9, activation)
        end
      end
    end
  end)

  it("fits what a Gauss-Newton step adds, up to the square of the step", function()
    local function difference(step_size)
      local ends = {}
      for k, refit in ipairs { true, false } do
        local net, X, Y = problem({ 2, 3, 1 }, 3)
        lsqnet.ills(net, X, Y, {
          variant = "paper", step_size = step_size, refit = refit, iterations = 1,
          keep = "last", damping = 1e-4,
        })
        ends[k] = net:weight(1):vcat(net:bias(1))
      end
      return largest(ends[1] - ends[2])
    end
    local ratio = difference(1e-4) / difference(1e-5)
    assert.is_true(ratio > 90 and ratio < 110, tostring(ratio))
  end)

  it("never raises the guarded objective, and returns the best net", function()
    for _, guard in ipairs { true, "halving" } do
      for _, weighting in ipairs { "none", "target", "secant" } do
        local net, X, Y = problem({ 2, 4, 2 }, 4)
        local report = lsqnet.ills(net, X, Y + matrix.randn(80, 2, lsqnet.rng(9)) * 0.1, {
          guard = guard, output_weighting = weighting, iterations = 40,
        })
        local lowest = math.huge
        for k = 2, #report.history do
          local entry = report.history[k]
          lowest = math.min(lowest, entry.loss)
          assert.is_true(entry.tries >= 1 and entry.tries <= 7)
          if k > 2 then
            assert.is_true(entry.objective <= report.history[k - 1].objective)
          end
        end
        assert.are.equal(lowest, report.loss)
      end
    end
    local net, X, Y = problem({ 2, 4, 1 }, 4)
    local report = lsqnet.ills(net, X, Y, { variant = "paper", step_size = 1, iterations = 30 })
    for _, entry in ipairs(report.history) do assert.is_true(report.loss <= entry.loss) end
    assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-9 * report.loss)
  end)

  it("gives the full batch's result over any split into blocks", function()
    -- Cholesky loses up to 1/damping of the 2^-53; the sweeps that follow, their share.
    for _, case in ipairs {
      { "local", false, 1e-6, 1e-9 }, { "chain", false, 1e-6, 1e-9 },
      { "full", false, 1e-6, 1e-7 }, { "local", true, 1e-2, 1e-9 },
      { "chain", true, 1e-2, 1e-9 }, { "full", true, 1e-2, 1e-9 },
    } do
      local deviation, joint, damping, tolerance = table.unpack(case)
      local function train(block_rows)
        local net, X, Y = problem({ 2, 3, 3, 2 }, 5)
        local report = lsqnet.ills(net, X, Y, {
          variant = "paper", deviation = deviation, damping = damping, joint = joint,
          block_rows = block_rows, iterations = 5, keep = "last", step_size = 0.1,
        })
        return report.history
      end
      local whole = train(80)
      for _, block_rows in ipairs { 1, 7, 33 } do
        local split = train(block_rows)
        for k = 2, 6 do
          assert.is_true(math.abs(split[k].loss / whole[k].loss - 1) < tolerance)
        end
      end
    end
  end)
end)

describe("ills", function()
  -- D, by lstsq over the whole system, and theta + D: a sweep of Gauss-Newton steps.
  it("takes the step of a naive deviation system", function()
    for _, damping in ipairs { 0, 1e-3 } do
      local net, X, Y = problem({ 2, 3, 2 }, 6, { output = "identity" })
      local naive = net:clone()
      lsqnet.ills(net, X, Y, {
        variant = "paper", step_size = 1, refit = false, iterations = 1, keep = "last",
        damping = damping, rcond = 1e-12,
      })
      local ones = matrix(80, 1, 1)
      local h = naive:activations(X, 1)
      local output = h:hcat(ones):lstsq(Y)
      local P, R = X:hcat(ones), Y - h:hcat(ones) * output
      local A, right = matrix(160, 9), matrix(160, 1)
      for n = 1, 80 do
        for k = 1, 2 do
          right:set(2 * n + k - 2, 1, R:get(n, k))
          for i = 1, 3 do
            for j = 1, 3 do
              local slope = 1 - h:get(n, j) ^ 2
              A:set(2 * n + k - 2, 3 * i + j - 3, output:get(j, k) * slope * P:get(n, i))
            end
          end
        end
      end
      local gram = A:t() * A
      local trace = 0
      for i = 1, 9 do trace = trace + gram:get(i, i) end
      local D = damping == 0 and A:lstsq(right)
        or (gram + matrix.eye(9) * (damping * trace / 9)):solve(A:t() * right)
      local expected = naive:weight(1):vcat(naive:bias(1)) + D:reshape(3, 3)
      assert.is_true(net:weight(1):vcat(net:bias(1)):allclose(expected, 1e-8, 1e-9))
      assert.is_true(net:weight(2):vcat(net:bias(2)):allclose(output, 1e-9, 1e-10))
    end
  end)

  it("finds teachers again", function()
    local found = 0
    for seed = 1, 10 do
      local net, X, Y = problem({ 2, 2, 1 }, seed, { rows = 200 })
      local report = lsqnet.ills(net, X, Y, { iterations = 300 })
      if report.loss < 1e-24 then
        found = found + 1
        assert.are.equal("tolerance", report.stopped)
      end
    end
    assert.is_true(found >= 6)
  end)

  it("is stable in the published form, even at full steps", function()
    for seed = 1, 20 do
      local net, X, Y = problem({ 2, 2, 1 }, seed, { rows = 200 })
      local report = lsqnet.ills(net, X, Y, {
        variant = "paper", step_size = 1, iterations = 100,
      })
      assert.is_true(report.history[#report.history].loss <= 10 * report.loss)
    end
  end)

  it("trains every activation it is said to", function()
    for _, activation in ipairs { "tanh", "sigmoid", "elu", "leaky_relu", "identity", "relu" } do
      for _, output in ipairs { "tanh", "sigmoid", "elu", "identity" } do
        local net, X, Y = problem({ 2, 4, 3, 2 }, 7, {
          activation = activation, output = output, alpha = 0.2,
        })
        local before = net:loss(X, Y)
        local report = lsqnet.ills(net, X, Y, { iterations = 20 })
        assert.is_true(report.loss < 0.1 * before, activation .. ", " .. output)
      end
    end
  end)

  it("trains nets without biases, with more unknowns than rows, and full at once", function()
    for _, options in ipairs {
      { deviation = "chain" }, { deviation = "full" }, { deviation = "local" },
      { damping = 0 }, { variant = "paper" },
    } do
      for _, rows in ipairs { 1, 2, 6, 80 } do
        for _, layers in ipairs { { 1, 1 }, { 1, 1, 1 }, { 2, 3, 3, 1 } } do
          for _, bias in ipairs { true, false } do
            local net, X, Y = problem(layers, 8, { rows = rows, bias = bias })
            local before = net:loss(X, Y)
            options.iterations = 6
            local report = assert(lsqnet.ills(net, X, Y, options))
            assert.is_true(report.loss <= before)
            assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-9 * before)
          end
        end
      end
    end
  end)

  it("does not depend on the number of threads", function()
    local function train(layers, rows, threads)
      lsqnet.set_threads(threads)
      local net, X, Y = problem(layers, 9, { rows = rows })
      lsqnet.ills(net, X, Y, { iterations = 2 })
      return net:parameters()
    end
    local one, three = train({ 3, 12, 8, 2 }, 1000, 1), train({ 3, 12, 8, 2 }, 1000, 3)
    local few, few_of_three = train({ 3, 2, 1 }, 100000, 1), train({ 3, 2, 1 }, 100000, 3)
    lsqnet.set_threads(2)
    -- A threaded BLAS may add in another order within LAPACK, but not for so few unknowns.
    assert.is_true(one:allclose(three, 1e-6, 1e-9))
    assert.is_true(few == few_of_three)
  end)

  it("takes views and leaves data alone", function()
    local net, X, Y = problem({ 2, 3, 1 }, 10)
    local wide = matrix(80, 1, 7):hcat(X):hcat(Y)
    local other, kept = net:clone(), wide:copy()
    lsqnet.ills(net, X, Y, { iterations = 4 })
    lsqnet.ills(other, wide:slice(1, 80, 2, 3), wide:slice(1, 80, 4, 4), { iterations = 4 })
    assert.is_true(net:parameters() == other:parameters())
    assert.is_true(kept == wide)
  end)

  it("refuses what it cannot train", function()
    local net, X, Y = problem({ 2, 3, 1 }, 11)
    local relu = lsqnet.network { layers = { 2, 3, 1 }, output_activation = "relu" }
    assert.are.equal(
      "bad argument #1 to 'ills' (ills trains a net whose output activation is identity, "
        .. "leaky_relu, elu, tanh or sigmoid, this has relu)",
      refusal(relu, X, Y)
    )
    local leaky = lsqnet.network {
      layers = { 2, 3, 1 }, output_activation = "leaky_relu", alpha = 0,
    }
    assert.are.equal(
      "bad argument #1 to 'ills' (ills inverts the output activation, leaky_relu with alpha = 0 "
        .. "has no inverse)",
      refusal(leaky, X, Y)
    )
    assert.are.equal(
      "bad argument #1 to 'ills' (ills minimises the mse, the net's loss is cross_entropy)",
      refusal(lsqnet.network { layers = { 2, 3, 1 }, loss = "cross_entropy" }, X, Y)
    )
    assert.are.equal(
      "option 'fit_order': a guard compares nets whose output layer was fitted last; 'first' needs "
        .. "guard = false",
      refusal(net, X, Y, { fit_order = "first" })
    )
    assert.are.equal(
      "option 'guard': true, false or 'halving' expected, got 'halvin' (did you mean 'halving'?)",
      refusal(net, X, Y, { guard = "halvin" })
    )
    assert.are.equal(
      "option 'guard': a boolean or a string expected, got number",
      refusal(net, X, Y, { guard = 1 })
    )
    assert.are.equal(
      "option 'joint': a boolean expected, got string",
      refusal(net, X, Y, { joint = "yes" })
    )
    assert.are.equal(
      "option 'damping': a number expected, got nan",
      refusal(net, X, Y, { damping = 0 / 0 })
    )
  end)

  it("stops as diverged, and keeps the best", function()
    local net, X, Y = problem({ 2, 3, 1 }, 12, { activation = "elu", output = "identity" })
    local report = lsqnet.ills(net, X, Y, {
      variant = "paper", step_size = 1e300, iterations = 50, refit = false,
    })
    assert.are.equal("diverged", report.stopped)
    assert.are.equal(report.history[1].loss, report.loss)
    assert.is_true(math.abs(net:loss(X, Y) / report.loss - 1) < 1e-14)
  end)

  it("describes defaults that the variant decides", function()
    local by_name = {}
    for _, option in ipairs(lsqnet.options "ills") do by_name[option.name] = option end
    assert.is_nil(by_name.step_size.default)
    assert.matches("default: 1, paper 0.3", by_name.step_size.text, 1, true)
    assert.are.equal("boolean", by_name.guard.type)
    assert.are.same({ "halving" }, by_name.guard.choices)
    assert.is_nil(by_name.guard.default)
    assert.is_nil(by_name.joint.choices)
    assert.are.equal("robust", by_name.variant.default)
    assert.are.equal(1e-10, by_name.rcond.default)
  end)

  it("has the published form's defaults with variant = 'paper'", function()
    local ends = {}
    for k, options in ipairs {
      { variant = "paper" },
      {
        step_size = 0.3, deviation = "local", fit_order = "first", joint = false, guard = false,
        damping = 0, anchor = false, target_cap = math.huge, output_weighting = "none",
        target_margin = 1e-6,
      },
    } do
      local net, X, Y = problem({ 2, 3, 2, 1 }, 13)
      options.iterations = 5
      lsqnet.ills(net, X, Y, options)
      ends[k] = net:parameters()
    end
    assert.is_true(ends[1] == ends[2])
  end)
end)

describe("classification", function()
  local classification = lsqnet.classification

  it("gives targets one against the rest", function()
    local Y = matrix { { 1, 0, 0 }, { 0, 0.5, 0.5 } }
    assert.is_true(classification.targets(Y):allclose(matrix { { 0.9, -0.9, -0.9 },
                                                               { -0.9, 0, 0 } }, 1e-15, 1e-15))
    assert.is_true(classification.targets(Y, 0.5):max() == 0.5)
    assert.error_matches(function() classification.targets(Y, 1) end,
                         "bad argument #2 to 'targets' %(a number above 0 and below 1 expected")
    assert.error_matches(function() classification.targets(Y * 2) end,
                         "entries from 0 to 1 expected, got 2 in row 1, column 1", 1, true)
  end)

  it("makes a classifier of the same decisions, whose logits are 2 z", function()
    local rng = lsqnet.rng(3)
    local X = matrix.randn(150, 2, rng)
    local Y = matrix(150, 3)
    for i = 1, 150 do
      local class = X:get(i, 1) > 0.3 and 1 or X:get(i, 2) > 0 and 2 or 3
      Y:set(i, class, 1)
    end
    local net = lsqnet.network {
      layers = { 2, 6, 3 }, activation = "tanh", output_activation = "tanh",
    }
    assert(lsqnet.ills(net, X, classification.targets(Y), { iterations = 30 }))
    local classifier = classification.classifier(net)
    assert.is_true(classifier:score(X, Y) > 0.9)
    local y = classifier:predict(X):map(function(logit) return 2 / (1 + math.exp(-logit)) - 1 end)
    assert.is_true(net:predict(X):allclose(y, 0, 1e-14))
    local sums = classifier:probabilities(X):sum("cols")
    assert.is_true(sums:allclose(matrix(150, 1, 1), 1e-12, 1e-12))
    assert.error_matches(function() classification.classifier(classifier) end,
                         "a net with a tanh output expected, this has identity", 1, true)
  end)
end)

describe("ills: sample weights", function()
  -- Nets of few and of many inputs take different routes through the fits.
  local function trained(X, Y, layers, options)
    local net = lsqnet.network {
      layers = layers, activation = "tanh", output_activation = "tanh", init = "normal", seed = 7,
    }
    local report = assert(lsqnet.ills(net, X, Y, options))
    return net, report
  end

  it("count rows as often as they say, by every deviation and weighting", function()
    local rng = lsqnet.rng(8)
    local rows = 90
    local X = matrix.randn(rows, 2, rng)
    local Y = matrix.rand(rows, 2, rng) * 1.6 - matrix(rows, 2, 0.8)
    local weights, copies, targets = matrix(rows, 1), {}, {}
    for i = 1, rows do
      weights:set(i, 1, i * 5 % 4)
      for _ = 1, i * 5 % 4 do
        copies[#copies + 1], targets[#targets + 1] = X:totable()[i], Y:totable()[i]
      end
    end
    copies, targets = matrix(copies), matrix(targets)
    for _, layers in ipairs { { 2, 2 }, { 2, 3, 3, 2 }, { 2, 9, 2 } } do
      for _, deviation in ipairs { "local", "chain", "full" } do
        for _, output_weighting in ipairs { "none", "target", "secant" } do
          for _, variant in ipairs { "robust", "paper" } do
            local options = {
              variant = variant, deviation = deviation, output_weighting = output_weighting,
              iterations = 2, keep = "last", damping = 1e-3,
            }
            local net, report = trained(copies, targets, layers, options)
            options.weights = weights
            local other, other_report = trained(X, Y, layers, options)
            local what = table.concat({ #layers, deviation, output_weighting, variant }, " ")
            local size = math.max(1, largest(net:parameters()))
            assert.is_true(largest(net:parameters() - other:parameters()) <= 1e-7 * size, what)
            for i, entry in ipairs(report.history) do
              local objective = other_report.history[i].objective
              assert.is_true(math.abs(entry.objective - objective) <= 1e-8 * objective, what)
            end
            assert.is_true(math.abs(other_report.loss - net:loss(copies, targets)) <= 1e-8, what)
          end
        end
      end
    end
  end)
end)
