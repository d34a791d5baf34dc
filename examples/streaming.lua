--- Trains on a CSV file that need not fit into memory.
-- Usage: lua5.4 examples/streaming.lua data.csv model.safetensors
-- The file has a header; its last column is the target. It is read once into temporary .npy
-- files, standardised by a pass over them, and trained on in whole passes.

local lsqnet = require "lsqnet"

local csv, model = arg[1], arg[2]
if not model then
  io.stderr:write "usage: lua5.4 examples/streaming.lua data.csv model.safetensors\n"
  os.exit(2)
end

local line = assert(io.open(csv)):read "l"
local d = select(2, line:gsub(",", "")) -- as many inputs as commas
local inputs = {}
for j = 1, d do inputs[j] = j end

local raw = assert(lsqnet.data.spool(csv, { columns = inputs, targets = { d + 1 } }))
local gram = assert(lsqnet.gram { inputs = d, outputs = 1 }:add_stream(raw))
local _, linear = assert(gram:linear_regression())
print(("%d rows of %d inputs; linear regression: mse %.5g"):format(raw.rows, d, linear.loss))

local scaled = assert(lsqnet.data.spool(gram:standardized(raw)))
local net = lsqnet.network { layers = { d, 32, 1 }, init = "normal", seed = 1 }
local report = assert(lsqnet.anmin(net, scaled, nil, {
  lambda = 1e-3 / scaled.rows,
  solver = "cg",
  cg_tolerance = 1e-3,
}))
print(("anmin: mse %.5g after %d iterations"):format(report.loss, report.iterations))
assert(net:save(model))
