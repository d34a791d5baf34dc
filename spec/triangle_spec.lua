local lsqnet = require "lsqnet"
local oracle = require "oracle"

local matrix, triangle = lsqnet.matrix, lsqnet.triangle

-- The curves of the paper, with the loss that the first phase alone converges to (500 points).
local curves = {
  ["x^3"] = { f = function(x) return x ^ 3 end, sign = "subtracted", limit = 3.40e-5 },
  ["x^11"] = { f = function(x) return x ^ 11 end, sign = "subtracted", limit = 3.30e-4 },
  sin = { f = function(x) return math.sin(math.pi * x / 2) end, sign = "added", limit = 5.99e-6 },
  tanh = {
    f = function(x) return 1 - 2 / (math.exp(6 * x) + 1) end, sign = "added", limit = 2.77e-5,
  },
}

local function data(name, rows)
  local X = matrix.linspace(0, 1, rows or 500)
  return X, X:map(curves[name].f)
end

describe("triangle pretraining", function()
  it("follows the oracle's 20 steps of Adam", function()
    local case = oracle.read("triangle").adam
    local X, Y = data("x^3", 51)
    local net = triangle.network { sign = "subtracted", peaks = case.a0 }
    local report = triangle(net, X, Y, { epochs = case.steps, finish = "none" })
    assert.is_true(matrix(case.a_final):allclose(net:parameters(), 1e-12, 1e-12))
    assert.are.equal(case.steps, report.iterations)
    assert.are.equal("iterations", report.stopped)
  end)

  for name, curve in pairs(curves) do
    it("gets as far as its class of functions goes, by least squares: " .. name, function()
      local X, Y = data(name)
      for seed = 1, 4 do
        local net = triangle.network { seed = seed }
        local report = triangle(net, X, Y,
          { pretrain = "least_squares", finish = "none", scale = false })
        assert.are.equal(curve.sign, net.sign)
        assert.is_true(math.abs(report.loss / curve.limit - 1) < 0.02, report.loss)
        assert.are.equal("tolerance", report.stopped)
        assert.are.equal(32, report.network:linear_regions(0, 1))
        for i = 1, 6 do
          local a = net:parameters():get(i, 1)
          assert.is_true(a >= 0.02 and a <= 0.98)
        end
      end
    end)
  end

  it("gets there with Adam too", function()
    local X, Y = data "x^3"
    local report = triangle(triangle.network {}, X, Y, { epochs = 4000, finish = "none" })
    assert.is_true(math.abs(report.loss / 3.40e-5 - 1) < 0.02)
  end)

  it("reaches the paper's accuracy in its two phases, and more with gauss_newton", function()
    local X, Y = data "sin"
    local report = triangle(triangle.network { seed = 2 }, X, Y)
    assert.is_true(report.loss < 1e-6, report.loss) -- of 30 nets the mean is 5e-7
    assert.are.equal(2000, report.iterations)
    assert.are.equal(1, report.history[1001].phase)
    assert.are.equal(2, report.history[1002].phase)
    assert.are.equal(report.loss, report.network:loss(X, Y))
    local best = math.huge
    for seed = 1, 3 do
      local finished = triangle(triangle.network { seed = seed }, X, Y,
        { finish = "gauss_newton" })
      best = math.min(best, finished.loss)
    end
    assert.is_true(best < 5e-8, best) -- 8 nets: 3e-9
  end)

  it("folds the scaling of any interval into an ordinary network", function()
    local X01, Y01 = data("x^3", 100)
    local X, Y = X01 * 4 - matrix(100, 1, 7), Y01 * -3 + matrix(100, 1, 2)
    for _, finish in ipairs { "none", "adam" } do
      local options = { epochs = 50, finish = finish }
      local unit, scaled = triangle.network { seed = 4 }, triangle.network { seed = 4 }
      local here = triangle(unit, X01, Y01, options)
      local there = triangle(scaled, X, Y, options)
      assert.is_true(unit:parameters():allclose(scaled:parameters(), 1e-9, 1e-9))
      local back = here.network:predict(X01) * -3 + matrix(100, 1, 2)
      assert.is_true(back:allclose(there.network:predict(X), 1e-7, 1e-7))
      for k, entry in ipairs(here.history) do
        assert.is_true(math.abs(9 * entry.loss / there.history[k].loss - 1) < 1e-6)
      end
      assert.are.equal("subtracted", scaled.sign)
    end
  end)

  it("tells in each event what the net is worth, in the data's own units", function()
    local X, Y = data("tanh", 60)
    Y = Y * 5
    local seen = 0
    triangle(triangle.network {}, X, Y, {
      pretrain = "least_squares", epochs = 5, finish = "gauss_newton",
      finish_options = { iterations = 5 },
      on_iteration = function(event)
        seen = seen + 1
        assert.is_true(math.abs(event.net:loss(X, Y) / event.loss - 1) < 1e-8)
      end,
    })
    assert.are.equal(11, seen)
  end)

  it("leaves phases out, and stops where it is told to", function()
    local X, Y = data("x^3", 50)
    local net = triangle.network { sign = "subtracted", seed = 2 }
    local before = net:parameters()
    local nothing = triangle(net, X, Y, { pretrain = "none", finish = "none" })
    assert.are.equal(0, nothing.iterations)
    assert.is_true(before == net:parameters())
    assert.is_true(net:dense():parameters() == nothing.network:parameters())
    local skipped = triangle(net, X, Y, { pretrain = "none", finish_options = { epochs = 30 } })
    assert.are.equal(30, skipped.iterations)
    assert.is_true(before == net:parameters())
    assert.is_true(skipped.loss < nothing.loss)
    local stopped = triangle(net, X, Y, {
      on_iteration = function(event) return event.iteration < 7 end,
    })
    assert.are.equal("callback", stopped.stopped)
    assert.are.equal(7, stopped.iterations)
    local target = triangle(triangle.network {}, X, Y, { target_loss = 1e-3 })
    assert.are.equal("target", target.stopped)
    assert.is_true(target.loss <= 1e-3)
    assert.are.equal("time", triangle(triangle.network {}, X, Y, { time_limit = 0 }).stopped)
  end)

  it("equals adam on the dense net in its second phase", function()
    local X, Y = data("x^11", 80)
    local net = triangle.network { sign = "subtracted", seed = 6 }
    local dense = net:dense()
    local report = triangle(net, X, Y, { pretrain = "none", epochs = 40, learning_rate = 2e-3 })
    local adam = lsqnet.adam(dense, X, Y,
      { epochs = 40, learning_rate = 2e-3, batch_size = 80, shuffle = false })
    assert.is_true(dense:parameters():allclose(report.network:parameters(), 1e-12, 1e-14))
    assert.is_true(math.abs(adam.loss - report.loss) < 1e-12 * adam.loss)
  end)

  it("trains free scales from the enforced ones on", function()
    local X, Y = data("x^3", 100)
    local net = triangle.network { scales = "free", seed = 3 }
    local enforced = triangle.network { seed = 3 }
    local first = triangle(net, X, Y, { epochs = 0, finish = "none" })
    local same = triangle(enforced, X, Y, { epochs = 0, finish = "none" })
    assert.are.equal("subtracted", net.sign) -- drawn as added: the scales follow
    assert.is_true(math.abs(first.loss - same.loss) < 1e-14)
    triangle(net, X, Y, { epochs = 100, finish = "none" })
    local v = net:parameters()
    assert.is_true(math.abs(v:get(8, 1) - (1 - v:get(2, 1)) * v:get(3, 1)) > 1e-3)
  end)

  it("keeps the best of fresh draws, the same with any number of threads", function()
    local X, Y = data("sin", 60)
    local single = {}
    for threads = 1, 2 do
      lsqnet.set_threads(threads)
      local net = triangle.network { seed = 1 }
      local report = triangle(net, X, Y, { epochs = 40, restarts = 5, seed = 3 })
      single[threads] = report.network:parameters()
      assert.are.equal(report.loss, report.network:loss(X, Y))
      local one = triangle(triangle.network { seed = 1 }, X, Y, { epochs = 40 })
      assert.is_true(report.restart >= 1 and report.loss <= one.loss)
      -- the peaks are those of the restart that was kept
      local again = triangle(net, X, Y, { pretrain = "none", epochs = 40 })
      assert.is_true(math.abs(again.loss / report.loss - 1) < 1e-12)
    end
    assert.is_true(single[1] == single[2])
  end)

  it("trains blocks, dense or within the blocks alone", function()
    local X = matrix.linspace(-1, 1, 100)
    local Y = X:map(function(x) return x ^ 3 - x end)
    for _, weights in ipairs { "dense", "block_diagonal" } do
      for _, finish in ipairs { "adam", "lbfgs", "gauss_newton" } do
        local net = triangle.blocks(X, { blocks = 2, depth = 3, seed = 3 })
        local start, left = net:loss(X, Y), net:mask():map(function(m) return 1 - m end)
        local count = finish == "adam" and { epochs = 50, learning_rate = 1e-4 }
          or { iterations = 60 }
        local report = triangle(net, X, Y, {
          epochs = 100, learning_rate = 1e-2, finish = finish, finish_options = count,
          finish_weights = weights,
        })
        assert.is_true(net:loss(X, Y) < start / 2)
        assert.is_true(report.loss < net:loss(X, Y))
        local outside = report.network:parameters():mul(left):norm()
        assert.are.equal(weights == "block_diagonal", outside == 0)
      end
    end
  end)

  it("trains blocks of depth 1, whose dense net has two layers", function()
    local X, Y = data("x^3", 60)
    for _, weights in ipairs { "dense", "block_diagonal" } do
      local net = triangle.blocks(X, { blocks = 3, depth = 1 })
      local report = triangle(net, X, Y, {
        epochs = 50, learning_rate = 1e-2, finish = "gauss_newton", finish_weights = weights,
      })
      assert.is_true(report.loss < 5e-4 and report.loss < net:loss(X, Y))
    end
  end)

  it("trains classifiers, and stacked blocks", function()
    local X, Y = lsqnet.datasets.two_spirals(60, { turns = 0.5 })
    X = lsqnet.data.standardize(X)
    local net = triangle.blocks(X, { blocks = { 4, 2 }, depth = 2, loss = "cross_entropy" })
    local report = triangle(net, X, Y, {
      epochs = 200, learning_rate = 1e-2, finish_weights = "block_diagonal", restarts = 2,
    })
    assert.are.equal(1, report.network:score(X, Y))
    assert.is_true(report.loss < 0.1)
  end)
end)

describe("triangle pretraining refuses", function()
  local X, Y = data("x^3", 20)
  local net = triangle.network {}
  local blocks = triangle.blocks(X, { blocks = 2 })

  local function refusal(...)
    local arguments = table.pack(...)
    local ok, message = pcall(function()
      triangle(table.unpack(arguments, 1, arguments.n))
    end)
    assert.is_false(ok)
    return (message:gsub("^.-:%d+: ", ""))
  end

  local cases = {
    { "lsqnet.triangle expected, got lsqnet.network", lsqnet.network { layers = { 1, 1 } } },
    { "X has 2 columns, the network takes 1 input", net, matrix(20, 2) },
    { "unknown option 'epoch' %(did you mean 'epochs'%?%)", net, X, { epoch = 1 } },
    { "option 'finish': 'adam', 'lbfgs', 'gauss_newton' or 'none' expected, got 'sgd'", net, X,
      { finish = "sgd" } },
    { "option 'finish_options': a table expected, got number", net, X, { finish_options = 3 } },
    { "option 'finish_options': schedule is not for a second phase", net, X,
      { finish_options = { schedule = {} } } },
    { "unknown option 'momentum'", net, X, { finish_options = { momentum = 1 } } },
    { "option 'init': triangle has none", net, X, { init = "zeros" } },
    { "option 'loss': triangle has none", net, X, { loss = "mse" } },
    { "option 'state': triangle has none", net, X, { state = {} } },
    { "option 'mask': triangle trains all parameters", net, X, { mask = matrix(93, 1) } },
    { "option 'sign': blocks have theirs from their construction", blocks, X,
      { sign = "added" } },
    { "\"least_squares\" is for a single triangle network", blocks, X,
      { pretrain = "least_squares" } },
    { "\"least_squares\" needs enforced scales", triangle.network { scales = "free" }, X,
      { pretrain = "least_squares" } },
    { "a table of options expected, got number", net, X, 3 },
    { "\"block_diagonal\" is for a network of blocks", net, X,
      { finish_weights = "block_diagonal" } },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      assert.matches(case[1], refusal(case[2], case[3] or X, Y, case[4]))
    end)
  end

  it("data without two ends", function()
    for _, pair in ipairs { { matrix(20, 1, 1), Y }, { X, matrix(20, 1, 1) } } do
      local report, message, code = triangle(net, pair[1], pair[2])
      assert.is_nil(report)
      assert.matches("the data cannot be scaled", message)
      assert.are.equal("singular", code)
    end
    local report, _, code = triangle(net, X, Y:map(function() return 0 / 0 end))
    assert.is_nil(report)
    assert.are.equal("non_finite", code)
  end)
end)

describe("the mask of the trainers", function()
  local rng = lsqnet.rng(8)
  local X, Y = matrix.randn(50, 2, rng), matrix.randn(50, 1, rng)

  for _, name in ipairs { "sgd", "adam", "adagrad", "lbfgs", "gauss_newton" } do
    for _, layers in ipairs { { 2, 5, 1 }, { 2, 5, 4, 1 } } do
      it(("holds parameters: %s, %d layers"):format(name, #layers - 1), function()
        local net = lsqnet.network { layers = layers, seed = 2 }
        local before = net:parameters()
        local mask = matrix.rand(before.rows, 1, rng):map(function(u) return u < 0.5 and 0 or 1 end)
        local options = { mask = mask }
        if name == "lbfgs" or name == "gauss_newton" then
          options.iterations = 20
        else
          options.epochs, options.batch_size, options.weight_decay = 5, 16, 0.1
        end
        local start = net:loss(X, Y)
        local report = lsqnet[name](net, X, Y, options)
        assert.is_true(report.loss < start)
        local after = net:parameters()
        for i = 1, before.rows do
          local same = before:get(i, 1) == after:get(i, 1)
          if mask:get(i, 1) == 0 then assert.is_true(same) end
        end
        assert.is_false(before == after)
      end)
    end
  end

  it("has one entry a parameter, and is not for every trainer", function()
    local net = lsqnet.network { layers = { 2, 3, 1 } }
    assert.has_error(function() lsqnet.adam(net, X, Y, { mask = matrix(3, 1) }) end,
      "option 'mask': a matrix of 13 x 1, one entry a parameter, expected")
    assert.has_error(function() lsqnet.adam(net, X, Y, { mask = 3 }) end,
      "option 'mask': a matrix of 13 x 1, one entry a parameter, expected")
    assert.has_error(function() lsqnet.anmin(net, X, Y, { mask = matrix(13, 1) }) end,
      "option 'mask': anmin trains all parameters")
  end)
end)
