--- What a call of net:predict costs beyond its arithmetic, one row at a time, as in a game.
-- Usage: lua5.4 bench/predict.lua [rounds, default 30]
-- The arithmetic is what a row costs where a call has many; small calls come in rounds of 20,000
-- with their options made once, and the lower quartile of the rounds is taken, as other programs
-- only make a round longer. Garbage is what 1000 calls leave with the collector stopped.

local lsqnet = require "lsqnet"

local rounds, CALLS, MANY = tonumber(arg[1] or 30), 20000, 4096
local LIMIT = 0.6 -- of the issue, microseconds

local function lower_quartile(f)
  local seconds = {}
  for k = 1, rounds do
    local start = os.clock()
    f()
    seconds[k] = os.clock() - start
  end
  table.sort(seconds)
  return seconds[(rounds + 3) // 4]
end

local function garbage(f)
  collectgarbage()
  collectgarbage "stop"
  local before = collectgarbage "count"
  for _ = 1, 1000 do f() end
  local kilobytes = collectgarbage "count" - before
  collectgarbage "restart"
  return kilobytes * 1.024 -- bytes a call
end

local nets = {
  { layers = { 3, 16, 1 } },
  { layers = { 3, 16, 1 }, activation = "tanh" },
  { layers = { 3, 16, 4 }, activation = "tanh" },
  { layers = { 8, 32, 32, 2 } },
}

lsqnet.set_threads(1)
print("microseconds a row; beyond: a call with `out` less its arithmetic (limit " .. LIMIT
  .. " for 3-16-1)")
print(("%-16s %-6s %10s %9s %9s %9s %9s %11s"):format("net", "", "arithmetic", "out", "beyond",
  "list, out", "new", "garbage, B"))
for _, options in ipairs(nets) do
  local net = lsqnet.network(options)
  local inputs, outputs = options.layers[1], options.layers[#options.layers]
  local X, Y = lsqnet.matrix.randn(1, inputs, lsqnet.rng(1)), lsqnet.matrix(1, outputs)
  local all, into = lsqnet.matrix.randn(MANY, inputs, lsqnet.rng(2)), lsqnet.matrix(MANY, outputs)
  local list, here, there = {}, { out = Y }, { out = into }
  for j = 1, inputs do list[j] = X:get(1, j) end
  local function microseconds(f)
    return lower_quartile(function() for _ = 1, CALLS do f() end end) / CALLS * 1e6
  end
  local arithmetic = lower_quartile(function() net:predict(all, there) end) / MANY * 1e6
  local one = microseconds(function() net:predict(X, here) end)
  print(("%-16s %-6s %10.3f %9.3f %9.3f %9.3f %9.3f %11.1f"):format(
    table.concat(options.layers, "-"), options.activation or "relu", arithmetic, one,
    one - arithmetic, microseconds(function() net:predict(list, here) end),
    microseconds(function() net:predict(X) end), garbage(function() net:predict(X, here) end)))
end
