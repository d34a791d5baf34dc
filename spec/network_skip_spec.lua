local lsqnet = require "lsqnet"
local tmp = require "tmp"

local matrix = lsqnet.matrix

-- Direct connections from inputs to outputs.

local function network(layers, options)
  local settings = { layers = layers, activation = "tanh", skip = true, seed = 3 }
  for name, value in pairs(options or {}) do settings[name] = value end
  return lsqnet.network(settings)
end

--- The same net without them.
local function without(net)
  local options = net:options()
  options.skip = nil
  local plain = lsqnet.network(options)
  plain:set_parameters(net:parameters():slice(1, plain.parameter_count))
  return plain
end

local shapes = { { 2, 1 }, { 3, 4, 2 }, { 5, 7, 3, 4 }, { 1, 6, 6, 1 }, { 40, 9, 33 } }

describe("direct connections", function()
  it("are added to the last layer before its activation", function()
    for _, layers in ipairs(shapes) do
      for _, output in ipairs { "identity", "sigmoid" } do
        local net = network(layers, { output_activation = output })
        local plain = without(net)
        for _, rows in ipairs { 1, 17, 900 } do
          local X = matrix.randn(rows, layers[1], lsqnet.rng(rows))
          local direct = X * net:skip_weight()
          local expected
          if output == "identity" then
            expected = plain:predict(X) + direct
          else -- the output's z, by its inverse
            local z = plain:predict(X):map(function(p) return math.log(p / (1 - p)) end) + direct
            expected = z:map(function(v) return 1 / (1 + math.exp(-v)) end)
          end
          assert.is_true(net:predict(X):allclose(expected, 1e-12, 1e-12))
          assert.is_true(net:activations(X, net.depth - 1) == plain:activations(X, net.depth - 1))
        end
      end
    end
  end)

  it("lie behind all else in the vector, and are drawn after it", function()
    local net, plain = network { 3, 4, 2 }, lsqnet.network {
      layers = { 3, 4, 2 }, activation = "tanh", seed = 3,
    }
    assert.are.equal(plain.parameter_count + 6, net.parameter_count)
    assert.is_true(plain:parameters() == net:parameters():slice(1, plain.parameter_count))
    assert.is_true(net:skip_weight():t():reshape(6, 1) ~= matrix(6, 1))
    assert.is_true(net:skip_weight():reshape(6, 1)
      == net:parameters():slice(plain.parameter_count + 1, net.parameter_count))
    assert.is_true(net:skip_weight():map(math.abs):max() <= 1 / math.sqrt(3))
    net:set_skip_weight(matrix { { 1, 2 }, { 3, 4 }, { 5, 6 } })
    assert.are.equal(6, net:parameters():get(net.parameter_count, 1))
    assert.are.equal(1, network({ 3, 4, 2 }, { init = { "uniform", 1, 1 } }):skip_weight():min())
  end)

  it("have the gradient of finite differences", function()
    for _, layers in ipairs(shapes) do
      local net = network(layers, { output_activation = "silu" })
      local X = matrix.randn(6, layers[1], lsqnet.rng(1))
      local Y = matrix.randn(6, layers[#layers], lsqnet.rng(2))
      local _, gradient = net:gradient(X, Y)
      local at, step = net:parameters(), 1e-6
      for p = 1, at.rows, at.rows > 100 and 7 or 1 do
        local value = at:get(p, 1)
        local function loss_at(v)
          at:set(p, 1, v)
          net:set_parameters(at)
          return net:loss(X, Y)
        end
        local slope = (loss_at(value + step) - loss_at(value - step)) / (2 * step)
        loss_at(value)
        assert.is_near(slope, gradient:get(p, 1), 5e-8)
      end
    end
  end)

  it("are in options, text, copies and files", function()
    tmp.with(function(folder)
      local path = folder .. "/net.safetensors"
      for _, bias in ipairs { true, false } do
        local net = network({ 3, 4, 2 }, { bias = bias })
        assert.is_true(net.skip)
        assert.is_true(net:options().skip)
        assert.matches("3%-4%-2 with direct connections, tanh", tostring(net))
        assert(net:save(path))
        local loaded = assert(lsqnet.load(path))
        for _, copy in ipairs { net:clone(), loaded } do
          assert.is_true(copy.skip)
          assert.is_true(copy:parameters() == net:parameters())
          assert.is_true(copy:skip_weight() == net:skip_weight())
        end
      end
      local bytes = tmp.read(path)
      local function refused(from, to, message)
        local broken, count = bytes:gsub(from, to)
        assert.are.equal(1, count)
        local net, told, code = lsqnet.load(tmp.write(folder .. "/broken", broken))
        assert.is_nil(net)
        assert.are.equal("bad_format", code)
        assert.matches(message, told)
      end
      refused('"skip.weight":{"dtype":"F64","shape":%[3,2%]',
        '"skip.weight":{"dtype":"F64","shape":[2,3]',
        "tensor 'skip.weight': shape %[3, 2%] expected")
      refused('"skip.weight"', '"skip.bias__"', "tensor 'skip.bias__' is none of this network's")
    end)
    assert.is_false(lsqnet.network { layers = { 1, 1 } }.skip)
    assert.is_nil(lsqnet.network { layers = { 1, 1 } }:skip_weight())
  end)

  it("are folded with the scaling of the data", function()
    local X = matrix.randn(30, 3, lsqnet.rng(1)) * 5 + 2
    local Y = matrix.randn(30, 2, lsqnet.rng(2)) * 3 - 4
    local scaled, x_scaler = lsqnet.data.standardize(X)
    local _, y_scaler = lsqnet.data.standardize(Y)
    for _, layers in ipairs { { 3, 2 }, { 3, 5, 2 } } do
      local net = network(layers)
      local expected = y_scaler:invert(net:predict(scaled))
      net:fold_scaling(x_scaler, y_scaler)
      assert.is_true(net:predict(X):allclose(expected, 1e-12, 1e-12))
    end
    local net = network({ 3, 5, 2 }, { bias = { true, false } })
    local before = net:parameters()
    local ok, message = pcall(net.fold_scaling, net, x_scaler)
    assert.is_false(ok)
    assert.matches("the last layer has no bias to fold the means into", message)
    assert.is_true(before == net:parameters())
  end)

  it("are in the slopes that linear_regions counts", function()
    local net = lsqnet.network { layers = { 1, 2, 1 }, skip = true, init = "zeros" }
    net:set_weight(1, matrix { { 1, 1 } })
    net:set_bias(1, matrix { { 0, -1 } })
    net:set_weight(2, matrix { 1, 1 })
    assert.are.equal(3, net:linear_regions(-2, 2))
    local relu = lsqnet.network { layers = { 1, 2, 1 }, skip = true, init = "zeros",
      output_activation = "relu" }
    relu:set_skip_weight(matrix { 1 })
    assert.are.equal(2, relu:linear_regions(-2, 2)) -- the kink of the output, by skip alone
    relu:set_bias(2, matrix { 3 })
    assert.are.equal(1, relu:linear_regions(-2, 2))
  end)

  it("are trained by the trainers that say so, and refused by the others", function()
    local X = matrix.randn(60, 2, lsqnet.rng(1))
    local Y = X * matrix { 3, -2 } + X:columns(1, 1):map(math.sin)
    local names = { adam = { epochs = 3 }, lbfgs = { iterations = 3 }, sgd = { epochs = 3 },
      adagrad = { epochs = 3 } }
    for _, trainer in ipairs(lsqnet.core.trainers()) do
      local net = network({ 2, 4, 1 }, { activation = "relu" })
      local before = net:skip_weight()
      if names[trainer.name] then
        assert.is_true(trainer.accepts.skip, trainer.name)
        assert(lsqnet[trainer.name](net, X, Y, names[trainer.name]))
        assert.is_true(net:skip_weight() ~= before, trainer.name)
      elseif not trainer.accepts.skip and trainer.name ~= "triangle" then
        local ok, message = pcall(lsqnet[trainer.name], net, X, Y)
        assert.is_false(ok, trainer.name)
        assert.matches("direct connections", message, trainer.name)
      end
    end
    local line = network({ 2, 1 }, { bias = false, init = "zeros" })
    assert(lsqnet.lbfgs(line, X, X * matrix { 3, -2 }, { iterations = 50 }))
    assert.is_true((line:weight(1) + line:skip_weight()):allclose(matrix { 3, -2 }, 1e-6, 0))
  end)

  it("are refused where they are wrong", function()
    local net = network { 3, 4, 2 }
    local function refusal(f)
      local ok, message = pcall(f)
      assert.is_false(ok)
      return message
    end
    assert.matches("the weight of direct connections is 3 x 2, got 2 x 3",
      refusal(function() net:set_skip_weight(matrix(2, 3)) end))
    assert.matches("this network has no direct connections",
      refusal(function() without(net):set_skip_weight(matrix(3, 2)) end))
    assert.matches("option 'skip': a boolean expected, got number",
      refusal(function() network({ 1, 1 }, { skip = 1 }) end))
  end)
end)
