local lsqnet = require "lsqnet"
local oracle = require "oracle"

local matrix = lsqnet.matrix

local close = oracle.close

describe("PyTorch's numbers:", function()
  for _, case in ipairs(oracle.read "gradient") do
    it(case.name, function()
      local net = lsqnet.network {
        layers = case.layers,
        activation = case.activation,
        loss = case.loss,
      }
      net:set_parameters(matrix(case.start))
      local options = { shuffle = false }
      if case.trainer == "lbfgs" then
        options = { line_search = "fixed" }
      end
      for name, value in pairs(case.options) do
        options[name] = value
      end
      local X, Y = matrix(case.X), matrix(case.Y)
      local report = lsqnet[case.trainer](net, X, Y, options)
      local first = case.trainer == "lbfgs" and 0 or 1 -- entry 1 is iteration 0
      for k, loss in ipairs(case.losses) do
        local entry = report.history[k + first]
        close(loss, case.options.lambda and entry.objective or entry.loss, 1e-10, "loss " .. k)
      end
      assert.is_true(net:parameters():allclose(matrix(case.parameters), 1e-9, 1e-11))
      close(case.final_loss, report.loss, 1e-10, "final loss")
    end)
  end
end)
