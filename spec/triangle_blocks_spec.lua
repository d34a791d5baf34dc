local lsqnet = require "lsqnet"

local matrix, triangle = lsqnet.matrix, lsqnet.triangle

local oracle = require("oracle").read "triangle"

-- The flat vector of one layer of blocks and one output.
local function flatten(case)
  local flat = {}
  local function add(list)
    table.move(list, 1, #list, #flat + 1, flat)
  end
  for p = 1, #case.w[1] do
    for k = 1, #case.w do flat[#flat + 1] = case.w[k][p] end
  end
  add(case.c)
  add(case.r)
  for _, peaks in ipairs(case.a) do add(peaks) end
  add(case.o)
  flat[#flat + 1] = case.o0
  return matrix(flat)
end

local function single(case, sigma)
  local rng = lsqnet.rng(1)
  local net = triangle.blocks(matrix { 0, 1 }, {
    blocks = 1, depth = case.d, signs = sigma == 1 and "added" or "subtracted", rng = rng,
  })
  net:set_parameters(flatten { w = { { 1 } }, c = { 0 }, r = { 1 }, a = { case.a }, o = { 1 },
    o0 = 0 })
  return net
end

describe("a network of blocks", function()
  local case = oracle.two_block

  it("has the oracle's values and weights", function()
    local X, Y = matrix(case.X), matrix(case.y)
    local net = triangle.blocks(X, { blocks = 2, depth = 3 })
    net:set_parameters(flatten(case))
    assert.is_true(Y:allclose(net:predict(X), 1e-12, 1e-12))
    local dense = net:dense()
    assert.is_true(Y:allclose(dense:predict(X), 1e-12, 1e-12))
    assert.are.same({ 2, 10, 10, 10, 1 }, dense.layers)
    for k, layer in ipairs(case.layers_5w_two_sum) do
      assert.is_true(matrix(layer.W):allclose(dense:weight(k):t(), 1e-12, 1e-12), "W" .. k)
      assert.is_true(matrix(layer.b):allclose(dense:bias(k):t(), 1e-12, 1e-12), "b" .. k)
    end
  end)

  for _, one in ipairs(oracle.cases) do
    it("goes on straight beyond [0, 1], and is a triangle network within: " .. one.name, function()
      local net = single(one, one.sigma)
      local Z = matrix(one.fold_z)
      assert.is_true(matrix(one.fold_F):allclose(net:predict(Z), 1e-12, 1e-12))
      assert.is_true(matrix(one.fold_F):allclose(net:dense():predict(Z), 1e-12, 1e-12))
      assert.is_true(matrix(one.F):allclose(net:predict(matrix(one.x)), 1e-12, 1e-12))
      assert.are.equal(one.linear_regions, net:linear_regions(0, 1))
    end)
  end

  it("covers [0, 1] with every z at the start", function()
    local X = matrix.randn(60, 3, lsqnet.rng(2))
    local net = triangle.blocks(X, { blocks = 4, depth = 2, seed = 9 })
    local v = net:parameters()
    local Z = X * v:slice(1, 12):reshape(3, 4) + v:slice(13, 16):t()
    assert.is_true(matrix(1, 4):allclose(Z:min "rows", 0, 1e-14))
    assert.is_true(matrix(1, 4, 1):allclose(Z:max "rows", 0, 1e-14))
    assert.is_true(matrix(4, 1) == v:slice(17, 20))
    assert.is_true(v:slice(33, 36):min() > 0)
    assert.are.equal(3 * 4 + 2 * 4 + 4 * 3 + 4 + 1, net.parameter_count)
  end)

  for name, options in pairs {
    ["one layer"] = { blocks = 3, depth = 3 },
    ["several outputs"] = { blocks = 2, depth = 2, outputs = 3, signs = "subtracted" },
    ["stacked"] = { blocks = { 2, 3, 1 }, depth = 2 },
    ["a depth of 1"] = { blocks = { 2, 2 }, depth = 1, signs = "added" },
    ["cross-entropy"] = { blocks = { 3, 2 }, depth = 2, outputs = 3, loss = "cross_entropy" },
  } do
    it("has its dense net's output and the gradient of central differences: " .. name, function()
      local rng = lsqnet.rng(3)
      local X = matrix.randn(45, 2, rng)
      local c = options.outputs or 1
      local Y = matrix.randn(45, c, rng)
      if options.loss then
        Y = matrix(45, c)
        for i = 1, 45 do Y:set(i, rng:integer(c), 1) end
      end
      options.rng = rng
      local net = triangle.blocks(X, options)
      local far = X * 3 -- beyond [0, 1]
      assert.is_true(net:predict(far):allclose(net:dense():predict(far), 1e-12, 1e-12))
      local loss, gradient = net:gradient(X, Y)
      assert.is_true(math.abs(loss - net:dense():loss(X, Y)) < 1e-13 * loss)
      assert.are.equal(net.parameter_count, gradient.rows)
      local worst = lsqnet.optim.check_gradient(function(v)
        net:set_parameters(v)
        return net:gradient(X, Y)
      end, net:parameters(), 1e-7)
      assert.is_true(worst < 1e-6, tostring(worst)) -- rounding: 1e-16 / 1e-7
    end)
  end

  it("masks the weights between two blocks of a layer, and no others", function()
    local X = matrix.randn(20, 2, lsqnet.rng(1))
    local net = triangle.blocks(X, { blocks = { 2, 1 }, depth = 2 })
    local dense, mask = net:dense(), net:mask()
    assert.are.same({ 2, 10, 10, 5, 5, 1 }, dense.layers)
    assert.are.equal(dense.parameter_count, mask.rows)
    assert.are.equal(dense.parameter_count - 2 * 25, mask:sum())
    -- what is masked is zero in the dense net
    assert.are.equal(0, dense:parameters():mul(mask:map(function(m) return 1 - m end)):norm())
  end)

  it("tells what it is", function()
    local net = triangle.blocks(matrix.randn(9, 2, lsqnet.rng(1)), { blocks = { 3, 2 }, depth = 4 })
    assert.are.equal("lsqnet.triangle 2-3-2-1, blocks of depth 4, mse, 50 parameters",
      tostring(net))
    assert.are.same({ 3, 2 }, net.blocks)
    assert.are.equal(4, net.depth)
    assert.is_nil(net.sign)
    local copy = net:clone()
    assert.is_true(copy:parameters() == net:parameters())
  end)

  it("refuses what cannot be", function()
    local X = matrix.randn(9, 2, lsqnet.rng(1))
    local function refusal(...)
      local ok, message = pcall(triangle.blocks, ...)
      assert.is_false(ok)
      return message
    end
    assert.matches("a table of options, blocks among them, expected", refusal(X))
    assert.matches("option 'blocks': a number of blocks, or a list of such, expected, got nil",
      refusal(X, {}))
    assert.matches("option 'blocks': a number of blocks, or a list of such, expected, got 0",
      refusal(X, { blocks = { 2, 0 } }))
    assert.matches("option 'blocks': a list of 1 to 100 layers expected, got 0",
      refusal(X, { blocks = {} }))
    assert.matches("X has no rows or no columns", refusal(matrix(0, 2), { blocks = 1 }))
    assert.matches("option 'signs': 'alternating', 'added' or 'subtracted' expected, got 'both'",
      refusal(X, { blocks = 1, signs = "both" }))
    local value, _, code = triangle.blocks(matrix { 1 / 0 }, { blocks = 1 })
    assert.is_nil(value)
    assert.are.equal("non_finite", code)
    local net = triangle.blocks(X, { blocks = 1 })
    assert.has_error(function() net:linear_regions(0, 1) end,
      "linear_regions needs a network of 1 input, this one takes 2")
    local v = net:parameters()
    v:set(5, 1, 1)
    local ok, message = pcall(net.set_parameters, net, v)
    assert.is_false(ok)
    assert.matches("peak 1: a number between 0 and 1 expected, got 1", message)
  end)
end)
