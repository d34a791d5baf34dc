local lsqnet = require "lsqnet"
local tmp = require "tmp"

local matrix, metrics = lsqnet.matrix, lsqnet.metrics

-- Weights and streams of what a network computes from data.

local N = 700

local function repeated(M, counts)
  local rows = {}
  for i = 1, M.rows do
    for _ = 1, counts[i] do rows[#rows + 1] = i end
  end
  return M:take(rows)
end

--- Counts 0..3 a row, as a list and as a matrix.
local function draw_counts(rows, seed)
  local rng, counts, weights = lsqnet.rng(seed), {}, matrix(rows, 1)
  for i = 1, rows do
    counts[i] = rng:integer(4) - 1
    weights:set(i, 1, counts[i])
  end
  return counts, weights
end

local cases = {
  { loss = "mse", outputs = 2 },
  { loss = "cross_entropy", outputs = 3 },
  { loss = "cross_entropy", outputs = 1 },
}

local function targets(case, rows)
  if case.loss == "mse" then return matrix.randn(rows, case.outputs, lsqnet.rng(4)) end
  local Y = matrix(rows, case.outputs)
  for i = 1, rows do
    if case.outputs == 1 then Y:set(i, 1, i % 2) else Y:set(i, 1 + i % case.outputs, 1) end
  end
  return Y
end

local function network(case)
  return lsqnet.network { layers = { 3, 9, 5, case.outputs }, activation = "tanh",
    loss = case.loss, seed = 3 }
end

local function error_of(...)
  local ok, message = pcall(...)
  assert.is_false(ok)
  return message
end

describe("weights of rows", function()
  it("count integer weights as rows repeated, and those of 0 as left out", function()
    local counts, weights = draw_counts(N, 8)
    local X = matrix.randn(N, 3, lsqnet.rng(2))
    for _, case in ipairs(cases) do
      local net, Y = network(case), targets(case, N)
      local options = { weights = weights }
      local X2, Y2 = repeated(X, counts), repeated(Y, counts)
      local wanted, slope = net:gradient(X2, Y2)
      local loss, gradient = net:gradient(X, Y, options)
      assert.is_near(wanted, loss, 1e-13)
      assert.is_true(gradient:allclose(slope, 1e-11, 1e-14))
      assert.is_near(wanted, net:loss(X, Y, options), 1e-13)
      assert.is_near(net:score(X2, Y2), net:score(X, Y, options), 1e-13)
    end
  end)

  it("of half and double size give the same", function()
    local _, weights = draw_counts(N, 9)
    local X, case = matrix.randn(N, 3, lsqnet.rng(2)), cases[1]
    local net, Y = network(case), targets(case, N)
    local loss = net:loss(X, Y, { weights = weights })
    assert.are.equal(loss, net:loss(X, Y, { weights = weights * 2 }))
    assert.are.equal(loss, net:loss(X, Y, { weights = weights / 2 }))
    assert.are.equal(loss, net:loss(X, Y, "mse", { weights = weights }))
    assert.are.equal(loss, net:loss(X, Y, { loss = "mse", weights = weights:hcat(weights)
      :slice(1, N, 2, 2) }))
  end)

  it("give the same bits for any number of threads", function()
    local rows = 9000
    local X = matrix.randn(rows, 30, lsqnet.rng(2))
    local net = lsqnet.network { layers = { 30, 40, 2 }, activation = "tanh" }
    local Y, _, weights = targets(cases[1], rows), draw_counts(rows, 3)
    local seen = {}
    local before = lsqnet.info().threads
    for _, threads in ipairs { 1, 3 } do
      lsqnet.set_threads(threads)
      local loss, gradient = net:gradient(X, Y, { weights = weights })
      seen[#seen + 1] = { loss, gradient, net:score(X, Y, { weights = weights }) }
    end
    lsqnet.set_threads(before)
    assert.are.equal(seen[1][1], seen[2][1])
    assert.is_true(seen[1][2] == seen[2][2])
    assert.are.equal(seen[1][3], seen[2][3])
  end)

  it("count in every metric as in score", function()
    local counts, weights = draw_counts(40, 5)
    local rng = lsqnet.rng(6)
    local Y, P = matrix.randn(40, 2, rng), matrix.randn(40, 2, rng)
    local T, Q = Y:map(function(v) return v > 0 and 1 or 0 end), P:map(function(v)
      return 1 / (1 + math.exp(-v))
    end)
    for _, name in ipairs { "mse", "mae", "r2" } do
      assert.is_near(metrics[name](repeated(Y, counts), repeated(P, counts)),
        metrics[name](Y, P, { weights = weights }), 1e-13, name)
    end
    T, Q = T:columns(1, 1), Q:columns(1, 1)
    for _, name in ipairs { "accuracy", "cross_entropy" } do
      assert.is_near(metrics[name](repeated(T, counts), repeated(Q, counts)),
        metrics[name](T, Q, { weights = weights }), 1e-13, name)
    end
  end)

  it("are refused where they are none", function()
    local net, X, Y = network(cases[1]), matrix(4, 3), matrix(4, 2)
    local function refused(weights)
      return error_of(net.loss, net, X, Y, { weights = weights })
    end
    assert.matches("option 'weights': lsqnet.matrix expected, got table", refused { 1, 2, 3, 4 })
    assert.matches("option 'weights': 4 x 1 expected, a weight for each row, got 3 x 1",
      refused(matrix(3, 1)))
    assert.matches("option 'weights': row 2 is negative", refused(matrix { 1, -1, 1, 1 }))
    assert.matches("option 'weights': all are 0", refused(matrix(4, 1)))
    assert.matches("unknown option 'weigths' %(did you mean 'weights'%?%)",
      error_of(net.score, net, X, Y, { weigths = matrix(4, 1, 1) }))
    local value, message, code = net:loss(X, Y, { weights = matrix(4, 1, 1 / 0) })
    assert.is_nil(value)
    assert.are.equal("weights is not finite: row 1, column 1 is inf", message)
    assert.are.equal("non_finite", code)
  end)
end)

describe("score", function()
  it("of numbers of any size is that of their multiples", function()
    local rng = lsqnet.rng(11)
    local Y = matrix.randn(30, 2, rng)
    local P = Y + matrix.randn(30, 2, rng) * 0.3
    local fit = metrics.r2(Y, P)
    for _, exponent in ipairs { -1010, -600, -540, 400, 1000 } do
      local size = 2.0 ^ exponent
      assert.is_near(fit, metrics.r2(Y * size, P * size), 1e-12, tostring(exponent))
      local net = lsqnet.network { layers = { 2, 2 }, bias = false }
      net:set_weight(1, matrix.eye(2))
      assert.is_near(fit, net:score(P * size, Y * size), 1e-12, tostring(exponent))
    end
    assert.are.equal(1, metrics.r2(matrix { 1e-162, 3e-162 }, matrix { 1e-162, 3e-162 }))
  end)

  it("of many blocks is that of all rows at once", function()
    local rows = 5000
    local X = matrix.randn(rows, 3, lsqnet.rng(2))
    for _, case in ipairs(cases) do
      local net, Y = network(case), targets(case, rows)
      local all
      if case.loss == "mse" then
        Y = Y + 1e6
        all = metrics.r2(Y, net:predict(X))
      else
        all = metrics.accuracy(Y, net:probabilities(X))
      end
      assert.is_near(all, net:score(X, Y), 1e-12 * math.max(1, math.abs(all)))
    end
  end)
end)

describe("streams", function()
  local folder
  setup(function() folder = tmp.folder() end)
  teardown(function() tmp.remove(folder) end)

  local function spooled(X, Y)
    local x_path, y_path = folder .. "/x.npy", folder .. "/y.npy"
    assert(X:write_npy(x_path))
    assert(Y:write_npy(y_path))
    return assert(lsqnet.stream(x_path, y_path)), x_path
  end

  it("give the same bits as what is in memory", function()
    local rows = 3000
    local X = matrix.randn(rows, 3, lsqnet.rng(2))
    local _, weights = draw_counts(rows, 7)
    for _, case in ipairs(cases) do
      local net, Y = network(case), targets(case, rows)
      local stream = spooled(X, Y)
      for _, options in ipairs { {}, { weights = weights } } do
        assert.are.equal(net:loss(X, Y, options), net:loss(stream, nil, options))
        assert.are.equal(net:score(X, Y, options), net:score(stream, nil, options))
        local loss, gradient = net:gradient(stream, nil, options)
        local loss2, gradient2 = net:gradient(X, Y, options)
        assert.are.equal(loss2, loss)
        assert.is_true(gradient == gradient2)
      end
      assert.is_true(net:predict(X) == net:predict(stream))
      assert.is_true(net:probabilities(X) == net:probabilities(stream))
      for layer = 0, 3 do
        assert.is_true(net:activations(X, layer) == net:activations(stream, layer))
      end
      stream:close()
    end
  end)

  it("tell what is wrong with them", function()
    local case = cases[3]
    local net, X, Y = network(case), matrix(2000, 3), targets(case, 2000)
    Y:set(1500, 1, 0.5)
    local stream, path = spooled(X, Y)
    assert.matches("bad argument #1 to 'loss' %(row 1500 of the stream cannot be a target of "
      .. "cross_entropy: 0 or 1 expected%)", error_of(function() return net:loss(stream) end))
    assert.matches("nil expected behind a stream, which holds Y too",
      error_of(function() return net:score(stream, Y) end))
    assert.matches("the stream has 3 columns, the network takes 2 inputs", error_of(function()
      return lsqnet.network { layers = { 2, 1 } }:predict(stream)
    end))
    assert.matches("a stream of 2 outputs expected, got 1", error_of(function()
      return network(cases[1]):loss(stream)
    end))
    tmp.write(path, (tmp.read(path):sub(1, 5000)))
    local value, message, code = net:predict(stream)
    assert.is_nil(value)
    assert.are.equal("the file of X has become shorter while it was read", message)
    assert.are.equal("no_file", code)
  end)
end)
