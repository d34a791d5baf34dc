local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

local function data(n, d, c, seed)
  local rng = lsqnet.rng(seed)
  local X, E = matrix.randn(n, d, rng), matrix.randn(n, c, rng)
  return X, (X * matrix.randn(d, c, rng)):map(math.sin) + E * 0.1
end

--- 0 and 1 in one column, or rows with a 1 in one of c.
local function classes(n, c)
  local Y = matrix(n, c)
  for i = 1, n do
    local class = i * i % math.max(c, 2)
    if c > 1 or class == 1 then Y:set(i, c > 1 and class + 1 or 1, 1) end
  end
  return Y
end

--- A net of the same parameters with other settings.
local function as(net, settings, changes)
  local all = {}
  for name, value in pairs(settings) do all[name] = value end
  for name, value in pairs(changes) do all[name] = value end
  local other = lsqnet.network(all)
  other:set_parameters(net:parameters())
  return other
end

--- The Jacobian of all raw outputs (N c x P), by backpropagation of one residual at a time: with
-- a target that is off by one in entry (i, k), the gradient of row i's mse is 2/c J.
local function naive_jacobian(net, settings, X, c)
  net = as(net, settings, { loss = "mse" })
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

--- Half the second derivatives of the mean loss by the raw outputs (N c x N c).
local function naive_curvature(net, settings, X, Y)
  local n, c = Y.rows, Y.cols
  local C = matrix(n * c, n * c)
  local P = settings.loss == "cross_entropy" and net:probabilities(X)
  for i = 1, n do
    for o = 1, c do
      for q = 1, c do
        local value = o == q and 1 / (n * c) or 0
        if P then
          local p = P:get(i, o)
          value = (c == 1 and p * (1 - p) or (o == q and p or 0) - p * P:get(i, q)) / (2 * n)
        end
        C:set((i - 1) * c + o, (i - 1) * c + q, value)
      end
    end
  end
  return C
end

--- H and g of (loss + lambda |parameters|^2) / 2.
local function naive_equations(net, settings, X, Y, lambda)
  local J = naive_jacobian(net, settings, X, Y.cols)
  local theta = net:parameters()
  local _, gradient = net:gradient(X, Y)
  local H = J:t() * naive_curvature(net, settings, X, Y) * J + matrix.eye(theta.rows) * lambda
  return H, gradient * 0.5 + theta * lambda
end

--- H with mu diag D on the parameters up to `free`, and 1e-12 of it on the others, which is
-- counted without lambda there.
local function damped(H, damping, lambda, free)
  local largest = 0
  for i = 1, H.rows do
    largest = math.max(largest, H:get(i, i) - lambda)
  end
  for i = 1, H.rows do
    local own = H:get(i, i)
    local added = i <= free and damping * math.max(own, 0.1 * largest)
      or 1e-12 * math.max(own - lambda, 0.1 * largest)
    H:set(i, i, own + added)
  end
  return H
end

local function objective(net, X, Y, lambda)
  return net:loss(X, Y) + lambda * net:parameters():norm() ^ 2
end

local DAMPING = 0.1

--- The first iterate by the formulas of docs/gauss_newton.md, in the form asked for.
local function naive_iterate(settings, X, Y, lambda, refits)
  local net = lsqnet.network(settings)
  local layers = settings.layers
  local last = #layers - 1
  local free = net:parameters().rows
  local function solve_output() -- by ridge regression, orthogonally
    local S = net:activations(X, last - 1):hcat(matrix(X.rows, 1, 1))
    local ridge = matrix.eye(S.cols) * math.sqrt(lambda * X.rows * Y.cols)
    local B = S:vcat(ridge):lstsq(Y:vcat(matrix(S.cols, Y.cols)))
    net:set_weight(last, B:slice(1, S.cols - 1))
    net:set_bias(last, B:row(S.cols))
  end
  if refits then
    free = free - (layers[last] + 1) * layers[last + 1]
    solve_output()
  end
  local before = objective(net, X, Y, lambda)
  local H, gradient = naive_equations(net, settings, X, Y, lambda)
  local theta = net:parameters()
  net:set_parameters(theta - damped(H, DAMPING, lambda, free):solve(gradient))
  if refits then solve_output() end
  assert(objective(net, X, Y, lambda) < before, "the case needs a step that is accepted")
  return net
end

local function ways_of(settings)
  local has_pattern = #settings.layers == 3 and settings.activation:match "relu"
    and settings.loss == nil and settings.output_activation == nil and settings.bias == nil
  return { "auto", "jacobian", "kronecker", has_pattern and "pattern" or nil }
end

describe("gauss_newton", function()
  local function takes_naive_step(settings, lambda, form)
    local c = settings.layers[#settings.layers]
    local X, Y = data(40, settings.layers[1], c, 3)
    if settings.loss == "cross_entropy" then Y = classes(40, c) end
    local expected = naive_iterate(settings, X, Y, lambda, form == "refit")
    for _, gram in ipairs(ways_of(settings)) do
      local net = lsqnet.network(settings)
      local report = lsqnet.gauss_newton(net, X, Y, {
        iterations = 1, damping = DAMPING, lambda = lambda, form = form, gram = gram,
      })
      assert.are.equal(2, #report.history)
      assert.are.equal(1, report.accepted)
      -- the damped system has a condition number of at most about 1e4
      assert.is_true(net:parameters():allclose(expected:parameters(), 1e-8, 1e-9), gram)
      assert.is_true(math.abs(report.loss - expected:loss(X, Y)) <= 1e-9 * report.loss)
    end
  end

  for _, settings in ipairs {
    { layers = { 3, 5, 1 }, activation = "relu", seed = 2 },
    { layers = { 3, 5, 2 }, activation = "leaky_relu", seed = 2 },
    { layers = { 3, 4, 1 }, activation = "tanh" },
    { layers = { 2, 4, 3, 2 }, activation = "relu", bias = { true, false, true } },
    { layers = { 2, 3, 2 }, activation = "elu", output_activation = "sigmoid" },
    { layers = { 2, 4, 1 }, activation = "tanh", loss = "cross_entropy" },
    { layers = { 2, 4, 3, 3 }, activation = "tanh", loss = "cross_entropy" },
    { layers = { 2, 3, 3 }, activation = "sigmoid", bias = { true, false } },
    { layers = { 3, 2 }, activation = "identity" },
  } do
    local case = table.concat(settings.layers, "-") .. " " .. settings.activation .. " "
      .. (settings.loss or "mse")
    it("takes the step of the formulas, joint form: " .. case, function()
      takes_naive_step(settings, 0.01, "joint")
    end)
  end

  for _, settings in ipairs {
    { layers = { 3, 5, 1 }, activation = "relu", seed = 2 },
    { layers = { 3, 5, 2 }, activation = "leaky_relu", seed = 2 },
    { layers = { 3, 4, 2 }, activation = "tanh", seed = 3 },
    { layers = { 2, 4, 3, 2 }, activation = "tanh", seed = 3 },
  } do
    for _, lambda in ipairs { 0.01, 1e-4 } do
      local case = ("%s %s, lambda %g"):format(table.concat(settings.layers, "-"),
        settings.activation, lambda)
      it("takes the step of the formulas, refit form: " .. case, function()
        takes_naive_step(settings, lambda, "refit")
      end)
    end
  end

  it("chooses the form: refit with one hidden layer, or subsampled with several outputs", function()
    local function same(settings, form, options)
      local X, Y = data(2000, settings.layers[1], settings.layers[#settings.layers], 3)
      local function train(given)
        local net = lsqnet.network(settings)
        lsqnet.gauss_newton(net, X, Y, {
          iterations = 3, form = given, gram_rows = options.gram_rows, mask = options.mask,
        })
        return net:parameters()
      end
      assert.are.same(train(form):totable(), train "auto":totable())
    end
    same({ layers = { 3, 4, 1 }, activation = "tanh" }, "refit", {})
    same({ layers = { 3, 4, 4, 1 }, activation = "tanh" }, "joint", {})
    same({ layers = { 3, 4, 4, 2 }, activation = "tanh" }, "refit", { gram_rows = 30 })
    same({ layers = { 3, 4, 4, 2 }, activation = "tanh" }, "joint", { gram_rows = 0 })
    same({ layers = { 3, 4, 1 }, activation = "tanh", bias = { true, false } }, "joint", {})
    local mask = matrix(21, 1, 1)
    mask:set(21, 1, 0)
    same({ layers = { 3, 4, 1 }, activation = "tanh" }, "joint", { mask = mask })
  end)

  it("never raises the objective, and records rejected steps too", function()
    local X, Y = data(100, 3, 1, 5)
    local net = lsqnet.network { layers = { 3, 12, 1 }, seed = 1 }
    local report = lsqnet.gauss_newton(net, X, Y, {
      iterations = 40, damping = 1e-6, lambda = 1e-5,
    })
    local rejected, before = 0, math.huge
    for k, entry in ipairs(report.history) do
      assert.are.equal(k - 1, entry.iteration)
      assert.is_true(entry.objective <= before)
      assert.is_true(entry.damping > 0)
      rejected = rejected + (entry.objective == before and 1 or 0)
      before = entry.objective
    end
    assert.is_true(rejected > 0, "40 steps on noise reject one at least")
    assert.are.equal(#report.history - 1 - rejected, report.accepted)
    assert.is_true(report.evaluations > report.accepted)
    assert.are.equal(report.history[#report.history].loss, report.loss)
    assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-12 * report.loss)
    assert.is_true(math.abs(objective(net, X, Y, 1e-5) - before) <= 1e-12 * before)
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
    for _, form in ipairs { "refit", "joint" } do
      local net = teacher:clone()
      local nudge = matrix.randn(net:parameters().rows, 1, lsqnet.rng(9)) * 0.05
      net:set_parameters(net:parameters() + nudge)
      local report = lsqnet.gauss_newton(net, X, Y, {
        gradient_tolerance = 0, form = form, iterations = 100,
      })
      assert.are.equal("stalled", report.stopped) -- by rounding
      assert.is_true(report.loss < (form == "joint" and 1e-25 or 1e-20))
      assert.is_true(net:predict(X):allclose(Y, 0, 1e-9))
    end
  end)

  it("leaves masked parameters alone and steps as if they were constants", function()
    local X, Y = data(60, 3, 1, 15)
    local settings = { layers = { 3, 4, 1 }, activation = "tanh", seed = 6 }
    local start = lsqnet.network(settings):parameters()
    local mask = matrix(start.rows, 1, 1)
    for _, k in ipairs { 2, 7, 11 } do mask:set(k, 1, 0) end
    for _, gram in ipairs { "jacobian", "kronecker" } do
      for _, form in ipairs { "refit", "joint" } do
        local net = lsqnet.network(settings)
        local report = lsqnet.gauss_newton(net, X, Y, {
          mask = mask, form = form, gram = gram, iterations = 200,
        })
        local theta = net:parameters()
        for k = 1, start.rows do
          if mask:get(k, 1) == 0 then assert.are.equal(start:get(k, 1), theta:get(k, 1)) end
        end
        local _, gradient = net:gradient(X, Y)
        local largest = gradient:mul(mask):map(math.abs):max()
        assert.is_true(report.accepted > 3 and largest < 0.1 * math.sqrt(report.loss))
      end
    end
  end)

  it("gives the same bits for any number of threads", function()
    local X, Y = data(3000, 3, 2, 12)
    local before = lsqnet.info().threads
    local function train(threads, activation, gram)
      lsqnet.set_threads(threads)
      local net = lsqnet.network { layers = { 3, 8, 2 }, activation = activation }
      lsqnet.gauss_newton(net, X, Y, { iterations = 4, gram = gram, gram_rows = 0 })
      return net:parameters():totable()
    end
    for _, case in ipairs {
      { "relu", "pattern" }, { "tanh", "jacobian" }, { "tanh", "kronecker" },
    } do
      local one = train(1, case[1], case[2])
      assert.are.same(one, train(2, case[1], case[2]))
      assert.are.same(one, train(3, case[1], case[2]))
    end
    lsqnet.set_threads(before)
  end)

  it("sums over some rows where there are many, and over all of them in the end", function()
    local X, Y = data(1200, 3, 6, 21)
    local function train(options)
      options.iterations = options.iterations or 40
      local net = lsqnet.network { layers = { 3, 16, 16, 6 }, activation = "tanh" }
      return lsqnet.gauss_newton(net, X, Y, options), net:parameters():totable()
    end
    local all, auto, own = train { gram_rows = 0 }, train {}, train { gram_rows = 73 }
    assert.are_not.equal(all.history[4].loss, auto.history[4].loss)
    assert.are.equal(auto.history[4].loss, own.history[4].loss) -- P / outputs is 73
    assert.is_true(auto.loss < 0.1 * auto.history[1].loss and auto.loss < 3 * all.loss)
    local _, every = train { gram_rows = 1200, iterations = 4 }
    local _, none = train { gram_rows = 0, iterations = 4 }
    assert.are.same(none, every)
  end)

  it("counts a row of weight k as the row k times", function()
    local X, Y = data(40, 3, 2, 25)
    local weights, rows = matrix(40, 1), {}
    for i = 1, 40 do
      weights:set(i, 1, i % 3)
      for _ = 1, i % 3 do rows[#rows + 1] = i end
    end
    local XX, YY = X:slice(rows[1], rows[1]), Y:slice(rows[1], rows[1])
    for k = 2, #rows do
      XX, YY = XX:vcat(X:slice(rows[k], rows[k])), YY:vcat(Y:slice(rows[k], rows[k]))
    end
    for _, case in ipairs {
      { "tanh", "jacobian" }, { "tanh", "kronecker" }, { "relu", "pattern" },
      { "leaky_relu", "pattern" }, { "tanh", "kronecker", "cross_entropy" },
    } do
      for _, form in ipairs { "joint", case[3] == nil and "refit" or nil } do
        local function train(x, y, w)
          local net = lsqnet.network {
            layers = { 3, 4, 2 }, activation = case[1], loss = case[3], seed = 4,
          }
          if case[3] then
            y = y:map(function(v) return v > 0 and 1 or 0 end):columns { 1 }
            y = y:hcat(y:map(function(v) return 1 - v end))
          end
          local report = assert(lsqnet.gauss_newton(net, x, y, {
            iterations = 4, lambda = 1e-3, gram = case[2], form = form, weights = w,
          }))
          return net:parameters(), report.loss
        end
        local theta, loss = train(X, Y, weights)
        local expected, repeated = train(XX, YY)
        assert.is_true(theta:allclose(expected, 1e-7, 1e-8))
        assert.is_true(math.abs(loss - repeated) <= 1e-10 * repeated)
      end
    end
  end)

  it("trains from a stream as from memory", function()
    local tmp = require "tmp"
    local X, Y = data(900, 3, 2, 22)
    tmp.with(function(folder)
      assert(X:write_npy(folder .. "/x.npy"))
      assert(Y:write_npy(folder .. "/y.npy"))
      for _, options in ipairs {
        { gram_rows = 0 }, { gram_rows = 40 }, { warm_start = "adam" },
      } do
        options.iterations, options.seed = 4, 3
        local function train(...)
          local net = lsqnet.network { layers = { 3, 6, 2 }, activation = "tanh" }
          assert(lsqnet.gauss_newton(net, ...))
          return net:parameters():totable()
        end
        local stream = assert(lsqnet.stream(folder .. "/x.npy", folder .. "/y.npy"))
        assert.are.same(train(X, Y, options), train(stream, nil, options))
      end
    end)
  end)

  it("starts warm by Adam", function()
    local X, Y = data(600, 3, 1, 23)
    local cold = lsqnet.network { layers = { 3, 12, 1 } }
    local warm = cold:clone()
    local start = cold:loss(X, Y)
    lsqnet.gauss_newton(cold, X, Y, { iterations = 0, form = "joint" })
    local report = lsqnet.gauss_newton(warm, X, Y, {
      iterations = 0, form = "joint", warm_start = "adam", seed = 5,
    })
    assert.are.equal(start, cold:loss(X, Y))
    assert.is_true(report.loss < 0.5 * start)
  end)

  it("lowers the cross-entropy to its minimum", function()
    local X = data(200, 2, 1, 24)
    for _, c in ipairs { 1, 3 } do
      local net = lsqnet.network {
        layers = { 2, 3, c }, activation = "tanh", loss = "cross_entropy",
      }
      local Y = classes(200, c)
      local report = lsqnet.gauss_newton(net, X, Y, { lambda = 1e-3, iterations = 300 })
      assert.are.equal("tolerance", report.stopped)
      local _, gradient = net:gradient(X, Y)
      assert.is_true((gradient + net:parameters() * 2e-3):map(math.abs):max() < 1e-4)
    end
  end)

  it("takes every loss with a curvature, and activations whose slope needs z", function()
    local X, Y = data(120, 2, 2, 26)
    for _, case in ipairs { { "huber", "gelu" }, { "poisson", "silu" }, { "huber", "softplus" } } do
      local targets = case[1] == "poisson" and Y:map(function(y)
        return math.floor(2 * y * y)
      end) or Y
      local losses = {}
      for _, gram in ipairs { "jacobian", "kronecker" } do
        local net = lsqnet.network {
          layers = { 2, 4, 3, 2 }, activation = case[2], loss = case[1], seed = 3,
        }
        local start = net:loss(X, targets)
        local report = lsqnet.gauss_newton(net, X, targets, { iterations = 30, gram = gram })
        assert.is_true(report.loss < start - 0.05 * math.abs(start))
        assert.is_true(math.abs(net:loss(X, targets) - report.loss) <= 1e-12)
        losses[#losses + 1] = report.history[6].loss
      end
      assert.is_true(math.abs(losses[1] - losses[2]) <= 1e-8)
    end
    for _, loss in ipairs { "absolute", "quantile" } do
      local net = lsqnet.network { layers = { 2, 4, 2 }, loss = loss }
      local ok, message = pcall(lsqnet.gauss_newton, net, X, Y)
      assert.is_false(ok)
      local sentence = "needs a loss with a curvature, " .. loss .. " has none"
      assert.is_truthy(message:find(sentence, 1, true), message)
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

  describe("stops", function()
    --- max |g_i| / sqrt(H_ii f) at the net as it is.
    local function scaled_gradient(net, settings, X, Y, lambda)
      local H, gradient = naive_equations(net, settings, X, Y, lambda)
      local f, worst = objective(net, X, Y, lambda), 0
      for i = 1, H.rows do
        if H:get(i, i) > 0 then
          worst = math.max(worst, math.abs(gradient:get(i, 1)) / math.sqrt(H:get(i, i) * f))
        end
      end
      return worst
    end

    it("with tolerance where the scaled gradient says so", function()
      local X, Y = data(60, 3, 2, 8)
      local settings = { layers = { 3, 2 }, activation = "identity" }
      for _, tolerance in ipairs { 1e-2, 1e-6 } do
        local net = lsqnet.network(settings)
        local report = lsqnet.gauss_newton(net, X, Y, {
          lambda = 0.01, damping = 1, gradient_tolerance = tolerance,
        })
        assert.are.equal("tolerance", report.stopped)
        assert.is_true(report.scaled_gradient <= tolerance)
        assert.is_true(report.scaled_gradient > 1e-4 * tolerance)
        local naive = scaled_gradient(net, settings, X, Y, 0.01)
        assert.is_true(math.abs(naive - report.scaled_gradient) <= 1e-10)
      end
    end)

    it("with tolerance at zero", function()
      local X = data(20, 2, 1, 8)
      local net = lsqnet.network { layers = { 2, 3, 1 }, init = "zeros" }
      local report = lsqnet.gauss_newton(net, X, matrix(20, 1), {})
      assert.are.equal("tolerance", report.stopped)
      assert.are.equal(0, report.loss)
      assert.are.equal(0, report.iterations)
    end)

    it("never with tolerance at a kink", function()
      local stops = {}
      for seed = 1, 12 do
        local X, Y = data(40, 2, 1, 100 + seed)
        local settings = { layers = { 2, 5, 1 }, seed = seed }
        local net = lsqnet.network(settings)
        local report = lsqnet.gauss_newton(net, X, Y, { iterations = 1000 })
        stops[report.stopped] = true
        local history = report.history
        local settled = 1 - history[#history].loss / history[math.max(#history - 3, 1)].loss <= 1e-7
        if report.stopped == "tolerance" then
          assert.is_true(settled or scaled_gradient(net, settings, X, Y, 0) <= 1.1e-6)
        end
      end
      assert.is_true(stops.tolerance)
      assert.is_nil(stops.iterations)
    end)

    it("early on validation data, with the net of the lowest loss", function()
      local X, Y = data(60, 3, 1, 10)
      local VX, VY = data(200, 3, 1, 11)
      local net = lsqnet.network { layers = { 3, 30, 1 }, seed = 2 }
      local report = lsqnet.gauss_newton(net, X, Y, {
        iterations = 100, validation = { VX, VY }, patience = 5,
      })
      assert.are.equal("tolerance", report.stopped)
      local lowest = math.huge
      for _, entry in ipairs(report.history) do
        lowest = math.min(lowest, entry.validation_loss)
      end
      assert.is_true(math.abs(net:loss(VX, VY) - lowest) <= 1e-12 * lowest)
      assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-12 * report.loss)
    end)

    it("with diverged where the data turn to nonsense, and keeps the best finite net", function()
      for _, layers in ipairs { { 3, 4, 1 }, { 3, 4, 4, 1 } } do
        for _, gram_rows in ipairs { 0, 20 } do
          for _, spoil in ipairs { "X", "Y" } do
            local of = {}
            of.X, of.Y = data(80, 3, 1, 30)
            local clean = { X = of.X:copy(), Y = of.Y:copy() }
            local net = lsqnet.network { layers = layers, activation = "tanh", seed = 3 }
            local best
            local report = lsqnet.gauss_newton(net, of.X, of.Y, {
              iterations = 200, gram_rows = gram_rows,
              on_iteration = function(entry)
                if entry.iteration <= 5 then best = entry.loss end
                if entry.iteration == 5 then of[spoil]:set(7, 1, 0 / 0) end
              end,
            })
            assert.are.equal("diverged", report.stopped)
            assert.are.equal(best, report.loss)
            assert.is_true(math.abs(net:loss(clean.X, clean.Y) - best) <= 1e-12 * best)
          end
        end
      end
    end)

    it("by the clock within an iteration", function()
      local X, Y = data(1044, 42, 1, 31)
      local net = lsqnet.network { layers = { 42, 64, 1 }, seed = 1 }
      local before = net:loss(X, Y)
      local start = lsqnet.clock()
      local report = lsqnet.gauss_newton(net, X, Y, { iterations = 1e6, time_limit = 0.05 })
      assert.are.equal("time", report.stopped)
      assert.is_true(lsqnet.clock() - start < 5, "an iteration is a second, and is cut")
      assert.is_true(net:loss(X, Y) <= before)
    end)
  end)

  describe("refuses", function()
    local function refusal(settings, options)
      local X, Y = data(10, settings.layers[1], settings.layers[#settings.layers], 1)
      local ok, message = pcall(lsqnet.gauss_newton, lsqnet.network(settings), X, Y, options)
      assert.is_false(ok)
      return message
    end
    local plain = { layers = { 2, 3, 1 }, activation = "tanh" }
    for _, case in ipairs {
      { { layers = { 2, 1 } }, { form = "refit" }, "'form': \"refit\" needs a hidden layer" },
      { { layers = { 2, 3, 1 }, output_activation = "tanh" }, { form = "refit" },
        "\"refit\" needs the output activation identity" },
      { { layers = { 2, 3, 1 }, bias = { true, false } }, { form = "refit" },
        "\"refit\" needs biases in the output layer" },
      { plain, { form = "refit", mask = matrix(13, 1) },
        "\"refit\" needs an output layer that is not masked" },
      { plain, { gram = "pattern" }, "'gram': \"pattern\" needs one hidden layer of relu" },
      { plain, { gram_rows = "most" },
        "option 'gram_rows': an integer or 'auto' expected, got 'most'" },
      { plain, { gram_rows = {} },
        "option 'gram_rows': an integer or a string expected, got table" },
      { plain, { gram_rows = -1 }, "option 'gram_rows': at least 0.0 expected, got -1.0" },
      { plain, { warm_start = "sgd" },
        "option 'warm_start': 'none' or 'adam' expected, got 'sgd'" },
    } do
      it(case[3], function()
        local message = refusal(case[1], case[2])
        assert.is_truthy(message:find(case[3], 1, true), message)
      end)
    end
  end)
end)
