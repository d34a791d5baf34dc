-- A curve by triangle pretraining: 93 weights, some millionths of error.
--
--     lua5.4 examples/triangle.lua [curve.csv]
--
-- The curve, a file of two columns x, y, should be convex or concave and flat at one of its ends;
-- without a file it is a saturating one on [0, 10].

local lsqnet = require "lsqnet"

local X, Y
if arg[1] then
  local rows = assert(lsqnet.matrix.read_csv(arg[1]))
  X, Y = rows:columns(1, 1), rows:columns(2, 2)
else
  X = lsqnet.matrix.linspace(0, 10, 400)
  Y = X:map(function(x) return 20 * math.sin(math.pi * x / 20) + 5 end)
end
local spread = Y:max() - Y:min()

-- A plain net of the same size, for comparison.
local plain = lsqnet.network { layers = { 1, 4, 4, 4, 4, 4, 1 }, seed = 1 }
local x, x_scaler = assert(lsqnet.data.standardize(X))
local y, y_scaler = assert(lsqnet.data.standardize(Y))
assert(lsqnet.adam(plain, x, y, { epochs = 2000, batch_size = X.rows, shuffle = false }))
plain:fold_scaling(x_scaler, y_scaler)

-- The peaks first, then all weights by Levenberg-Marquardt; the best of four starts.
local triangle = lsqnet.triangle.network { depth = 5, seed = 1 }
local report = assert(lsqnet.triangle(triangle, X, Y, { finish = "gauss_newton", restarts = 4 }))

local function show(name, net)
  print(("%-10s root of the mean squared error: %.1e of the range, %d linear pieces"):format(name,
    math.sqrt(net:loss(X, Y)) / spread, net:linear_regions(X:min(), X:max())))
end
show("plain", plain)
show("finished", report.network)
print(("waves %s, %d iterations in %.2f s"):format(triangle.sign, report.iterations,
                                                   report.seconds))
