local lsqnet = require "lsqnet"
local tmp = require "tmp"

local matrix = lsqnet.matrix

local function r2(net, X, Y)
  return lsqnet.metrics.r2(Y, net:predict(X))
end

local function assert_near(expected, got, tolerance)
  local difference = (expected - got):norm()
  assert.is_true(difference <= tolerance * math.max(1, expected:norm()), tostring(difference))
end

local function with_intercept(X)
  return X:hcat(matrix(X.rows, 1, 1))
end

-- Weights 0 to 3 of 20 rows, and each row as often as its weight says.
local function weights_and_rows()
  local weights, rows = matrix(20, 1), {}
  for i = 1, 20 do
    weights:set(i, 1, i % 4)
    for _ = 1, i % 4 do rows[#rows + 1] = i end
  end
  return weights, rows
end

describe("linear_regression", function()
  local rng = lsqnet.rng(11)

  it("is least squares with a column of ones", function()
    for _, shape in ipairs { { 40, 3, 1 }, { 700, 5, 2 }, { 6, 5, 1 }, { 1, 1, 1 } } do
      local X, Y = matrix.randn(shape[1], shape[2], rng), matrix.randn(shape[1], shape[3], rng)
      local net, report = assert(lsqnet.linear_regression(X, Y))
      if shape[1] > shape[2] then
        local direct = assert(with_intercept(X):lstsq(Y))
        assert_near(direct:slice(1, shape[2], 1, shape[3]), net:weight(1), 1e-12)
        assert.same({}, report.warnings)
      end
      assert.is_true(math.abs(report.loss - lsqnet.metrics.mse(Y, net:predict(X))) <= 1e-12)
      assert.are.equal(math.min(shape[1] - 1, shape[2]), report.rank)
    end
  end)

  it("lets no unit decide the rank", function()
    local small, time = matrix.rand(300, 1, rng), matrix.randn(300, 1, rng)
    local fraction = small * 0.1
    local cases = {
      small:hcat(time * 8.64e13), -- nanoseconds
      fraction:hcat(time * 1e9 + matrix(300, 1, 1.7e12)), -- milliseconds since 1970
      small:hcat(time * 1e200):hcat(matrix.randn(300, 1, rng) * 1e-200),
    }
    for _, X in ipairs(cases) do
      local net, report = assert(lsqnet.linear_regression(X, small * 5))
      assert.are.equal(X.cols, report.rank)
      assert.same({}, report.warnings)
      assert.is_true(r2(net, X, small * 5) > 1 - 1e-10)
    end
    -- fewer rows than columns
    local wide = matrix.randn(10, 12, rng)
    wide = wide:mul(matrix.linspace(3, 36, 12):map(function(x) return 10.0 ^ x end):t())
    local Y = matrix.randn(10, 1, rng)
    local net, report = assert(lsqnet.linear_regression(wide, Y))
    assert.are.equal(9, report.rank)
    assert.is_true(r2(net, wide, Y) > 1 - 1e-9)
  end)

  it("takes the smallest weights of several solutions, and says so", function()
    local function check(X, Y, rank)
      local net, report = assert(lsqnet.linear_regression(X, Y))
      local centred = lsqnet.data.center(X)
      assert.are.equal(rank, report.rank)
      assert_near(assert(centred:lstsq((lsqnet.data.center(Y)))), net:weight(1), 1e-11)
      assert.matches(("^X has rank %d, not %d: "):format(rank, X.cols), report.warnings[1])
    end
    local X = matrix.randn(50, 3, rng)
    check(X:hcat(X:slice(1, 50, 1, 1) * 3):hcat(matrix(50, 1, 7)), matrix.randn(50, 2, rng), 3)
    check(matrix.randn(8, 20, rng), matrix.randn(8, 1, rng), 7)
    local constant = lsqnet.linear_regression(matrix(5, 2, 0.1), matrix { 1, 2, 3, 4, 5 })
    assert.same(matrix(2, 1), constant:weight(1))
    assert.are.equal(3, constant:bias(1):get(1, 1))
  end)

  it("counts a row of weight k as k rows, and one of weight 0 not at all", function()
    for _, inputs in ipairs { 3, 40 } do
      local X, Y = matrix.randn(20, inputs, rng), matrix.randn(20, 2, rng)
      local weights, rows = weights_and_rows()
      X:set(4, 1, 1e6) -- a row of weight 0
      local net, report = assert(lsqnet.linear_regression(X, Y, { weights = weights }))
      local same, repeated = assert(lsqnet.linear_regression(X:take(rows), Y:take(rows)))
      assert_near(same:parameters(), net:parameters(), 1e-12)
      assert.is_true(math.abs(report.loss - repeated.loss) <= 1e-13)
      assert.are.equal(repeated.rank, report.rank)
      local scaled = assert(lsqnet.linear_regression(X, Y, { weights = weights * 1e-30 }))
      assert_near(net:parameters(), scaled:parameters(), 1e-12)
    end
  end)

  it("takes a stream, weighted or not", function()
    tmp.with(function(folder)
      local X, Y = matrix.randn(1000, 4, rng), matrix.randn(1000, 2, rng)
      assert(X:write_npy(folder .. "/x.npy"))
      assert(Y:write_npy(folder .. "/y.npy"))
      local stream <close> = assert(lsqnet.stream(folder .. "/x.npy", folder .. "/y.npy"))
      for _, options in ipairs { {}, { weights = matrix.rand(1000, 1, rng) } } do
        local expected, report = assert(lsqnet.linear_regression(X, Y, options))
        local net, streamed = assert(lsqnet.linear_regression(stream, nil, options))
        assert.same(expected:parameters(), net:parameters())
        assert.are.equal(report.loss, streamed.loss)
      end
      X:set(700, 2, 0 / 0)
      assert(X:write_npy(folder .. "/x.npy"))
      local broken <close> = assert(lsqnet.stream(folder .. "/x.npy", folder .. "/y.npy"))
      assert.same({ nil, "X is not finite: row 700, column 2 is nan", "non_finite" },
        { lsqnet.linear_regression(broken) })
    end)
  end)
end)

describe("gram", function()
  local rng = lsqnet.rng(12)

  it("counts a row of weight k as k rows, and one of weight 0 not at all", function()
    local weights, rows = weights_and_rows()
    local X, Y = matrix.randn(20, 3, rng), matrix.randn(20, 2, rng)
    X:set(4, 1, 1e9)
    local function new() return lsqnet.gram { inputs = 3, outputs = 2 } end
    local weighted = new():add(X:slice(1, 9), Y:slice(1, 9), weights:slice(1, 9))
      :add(X:slice(10, 20), Y:slice(10, 20), weights:slice(10, 20))
    local repeated = new():add(X:take(rows), Y:take(rows))
    assert.are.equal(#rows, weighted.rows)
    assert_near(repeated.mean, weighted.mean, 1e-14)
    assert_near(repeated.scatter, weighted.scatter, 1e-13)
    tmp.with(function(folder)
      assert(X:write_npy(folder .. "/x.npy"))
      assert(Y:write_npy(folder .. "/y.npy"))
      local stream <close> = assert(lsqnet.stream(folder .. "/x.npy", folder .. "/y.npy"))
      local streamed = assert(new():add_stream(stream, 6, weights * 0.5))
      assert.are.equal(#rows / 2, streamed.rows)
      assert_near(repeated.scatter * 0.5, streamed.scatter, 1e-13)
      assert(streamed:save(folder .. "/gram.npy"))
      assert.are.equal(#rows / 2, assert(lsqnet.gram.load(folder .. "/gram.npy")).rows)
    end)
    assert.has_error(function() new():add(X, Y, weights * -1) end,
      "bad argument #3 to 'add' (finite weights, none negative, expected)")
  end)

  it("lets no unit decide the rank", function()
    local small = matrix.rand(300, 1, rng)
    local X = small:hcat(matrix.randn(300, 1, rng) * 8.64e13)
    local gram = lsqnet.gram { inputs = 2, outputs = 1 }:add(X, small * 5)
    local net, report = assert(gram:linear_regression())
    assert.are.equal(2, report.rank)
    assert.same({}, report.warnings)
    assert.is_true(r2(net, X, small * 5) > 1 - 1e-10)
    local twice = lsqnet.gram { inputs = 2, outputs = 1 }:add(small:hcat(small * 2), small)
    net, report = assert(twice:linear_regression())
    assert.are.equal(1, report.rank)
    assert.matches("^X has rank 1, not 2", report.warnings[1])
    assert.is_true(r2(net, small:hcat(small * 2), small) > 1 - 1e-10)
  end)
end)

describe("standardize", function()
  local rng = lsqnet.rng(13)

  it("counts a row of weight k as k rows, and one of weight 0 not at all", function()
    local weights, rows = weights_and_rows()
    local X = matrix.randn(20, 3, rng):hcat(matrix(20, 1, 0.1))
    X:set(4, 1, 1e9)
    local scaled, weighted = assert(lsqnet.data.standardize(X, { weights = weights }))
    local _, repeated = assert(lsqnet.data.standardize(X:take(rows)))
    assert_near(repeated.mean, weighted.mean, 1e-14)
    assert_near(repeated.scale, weighted.scale, 1e-13)
    assert.are.equal(20, scaled.rows)
    assert.same({ 0.1, 1 }, { weighted.mean:get(1, 4), weighted.scale:get(1, 4) })
    local _, centred = assert(lsqnet.data.standardize(X, { weights = weights, center_only = true }))
    assert.same(matrix(1, 4, 1), centred.scale)
    assert.has_error(function() lsqnet.data.standardize(X, { weights = matrix(2, 1) }) end)
  end)

  it("takes a stream", function()
    tmp.with(function(folder)
      local X, Y = matrix.randn(100, 3, rng) * 5, matrix.randn(100, 2, rng)
      assert(X:write_npy(folder .. "/x.npy"))
      assert(Y:write_npy(folder .. "/y.npy"))
      local stream <close> = assert(lsqnet.stream(folder .. "/x.npy", folder .. "/y.npy"))
      local inputs, targets = assert(lsqnet.data.standardize(stream, { block = 30 }))
      for scaler, m in pairs { [inputs] = X, [targets] = Y } do
        local _, expected = assert(lsqnet.data.standardize(m))
        assert_near(expected.mean, scaler.mean, 1e-14)
        assert_near(expected.scale, scaler.scale, 1e-13)
        assert_near(expected:apply(m), scaler:apply(m), 1e-12)
      end
      local weights = matrix.rand(100, 1, rng)
      local by_weight = assert(lsqnet.data.standardize(stream, { weights = weights }))
      local _, expected = assert(lsqnet.data.standardize(X, { weights = weights }))
      assert_near(expected.scale, by_weight.scale, 1e-13)
    end)
  end)
end)
