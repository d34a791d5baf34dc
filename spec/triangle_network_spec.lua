local lsqnet = require "lsqnet"

local matrix, triangle = lsqnet.matrix, lsqnet.triangle

local oracle = require("oracle").read "triangle"

-- Within the oracle's 1e-12, relative above 1.
local function assert_close(expected, given, what)
  local A = type(expected) == "table" and matrix(expected) or matrix { expected }
  local B = type(given) == "number" and matrix { given } or given
  if B.rows ~= A.rows then
    B = B:t()
  end
  assert.is_true(A:allclose(B, oracle.tol, oracle.tol),
    ("%s: %.3g off"):format(what or "", (A - B):norm()))
end

local function of_case(case, scales)
  return triangle.network {
    depth = case.d,
    sign = case.sigma == 1 and "added" or "subtracted",
    peaks = case.a,
    scales = scales,
  }
end

-- Entries first .. last of a list.
local function part(list, first, last)
  return table.move(list, first, last, 1, {})
end

-- F as the specification writes it, for x in [0, 1].
local function naive(x, net)
  local a, d = net:parameters(), net.depth
  local sigma, v, product, sum = net.sign == "added" and 1 or -1, x, 1, x
  for i = 1, d do
    local peak, after = a:get(i, 1), a:get(i + 1, 1)
    v = v <= peak and v / peak or (1 - v) / (1 - peak)
    product = product * (i == 1 and sigma < 0 and peak or 1 - peak) * after
    sum = sum + sigma * product * v
  end
  return sum
end

describe("a triangle network", function()
  for _, case in ipairs(oracle.cases) do
    it("has the oracle's values: " .. case.name, function()
      local net, free = of_case(case), of_case(case, "free")
      assert_close(case.F, net:predict(matrix(case.x)), "F")
      assert_close(case.F, net:dense():predict(matrix(case.x)), "F of the dense net")
      local X, Y = matrix(case.data_x), matrix(case.data_y)
      local loss, gradient = net:gradient(X, Y)
      assert_close(case.loss, loss, "loss")
      assert_close(case.loss, net:loss(X, Y), "loss alone")
      assert_close(case.dLoss_da, gradient, "gradient")
      local expected = part(case.freeS_dLoss_da, 1, case.d + 1)
      table.move(case.freeS_dLoss_dS, 1, case.d, case.d + 2, expected)
      local _, by_all = free:gradient(X, Y)
      assert_close(expected, by_all, "gradient with free scales")
      assert_close(case.S, free:parameters():slice(case.d + 2, 2 * case.d + 1), "scales")
    end)

    it("has the oracle's weights: " .. case.name, function()
      local dense = of_case(case):dense()
      assert.are.equal(case.n_params, dense.parameter_count)
      assert.are.equal(case.d + 1, dense.depth)
      for k, layer in ipairs(case.layers) do
        assert_close(layer.W, dense:weight(k):t(), "W" .. k)
        assert_close(layer.b, dense:bias(k), "b" .. k)
      end
      assert.are.equal(case.linear_regions, dense:linear_regions(0, 1))
      assert.are.equal(case.linear_regions, of_case(case):linear_regions(0, 1))
    end)

    it("is the dense net beyond [0, 1] too: " .. case.name, function()
      local X = matrix(case.fold_z)
      assert_close(case.upright_outside_F, of_case(case):predict(X), "F")
      assert_close(case.upright_outside_F, of_case(case):dense():predict(X), "dense F")
    end)
  end

  it("follows the oracle's 50 steps of gradient descent", function()
    local case = oracle.gd
    local X = matrix.linspace(0, 1, 51)
    local Y = X:map(function(x) return x ^ 3 end)
    local net = triangle.network { sign = "subtracted", peaks = case.a0 }
    for step = 1, case.steps do
      local loss, gradient = net:gradient(X, Y)
      if step == 1 then assert_close(case.loss_first, loss) end
      if step == case.steps then assert_close(case.loss_last, loss) end -- before its update
      net:set_parameters((net:parameters() - case.lr * gradient):map(function(a)
        return math.max(case.clamp, math.min(1 - case.clamp, a))
      end))
    end
    assert_close(case.a_final, net:parameters())
  end)

  it("equals the sum as the specification writes it, and has 2^d pieces", function()
    local rng = lsqnet.rng(4)
    local X = matrix.rand(200, 1, rng)
    for depth = 1, 8 do
      for _, sign in ipairs { "added", "subtracted" } do
        local net = triangle.network { depth = depth, sign = sign, rng = rng }
        local expected = X:map(function(x) return naive(x, net) end)
        assert.is_true(expected:allclose(net:predict(X), 1e-13, 1e-13))
        assert.is_true(expected:allclose(net:dense():predict(X), 1e-12, 1e-12))
        assert.are.equal(2 ^ depth, net:linear_regions(0, 1))
        assert.are.equal(20 * depth - 7, net:dense().parameter_count)
        assert.are.equal(depth + 1, net.parameter_count)
      end
    end
  end)

  it("interpolates x^2 where all peaks are 1/2 (Yarotsky)", function()
    for depth = 1, 10 do
      local peaks = {}
      for i = 1, depth + 1 do peaks[i] = 0.5 end
      local net = triangle.network { depth = depth, sign = "subtracted", peaks = peaks }
      local X = matrix.linspace(0, 1, 999)
      local off = net:predict(X) - X:mul(X)
      assert.is_true(off:max() <= 4 ^ -(depth + 1) + 1e-15 and off:min() >= -1e-15)
    end
  end)

  it("has the gradient of central differences, of free scales with a cut-off sum too", function()
    local rng = lsqnet.rng(7)
    local X, Y = matrix.rand(40, 1, rng), matrix.rand(40, 1, rng)
    for _, scales in ipairs { "enforced", "free" } do
      local net = triangle.network { depth = 4, sign = "subtracted", scales = scales, rng = rng }
      if scales == "free" then
        local v = net:parameters()
        for i = 6, 9 do v:set(i, 1, 0.9) end
        net:set_parameters(v)
        assert.are_not.equal(0, net:predict(X):min()) -- the output may well be negative
        assert.is_true(net:predict(X):allclose(net:dense():predict(X), 1e-12, 1e-12))
      end
      local worst = lsqnet.optim.check_gradient(function(v)
        net:set_parameters(v)
        return net:gradient(X, Y)
      end, net:parameters(), 1e-7)
      assert.is_true(worst < 1e-6, tostring(worst)) -- rounding 1e-16 / 1e-7, and kinks
    end
  end)

  it("takes any number of rows, and views", function()
    local net = triangle.network { seed = 3 }
    assert.are.equal(0, net:predict(matrix(0, 1)).rows)
    local X = matrix.rand(70, 3, lsqnet.rng(1))
    local view, copy = X:slice(1, 70, 2, 2), X:columns(2, 2)
    assert.are.equal(copy:totable()[1][1], view:totable()[1][1])
    assert.is_true(net:predict(view) == net:predict(copy))
    local one = net:predict(copy:slice(70, 70))
    assert.are.equal(net:predict(copy):get(70, 1), one:get(1, 1))
    local Y = copy:map(math.sqrt)
    assert.are.equal(net:loss(copy, Y), net:loss(view, Y))
  end)

  it("tells what it is", function()
    local net = triangle.network { depth = 3, sign = "subtracted", scales = "free" }
    assert.are.equal("lsqnet.triangle of depth 3, subtracted, free scales, 7 parameters",
      tostring(net))
    assert.are.same({ 3, "subtracted", "free", 7 },
      { net.depth, net.sign, net.scales, net.parameter_count })
    assert.is_nil(net.blocks)
    local copy = net:clone()
    copy:set_parameters(copy:parameters() * 0.9)
    assert.is_false(net:parameters() == copy:parameters())
    assert.is_true(triangle.network { seed = 5 }:parameters()
      == triangle.network { rng = lsqnet.rng(5) }:parameters())
  end)
end)

describe("a triangle network refuses", function()
  local function refusal(f, ...)
    local arguments = table.pack(...)
    local ok, message = pcall(function()
      f(table.unpack(arguments, 1, arguments.n))
    end)
    assert.is_false(ok)
    return (message:gsub("^.-:%d+: ", ""))
  end

  local net = triangle.network { depth = 2 }

  it("options that cannot be", function()
    local new = triangle.network
    assert.matches("unknown option 'peak' %(did you mean 'peaks'%?%)", refusal(new, { peak = {} }))
    assert.matches("option 'depth': at least 1%.0 expected, got 0", refusal(new, { depth = 0 }))
    assert.matches("option 'depth': at most 40%.0 expected", refusal(new, { depth = 41 }))
    assert.matches("option 'sign': 'added' or 'subtracted' expected, got 'plus'",
      refusal(new, { sign = "plus" }))
    assert.matches("option 'peaks': a list of depth %+ 1 = 3 numbers expected",
      refusal(new, { depth = 2, peaks = { 0.5, 0.5 } }))
    assert.matches("option 'peaks': entry 2 is a string, not a number",
      refusal(new, { depth = 1, peaks = { 0.5, "x" } }))
    assert.matches("option 'peaks': peak 2: a number between 0 and 1 expected, got 1",
      refusal(new, { depth = 1, peaks = { 0.5, 1 } }))
    assert.matches("options 'peaks' and 'seed' exclude each other",
      refusal(new, { depth = 1, peaks = { 0.5, 0.5 }, seed = 1 }))
    assert.matches("options 'peaks' and 'rng' exclude each other",
      refusal(new, { depth = 1, peaks = { 0.5, 0.5 }, rng = lsqnet.rng(1) }))
    assert.matches("options 'rng' and 'seed' exclude each other",
      refusal(new, { rng = lsqnet.rng(1), seed = 1 }))
  end)

  it("parameters and data that cannot be", function()
    assert.matches("the parameter vector is 3 x 1, got 2 x 1",
      refusal(net.set_parameters, net, matrix(2, 1)))
    assert.matches("peak 3: a number between 0 and 1 expected, got 1.5",
      refusal(net.set_parameters, net, matrix { 0.5, 0.5, 1.5 }))
    assert.matches("parameter 1 is not finite",
      refusal(net.set_parameters, net, matrix { 0 / 0, 0.5, 0.5 }))
    assert.matches("X of 1 columns expected, got 2", refusal(net.predict, net, matrix(3, 2)))
    assert.matches("X has no rows", refusal(net.gradient, net, matrix(0, 1), matrix(0, 1)))
    assert.matches("3 rows expected to match X, got 2",
      refusal(net.gradient, net, matrix(3, 1), matrix(2, 1)))
    assert.matches("fields cannot be set %(field 'depth'%)",
      refusal(function() net.depth = 3 end))
    assert.matches("a network of blocks expected", refusal(net.mask, net))
    local value, message, code = net:loss(matrix { 0 / 0 }, matrix { 1 })
    assert.is_nil(value)
    assert.matches("^X", message)
    assert.are.equal("non_finite", code)
  end)
end)
