local run_lua = require "run_lua"
local tmp = require "tmp"

local build = package.searchpath("lsqnet.core", package.cpath):match("^(.*)/lsqnet/[^/]*$")
local counter = build .. "/hosts/regions.so"

-- How many parallel regions of more than one thread a program enters.
local function regions_of(code)
  local count
  tmp.with(function(folder)
    local preload = os.getenv("LD_PRELOAD")
    local status, out, err = run_lua.run {
      code = "local lsqnet = require 'lsqnet'\nlsqnet.set_threads(2)\n" .. code,
      environment = {
        LD_PRELOAD = (preload and preload .. ":" or "") .. counter,
        LSQNET_REGIONS = folder .. "/regions",
        OMP_NUM_THREADS = "2",
      },
    }
    assert.equal(0, status, out .. err)
    for line in tmp.read(folder .. "/regions"):gmatch("%d+") do
      count = (count or 0) + tonumber(line)
    end
  end)
  return count
end

local SMALL = [[
local X = lsqnet.matrix.randn(200, 3, lsqnet.rng(1))
local Y = X:slice(1, 200, 1, 1):map(math.sin)
local function net(...)
  return lsqnet.network { layers = { 3, ... }, seed = 1 }
end
]]

-- Where the BLAS is built with OpenMP too, its regions count.
describe("small work", function()
  local trainings = {
    anmin = "assert(lsqnet.anmin(net(64, 1), X, Y, { validation = { X, Y } }))",
    ["anmin by conjugate gradients"] =
      "assert(lsqnet.anmin(net(64, 1), X, Y, { solver = 'cg', iterations = 10 }))",
    adam = "assert(lsqnet.adam(net(32, 32, 1), X, Y, { epochs = 20 }))",
    lbfgs = "assert(lsqnet.lbfgs(net(32, 32, 1), X, Y, { iterations = 20 }))",
    gauss_newton = "assert(lsqnet.gauss_newton(net(32, 1), X, Y, { iterations = 10 }))",
    ["gauss_newton of two layers"] =
      "assert(lsqnet.gauss_newton(net(8, 8, 1), X, Y, { iterations = 10 }))",
    linstorch = "assert(lsqnet.linstorch(net(64, 1), X, Y))",
    linear_regression = "assert(lsqnet.linear_regression(X, Y))",
  }
  for name, code in pairs(trainings) do
    it("enters no parallel region: " .. name .. " of 200 x 3", function()
      assert.equal(0, regions_of(SMALL .. code))
    end)
  end

  it("enters none in factorisations of a hundred rows", function()
    assert.equal(0, regions_of [[
      local A = lsqnet.matrix.randn(100, 100, lsqnet.rng(1))
      local S = A * A:t() + lsqnet.matrix.eye(100)
      assert(A:solve(A)); assert(A:lstsq(A)); assert(A:pinv()); assert(A:svd()); assert(A:qr())
      assert(S:cholesky()); assert(S:eigh()); assert(S:logdet()); assert(S:cond())
      assert(A:slice(1, 40, 1, 100):lstsq(A:slice(1, 40, 1, 3)))]])
  end)

  it("leaves large work its threads", function()
    assert.is_true(regions_of [[
      local X = lsqnet.matrix.randn(20000, 8, lsqnet.rng(1))
      local net = lsqnet.network { layers = { 8, 64, 1 }, seed = 1 }
      assert(net:loss(X, X:slice(1, 20000, 1, 1)))]] > 0)
  end)
end)
