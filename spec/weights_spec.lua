-- Sample weights and streams, of every trainer that declares them: a row of weight k counts as k
-- rows, one of weight 0 as none, and rows that are read count as rows in memory.

local lsqnet = require "lsqnet"
local tmp = require "tmp"
local matrix = lsqnet.matrix

local ROWS = 60

-- A kink along one direction: every trainer finds something in it.
local function data(rows)
  local rng = lsqnet.rng(11)
  local X = matrix.randn(rows, 3, rng)
  local Y = (X:columns { 1 } + 0.5 * X:columns { 2 }):map(function(v) return math.max(v, 0) end)
  return X, 0.4 * Y + 0.1 * matrix.randn(rows, 1, rng)
end

local X, Y = data(ROWS)

-- Each weight is that of row i.
local function weights_of(count)
  local list = {}
  for i = 1, ROWS do list[i] = { count(i) } end
  return matrix(list)
end

-- Every row as often as its weight says, in order.
local function repeat_rows(m, weights)
  local rows, all = {}, m:totable()
  for i, row in ipairs(all) do
    for _ = 1, weights:get(i, 1) do rows[#rows + 1] = row end
  end
  return matrix(rows)
end

-- Full batches in the data's order, and no more iterations than let rounding grow.
local full = { epochs = 6, batch_size = 100000, shuffle = false, learning_rate = 0.05 }
local options = {
  anmin = { iterations = 4 }, lbfgs = { iterations = 6 }, gauss_newton = { iterations = 5 },
  ills = { iterations = 4 }, sgd = full, adam = full, adagrad = full, linstorch = { restarts = 3 },
  elm = { restarts = 3 }, random_search = { restarts = 20 }, spread_net = {}, knot_search = {},
  varpro = { iterations = 6, warm_share = 0 }, coordinate_descent = {}, triangle = { epochs = 20 },
}

local function with(name, extra)
  local all = {}
  for key, value in pairs(options[name]) do all[key] = value end
  for key, value in pairs(extra or {}) do all[key] = value end
  return all
end

-- Where the first that is accepted leaves the parameters open: identity.
local activations = { ills = "tanh" }

-- varpro draws rows for its tables and for the minibatches it begins with: it sums all of them
-- where it has no more than twice its hidden parameters, and begins with none.
local hidden = { varpro = 12 }

local function make_net(trainer)
  local accepts = trainer.accepts
  return lsqnet.network {
    layers = { 3, hidden[trainer.name] or 5, 1 },
    activation = activations[trainer.name] or (accepts.activations or { "tanh" })[1],
    init = "normal", seed = 3,
  }
end

-- A triangle network is for curves of one variable, and finishes as a dense net.
local function train(trainer, x, y, extra)
  if trainer.name ~= "triangle" then
    local net = make_net(trainer)
    return net, assert(lsqnet[trainer.name](net, x, y, with(trainer.name, extra)))
  end
  local report = assert(lsqnet.triangle(lsqnet.triangle.network { depth = 3 }, x:columns { 1 }, y,
    with("triangle", extra)))
  return report.network, report
end

local function each_that_takes(what, visit)
  local count = 0
  for _, trainer in ipairs(lsqnet.trainers()) do
    if trainer.takes[what] then
      count = count + 1
      assert.is_not_nil(options[trainer.name], trainer.name .. " is missing in this spec")
      visit(trainer)
    end
  end
  return count
end

local function assert_near(expected, got, tolerance, what)
  local difference = math.abs(expected - got) / math.max(1e-3, math.abs(expected))
  assert.is_true(difference <= tolerance,
    ("%s: %.17g expected, got %.17g"):format(what, expected, got))
end

local function assert_same(trainer, one, other, tolerance)
  local net, report = table.unpack(one)
  local other_net, other_report = table.unpack(other)
  assert_near(report.loss, other_report.loss, tolerance, trainer.name .. "'s loss")
  assert.are.equal(report.iterations, other_report.iterations, trainer.name)
  local difference = (net:parameters() - other_net:parameters()):map(math.abs):max()
  local size = math.max(1, net:parameters():map(math.abs):max())
  assert.is_true(difference <= tolerance * size,
    ("%s: parameters differ by %g"):format(trainer.name, difference))
end

describe("weights", function()
  it("count a row of weight k as the row k times, and one of weight 0 as none", function()
    local weights = weights_of(function(i) return i * 7 % 4 end)
    local x, y = repeat_rows(X, weights), repeat_rows(Y, weights)
    each_that_takes("weights", function(trainer)
      local repeated = { train(trainer, x, y) }
      assert_same(trainer, repeated, { train(trainer, X, Y, { weights = weights }) }, 1e-7)
    end)
  end)

  it("of 1 are none", function()
    local ones = weights_of(function() return 1 end)
    each_that_takes("weights", function(trainer)
      assert_same(trainer, { train(trainer, X, Y) }, { train(trainer, X, Y, { weights = ones }) },
        1e-8)
    end)
  end)

  it("change what is trained", function()
    local weights = weights_of(function(i) return i <= ROWS / 2 and 1 or 100 end)
    each_that_takes("weights", function(trainer)
      local net, report = train(trainer, X, Y)
      local other, other_report = train(trainer, X, Y, { weights = weights })
      assert.are_not.equal(report.loss, other_report.loss, trainer.name)
      if trainer.name ~= "random_search" then -- the best may be the best by any weights
        assert.are_not.equal(net:parameters(), other:parameters(), trainer.name)
      end
    end)
  end)
end)

-- The rows without weight lie outside the others and are far off: nothing may look at them.
describe("weights of triangle", function()
  local weights = weights_of(function(i) return i % 4 end)
  local far = X:copy()
  for i = 4, ROWS, 4 do far:set(i, 1, 100 + i) end
  local x, y = repeat_rows(far, weights), repeat_rows(Y, weights)

  local function agree(make, inputs, extra)
    local function go(samples, targets, with_weights)
      local all = { weights = with_weights }
      for key, value in pairs(extra) do all[key] = value end
      local report = assert(lsqnet.triangle(make(), samples:columns(inputs), targets, all))
      return { report.network, report }
    end
    assert_same({ name = "triangle" }, go(x, y), go(far, Y, weights), 1e-7)
  end

  for _, pretrain in ipairs { "adam", "least_squares", "none" } do
    for _, finish in ipairs { "adam", "lbfgs", "none" } do
      it(("hold in both phases: %s, %s"):format(pretrain, finish), function()
        agree(function() return lsqnet.triangle.network { depth = 3 } end, { 1 }, {
          pretrain = pretrain, epochs = 6, finish = finish,
          finish_options = finish == "lbfgs" and { iterations = 4 } or nil,
        })
      end)
    end
  end

  it("hold of blocks, fresh draws too", function()
    agree(function()
      return lsqnet.triangle.blocks(X, { blocks = 2, depth = 2, seed = 1 })
    end, { 1, 2, 3 }, { epochs = 6, restarts = 2, seed = 5 })
  end)
end)

describe("streams", function()
  local function stream_of(x, y)
    return assert(lsqnet.data.spool(lsqnet.data.batches(x, y, {
      shuffle = false, batch_size = 700,
    })))
  end

  it("are trained on as matrices, with weights too", function()
    local stream = stream_of(X, Y)
    local weights = weights_of(function(i) return i % 3 + 0.5 end)
    each_that_takes("stream", function(trainer)
      local extra = {
        weights = trainer.takes.weights and weights or nil,
        solver = trainer.name == "anmin" and "cg" or nil, -- as streams need
      }
      assert_same(trainer, { train(trainer, X, Y, extra) }, { train(trainer, stream, nil, extra) },
        1e-9)
    end)
    stream:close()
  end)

  -- More rows than one block: the triangular factor of [G Y] stands for them.
  it("of many rows give elm the least squares of all of them", function()
    local x, y = data(14000)
    local stream = stream_of(x, y)
    local list = {}
    for i = 1, x.rows do list[i] = { i % 3 } end
    local weights = matrix(list)
    local roots = weights:map(math.sqrt)
    for _, layers in ipairs { { 3, 5, 1 }, { 3, 4, 6, 1 }, { 3, 1 } } do
      for _, bias in ipairs { true, false } do
        local function make()
          return lsqnet.network { layers = layers, activation = "relu", bias = bias, seed = 4 }
        end
        local memory, streamed, depth = make(), make(), #layers - 1
        local report = assert(lsqnet.elm(memory, x, y, { weights = weights }))
        assert(lsqnet.elm(streamed, stream, nil, { weights = weights }))
        assert.are.equal(memory:parameters(), streamed:parameters())

        local G = depth > 1 and make():activations(x, depth - 1) or x
        if bias then G = G:hcat(matrix(x.rows, 1, 1)) end
        local prediction = G * G:mul(roots):lstsq(y:mul(roots))
        assert.is_true(prediction:allclose(memory:predict(x), 1e-10, 1e-10))
        assert_near(memory:loss(x, y, { weights = weights }), report.loss, 1e-12, "elm's loss")
      end
    end
    stream:close()
  end)

  it("of many rows give elm's restarts the scores of rows in memory", function()
    local x, y = data(14000)
    local stream = stream_of(x, y)
    local memory, streamed = make_net { accepts = {} }, make_net { accepts = {} }
    local report = assert(lsqnet.elm(memory, x, y, { restarts = 6 }))
    local other = assert(lsqnet.elm(streamed, stream, nil, { restarts = 6 }))
    assert.are.equal(report.restart, other.restart)
    assert.are.equal(report.loss, other.loss)
    assert.are.equal(memory:parameters(), streamed:parameters())
    local once = lsqnet.elm(make_net { accepts = {} }, x, y)
    assert.is_true(report.restart > 1 and report.loss < once.loss)
    stream:close()
  end)

  it("that become shorter end elm's training", function()
    local x, y = data(14000)
    tmp.with(function(folder)
      local x_path, y_path = folder .. "/x.npy", folder .. "/y.npy"
      assert(x:write_npy(x_path) and y:write_npy(y_path))
      local bytes = tmp.read(x_path)
      local stream <close> = assert(lsqnet.stream(x_path, y_path))
      local report, message, code = lsqnet.elm(make_net { accepts = {} }, stream, nil, {
        on_iteration = function() tmp.write(x_path, bytes:sub(1, 5000)) end,
      })
      assert.is_nil(report)
      assert.are.equal("the file of X has become shorter while it was read", message)
      assert.are.equal("no_file", code)
    end)
  end)

  it("are cut into blocks for batches, in the data's order", function()
    local x, y = data(9000)
    local stream = stream_of(x, y)
    for _, batch_size in ipairs { 1000, 5000 } do
      local extra = { epochs = 2, batch_size = batch_size }
      local memory, streamed = make_net { accepts = {} }, make_net { accepts = {} }
      assert(lsqnet.adam(memory, x, y, with("adam", extra)))
      assert(lsqnet.adam(streamed, stream, nil, with("adam", extra)))
      assert.are.equal(memory:parameters(), streamed:parameters())
    end
    stream:close()
  end)

  it("are shuffled by blocks and within them: every row once an epoch", function()
    local x, y = data(9000)
    local stream = stream_of(x, y)
    -- without steps the epoch's loss is that of the net, whatever the order
    local extra = { epochs = 2, batch_size = 700, shuffle = true, learning_rate = 0 }
    local net = make_net { accepts = {} }
    local report = assert(lsqnet.sgd(net, stream, nil, extra))
    for _, entry in ipairs(report.history) do
      assert_near(net:loss(x, y), entry.loss, 1e-12, "the loss of an epoch")
    end
    -- with them the order tells
    extra.learning_rate = 0.1
    local other = make_net { accepts = {} }
    assert(lsqnet.sgd(net, stream, nil, extra))
    extra.shuffle = false
    assert(lsqnet.sgd(other, stream, nil, extra))
    assert.are_not.equal(net:parameters(), other:parameters())
    stream:close()
  end)
end)

describe("weights of mini-batches", function()
  it("weigh the loss of an epoch, and leave batches without weight alone", function()
    local weights = weights_of(function(i) return i > 20 and i % 4 or 0 end)
    local net = make_net { accepts = {} }
    local report = assert(lsqnet.sgd(net, X, Y, {
      epochs = 2, batch_size = 10, shuffle = false, learning_rate = 0, weights = weights,
    }))
    local expected = net:loss(repeat_rows(X, weights), repeat_rows(Y, weights))
    for _, entry in ipairs(report.history) do
      assert_near(expected, entry.loss, 1e-12, "the loss of an epoch")
    end
  end)

  -- The steps of an epoch add up to one of the whole loss when they are small.
  it("are those of the whole in the mean", function()
    local weights = weights_of(function(i) return i % 4 end)
    local whole, batches = make_net { accepts = {} }, make_net { accepts = {} }
    local before = whole:parameters()
    local rate = 1e-6
    lsqnet.sgd(whole, X, Y, {
      epochs = 1, batch_size = ROWS, learning_rate = rate, weights = weights,
    })
    lsqnet.sgd(batches, X, Y, {
      epochs = 1, batch_size = 10, learning_rate = rate / 6, weights = weights,
    })
    local step, other = whole:parameters() - before, batches:parameters() - before
    assert.is_true((step - other):norm() < 1e-4 * step:norm())
  end)
end)
