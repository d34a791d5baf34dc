--- The dense-layer kernels in GFLOP/s, beside the BLAS, on one thread.
-- Usage: lua5.4 bench/dense.lua [rows, default 256]
-- Least of the runs of about 0.05 s altogether; results are new matrices, as Lua sees them.

local lsqnet = require "lsqnet"

local rows = tonumber(arg[1] or 256)
local shapes = {
  { 7, 64 }, { 13, 64 }, { 64, 1 }, { 2, 64 }, { 64, 64 }, { 225, 32 }, { 32, 225 }, { 17, 37 },
  { 64, 3 }, { 256, 256 },
}

local function gflops(flops, f, ...)
  local least, start = math.huge, lsqnet.clock()
  repeat
    local before = lsqnet.clock()
    f(...)
    local now = lsqnet.clock()
    least = math.min(least, now - before)
  until now - start > 0.05
  return flops / least * 1e-9
end

local function multiply(a, b)
  return a * b
end

lsqnet.set_threads(1)
local info = lsqnet.info()
print(("blas %s, kernels %s, %d rows"):format(info.blas, info.simd, rows))
print(("\n%-14s %9s %9s %9s %9s %11s"):format("inputs x outs", "forward", "gradient", "backward",
  "BLAS X*W", "gram of X"))
for _, shape in ipairs(shapes) do
  local inputs, outputs = table.unpack(shape)
  local rng = lsqnet.rng(1)
  local X, W = lsqnet.matrix.randn(rows, inputs, rng), lsqnet.matrix.randn(inputs, outputs, rng)
  local D, bias = lsqnet.matrix.randn(rows, outputs, rng), lsqnet.matrix(1, outputs)
  local flops = 2 * rows * inputs * outputs
  print(("%-14s %9.1f %9.1f %9.1f %9.1f %11.1f"):format(inputs .. " x " .. outputs,
    gflops(flops, lsqnet.dense_forward, X, W, bias), gflops(flops, lsqnet.dense_gradient, X, D),
    gflops(flops, lsqnet.dense_backward, D, W), gflops(flops, multiply, X, W),
    gflops(rows * inputs * (inputs + 1), lsqnet.dense_gram, X)))
end
