local lsqnet = require "lsqnet"

describe("rng", function()
  it("gives the published xoshiro256** outputs for a splitmix64 seed", function()
    -- computed with an independent implementation of the two published generators
    local function splitmix(state)
      state = state + 0x9e3779b97f4a7c15
      local z = state
      z = (z ~ (z >> 30)) * 0xbf58476d1ce4e5b9
      z = (z ~ (z >> 27)) * 0x94d049bb133111eb
      return z ~ (z >> 31), state
    end
    local s, state = {}, 42
    for k = 1, 4 do
      s[k], state = splitmix(state)
    end
    local function rotl(x, k)
      return (x << k) | (x >> (64 - k))
    end
    local rng = lsqnet.rng(42)
    for _ = 1, 100 do
      local result = rotl(s[2] * 5, 7) * 9
      local t = s[2] << 17
      s[3] = s[3] ~ s[1]
      s[4] = s[4] ~ s[2]
      s[2] = s[2] ~ s[3]
      s[1] = s[1] ~ s[4]
      s[3] = s[3] ~ t
      s[4] = rotl(s[4], 45)
      assert.are.equal((result >> 11) * 2.0 ^ -53, rng:uniform())
    end
  end)

  it("repeats itself for the same seed and differs for another", function()
    local a, b, c = lsqnet.rng(7), lsqnet.rng(7), lsqnet.rng(8)
    local x = a:uniform()
    assert.are.equal(x, b:uniform())
    assert.are_not.equal(x, c:uniform())
    assert.are.equal(lsqnet.rng():uniform(), lsqnet.rng(1):uniform())
  end)

  it("draws uniforms within the range asked for", function()
    local rng, sum = lsqnet.rng(1), 0
    for _ = 1, 10000 do
      local x = rng:uniform(-2, 3)
      assert.is_true(x >= -2 and x < 3)
      sum = sum + x
    end
    -- the mean of 10^4 draws has a deviation of 0.0144
    assert.is_true(math.abs(sum / 10000 - 0.5) < 5 * 0.0144)
    assert.are.equal(2.5, rng:uniform(2.5, 2.5))
  end)

  it("draws normals of the right first four moments", function()
    local rng, n = lsqnet.rng(3), 40000
    local m1, m2, m3, m4 = 0, 0, 0, 0
    for _ = 1, n do
      local x = rng:normal()
      m1, m2, m3, m4 = m1 + x, m2 + x * x, m3 + x ^ 3, m4 + x ^ 4
    end
    -- five standard errors: sqrt(1, 2, 15, 96) / sqrt(n)
    assert.is_true(math.abs(m1 / n) < 5 * math.sqrt(1 / n))
    assert.is_true(math.abs(m2 / n - 1) < 5 * math.sqrt(2 / n))
    assert.is_true(math.abs(m3 / n) < 5 * math.sqrt(15 / n))
    assert.is_true(math.abs(m4 / n - 3) < 5 * math.sqrt(96 / n))
    assert.are.equal(4, rng:normal(4, 0))
  end)

  it("draws every integer of 1..n about equally often", function()
    local rng, counts = lsqnet.rng(5), { 0, 0, 0, 0, 0, 0, 0 }
    for _ = 1, 70000 do
      local k = rng:integer(7)
      counts[k] = counts[k] + 1
    end
    for k = 1, 7 do
      -- a count has a deviation of 93
      assert.is_true(math.abs(counts[k] - 10000) < 5 * 93, "count of " .. k)
    end
    assert.are.equal(1, rng:integer(1))
    assert.are.equal("integer", math.type(rng:integer(math.maxinteger)))
  end)

  it("permutes", function()
    local seen, order = {}, lsqnet.rng(9):permutation(100)
    assert.are.equal(100, #order)
    for _, k in ipairs(order) do
      assert.is_true(k >= 1 and k <= 100 and not seen[k])
      seen[k] = true
    end
    assert.are.same({}, lsqnet.rng(9):permutation(0))
    assert.are.same(order, lsqnet.rng(9):permutation(100))
  end)

  it("splits off a generator that shares nothing with its parent", function()
    local parent, twin = lsqnet.rng(11), lsqnet.rng(11)
    local child = parent:split()
    assert.are.equal(twin:uniform(), child:uniform()) -- the child goes on where the parent stood
    local seen = {}
    for _ = 1, 1000 do
      seen[child:uniform()] = true
    end
    for _ = 1, 1000 do
      assert.is_nil(seen[parent:uniform()])
    end
  end)

  it("goes back to a saved state, the spare normal included", function()
    local rng = lsqnet.rng(13)
    rng:normal()
    local state = rng:state()
    local drawn = { rng:normal(), rng:normal(), rng:uniform() }
    rng:restore(state)
    assert.are.same(drawn, { rng:normal(), rng:normal(), rng:uniform() })
    local other = lsqnet.rng(99)
    other:restore(state)
    assert.are.same(drawn, { other:normal(), other:normal(), other:uniform() })
  end)

  it("refuses what is no state, and keeps its own", function()
    local rng = lsqnet.rng(1)
    local state = rng:state()
    local bad = {
      "",
      "x",
      state:sub(1, -2),
      state .. "0",
      state:gsub("^%x", "g"),
      (state:sub(1, -2) .. "2"),
      ("0"):rep(16) .. (" " .. ("0"):rep(16)):rep(4) .. " 0",
    }
    for _, text in ipairs(bad) do
      assert.has_error(function()
        rng:restore(text)
      end, "bad argument #1 to 'restore' (a string that rng:state() returned expected)")
    end
    assert.are.equal(state, rng:state())
  end)

  it("explains wrong arguments", function()
    local rng = lsqnet.rng(1)
    assert.error_matches(function()
      rng:integer(0)
    end, "an integer of at least 1 expected")
    assert.error_matches(function()
      rng:permutation(-1)
    end, "a count from 0")
    assert.error_matches(function()
      rng:uniform(2, 1)
    end, "an upper end not below the lower one expected")
    assert.error_matches(function()
      rng:normal(0, -1)
    end, "a standard deviation of at least 0 expected")
    assert.error_matches(function()
      rng.uniform({})
    end, "lsqnet.rng expected, got table")
  end)
end)
