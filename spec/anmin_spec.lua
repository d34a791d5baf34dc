local lsqnet = require "lsqnet"
local oracle = require "oracle"

local matrix = lsqnet.matrix

local close = oracle.close

--- A net whose hidden layer is the (d+1) x h matrix A0 of the specification, bias row first.
local function net_of(A0, outputs, alpha)
  local d, h = #A0 - 1, #A0[1]
  local net = lsqnet.network {
    layers = { d, h, outputs },
    activation = alpha > 0 and "leaky_relu" or "relu",
    alpha = alpha,
    init = "zeros",
  }
  local A = matrix(A0)
  net:set_weight(1, A:slice(2, d + 1))
  net:set_bias(1, A:row(1))
  return net
end

--- Random data of a noisy non-linear function.
local function data(n, d, c, seed)
  local rng = lsqnet.rng(seed)
  local X, E = matrix.randn(n, d, rng), matrix.randn(n, c, rng)
  local W = matrix.randn(d, c, rng)
  return X, (X * W):map(math.sin) + E * 0.1
end

local function fresh(d, h, c, options)
  local settings = { layers = { d, h, c }, init = "normal", seed = 5 }
  for name, value in pairs(options or {}) do
    settings[name] = value
  end
  return lsqnet.network(settings)
end

describe("anmin", function()
  for _, case in ipairs(oracle.read "anmin") do
    it("follows the oracle " .. case.name, function()
      local net = net_of(case.A0, #case.Y[1], case.alpha)
      local X, Y = matrix(case.X), matrix(case.Y)
      local report = lsqnet.anmin(net, X, Y, {
        iterations = case.iterations,
        lambda = case.lam,
        condition = true,
      })
      assert.are.equal(#case.trace, #report.history)
      for k, expected in ipairs(case.trace) do
        local entry = report.history[k]
        assert.are.equal(expected.iteration, entry.iteration)
        close(expected.objective, entry.objective, 1e-8, "objective " .. k)
        close(expected.mse, entry.loss, 1e-8, "mse " .. k)
        if expected.log_determinant then
          close(expected.log_determinant, entry.log_determinant, 1e-8, "log determinant " .. k)
          close(expected.condition, entry.condition, 1e-8, "condition " .. k)
        else
          assert.is_nil(entry.log_determinant)
          assert.is_nil(entry.condition)
        end
      end
      local best = report.history[case.best_iteration + 1]
      close(case.best_objective, best.objective, 1e-8, "best objective")
      assert.are.equal(best.loss, report.loss)
      close(report.loss, net:loss(X, Y), 1e-12, "loss of the net as returned")
      assert.are.equal("iterations", report.stopped)
      assert.are.equal(case.iterations, report.iterations)
      assert.are.equal(0, report.degenerate_systems)
      assert.are.same({}, report.warnings)
    end)
  end

  --- One hidden-layer solve as a ridge regression on the whole design matrix
  -- [b_jk G_ij x~_ip], by an orthogonal factorisation, for comparison.
  local function naive_hidden(net, X, Y, lambda, alpha)
    local n, d, h, c = X.rows, X.cols, net:weight(1).cols, Y.cols
    local ones = matrix(n, 1, 1):hcat(X)
    local A = net:bias(1):vcat(net:weight(1))
    local Z, B, b0 = ones * A, net:weight(2), net:bias(2)
    local m, rows, targets = d + 1, {}, {}
    for i = 1, n do
      for k = 1, c do
        local row = {}
        for j = 1, h do
          local g = Z:get(i, j) > 0 and 1 or alpha
          for p = 1, m do
            row[(j - 1) * m + p] = B:get(j, k) * g * ones:get(i, p)
          end
        end
        rows[#rows + 1] = row
        targets[#targets + 1] = Y:get(i, k) - b0:get(1, k)
      end
    end
    local ridge = matrix.eye(h * m) * math.sqrt(lambda * n)
    local design = matrix(rows):vcat(ridge)
    local solution = design:lstsq(matrix(targets):vcat(matrix(h * m, 1)))
    return solution:reshape(h, m):t() -- (d+1) x h
  end

  for _, alpha in ipairs { 0, 0.1, 0.7 } do
    for _, outputs in ipairs { 1, 3 } do
      local case = ("alpha %g, %d outputs"):format(alpha, outputs)
      it("solves the hidden layer as ridge regression would: " .. case, function()
        local X, Y = data(60, 3, outputs, 3)
        local lambda = 1e-2
        local net = fresh(3, 5, outputs, {
          activation = alpha > 0 and "leaky_relu" or "relu",
          alpha = alpha,
        })
        lsqnet.anmin(net, X, Y, { iterations = 0, lambda = lambda })
        local expected = naive_hidden(net, X, Y, lambda, alpha)
        lsqnet.anmin(net, X, Y, { iterations = 1, lambda = lambda, keep = "last" })
        local A = net:bias(1):vcat(net:weight(1))
        -- the normal equations square a condition number of about 1e2
        assert.is_true(A:allclose(expected, 1e-10, 1e-10))
      end)
    end
  end

  it("solves the output layer so that the gradient of the objective vanishes there", function()
    local X, Y = data(80, 2, 2, 4)
    local lambda, net = 1e-2, fresh(2, 6, 2)
    lsqnet.anmin(net, X, Y, { iterations = 3, lambda = lambda, keep = "last" })
    -- d(c * mse)/dB + 2 lambda B = 0, mse being a mean over N * c entries
    local _, gradient = net:gradient(X, Y)
    local first = 2 * 6 + 6
    local parameters = net:parameters()
    for k = first + 1, parameters.rows do
      local residual = 2 * gradient:get(k, 1) + 2 * lambda * parameters:get(k, 1)
      assert.is_true(math.abs(residual) < 1e-12)
    end
  end)

  it("never leaves the net worse than its start with keep = 'best', and may with 'last'", function()
    local X, Y = data(200, 3, 1, 6)
    local best, last = fresh(3, 12, 1), fresh(3, 12, 1)
    local report = lsqnet.anmin(best, X, Y, { iterations = 15 })
    local other = lsqnet.anmin(last, X, Y, { iterations = 15, keep = "last" })
    local lowest = math.huge
    for k, entry in ipairs(report.history) do
      lowest = math.min(lowest, entry.objective)
      assert.are.equal(entry.objective, other.history[k].objective)
    end
    local kept = best:loss(X, Y) + 1e-3 * best:parameters():norm() ^ 2
    close(lowest, kept, 1e-12, "objective of the best net")
    close(other.history[16].loss, last:loss(X, Y), 1e-12, "loss of the last net")
    assert.are.equal(other.history[16].loss, other.loss)
  end)

  it("gives the same bits for any number of threads", function()
    local X, Y = data(5000, 3, 2, 8)
    local function train(threads)
      lsqnet.set_threads(threads)
      local net = fresh(3, 10, 2, { activation = "leaky_relu" })
      lsqnet.anmin(net, X, Y, { iterations = 3 })
      return net:parameters()
    end
    local one, two, five = train(1), train(2), train(5)
    lsqnet.set_threads(2)
    assert.is_true(one:allclose(two, 1e-9, 1e-9)) -- a threaded BLAS may differ in the last bits
    assert.is_true(one:allclose(five, 1e-9, 1e-9))
  end)

  it("does not depend on where the rows are cut", function()
    -- more rows than a step takes at once, against the same data in another order
    local X, Y = data(4500, 2, 1, 9)
    local order = lsqnet.rng(1):permutation(4500)
    local a, b = fresh(2, 8, 1), fresh(2, 8, 1)
    local ra = lsqnet.anmin(a, X, Y, { iterations = 2 })
    local rb = lsqnet.anmin(b, X:take(order), Y:take(order), { iterations = 2 })
    for k = 1, 3 do
      close(ra.history[k].objective, rb.history[k].objective, 1e-9, "objective " .. k)
    end
  end)

  it("trains on views as on copies", function()
    local X, Y = data(50, 6, 3, 10)
    local wide = X:hcat(Y)
    local a, b = fresh(4, 5, 2), fresh(4, 5, 2)
    lsqnet.anmin(a, wide:slice(11, 40, 2, 5), wide:slice(11, 40, 8, 9), { iterations = 4 })
    lsqnet.anmin(b, X:slice(11, 40, 2, 5):copy(), Y:slice(11, 40, 2, 3):copy(), { iterations = 4 })
    assert.is_true(a:parameters() == b:parameters())
  end)

  describe("with a degenerate system", function()
    -- a column twice and no ridge: M has a null space whatever the pattern
    local X, Y

    before_each(function()
      local x
      x, Y = data(100, 2, 1, 12)
      X = x:hcat(x:columns(1, 1))
    end)

    local function train(options)
      options.lambda = 0
      -- rounding may leave a tiny positive pivot: the threshold makes the verdict certain
      options.log_determinant_threshold = math.huge
      local net = fresh(3, 4, 1)
      return net, lsqnet.anmin(net, X, Y, options)
    end

    it("answers by flooring the eigenvalues", function()
      local net, report = train { iterations = 4, degenerate = "svd" }
      assert.are.equal(4, report.degenerate_systems)
      assert.are.equal("iterations", report.stopped)
      assert.is_true(report.loss <= report.history[1].loss)
      close(report.loss, net:loss(X, Y), 1e-12, "loss")
    end)

    it("answers by drawing the hidden layer anew, from the seed", function()
      local a, report = train { iterations = 4, degenerate = "restart", keep = "last", seed = 3 }
      local b = train { iterations = 4, degenerate = "restart", keep = "last", seed = 3 }
      local c = train { iterations = 4, degenerate = "restart", keep = "last", seed = 4 }
      assert.are.equal(5, #report.history)
      assert.is_true(a:parameters() == b:parameters())
      assert.is_false(a:parameters() == c:parameters())
      local rng, weight = lsqnet.rng(3), nil
      for _ = 1, 4 do
        weight = matrix.randn(3, 4, rng)
        matrix.randn(1, 4, rng) -- the biases
      end
      assert.is_true(a:weight(1) == weight)
    end)

    it("answers by stopping", function()
      local net, report = train { iterations = 4, degenerate = "stop" }
      assert.are.equal("degenerate", report.stopped)
      assert.are.equal(1, #report.history)
      assert.are.equal(0, report.iterations)
      close(report.loss, net:loss(X, Y), 1e-12, "loss")
    end)

    it("records a failed factorisation as a log-determinant of minus infinity", function()
      local net = lsqnet.network { layers = { 1, 2, 1 }, init = "zeros" }
      -- units that never fire make M exactly zero
      net:set_bias(1, matrix { { -1, -1 } })
      local report = lsqnet.anmin(net, matrix { 1, 2, 3 }, matrix { 1, 2, 4 }, {
        lambda = 0,
        iterations = 2,
      })
      assert.are.equal(-math.huge, report.history[2].log_determinant)
      assert.are.equal(2, report.degenerate_systems)
      assert.matches("^the output layer was singular in 3 solves", report.warnings[1])
      close(14 / 9, report.loss, 1e-12, "loss of the mean, the best that is left")
    end)

    it("compares on the paper's scale", function()
      local net = fresh(3, 4, 1)
      local report = lsqnet.anmin(net, X, Y, { iterations = 1 })
      local on_scale = report.history[2].log_determinant + 16 * math.log(100)
      local function systems(threshold)
        return lsqnet.anmin(fresh(3, 4, 1), X, Y, {
          iterations = 1,
          log_determinant_threshold = threshold,
        }).degenerate_systems
      end
      assert.are.equal(1, systems(on_scale + 1e-6))
      assert.are.equal(0, systems(on_scale - 1e-6))
    end)
  end)

  it("keeps the best net of a training that diverges", function()
    local X, Y = data(30, 2, 1, 14)
    local net = fresh(2, 3, 1)
    local before = net:parameters()
    local report = lsqnet.anmin(net, X * 1e200, Y)
    assert.are.equal("diverged", report.stopped)
    assert.are.same({}, report.history)
    assert.is_true(net:parameters() == before)
  end)

  it("copes with data that say little", function()
    local function train(X, Y)
      local net = fresh(X.cols, 3, Y.cols)
      local report = assert(lsqnet.anmin(net, X, Y, { iterations = 3 }))
      assert.is_true(report.loss == report.loss and report.loss < math.huge)
      return report.loss
    end
    assert.is_true(train(matrix { { 1, 2 } }, matrix { 3 }) < 1e-2) -- one row
    assert.is_true(train(matrix(20, 2, 1), matrix.rand(20, 1)) < 1) -- constant columns
    assert.is_true(train(matrix.randn(4, 9), matrix.randn(4, 1)) < 1) -- fewer rows than features
    assert.is_true(train(matrix.randn(10, 2), matrix(10, 1)) < 1e-2) -- nothing to learn
  end)

  it("refuses nets that it cannot train", function()
    local X, Y = data(10, 2, 1, 15)
    local function refused(options)
      local settings = { layers = { 2, 3, 1 } }
      for name, value in pairs(options) do
        settings[name] = value
      end
      local net = lsqnet.network(settings)
      local _, message = pcall(function()
        lsqnet.anmin(net, X, Y)
      end)
      return message:match "%((.*)%)$"
    end
    assert.are.equal(
      "anmin trains a net with one hidden layer, this has 2",
      refused { layers = { 2, 3, 3, 1 } }
    )
    assert.are.equal(
      "anmin trains a net with one hidden layer, this has 0",
      refused { layers = { 2, 1 } }
    )
    assert.are.equal(
      "anmin trains a relu or leaky_relu net, this is tanh",
      refused { activation = "tanh" }
    )
    assert.are.equal(
      "anmin trains a net whose output activation is identity, this has relu",
      refused { output_activation = "relu" }
    )
    assert.are.equal(
      "anmin trains a net with biases in both layers",
      refused { bias = { true, false } }
    )
    assert.are.equal(
      "anmin minimises the mse, the net's loss is cross_entropy",
      refused { loss = "cross_entropy" }
    )
  end)
end)

describe("linear_regression", function()
  it("gives the least-squares line with its intercept", function()
    local X, Y = data(200, 3, 2, 20)
    local net, report = lsqnet.linear_regression(X, Y)
    local expected = matrix(200, 1, 1):hcat(X):lstsq(Y)
    assert.is_true(net:bias(1):allclose(expected:row(1), 1e-12, 1e-12))
    assert.is_true(net:weight(1):allclose(expected:slice(2, 4), 1e-12, 1e-12))
    assert.are.equal(3, report.rank)
    close(net:loss(X, Y), report.loss, 1e-12, "loss")
    -- the residual is orthogonal to the data
    assert.is_true((X:t() * (Y - net:predict(X))):norm() < 1e-11)
  end)

  it("takes the smallest of many solutions", function()
    local X, Y = data(30, 2, 1, 21)
    local twice = X:hcat(X):hcat(matrix(30, 1, 0.1)) -- every column twice, and a constant one
    local net, report = lsqnet.linear_regression(twice, Y)
    local half = lsqnet.linear_regression(X, Y):weight(1) * 0.5
    assert.are.equal(2, report.rank)
    assert.is_true(net:weight(1):slice(1, 2):allclose(half, 1e-12))
    assert.is_true(net:weight(1):slice(3, 4):allclose(half, 1e-12))
    assert.are.equal(0, net:weight(1):get(5, 1))
  end)

  it("returns the mean where X says nothing", function()
    local net, report = lsqnet.linear_regression(matrix(4, 2, 0.1), matrix { 1, 2, 3, 6 })
    assert.are.equal(0, report.rank)
    assert.are.equal(0, net:weight(1):norm())
    close(3, net:bias(1):get(1, 1), 1e-15, "intercept")
    close(3.5, report.loss, 1e-15, "variance")
  end)

  it("interpolates with fewer rows than columns", function()
    local X, Y = data(4, 10, 2, 22)
    local net, report = lsqnet.linear_regression(X, Y)
    assert.are.equal(3, report.rank)
    assert.is_true(net:predict(X):allclose(Y, 1e-12, 1e-12))
  end)

  it("refuses what does not fit, and says what is not finite", function()
    assert.error_matches(function()
      lsqnet.linear_regression(matrix(4, 2), matrix(3, 1))
    end, "bad argument #2 to 'linear_regression' %(4 rows expected to match X, got 3%)")
    assert.error_matches(function()
      lsqnet.linear_regression(matrix(0, 2), matrix(0, 1))
    end, "at least one row and one column expected, got an empty set")
    assert.error_matches(function()
      lsqnet.linear_regression(matrix(4, 2), matrix(4, 1), { rcod = 1 })
    end, "unknown option 'rcod' %(did you mean 'rcond'%?%)")
    local X = matrix(4, 2)
    X:set(3, 2, 0 / 0)
    local net, message, code = lsqnet.linear_regression(X, matrix(4, 1))
    assert.is_nil(net)
    assert.matches("^X is not finite: row 3, column 2 is %-?nan$", message)
    assert.are.equal("non_finite", code)
  end)
end)
