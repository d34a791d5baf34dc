-- A process that does its share of a protocol's runs and tells of each on standard output.

local runner = require "lsqnet.protocol.runner"

local function report(line)
  io.stdout:write(line, "\n")
  io.stdout:flush()
end

return function(name, o)
  local protocol = require("lsqnet.experiments." .. name:gsub("-", "_"))
  local ok, problem = pcall(runner.work_share, name, protocol, o, report)
  if not ok then
    report("failed\t" .. tostring(problem):gsub("%s*\n%s*", " "))
    os.exit(1)
  end
end
