local lsqnet = require "lsqnet"
local oracle = require "oracle"

local matrix = lsqnet.matrix

local function net_of(case)
  local net = lsqnet.network {
    layers = case.layers,
    activation = case.activation,
    alpha = case.activation == "leaky_relu" and case.alpha or nil,
  }
  net:set_parameters(matrix(case.theta0):reshape(#case.theta0, 1))
  return net
end

local function train(case, gram)
  local net = net_of(case)
  local report = assert(lsqnet.gauss_newton(net, matrix(case.X), matrix(case.Y), {
    iterations = case.iterations,
    damping = case.damping,
    lambda = case.lam,
    form = case.form,
    gram = gram,
    gram_rows = 0,
    gradient_tolerance = 0,
  }))
  return report, net
end

describe("gauss_newton gives the reference's numbers:", function()
  for _, case in ipairs(oracle.read("gauss_newton").cases) do
    local hidden_relu = #case.layers == 3 and case.activation:match "relu"
    for _, gram in ipairs { "jacobian", "kronecker", hidden_relu and "pattern" or nil } do
      it(case.name .. ", " .. gram, function()
        local report, net = train(case, gram)
        assert.are.equal(case.iterations + 1, #report.history)
        local accepted = 0
        for k, entry in ipairs(report.history) do
          local what = "iteration " .. k - 1
          oracle.close(case.loss[k], entry.loss, case.rtol[k], what .. ", loss")
          oracle.close(case.objective[k], entry.objective, case.rtol[k], what .. ", objective")
          oracle.close(case.damping_after[k], entry.damping, 1e-5, what .. ", damping")
          accepted = accepted + (case.accepted[k] == true and 1 or 0)
        end
        assert.are.equal(accepted, report.accepted)
        local theta = matrix(case.theta8):reshape(#case.theta8, 1)
        assert.is_true(net:parameters():allclose(theta, 1e-3, 1e-5))
      end)
    end
  end
end)
