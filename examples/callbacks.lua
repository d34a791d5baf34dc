-- Watching and stopping a training: validation data, a callback that stops early, a time limit.
--
--     lua5.4 examples/callbacks.lua

local lsqnet = require "lsqnet"

local X, Y = lsqnet.datasets.sin_norm_squared(2000, { dimension = 3, seed = 1 })
local train, test = lsqnet.data.split(X, Y, { test = 0.25, seed = 1 })
local net = lsqnet.network { layers = { 3, 64, 1 }, init = "normal", seed = 1 }

-- Stops when the validation loss has not improved for `patience` iterations.
local function early_stopping(patience)
  local best, since = math.huge, 0
  return function(event)
    if event.validation_loss < best then
      best, since = event.validation_loss, 0
    else
      since = since + 1
    end
    return since < patience -- only an explicit false stops
  end
end

local bar = lsqnet.progress.new { title = "anmin", total = 200 }
local report = assert(lsqnet.anmin(net, train.x, train.y, {
  iterations = 200,
  lambda = 1e-3 / train.x.rows,
  validation = { test.x, test.y },
  time_limit = 10, -- seconds
  on_iteration = bar:callback(early_stopping(5)),
}))
bar:finish()

print(("stopped by %s after %d iterations, %.2f s"):format(report.stopped, report.iterations,
                                                           report.seconds))
for _, entry in ipairs(report.history) do
  print(("%4d  training %.5f  validation %.5f"):format(entry.iteration, entry.loss,
                                                       entry.validation_loss))
end
print(("training loss of the net kept: %.5f"):format(report.loss))
