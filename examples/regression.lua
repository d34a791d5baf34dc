-- Regression from a CSV file, the whole way: read, split, scale, train, score, save, load, use.
--
--     lua5.4 examples/regression.lua data.csv [model.safetensors]
--
-- The last column of the file is the target, the others are the inputs.

local lsqnet = require "lsqnet"

local path, model = arg[1], arg[2] or "model.safetensors"
if not path then
  io.stderr:write("usage: lua5.4 examples/regression.lua data.csv [model.safetensors]\n")
  os.exit(2)
end

local rows = assert(lsqnet.matrix.read_csv(path))
local X, Y = rows:columns(1, rows.cols - 1), rows:columns(rows.cols, rows.cols)
local train, test = lsqnet.data.split(X, Y, { test = 0.2, seed = 1 })

-- Scale by the training part alone: the test part has to stay unseen.
local x_train, x_scaler = assert(lsqnet.data.standardize(train.x))
local y_train, y_scaler = assert(lsqnet.data.standardize(train.y))

local net = lsqnet.network { layers = { X.cols, 64, 1 }, init = "normal", seed = 1 }
local report = assert(lsqnet.anmin(net, x_train, y_train, {
  iterations = 30,
  validation = { x_scaler:apply(test.x), y_scaler:apply(test.y) },
}))
print(("trained in %.2f s, %d iterations (%s)"):format(report.seconds, report.iterations,
                                                       report.stopped))

-- Let the net do the scaling itself, so that it takes and gives the units of the file.
net:fold_scaling(x_scaler, y_scaler)
print(("R2: %.4f on the training part, %.4f on the test part")
      :format(net:score(train.x, train.y), net:score(test.x, test.y)))

assert(net:save(model))
local loaded = assert(lsqnet.load(model))
print(("saved to %s and loaded: the first test sample is %g, predicted %g")
      :format(model, test.y:get(1, 1), loaded:predict(test.x:slice(1, 1)):get(1, 1)))
