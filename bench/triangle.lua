--- Triangle pretraining: what was asked for beside what is measured, and the paper's tables.
-- Usage: lua5.4 bench/triangle.lua [nets a curve, default 30] [part, ...; default all]
-- Parts: recipe, variants, points, depth, blocks, spirals, radial, concrete.
-- Curves have 500 points on [0, 1] and are not scaled; nets have 5 hidden layers of 4 and seeds
-- 1 .. n, and are trained by Adam 1e-3 on full batches, 1000 + 1000 epochs.

local lsqnet = require "lsqnet"

local matrix, triangle = lsqnet.matrix, lsqnet.triangle
local nets = tonumber(arg[1]) or 30
local wanted = {}
for k = tonumber(arg[1]) and 2 or 1, #arg do wanted[arg[k]] = true end

local curves = {
  { name = "x^3", f = function(x) return x ^ 3 end,
    min = 3e-7, mean = 1e-6, lm = 5e-8, first = 3.40e-5 },
  { name = "x^11", f = function(x) return x ^ 11 end,
    min = 4e-6, mean = 1e-5, lm = 6e-7, first = 3.30e-4 },
  { name = "sin(pi x/2)", f = function(x) return math.sin(math.pi * x / 2) end,
    min = 1e-7, mean = 6e-7, lm = 5e-9, first = 5.99e-6 },
  { name = "tanh(3x)", f = function(x) return 1 - 2 / (math.exp(6 * x) + 1) end,
    min = 2e-7, mean = 9e-7, lm = 3e-8, first = 2.77e-5 },
}

-- The least, the mean and the median of run(seed) over n seeds, and the wall and CPU seconds.
local function over(n, run)
  local values, sum = {}, 0
  local cpu, wall = os.clock(), 0
  for seed = 1, n do
    local report = run(seed)
    values[seed] = report.loss
    sum = sum + report.loss
    wall = wall + report.seconds
  end
  table.sort(values)
  return {
    min = values[1], max = values[n], mean = sum / n, median = values[(n + 1) // 2],
    wall = wall, cpu = os.clock() - cpu,
  }
end

local function on_curve(curve, options, network)
  local X = matrix.linspace(0, 1, 500)
  local Y = X:map(curve.f)
  options.scale = false
  return function(seed)
    local chosen = { seed = seed }
    for key, value in pairs(network or {}) do chosen[key] = value end
    return assert(triangle(triangle.network(chosen), X, Y, options))
  end
end

local function plain(curve, init, epochs)
  local X = matrix.linspace(0, 1, 500)
  local Y = X:map(curve.f)
  return function(seed)
    local net = lsqnet.network { layers = { 1, 4, 4, 4, 4, 4, 1 }, init = init, seed = seed }
    return lsqnet.adam(net, X, Y, { epochs = epochs, batch_size = 500, shuffle = false })
  end
end

local parts = {}

function parts.recipe()
  print(("\n%d nets a curve; gauss_newton: 8 nets, straight after the peaks; each asked / measured")
    :format(nets))
  print(("%-12s %19s %19s %19s %25s %12s"):format("enforced", "minimum", "mean", "gauss_newton",
    "first phase alone", "at most 6 s"))
  for _, curve in ipairs(curves) do
    local both = over(nets, on_curve(curve, {}))
    local lm = over(8, on_curve(curve, { finish = "gauss_newton" }))
    local first = over(nets, on_curve(curve, { pretrain = "least_squares", finish = "none" }))
    print(("%-12s %7.0e / %9.2e %7.0e / %9.2e %7.0e / %9.2e %7.2e / %.3e..%.3e %4.1f (CPU %.1f)")
      :format(curve.name, curve.min, both.min, curve.mean, both.mean, curve.lm, lm.min, curve.first,
        first.min, first.max, both.wall, both.cpu))
    print(("%-12s least squares %.1f ms a net; gauss_newton %.2f s a net, median %.2e"):format("",
      1e3 * first.wall / nets, lm.wall / 8, lm.median))
  end
end

function parts.variants()
  local paper = {
    ["Kaiming, 1000 epochs"] = "2.1e-5/7.2e-2 2.2e-5/2.8e-2 4.5e-5/1.2e-1 5.8e-5/2.0e-1",
    ["RAAI, 1000 epochs"] = "2.1e-5/4.0e-2 4.4e-5/4.1e-2 3.6e-5/3.6e-2 1.1e-5/2.3e-2",
    ["pretraining skipped"] = "7.6e-7/3.9e-5 1.9e-5/3.6e-4 2.0e-7/1.9e-5 1.1e-6/8.4e-5",
    ["not enforced"] = "1.6e-7/1.0e-5 3.2e-6/3.7e-5 4.4e-8/1.5e-5 1.5e-7/3.8e-4",
    ["enforced"] = "7.9e-8/5.3e-7 8.9e-7/7.9e-6 5.1e-8/2.2e-7 6.8e-8/8.4e-7",
  }
  local rows = {
    { "Kaiming, 1000 epochs", function(c) return plain(c, "kaiming", 1000) end },
    { "Kaiming, 2000 epochs", function(c) return plain(c, "kaiming", 2000) end },
    { "RAAI, 1000 epochs", function(c) return plain(c, "raai", 1000) end },
    { "pretraining skipped", function(c) return on_curve(c, { pretrain = "none" }) end },
    { "not enforced", function(c) return on_curve(c, {}, { scales = "free" }) end },
    { "enforced", function(c) return on_curve(c, {}) end },
    { "enforced, phase 1", function(c) return on_curve(c, { finish = "none" }) end },
    { "peaks, then lbfgs", function(c) return on_curve(c, { finish = "lbfgs" }) end },
    { "peaks, then gauss_newton", function(c) return on_curve(c, { finish = "gauss_newton" }) end },
  }
  print(("\nMinimum/mean of %d nets: x^3, x^11, sin(pi x/2), tanh(3x)"):format(nets))
  for _, row in ipairs(rows) do
    local cells = {}
    for k, curve in ipairs(curves) do
      local result = over(nets, row[2](curve))
      cells[k] = ("%.1e/%.1e"):format(result.min, result.mean):gsub("e%-0", "e-")
    end
    print(("%-25s %s"):format(row[1], table.concat(cells, " ")))
    if paper[row[1]] then print(("%-25s %s"):format("  paper", paper[row[1]])) end
  end
end

-- Ten training points and ten between them (Table 3): the least test error, as in the paper.
function parts.points()
  print(("\nTen points: least (median) test mse of %d nets, chosen by test error"):format(nets))
  for _, curve in ipairs(curves) do
    local all = matrix.linspace(0, 1, 20)
    local odd, even = {}, {}
    for i = 1, 10 do odd[i], even[i] = 2 * i - 1, 2 * i end
    local X, T = all:take(odd), all:take(even)
    local Y, U = X:map(curve.f), T:map(curve.f)
    local ours = over(nets, function(seed)
      local report = triangle(triangle.network { seed = seed }, X, Y, { scale = false })
      report.loss = report.network:loss(T, U)
      return report
    end)
    local kaiming = over(nets, function(seed)
      local net = lsqnet.network { layers = { 1, 4, 4, 4, 4, 4, 1 }, seed = seed }
      local report = lsqnet.adam(net, X, Y, { epochs = 2000, batch_size = 10, shuffle = false })
      report.loss = net:loss(T, U)
      return report
    end)
    print(("%-12s pretraining %.1e (%.1e), Kaiming %.1e (%.1e)"):format(curve.name, ours.min,
      ours.median, kaiming.min, kaiming.median))
  end
end

function parts.depth()
  print "\nDepth: peaks by least squares alone, then gauss_newton on the weights; least of 8 nets"
  for _, curve in ipairs(curves) do
    local cells = {}
    for k, depth in ipairs { 3, 4, 5, 6, 7 } do
      local network, peaks = { depth = depth }, { pretrain = "least_squares", finish = "none" }
      local first = over(8, on_curve(curve, peaks, network))
      local lm = over(8, on_curve(curve, { finish = "gauss_newton" }, network))
      cells[k] = ("d=%d %.1e > %.1e"):format(depth, first.min, lm.min)
    end
    print(("%-12s %s"):format(curve.name, table.concat(cells, "  ")))
  end
end

function parts.blocks()
  local X = matrix.linspace(-1, 1, 500)
  local Y = X:map(function(x) return x ^ 3 - x end)
  local Z = lsqnet.data.standardize(X)
  print "\nx^3 - x, two blocks, 12 nets: Adam 1e-2 on the peaks, then the weights"
  local function ours(finish, finish_options, weights)
    return over(12, function(seed)
      local net = triangle.blocks(Z, { blocks = 2, seed = seed })
      return triangle(net, Z, Y, {
        learning_rate = 1e-2, finish = finish, finish_options = finish_options,
        finish_weights = weights,
      })
    end)
  end
  local function show(name, r, asked)
    print(("%-28s min %.2e, median %.2e, %.2f s a net%s"):format(name, r.min, r.median, r.wall / 12,
      asked or ""))
  end
  show("phase 1", ours "none")
  show("+ Adam", ours("adam", { learning_rate = 1e-3 }))
  show("+ Adam, block diagonal", ours("adam", { learning_rate = 1e-3 }, "block_diagonal"))
  show("+ gauss_newton", ours("gauss_newton", { iterations = 200 }), "   (asked: at most 1e-7)")
  show("Kaiming 10x5, 2000 epochs", over(12, function(seed)
    local net = lsqnet.network { layers = { 1, 10, 10, 10, 10, 10, 1 }, seed = seed }
    return lsqnet.adam(net, Z, Y, { epochs = 2000, batch_size = 500, shuffle = false })
  end))
end

function parts.spirals()
  print "\nTwo spirals, 16 blocks, block diagonal, 1000 + 1500 epochs; best of 4: at most 0.01"
  local X, Y = lsqnet.datasets.two_spirals(194)
  local scaled, scaler = lsqnet.data.standardize(X)
  local T, U = lsqnet.datasets.two_spirals(194, { offset = 0.5 })
  T = scaler:apply(T)
  for seed = 1, 4 do
    local net = triangle.blocks(scaled, { blocks = 16, seed = seed, loss = "cross_entropy" })
    local report = triangle(net, scaled, Y, {
      learning_rate = 1e-2, finish_weights = "block_diagonal",
      finish_options = { epochs = 1500, learning_rate = 1e-3 },
    })
    print(("net %d: cross-entropy %.4f > %.4f, test accuracy %.3f, %.1f s"):format(seed,
      net:loss(scaled, Y), report.loss, report.network:score(T, U), report.seconds))
  end
end

function parts.radial()
  print "\nr^3 on [-1, 1]^2, 31 x 31 points, 8 nets, 1000 + 1000 epochs (paper 3.5e-6, not reached)"
  local X, Y = matrix(961, 2), matrix(961, 1)
  for i = 0, 960 do
    local x, y = i % 31 / 15 - 1, i // 31 / 15 - 1
    X:set(i + 1, 1, x)
    X:set(i + 1, 2, y)
    Y:set(i + 1, 1, (x * x + y * y) ^ 1.5)
  end
  X = lsqnet.data.standardize(X)
  for _, blocks in ipairs { { 2 }, { 2, 1 }, { 4 } } do
    local first, second = {}, {}
    for seed = 1, 8 do
      local net = triangle.blocks(X, { blocks = blocks, seed = seed, signs = "subtracted" })
      local report = triangle(net, X, Y,
        { learning_rate = 1e-2, finish_options = { learning_rate = 1e-3 } })
      first[seed], second[seed] = net:loss(X, Y), report.loss
    end
    table.sort(first)
    table.sort(second)
    print(("blocks %-5s phase 1 %.1e (%.1e), dense %.1e (%.1e)"):format(table.concat(blocks, "+"),
      first[1], first[4], second[1], second[4]))
  end
  local kaiming = over(4, function(seed)
    local net = lsqnet.network { layers = { 2, 10, 10, 10, 10, 10, 1 }, seed = seed }
    return lsqnet.adam(net, X, Y, { epochs = 2000, batch_size = 961, shuffle = false })
  end)
  print(("Kaiming 10x5, 2000 epochs: %.1e (%.1e)"):format(kaiming.min, kaiming.median))
end

function parts.concrete()
  local X, Y = lsqnet.datasets.concrete()
  if not X then
    print "\nConcrete: no data"
    return
  end
  print "\nConcrete, 32 blocks, 500 + 1000 epochs, one split and one net; mse in MPa^2"
  local train, test = lsqnet.data.split(X, Y, { test = 0.2, seed = 1 })
  local x, scaler = lsqnet.data.standardize(train.x)
  local y, y_scaler = lsqnet.data.standardize(train.y)
  local T = scaler:apply(test.x)
  local function show(name, net)
    local function mse(inputs, Z)
      return lsqnet.metrics.mse(Z, y_scaler:invert(net:predict(inputs)))
    end
    print(("%-28s train %5.1f, test %5.1f"):format(name, mse(x, train.y), mse(T, test.y)))
  end
  local blocks = triangle.blocks(x, { blocks = 32, seed = 1 })
  local report = triangle(blocks, x, y, {
    epochs = 500, learning_rate = 1e-2, finish_weights = "block_diagonal",
    finish_options = { epochs = 1000, learning_rate = 1e-3 },
  })
  show("phase 1", blocks)
  show("block diagonal", report.network)
  local layers = { 8, 128, 128, 128, 128, 128, 1 }
  local kaiming = lsqnet.network { layers = layers, seed = 1 }
  lsqnet.adam(kaiming, x, y, { epochs = 1500, batch_size = x.rows, shuffle = false })
  show("Kaiming 128 wide, dense", kaiming)
end

local info = lsqnet.info()
print(("blas %s\n%d threads, %s"):format(info.blas, info.threads, info.simd))
for _, name in ipairs {
  "recipe", "variants", "points", "depth", "blocks", "spirals", "radial", "concrete",
} do
  if next(wanted) == nil or wanted[name] then parts[name]() end
end
