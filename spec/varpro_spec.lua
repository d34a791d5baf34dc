local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

local function data(n, d, c, seed)
  local rng = lsqnet.rng(seed)
  local X, E = matrix.randn(n, d, rng), matrix.randn(n, c, rng)
  return X, (X * matrix.randn(d, c, rng)):map(math.sin) + E * 0.1
end

--- Parameters of each iterate, and the report.
local function iterates(net, X, Y, options)
  local list = {}
  options.on_iteration = function(event)
    list[#list + 1] = event.net:parameters()
  end
  local report = assert(lsqnet.varpro(net, X, Y, options))
  return list, report
end

--- Derivative of output k of each row by the hidden layer, N x (d+1) h, feature by feature.
local function naive_jacobian(net, X, k)
  local A, B, h = net:weight(1), net:weight(2), net.layers[2]
  local Z, bias = X * A, net:bias(1)
  local J = matrix(X.rows, (X.cols + 1) * h)
  for i = 1, X.rows do
    for j = 1, h do
      local z = Z:get(i, j) + bias:get(1, j)
      local slope = z > 0 and 1 or net.activation == "leaky_relu" and net.alpha or 0
      for p = 1, X.cols + 1 do
        local x = p <= X.cols and X:get(i, p) or 1
        J:set(i, (p - 1) * h + j, slope * B:get(j, k) * x)
      end
    end
  end
  return J
end

--- The first step by docs/varpro.md: -(Sigma + lambda I + 0.03 D)^-1 (g + lambda a).
-- `projects` false leaves the output layer's part out, which must show.
local function naive_step(net, X, Y, lambda, weights, projects)
  local h, P = net.layers[2], (X.cols + 1) * net.layers[2]
  local total = 0
  local R = net:predict(X) - Y
  local S = net:activations(X, 1):hcat(matrix(X.rows, 1, 1))
  local W = matrix(X.rows, X.rows)
  for i = 1, X.rows do
    local w = weights and weights:get(i, 1) or 1
    W:set(i, i, w)
    total = total + w
  end
  W = W / total
  local SS, largest = S:t() * W * S, 0
  for j = 1, h + 1 do
    largest = math.max(largest, SS:get(j, j))
  end
  SS = SS + matrix.eye(h + 1) * (lambda + 1e-6 * largest)
  local Sigma, g = matrix(P, P), net:parameters():slice(1, P) * lambda
  local D = matrix(P, P)
  for k = 1, Y.cols do
    local J = naive_jacobian(net, X, k)
    local H, cross = J:t() * W * J, J:t() * W * S
    Sigma = Sigma + H
    for p = 1, P do
      D:set(p, p, D:get(p, p) + H:get(p, p))
    end
    if projects then
      Sigma = Sigma - cross * SS:solve(cross:t())
    end
    g = g + J:t() * W * R:slice(1, X.rows, k, k)
  end
  largest = D:max()
  for p = 1, P do
    Sigma:set(p, p, Sigma:get(p, p) + lambda + 0.03 * math.max(D:get(p, p), 0.1 * largest))
  end
  return Sigma:solve(g) * -1
end

describe("varpro", function()
  local function takes_naive_step(activation, c, weights)
    local X, Y = data(40, 3, c, 5)
    local net = lsqnet.network {
      layers = { 3, 5, c }, activation = activation, alpha = 0.2, seed = 2,
    }
    local lambda = 1e-3
    local list = iterates(net, X, Y, {
      iterations = 1, warm_steps = 0, lambda = lambda, weights = weights,
    })
    assert.are.equal(2, #list) -- the start with its output layer refitted, and the step
    local before = net:clone()
    before:set_parameters(list[1])
    local P = 4 * 5
    local step = list[2]:slice(1, P) - list[1]:slice(1, P)
    local expected = naive_step(before, X, Y, lambda, weights, true)
    -- single precision, and a condition number of some 1e3
    assert.is_true((step - expected):norm() <= 1e-4 * expected:norm())
    local other = naive_step(before, X, Y, lambda, weights, false)
    assert.is_true((other - expected):norm() >= 1e-2 * expected:norm())
  end

  for _, activation in ipairs { "relu", "leaky_relu" } do
    for _, c in ipairs { 1, 3 } do
      it(("steps by the projected system: %s, %d outputs"):format(activation, c), function()
        takes_naive_step(activation, c)
      end)
    end
  end

  it("steps by the projected system of weighted rows", function()
    local weights = matrix(40, 1)
    for i = 1, 40 do
      weights:set(i, 1, i % 5 / 2)
    end
    takes_naive_step("relu", 1, weights)
    takes_naive_step("leaky_relu", 2, weights)
  end)

  it("counts a row of weight k k times", function()
    local X, Y = data(40, 3, 2, 15)
    local weights, rows = matrix(40, 1), {}
    for i = 1, 40 do
      weights:set(i, 1, i % 4) -- some not at all
      for _ = 1, i % 4 do
        rows[#rows + 1] = i
      end
    end
    local function run(x, y, w)
      -- 48 unknowns: the tables take up to 96 rows
      local net = lsqnet.network { layers = { 3, 12, 2 }, activation = "leaky_relu", seed = 2 }
      local report = assert(lsqnet.varpro(net, x, y, {
        iterations = 4, warm_steps = 0, lambda = 1e-3, weights = w,
      }))
      return net:parameters(), report.loss
    end
    local weighted, loss = run(X, Y, weights)
    local repeated, same = run(X:take(rows), Y:take(rows))
    -- single precision in another order
    assert.is_true((weighted - repeated):norm() <= 1e-3 * repeated:norm())
    assert.is_true(math.abs(loss - same) <= 1e-4 * same)
    assert.is_false(weighted:allclose(run(X, Y), 1e-2, 1e-2))
  end)

  it("weighs the rows of Adam's batches", function()
    -- two data sets in one, of which the weights take the other one out all but for a trace
    local X, Y = data(300, 2, 1, 16)
    local both, mixed = X:vcat(X), Y:vcat(Y * -3)
    local weights = matrix(600, 1, 1e-9)
    for i = 1, 300 do
      weights:set(i, 1, 1)
    end
    local net = lsqnet.network { layers = { 2, 10, 1 }, seed = 3 }
    local report = assert(lsqnet.varpro(net, both, mixed, {
      iterations = 30, warm_share = 1, weights = weights,
    }))
    assert.is_true(report.loss < 0.5 * Y:std() ^ 2)
    assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-6 * report.loss)
  end)

  it("trains from a stream", function()
    local tmp = require "tmp"
    local X, Y = data(700, 3, 1, 17)
    tmp.with(function(folder)
      local x, y = folder .. "/x.npy", folder .. "/y.npy"
      assert(X:write_npy(x))
      assert(Y:write_npy(y))
      local stream = assert(lsqnet.stream(x, y))
      local net = lsqnet.network { layers = { 3, 12, 1 }, seed = 4 }
      local report = assert(lsqnet.varpro(net, stream, nil, { iterations = 30 }))
      assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-10 * report.loss)
      local other = lsqnet.network { layers = { 3, 12, 1 }, seed = 4 }
      local plain = assert(lsqnet.varpro(other, X, Y, { iterations = 30 }))
      assert.is_true(report.loss < 2 * plain.loss)
    end)
  end)

  it("leaves the output layer of least squares behind", function()
    local X, Y = data(60, 3, 2, 6)
    local net = lsqnet.network { layers = { 3, 4, 2 }, seed = 3 }
    local lambda = 1e-2
    local list = iterates(net, X, Y, { iterations = 4, warm_steps = 0, lambda = lambda })
    local last = net:clone()
    last:set_parameters(list[#list])
    local S = last:activations(X, 1):hcat(matrix(60, 1, 1))
    local ridge = matrix.eye(5) * math.sqrt(lambda * 60)
    local B = S:vcat(ridge):lstsq(Y:vcat(matrix(5, 2)))
    assert.is_true(last:weight(2):allclose(B:slice(1, 4), 1e-8, 1e-10))
    assert.is_true(last:bias(2):allclose(B:row(5), 1e-8, 1e-10))
  end)

  it("returns the best net that was seen on all rows, with its loss", function()
    local X, Y = data(300, 4, 1, 7)
    local net = lsqnet.network { layers = { 4, 12, 1 }, seed = 4 }
    local report = assert(lsqnet.varpro(net, X, Y, { iterations = 40 }))
    assert.are.equal("iterations", report.stopped)
    assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-12 * report.loss)
    local warm = 4 -- a tenth of the iterations; what Adam saw on the way is no net's loss
    for k, entry in ipairs(report.history) do
      assert.is_true(k <= warm + 1 or report.loss <= entry.loss)
    end
    assert.are.same({ 8, 36, 11 }, { report.warm_steps, report.steps, report.full_steps })
    assert.are.equal(40, report.iterations)
  end)

  it("goes deeper than ANMIN on what a net has made", function()
    local product = 1
    for seed = 8, 10 do
      local X = matrix.randn(400, 4, lsqnet.rng(seed))
      local teacher = lsqnet.network { layers = { 4, 10, 1 }, init = "normal", seed = seed }
      local Y = teacher:predict(X)
      local net = lsqnet.network { layers = { 4, 10, 1 }, seed = 5 }
      local other = net:clone()
      local report = assert(lsqnet.varpro(net, X, Y, { iterations = 60 }))
      local anmin = assert(lsqnet.anmin(other, X, Y, { iterations = 120, lambda = 1e-3 / 400 }))
      product = product * report.loss / anmin.loss
    end
    assert.is_true(product ^ (1 / 3) < 0.7)
  end)

  local function window_data()
    return data(6500, 2, 1, 9) -- steps take 4096 of these rows
  end

  it("gives the same net for the same seed and counts, and another for another seed", function()
    local X, Y = window_data()
    local function run(options)
      local net = lsqnet.network { layers = { 2, 8, 1 }, seed = 1 }
      local report = assert(lsqnet.varpro(net, X, Y, options))
      return net:parameters(), report
    end
    local timed, report = run { time_limit = 0.15, seed = 3 }
    local again = run {
      iterations = report.iterations, warm_steps = report.warm_steps,
      full_steps = report.full_steps,
      seed = 3,
    }
    if report.stopped == "iterations" then -- "time": the machine was slower than it had been
      assert.is_true(timed == again)
    end
    local first = run { iterations = 12, seed = 3 }
    assert.is_true(first == run { iterations = 12, seed = 3 })
    assert.is_false(first == run { iterations = 12, seed = 4 })
  end)

  it("depends on no number of threads", function()
    local X, Y = window_data()
    local before = lsqnet.info().threads
    local function run(threads)
      lsqnet.set_threads(threads)
      local net = lsqnet.network { layers = { 2, 16, 1 }, seed = 1 }
      assert(lsqnet.varpro(net, X, Y, { iterations = 12 }))
      return net:parameters()
    end
    local one, two = run(1), run(2)
    lsqnet.set_threads(before)
    assert.is_true(one == two)
  end)

  it("does not depend on the unit of the targets", function()
    local X, Y = data(200, 3, 1, 10)
    local losses = {}
    for k, unit in ipairs { 1, 1000 } do
      local net = lsqnet.network { layers = { 3, 8, 1 }, seed = 6 }
      local report = assert(lsqnet.varpro(net, X, Y * unit, { iterations = 20, lambda = 0 }))
      losses[k] = report.loss / unit ^ 2
    end
    assert.is_true(math.abs(losses[1] - losses[2]) <= 0.05 * losses[1])
  end)

  it("stops where it is told to", function()
    local X, Y = data(300, 4, 1, 11)
    local function run(options)
      local net = lsqnet.network { layers = { 4, 10, 1 }, seed = 7 }
      local report = assert(lsqnet.varpro(net, X, Y, options))
      assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-12 * report.loss)
      return report
    end
    local free = run { iterations = 50 }
    local target = run { iterations = 50, target_loss = 1.5 * free.loss }
    assert.are.equal("target", target.stopped)
    assert.is_true(target.loss <= 1.5 * free.loss)
    assert.are.equal("callback", run {
      iterations = 50, on_iteration = function(event) return event.iteration < 3 end,
    }.stopped)
    local late = run { iterations = 1000000, time_limit = 0.1 }
    assert.are.equal("time", late.stopped)
    assert.is_true(late.seconds < 0.5)
    assert.is_true(run { time_limit = 0.1 }.seconds < 0.5)
    local Xv, Yv = data(100, 4, 1, 12)
    local early = run { iterations = 100000, validation = { Xv, Yv }, patience = 5 }
    assert.are.equal("tolerance", early.stopped)
  end)

  it("stays finite on data that tempt it not to be", function()
    local X, Y = data(30, 3, 1, 13)
    for _, extra in ipairs { X * 1e8, X * 1e-8, X:hcat(X):slice(1, 30, 1, 3) * 0 } do
      local net = lsqnet.network { layers = { 3, 20, 1 }, seed = 8 }
      local report = assert(lsqnet.varpro(net, extra, Y, { iterations = 15 }))
      assert.is_true(report.loss < math.huge)
      assert.is_true(math.abs(report.loss - net:loss(extra, Y)) <= 1e-9 * report.loss)
    end
  end)

  it("refuses other nets and wrong options", function()
    local X, Y = data(20, 3, 1, 14)
    local function refuses(settings, options, pattern)
      local net = lsqnet.network(settings)
      local ok, message = pcall(lsqnet.varpro, net, X, Y, options)
      assert.is_false(ok)
      assert.matches(pattern, message)
    end
    refuses({ layers = { 3, 4, 4, 1 } }, nil, "varpro trains")
    refuses({ layers = { 3, 4, 1 }, activation = "tanh" }, nil, "relu or leaky_relu")
    refuses({ layers = { 3, 4, 1 } }, { momentum = 2 }, "momentum")
    refuses({ layers = { 3, 4, 1 } }, { warm_share = -1 }, "warm_share")
    refuses({ layers = { 3, 4, 1 } }, { momentun = 1 }, "did you mean 'momentum'")
  end)
end)
