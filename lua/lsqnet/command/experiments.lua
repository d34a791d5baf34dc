-- `lsqnet experiments`: which tables and figures of the papers can be repeated.

local text = require "lsqnet.command.text"

local list = {}

function list.declare(parser)
  parser:summary("List the experiments of the papers that can be repeated.")
    :description("Lists the experiments that `lsqnet run` repeats: name, runs, what it shows, "
    .. "and where that stands.")
    :epilog("Example:\n   lsqnet experiments")
end

function list.run()
  local rows = { { "name", "runs", "shows", "source" } }
  for _, entry in ipairs(require("lsqnet.experiments").list()) do
    rows[#rows + 1] = { entry.name, tostring(entry.runs or ""), entry.title, entry.source }
  end
  text.print(text.aligned(rows))
  return true
end

return list
