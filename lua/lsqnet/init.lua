--- Small neural networks, trained by linear algebra.
-- Everything of the C core, and the parts written in Lua, which are loaded when first used.
-- @module lsqnet

local core = require "lsqnet.core"

local parts = {
  data = "lsqnet.data",
  datasets = "lsqnet.datasets",
  metrics = "lsqnet.metrics",
  plot = "lsqnet.plot",
  progress = "lsqnet.progress",
}

local lsqnet = { core = core }
for name, value in pairs(core) do
  lsqnet[name] = value
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
