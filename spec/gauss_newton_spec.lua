local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

local function data(n, d, c, seed)
  local rng = lsqnet.rng(seed)
  local X, E = matrix.randn(n, d, rng), matrix.randn(n, c, rng)
  return X, (X * matrix.randn(d, c, rng)):map(math.sin) + E * 0.1
end

--- The Jacobian of all predictions (N c x P), by backpropagation of one residual at a time: with
-- a target that is off by one in entry (i, k), the gradient of row i's mse is 2/c J.
local function naive_jacobian(net, X, c)
  local J
  for i = 1, X.rows do
    local x = X:slice(i, i)
    for k = 1, c do
      local y = net:predict(x)
      y:set(1, k, y:get(1, k) - 1)
      local _, gradient = net:gradient(x, y)
      local row = gradient:t() * (c / 2)
      J = J and J:vcat(row) or row
    end
  end
  return J
end

--- The first Levenberg-Marquardt iterate by the formulas of the documentation.
local function naive_step(net, X, Y, damping, lambda)
  local c = Y.cols
  local J, n = naive_jacobian(net, X, c), X.rows * c
  local r = (net:predict(X) - Y):reshape(n, 1)
  local theta = net:parameters()
  local H = J:t() * J / n + matrix.eye(theta.rows) * lambda
  local gradient = J:t() * r / n + theta * lambda
  local largest = 0
  for i = 1, theta.rows do
    largest = math.max(largest, H:get(i, i))
  end
  for i = 1, theta.rows do
    H:set(i, i, H:get(i, i) + damping * math.max(H:get(i, i), 1e-10 * largest))
  end
  return theta - H:solve(gradient)
end

--- Solves the output layer of a two-layer net by ridge regression, orthogonally.
local function refit(net, X, Y, lambda)
  local S = net:activations(X, 1):hcat(matrix(X.rows, 1, 1))
  local ridge = matrix.eye(S.cols) * math.sqrt(lambda * X.rows * Y.cols)
  local B = S:vcat(ridge):lstsq(Y:vcat(matrix(S.cols, Y.cols)))
  net:set_weight(2, B:slice(1, S.cols - 1))
  net:set_bias(2, B:row(S.cols))
end

local function objective(net, X, Y, lambda)
  return net:loss(X, Y) + lambda * net:parameters():norm() ^ 2
end

describe("gauss_newton", function()
  local function takes_naive_step(settings, c, lambda)
    local X, Y = data(40, settings.layers[1], c, 3)
    local net = lsqnet.network(settings)
    local expected = net:clone()
    expected:set_parameters(naive_step(net, X, Y, 0.1, lambda))
    if #settings.layers == 3 and settings.activation:match "relu" then
      refit(expected, X, Y, lambda)
    end
    assert.is_true(objective(expected, X, Y, lambda) < objective(net, X, Y, lambda))
    local report = lsqnet.gauss_newton(net, X, Y, {
      iterations = 1,
      damping = 0.1,
      lambda = lambda,
    })
    assert.are.equal(2, #report.history)
    -- the damped system has a condition number of at most about 1e4
    assert.is_true(net:parameters():allclose(expected:parameters(), 1e-9, 1e-10))
    assert.is_true(math.abs(report.loss - expected:loss(X, Y)) <= 1e-10 * report.loss)
  end

  for _, activation in ipairs { "relu", "leaky_relu" } do
    for _, c in ipairs { 1, 2 } do
      for _, lambda in ipairs { 0.01, 1e-4 } do
        local case = ("%s, %d outputs, lambda %g"):format(activation, c, lambda)
        it("takes the step of the formulas through the pattern kernel: " .. case, function()
          takes_naive_step({ layers = { 3, 5, c }, activation = activation, seed = 2 }, c, lambda)
        end)
      end
    end
  end

  for _, settings in ipairs {
    { layers = { 3, 4, 1 }, activation = "tanh" },
    { layers = { 2, 4, 3, 2 }, activation = "relu", bias = { true, false, true } },
    { layers = { 2, 3, 2 }, activation = "elu", output_activation = "sigmoid" },
    { layers = { 3, 2 }, activation = "identity" },
  } do
    local case = table.concat(settings.layers, "-") .. " " .. settings.activation
    it("takes the step of the formulas through the Jacobian: " .. case, function()
      takes_naive_step(settings, settings.layers[#settings.layers], 0.01)
    end)
  end

  it("never raises the objective, and records rejected steps too", function()
    local X, Y = data(100, 3, 1, 5)
    local net = lsqnet.network { layers = { 3, 12, 1 }, seed = 1 }
    local report = lsqnet.gauss_newton(net, X, Y, { iterations = 40, damping = 1e-6 })
    local rejected, before = 0, math.huge
    for k, entry in ipairs(report.history) do
      assert.are.equal(k - 1, entry.iteration)
      assert.is_true(entry.objective <= before)
      rejected = rejected + (entry.objective == before and 1 or 0)
      before = entry.objective
    end
    assert.is_true(rejected > 0, "40 steps on noise reject one at least")
    assert.are.equal(report.history[#report.history].loss, report.loss)
    assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-12 * report.loss)
  end)

  it("solves a linear net in one undamped step", function()
    local X, Y = data(50, 4, 2, 6)
    local net = lsqnet.network { layers = { 4, 2 }, activation = "identity" }
    local expected = lsqnet.linear_regression(X, Y)
    lsqnet.gauss_newton(net, X, Y, { iterations = 1, damping = 0 })
    assert.is_true(net:parameters():allclose(expected:parameters(), 1e-9, 1e-10))
  end)

  it("recovers a noiseless teacher to rounding", function()
    local X = data(200, 2, 1, 7)
    local teacher = lsqnet.network { layers = { 2, 3, 1 }, activation = "tanh", seed = 4 }
    local Y = teacher:predict(X)
    local net = teacher:clone()
    local nudge = matrix.randn(net:parameters().rows, 1, lsqnet.rng(9)) * 0.05
    net:set_parameters(net:parameters() + nudge)
    local report = lsqnet.gauss_newton(net, X, Y, { gradient_tolerance = 0 })
    assert.is_true(report.loss < 1e-25)
    assert.is_true(net:predict(X):allclose(Y, 0, 1e-11))
  end)

  it("stops by the gradient's tolerance", function()
    local X, Y = data(60, 3, 1, 8)
    local net = lsqnet.network { layers = { 3, 4, 1 }, activation = "tanh" }
    local report = lsqnet.gauss_newton(net, X, Y, { lambda = 0.01, iterations = 500 })
    assert.are.equal("tolerance", report.stopped)
    local _, gradient = net:gradient(X, Y)
    local full = gradient + net:parameters() * 0.02
    assert.is_true(full:map(math.abs):max() <= 1e-9)
  end)

  it("stops early on validation data and returns the net of the lowest loss", function()
    local X, Y = data(60, 3, 1, 10)
    local VX, VY = data(200, 3, 1, 11)
    local net = lsqnet.network { layers = { 3, 30, 1 }, seed = 2 }
    local report = lsqnet.gauss_newton(net, X, Y, {
      iterations = 100,
      validation = { VX, VY },
      patience = 5,
    })
    assert.are.equal("tolerance", report.stopped)
    local lowest = math.huge
    for _, entry in ipairs(report.history) do
      lowest = math.min(lowest, entry.validation_loss)
    end
    assert.is_true(math.abs(net:loss(VX, VY) - lowest) <= 1e-12 * lowest)
    assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-12 * report.loss)
  end)

  it("gives the same equations for any number of threads", function()
    local X, Y = data(3000, 3, 2, 12)
    local function train(threads, activation)
      lsqnet.set_threads(threads)
      local net = lsqnet.network { layers = { 3, 8, 2 }, activation = activation }
      local report = lsqnet.gauss_newton(net, X, Y, { iterations = 3 })
      return report.loss
    end
    for _, activation in ipairs { "relu", "tanh" } do
      local one, three = train(1, activation), train(3, activation)
      lsqnet.set_threads(2)
      assert.is_true(math.abs(one - three) <= 1e-10 * one)
    end
  end)

  it("copes with data that say little, and with dead units", function()
    local function train(net, X, Y)
      local before = net:loss(X, Y)
      local report = assert(lsqnet.gauss_newton(net, X, Y, { iterations = 5 }))
      assert.is_true(report.loss <= before)
    end
    train(lsqnet.network { layers = { 2, 3, 1 } }, matrix { { 1, 2 } }, matrix { 3 })
    train(lsqnet.network { layers = { 2, 3, 1 } }, matrix(9, 2, 1), matrix.rand(9, 1))
    train(lsqnet.network { layers = { 9, 3, 1 } }, matrix.randn(4, 9), matrix.randn(4, 1))
    local dead = lsqnet.network { layers = { 2, 3, 1 } }
    dead:set_bias(1, matrix { { -50, -50, -50 } })
    train(dead, matrix.randn(20, 2), matrix.randn(20, 1))
    local still = lsqnet.network { layers = { 2, 2, 2, 1 }, init = "zeros" }
    train(still, matrix.randn(9, 2), matrix.randn(9, 1))
  end)

  it("refuses a net whose loss is not the mse", function()
    local net = lsqnet.network { layers = { 2, 3, 1 }, loss = "cross_entropy" }
    assert.has_error(function()
      lsqnet.gauss_newton(net, matrix(3, 2), matrix(3, 1))
    end, "bad argument #1 to 'gauss_newton' (gauss_newton minimises the mse, the net's loss is "
      .. "cross_entropy)")
  end)
end)
