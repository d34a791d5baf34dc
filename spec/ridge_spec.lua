local lsqnet = require "lsqnet"

local function problem(n, d, c)
  local rng = lsqnet.rng(7)
  local X = lsqnet.matrix.randn(n, d, rng)
  local W = lsqnet.matrix.randn(d, c, rng)
  return X, X * W + lsqnet.matrix.randn(n, c, rng) * .5
end

-- The normal equations of centred data, by a solver.
local function naive(X, Y, lambda)
  local x, y = X:mean("rows"), Y:mean("rows")
  local Z = X - x
  local W = (Z:t() * Z + lsqnet.matrix.eye(X.cols) * lambda):solve(Z:t() * (Y - y))
  return W, y - x * W
end

describe("ridge", function()
  it("solves the penalised normal equations", function()
    local X, Y = problem(40, 6, 2)
    local net, report = lsqnet.ridge(X, Y, { lambdas = { 3 } })
    local W, b = naive(X, Y, 3)
    assert.is_true(net:weight(1):allclose(W, 1e-10, 1e-12))
    assert.is_true(net:bias(1):allclose(b, 1e-10, 1e-12))
    assert.equal(3, report.lambda)
  end)

  it("takes the lambda with the lowest error on rows it has not seen", function()
    local X, Y = problem(30, 12, 1)
    local _, report = lsqnet.ridge(X, Y)
    assert.equal(15, #report.errors)
    assert.equal(math.min(table.unpack(report.errors)), report.error)
    local off = report.held_out - Y
    assert.near(report.error, off:mul(off):mean(), 1e-12)
  end)

  it("held-out predictions are those of leaving each row out, with a fold a row", function()
    local X, Y = problem(12, 3, 1)
    local _, report = lsqnet.ridge(X, Y, { lambdas = { .5 }, folds = 12 })
    for i = 1, 12 do
      local rest = {}
      for k = 1, 12 do if k ~= i then rest[#rest + 1] = k end end
      local W, b = naive(X:take(rest), Y:take(rest), .5)
      assert.near((X:slice(i, i) * W + b):get(1, 1), report.held_out:get(i, 1), 1e-10)
    end
  end)

  it("handles fewer rows than columns", function()
    local X, Y = problem(5, 9, 1)
    local net, report = assert(lsqnet.ridge(X, Y))
    assert.is_true(report.error < math.huge)
    assert.equal(9, net.layers[1])
  end)

  it("tells what is wrong", function()
    local X, Y = problem(5, 2, 1)
    X:set(3, 2, 0 / 0)
    local net, message, code = lsqnet.ridge(X, Y)
    assert.is_nil(net)
    assert.matches("X is not finite: row 3, column 2", message)
    assert.equal("non_finite", code)
    assert.error_matches(function() lsqnet.ridge(Y, Y, { lambda = 1 }) end,
      "unknown option 'lambda' %(did you mean 'lambdas'%?%)")
    assert.error_matches(function() lsqnet.ridge(Y, Y, { lambdas = { 0 } }) end, "above 0")
    assert.error_matches(function() lsqnet.ridge(X, Y:slice(1, 3)) end,
      "5 rows expected to match X, got 3")
  end)
end)
