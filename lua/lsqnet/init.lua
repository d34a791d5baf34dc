--- Small neural networks, trained by linear algebra.
-- Everything of the C core, and the parts written in Lua, which are loaded when first used.
-- @module lsqnet

local core = require "lsqnet.core"

local parts = {
  classification = "lsqnet.classification",
  data = "lsqnet.data",
  datasets = "lsqnet.datasets",
  encoder = "lsqnet.encoder",
  experiments = "lsqnet.experiments",
  fit = "lsqnet.fit",
  gram = "lsqnet.gram",
  metrics = "lsqnet.metrics",
  model = "lsqnet.model",
  optim = "lsqnet.optim",
  plot = "lsqnet.plot",
  progress = "lsqnet.progress",
  ridge = "lsqnet.ridge",
  table = "lsqnet.table",
}

local lsqnet = { core = core }
for name, value in pairs(core) do
  if parts[name] == nil then -- a part adds to what the core has of it
    lsqnet[name] = value
  end
end

function lsqnet.load_model(path)
  return lsqnet.model.load(path)
end

return setmetatable(lsqnet, {
  __index = function(self, name)
    local part = parts[name]
    if part == nil then
      return nil
    end
    self[name] = require(part)
    return self[name]
  end,
})
