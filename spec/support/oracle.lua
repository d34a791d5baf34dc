--- Numbers of other programs, kept in spec/oracles.
local dkjson = require "dkjson"
local tmp = require "tmp"

local oracle = {}

--- What spec/oracles/NAME.json holds.
function oracle.read(name)
  return assert(dkjson.decode(tmp.read("spec/oracles/" .. name .. ".json")))
end

--- Fails unless the value is the expected one up to a relative tolerance; nan never is.
function oracle.close(expected, value, tolerance, what)
  local difference = math.abs(expected - value) / math.max(1e-300, math.abs(expected))
  if difference ~= difference or difference > tolerance then
    local text = "%s: %.17g expected, got %.17g (relative %.2g)"
    error(text:format(what, expected, value, difference), 2)
  end
end

return oracle
