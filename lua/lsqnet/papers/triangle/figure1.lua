-- Triangle pretraining, Figure 1: composed triangle waves, the sums of them that approximate x^2,
-- and the derivatives of these sums. Nothing is trained.

local lsqnet = require "lsqnet"
local plot = require "lsqnet.plot"

local DEPTHS = 5 -- sums of 1 .. DEPTHS waves
local CELLS = 4096 -- of the grid: a multiple of 2^DEPTHS, so that all kinks are on it

-- The sum of d symmetric waves, subtracted from x: a triangle network with all peaks at 1/2.
local function network(depth)
  local peaks = {}
  for i = 1, depth + 1 do peaks[i] = 0.5 end
  return lsqnet.triangle.network { depth = depth, sign = "subtracted", peaks = peaks }
end

-- The approximation of x^2 at the points k / cells: by d waves, by none x itself.
local function sums(depth, cells)
  local X = lsqnet.matrix.linspace(0, 1, cells + 1)
  if depth == 0 then return X:t():totable()[1] end
  return network(depth):dense():predict(X):t():totable()[1]
end

local function run(case)
  local depth = math.tointeger(case:match("%d+"))
  local values = sums(depth, CELLS)
  local error, slope_error = 0, 0
  for k = 0, CELLS do
    local x = k / CELLS
    error = math.max(error, math.abs(values[k + 1] - x * x))
    if k < CELLS then
      local slope = (values[k + 2] - values[k + 1]) * CELLS
      slope_error = math.max(slope_error, math.abs(slope - 2 * x),
                             math.abs(slope - 2 * x - 2 / CELLS))
    end
  end
  return { error = error, slope_error = slope_error,
           regions = network(depth):dense():linear_regions(0, 1) }
end

local function steps(depth)
  local values, x, y = sums(depth, 2 ^ depth), {}, {}
  for k = 1, 2 ^ depth do
    x[#x + 1], x[#x + 2] = (k - 1) / 2 ^ depth, k / 2 ^ depth
    y[#y + 1] = (values[k + 1] - values[k]) * 2 ^ depth
    y[#y + 1] = y[#y]
  end
  return x, y
end

local function draw(path, depths)
  local grid, square, line = {}, {}, {}
  for k = 0, 256 do
    grid[k + 1], square[k + 1], line[k + 1] = k / 256, (k / 256) ^ 2, 2 * k / 256
  end
  local waves, approximations, slopes = {}, {}, {}
  for _, depth in ipairs(depths) do
    local wave, below, above = {}, sums(depth - 1, 256), sums(depth, 256)
    for i = 1, #grid do wave[i] = (below[i] - above[i]) * 4 ^ depth end
    local label = ("%d wave%s"):format(depth, depth == 1 and "" or "s")
    waves[#waves + 1] = { x = grid, y = wave, label = label, width = 1.4 }
    approximations[#approximations + 1] = { x = grid, y = above, label = label, width = 1.4 }
    local x, y = steps(depth)
    slopes[#slopes + 1] = { x = x, y = y, label = label, width = 1.4 }
  end
  approximations[#approximations + 1] =
    { x = grid, y = square, label = "x^2", color = "#000000", dash = true, width = 1.4 }
  slopes[#slopes + 1] = { x = grid, y = line, label = "2x", color = "#000000", dash = true,
                          width = 1.4 }
  return plot.panels(path, {
    { "lines", waves, { title = "wave composed last", xlabel = "x", ylabel = "T(...T(x))",
                        legend = false, yrange = { 0, 1.05 } } },
    { "lines", approximations, { title = "sums", xlabel = "x", ylabel = "F(x)",
                                 legend = "top left" } },
    { "lines", slopes, { title = "their derivatives", xlabel = "x", ylabel = "F'(x)",
                         legend = "top left" } },
  }, { columns = 3, size = { 1500, 460 } })
end

return {
  title = "Composed triangle waves and x^2",
  source = "Compelling ReLU networks to exhibit exponentially many linear regions, Figure 1",
  setup = [[
    Triangle networks with all peaks at 1/2, as dense ReLU nets of d hidden layers of four: the
    waves in the picture are differences of the outputs of the nets of d - 1 and d layers. The
    errors are the largest at 4097 points, on which all kinks lie. Nothing is random.
  ]],
  runs = 1, quick_runs = 1,
  measures = { "error", "slope_error", "regions" },
  cases = function()
    local names = {}
    for depth = 1, DEPTHS do names[depth] = ("d = %d"):format(depth) end
    return names
  end,
  run = run,
  report = function(results, report)
    local rows, depths = {}, {}
    for _, case in ipairs(results:cases()) do
      local depth, entry = math.tointeger(case:match("%d+")), results:rows(case)[1]
      depths[#depths + 1] = depth
      rows[#rows + 1] = { depth, entry.error, 4.0 ^ -(depth + 1), entry.slope_error, 2.0 ^ -depth,
                          math.tointeger(entry.regions), 2 ^ depth // 1 | 0 }
      report:compare {
        what = ("max |F(x) - x^2|, d = %d"):format(depth),
        published = "4^-(d+1), Yarotsky (2017)", ours = entry.error,
        at_most = 4.0 ^ -(depth + 1) * (1 + 1e-9), runs = 1,
      }
      report:compare {
        what = ("linear pieces on [0, 1], d = %d"):format(depth), published = 2 ^ depth // 1 | 0,
        ours = math.tointeger(entry.regions), tolerance = 0, runs = 1,
      }
    end
    report:table {
      name = "figure1", title = "Sums of d symmetric waves", rows = rows,
      columns = { "d", "max |F - x^2|", "4^-(d+1)", "max |F' - 2x|", "2^-d", "linear pieces",
                  "2^d" },
    }
    report:figure {
      name = "figure1", title = "Figure 1: composed waves, sums that approximate x^2, derivatives",
      draw = function(path) return draw(path, depths) end,
    }
  end,
}
