-- Restarts by successive halving.

local lsqnet = require "lsqnet"
local matrix = lsqnet.matrix

local X = matrix.randn(200, 2, lsqnet.rng(4))
local Y = X:columns { 1 }:mul(X:columns { 2 }) + X:columns { 1 }:map(math.sin)

local function make_net(activation)
  return lsqnet.network { layers = { 2, 5, 1 }, activation = activation, init = "normal", seed = 1 }
end

-- What each restart is judged by at each iteration: anmin by its objective, others by the loss;
-- by a call that runs them all to their end.
local function all_losses(name, net, options)
  local losses = {}
  options.on_iteration = function(event)
    losses[event.restart] = losses[event.restart] or {}
    losses[event.restart][event.iteration] = name == "anmin" and event.objective or event.loss
  end
  assert(lsqnet[name](net, X, Y, options))
  options.on_iteration = nil
  return losses
end

-- The restart that is left, and the lowest loss that any training has seen by where it ended.
local function race(losses, whole)
  local left, rounds, lowest, best = {}, 1, math.huge, nil
  for k = 1, #losses do left[k] = k end
  while 2 ^ (rounds - 1) < #losses do rounds = rounds + 1 end
  local function least(k, iterations)
    local value = math.huge
    for i = 0, iterations do value = math.min(value, losses[k][i] or math.huge) end
    return value
  end
  for round = 1, rounds do
    local iterations = math.max(1, whole // 2 ^ (rounds - round))
    table.sort(left, function(a, b)
      local la, lb = least(a, iterations), least(b, iterations)
      return la < lb or la == lb and a < b
    end)
    for _, k in ipairs(left) do
      local value = least(k, iterations)
      if value < lowest or value == lowest and k < best then lowest, best = value, k end
    end
    local most = round < rounds and 2 ^ (rounds - round - 1) or 1
    while #left > most do left[#left] = nil end
  end
  return best, lowest
end

describe("racing restarts", function()
  for _, case in ipairs {
    { "lbfgs", "tanh", { iterations = 24, loss_tolerance = 0 } },
    { "gauss_newton", "tanh", { iterations = 16 } },
    { "anmin", "relu", { iterations = 12, lambda = 1e-6 } },
    { "ills", "tanh", { iterations = 12 } },
  } do
    local name, activation, options = case[1], case[2], case[3]
    it("of " .. name .. " end as halving by hand does, on any number of threads", function()
      for _, restarts in ipairs { 2, 5, 8 } do
        options.restarts, options.seed = restarts, 3
        local best, lowest = race(all_losses(name, make_net(activation), options),
          options.iterations)
        options.racing = true
        for threads = 1, 3 do
          lsqnet.set_threads(threads)
          local net = make_net(activation)
          local report = assert(lsqnet[name](net, X, Y, options))
          assert.are.equal(best, report.restart)
          if name ~= "anmin" then
            assert.is_true(math.abs(report.loss - lowest) <= 1e-9 * lowest)
          end
          assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-12)
        end
        options.racing = nil
        lsqnet.set_threads(2)
      end
    end)
  end

  it("of adam go on with the better half by the last loss", function()
    local net = make_net "tanh"
    local report = assert(lsqnet.adam(net, X, Y, { epochs = 16, restarts = 4, racing = true }))
    assert.are.equal(16, report.iterations)
    assert.are.equal("iterations", report.stopped)
    assert.is_true(math.abs(report.loss - net:loss(X, Y)) <= 1e-12)
  end)

  it("tell of the best alone, at the end", function()
    local seen = {}
    local report = assert(lsqnet.lbfgs(make_net "tanh", X, Y, {
      iterations = 8, restarts = 4, racing = true, loss_tolerance = 0,
      on_iteration = function(event) seen[#seen + 1] = event.restart end,
    }))
    assert.are.equal(#report.history, #seen)
    for _, restart in ipairs(seen) do assert.are.equal(report.restart, restart) end
  end)

  it("stop by time", function()
    local report = assert(lsqnet.adam(make_net "tanh", X, Y, {
      epochs = 10000, restarts = 8, racing = true, time_limit = 0.05,
    }))
    assert.are.equal("time", report.stopped)
    assert.is_true(report.loss < math.huge)
  end)

  it("refuse what is no race", function()
    local net = make_net "relu"
    for message, call in pairs {
      ["option 'racing': restarts of elm are no race"] = function()
        lsqnet.elm(net, X, Y, { restarts = 4, racing = true })
      end,
      ["option 'racing': restarts of knot_search are no race"] = function()
        lsqnet.knot_search(net, X, Y, { restarts = 4, racing = true })
      end,
      ["option 'racing': at most 10000 iterations expected"] = function()
        lsqnet.lbfgs(net, X, Y, { restarts = 4, racing = true, iterations = 10001 })
      end,
      ["options 'racing' and 'validation' exclude each other: a race is decided by the training "
        .. "loss"] = function()
        lsqnet.lbfgs(net, X, Y, { restarts = 4, racing = true, validation = { X, Y } })
      end,
    } do
      assert.has_error(call, message)
    end
  end)
end)
