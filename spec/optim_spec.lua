local lsqnet = require "lsqnet"
local naive = require "naive"

local matrix, message, lbfgs = lsqnet.matrix, naive.message, lsqnet.optim.lbfgs
local check_gradient = lsqnet.optim.check_gradient

local function dot(a, b)
  local sum = 0
  for i = 1, a.rows do
    for j = 1, a.cols do sum = sum + a:get(i, j) * b:get(i, j) end
  end
  return sum
end

--- Sum over i of 100 (x_{i+1} - x_i^2)^2 + (1 - x_i)^2; its minimum is 0 at (1, ..., 1).
local function rosenbrock(x)
  local f, g = 0, matrix(x.rows, 1)
  for i = 1, x.rows - 1 do
    local a, b = x:get(i, 1), x:get(i + 1, 1)
    local c = b - a * a
    f = f + 100 * c * c + (1 - a) ^ 2
    g:set(i, 1, g:get(i, 1) - 400 * a * c - 2 * (1 - a))
    g:set(i + 1, 1, g:get(i + 1, 1) + 200 * c)
  end
  return f, g
end

local function rosenbrock_start(n)
  local x = matrix(n, 1, 1)
  for i = 1, n, 2 do x:set(i, 1, -1.2) end
  return x
end

--- One unknown: opfunc of a function and its derivative.
local function scalar(f, derivative)
  return function(x)
    local v = x:get(1, 1)
    return f(v), matrix { derivative(v) }
  end
end

--- Records each evaluation as {x, f, g} in the list it returns second.
local function recorded(opfunc)
  local list = {}
  return function(x)
    local f, g = opfunc(x)
    list[#list + 1] = { x = x:copy(), f = f, g = g:copy() }
    return f, g
  end, list
end

describe("optim.lbfgs", function()
  it("finds the minimum of Rosenbrock's function", function()
    for _, n in ipairs { 2, 10 } do
      local x = rosenbrock_start(n)
      local result, values, evaluations = lbfgs(rosenbrock, x,
        { iterations = 500, gradient_tolerance = 1e-10, loss_tolerance = 0 })
      assert.are.equal(x, result)
      assert.is_true(naive.distance(x, matrix(n, 1, 1)) < 1e-9)
      assert.is_true(#values - 1 < 100 and evaluations < 130)
      assert.are.equal(rosenbrock(x), values[#values])
    end
  end)

  -- With exact searches and memory n it would end after n steps (Nocedal and Wright, 7.2); ours
  -- are inexact, which costs a few more.
  it("takes about n iterations for a quadratic of n unknowns", function()
    for _, n in ipairs { 1, 5, 10, 20 } do
      local rng = lsqnet.rng(n)
      local B = matrix.randn(n, n, rng)
      local A, minimum = B * B:t() + matrix.eye(n) * n, matrix.randn(n, 1, rng)
      local function count(memory)
        local x, state = matrix(n, 1), {}
        local _, values = lbfgs(function(at)
          local d = at - minimum
          local g = A * d
          return 0.5 * dot(d, g), g
        end, x, { memory = memory, gradient_tolerance = 1e-9, loss_tolerance = 0 }, state)
        assert.are.equal("tolerance", state.stopped)
        -- A's eigenvalues are at least n, so a gradient of 1e-9 is as near to the minimum.
        assert.is_true(naive.distance(x, minimum) <= 1e-9)
        return #values - 1
      end
      local iterations = count(n)
      assert.is_true(iterations <= n + 13, ("%d iterations for %d"):format(iterations, n))
      assert.is_true(n == 1 or iterations < count(1))
    end
  end)

  it("meets the strong Wolfe conditions at every step it accepts", function()
    local valley = scalar(function(v) return v ^ 4 / 4 - v ^ 2 / 2 + 0.1 * v end,
      function(v) return v ^ 3 - v + 0.1 end)
    local wavy = function(x)
      local a, b = x:get(1, 1), x:get(2, 1)
      return a * a + 2 * b * b + 3 * math.sin(3 * a) * math.cos(b),
        matrix { 2 * a + 9 * math.cos(3 * a) * math.cos(b),
                 4 * b - 3 * math.sin(3 * a) * math.sin(b) }
    end
    for k, case in ipairs {
      { rosenbrock, rosenbrock_start(10) }, { rosenbrock, matrix(4, 1, 30) },
      { valley, matrix { 40 } }, { valley, matrix { 0.11 } },
      { wavy, matrix { 3, -2 } }, { wavy, matrix { -0.3, 17 } },
      { rosenbrock, rosenbrock_start(4), 1000 }, { rosenbrock, rosenbrock_start(4), 1e-6 },
    } do
      local opfunc, seen = recorded(case[1])
      -- gradient_tolerance: closer to a minimum, values differ by their rounding only
      local _, values = lbfgs(opfunc, case[2], { iterations = 100, max_evaluations = 1000,
        gradient_tolerance = 1e-5, loss_tolerance = 0, learning_rate = case[3] })
      assert.is_true(#values > 2)
      -- the iterates, in the order in which they were evaluated
      local iterate, next_value = seen[1], 2
      for e = 2, #seen do
        if values[next_value] and seen[e].f == values[next_value] then
          local step = seen[e].x - iterate.x
          local before, after = dot(iterate.g, step), dot(seen[e].g, step)
          assert.is_true(before < 0)
          assert.is_true(seen[e].f <= iterate.f + 1e-4 * before, ("case %d: (3.7a)"):format(k))
          -- of c2 too, up to the rounding of the differences x_new - x
          assert.is_true(math.abs(after) <= 0.9 * math.abs(before) * (1 + 1e-9),
            ("case %d: (3.7b)"):format(k))
          iterate, next_value = seen[e], next_value + 1
        end
      end
      assert.are.equal(#values + 1, next_value) -- each was found
      for i = 2, #values do assert.is_true(values[i] < values[i - 1]) end
    end
  end)

  it("takes a value that is not finite for a step too long", function()
    local nan = 0 / 0
    local cases = {
      { "x - log x", scalar(function(v) return v > 0 and v - math.log(v) or nan end,
        function(v) return v > 0 and 1 - 1 / v or nan end), 1e-3, 1 },
      { "x - log x from the right", scalar(function(v) return v > 0 and v - math.log(v) or nan end,
        function(v) return v > 0 and 1 - 1 / v or nan end), 1000, 1 },
      -- minus its square root, of 1 - (v - 3)^2, on [2, 4]
      { "a half circle", scalar(function(v) return -math.sqrt(1 - (v - 3) ^ 2) end,
        function(v) return (v - 3) / math.sqrt(1 - (v - 3) ^ 2) end), 2.001, 3 },
      { "with an infinite wall", scalar(function(v) return v < 5 and (v - 4) ^ 2 or math.huge end,
        function(v) return 2 * (v - 4) end), -300, 4 },
      { "a gradient that is not finite", scalar(function(v) return (v - 4) ^ 2 end,
        function(v) return v < 5 and 2 * (v - 4) or nan end), -300, 4 },
      { "minus infinity", scalar(function(v) return v < 5 and (v - 4) ^ 2 or -math.huge end,
        function(v) return 2 * (v - 4) end), -300, 4 },
    }
    for _, case in ipairs(cases) do
      for _, rate in ipairs { 1, 1e6 } do
        local x, state = matrix { case[3] }, {}
        local _, values = lbfgs(case[2], x,
          { loss_tolerance = 0, max_evaluations = 500, learning_rate = rate }, state)
        assert.is_true(math.abs(x:get(1, 1) - case[4]) < 1e-6,
          ("%s: %.17g"):format(case[1], x:get(1, 1)))
        assert.are.equal("tolerance", state.stopped)
        for i = 2, #values do assert.is_true(values[i] < values[i - 1]) end
      end
    end
  end)

  it("says so where the start is not finite, and leaves it", function()
    for _, values in ipairs { { 0 / 0, 1 }, { math.huge, 1 }, { -math.huge, 1 }, { 1, 0 / 0 },
                              { 1, math.huge } } do
      for _, line_search in ipairs { "strong_wolfe", "fixed" } do
        local x, state = matrix { 3, 4 }, {}
        local _, _, evaluations = lbfgs(function(at)
          return values[1], matrix(at.rows, 1, values[2])
        end, x, { line_search = line_search }, state)
        assert.are.equal("diverged", state.stopped)
        assert.are.equal(1, evaluations)
        assert.is_true(x == matrix { 3, 4 })
      end
    end
  end)

  it("ends for a function unbounded below, at a finite point", function()
    local functions = {
      { function(v) return -v end, function() return -1 end },
      { function(v) return -v * v end, function(v) return -2 * v end },
      { function(v) return v ^ 3 end, function(v) return 3 * v * v end },
      { function(v) return -math.exp(-v) end, function(v) return math.exp(-v) end, "tolerance" },
    }
    for _, f in ipairs(functions) do
      local x, state = matrix { -1 }, {}
      local _, values, evaluations = lbfgs(scalar(f[1], f[2]), x, { max_evaluations = 200,
        iterations = 1000 }, state)
      -- -exp overflows: what is beyond counts as too far, and the edge as the minimum
      assert.are.equal(f[3] or "iterations", state.stopped)
      assert.is_true(evaluations == 200 or f[3] ~= nil and evaluations < 200)
      local value = f[1](x:get(1, 1))
      assert.is_true(value < f[1](-1) and value - value == 0 and x:get(1, 1) - x:get(1, 1) == 0)
      assert.is_true(value <= values[#values])
    end
  end)

  it("stays where the gradient is 0", function()
    local square = scalar(function(v) return v * v end, function(v) return 2 * v end)
    for _, line_search in ipairs { "strong_wolfe", "fixed" } do
      local x, state = matrix { 0 }, {}
      local _, values, evaluations = lbfgs(square, x, { line_search = line_search }, state)
      assert.are.same({ 0 }, values)
      assert.are.equal(1, evaluations)
      assert.are.equal(0, x:get(1, 1))
      assert.are.equal("tolerance", state.stopped)
    end
  end)

  it("counts iterations and evaluations apart", function()
    local function count(options)
      local opfunc, seen = recorded(rosenbrock)
      options.loss_tolerance = 0
      local x, state = rosenbrock_start(6), {}
      local _, values, evaluations = lbfgs(opfunc, x, options, state)
      assert.are.equal(#seen, evaluations)
      assert.are.equal("iterations", state.stopped)
      return #values - 1, evaluations, seen, x
    end
    for _, n in ipairs { 0, 1, 2, 5, 20 } do
      local iterations, evaluations = count { iterations = n, max_evaluations = 1000 }
      assert.are.equal(n, iterations)
      assert.is_true(evaluations > n)
    end
    for _, n in ipairs { 1, 2, 3, 10, 20 } do
      local iterations, evaluations, seen, x = count { iterations = 1000, max_evaluations = n }
      assert.are.equal(n, evaluations)
      assert.is_true(iterations < n)
      local best = seen[1]
      for _, one in ipairs(seen) do
        if one.f < best.f then best = one end
      end
      assert.is_true(best.x == x)
    end
    -- by default 1.25 evaluations an iteration, and one more than iterations at least
    for n, most in pairs { [1] = 2, [2] = 3, [40] = 50 } do
      local opfunc, seen = recorded(rosenbrock)
      lbfgs(opfunc, rosenbrock_start(6), { iterations = n, loss_tolerance = 0 })
      assert.is_true(#seen <= most and #seen > n)
    end
  end)

  it("stops by its tolerances", function()
    local function last(options)
      options.iterations, options.max_evaluations = 1000, 10000
      local x, state = rosenbrock_start(4), {}
      local _, values = lbfgs(rosenbrock, x, options, state)
      assert.are.equal("tolerance", state.stopped)
      local _, gradient = rosenbrock(x)
      return values, math.max(gradient:max(), -gradient:min())
    end
    local values, slope = last { gradient_tolerance = 1e-2, loss_tolerance = 0 }
    local more, smaller = last { gradient_tolerance = 1e-8, loss_tolerance = 0 }
    assert.is_true(slope <= 1e-2 and smaller <= 1e-8 and #values < #more)
    values = last { gradient_tolerance = 0, loss_tolerance = 1e-3 }
    for k = 2, #values do
      assert.are.equal(k == #values, values[k - 1] - values[k] < 1e-3)
    end
  end)

  it("takes a row or a column, and views of whole rows", function()
    local function quadratic(x)
      local d = x:map(function(v) return v - 3 end)
      return dot(d, d), d * 2
    end
    local owner = matrix(4, 3, 0)
    for _, x in ipairs { matrix(5, 1), matrix(1, 5), owner:row(2) } do
      local result = lbfgs(quadratic, x)
      assert.are.equal(x, result)
      for _, row in ipairs(x:totable()) do
        for _, v in ipairs(row) do assert.is_true(math.abs(v - 3) < 1e-7) end
      end
    end
    assert.is_true(owner:row(1) == matrix(1, 3) and owner:row(3) == matrix(1, 3))
    assert.are.equal(owner:get(2, 1), owner:row(2):get(1, 1))
    assert.is_true(owner:get(2, 3) > 2.9)
    local nothing, state = matrix(0, 1), {}
    lbfgs(function(x) return 1, x:copy() end, nothing, {}, state)
    assert.are.equal("tolerance", state.stopped)
  end)

  it("reads a strided gradient, and one that is used again", function()
    local kept = matrix(2, 1)
    local function opfunc(x, make)
      local _, g = rosenbrock(x)
      return rosenbrock(x), make(g)
    end
    local plain, strided, reused = matrix { 0, 0 }, matrix { 0, 0 }, matrix { 0, 0 }
    lbfgs(rosenbrock, plain)
    lbfgs(function(x) return opfunc(x, function(g) return (naive.strided(g)) end) end, strided)
    lbfgs(function(x)
      return opfunc(x, function(g)
        kept:set(1, 1, g:get(1, 1))
        kept:set(2, 1, g:get(2, 1))
        return kept
      end)
    end, reused)
    assert.is_true(plain == strided and plain == reused)
  end)

  it("goes on with its state", function()
    local options = { iterations = 15, max_evaluations = 1000, loss_tolerance = 0 }
    local whole, state = rosenbrock_start(8), {}
    local _, all = lbfgs(rosenbrock, whole, { iterations = 30, max_evaluations = 1000,
                                              loss_tolerance = 0 })
    local x = rosenbrock_start(8)
    local _, first = lbfgs(rosenbrock, x, options, state)
    local _, second = lbfgs(rosenbrock, x, options, state)
    assert.is_true(whole == x)
    for k = 1, 16 do
      assert.are.equal(all[k], first[k])
      assert.are.equal(all[15 + k], second[k])
    end
    local other = rosenbrock_start(8)
    lbfgs(rosenbrock, other, options)
    lbfgs(rosenbrock, other, options)
    assert.is_false(whole == other)
  end)

  it("survives a state that was edited", function()
    local state = {}
    lbfgs(rosenbrock, rosenbrock_start(4), { iterations = 6 }, state)
    local size = state.values.rows
    for row = 1, math.min(size, 20) do
      for _, bad in ipairs { 0 / 0, math.huge, -1, 0, 1e300, 3.5 } do
        local edited = { values = state.values:copy() }
        edited.values:set(row, 1, bad)
        local x = rosenbrock_start(4)
        local _, values = lbfgs(rosenbrock, x, { iterations = 50 }, edited)
        assert.is_true(values[#values] < values[1])
        assert.are.equal(values[#values], rosenbrock(x))
      end
    end
  end)

  it("takes fixed steps where they are asked for", function()
    local x = matrix { 4 }
    local _, values, evaluations = lbfgs(
      scalar(function(v) return v * v end, function(v) return 2 * v end), x,
      { line_search = "fixed", learning_rate = 0.5 })
    -- The first step is rate * min(1, 1/|g|_1) along -g, 0.5; then H is exact and half of the
    -- way is left each time.
    assert.are.equal(16, values[1])
    assert.are.equal(3.5 ^ 2, values[2])
    assert.are.equal(1.75 ^ 2, values[3])
    assert.are.equal(#values, evaluations)
    assert.are.equal(values[#values], x:get(1, 1) ^ 2)
  end)

  it("returns the last fixed step, or the best where asked", function()
    local function run(keep)
      local x = rosenbrock_start(2)
      local _, values = lbfgs(rosenbrock, x, { line_search = "fixed", iterations = 3, keep = keep })
      return rosenbrock(x), values
    end
    local last, values = run(nil)
    assert.are.equal(values[#values], last)
    assert.are.equal(last, (run "last"))
    local lowest = math.huge
    for _, value in ipairs(values) do lowest = math.min(lowest, value) end
    assert.is_true(lowest < last) -- fixed steps rise on this function
    assert.are.equal(lowest, (run "best"))
  end)

  it("passes an error of opfunc on", function()
    local count, thrown = 0, {}
    local ok, raised = pcall(lbfgs, function(x)
      count = count + 1
      if count == 3 then error(thrown) end
      return rosenbrock(x)
    end, rosenbrock_start(2))
    assert.is_false(ok)
    assert.are.equal(thrown, raised)
    assert.are.equal(3, count)
  end)

  it("may be called from its own opfunc, and survives the collector", function()
    local x = matrix { 4 }
    lbfgs(function(at)
      collectgarbage()
      local inner = matrix { 0 }
      lbfgs(scalar(function(v) return (v - 1) ^ 2 end, function(v) return 2 * (v - 1) end), inner)
      local v = at:get(1, 1) - inner:get(1, 1)
      return v * v, matrix { 2 * v }
    end, x)
    assert.is_true(math.abs(x:get(1, 1) - 1) < 1e-6)
  end)

  it("explains what it cannot use", function()
    local function refusal(...) return (message(lbfgs, ...):gsub("to '[^']*'", "to lbfgs")) end
    local x = matrix(2, 1)
    local returns = "opfunc has to return a number and a matrix, got %s and %s"
    local function constant(...)
      local values = table.pack(...)
      return function() return table.unpack(values, 1, values.n) end
    end
    assert.are.equal("bad argument #1 to lbfgs (function expected, got nil)", refusal(nil, x))
    assert.are.equal("bad argument #2 to lbfgs (lsqnet.matrix expected, got table)",
      refusal(rosenbrock, {}))
    assert.are.equal("bad argument #2 to lbfgs (one column or one row expected)",
      refusal(rosenbrock, matrix(2, 2)))
    assert.are.equal("bad argument #2 to lbfgs (a matrix that is no strided view expected)",
      refusal(rosenbrock, matrix(4, 4):slice(1, 4, 2, 2)))
    assert.are.equal("bad argument #3 to lbfgs (a table of options expected, got number)",
      refusal(rosenbrock, x, 3))
    assert.are.equal("unknown option 'iteration' (did you mean 'iterations'?)",
      refusal(rosenbrock, x, { iteration = 3 }))
    assert.are.equal("unknown option 'seed'", refusal(rosenbrock, x, { seed = 3 }))
    assert.are.equal("option 'line_search': 'strong_wolfe' or 'fixed' expected, got 'wolfe'",
      refusal(rosenbrock, x, { line_search = "wolfe" }))
    assert.are.equal("option 'memory': at least 1.0 expected, got 0.0",
      refusal(rosenbrock, x, { memory = 0 }))
    assert.are.equal("bad argument #4 to lbfgs (table expected, got number)",
      refusal(rosenbrock, x, {}, 3))
    local unfit = "bad argument #4 to lbfgs (the state of a minimisation of as many unknowns "
      .. "expected)"
    assert.are.equal(unfit, refusal(rosenbrock, x, {}, { values = 3 }))
    assert.are.equal(unfit, refusal(rosenbrock, x, {}, { values = matrix(3, 1) }))
    local state = {}
    lbfgs(rosenbrock, matrix { 0, 0 }, { memory = 5 }, state)
    assert.are.equal(unfit, refusal(rosenbrock, x, {}, state))
    assert.are.equal(unfit, refusal(rosenbrock, matrix(3, 1), { memory = 5 }, state))
    assert.are.equal(returns:format("nil", "nil"), refusal(constant(), x))
    assert.are.equal(returns:format("number", "nil"), refusal(constant(1), x))
    assert.are.equal(returns:format("number", "table"), refusal(constant(1, {}), x))
    assert.are.equal(returns:format("boolean", "userdata"), refusal(constant(true, x), x))
    assert.are.equal("opfunc has to return a gradient of 2 x 1 as x, got 1 x 2",
      refusal(constant(1, matrix(1, 2)), x))
    assert.are.equal("opfunc has to return a gradient of 2 x 1 as x, got 3 x 1",
      refusal(constant(1, matrix(3, 1)), x))
  end)
end)

describe("optim.check_gradient", function()
  it("approves of a right gradient and finds a wrong one", function()
    for _, x in ipairs { matrix { -1.2, 1, 0.3 }, matrix { 100, -20, 3 }, matrix { 0, 0, 0 } } do
      local before = x:copy()
      local worst, quotients = check_gradient(rosenbrock, x)
      local _, gradient = rosenbrock(x)
      -- third derivatives of 2400 x, steps of 1e-5 (1 + |x|): relative to the gradient, 1e-7
      assert.is_true(worst < 1e-6, worst)
      assert.is_true(quotients:allclose(gradient, 1e-6, 1e-6))
      assert.is_true(before == x)
      for i = 1, 3 do
        worst = check_gradient(function(at)
          local f, g = rosenbrock(at)
          g:set(i, 1, g:get(i, 1) * 1.01 + 0.01)
          return f, g
        end, x)
        assert.is_true(worst > 1e-3)
      end
    end
  end)

  it("approves of the gradients of networks", function()
    local rng = lsqnet.rng(3)
    local X, Y = matrix.randn(20, 3, rng), matrix.randn(20, 2, rng)
    local net = lsqnet.network { layers = { 3, 4, 2 }, activation = "tanh" }
    local worst = check_gradient(function(w)
      net:set_parameters(w)
      return net:gradient(X, Y)
    end, net:parameters())
    assert.is_true(worst < 1e-9)
  end)

  it("takes rows, a step, and opfuncs that keep or change x", function()
    local function cubic(x) return x:get(1, 1) ^ 3, matrix { { 3 * x:get(1, 1) ^ 2 } } end
    local x = matrix { 1 }
    -- (1+h)^3 - (1-h)^3 over 2h is 3 + h^2, with h = 0.1 (1 + 1)
    local worst, quotients = check_gradient(cubic, x, 0.1)
    assert.is_true(math.abs(quotients:get(1, 1) - 3.04) < 1e-13)
    assert.is_true(math.abs(worst - 0.01) < 1e-13)
    local row = matrix { { 1, 2 } }
    worst = check_gradient(function(at)
      local f, g = at:get(1, 1) * at:get(1, 2), matrix { { at:get(1, 2), at:get(1, 1) } }
      return f, g
    end, row)
    assert.is_true(worst < 1e-9 and row == matrix { { 1, 2 } })
    assert.are.equal("enough", message(check_gradient, function(at)
      at:set(1, 1, 7)
      error("enough", 0)
    end, row))
    assert.is_true(row == matrix { { 1, 2 } })
  end)

  it("does not lose a nan", function()
    local function nan_value(x) return 0 / 0, x:copy() end
    local function nan_gradient(x) return 1, matrix(x.rows, 1, 0 / 0) end
    for _, opfunc in ipairs { nan_value, nan_gradient } do
      local worst = check_gradient(opfunc, matrix { 1, 2 })
      assert.is_true(worst ~= worst)
    end
  end)

  it("explains what it cannot use", function()
    local x = matrix(2, 1)
    assert.are.equal("bad argument #1 to 'check_gradient' (a function expected, got table)",
      message(check_gradient, {}, x))
    assert.are.equal("bad argument #2 to 'check_gradient' (lsqnet.matrix expected, got number)",
      message(check_gradient, rosenbrock, 1))
    for _, step in ipairs { {}, 0, -1, 0 / 0 } do
      assert.are.equal("bad argument #3 to 'check_gradient' (a positive number expected)",
        message(check_gradient, rosenbrock, x, step))
    end
    assert.are.equal("opfunc has to return a number and a matrix, got number and nil",
      message(check_gradient, function() return 1 end, x))
    assert.are.equal("opfunc has to return a gradient of 2 x 1 as x, got 1 x 2",
      message(check_gradient, function() return 1, matrix(1, 2) end, x))
  end)
end)
