-- A training as an object: lsqnet.start, run:advance, run.ended, run:finish.

local lsqnet = require "lsqnet"
local matrix = lsqnet.matrix

local function data(rows)
  local X = matrix.randn(rows, 3, lsqnet.rng(7))
  return X, X:columns { 1 }:mul(X:columns { 2 }) + X:columns { 3 }:map(math.sin)
end

local X, Y = data(300)

-- Trainers by name, with a net they take and options that keep them short.
local function make_net(trainer, seed)
  local accepts = trainer.accepts
  local activation = accepts.activations and accepts.activations[1] or "tanh"
  return lsqnet.network {
    layers = { 3, 6, 1 }, activation = activation, init = "normal", seed = seed or 3,
  }
end

local short = {
  anmin = { iterations = 4 }, lbfgs = { iterations = 8 }, gauss_newton = { iterations = 6 },
  ills = { iterations = 5 }, sgd = { epochs = 5 }, adam = { epochs = 5 }, adagrad = { epochs = 5 },
  linstorch = {}, elm = {}, random_search = {}, spread_net = {}, knot_search = {},
  varpro = { iterations = 6 }, coordinate_descent = { iterations = 6 },
}

local function options(name, extra)
  local all = {}
  for key, value in pairs(short[name]) do all[key] = value end
  for key, value in pairs(extra or {}) do all[key] = value end
  return all
end

local function each_trainer(visit)
  for _, trainer in ipairs(lsqnet.trainers()) do
    if trainer.name ~= "triangle" then
      assert.is_not_nil(short[trainer.name], trainer.name .. " is missing in this spec")
      visit(trainer, trainer.name)
    end
  end
end

local function advance_to_end(run, seconds)
  local events = {}
  while not run.ended do
    local event, message = run:advance(seconds)
    assert.is_nil(message)
    events[#events + 1] = event
  end
  return events
end

-- The history without what a clock says.
local function timeless(history)
  local entries = {}
  for k, entry in ipairs(history) do
    entries[k] = {}
    for key, value in pairs(entry) do
      if key ~= "seconds" then entries[k][key] = value end
    end
  end
  return entries
end

describe("a run", function()
  before_each(function() lsqnet.set_threads(2) end)

  each_trainer(function(trainer, name)
    it("of " .. name .. " leads to what the call does, however the time is cut", function()
      for _, restarts in ipairs { 1, 3 } do
        local whole = make_net(trainer)
        local given = options(name, { restarts = restarts, seed = 5 })
        local report = assert(lsqnet[name](whole, X, Y, given))
        for _, seconds in ipairs { 0, 0.001, math.huge } do
          local net = make_net(trainer)
          local run = assert(lsqnet.start(name, net, X, Y, given))
          assert.is_nil(run.ended)
          assert.is_true(net:parameters() == make_net(trainer):parameters())
          advance_to_end(run, seconds)
          local other = run:finish()
          assert.are.equal(report.stopped, run.ended)
          assert.are.equal(report.loss, other.loss)
          assert.are.equal(report.restart, other.restart)
          assert.are.same(timeless(report.history), timeless(other.history))
          assert.is_true(whole:parameters() == net:parameters())
        end
      end
    end)

    it("of " .. name .. " has the same restarts watched and side by side", function()
      local alone, watched = make_net(trainer), make_net(trainer)
      local seen = 0
      local given = options(name, { restarts = 4, seed = 2 })
      local report = assert(lsqnet[name](alone, X, Y, given))
      given.on_iteration = function() seen = seen + 1 end
      local other = assert(lsqnet[name](watched, X, Y, given))
      assert.is_true(seen >= 4)
      assert.are.equal(report.restart, other.restart)
      assert.are.equal(#report.history, #other.history)
      assert.is_true(math.abs(report.loss - other.loss) <= 1e-6 * (1 + math.abs(report.loss)))
    end)

    it("of " .. name .. " survives what a callback may do", function()
      local net, other = make_net(trainer), make_net(trainer, 9)
      local inputs, targets = X:copy(), Y:copy()
      local count = 0
      local report = assert(lsqnet[name](net, inputs, targets, options(name, {
        restarts = 2,
        on_iteration = function(event)
          count = count + 1
          lsqnet.set_threads(count % 4 + 1)
          event.net:set_parameters(other:parameters())
          inputs:set(1, 1, count)
          targets:set(2, 1, -count)
          if count <= 2 then
            assert(lsqnet[name](net, X, Y, options(name)))
          end
          collectgarbage()
        end,
      })))
      assert.is_true(count >= 2)
      assert.is_true(report.loss == report.loss and report.loss < math.huge)
      assert.is_not_nil(report.stopped)
    end)

    it("of " .. name .. " keeps a finite net when a callback puts NaN into X", function()
      local net, inputs = make_net(trainer), X:copy()
      local report = assert(lsqnet[name](net, inputs, Y, options(name, {
        restarts = 2,
        on_iteration = function(event)
          if event.iteration == 1 then inputs:set(1, 1, 0 / 0) end
        end,
      })))
      assert.is_true(net:parameters():sum() == net:parameters():sum())
      assert.is_true(report.stopped ~= "target")
    end)
  end)

  it("tells of iterations, restarts and its end, once each", function()
    local net = make_net { accepts = {} }
    local run = assert(lsqnet.start("lbfgs", net, X, Y, {
      iterations = 3, restarts = 2, validation = { X, Y }, loss_tolerance = 0,
    }))
    local kinds = {}
    for _, event in ipairs(advance_to_end(run)) do
      kinds[#kinds + 1] = event.event .. (event.iteration or "")
      assert.are.equal(net, event.net)
    end
    local each = "iteration0 iteration1 iteration2 iteration3 restart"
    assert.are.equal(each .. " " .. each .. " end", table.concat(kinds, " "))
    assert.is_nil(run:advance())
    assert.are.equal("iterations", run.ended)
    assert.matches("^run of lbfgs, ended %(iterations%)$", tostring(run))
  end)

  it("ends where it stands, and as often as one likes", function()
    local net = make_net { accepts = {} }
    local run = assert(lsqnet.start("adam", net, X, Y, { epochs = 1000 }))
    repeat local event = run:advance() until event.iteration == 3
    local report, again = run:finish(), run:finish()
    assert.are.equal("callback", report.stopped)
    assert.are.equal(3, report.iterations)
    assert.are.equal(report.loss, again.loss)
    assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-12)
    assert.is_nil(run:advance())
  end)

  it("may end before it began: the net is as it was", function()
    local net = make_net { accepts = {} }
    local before = net:parameters()
    local report = assert(lsqnet.start("lbfgs", net, X, Y)):finish()
    assert.is_true(before == net:parameters())
    assert.are.equal(0, report.iterations)
    assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-12)
  end)

  it("keeps what it works on alive, and may be collected at any time", function()
    local run = lsqnet.start("lbfgs", make_net { accepts = {} }, X:copy(), Y:copy(),
      { iterations = 5, validation = { X:copy(), Y:copy() } })
    collectgarbage()
    run:advance()
    collectgarbage()
    assert.is_true(run:finish().loss < math.huge)
    for _ = 1, 20 do
      lsqnet.start("anmin", make_net { accepts = { activations = { "relu" } } }, X, Y):advance(0)
    end
    run = nil -- luacheck: ignore
    collectgarbage()
  end)

  it("goes on after an error in a callback", function()
    local net, raised = make_net { accepts = {} }, false
    local run = lsqnet.start("lbfgs", net, X, Y, {
      iterations = 4,
      on_iteration = function()
        if not raised then
          raised = true
          error "from the callback"
        end
      end,
    })
    local ok, message = pcall(run.advance, run)
    assert.is_false(ok)
    assert.matches("from the callback", message)
    advance_to_end(run)
    assert.are.equal(4, run:finish().iterations)
  end)

  it("may be advanced by its own callback", function()
    local net, depth, run = make_net { accepts = {} }, 0, nil
    run = lsqnet.start("lbfgs", net, X, Y, {
      iterations = 6,
      on_iteration = function()
        depth = depth + 1
        if depth < 3 then run:advance() end
        if depth == 3 then run:finish() end
      end,
    })
    run:advance()
    assert.are.equal("callback", run.ended)
  end)

  it("is yielded around in coroutines", function()
    local net = make_net { accepts = {} }
    local run = lsqnet.start("adam", net, X, Y, { epochs = 10 })
    local yields = 0
    local trained = coroutine.wrap(function()
      repeat
        run:advance(0)
        coroutine.yield()
      until run.ended
      return run:finish()
    end)
    local report
    repeat report, yields = trained(), yields + 1 until report
    assert.are.equal(10, report.iterations)
    assert.is_true(yields > 10)
  end)

  it("of triangle trains the network given, as the call does", function()
    local function curve() return lsqnet.triangle.network { depth = 4, seed = 2 } end
    local x = matrix.linspace(0, 1, 80)
    local y = x:map(function(v) return v ^ 3 end)
    local called, started = curve(), curve()
    local given = {
      epochs = 20, restarts = 2, finish = "lbfgs", finish_options = { iterations = 5 },
    }
    local report = assert(lsqnet.triangle(called, x, y, given))
    local run = assert(lsqnet.start("triangle", started, x, y, given))
    advance_to_end(run, 0)
    local other = run:finish()
    assert.are.equal(report.loss, other.loss)
    assert.is_true(report.network:parameters() == other.network:parameters())
    assert.is_true(called:parameters() == started:parameters())
  end)

  it("checks everything when it is started", function()
    local net = make_net { accepts = {} }
    assert.has_error(function() lsqnet.start("lbgfs", net, X, Y) end,
      "bad argument #1 to 'start' (no trainer is named 'lbgfs' (did you mean 'lbfgs'?))")
    assert.has_error(function() lsqnet.start("lbfgs", net, X, Y, { iteratoins = 3 }) end,
      "unknown option 'iteratoins' (did you mean 'iterations'?)")
    local bad = X:copy()
    bad:set(2, 2, 1 / 0)
    local run, message, code = lsqnet.start("lbfgs", net, bad, Y)
    assert.is_nil(run)
    assert.matches("X is not finite: row 2, column 2", message)
    assert.are.equal("non_finite", code)
  end)

  it("stops by time, in memory that does not grow with the number of restarts", function()
    each_trainer(function(trainer, name)
      local net = make_net(trainer)
      local report = assert(lsqnet[name](net, X, Y,
        options(name, { restarts = 1e9, time_limit = 0.02 })))
      assert.are.equal("time", report.stopped, name)
    end)
  end)
end)

describe("what trainers declare", function()
  it("is what they take: an option is listed, or refused by name", function()
    each_trainer(function(trainer, name)
      local listed = {}
      for _, option in ipairs(lsqnet.core.options(name)) do listed[option.name] = true end
      for _, option in ipairs { "mask", "state", "init", "loss", "weights" } do
        assert.are.equal(trainer.takes[option], listed[option] or false, name .. " " .. option)
        if not trainer.takes[option] then
          local net = make_net(trainer)
          local ok, message = pcall(lsqnet[name], net, X, Y, { [option] = {} })
          assert.is_false(ok)
          assert.matches("option '" .. option .. "'", message)
        end
      end
    end)
  end)

  it("names the nets that are accepted, and no others are", function()
    each_trainer(function(trainer, name)
      for _, activation in ipairs { "identity", "relu", "leaky_relu", "elu", "tanh", "sigmoid" } do
        local accepted = trainer.accepts.activations == nil
        for _, known in ipairs(trainer.accepts.activations or {}) do
          accepted = accepted or known == activation
        end
        local net = lsqnet.network { layers = { 3, 4, 1 }, activation = activation }
        assert.are.equal(accepted, (pcall(lsqnet[name], net, X, Y, options(name))),
          name .. " " .. activation)
      end
    end)
  end)
end)
