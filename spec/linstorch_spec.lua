local dkjson = require "dkjson"
local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

local function read_oracle()
  local file = assert(io.open "spec/oracles/linstorch.json")
  local text = file:read "a"
  file:close()
  return assert(dkjson.decode(text, 1, false)) -- null becomes false
end

local function near(expected, value, tolerance, what)
  local difference = math.abs(expected - value)
  if difference > tolerance or difference ~= difference then
    local text = "%s: %.17g expected, got %.17g (difference %.2g)"
    error(text:format(what, expected, value, difference), 2)
  end
end

local function close(a, b, tolerance, what)
  near(0, (a - b):map(math.abs):max(), tolerance, what)
end

--- The net that a case of the oracle starts from; its weights are outputs x inputs.
local function net_of(case)
  local biases = {}
  for k, b in ipairs(case.init.b) do
    biases[k] = b and true or false
  end
  local net = lsqnet.network {
    layers = case.widths,
    bias = biases,
    init = "zeros",
    output_activation = case.relu_out and "relu" or "identity",
  }
  for k, weight in ipairs(case.init.W) do
    net:set_weight(k, matrix(weight):t())
    if biases[k] then
      net:set_bias(k, matrix { case.init.b[k] })
    end
  end
  return net
end

local function check_case(case, order, form, expected)
  local net, X, Y = net_of(case), matrix(case.X), matrix(case.Y)
  near(case.mse_init, net:loss(X, Y), 1e-9 * math.max(1, case.mse_init), "initial mse")
  local report = lsqnet.linstorch(net, X, Y, { order = order, form = form, trace = true })
  near(expected.mse, report.loss, 1e-9, "mse")
  assert.are.equal(#expected.layers, #report.trace)
  for k, layer in ipairs(expected.layers) do
    local entry = report.history[k + 1]
    near(expected.mse_after_each_layer_solve[k], report.trace[k], 1e-9, "mse after solve " .. k)
    assert.are.equal(layer + 1, entry.layer)
    assert.are.equal(report.trace[k], entry.loss)
    assert.are.equal(k, entry.iteration)
  end
  local prediction = matrix(expected.prediction):reshape(X.rows, Y.cols)
  close(prediction, net:predict(X), 1e-7, "prediction")
  for k, weight in ipairs(expected.net.W) do
    close(matrix(weight):t(), net:weight(k), 1e-6, "weight " .. k)
    if expected.net.b[k] then
      close(matrix { expected.net.b[k] }, net:bias(k), 1e-6, "bias " .. k)
    else
      assert.is_nil(net:bias(k))
    end
  end
end

describe("linstorch", function()
  local oracle = read_oracle()

  for _, case in ipairs(oracle.cases) do
    for order, expected in pairs(case.expect) do
      for _, form in ipairs { "affine", "paper" } do
        local of_form = expected[form] or expected.any_form
        if expected.mse then -- zero slope: weights are noise, the net is the mean
          it("returns the mean where the regression has no slope, " .. form, function()
            local net, X, Y = net_of(case), matrix(case.X), matrix(case.Y)
            local report = lsqnet.linstorch(net, X, Y, { order = order, form = form })
            near(case.variance, report.loss, 1e-9, "variance")
            close(matrix(Y.rows, 1, Y:mean()), net:predict(X), 1e-6, "mean")
            assert.matches("^the linear regression of Y on X is constant", report.warnings[1])
          end)
        elseif of_form then
          it(("follows the oracle %s, %s, %s form"):format(case.name, order, form), function()
            check_case(case, order, form, of_form)
          end)
        end
      end
    end
    it("solves twice and knows linear regression: " .. case.name, function()
      local net, X, Y = net_of(case), matrix(case.X), matrix(case.Y)
      if case.mse_two_solves_backward_first then
        local report = lsqnet.linstorch(net, X, Y, { solves = 2 })
        near(case.mse_two_solves_backward_first, report.loss, 1e-9, "mse of two solves")
      end
    end)
  end
end)

local function relu_net(layers, seed, options)
  local all = { layers = layers, seed = seed or 1 }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return lsqnet.network(all)
end

local function mean_and_error(values)
  local m = matrix(values)
  return m:mean(), m:std() / math.sqrt(#values)
end

describe("what linstorch computes", function()
  local X, Y
  setup(function()
    local rng = lsqnet.rng(11)
    X = matrix.randn(80, 5, rng)
    local U = X * matrix.randn(5, 3, rng)
    Y = U + 0.5 * U:map(math.abs) + 0.3 * matrix.randn(80, 3, rng)
  end)

  for _, hidden in ipairs { { 9 }, { 9, 8 }, { 9, 8, 8, 7 } } do
    for outputs = 1, 3, 2 do
      for _, order in ipairs { "backward_first", "forward_first" } do
        local what = ("depth %d, %d outputs, %s"):format(#hidden + 1, outputs, order)
        it("depends on X through linear regression alone: " .. what, function()
          local T = Y:columns(1, outputs)
          local B = lsqnet.linear_regression(X, T):weight(1)
          -- moves across the regression: what is left of noise behind its projection on B
          local noise = matrix.randn(80, 5, lsqnet.rng(3))
          local moved = X + noise - noise * B * B:pinv()
          for solves = 1, 2 do
            local layers = { 5, table.unpack(hidden) }
            layers[#layers + 1] = outputs
            local net = relu_net(layers)
            lsqnet.linstorch(net, X, T, { order = order, solves = solves })
            close(net:predict(X), net:predict(moved), 1e-9, "prediction")
            local W = net:weight(1)
            local scale = math.max(1e-300, W:map(math.abs):max())
            close(matrix(5, hidden[1]), (W - B * B:pinv() * W) / scale, 1e-11, "weights")
          end
        end)
      end
    end
  end

  it("has one knot for all units of a hidden layer, where one output is made", function()
    local T = Y:columns(1, 1)
    local line = lsqnet.linear_regression(X, T)
    local U, B, b = line:predict(X), line:weight(1), line:bias(1):get(1, 1)
    local low, high, bottom, kinked = U:min(), U:max(), line:loss(X, T), 0
    for seed = 1, 60 do
      local net = relu_net({ 5, 8, 1 }, seed)
      local report = lsqnet.linstorch(net, X, T)
      local factors = B:pinv() * net:weight(1) -- unit j is factor_j (U - knot)
      local knot
      for j = 1, 8 do
        local k = b - net:bias(1):get(1, j) / factors:get(1, j)
        knot = knot or k
        near(knot, k, 1e-9 * math.max(1, math.abs(knot)), "knot of unit " .. j)
      end
      if factors:min() < 0 and factors:max() > 0 then
        assert.is_true(report.loss <= bottom * (1 + 1e-12))
        if knot < low or knot > high then
          near(bottom, report.loss, 1e-10, "loss of the line")
        else
          kinked = kinked + 1
        end
      end
    end
    assert.is_true(kinked > 5)
  end)

  it("leaves an even function, or what regression leaves, at its mean, and says so", function()
    local x = matrix.linspace(-math.pi, math.pi, 101)
    local T = Y:columns(1, 1)
    local left = T - lsqnet.linear_regression(X, T):predict(X)
    for _, data in ipairs { { x, x:map(math.cos) }, { X, left } } do
      local inputs, targets = data[1], data[2]
      local net = relu_net { inputs.cols, 10, 1 }
      local report = lsqnet.linstorch(net, inputs, targets, { restarts = 20 })
      local deviation = (targets - matrix(targets.rows, 1, targets:mean())):norm()
      near(deviation ^ 2 / targets.rows, report.loss, 1e-9, "variance")
      close(matrix(targets.rows, 1, targets:mean()), net:predict(inputs), 1e-6, "mean")
      assert.are.equal("the linear regression of Y on X is constant, and so is the net: it "
        .. "depends on X through that alone", report.warnings[1])
    end
  end)

  it("is never worse than the mean, backward first", function()
    local T = Y:columns(1, 1)
    local variance = (T - matrix(80, 1, T:mean())):norm() ^ 2 / 80
    for seed = 1, 30 do
      for _, layers in ipairs { { 5, 1, 1 }, { 5, 3, 2, 1 } } do
        local report = lsqnet.linstorch(relu_net(layers, seed), X, T)
        assert.is_true(report.loss <= variance * (1 + 1e-12))
      end
    end
  end)

  it("goes with affine maps of X, the first layer drawn along, and of Y", function()
    local T = Y:columns(1, 1)
    local M = matrix.eye(5) + 0.3 * matrix.rand(5, 5, lsqnet.rng(2))
    local shift = matrix { { 1, -2, 0.5, 3, 0 } }
    for _, layers in ipairs { { 5, 8, 1 }, { 5, 8, 6, 1 } } do
      local net, mapped, scaled = relu_net(layers), relu_net(layers), relu_net(layers)
      mapped:set_weight(1, M:solve(net:weight(1)))
      mapped:set_bias(1, net:bias(1) - shift * mapped:weight(1))
      local Z, S = X * M + shift, 3 * T + 7
      lsqnet.linstorch(net, X, T)
      lsqnet.linstorch(mapped, Z, T)
      lsqnet.linstorch(scaled, X, S)
      close(net:predict(X), mapped:predict(Z), 1e-8, "of X")
      close(3 * net:predict(X) + 7, scaled:predict(X), 1e-8, "of Y")
    end
  end)

  it("is linear regression where there is one layer", function()
    local report = lsqnet.linstorch(relu_net { 5, 3 }, X, Y, { trace = true })
    near(lsqnet.linear_regression(X, Y):loss(X, Y), report.loss, 1e-13, "loss")
    assert.are.equal(2, #report.trace)
  end)

  it("begins with the extreme learning machine, and keeps the best where asked", function()
    local better = 0
    for seed = 1, 20 do
      for solves = 1, 2 do
        local last, best = relu_net({ 5, 9, 8, 3 }, seed), relu_net({ 5, 9, 8, 3 }, seed)
        local first = lsqnet.elm(relu_net({ 5, 9, 8, 3 }, seed), X, Y)
        local a = lsqnet.linstorch(last, X, Y, { solves = solves, trace = true })
        local b = lsqnet.linstorch(best, X, Y, { solves = solves, trace = true, keep = "best" })
        assert.are.equal(6 * solves, #a.trace)
        assert.are.same(a.trace, b.trace)
        near(first.loss, a.trace[1], 1e-12, "elm")
        assert.are.equal(a.trace[#a.trace], a.loss)
        assert.are.equal(math.min(a.history[1].loss, table.unpack(b.trace)), b.loss)
        assert.is_true(b.loss <= a.loss)
        better = better + (b.loss < a.loss and 1 or 0)
        near(a.loss, last:loss(X, Y), 1e-12, "last")
        near(b.loss, best:loss(X, Y), 1e-12, "best")
      end
    end
    assert.is_true(better > 0)
  end)
end)

describe("Table I", function()
  local X = matrix.linspace(0, 2 * math.pi, 101)
  local Y = X:map(function(x)
    return math.sin(x) + 1
  end)
  local line = lsqnet.linear_regression(X, Y):loss(X, Y)

  -- Mean of 1000 nets, and how far that may be off, from the issue's statement of the table.
  for _, row in ipairs {
    { "backward_first", 1, 0.081, 0.005 },
    { "backward_first", 2, 0.174, 0.006 },
    { "forward_first", 1, 0.489, 0.01 },
    { "forward_first", 2, 0.486, 0.01 },
  } do
    local order, solves, expected, tolerance = table.unpack(row)
    it(order .. ", " .. solves, function()
      local losses, untrained = {}, {}
      for seed = 1, 60 do
        local options = { init = "uniform", output_activation = "relu" }
        local net = relu_net({ 1, 11, 11, 1 }, seed, options)
        local report = lsqnet.linstorch(net, X, Y, { order = order, solves = solves })
        losses[seed], untrained[seed] = report.loss, report.history[1].loss
        if order == "backward_first" and solves == 1 then
          assert.is_true(report.loss <= line * (1 + 1e-9))
        end
      end
      local mean, deviation = mean_and_error(losses)
      near(expected, mean, 3 * deviation + tolerance, "mean")
      mean, deviation = mean_and_error(untrained)
      near(5300, mean, 3 * deviation + 250, "mean of untrained nets")
    end)
  end
end)

describe("linstorch says", function()
  local rng = lsqnet.rng(4)
  local X, Y = matrix.randn(30, 3, rng), matrix.randn(30, 2, rng)

  local function refusal(net, targets, options)
    local ok, message = pcall(function()
      lsqnet.linstorch(net, X, targets, options)
    end)
    assert.is_false(ok)
    return message
  end

  it("that a layer is narrower than Y", function()
    local report = lsqnet.linstorch(relu_net { 3, 5, 1, 2 }, X, Y)
    assert.are.same({ "layer 2 has 1 units for 2 outputs: the net may be worse than linear "
      .. "regression, and the two forms differ" }, report.warnings)
    assert.are.same({}, lsqnet.linstorch(relu_net { 3, 5, 2, 2 }, X, Y).warnings)
  end)

  it("that there are as many unknowns as rows", function()
    local few, targets = X:slice(1, 4), Y:slice(1, 4)
    local report = lsqnet.linstorch(relu_net { 3, 2, 2 }, few, targets)
    assert.are.same({ "layer 1 has 4 unknowns per unit for 4 rows: it fits the training data "
      .. "whatever they are" }, report.warnings)
    few, targets = X:slice(1, 5), Y:slice(1, 5)
    assert.are.same({}, lsqnet.linstorch(relu_net { 3, 2, 2 }, few, targets).warnings)
  end)

  it("no more than that it diverged, of what overflows", function()
    local net = relu_net { 3, 4, 2 }
    local before = net:parameters()
    local report = lsqnet.linstorch(net, X, 1e200 * Y)
    assert.are.equal("diverged", report.stopped)
    assert.are.same({}, report.warnings)
    assert.is_true(before == net:parameters())
  end)

  it("what is wrong with options and nets", function()
    local net = relu_net { 3, 4, 2 }
    assert.matches("order.*'sideways'", refusal(net, Y, { order = "sideways" }))
    assert.matches("backward_first.*forward_first", refusal(net, Y, { order = "sideways" }))
    assert.matches("form", refusal(net, Y, { form = "linear" }))
    assert.matches("keep", refusal(net, Y, { keep = "first" }))
    assert.matches("solves", refusal(net, Y, { solves = -1 }))
    assert.matches("rcond", refusal(net, Y, { rcond = 2 }))
    assert.matches("unknown option 'solve'.*'solves'", refusal(net, Y, { solve = 1 }))
    assert.matches("linstorch trains a relu net, this is tanh",
      refusal(relu_net({ 3, 4, 2 }, 1, { activation = "tanh" }), Y))
    assert.matches("linstorch minimises the mse, the net's loss is cross_entropy",
      refusal(relu_net({ 3, 4, 2 }, 1, { loss = "cross_entropy" }), matrix(30, 2, 0.5)))
    assert.matches("output activation is identity or relu, this has sigmoid",
      refusal(relu_net({ 3, 4, 2 }, 1, { output_activation = "sigmoid" }), Y))
  end)
end)
