--- The activation-pattern Gram kernel beside the same sums as a matrix product by the BLAS.
-- Usage: lua5.4 bench/gram.lua [runs, default 15]
-- U is the upper triangle of G'G, the columns of G being F_ij x_ip: the product that a BLAS
-- would be given, here not counting what building G takes. "distinct" patterns are random signs;
-- "hyperplanes" are those of a hidden layer over the inputs, where rows share patterns, as they
-- do in training.

local lsqnet = require "lsqnet"

local runs = tonumber(arg[1] or 15)
local shapes = { { 3341, 8, "4" }, { 13903, 14, "55" }, { 58464, 3, "30" } } -- rows, d + 1, limit
local units = 64

local function median_ms(count, f, ...)
  local times = {}
  for k = 1, count do
    collectgarbage()
    local start = lsqnet.clock()
    f(...)
    times[k] = (lsqnet.clock() - start) * 1000
  end
  table.sort(times)
  return times[(count + 1) // 2]
end

-- Rows x (units * features): F_ij x_ip.
local function spread(X, Z)
  local fires = Z:map(function(z)
    return z > 0 and 1 or 0
  end)
  local columns = {}
  for j = 1, units do columns[j] = X:mul(fires:columns { j }) end
  while #columns > 1 do -- pairwise, so that each entry is copied log2(units) times
    local pairs_of = {}
    for k = 1, #columns, 2 do pairs_of[#pairs_of + 1] = columns[k]:hcat(columns[k + 1]) end
    columns = pairs_of
  end
  return columns[1]
end

local function product(G, transposed)
  return transposed * G
end

local function largest_difference(U, product_of, d)
  local worst, pair = 0, 0
  for j = 1, units do
    for l = j, units do
      pair = pair + 1
      local column = 0
      for p = 1, d do
        for q = p, d do
          column = column + 1
          local other = product_of:get((j - 1) * d + p, (l - 1) * d + q)
          worst = math.max(worst, math.abs(U:get(pair, column) - other))
        end
      end
    end
  end
  return worst
end

print(("blas %s, kernels %s, medians of %d"):format(lsqnet.info().blas, lsqnet.info().simd, runs))
print(("\n%-12s %-12s %7s %12s %10s %14s %14s"):format("rows x d+1", "patterns", "threads",
  "kernel, ms", "at most", "BLAS G'G, ms", "difference"))
for _, shape in ipairs(shapes) do
  local N, d, limit = table.unpack(shape)
  local rng = lsqnet.rng(1)
  local X = lsqnet.matrix.randn(N, d - 1, rng):hcat(lsqnet.matrix(N, 1, 1))
  local patterns = {
    distinct = lsqnet.matrix.randn(N, units, rng),
    hyperplanes = X * lsqnet.matrix.randn(d, units, rng),
  }
  for _, name in ipairs { "distinct", "hyperplanes" } do
    local Z = patterns[name]
    for threads = 1, 2 do
      lsqnet.set_threads(threads)
      local ours = median_ms(runs, lsqnet.pattern_gram, X, Z)
      local blas, difference = "", ""
      if name == "distinct" then
        local G = spread(X, Z)
        local transposed = G:t()
        blas = ("%.0f"):format(median_ms(3, product, G, transposed))
        local apart = largest_difference(lsqnet.pattern_gram(X, Z), transposed * G, d)
        difference = ("%.1e"):format(apart)
      end
      print(("%-12s %-12s %7d %12.2f %10s %14s %14s"):format(N .. " x " .. d, name, threads, ours,
        threads == 1 and limit or "", blas, difference))
    end
  end
end
