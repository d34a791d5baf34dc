local lsqnet = require "lsqnet"

local data, matrix = lsqnet.data, lsqnet.matrix

-- N x 2 inputs and N x 1 targets whose rows tell which they are.
local function numbered(n)
  local X, Y = matrix(n, 2), matrix(n, 1)
  for i = 1, n do
    X:set(i, 1, i)
    X:set(i, 2, -i)
    Y:set(i, 1, 10 * i)
  end
  return X, Y
end

local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  return message
end

describe("data.split", function()
  it("gives every row once, X and Y together", function()
    local X, Y = numbered(50)
    local train, test = data.split(X, Y, { test = 0.3, seed = 4 })
    assert.are.equal(15, test.x.rows)
    assert.are.equal(35, train.x.rows)
    local seen = {}
    for _, part in ipairs { train, test } do
      assert.are.equal(part.x.rows, part.y.rows)
      for i = 1, part.x.rows do
        local k = part.x:get(i, 1)
        assert.is_nil(seen[k])
        seen[k] = true
        assert.are.equal(-k, part.x:get(i, 2))
        assert.are.equal(10 * k, part.y:get(i, 1))
      end
    end
    assert.are.equal(50, #seen)
  end)

  it("gives the test part ceil(test * N) rows", function()
    local cases = { -- N, share, rows: the data sets', and products that rounding puts off
      { 4177, 0.2, 836 }, { 17379, 0.2, 3476 }, { 73080, 0.2, 14616 }, { 30, 0.1, 3 },
      { 10, 0.7, 7 }, { 100, 0.29, 29 }, { 100, 0.07, 7 }, { 1, 0.2, 1 }, { 3, 0, 0 }, { 3, 1, 3 },
      { 0, 0.5, 0 },
    }
    for _, case in ipairs(cases) do
      local X = matrix(case[1], 1)
      local train, test = data.split(X, X, { test = case[2] })
      assert.are.equal(case[3], test.x.rows)
      assert.are.equal(case[1] - case[3], train.x.rows)
    end
  end)

  it("is settled by the seed, 1 by default", function()
    local X, Y = numbered(40)
    local first = data.split(X, Y)
    assert.is_true(first.x == data.split(X, Y, { seed = 1 }).x)
    assert.is_false(first.x == data.split(X, Y, { seed = 2 }).x)
    assert.is_true(first.x == data.split(X, Y, { rng = lsqnet.rng(1), seed = 9 }).x)
  end)

  it("draws on from a generator", function()
    local X, Y = numbered(40)
    local rng = lsqnet.rng(1)
    local first = data.split(X, Y, { rng = rng })
    assert.is_false(first.x == data.split(X, Y, { rng = rng }).x)
  end)

  it("gives copies, of views also", function()
    local X, Y = numbered(10)
    local train = data.split(X:slice(3, 8), Y:slice(3, 8), { test = 0 })
    train.x:set(1, 1, 99)
    assert.are.equal(10 * 11 / 2, X:sum("rows"):get(1, 1))
  end)

  it("says what is wrong", function()
    local X, Y = numbered(4)
    assert.matches("bad argument #1 to 'split' %(lsqnet.matrix expected, got table%)",
                   message_of(data.split, {}, Y))
    assert.matches("bad argument #2 to 'split' %(lsqnet.matrix expected, got no value%)",
                   message_of(data.split, X))
    assert.matches("bad argument #2 to 'split' %(4 rows expected to match X, got 3%)",
                   message_of(data.split, X, Y:slice(1, 3)))
    assert.matches("unknown option 'tets' %(did you mean 'test'%?%)",
                   message_of(data.split, X, Y, { tets = 0.5 }))
    assert.matches("unknown option 'completely_different'$",
                   message_of(data.split, X, Y, { completely_different = 0.5 }))
    assert.matches("option 'test': at most 1 expected, got 1.5",
                   message_of(data.split, X, Y, { test = 1.5 }))
    assert.matches("option 'test': at least 0 expected, got %-0.1",
                   message_of(data.split, X, Y, { test = -0.1 }))
    assert.matches("option 'test': a number expected, got nan",
                   message_of(data.split, X, Y, { test = 0 / 0 }))
    assert.matches("option 'test': a number expected, got string",
                   message_of(data.split, X, Y, { test = "0.2" }))
    assert.matches("option 'seed': an integer expected, got 1.5",
                   message_of(data.split, X, Y, { seed = 1.5 }))
    assert.matches("option 'rng': lsqnet.rng expected, got number",
                   message_of(data.split, X, Y, { rng = 3 }))
    assert.matches("a table of options expected, got number", message_of(data.split, X, Y, 3))
    assert.matches("options are named: a number cannot be the name of one",
                   message_of(data.split, X, Y, { 0.2 }))
  end)

  it("blames the caller's line", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local message = message_of(function() data.split({}, {}) end)
    assert.matches("data_spec.lua:" .. line .. ":", message, 1, true)
  end)
end)

describe("data.standardize", function()
  it("gives mean 0 and standard deviation 1 with N-1", function()
    local X = matrix { { 1, 10 }, { 2, 30 }, { 4, 20 }, { 9, -20 } }
    local scaled, scaler = data.standardize(X)
    assert.are.equal(4, scaler.mean:get(1, 1))
    assert.are.equal(10, scaler.mean:get(1, 2))
    -- (9 + 4 + 0 + 25) / 3 and (0 + 400 + 100 + 900) / 3; one rounding of the root each
    assert.is_true(math.abs(scaler.scale:get(1, 1) - math.sqrt(38 / 3)) < 1e-15 * 4)
    assert.is_true(math.abs(scaler.scale:get(1, 2) - math.sqrt(1400 / 3)) < 1e-15 * 22)
    assert.is_true(scaled:mean("rows"):norm() < 1e-15)
    assert.is_true(scaled:std("rows"):allclose(matrix(1, 2, 1), 1e-15, 0))
  end)

  it("applies the same scaling to other data and undoes it", function()
    local rng = lsqnet.rng(3)
    local X = matrix.randn(30, 4, rng) * 7 + 3
    local other = matrix.randn(5, 4, rng)
    local scaled, scaler = data.standardize(X)
    assert.is_true(scaler:apply(X) == scaled)
    for j = 1, 4 do
      assert.are.equal((other:get(2, j) - scaler.mean:get(1, j)) / scaler.scale:get(1, j),
                       scaler:apply(other):get(2, j))
    end
    -- a subtraction, a division, a product and a sum: a few roundings of numbers below 50
    assert.is_true(scaler:invert(scaled):allclose(X, 0, 50 * 4 * 2 ^ -52))
  end)

  it("leaves the matrix it was given alone", function()
    local X = matrix { { 1, 2 }, { 3, 5 } }
    local copy = X:copy()
    data.standardize(X)
    data.center(X)
    assert.is_true(X == copy)
  end)

  it("gives a constant column scale 1 and turns it into zeros", function()
    -- 0.1 ten times does not sum to 1: the mean has to be told exactly
    local X = matrix(10, 2, 0.1)
    for i = 1, 10 do X:set(i, 2, i) end
    local scaled, scaler = data.standardize(X)
    assert.are.equal(0.1, scaler.mean:get(1, 1))
    assert.are.equal(1, scaler.scale:get(1, 1))
    for i = 1, 10 do assert.are.equal(0, scaled:get(i, 1)) end
    local single = data.standardize(matrix { { 3, 4 } })
    assert.is_true(single == matrix(1, 2))
  end)

  it("only centres when asked to, or as data.center", function()
    local Y = matrix { { 1, 5 }, { 3, 9 } }
    for _, centred in ipairs { { data.standardize(Y, { center_only = true }) },
                               { data.center(Y) } } do
      assert.is_true(centred[1] == matrix { { -1, -2 }, { 1, 2 } })
      assert.is_true(centred[2].scale == matrix(1, 2, 1))
      assert.is_true(centred[2].mean == matrix { { 2, 7 } })
      assert.is_true(centred[2]:invert(centred[1]) == Y)
    end
  end)

  it("works on views", function()
    local big = matrix.randn(20, 6, lsqnet.rng(5))
    local view = big:slice(3, 17, 2, 4)
    assert.is_true(data.standardize(view) == data.standardize(view:copy()))
  end)

  it("answers nil for data that are not finite", function()
    for _, wrong in ipairs { 0 / 0, math.huge, -math.huge } do
      for _, f in ipairs { data.standardize, data.center } do
        local X = matrix { { 5, 1 }, { wrong, 2 }, { 5, 3 } }
        local scaled, message, code = f(X)
        assert.is_nil(scaled)
        assert.matches("not finite", message)
        assert.are.equal("non_finite", code)
      end
    end
  end)

  it("says what is wrong", function()
    assert.matches("bad argument #1 to 'standardize' %(lsqnet.matrix expected, got number%)",
                   message_of(data.standardize, 3))
    assert.matches("bad argument #1 to 'standardize' %(at least one row expected, got none%)",
                   message_of(data.standardize, matrix(0, 3)))
    assert.matches("bad argument #1 to 'center' %(at least one row expected, got none%)",
                   message_of(data.center, matrix(0, 3)))
    assert.matches("unknown option 'centre_only' %(did you mean 'center_only'%?%)",
                   message_of(data.standardize, matrix(2, 2), { centre_only = true }))
    local _, scaler = data.standardize(matrix(2, 2))
    assert.matches("bad argument #1 to 'apply' %(2 columns expected, as in the matrix the scaler "
                   .. "was made from, got 3%)", message_of(scaler.apply, scaler, matrix(2, 3)))
    assert.matches("bad argument #1 to 'invert' %(lsqnet.matrix expected, got table%)",
                   message_of(scaler.invert, scaler, {}))
    assert.are.equal("lsqnet.scaler: 2 columns", tostring(scaler))
  end)

  it("makes scalers that a net can fold in", function()
    local rng = lsqnet.rng(2)
    local X, Y = matrix.randn(20, 3, rng) * 5 + 2, matrix.randn(20, 1, rng) * 3 - 1
    local x, x_scaler = data.standardize(X)
    local _, y_scaler = data.standardize(Y)
    local net = lsqnet.network { layers = { 3, 8, 1 } }
    local expected = y_scaler:invert(net:predict(x))
    net:fold_scaling(x_scaler, y_scaler)
    assert.is_true(net:predict(X):allclose(expected, 1e-12, 1e-12))
  end)
end)

describe("data.batches", function()
  it("gives every row once, the last batch smaller", function()
    local X, Y = numbered(23)
    local sizes, seen = {}, 0
    for x, y in data.batches(X, Y, { batch_size = 5 }) do
      sizes[#sizes + 1] = x.rows
      assert.is_true(x:columns(1, 1) * 10 == y)
      seen = seen + x:columns(1, 1):sum()
    end
    assert.are.same({ 5, 5, 5, 5, 3 }, sizes)
    assert.are.equal(23 * 24 / 2, seen)
  end)

  it("keeps the order, in views, without shuffling", function()
    local X, Y = numbered(7)
    local rows = 0
    for x, y in data.batches(X, Y, { batch_size = 3, shuffle = false }) do
      assert.is_true(x == X:slice(rows + 1, rows + x.rows))
      assert.is_true(y == Y:slice(rows + 1, rows + x.rows))
      rows = rows + x.rows
      x:set(1, 1, 0)
    end
    assert.are.equal(7, rows)
    assert.are.equal(0, X:get(4, 1))
  end)

  it("takes a new order from a generator each time", function()
    local X, Y = numbered(40)
    local function order(opts)
      local list = {}
      for x in data.batches(X, Y, opts) do
        for i = 1, x.rows do list[#list + 1] = x:get(i, 1) end
      end
      return list
    end
    local rng = lsqnet.rng(8)
    local first, second = order { rng = rng, batch_size = 7 }, order { rng = rng, batch_size = 7 }
    assert.are_not.same(first, second)
    assert.are.same(first, order { rng = lsqnet.rng(8), batch_size = 9 })
    assert.are.same(order(), order { seed = 1 })
  end)

  it("gives nothing for nothing", function()
    for _ in data.batches(matrix(0, 2), matrix(0, 1)) do error("no batch expected") end
    assert.is_nil(data.batches(matrix(0, 2), matrix(0, 1), { shuffle = false })())
  end)

  it("says what is wrong", function()
    local X, Y = numbered(4)
    assert.matches("bad argument #2 to 'batches' %(4 rows expected to match X, got 2%)",
                   message_of(data.batches, X, Y:slice(1, 2)))
    assert.matches("option 'batch_size': at least 1 expected, got 0",
                   message_of(data.batches, X, Y, { batch_size = 0 }))
    assert.matches("unknown option 'batchsize' %(did you mean 'batch_size'%?%)",
                   message_of(data.batches, X, Y, { batchsize = 2 }))
    assert.matches("option 'shuffle': a boolean expected, got number",
                   message_of(data.batches, X, Y, { shuffle = 0 }))
  end)
end)
