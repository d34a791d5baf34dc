-- The real data sets of the papers. Quick runs, which only show that all works, take generated
-- numbers of the same shape where a file is missing.

local lsqnet = require "lsqnet"

local ROWS = 600

-- Inputs and outputs.
local SHAPES = {
  abalone = { 7, 1 }, bike_sharing = { 13, 1 }, horse_sdf = { 2, 1 }, bsds_patches = { 20, 20 },
  concrete = { 8, 1 }, auto_mpg = { 3, 1 },
}

-- X and Y of a data set, or nil and a message where its file is missing.
return function(context, name)
  local X, Y = lsqnet.datasets[name]()
  local shape = SHAPES[name]
  if X or not context.quick or not shape then return X, Y end
  local rng = lsqnet.rng(1)
  X = lsqnet.matrix.randn(ROWS, shape[1], rng)
  return X, (X * lsqnet.matrix.randn(shape[1], shape[2], rng)):map(math.sin)
end
