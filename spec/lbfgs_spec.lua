local lsqnet = require "lsqnet"
local naive = require "naive"

local matrix, message = lsqnet.matrix, naive.message

describe("lsqnet.lbfgs", function()
  local X, Y, threads

  setup(function()
    threads = lsqnet.info().threads
    lsqnet.set_threads(1)
    local rng = lsqnet.rng(5)
    X = matrix.randn(200, 2, rng)
    Y = (X:columns(1, 1) + X:columns(2, 2)):map(math.sin)
  end)

  teardown(function() lsqnet.set_threads(threads) end)

  local function fresh(activation)
    return lsqnet.network { layers = { 2, 10, 1 }, activation = activation or "tanh" }
  end

  it("is optim.lbfgs on the loss of the net", function()
    local fixed = { line_search = "fixed", learning_rate = 0.5 }
    for _, options in ipairs { {}, { memory = 3 }, fixed } do
      options.iterations = 25
      local net, twin = fresh(), fresh()
      local report = lsqnet.lbfgs(net, X, Y, options)
      local x, values, evaluations = lsqnet.optim.lbfgs(function(w)
        twin:set_parameters(w)
        return twin:gradient(X, Y)
      end, twin:parameters(), options)
      assert.is_true(net:parameters() == x)
      assert.are.equal(#values, #report.history)
      for k, entry in ipairs(report.history) do
        assert.are.equal(values[k], entry.loss)
        assert.are.equal(k - 1, entry.iteration)
      end
      assert.are.equal(evaluations, report.history[#values].evaluations)
      assert.are.equal(1, report.history[1].evaluations)
    end
  end)

  local function objective(net, lambda)
    return net:loss(X, Y) + lambda * net:parameters():norm() ^ 2
  end

  it("is optim.lbfgs on loss + lambda |parameters|^2", function()
    local fixed = { line_search = "fixed", learning_rate = 0.5 }
    for _, options in ipairs { { lambda = 1e-2 }, { lambda = 1e-3, memory = 3 }, fixed } do
      local lambda = options.lambda or 1e-2
      options.iterations, options.lambda = 15, nil
      local net, twin = fresh(), fresh()
      local x, values = lsqnet.optim.lbfgs(function(w)
        twin:set_parameters(w)
        local loss, gradient = twin:gradient(X, Y)
        return loss + lambda * w:norm() ^ 2, gradient + w * (2 * lambda)
      end, twin:parameters(), options)
      options.lambda = lambda
      local report = lsqnet.lbfgs(net, X, Y, options)
      assert.is_true(naive.distance(net:parameters(), x) <= 1e-8)
      for k, entry in ipairs(report.history) do
        assert.is_true(math.abs(values[k] - entry.objective) <= 1e-10 * values[k])
      end
    end
  end)

  it("tells the loss without the penalty, of every iterate and of the best", function()
    for _, activation in ipairs { "tanh", "relu" } do
      for _, lambda in ipairs { 1e-4, 0.05 } do
        local net = fresh(activation)
        local report = lsqnet.lbfgs(net, X, Y, {
          iterations = 300, lambda = lambda, loss_tolerance = 0, gradient_tolerance = 0,
          on_iteration = function(event)
            assert.is_true(math.abs(event.net:loss(X, Y) - event.loss) <= 1e-13 * event.loss)
            local expected = objective(event.net, lambda)
            assert.is_true(math.abs(expected - event.objective) <= 1e-13 * expected)
          end,
        })
        assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-13 * report.loss)
        for k = 2, #report.history do
          assert.is_true(report.history[k].objective <= report.history[k - 1].objective)
        end
        local last = report.history[#report.history].objective
        assert.is_true(objective(net, lambda) <= last * (1 + 1e-14))
      end
    end
  end)

  it("minimises what weight_decay = 2 lambda of sgd minimises", function()
    local lambda, linear = 0.03, function() return lsqnet.network { layers = { 2, 1 } } end
    local net, twin = linear(), linear()
    lsqnet.lbfgs(net, X, Y, { lambda = lambda, iterations = 100, loss_tolerance = 0 })
    lsqnet.sgd(twin, X, Y,
      { weight_decay = 2 * lambda, batch_size = X.rows, epochs = 400, learning_rate = 0.2 })
    assert.is_true(naive.distance(net:parameters(), twin:parameters()) <= 1e-7)
    local S = X:hcat(matrix(X.rows, 1, 1)) -- and both are ridge regression, the bias penalised
    local ridge = (S:t() * S + matrix.eye(3) * (lambda * X.rows)):solve(S:t() * Y)
    assert.is_true(naive.distance(net:parameters(), ridge) <= 1e-7)
  end)

  it("leaves masked parameters where they are, penalised or not", function()
    local net = fresh()
    local start = net:parameters()
    local mask = start:map(function() return 1 end)
    for i = 1, start.rows, 3 do mask:set(i, 1, 0) end
    lsqnet.lbfgs(net, X, Y, { lambda = 0.1, mask = mask, iterations = 10 })
    local trained = net:parameters()
    for i = 1, start.rows do
      assert.are.equal(i % 3 == 1, start:get(i, 1) == trained:get(i, 1))
    end
  end)

  it("falls at every iteration and returns what it reports", function()
    for _, activation in ipairs { "tanh", "relu", "leaky_relu", "elu", "sigmoid" } do
      local net = fresh(activation)
      local report = lsqnet.lbfgs(net, X, Y, {
        iterations = 100,
        on_iteration = function(event)
          local loss = event.net:loss(X, Y)
          assert.is_true(math.abs(loss - event.loss) <= 1e-13 * loss)
        end,
      })
      for k = 2, #report.history do
        assert.is_true(report.history[k].loss < report.history[k - 1].loss)
      end
      assert.is_true(report.loss < 0.1 * report.history[1].loss)
      assert.is_true(report.loss <= report.history[#report.history].loss)
      assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-13 * report.loss)
    end
  end)

  it("continues where it stopped, bit for bit", function()
    for activation, lambda in pairs { tanh = 0, relu = 0, sigmoid = 1e-4 } do
      local options = { iterations = 20, max_evaluations = 1000, lambda = lambda }
      local whole, net = fresh(activation), fresh(activation)
      local all = lsqnet.lbfgs(whole, X, Y,
        { iterations = 40, max_evaluations = 1000, lambda = lambda })
      local first = lsqnet.lbfgs(net, X, Y, options)
      options.state = first.state
      local second = lsqnet.lbfgs(net, X, Y, options)
      assert.is_true(whole:parameters() == net:parameters())
      for k = 1, 21 do
        assert.are.equal(all.history[k].loss, first.history[k].loss)
        assert.are.equal(all.history[20 + k].loss, second.history[k].loss)
      end
    end
  end)

  it("refuses a state of another memory or another net", function()
    local report = lsqnet.lbfgs(fresh(), X, Y, { iterations = 5 })
    local refused = "option 'state': the state that a report of lbfgs with such a net returned "
      .. "expected"
    assert.are.equal(refused,
      message(lsqnet.lbfgs, fresh(), X, Y, { state = report.state, memory = 11 }))
    assert.are.equal(refused, message(lsqnet.lbfgs, lsqnet.network { layers = { 2, 9, 1 } }, X, Y,
      { state = report.state }))
  end)

  it("stops by patience with the best net of the validation data", function()
    local rng = lsqnet.rng(8)
    local function part(rows)
      local x = matrix.randn(rows, 2, rng)
      local y = (x:columns(1, 1) + x:columns(2, 2)):map(math.sin)
      return x, y + matrix.randn(rows, 1, rng) * 0.3
    end
    local x, y = part(20)
    local v, w = part(200)
    local net = fresh()
    local report = lsqnet.lbfgs(net, x, y,
      { iterations = 5000, patience = 10, validation = { v, w }, loss_tolerance = 0 })
    assert.are.equal("tolerance", report.stopped)
    local best = 1
    for k, entry in ipairs(report.history) do
      if entry.validation_loss < report.history[best].validation_loss then best = k end
    end
    assert.are.equal(best + 10, #report.history)
    assert.are.equal(report.history[best].validation_loss, net:loss(v, w))
    assert.are.equal(net:loss(x, y), report.loss)
  end)

  -- Barbu (2023), Figure 3: PyTorch's L-BFGS with a learning rate of 0.01 (and its memory of 100)
  -- blows up "to values as large as 10^26 many times" where the pattern of a ReLU net changes.
  it("blows up with fixed steps on ReLU nets, not with the line search", function()
    local rng = lsqnet.rng(1)
    local x = matrix.randn(300, 4, rng)
    local y = matrix.randn(300, 1, rng) + x:columns(1, 1):map(math.abs) * 3
    local blown = 0
    for seed = 1, 6 do
      local function train(options)
        options.memory, options.iterations, options.loss_tolerance = 100, 1000, 0
        local net = lsqnet.network { layers = { 4, 16, 1 }, init = "normal", seed = seed }
        local report = lsqnet.lbfgs(net, x, y, options)
        local greatest = 0
        for k, entry in ipairs(report.history) do
          assert.is_true(entry.loss - entry.loss == 0)
          local before = report.history[k - 1]
          greatest = before and math.max(greatest, entry.loss / before.loss) or 0
        end
        assert.is_true(math.abs(net:loss(x, y) - report.loss) <= 1e-12 * report.loss)
        return greatest, report
      end
      local rise, fixed = train { line_search = "fixed", learning_rate = 0.01 }
      blown = blown + (rise > 1e26 and 1 or 0)
      if fixed.stopped == "diverged" then -- the best net seen is returned then
        assert.is_true(fixed.loss < 3)
      end
      assert.is_true((train { line_search = "strong_wolfe" }) <= 1)
    end
    assert.is_true(blown >= 3)
  end)
end)
