local lsqnet = require "lsqnet"
local oracle = require "oracle"

local matrix, close = lsqnet.matrix, oracle.close

local function refusal(name, ...)
  local arguments = table.pack(...)
  local ok, message = pcall(function()
    return lsqnet[name](table.unpack(arguments, 1, arguments.n))
  end)
  assert.is_false(ok)
  return (message:gsub("^.-:%d+: ", ""))
end

local function ones(X)
  return X:hcat(matrix(X.rows, 1, 1))
end

--- A small regression with a kink that is off the centre, and noise.
local function make_data(rows, inputs)
  local rng = lsqnet.rng(5)
  local X = matrix.randn(rows, inputs, rng)
  local u = X * matrix.randn(inputs, 1, rng)
  local Y = u:map(function(v)
    return v + 1.5 * math.max(v - 0.4, 0)
  end)
  return X, Y + 0.1 * matrix.randn(rows, 1, rng)
end

local function make_sine(rows)
  local X = matrix.linspace(0, 2 * math.pi, rows)
  return X, X:map(math.sin)
end

local function make_net(layers, seed)
  return lsqnet.network { layers = layers, seed = seed or 1 }
end

--- The draws that restarts train, the first being the net as given.
local function draws(net, layers, restarts, seed)
  local rng, k = lsqnet.rng(seed), 0
  return function()
    k = k + 1
    if k == 1 then
      return k, net:clone()
    elseif k <= restarts then
      return k, lsqnet.network { layers = layers, rng = rng:split() }
    end
  end
end

describe("restarts of", function()
  local X, Y = make_data(60, 2)
  local layers = { 2, 7, 1 }

  teardown(function()
    lsqnet.set_threads(2)
  end)

  for _, name in ipairs { "linstorch", "elm", "random_search" } do
    local function train(options)
      local net = make_net(layers)
      options.seed = 7
      options.restarts = options.restarts or 70
      return lsqnet[name](net, X, Y, options), net
    end

    it(name .. " give the same bits for any number of threads", function()
      lsqnet.set_threads(1)
      local expected, net = train {}
      for threads = 2, 3 do
        lsqnet.set_threads(threads)
        local report, other = train {}
        assert.are.equal(expected.loss, report.loss)
        assert.are.equal(expected.restart, report.restart)
        assert.is_true(net:parameters() == other:parameters())
      end
    end)

    it(name .. " are the same when somebody watches", function()
      lsqnet.set_threads(2)
      local expected, net = train {}
      local most = 0
      local report, other = train {
        on_iteration = function(event)
          most = math.max(most, event.restart)
        end,
      }
      assert.are.equal(70, most)
      assert.are.equal(expected.loss, report.loss)
      assert.are.equal(expected.restart, report.restart)
      assert.are.equal(#expected.history, #report.history)
      assert.is_true(net:parameters() == other:parameters())
    end)

    it(name .. " keep the best of the draws, made one by one", function()
      local report, net = train {}
      local lowest, best, kept = math.huge, nil, nil
      for k, draw in draws(make_net(layers), layers, 70, 7) do
        local loss
        if name == "random_search" then
          loss = draw:loss(X, Y)
          close(loss, report.history[k].loss, 1e-13, "loss of draw " .. k)
        else
          loss = lsqnet[name](draw, X, Y).loss
        end
        if loss < lowest then
          lowest, best, kept = loss, k, draw
        end
      end
      assert.are.equal(best, report.restart)
      close(lowest, report.loss, 1e-13, "loss")
      close(report.loss, net:loss(X, Y), 1e-12, "loss of the net")
      assert.is_true(kept:parameters():allclose(net:parameters(), 1e-12, 1e-12))
    end)

    it(name .. " stop at the target, with the first net that reaches it", function()
      local target, first
      local losses = {}
      for k, draw in draws(make_net(layers), layers, 70, 7) do
        losses[k] = name == "random_search" and draw:loss(X, Y) or lsqnet[name](draw, X, Y).loss
      end
      for k = 10, 70 do -- the first record behind the tenth
        local lowest = math.min(table.unpack(losses, 1, k - 1))
        if losses[k] < lowest * (1 - 1e-6) then
          first, target = k, losses[k] + 0.5 * (lowest - losses[k])
          break
        end
      end
      assert.is_not_nil(first)
      for threads = 1, 3, 2 do
        lsqnet.set_threads(threads)
        local report = train { target_loss = target }
        assert.are.equal("target", report.stopped)
        assert.are.equal(first, report.restart)
        assert.is_true(report.loss <= target)
      end
    end)

    it(name .. " stop at the time limit", function()
      local report, net = train { restarts = 1000000000, time_limit = 0.05 }
      assert.are.equal("time", report.stopped)
      assert.is_true(report.seconds >= 0.05 and report.seconds < 2)
      close(report.loss, net:loss(X, Y), 1e-12, "loss")
    end)

    it(name .. " refuse wrong options and data", function()
      local net = make_net(layers)
      assert.matches("unknown option 'restart'.*'restarts'",
        refusal(name, net, X, Y, { restart = 2 }))
      assert.matches("restarts", refusal(name, net, X, Y, { restarts = 0 }))
      assert.matches("5", refusal(name, net, X, Y:slice(1, 5)))
      local bad = X:copy()
      bad:set(3, 1, 0 / 0)
      local before = net:parameters()
      local report, message, code = lsqnet[name](net, bad, Y)
      assert.is_nil(report)
      assert.are.equal("non_finite", code)
      assert.matches("X", message)
      assert.is_true(before == net:parameters())
    end)
  end
end)

it("restarts of linstorch that keep their best net are compared by it", function()
  local X, Y = make_data(60, 2)
  local layers = { 2, 7, 1 }
  local function train(watch)
    local net = make_net(layers)
    local options = { keep = "best", restarts = 40, seed = 7, on_iteration = watch }
    return lsqnet.linstorch(net, X, Y, options), net
  end
  local report, net = train()
  local watched, other = train(function() end)
  local lowest = math.huge
  for _, draw in draws(make_net(layers), layers, 40, 7) do
    lowest = math.min(lowest, lsqnet.linstorch(draw, X, Y, { keep = "best" }).loss)
  end
  close(lowest, report.loss, 1e-13, "loss")
  assert.are.equal(watched.restart, report.restart)
  assert.is_true(net:parameters() == other:parameters())
end)

describe("elm", function()
  for _, layers in ipairs { { 3, 8, 2 }, { 3, 6, 5, 1 } } do
    it("solves the output layer alone, depth " .. #layers - 1, function()
      local rng = lsqnet.rng(3)
      local X, Y = matrix.randn(50, 3, rng), matrix.randn(50, layers[#layers], rng)
      for _, activation in ipairs { "relu", "tanh" } do
        local net = lsqnet.network { layers = layers, activation = activation }
        local before, depth = net:clone(), #layers - 1
        local report = lsqnet.elm(net, X, Y)
        for k = 1, depth - 1 do
          assert.is_true(before:weight(k) == net:weight(k))
          assert.is_true(before:bias(k) == net:bias(k))
        end
        local G = ones(before:activations(X, depth - 1))
        local S = G:lstsq(Y)
        local prediction = G * S
        assert.is_true(prediction:allclose(net:predict(X), 1e-10, 1e-10))
        local width = layers[depth]
        assert.is_true(S:slice(1, width):allclose(net:weight(depth), 1e-8, 1e-8))
        assert.is_true(S:slice(width + 1, width + 1):allclose(net:bias(depth), 1e-8, 1e-8))
        close((Y - prediction):map(function(v)
          return v * v
        end):mean(), report.loss, 1e-12, "loss")
      end
    end)
  end

  it("is linear regression where there is no hidden layer", function()
    local X, Y = make_data(40, 3)
    local report = lsqnet.elm(make_net { 3, 1 }, X, Y)
    close(lsqnet.linear_regression(X, Y):loss(X, Y), report.loss, 1e-12, "loss")
  end)

  it("refuses an output or loss that regression does not serve", function()
    local X, Y = make_data(10, 2)
    local net = lsqnet.network { layers = { 2, 3, 1 }, output_activation = "tanh" }
    assert.matches("elm trains a net whose output activation is identity or relu, this has tanh",
      refusal("elm", net, X, Y))
    net = lsqnet.network { layers = { 2, 3, 2 }, loss = "cross_entropy" }
    assert.matches("elm minimises the mse, the net's loss is cross_entropy",
      refusal("elm", net, X, matrix(10, 2, 0.5)))
  end)

  it("warns of as many unknowns as rows", function()
    local X, Y = make_data(9, 2)
    assert.matches("^layer 2 has 9 unknowns per unit for 9 rows",
      lsqnet.elm(make_net { 2, 8, 1 }, X, Y).warnings[1])
    assert.are.same({}, lsqnet.elm(make_net { 2, 7, 1 }, X, Y).warnings)
  end)
end)

describe("knot_search", function()
  local function loss_at(U, Y, knot)
    local function side(sign)
      return U:map(function(u)
        return math.max(sign * (u - knot), 0)
      end)
    end
    local G = ones(side(1):hcat(side(-1)))
    return (Y - G * G:lstsq(Y)):map(function(v)
      return v * v
    end):mean()
  end

  for _, case in ipairs { { "a kink", make_data(80, 3) }, { "a sine", make_sine(80) } } do
    local what, X, Y = table.unpack(case)
    it("is as good as any restart of linstorch, and any knot: " .. what, function()
      local layers = { X.cols, 6, 1 }
      local net = make_net(layers)
      local report = lsqnet.knot_search(net, X, Y)
      close(report.loss, net:loss(X, Y), 1e-12, "loss")
      local drawn = lsqnet.linstorch(make_net(layers), X, Y, { restarts = 300 })
      assert.is_true(report.loss <= drawn.loss * (1 + 1e-12))
      local U = lsqnet.linear_regression(X, Y):predict(X)
      close(loss_at(U, Y, report.knot), report.loss, 1e-9, "loss at the knot")
      local low, high, lowest = U:min(), U:max(), math.huge
      for k = 0, 1000 do
        lowest = math.min(lowest, loss_at(U, Y, low + (high - low) * k / 1000))
      end
      assert.is_true(report.loss <= lowest * (1 + 1e-12))
      assert.is_true(report.loss >= lowest * 0.999) -- between two of the thousand
    end)
  end

  it("takes the better side where there is one unit", function()
    local X = matrix.linspace(-1, 1, 41)
    for _, bound in ipairs { math.max, math.min } do -- the regression rises in both
      local Y = X:map(function(x)
        return bound(x - 0.2, 0)
      end)
      local net = make_net { 1, 1, 1 }
      assert.is_true(lsqnet.knot_search(net, X, Y).loss < 1e-12)
      assert.is_true(net:predict(X):allclose(Y, 0, 1e-6))
    end
  end)

  it("returns the mean, and says so, where there is no slope", function()
    local X = matrix.linspace(-1, 1, 21)
    local Y = X:map(math.abs)
    local net = make_net { 1, 4, 1 }
    local report = lsqnet.knot_search(net, X, Y)
    assert.is_true(net:predict(X):allclose(matrix(21, 1, Y:mean()), 1e-12))
    assert.matches("^the linear regression of column 1 of Y on X is constant", report.warnings[1])
  end)

  it("refuses other nets and options", function()
    local X, Y = make_data(20, 2)
    assert.matches("knot_search trains a net with one hidden layer, this has 2",
      refusal("knot_search", make_net { 2, 3, 3, 1 }, X, Y))
    assert.matches("knot_search trains a net with one hidden layer, this has 0",
      refusal("knot_search", make_net { 2, 1 }, X, Y))
    assert.matches("knot_search makes a net with one output, this has 2",
      refusal("knot_search", make_net { 2, 3, 2 }, X, Y:hcat(Y)))
    local net = lsqnet.network { layers = { 2, 3, 1 }, activation = "tanh" }
    assert.matches("knot_search trains a relu net, this is tanh", refusal("knot_search", net, X, Y))
    net = lsqnet.network { layers = { 2, 3, 1 }, bias = false }
    assert.matches("knot_search trains a net with biases in both layers",
      refusal("knot_search", net, X, Y))
    net = lsqnet.network { layers = { 2, 3, 1 }, output_activation = "relu" }
    assert.matches("knot_search trains a net whose output activation is identity, this has relu",
      refusal("knot_search", net, X, Y))
    assert.matches("knots", refusal("knot_search", make_net { 2, 3, 1 }, X, Y, { knots = 0 }))
  end)
end)

describe("spread_net", function()
  for outputs = 1, 2 do
    it("puts a knot a unit at the quantiles of the regression, outputs: " .. outputs, function()
      local rng = lsqnet.rng(8)
      local X = matrix.randn(60, 3, rng)
      local Y = X * matrix.randn(3, outputs, rng) + 0.3 * matrix.randn(60, outputs, rng)
      local U = lsqnet.linear_regression(X, Y):predict(X)
      local width = 7
      local net = make_net { 3, width, outputs }
      local report = lsqnet.spread_net(net, X, Y)
      local H
      for unit = 0, width - 1 do
        local q, place = unit % outputs, unit // outputs
        local count = (width - q + outputs - 1) // outputs
        local column = {}
        for i = 1, 60 do
          column[i] = U:get(i, q + 1)
        end
        table.sort(column)
        local knot = column[place * 60 // count + 1]
        local h = U:columns(q + 1, q + 1):map(function(u)
          return math.max(u - knot, 0)
        end)
        H = H and H:hcat(h) or h
      end
      local prediction = ones(H) * ones(H):lstsq(Y)
      assert.is_true(prediction:allclose(net:predict(X), 1e-9, 1e-9))
      close(report.loss, net:loss(X, Y), 1e-12, "loss")
      assert.is_true(report.loss <= lsqnet.linear_regression(X, Y):loss(X, Y))
    end)
  end

  it("fits a sine that linear regression does not", function()
    local X, Y = make_sine(200)
    local report = lsqnet.spread_net(make_net { 1, 10, 1 }, X, Y)
    assert.is_true(report.loss < 0.005)
    assert.is_true(lsqnet.linear_regression(X, Y):loss(X, Y) > 0.19)
  end)

  it("turns the units by noise, which the seed draws", function()
    local X, Y = make_data(60, 3)
    local function make(options)
      local net = make_net { 3, 5, 1 }
      local report = lsqnet.spread_net(net, X, Y, options)
      close(report.loss, net:loss(X, Y), 1e-12, "loss")
      return net
    end
    local plain, turned = make {}, make { noise = 0.3, seed = 4 }
    assert.are.equal(1, plain:weight(1):rank(1e-12))
    assert.are.equal(3, turned:weight(1):rank(1e-12))
    assert.is_true(turned:parameters() == make({ noise = 0.3, seed = 4 }):parameters())
    assert.is_false(turned:parameters() == make({ noise = 0.3, seed = 5 }):parameters())
    -- what is added has mean 0 and deviation 0.3 over the rows, the regression's being 1
    local added = ones(X) * (turned:weight(1):vcat(turned:bias(1))
      - plain:weight(1):vcat(plain:bias(1)))
    assert.is_true(added:mean("rows"):allclose(matrix(1, 5), 0, 1e-12))
    local deviation = added:std("rows") * math.sqrt(59 / 60)
    assert.is_true(deviation:allclose(matrix(1, 5, 0.3), 1e-12))
  end)

  it("refuses other nets and options", function()
    local X, Y = make_data(20, 2)
    assert.matches("spread_net trains a net with one hidden layer, this has 2",
      refusal("spread_net", make_net { 2, 3, 3, 1 }, X, Y))
    assert.matches("noise", refusal("spread_net", make_net { 2, 3, 1 }, X, Y, { noise = -1 }))
  end)
end)
