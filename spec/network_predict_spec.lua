local lsqnet = require "lsqnet"
local tmp = require "tmp"

local matrix = lsqnet.matrix

local function error_of(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  return message
end

--- Kilobytes that calls leave behind.
local function garbage(calls, f)
  f() -- what is kept is made once
  collectgarbage()
  collectgarbage "stop"
  local before = collectgarbage "count"
  for _ = 1, calls do f() end
  local left = collectgarbage "count" - before
  collectgarbage "restart"
  return left
end

describe("network:predict", function()
  local net = lsqnet.network { layers = { 3, 16, 2 }, activation = "tanh" }

  it("writes into out what it would return, bit for bit, and returns it", function()
    for _, layers in ipairs { { 3, 2 }, { 3, 16, 2 }, { 3, 70, 5, 2 } } do
      local other = lsqnet.network { layers = layers, activation = "tanh" }
      for _, rows in ipairs { 0, 1, 7, 64, 65, 500, 3000 } do
        local X = matrix.randn(rows, 3, lsqnet.rng(rows))
        local wide = matrix(rows, 6, 7)
        for _, out in ipairs { matrix(rows, 2, 7), wide:slice(1, rows, 3, 4) } do
          local result = other:predict(X, { out = out })
          assert.is_true(rawequal(out, result))
          assert.is_true(out == other:predict(X))
          assert.is_true(out == other:activations(X, other.depth))
        end
        if rows > 0 then
          assert.are.equal(7, wide:slice(1, rows, 1, 2):min())
          assert.are.equal(7, wide:slice(1, rows, 5, 6):max())
        end
      end
    end
  end)

  it("takes a list of numbers as one row", function()
    local X = matrix { { 0.1, -0.2, 3 } }
    local one = net:predict { 0.1, -0.2, 3 }
    assert.are.equal(1, one.rows)
    assert.is_true(net:predict(X) == one)
    local Y = matrix(1, 2)
    assert.is_true(rawequal(Y, net:predict({ 0.1, -0.2, 3 }, { out = Y })))
    assert.is_true(one == Y)
    local many = {}
    for j = 1, 3000 do many[j] = j / 3000 end
    local wide = lsqnet.network { layers = { 3000, 1 } }
    assert.is_true(wide:predict(matrix(many):t()) == wide:predict(many))
  end)

  it("makes nothing with out", function()
    local single, Y = matrix.randn(1, 3, lsqnet.rng(1)), { out = matrix(1, 2) }
    local list = { 1, 2, 3 }
    assert.are.equal(0, garbage(1000, function() net:predict(single, Y) end))
    assert.are.equal(0, garbage(1000, function() net:predict(list, Y) end))
    local X, all = matrix.randn(5000, 3, lsqnet.rng(2)), { out = matrix(5000, 2) }
    assert.are.equal(0, garbage(100, function() net:predict(X, all) end))
  end)

  it("keeps memory that serves more rows and more threads later", function()
    local before = lsqnet.info().threads
    local big = lsqnet.network { layers = { 3, 90, 40, 2 } }
    local X = matrix.randn(9000, 3, lsqnet.rng(2))
    local expected = big:predict(X)
    for _, threads in ipairs { 1, 4, 2 } do
      lsqnet.set_threads(threads)
      for _, rows in ipairs { 300, 9000, 700 } do
        assert.is_true(expected:slice(1, rows) == big:predict(X:slice(1, rows),
          { out = matrix(rows, 2) }))
      end
    end
    lsqnet.set_threads(before)
    assert.is_true(expected == big:clone():predict(X))
  end)

  it("may write beside X in the same matrix, but not over it", function()
    local data = matrix.randn(50, 6, lsqnet.rng(4))
    local X = data:slice(1, 50, 1, 3)
    local expected = net:predict(X)
    for first = 4, 5 do
      net:predict(X, { out = data:slice(1, 50, first, first + 1) })
      assert.is_true(expected == data:slice(1, 50, first, first + 1))
    end
    local last = data:slice(1, 50, 4, 6)
    local beside = net:predict(last)
    net:predict(last, { out = data:slice(1, 50, 2, 3) })
    assert.is_true(beside == data:slice(1, 50, 2, 3))
    for first = 1, 3 do
      assert.matches("option 'out': shares numbers with X", error_of(net.predict, net, X,
        { out = data:slice(1, 50, first, first + 1) }))
    end
    net:predict(data:slice(1, 20, 1, 3), { out = data:slice(21, 40, 1, 2) })
    assert.matches("option 'out': shares numbers with X", error_of(net.predict, net,
      data:slice(1, 20, 1, 3), { out = data:slice(20, 39, 1, 2) }))
  end)

  it("reads a stream's X alone", function()
    tmp.with(function(folder)
      local X = matrix.randn(3000, 3, lsqnet.rng(6))
      assert(X:write_npy(folder .. "/x.npy"))
      assert(matrix(3000, 9):write_npy(folder .. "/y.npy"))
      local stream = assert(lsqnet.stream(folder .. "/x.npy", folder .. "/y.npy"))
      local out = matrix(3000, 2)
      assert.is_true(rawequal(out, net:predict(stream, { out = out })))
      assert.is_true(net:predict(X) == out)
      stream:close()
    end)
  end)

  it("tells what is wrong", function()
    local X = matrix(4, 3)
    local function refused(x, options) return error_of(net.predict, net, x, options) end
    assert.matches("option 'out': 4 x 2 expected, got 2 x 4", refused(X, { out = matrix(2, 4) }))
    assert.matches("option 'out': lsqnet.matrix expected, got table", refused(X, { out = {} }))
    assert.matches("unknown option 'oat' %(did you mean 'out'%?%)", refused(X, { oat = X }))
    assert.matches("a list of 3 numbers expected, the network's inputs, got 2", refused { 1, 2 })
    assert.matches("a number expected at position 2, got string", refused { 1, "2", 3 })
    assert.matches("lsqnet.matrix expected, got number", refused(3))
  end)
end)
