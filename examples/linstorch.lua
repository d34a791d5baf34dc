-- A net in a millisecond: Linstorch on made-up concrete, and where to go from there.
--
--     lua5.4 examples/linstorch.lua

local lsqnet = require "lsqnet"

-- Strength from cement, water, slag and age; it saturates, as strengths do.
local X = lsqnet.matrix.rand(1000, 4, lsqnet.rng(1))
local mix = X * lsqnet.matrix { 2, -1.5, 1, 2.5 }
local Y = mix:map(function(u) return 60 * (1 - math.exp(-u - 1.5)) end)
  + lsqnet.matrix.randn(1000, 1, lsqnet.rng(2))
local train, test = lsqnet.data.split(X, Y, { test = 0.33, seed = 1 })

local function show(name, net, report)
  print(("%-18s R2 on the test part %.4f, %.2f ms"):format(
    name, net:score(test.x, test.y), 1e3 * report.seconds))
end

local line, report = assert(lsqnet.linear_regression(train.x, train.y))
show("linear regression", line, report)
local net = lsqnet.network { layers = { 4, 10, 1 }, seed = 1 }
show("linstorch", net, assert(lsqnet.linstorch(net, train.x, train.y)))
-- All that restarts could find, in one scan:
show("knot_search", net, assert(lsqnet.knot_search(net, train.x, train.y)))
-- A knot for each unit, and then a trainer that moves them all:
show("spread_net", net, assert(lsqnet.spread_net(net, train.x, train.y, { noise = 0.3 })))
show("+ gauss_newton", net, assert(lsqnet.gauss_newton(net, train.x, train.y)))
