-- A process that does its share of a protocol's runs and tells of each on standard output.

local papers = require "lsqnet.papers"
local runner = require "lsqnet.experiments.runner"

local function report(line)
  io.stdout:write(line, "\n")
  io.stdout:flush()
end

return function(name, o)
  local protocol = papers.protocol(name)
  local called, ok, problem = pcall(runner.work_share, name, protocol, o, report)
  if called and ok then return end
  report("failed\t" .. tostring(called and problem or ok):gsub("%s*\n%s*", " "))
  os.exit(1)
end
