-- The command `lsqnet`: reads the command line, calls a subcommand, reports what went wrong.
--
-- A subcommand is a table with `declare(parser)`, which adds its arguments to argparse's command,
-- and `run(args)`, which returns true, or nil, a message and perhaps the code "usage". A failure
-- is one line on standard error, or a line for each thing that is wrong; the exit status is 0,
-- 1 (the world), 2 (usage) or 130 (Ctrl-C).

local argparse = require "argparse"
local core = require "lsqnet.core"
local interrupted = require "lsqnet.interrupted"

local command = {}

local SUBCOMMANDS = { "fit", "predict", "describe", "info", "experiments", "run", "report" }

local FAILED, MISUSED, INTERRUPTED = 1, 2, 130

local function new_parser()
  local parser = argparse("lsqnet", "Small neural networks, trained by linear algebra.")
    :command_target("command")
    :help_max_width(80)
    :epilog("Each command has its own help: lsqnet fit --help")
  parser:flag("--version", "Print the version and exit."):action(function()
    print(core._VERSION)
    os.exit(0)
  end)
  for _, name in ipairs(SUBCOMMANDS) do
    local subcommand = require("lsqnet.command." .. name)
    subcommand.declare(parser:command(name):help_max_width(80))
  end
  return parser
end

local function complain(message, status)
  io.stdout:flush() -- what was printed comes first
  io.stderr:write("lsqnet: ", (message:gsub("%s*\n%s*", "\n")), "\n")
  return status
end

-- What a subcommand returned, or raised, as an exit status.
local function conclude(ok, result, message, code)
  if not ok and interrupted(result) then
    return complain("interrupted", INTERRUPTED)
  elseif not ok then
    return complain(tostring(result):match("^[^\n]*"), FAILED)
  elseif not result then
    return complain(message, code == "usage" and MISUSED or FAILED)
  end
  local flushed, reason = io.stdout:flush()
  if not flushed then return complain("standard output: " .. reason, FAILED) end
  return 0
end

--- Runs the command.
-- @tparam {string,...} arguments what stands behind `lsqnet` on the command line
-- @treturn int the exit status
function command.main(arguments)
  local parsed, args = new_parser():pparse(arguments)
  if not parsed then
    local name = arguments[1] and package.loaded["lsqnet.command." .. arguments[1]]
      and " " .. arguments[1] or ""
    local message = args:gsub("\nDid you mean (.*)%?", "; did you mean %1?")
    return complain(("%s (see lsqnet%s --help)"):format(message, name), MISUSED)
  end
  return conclude(pcall(require("lsqnet.command." .. args.command).run, args))
end

return command
