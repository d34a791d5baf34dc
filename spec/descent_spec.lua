local lsqnet = require "lsqnet"
local descent = require "descent"
local naive = require "naive"

local matrix, message = lsqnet.matrix, naive.message
local X, Y, fresh, train = descent.X, descent.Y, descent.fresh, descent.train

-- What sgd, adam and adagrad share: batches, shuffling, stopping; schedules and states are in
-- descent_state_spec. Their numbers are PyTorch's, which gradient_trainers_spec shows.
describe("gradient descent", function()
  local threads

  setup(function()
    threads = lsqnet.info().threads
    lsqnet.set_threads(1) -- a threaded BLAS does not promise the same bits
  end)

  teardown(function() lsqnet.set_threads(threads) end)

  local function assert_close(expected, value, relative)
    local difference = math.abs(expected - value)
    assert.is_true(difference <= relative * math.abs(expected),
      ("%.17g expected, got %.17g"):format(expected, value))
  end

  describe("by its update rules", function()
    -- one step a call of the naive rule, which changes the parameters w and its own state
    local rules = {
      sgd = function(o, w, g, state)
        g = g + w * (o.weight_decay or 0)
        state.v = state.v and state.v * o.momentum + g or g
        return w - (o.nesterov and g + state.v * o.momentum or state.v) * o.learning_rate
      end,
      adam = function(o, w, g, state)
        g = g + w * (o.weight_decay or 0)
        state.t = (state.t or 0) + 1
        state.m = (state.m or g * 0) * 0.9 + g * 0.1
        state.v = (state.v or g * 0) * 0.999 + g:mul(g) * (1 - 0.999)
        local m, v = state.m / (1 - 0.9 ^ state.t), state.v / (1 - 0.999 ^ state.t)
        return w - m:div(v:map(math.sqrt) + matrix(w.rows, 1, 1e-8)) * o.learning_rate
      end,
      adagrad = function(o, w, g, state)
        g = g + w * (o.weight_decay or 0)
        state.s = (state.s or g * 0) + g:mul(g)
        return w - g:div(state.s:map(math.sqrt) + matrix(w.rows, 1, 1e-10)) * o.learning_rate
      end,
    }
    local cases = {
      { "sgd", { momentum = 0.9, learning_rate = 0.05 } },
      { "sgd", { momentum = 0.8, nesterov = true, weight_decay = 0.1, learning_rate = 0.05 } },
      { "adam", { learning_rate = 0.01 } },
      { "adam", { learning_rate = 0.01, weight_decay = 0.2 } },
      { "adagrad", { learning_rate = 0.1, weight_decay = 0.2 } },
    }
    for k, case in ipairs(cases) do
      local name, given = case[1], case[2]
      for _, batch_size in ipairs { 50, 16 } do
        it(("%s agrees with a naive version, case %d, batches of %d"):format(name, k, batch_size),
          function()
            local options = { epochs = 4, batch_size = batch_size, shuffle = false }
            for key, value in pairs(given) do options[key] = value end
            local parameters, seen, report, trained = train(options, name)
            local net, state = fresh(), {}
            local w, expected = net:parameters(), { net:loss(X, Y) }
            for epoch = 1, 4 do
              local sum = 0
              for first = 1, X.rows, batch_size do
                local last = math.min(first + batch_size - 1, X.rows)
                local loss, g = net:gradient(X:slice(first, last), Y:slice(first, last))
                sum = sum + loss * (last - first + 1)
                w = rules[name](options, w, g, state)
                net:set_parameters(w)
              end
              expected[epoch + 1] = sum / X.rows -- the batches as seen, weighted by their rows
            end
            assert.is_true(naive.distance(w, parameters) <= 1e-12)
            for e = 1, 5 do assert_close(expected[e], seen[e], 1e-12) end
            assert_close(net:loss(X, Y), report.loss, 1e-12)
            assert.are.equal(trained:loss(X, Y), report.loss)
          end)
      end
    end

    it("leaves the net alone with a learning rate of 0, or no epochs", function()
      local before = fresh():parameters()
      for _, trainer in ipairs { "sgd", "adam", "adagrad" } do
        local after, seen, report = train({ learning_rate = 0, epochs = 3 }, trainer)
        assert.is_true(before == after)
        assert.are.equal(4, #seen)
        for k = 1, 4 do assert_close(fresh():loss(X, Y), seen[k], 1e-14) end
        assert.are.equal("iterations", report.stopped)
        local none, one = train({ epochs = 0 }, trainer)
        assert.is_true(before == none)
        assert.are.same({ fresh():loss(X, Y) }, one)
      end
    end)
  end)

  describe("in batches", function()
    it("takes all rows for a batch size above their number", function()
      local some, a = train { epochs = 5, batch_size = 50, shuffle = false }
      local same, b = train { epochs = 5, batch_size = 1000000000000, shuffle = false }
      assert.is_true(some == same)
      assert.are.same(a, b)
      assert.is_false(some == (train { epochs = 5, batch_size = 49, shuffle = false }))
    end)

    -- A last batch of fewer rows may be cut into larger blocks than a full one.
    it("has room for a last batch of any size", function()
      local rng = lsqnet.rng(3)
      for _, rows in ipairs { 65, 96, 129, 130, 193 } do
        local x, y = matrix.randn(rows, 2, rng), matrix.randn(rows, 1, rng)
        for _, batch_size in ipairs { 1, 63, 64, 65, 128 } do
          local nets = {}
          for k, shuffle in ipairs { false, true } do
            nets[k] = lsqnet.network { layers = { 2, 64, 1 } }
            local report = lsqnet.adam(nets[k], x, y,
              { epochs = 2, batch_size = batch_size, shuffle = shuffle })
            assert.are.equal(nets[k]:loss(x, y), report.loss)
          end
        end
      end
    end)

    -- One weight a row, targets 0: a step of a batch of r rows multiplies the weights of its
    -- rows by 1 - 2 rate/r, which shows who was in the smaller batch and that all were seen.
    it("sees every row once an epoch", function()
      local rows = 10
      local function seen(options)
        local net = lsqnet.network { layers = { rows, 1 }, bias = false }
        net:set_parameters(matrix(rows, 1, 1))
        local last, former = {}, net:parameters()
        options.learning_rate, options.batch_size = 0.5, 4
        options.on_iteration = function(event)
          local weights = event.net:parameters()
          if event.iteration > 0 then
            local members = {}
            for i = 1, rows do
              local factor = weights:get(i, 1) / former:get(i, 1)
              assert.is_true(factor == 0.75 or factor == 0.5)
              if factor == 0.5 then members[#members + 1] = i end
            end
            assert.are.equal(2, #members)
            last[#last + 1] = table.concat(members, " ")
          end
          former = weights
        end
        lsqnet.sgd(net, matrix.eye(rows), matrix(rows, 1), options)
        return last
      end
      assert.are.same({ "9 10", "9 10", "9 10" }, seen { shuffle = false, epochs = 3 })
      local distinct = {}
      for _, members in ipairs(seen { epochs = 20 }) do distinct[members] = true end
      local count = 0
      for _ in pairs(distinct) do count = count + 1 end
      assert.is_true(count >= 8) -- 20 draws of 45 pairs: 16 are expected
    end)

    -- One weight w, inputs 1, rate 0.45: each step gives 0.1 w + 0.9 y. So w / 0.9 spells the
    -- targets in decimal digits, the last seen first.
    local function orders(options)
      local spelt = {}
      options.learning_rate, options.batch_size = 0.45, 1
      options.on_iteration = function(event)
        if event.iteration > 0 then
          local digits = event.net:parameters():get(1, 1) / 0.9 * 1e9
          spelt[#spelt + 1] = ("%010d"):format(math.floor(digits + 1e-4))
        end
      end
      local net = lsqnet.network { layers = { 1, 1 }, bias = false, init = "zeros" }
      lsqnet.sgd(net, matrix(10, 1, 1), matrix { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, options)
      return spelt
    end

    it("keeps the data's order without shuffling", function()
      assert.are.same({ "9876543210", "9876543210" }, orders { shuffle = false, epochs = 2 })
    end)

    it("draws a new order for every epoch, by the seed", function()
      local first = orders { epochs = 6, seed = 5 }
      local known = {}
      for _, order in ipairs(first) do
        assert.is_nil(known[order])
        known[order] = true
        local digits = {}
        for digit in order:gmatch "." do digits[#digits + 1] = digit end
        table.sort(digits)
        assert.are.equal("0123456789", table.concat(digits))
      end
      assert.are.same(first, orders { epochs = 6, seed = 5 })
      assert.are_not.same(first, orders { epochs = 6, seed = 6 })
      assert.are.same(orders { epochs = 6 }, orders { epochs = 6, seed = 1 })
    end)

    it("reads strided data as it reads copies", function()
      local x, y = naive.strided(X), naive.strided(Y)
      for _, shuffle in ipairs { true, false } do
        local options = { epochs = 3, batch_size = 7, shuffle = shuffle }
        local net = fresh()
        lsqnet.adam(net, x, y, options)
        assert.is_true(net:parameters() == (train(options, "adam")))
      end
    end)
  end)

  describe("with patience", function()
    -- More weights than rows, and noise: the validation loss falls, then rises.
    local function overfitting()
      local rng = lsqnet.rng(4)
      local function part(rows)
        local x = matrix.randn(rows, 2, rng)
        local y = (x:columns(1, 1) - x:columns(2, 2)):map(math.abs)
        return x, y + matrix.randn(rows, 1, rng) * 0.3
      end
      local x, y = part(15)
      local v, w = part(100)
      return x, y, v, w
    end

    it("stops when the validation loss no longer falls, and returns the best net", function()
      local x, y, v, w = overfitting()
      for _, patience in ipairs { 1, 5, 20 } do
        local net = lsqnet.network { layers = { 2, 30, 1 } }
        local report = lsqnet.adam(net, x, y, {
          epochs = 100000, learning_rate = 0.005, patience = patience,
          validation = { v, w },
        })
        assert.are.equal("tolerance", report.stopped)
        local best = 1
        for k, entry in ipairs(report.history) do
          if entry.validation_loss < report.history[best].validation_loss then best = k end
        end
        assert.are.equal(best + patience, #report.history)
        assert.is_true(best > 5)
        assert.are.equal(report.history[best].validation_loss, net:loss(v, w))
        assert.are.equal(net:loss(x, y), report.loss)
        assert.are.equal(#report.history - 1, report.iterations)
      end
    end)

    it("returns the best net where the epochs end first, or the callback ends them", function()
      local x, y, v, w = overfitting()
      for _, callback in ipairs { false, true } do
        local net = lsqnet.network { layers = { 2, 30, 1 } }
        local report = lsqnet.adam(net, x, y, {
          epochs = callback and 1000 or 300, learning_rate = 0.02, patience = 100000,
          validation = { v, w },
          on_iteration = function(event) return not (callback and event.iteration == 300) end,
        })
        assert.are.equal(callback and "callback" or "iterations", report.stopped)
        local lowest = math.huge
        for _, entry in ipairs(report.history) do
          lowest = math.min(lowest, entry.validation_loss)
        end
        assert.is_true(lowest < report.history[301].validation_loss)
        assert.are.equal(lowest, net:loss(v, w))
        assert.are.equal(net:loss(x, y), report.loss)
      end
    end)

    it("only watches without patience", function()
      local x, y, v, w = overfitting()
      local net = lsqnet.network { layers = { 2, 30, 1 } }
      local report = lsqnet.adam(net, x, y,
        { epochs = 300, learning_rate = 0.02, validation = { v, w } })
      assert.are.equal(report.history[301].validation_loss, net:loss(v, w))
    end)

    it("needs validation data", function()
      assert.are.equal("option 'patience': needs the option 'validation'",
        message(lsqnet.sgd, fresh(), X, Y, { patience = 5 }))
    end)
  end)

  describe("that diverges", function()
    local function assert_finite(report)
      for _, entry in ipairs(report.history) do
        assert.is_true(entry.loss - entry.loss == 0)
      end
    end

    it("keeps the best weights seen", function()
      for _, trainer in ipairs { "sgd", "adam", "adagrad" } do
        for _, options in ipairs {
          { epochs = 500, learning_rate = 1e160 },
          { epochs = 1, learning_rate = 1e300 }, -- by the last update, which no batch sees
          { epochs = 500, learning_rate = 1e160, batch_size = 8 },
        } do
          local _, _, report, net = train(options, trainer)
          assert.are.equal("diverged", report.stopped)
          assert.are.equal(fresh():loss(X, Y), report.loss)
          assert.is_true(net:parameters() == fresh():parameters())
          assert_finite(report)
        end
      end
    end)

    it("goes back to the epoch with the lowest loss, not to the start", function()
      for trainer, rate in pairs { sgd = 0.1, adam = 0.01, adagrad = 0.1 } do
        local good, seen = train({ epochs = 9, learning_rate = rate }, trainer)
        local after, all, report, net = train({
          epochs = 100, learning_rate = rate, schedule = { { 10, 1e200 } },
        }, trainer)
        assert.are.equal("diverged", report.stopped)
        assert_finite(report)
        -- The loss of epoch 10 was seen before its step, which was too long.
        assert.are.equal(11, #all)
        assert.is_true(all[11] < seen[10])
        assert.is_true(good == after)
        assert.are.equal(net:loss(X, Y), report.loss)
        assert_close(all[11], report.loss, 1e-14)
      end
    end)

    it("returns a usable net when it is stopped right after the step that was too long", function()
      local _, _, report, net = train {
        epochs = 100, schedule = { { 5, 1e200 } },
        on_iteration = function(event) return event.iteration < 5 end,
      }
      assert.are.equal("callback", report.stopped)
      assert.are.equal(net:loss(X, Y), report.loss)
      assert.is_true(report.loss < fresh():loss(X, Y))
    end)

    it("says so of a start whose loss overflows, and leaves it", function()
      for _, trainer in ipairs { "sgd", "adam", "adagrad", "lbfgs" } do
        local net = fresh()
        local start = net:parameters():map(function() return 1e200 end)
        net:set_parameters(start)
        local report = lsqnet[trainer](net, X, Y)
        assert.are.equal("diverged", report.stopped)
        assert.are.same({}, report.history)
        assert.are.equal(math.huge, report.loss)
        assert.is_true(start == net:parameters())
      end
    end)
  end)

  describe("of cross-entropy", function()
    local function blobs(classes)
      local rng = lsqnet.rng(6)
      local rows = 40 * classes
      local x, y = matrix.randn(rows, 2, rng) * 0.3, matrix(rows, classes == 2 and 1 or classes)
      for i = 1, rows do
        local class = i % classes
        local angle = 2 * math.pi * class / classes
        x:set(i, 1, x:get(i, 1) + 2 * math.cos(angle))
        x:set(i, 2, x:get(i, 2) + 2 * math.sin(angle))
        if classes == 2 then y:set(i, 1, class) else y:set(i, class + 1, 1) end
      end
      return x, y
    end

    for trainer, options in pairs {
      sgd = { epochs = 60, learning_rate = 0.3, batch_size = 16 },
      adam = { epochs = 60, learning_rate = 0.02, batch_size = 16 },
      adagrad = { epochs = 60, learning_rate = 0.1, batch_size = 16 },
      lbfgs = { iterations = 30 },
    } do
      for _, classes in ipairs { 2, 3, 4 } do
        it(("%s learns %d classes that can be told apart"):format(trainer, classes), function()
          local x, y = blobs(classes)
          local net = lsqnet.network {
            layers = { 2, 8, y.cols }, loss = "cross_entropy", activation = "tanh",
          }
          local report = lsqnet[trainer](net, x, y, options)
          assert.are.equal(1, net:score(x, y))
          assert.is_true(report.loss < 0.05)
          assert_close(net:loss(x, y, "cross_entropy"), report.loss, 1e-12)
        end)
      end
    end

    it("leaves the net's loss alone where the call is refused", function()
      local net = lsqnet.network { layers = { 2, 3, 1 } }
      local rows, half = matrix { { 1, 2 }, { 3, 4 } }, matrix { 0.5, 1 }
      assert.matches("Y row 1 cannot be a target of cross_entropy",
        message(lsqnet.sgd, net, rows, half, { loss = "cross_entropy" }))
      assert.are.equal("option 'validation': Y row 1 cannot be a target of cross_entropy",
        message(lsqnet.sgd, net, rows, matrix { 0, 1 }, {
          loss = "cross_entropy",
          validation = { rows, half },
        }))
      assert.are.equal("mse", net:options().loss)
    end)

    it("sets the net's loss where the option asks for it", function()
      local x, y = blobs(2)
      for _, trainer in ipairs { "sgd", "adam", "adagrad", "lbfgs" } do
        local net = lsqnet.network { layers = { 2, 4, 1 } }
        local start = net:loss(x, y, "cross_entropy")
        local report = lsqnet[trainer](net, x, y, { loss = "cross_entropy" })
        assert_close(start, report.history[1].loss, 1e-13)
        assert_close(net:loss(x, y, "cross_entropy"), report.loss, 1e-13)
        assert.are.equal(net:loss(x, y, "cross_entropy"), net:loss(x, y))
        report = lsqnet[trainer](net, x, y, { loss = "mse" })
        assert_close(net:loss(x, y, "mse"), report.loss, 1e-13)
        assert.are.equal(net:loss(x, y, "mse"), net:loss(x, y))
      end
    end)

    it("refuses targets it cannot have", function()
      local function refusal(trainer, net, y, options)
        local text = message(lsqnet[trainer], net, X, y, options)
        return text:match "^bad argument #3 to '[^']*' %((.*)%)$"
      end
      local row = "Y row %d cannot be a target of cross_entropy: %s expected"
      for _, trainer in ipairs { "sgd", "adam", "adagrad", "lbfgs" } do
        local net = lsqnet.network { layers = { 2, 4, 1 }, loss = "cross_entropy" }
        local y = matrix(50, 1)
        y:set(7, 1, 0.5)
        assert.are.equal(row:format(7, "0 or 1"), refusal(trainer, net, y))
        net = lsqnet.network { layers = { 2, 4, 2 } }
        y = matrix(50, 1, 0.25):hcat(matrix(50, 1, 0.75))
        assert.are.equal("iterations", lsqnet.sgd(net:clone(), X, y,
          { loss = "cross_entropy", epochs = 1 }).stopped)
        y:set(9, 1, 0.5)
        assert.are.equal(row:format(9, "probabilities in [0, 1] that sum to 1"),
          refusal(trainer, net, y, { loss = "cross_entropy" }))
      end
    end)
  end)

  describe("as every training", function()
    local trainers = { "sgd", "adam", "adagrad", "lbfgs" }

    it("refuses data that are not finite", function()
      for _, trainer in ipairs(trainers) do
        for _, bad in ipairs { 0 / 0, math.huge } do
          local x, net = X:copy(), fresh()
          x:set(50, 2, bad)
          local report, text, code = lsqnet[trainer](net, x, Y)
          assert.is_nil(report)
          assert.matches("^X is not finite: row 50, column 2 is ", text)
          assert.are.equal("non_finite", code)
          assert.is_true(net:parameters() == fresh():parameters())
        end
      end
    end)

    it("stops at a target, at the time and by the callback", function()
      for _, trainer in ipairs(trainers) do
        local length = trainer == "lbfgs" and "iterations" or "epochs"
        local rate = trainer ~= "lbfgs" and 0.05 or nil
        local target = 0.9 * fresh():loss(X, Y)
        local _, seen, report, net = train({ [length] = 10000, learning_rate = rate,
                                             target_loss = target }, trainer)
        assert.are.equal("target", report.stopped)
        for k = 1, #seen - 1 do assert.is_true(seen[k] > target) end
        assert.is_true(seen[#seen] <= target)
        assert.are.equal(net:loss(X, Y), report.loss)

        local count = 0
        _, seen, report, net = train({
          [length] = 10000, learning_rate = rate,
          on_iteration = function(event)
            count = count + 1
            assert.are.equal(count - 1, event.iteration)
            return event.iteration < 3
          end,
        }, trainer)
        assert.are.equal("callback", report.stopped)
        assert.are.equal(4, #seen)
        assert.are.equal(3, report.iterations)
        assert_close(net:loss(X, Y), report.loss, 1e-14)

        _, _, report, net = train({ [length] = 1000000000, learning_rate = 0, time_limit = 0.02,
                                    gradient_tolerance = trainer == "lbfgs" and 0 or nil,
                                    loss_tolerance = trainer == "lbfgs" and 0 or nil }, trainer)
        assert.is_true(report.stopped == "time" or trainer == "lbfgs")
        assert.is_true(report.seconds < 5)
        assert.are.equal(net:loss(X, Y), report.loss)
      end
    end)

    it("tells times that rise", function()
      local _, _, report = train { epochs = 20 }
      local before = 0
      for _, entry in ipairs(report.history) do
        assert.is_true(entry.seconds >= before)
        before = entry.seconds
      end
      assert.is_true(report.seconds >= before)
    end)

    it("keeps the best of several starts", function()
      local finals = {}
      local _, _, report, net = train {
        epochs = 5, restarts = 4, batch_size = 8,
        on_iteration = function(event)
          if event.iteration == 5 then finals[event.restart] = event.net:loss(X, Y) end
        end,
      }
      local best = 1
      for k = 2, 4 do
        if finals[k] < finals[best] then best = k end
      end
      assert.are.equal(best, report.restart)
      assert_close(finals[best], net:loss(X, Y), 1e-14)
      assert_close(finals[best], report.loss, 1e-14)
    end)

    it("names the option that is wrong", function()
      local cases = {
        { "sgd", { momentun = 1 }, "unknown option 'momentun' (did you mean 'momentum'?)" },
        { "sgd", { beta1 = 0.9 }, "unknown option 'beta1'" },
        { "sgd", { momentum = 2 }, "option 'momentum': at most 1.0 expected, got 2.0" },
        { "sgd", { nesterov = 1 }, "option 'nesterov': a boolean expected, got number" },
        { "sgd", { nesterov = true }, "option 'nesterov' needs a 'momentum' above 0" },
        { "sgd", { nesterov = true, momentum = 0.5, dampening = 0.1 },
          "option 'nesterov' needs a 'dampening' of 0" },
        { "adam", { beta1 = 1 }, "option 'beta1': less than 1 expected, got 1" },
        { "adam", { beta2 = 1 }, "option 'beta2': less than 1 expected, got 1" },
        { "adam", { learning_rate = -1 },
          "option 'learning_rate': at least 0.0 expected, got -1.0" },
        { "adam", { epochs = 1.5 }, "option 'epochs': an integer expected, got 1.5" },
        { "adam", { batch_size = 0 }, "option 'batch_size': at least 1.0 expected, got 0.0" },
        { "adam", { epsilon = 0 / 0 }, "option 'epsilon': a number expected, got nan" },
        { "adagrad", { shuffle = "yes" }, "option 'shuffle': a boolean expected, got string" },
        { "adagrad", { weight_decay = -1 },
          "option 'weight_decay': at least 0.0 expected, got -1.0" },
      }
      for _, case in ipairs(cases) do
        assert.are.equal(case[3], message(lsqnet[case[1]], fresh(), X, Y, case[2]))
      end
    end)
  end)
end)
