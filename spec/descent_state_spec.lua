local lsqnet = require "lsqnet"
local descent = require "descent"
local naive = require "naive"

local matrix, message = lsqnet.matrix, naive.message
local X, Y, fresh, losses, train =
  descent.X, descent.Y, descent.fresh, descent.losses, descent.train

-- Learning rates that change by the epoch, and trainings that go on from a state.
describe("gradient descent", function()
  local threads

  setup(function()
    threads = lsqnet.info().threads
    lsqnet.set_threads(1) -- a threaded BLAS does not promise the same bits
  end)

  teardown(function() lsqnet.set_threads(threads) end)

  describe("with a schedule", function()
    -- Targets 0, one weight: a step multiplies it by 1 - 2 rate.
    local function rates(schedule, epochs, state, rate)
      local list, former = {}, nil
      local net = lsqnet.network { layers = { 1, 1 }, bias = false }
      net:set_parameters(matrix { 1 })
      local report = lsqnet.sgd(net, matrix(4, 1, 1), matrix(4, 1), {
        schedule = schedule,
        epochs = epochs,
        learning_rate = rate or 0.25,
        state = state,
        on_iteration = function(event)
          local weight = event.net:parameters():get(1, 1)
          list[event.iteration] = former and (1 - weight / former) / 2
          former = weight
        end,
      })
      return list, report.state
    end

    it("multiplies the rate every so many epochs", function()
      assert.are.same({ 0.25, 0.25, 0.125, 0.125, 0.0625 },
        (rates({ every = 2, factor = 0.5 }, 5)))
      assert.are.same({ 0.0625, 0.125, 0.25 }, (rates({ every = 1, factor = 2 }, 3, nil, 0.0625)))
      assert.are.same({ 0.25, 0.25 }, (rates({ every = math.huge, factor = 2 }, 2)))
    end)

    it("takes a list of epochs and rates", function()
      assert.are.same({ 0.25, 0.25, 0.125, 0.125, 0.375 },
        (rates({ { 3, 0.125 }, { 5, 0.375 }, { 50, 0.1 } }, 5)))
      assert.are.same({ 0.125, 0, 0.125 }, (rates({ { 1, 0.125 }, { 2, 0 }, { 3, 0.125 } }, 3)))
    end)

    it("asks a function of the epoch, counted from 1", function()
      local asked = {}
      local list = rates(function(epoch)
        asked[#asked + 1] = epoch
        return epoch / 16
      end, 4)
      assert.are.same({ 1, 2, 3, 4 }, asked)
      assert.are.equal("integer", math.type(asked[1]))
      assert.are.same({ 1 / 16, 2 / 16, 3 / 16, 4 / 16 }, list)
    end)

    it("goes on where a state stopped, whatever its kind", function()
      local schedules = {
        { every = 2, factor = 0.5 },
        { { 2, 0.125 }, { 4, 0.375 }, { 6, 0.25 } },
        function(epoch) return epoch / 32 end,
      }
      for _, schedule in ipairs(schedules) do
        local all = rates(schedule, 7)
        local first, state = rates(schedule, 3)
        local middle, later = rates(schedule, 1, state)
        local last = rates(schedule, 3, later)
        for k = 1, 3 do
          assert.are.equal(all[k], first[k])
          assert.are.equal(all[4 + k], last[k])
        end
        assert.are.equal(all[4], middle[1])
      end
    end)

    it("means the same for every trainer", function()
      for _, trainer in ipairs { "adam", "adagrad" } do
        local a = train({ epochs = 6, schedule = { { 1, 0.1 }, { 4, 0.01 } } }, trainer)
        local b = train({ epochs = 6, schedule = { every = 3, factor = 0.1 },
                          learning_rate = 0.1 }, trainer)
        assert.is_true(a:allclose(b, 1e-13))
        local c, _, report, net = train({ epochs = 3, learning_rate = 0.1 }, trainer)
        assert.is_false(a:allclose(c, 1e-3))
        lsqnet[trainer](net, X, Y, { epochs = 3, learning_rate = 0.01, state = report.state })
        assert.is_true(a:allclose(net:parameters(), 1e-13))
      end
    end)

    it("explains what it cannot use", function()
      local kind = "option 'schedule': {every=, factor=}, a list of {epoch, learning_rate}, "
        .. "or a function of the epoch expected, got %s"
      local decay = "option 'schedule': every of at least 1 and a positive factor expected"
      local rising = "option 'schedule': epochs that rise from at least 1 expected"
      local rate = "option 'schedule': a finite learning rate of at least 0 expected for epoch %d"
      local cases = {
        { "cosine", kind:format "string" },
        { 3, kind:format "number" },
        { true, kind:format "boolean" },
        { { 1, 2 }, kind:format "an entry that is no pair" },
        { {}, decay },
        { { every = 100 }, decay },
        { { every = 0.5, factor = 0.1 }, decay },
        { { every = 0 / 0, factor = 0.1 }, decay },
        { { every = 1, factor = 0 }, decay },
        { { every = 1, factor = 0 / 0 }, decay },
        { { every = 1, factor = math.huge }, decay },
        { { every = 1, factor = "half" }, decay },
        { { { 0, 0.1 } }, rising },
        { { { 1.5, 0.1 } }, rising },
        { { { 2, 0.1 }, { 2, 0.2 } }, rising },
        { { { "x", 0.1 } }, rising },
        { { { 1 } }, rate:format(1) },
        { { { 1, 0.1 }, { 7, -1 } }, rate:format(7) },
        { { { 2, math.huge } }, rate:format(2) },
        { function() end, rate:format(1) },
        { function(epoch) return epoch < 3 and 1 or 0 / 0 end, rate:format(3) },
        { function() return -1e-9 end, rate:format(1) },
      }
      for _, case in ipairs(cases) do
        local net = fresh()
        assert.are.equal(case[2], message(lsqnet.sgd, net, X, Y, { schedule = case[1] }))
        assert.is_true(net:parameters() == fresh():parameters())
      end
      assert.are.equal("mine", message(lsqnet.sgd, fresh(), X, Y,
        { schedule = function() error("mine", 0) end }))
      assert.are.equal("unknown option 'schedule'",
        message(lsqnet.lbfgs, fresh(), X, Y, { schedule = { every = 1, factor = 1 } }))
    end)
  end)

  describe("going on with a state", function()
    local configurations = {
      { "sgd", { momentum = 0.9 } },
      { "sgd", { momentum = 0.9, nesterov = true, weight_decay = 1e-3, shuffle = false } },
      { "sgd", { momentum = 0.5, schedule = { every = 30, factor = 0.5 } } },
      { "adam", {} },
      { "adam", { schedule = { { 50, 1e-2 }, { 120, 1e-3 } }, batch_size = 7 } },
      { "adam", { schedule = function(epoch) return 0.01 / epoch end, weight_decay = 1e-3 } },
      { "sgd", { momentum = 0.9, dampening = 0.4 } },
      { "adam", { amsgrad = true, decoupled = true, weight_decay = 0.1 } },
      { "adagrad", { learning_rate = 0.1, learning_rate_decay = 0.01 } },
      { "adagrad", {} },
      { "adagrad", { schedule = { every = 70, factor = 0.1 }, batch_size = 50 } },
    }

    local function copy(options, more)
      local all = {}
      for key, value in pairs(options) do all[key] = value end
      for key, value in pairs(more) do all[key] = value end
      return all
    end

    for k, configuration in ipairs(configurations) do
      local trainer, options = configuration[1], configuration[2]
      options.batch_size = options.batch_size or 16
      it(("is training on: %s, case %d, bit for bit"):format(trainer, k), function()
        local expected, all = train(copy(options, { epochs = 200 }), trainer)
        local _, first, report, net = train(copy(options, { epochs = 100 }), trainer)
        local again = lsqnet[trainer](net, X, Y,
          copy(options, { epochs = 100, state = report.state, seed = 99 }))
        assert.is_true(expected == net:parameters())
        local second = losses(again)
        assert.are.equal(report.loss, second[1])
        for e = 2, 101 do
          assert.are.equal(all[e], first[e])
          assert.are.equal(all[100 + e], second[e])
        end
        -- without the state it is another training
        local _, _, _, other = train(copy(options, { epochs = 100 }), trainer)
        lsqnet[trainer](other, X, Y, copy(options, { epochs = 100 }))
        assert.is_false(expected == other:parameters())
      end)
    end

    it("is exact too after a stop by a callback or a target", function()
      local options = { epochs = 20, batch_size = 16, momentum = 0.9 }
      local expected, all = train(options)
      local stops = {
        { on_iteration = function(event) return event.iteration ~= 7 end },
        { target_loss = all[8] },
      }
      for _, stop in ipairs(stops) do
        local _, _, report, net = train(copy(options, stop))
        local done = report.iterations
        assert.is_true(done > 0 and done <= 7)
        lsqnet.sgd(net, X, Y, copy(options, { epochs = 20 - done, state = report.state }))
        assert.is_true(expected == net:parameters())
      end
    end)

    it("does not change the state it is given", function()
      local _, _, report, net = train({ epochs = 5 }, "adam")
      local other = net:clone()
      lsqnet.adam(net, X, Y, { epochs = 5, state = report.state })
      lsqnet.adam(other, X, Y, { epochs = 5, state = report.state })
      assert.is_true(net:parameters() == other:parameters())
    end)

    it("may go on with other options and data", function()
      local _, _, report, net = train({ epochs = 5 }, "adam")
      local more = lsqnet.adam(net, X:slice(1, 9), Y:slice(1, 9),
        { epochs = 5, state = report.state, learning_rate = 0.01, batch_size = 2 })
      assert.are.equal("iterations", more.stopped)
    end)

    it("refuses what is no state of this trainer and net", function()
      local _, _, report = train { epochs = 2, momentum = 0.9 }
      local _, _, other = train({ epochs = 2 }, "adagrad")
      local wide = lsqnet.network { layers = { 2, 6, 1 } }
      local refused = "option 'state': the state that a report of %s with such a net returned "
        .. "expected"
      local function with(field, value)
        local edited = { trainer = "sgd", generator = report.state.generator,
                         values = report.state.values:copy() }
        edited[field] = value
        return edited
      end
      local values = report.state.values
      local function changed(row, value)
        local edited = values:copy()
        edited:set(row, 1, value)
        return edited
      end
      local wrong = {
        3, "sgd", {}, report, other.state,
        { trainer = "sgd", values = values },
        { trainer = "sgd", generator = report.state.generator },
        with("trainer", "adam"), with("trainer", 7),
        with("generator", 1), with("generator", values),
        with("values", 1), with("values", values:t()), with("values", values:slice(1, 5)),
        with("values", values:vcat(values)), with("values", (naive.strided(values))),
        with("values", changed(5, 0 / 0)), with("values", changed(5, math.huge)),
        with("values", changed(1, -1)), with("values", changed(1, 1e300)),
      }
      for k, state in ipairs(wrong) do
        local net = fresh()
        assert.are.equal(refused:format "sgd", message(lsqnet.sgd, net, X, Y, { state = state }),
          "state " .. k)
        assert.is_true(net:parameters() == fresh():parameters())
      end
      assert.are.equal("iterations",
        lsqnet.sgd(fresh(), X, Y, { epochs = 1, state = with("values", values:copy()) }).stopped)
      assert.are.equal(refused:format "sgd",
        message(lsqnet.sgd, wide, X, Y, { state = report.state }))
      assert.are.equal(refused:format "adam",
        message(lsqnet.adam, fresh(), X, Y, { state = report.state }))
      assert.are.equal(refused:format "lbfgs",
        message(lsqnet.lbfgs, fresh(), X, Y, { state = report.state }))
    end)
  end)
end)
