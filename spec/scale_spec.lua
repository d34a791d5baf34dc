-- Data in raw units: trainers that depend on scale say so, others do not.

local lsqnet = require "lsqnet"
local matrix = lsqnet.matrix

local rng = lsqnet.rng(1)
local years = matrix.rand(80, 1, rng) * 30 + matrix(80, 1, 1990)
local prices = matrix.rand(80, 1, rng) * 2e5
local fine = matrix.randn(80, 2, rng)

local function train(trainer, X, Y, weights)
  local activations = trainer.accepts.activations
  local net = lsqnet.network {
    layers = { X.cols, 4, 1 }, activation = activations and activations[1] or "tanh",
  }
  local options = { weights = weights }
  for _, option in ipairs(trainer.options) do
    if option.name == "iterations" or option.name == "epochs" then options[option.name] = 1 end
  end
  return table.concat(assert(lsqnet[trainer.name](net, X, Y, options)).warnings, "\n")
end

describe("data in raw units", function()
  for _, trainer in ipairs(lsqnet.trainers()) do
    if trainer.takes.scale then
      it("are told of by " .. trainer.name, function()
        local warnings = train(trainer, fine:hcat(years):hcat(prices), prices)
        assert.matches("column 4 of X has mean [%d.e+]+ and deviation [%d.e+]+, and others are "
          .. "far off: training depends on scale, standardise first", warnings)
        assert.matches("column 1 of Y has mean", warnings)
      end)

      it("are no matter to " .. trainer.name .. " when they are standardised", function()
        local X = lsqnet.data.standardize(fine:hcat(years):hcat(prices))
        local Y = lsqnet.data.standardize(prices)
        assert.is_nil(train(trainer, X, Y):match "standardise")
      end)
    elseif trainer.name ~= "triangle" then
      it("are no matter to " .. trainer.name, function()
        assert.is_nil(train(trainer, years, prices):match "standardise")
      end)
    end
  end

  it("count by their weights: a row of weight 0 does not", function()
    local X, weights = fine:copy(), matrix(80, 1, 1)
    X:set(3, 1, 1e6)
    local adam
    for _, trainer in ipairs(lsqnet.trainers()) do
      if trainer.name == "adam" then adam = trainer end
    end
    assert.matches("column 1 of X", train(adam, X, fine:columns { 2 }, weights))
    weights:set(3, 1, 0)
    assert.is_nil(train(adam, X, fine:columns { 2 }, weights):match "column")
  end)

  it("may be classes, counted by no distance", function()
    local net = lsqnet.network { layers = { 2, 3, 1 }, loss = "cross_entropy" }
    local report = assert(lsqnet.lbfgs(net, fine, matrix(80, 1), { iterations = 1 }))
    assert.are.same({}, report.warnings)
  end)

  it("are told of with the figures: mean and deviation of the column", function()
    local net = lsqnet.network { layers = { 1, 3, 1 } }
    local X = matrix { 1990, 2000, 2010, 2020 }
    local report = assert(lsqnet.lbfgs(net, X, matrix { 0, 1, 0, 1 }, { iterations = 1 }))
    assert.are.equal("column 1 of X has mean 2005 and deviation 11.2: training depends on scale, "
      .. "standardise first (lsqnet.data.standardize)", report.warnings[1])
  end)
end)
