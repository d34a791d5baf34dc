local dkjson = require "dkjson"
local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

local function read_oracle()
  local file = assert(io.open "spec/oracles/linstorch.json")
  local text = file:read "a"
  file:close()
  return assert(dkjson.decode(text, 1, false)) -- null becomes false
end

local function near(expected, value, tolerance, what)
  local difference = math.abs(expected - value)
  if difference > tolerance or difference ~= difference then
    local text = "%s: %.17g expected, got %.17g (difference %.2g)"
    error(text:format(what, expected, value, difference), 2)
  end
end

local function close(a, b, tolerance, what)
  near(0, (a - b):map(math.abs):max(), tolerance, what)
end

--- The net that a case of the oracle starts from; its weights are outputs x inputs.
local function net_of(case)
  local biases = {}
  for k, b in ipairs(case.init.b) do
    biases[k] = b and true or false
  end
  local net = lsqnet.network {
    layers = case.widths,
    bias = biases,
    init = "zeros",
    output_activation = case.relu_out and "relu" or "identity",
  }
  for k, weight in ipairs(case.init.W) do
    net:set_weight(k, matrix(weight):t())
    if biases[k] then
      net:set_bias(k, matrix { case.init.b[k] })
    end
  end
  return net
end

local function check_case(case, order, form, expected)
  local net, X, Y = net_of(case), matrix(case.X), matrix(case.Y)
  near(case.mse_init, net:loss(X, Y), 1e-9 * math.max(1, case.mse_init), "initial mse")
  local report = lsqnet.linstorch(net, X, Y, { order = order, form = form, trace = true })
  near(expected.mse, report.loss, 1e-9, "mse")
  assert.are.equal(#expected.layers, #report.trace)
  for k, layer in ipairs(expected.layers) do
    local entry = report.history[k + 1]
    near(expected.mse_after_each_layer_solve[k], report.trace[k], 1e-9, "mse after solve " .. k)
    assert.are.equal(layer + 1, entry.layer)
    assert.are.equal(report.trace[k], entry.loss)
    assert.are.equal(k, entry.iteration)
  end
  local prediction = matrix(expected.prediction):reshape(X.rows, Y.cols)
  close(prediction, net:predict(X), 1e-7, "prediction")
  for k, weight in ipairs(expected.net.W) do
    close(matrix(weight):t(), net:weight(k), 1e-6, "weight " .. k)
    if expected.net.b[k] then
      close(matrix { expected.net.b[k] }, net:bias(k), 1e-6, "bias " .. k)
    else
      assert.is_nil(net:bias(k))
    end
  end
end

describe("linstorch", function()
  local oracle = read_oracle()

  for _, case in ipairs(oracle.cases) do
    for order, expected in pairs(case.expect) do
      for _, form in ipairs { "affine", "paper" } do
        local of_form = expected[form] or expected.any_form
        if expected.mse then -- zero slope: weights are noise, the net is the mean
          it("returns the mean where the regression has no slope, " .. form, function()
            local net, X, Y = net_of(case), matrix(case.X), matrix(case.Y)
            local report = lsqnet.linstorch(net, X, Y, { order = order, form = form })
            near(case.variance, report.loss, 1e-9, "variance")
            close(matrix(Y.rows, 1, Y:mean()), net:predict(X), 1e-6, "mean")
            assert.matches("^the linear regression of Y on X is constant", report.warnings[1])
          end)
        elseif of_form then
          it(("follows the oracle %s, %s, %s form"):format(case.name, order, form), function()
            check_case(case, order, form, of_form)
          end)
        end
      end
    end
    it("solves twice and knows linear regression: " .. case.name, function()
      local net, X, Y = net_of(case), matrix(case.X), matrix(case.Y)
      if case.mse_two_solves_backward_first then
        local report = lsqnet.linstorch(net, X, Y, { solves = 2 })
        near(case.mse_two_solves_backward_first, report.loss, 1e-9, "mse of two solves")
      end
    end)
  end
end)
