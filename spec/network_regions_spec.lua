local lsqnet = require "lsqnet"
local naive = require "naive"

local matrix = lsqnet.matrix

local refusal = naive.message

--- A net of one hidden layer: relu(w x + b) v + c, with lists w, b and rows v.
local function shallow(w, b, v, c, options)
  local settings = { layers = { 1, #w, #v[1] }, init = "zeros" }
  for name, value in pairs(options or {}) do settings[name] = value end
  local net = lsqnet.network(settings)
  net:set_weight(1, matrix { w })
  net:set_bias(1, matrix { b })
  net:set_weight(2, matrix(v))
  net:set_bias(2, matrix { c })
  return net
end

--- The triangle network of peaks a[1..d+1] (a[d+1] enters the last scale alone), "added".
local function triangle(a)
  local d = #a - 1
  local layers = { 1 }
  for k = 1, d do layers[k + 1] = 4 end
  layers[d + 2] = 1
  local net = lsqnet.network { layers = layers, init = "zeros" }
  net:set_weight(1, matrix { { 1, 1, 1, 0 } })
  net:set_bias(1, matrix { { 0, 0, -a[1], 1 } })
  for i = 1, d do
    local S = (1 - a[i]) * a[i + 1]
    local p, q = S / a[i], -S / (a[i] - a[i] ^ 2)
    if i < d then
      net:set_weight(i + 1, matrix {
        { 1, 0, 0, 0 }, { p, p, p, 0 }, { q, q, q, 0 }, { 0, 0, -S * a[i + 1], S },
      })
    else
      net:set_weight(i + 1, matrix { 1, p, q, 0 })
    end
  end
  return net
end

--- Linear pieces by another route: all breakpoints of each layer at once, from the values at
-- the breakpoints so far, and slopes by differences.
local function naive_regions(net, low, high)
  local points = { low, high }
  for k = 1, net.depth do
    local values = matrix(points)
    local Z = net:activations(values, k - 1) * net:weight(k)
    if net:bias(k) then Z = Z + net:bias(k) end
    local kinked = (k == net.depth and net.output_activation or net.activation) ~= "identity"
    local all = {}
    for i = 1, #points - 1 do
      all[#all + 1] = points[i]
      for j = 1, Z.cols do
        local a, b = Z:get(i, j), Z:get(i + 1, j)
        if kinked and a * b < 0 then
          all[#all + 1] = points[i] + (points[i + 1] - points[i]) * a / (a - b)
        end
      end
    end
    all[#all + 1] = high
    table.sort(all)
    points = { low }
    for i = 2, #all do
      if all[i] - points[#points] > 1e-9 then points[#points + 1] = all[i] end
    end
  end
  local Y, pieces, last = net:predict(matrix(points)), 0, nil
  for i = 1, #points - 1 do
    local changed, slopes = last == nil, {}
    for j = 1, Y.cols do
      slopes[j] = (Y:get(i + 1, j) - Y:get(i, j)) / (points[i + 1] - points[i])
      changed = changed or math.abs(slopes[j] - last[j]) > 1e-6 * (1 + math.abs(slopes[j]))
    end
    pieces = pieces + (changed and 1 or 0)
    last = slopes
  end
  return pieces
end

describe("network:linear_regions", function()
  it("counts those of |x| inside the interval alone", function()
    local net = shallow({ 1, -1 }, { 0, 0 }, { { 1 }, { 1 } }, { 0 })
    assert.are.equal(2, net:linear_regions(-1, 1))
    assert.are.equal(2, net:linear_regions(-1e-6, 1))
    assert.are.equal(1, net:linear_regions(0, 1))
    assert.are.equal(1, net:linear_regions(-3, 0))
    assert.are.equal(1, net:linear_regions(0.5, 2))
    assert.are.equal(2, net:linear_regions(-1e300, 1e300))
  end)

  it("counts 2^d pieces of triangles in d layers", function()
    for d = 1, 10 do
      local a = {}
      for i = 1, d + 1 do a[i] = 0.5 end
      assert.are.equal(2 ^ d, triangle(a):linear_regions(0, 1))
    end
  end)

  it("counts 2^d pieces of uneven triangles", function()
    local rng = lsqnet.rng(21)
    for d = 1, 8 do
      for _ = 1, 20 do
        local a = {}
        for i = 1, d + 1 do a[i] = rng:uniform(0.05, 0.95) end
        assert.are.equal(2 ^ d, triangle(a):linear_regions(0, 1))
      end
    end
  end)

  it("does not count kinks that cancel", function()
    -- relu(3x - 0.9) against 3 relu(x - 0.3): the two kinks differ by rounding
    local w, b = { 3, 1 }, { -0.9, -0.3 }
    assert.are.equal(1, shallow(w, b, { { 1 }, { -3 } }, { 0 }):linear_regions(0, 1))
    assert.are.equal(2, shallow(w, b, { { 1 }, { 3 } }, { 0 }):linear_regions(0, 1))
    -- and the kink of a unit that nothing reads
    assert.are.equal(1, shallow(w, b, { { 0 }, { 0 } }, { 0 }):linear_regions(0, 1))
    -- relu(x) - relu(-x) = x
    local line = shallow({ 1, -1 }, { 0, 0 }, { { 1 }, { -1 } }, { 0 })
    assert.are.equal(1, line:linear_regions(-1, 1))
  end)

  it("counts redundant kinks once", function()
    local net = shallow({ 1, 2, 4, 1, 1 }, { -0.25, -0.5, -1, -0.75, 5 },
      { { 1 }, { 1 }, { 1 }, { 1 }, { 1 } }, { 0 })
    assert.are.equal(3, net:linear_regions(0, 1))
  end)

  it("is 1 for a flat net and for a linear one", function()
    local flat = lsqnet.network { layers = { 1, 8, 8, 1 }, init = "zeros" }
    assert.are.equal(1, flat:linear_regions(0, 1))
    assert.are.equal(1, lsqnet.network { layers = { 1, 1 } }:linear_regions(-5, 5))
    assert.are.equal(1, lsqnet.network {
      layers = { 1, 9, 9, 2 }, activation = "identity", init = "normal",
    }:linear_regions(-5, 5))
  end)

  it("ends a piece where any output's slope changes", function()
    local net = shallow({ 1, 1 }, { -0.25, -0.75 }, { { 1, 0 }, { 0, 1 } }, { 0, 0 })
    assert.are.equal(3, net:linear_regions(0, 1))
    assert.are.equal(2, net:linear_regions(0, 0.5))
  end)

  it("follows leaky units and a kinked output", function()
    local leaky = { activation = "leaky_relu", alpha = 0.5 }
    assert.are.equal(2, shallow({ 1 }, { 0 }, { { 1 } }, { 0 }, leaky):linear_regions(-1, 1))
    -- relu(|x| - 1): flat between -1 and 1
    local net = shallow({ 1, -1 }, { 0, 0 }, { { 1 }, { 1 } }, { -1 },
      { output_activation = "relu" })
    assert.are.equal(3, net:linear_regions(-2, 2))
    assert.are.equal(1, net:linear_regions(-1, 1))
    net = shallow({ 1, -1 }, { 0, 0 }, { { 1 }, { 1 } }, { -1 },
      { output_activation = "leaky_relu", alpha = 0.1 })
    assert.are.equal(4, net:linear_regions(-2, 2))
  end)

  it("ignores the hidden activation where there is no hidden layer", function()
    local net = lsqnet.network { layers = { 1, 1 }, activation = "tanh", init = "zeros" }
    assert.are.equal(1, net:linear_regions(0, 1))
  end)

  it("agrees with breakpoints found layer by layer from values", function()
    for seed = 1, 40 do
      local net = lsqnet.network {
        layers = seed % 2 == 0 and { 1, 12, 2 } or { 1, 7, 6, 5, 1 },
        activation = seed % 3 == 0 and "leaky_relu" or "relu", alpha = 0.3,
        init = "normal", seed = seed,
      }
      assert.are.equal(naive_regions(net, -2, 3), net:linear_regions(-2, 3))
    end
  end)

  it("merges pieces within a tolerance", function()
    local net = shallow({ 1, 1 }, { 10, -0.5 }, { { 1 }, { 1e-6 } }, { 0 })
    assert.are.equal(2, net:linear_regions(0, 1))
    assert.are.equal(1, net:linear_regions(0, 1, 1e-5))
  end)

  it("can be interrupted by a hook of calls or of counts", function()
    local a = {}
    for i = 1, 31 do a[i] = 0.5 end -- 2^30 pieces
    local net = triangle(a)
    for mask, count in pairs { c = 0, [""] = 1000000 } do
      local calls = 0
      debug.sethook(function()
        calls = calls + 1
        if calls <= 1000 then return end -- busted itself makes some
        debug.sethook()
        error "interrupted"
      end, mask, count)
      local ok, message = pcall(net.linear_regions, net, 0, 1)
      debug.sethook()
      assert.is_false(ok)
      assert.is_truthy(message:find("interrupted", 1, true))
    end
  end)

  it("refuses what it cannot count", function()
    local net = lsqnet.network { layers = { 1, 3, 1 } }
    assert.are.equal("linear_regions needs a network of 1 input, this one takes 2",
      refusal(function() lsqnet.network { layers = { 2, 1 } }:linear_regions(0, 1) end))
    for _, name in ipairs { "elu", "tanh", "sigmoid" } do
      local message = "linear_regions needs the activations identity, relu or leaky_relu"
      local hidden = lsqnet.network { layers = { 1, 2, 1 }, activation = name }
      local output = lsqnet.network { layers = { 1, 2, 1 }, output_activation = name }
      assert.are.equal(message, refusal(function() hidden:linear_regions(0, 1) end))
      assert.are.equal(message, refusal(function() output:linear_regions(0, 1) end))
    end
    local ends = "bad argument #2 to 'linear_regions' "
      .. "(a finite upper end above the lower one expected)"
    assert.are.equal(ends, refusal(function() net:linear_regions(1, 1) end))
    assert.are.equal(ends, refusal(function() net:linear_regions(1, 0) end))
    assert.are.equal(ends, refusal(function() net:linear_regions(0, math.huge) end))
    assert.are.equal("bad argument #1 to 'linear_regions' (a finite number expected)",
      refusal(function() net:linear_regions(0 / 0, 1) end))
    assert.are.equal("bad argument #3 to 'linear_regions' (a tolerance of at least 0 expected)",
      refusal(function() net:linear_regions(0, 1, -1) end))
    net:set_bias(1, matrix { { 0, 0 / 0, 0 } })
    local value, message, code = net:linear_regions(0, 1)
    assert.is_nil(value)
    assert.are.equal("a parameter of the network is not finite", message)
    assert.are.equal("non_finite", code)
  end)
end)
