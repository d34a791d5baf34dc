local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

-- ANMIN's sums over rows: by weight, chunk by chunk, on any number of threads, streamed or not.

local function data(n, d, c, seed)
  local rng = lsqnet.rng(seed)
  local X, E = matrix.randn(n, d, rng), matrix.randn(n, c, rng)
  return X, (X * matrix.randn(d, c, rng)):map(math.sin) + E * 0.1
end

local function fresh(d, h, c, activation)
  return lsqnet.network {
    layers = { d, h, c }, init = "normal", seed = 5, activation = activation,
  }
end

local function with(base, more)
  local all = {}
  for name, value in pairs(base) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

local function relative(a, b)
  return (a - b):norm() / b:norm()
end

local TIGHT = { solver = "cg", cg_tolerance = 1e-11, cg_iterations = 10000 }

-- The solvers, each with both kinds of step.
local ways = {}
for name, solver in pairs {
  cholesky = {},
  kronecker = TIGHT,
  block = with(TIGHT, { preconditioner = "block" }),
} do
  for _, step in ipairs { "full", "damped" } do
    ways[name .. ", " .. step] = with(solver, { step = step, iterations = 3, lambda = 1e-4 })
  end
end

-- Weights 0 to 3, and the rows that they stand for.
local function whole_weights(n, seed)
  local rng, weights, rows = lsqnet.rng(seed), {}, {}
  for i = 1, n do
    weights[i] = rng:integer(4) - 1
    for _ = 1, weights[i] do rows[#rows + 1] = i end
  end
  return matrix(weights), rows
end

describe("anmin's weights", function()
  for name, options in pairs(ways) do
    for _, activation in ipairs { "relu", "leaky_relu" } do
      it(("count a row so many times, or leave it out: %s, %s"):format(name, activation), function()
        local X, Y = data(900, 3, 2, 3)
        local weights, rows = whole_weights(900, 4)
        local a, b = fresh(3, 8, 2, activation), fresh(3, 8, 2, activation)
        local weighted = lsqnet.anmin(a, X, Y, with(options, { weights = weights }))
        local repeated = lsqnet.anmin(b, X:take(rows), Y:take(rows), options)
        assert.is_true(relative(a:parameters(), b:parameters()) < 1e-8)
        assert.are.equal(#repeated.history, #weighted.history)
        for k, entry in ipairs(repeated.history) do
          local other = weighted.history[k]
          assert.is_true(math.abs(other.loss / entry.loss - 1) < 1e-9)
          assert.is_true(math.abs(other.objective / entry.objective - 1) < 1e-9)
          assert.are.equal(entry.step_length, other.step_length)
          if entry.log_determinant then
            assert.is_true(math.abs(other.log_determinant - entry.log_determinant) < 1e-8)
          end
        end
      end)
    end
  end

  it("matter by their ratios alone where nothing is penalised", function()
    local X, Y = data(300, 2, 1, 5)
    local weights = matrix.rand(300, 1, lsqnet.rng(1))
    local a, b = fresh(2, 4, 1), fresh(2, 4, 1)
    local o = { iterations = 2, lambda = 0, keep = "last" }
    local one = lsqnet.anmin(a, X, Y, with(o, { weights = weights }))
    local other = lsqnet.anmin(b, X, Y, with(o, { weights = weights * 1024 })) -- exact
    assert.is_true(relative(a:parameters(), b:parameters()) < 1e-8)
    assert.is_true(math.abs(one.loss / other.loss - 1) < 1e-10)
  end)

  it("are N on the scale of a degenerate system", function()
    local X, Y = data(200, 2, 1, 6)
    local weights = matrix(200, 1, 3)
    local function train(threshold)
      return lsqnet.anmin(fresh(2, 4, 1), X, Y, {
        iterations = 1, weights = weights, log_determinant_threshold = threshold,
      })
    end
    local on_scale = train(-math.huge).history[2].log_determinant + 12 * math.log(600)
    assert.are.equal(1, train(on_scale + 1e-6).degenerate_systems)
    assert.are.equal(0, train(on_scale - 1e-6).degenerate_systems)
  end)
end)

describe("anmin's sums", function()
  -- one leaf of pattern tables, two, three and four, and chunks of more rows
  for _, n in ipairs { 4000, 5000, 9000, 13000, 20000 } do
    it(("over %d rows give Cholesky what conjugate gradients find"):format(n), function()
      local X, Y = data(n, 3, 1, 7)
      local one = { iterations = 1, lambda = 1e-2, keep = "last" }
      local a, b = fresh(3, 6, 1, "leaky_relu"), fresh(3, 6, 1, "leaky_relu")
      lsqnet.anmin(a, X, Y, one)
      lsqnet.anmin(b, X, Y, with(one, TIGHT))
      assert.is_true(relative(a:parameters(), b:parameters()) < 1e-8)
    end)
  end

  for name, options in pairs(ways) do
    it("have the same bits under 1, 2 and 3 threads, and streamed: " .. name, function()
      local X, Y = data(9000, 5, 2, 8)
      local weights = matrix.rand(9000, 1, lsqnet.rng(2))
      local stream = assert(lsqnet.data.spool(lsqnet.data.batches(X, Y, {
        shuffle = false, batch_size = 1000,
      })))
      local two = with(options, {
        weights = weights, iterations = 2, cg_tolerance = 1e-3, cg_iterations = 20,
      })
      if not two.solver then two.cg_tolerance, two.cg_iterations = nil, nil end
      local function train(threads, x, y)
        lsqnet.set_threads(threads)
        local net = fresh(5, 20, 2, "leaky_relu")
        local report = assert(lsqnet.anmin(net, x, y, two))
        lsqnet.set_threads(2)
        return net:parameters(), report.loss
      end
      local one, loss = train(1, X, Y)
      for threads = 2, 3 do
        local parameters, other = train(threads, X, Y)
        assert.is_true(one == parameters)
        assert.are.equal(loss, other)
      end
      local streamed, other = train(2, stream)
      assert.is_true(one == streamed)
      assert.are.equal(loss, other)
    end)
  end

  it("do not notice a callback that changes the number of threads", function()
    local X, Y = data(6000, 5, 1, 9)
    for _, solver in ipairs { "cholesky", "cg" } do
      local function train(threads)
        lsqnet.set_threads(1)
        local net = fresh(5, 24, 1)
        assert(lsqnet.anmin(net, X, Y, {
          iterations = 3, solver = solver,
          on_iteration = function() lsqnet.set_threads(threads) end,
        }))
        lsqnet.set_threads(2)
        return net:parameters()
      end
      assert.is_true(train(1) == train(8))
    end
  end)
end)
