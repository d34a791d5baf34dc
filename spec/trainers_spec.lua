local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

-- What the driver promises of every trainer, shown on anmin.
describe("a trainer", function()
  local X, Y

  before_each(function()
    local rng = lsqnet.rng(2)
    X = matrix.randn(120, 2, rng)
    Y = (X:columns(1, 1) + X:columns(2, 2)):map(math.abs)
  end)

  local function fresh(seed)
    return lsqnet.network { layers = { 2, 6, 1 }, init = "normal", seed = seed or 1 }
  end

  local function refusal(...)
    local arguments = table.pack(...)
    local _, message = pcall(function()
      lsqnet.anmin(table.unpack(arguments, 1, arguments.n))
    end)
    return (message:gsub("^.-:%d+: ", ""))
  end

  it("reports its history, one entry an iteration", function()
    local net = fresh()
    local report = lsqnet.anmin(net, X, Y, { iterations = 5, validation = { X, Y } })
    assert.are.equal(6, #report.history)
    local before = 0
    for k, entry in ipairs(report.history) do
      assert.are.equal(k - 1, entry.iteration)
      assert.is_true(entry.seconds >= before)
      before = entry.seconds
      assert.is_true(math.abs(entry.validation_loss - entry.loss) <= 1e-12 * entry.loss)
      assert.is_nil(entry.net)
    end
    assert.is_true(report.seconds >= before)
    assert.are.equal(5, report.iterations)
  end)

  it("calls back with the net as it stands", function()
    local net, seen = fresh(), {}
    local report = lsqnet.anmin(net, X, Y, {
      iterations = 3,
      on_iteration = function(event)
        seen[#seen + 1] = event
        assert.are.equal(net, event.net)
        assert.are.equal(1, event.restart)
        assert.is_true(math.abs(event.net:loss(X, Y) - event.loss) <= 1e-12 * event.loss)
      end,
    })
    assert.are.equal(4, #seen)
    for k, entry in ipairs(report.history) do
      assert.are.equal(entry.objective, seen[k].objective)
    end
  end)

  it("reports the loss of the net as returned, also when a callback changed it", function()
    for _, name in ipairs { "anmin", "sgd", "adam", "adagrad", "lbfgs", "gauss_newton" } do
      local net, count = fresh(), 0
      local report = lsqnet[name](net, X, Y, {
        time_limit = 0.02,
        on_iteration = function(event)
          count = count + 1
          event.net:set_parameters(0.9 * event.net:parameters())
          return count < 4
        end,
      })
      -- ANMIN's loss comes from its normal equations: it differs by their rounding
      local difference = math.abs(report.loss - net:loss(X, Y)) / report.loss
      assert.is_true(difference < 1e-9, ("%s: %g"):format(name, difference))
    end
  end)

  it("stops when the callback returns false, and only then", function()
    local report = lsqnet.anmin(fresh(), X, Y, {
      iterations = 20,
      on_iteration = function(event)
        if event.iteration == 4 then
          return false
        end
        return nil
      end,
    })
    assert.are.equal("callback", report.stopped)
    assert.are.equal(4, report.iterations)
  end)

  it("passes an error of the callback on and leaves a usable net", function()
    local net = fresh()
    assert.has_error(function()
      lsqnet.anmin(net, X, Y, {
        on_iteration = function(event)
          if event.iteration == 2 then
            error("enough", 0)
          end
        end,
      })
    end, "enough")
    assert.is_true(net:loss(X, Y) < 1)
    assert.are.equal("iterations", lsqnet.anmin(net, X, Y, { iterations = 2 }).stopped)
  end)

  it("stops at the target and returns the net that reached it", function()
    local net = fresh()
    local full = lsqnet.anmin(fresh(), X, Y, { iterations = 10 })
    local target = full.history[4].loss
    local report = lsqnet.anmin(net, X, Y, { iterations = 10, target_loss = target })
    assert.are.equal("target", report.stopped)
    assert.is_true(report.loss <= target)
    assert.is_true(net:loss(X, Y) <= target * (1 + 1e-12))
  end)

  it("stops at the time limit", function()
    local net = fresh()
    local before = net:parameters()
    local report = lsqnet.anmin(net, X, Y, { iterations = 1000000, time_limit = 0.05 })
    assert.are.equal("time", report.stopped)
    assert.is_true(report.seconds >= 0.05 and report.seconds < 5)
    local none = lsqnet.anmin(fresh(), X, Y, { time_limit = 0 })
    assert.are.equal("time", none.stopped)
    assert.are.same({}, none.history)
    assert.are.equal(fresh():loss(X, Y), none.loss)
    assert.is_false(net:parameters() == before)
  end)

  it("keeps the best of several starts, the first being the net as given", function()
    local losses, starts = {}, {}
    local net = fresh(3)
    local report = lsqnet.anmin(net, X, Y, {
      iterations = 3,
      restarts = 5,
      seed = 4,
      on_iteration = function(event)
        starts[event.restart] = starts[event.restart] or event.net:weight(1)
        losses[event.restart] = math.min(losses[event.restart] or math.huge, event.objective)
      end,
    })
    assert.are.equal(5, #losses)
    assert.is_true(starts[1] == fresh(3):weight(1))
    local best = 1
    for k = 2, 5 do
      assert.is_false(starts[k] == starts[k - 1])
      if losses[k] < losses[best] then
        best = k
      end
    end
    assert.are.equal(best, report.restart)
    assert.are.equal(4, #report.history)
    assert.is_true(math.abs(net:loss(X, Y) - report.loss) <= 1e-12 * report.loss)
    local lowest = math.huge
    for _, entry in ipairs(report.history) do
      lowest = math.min(lowest, entry.objective)
    end
    assert.are.equal(losses[best], lowest)
  end)

  it("draws restarts by the seed and by the initialisation named", function()
    local function train(options)
      options.restarts, options.iterations = 3, 0
      local starts = {}
      options.on_iteration = function(event)
        starts[#starts + 1] = event.net:weight(1)
      end
      lsqnet.anmin(fresh(3), X, Y, options)
      return starts
    end
    local a, b, c = train { seed = 6 }, train { seed = 6 }, train { seed = 7 }
    assert.is_true(a[2] == b[2] and a[3] == b[3])
    assert.is_false(a[2] == c[2])
    for _, weight in ipairs { table.unpack(train { init = { "uniform", 2, 3 } }, 2) } do
      assert.is_true(weight:min() >= 2 and weight:max() < 3)
    end
    assert.error_matches(function()
      train { init = "kaimming" }
    end, "kaimming")
  end)

  it("says which value is not finite and leaves the net alone", function()
    for _, bad in ipairs { 0 / 0, math.huge, -math.huge } do
      for row = 1, 3 do
        for _, name in ipairs { "X", "Y" } do
          local x, y = X:copy(), Y:copy();
          (name == "X" and x or y):set(row, 1, bad)
          local net = fresh()
          local before = net:parameters()
          local report, message, code = lsqnet.anmin(net, x, y)
          assert.is_nil(report)
          assert.matches(("^%s is not finite: row %d, column 1 is "):format(name, row), message)
          assert.are.equal("non_finite", code)
          assert.is_true(net:parameters() == before)
        end
      end
    end
    local broken = fresh()
    broken:set_bias(1, matrix(1, 6, 0 / 0))
    local _, message = lsqnet.anmin(broken, X, Y)
    assert.are.equal("the net has a parameter that is not finite", message)
    local v = X:copy()
    v:set(7, 2, math.huge)
    _, message = lsqnet.anmin(fresh(), X, Y, { validation = { v, Y } })
    assert.are.equal("the validation X is not finite: row 7, column 2 is inf", message)
  end)

  it("names the shape that does not match", function()
    local net = fresh()
    assert.are.equal(
      "bad argument #3 to 'anmin' (120 rows expected to match X, got 119)",
      refusal(net, X, Y:slice(1, 119))
    )
    assert.are.equal(
      "bad argument #2 to 'anmin' (X has 1 column, the network takes 2 inputs)",
      refusal(net, Y, Y)
    )
    assert.are.equal(
      "bad argument #3 to 'anmin' (Y has 2 columns, the network has 1 output)",
      refusal(net, X, X)
    )
    assert.are.equal(
      "bad argument #2 to 'anmin' (X has no rows)",
      refusal(net, matrix(0, 2), matrix(0, 1))
    )
    assert.are.equal(
      "bad argument #1 to 'anmin' (lsqnet.network expected, got table)",
      refusal({}, X, Y)
    )
    assert.are.equal(
      "bad argument #2 to 'anmin' (lsqnet.matrix expected, got table)",
      refusal(net, {}, Y)
    )
  end)

  it("checks the validation data and the callback", function()
    local net = fresh()
    assert.are.equal(
      "option 'validation': {X, Y}, two matrices, expected, got number",
      refusal(net, X, Y, { validation = 3 })
    )
    assert.are.equal(
      "option 'validation': {X, Y}, two matrices, expected",
      refusal(net, X, Y, { validation = { X } })
    )
    assert.are.equal(
      "option 'validation': matrices of 2 and 1 columns expected, got 1 and 1",
      refusal(net, X, Y, { validation = { Y, Y } })
    )
    assert.are.equal(
      "option 'validation': X and Y of the same number of rows, at least one, expected, "
        .. "got 120 and 3",
      refusal(net, X, Y, { validation = { X, Y:slice(1, 3) } })
    )
    assert.are.equal(
      "option 'on_iteration': a function expected, got string",
      refusal(net, X, Y, { on_iteration = "print" })
    )
  end)

  it("can be interrupted by a hook, whatever kind, and leaves a usable net", function()
    for _, hook in ipairs { { "", 1000 }, { "c", 0 } } do
      local net, steps = fresh(), 0
      local ok, message = pcall(function()
        debug.sethook(function()
          steps = steps + 1
          if steps == 20 then
            error("interrupted", 0)
          end
        end, hook[1], hook[2])
        lsqnet.anmin(net, X, Y, { iterations = 1000000000 })
      end)
      debug.sethook()
      assert.is_false(ok)
      assert.are.equal("interrupted", message)
      assert.are.equal("iterations", lsqnet.anmin(net, X, Y, { iterations = 1 }).stopped)
    end
  end)

  it("may be called from its own callback", function()
    local inner
    local report = lsqnet.anmin(fresh(1), X, Y, {
      iterations = 2,
      on_iteration = function()
        inner = lsqnet.anmin(fresh(2), X, Y, { iterations = 2 })
        collectgarbage()
      end,
    })
    assert.are.equal("iterations", report.stopped)
    assert.are.equal("iterations", inner.stopped)
  end)
end)
