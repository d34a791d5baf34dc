--- Runs Lua programs in processes of their own, with the modules of this one.
local tmp = require "tmp"

local function output_of(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read("a")
  pipe:close()
  return (output:gsub("%s+$", ""))
end

local here, interpreter = output_of("pwd"), output_of("command -v lua5.4 || command -v lua")

-- The path with its relative entries made absolute, so that it holds in any folder.
local function absolute(path)
  local entries = {}
  for entry in path:gmatch("[^;]+") do
    entries[#entries + 1] = entry:find("^/") and entry or here .. "/" .. entry:gsub("^%./", "")
  end
  return table.concat(entries, ";")
end

local run_lua = { folder = here }

--- Runs a program.
-- @param options `code` (a string) or `script` (a path); `arguments`, a list of strings;
-- `folder` to run in; `environment`, a table of variables
-- @return the exit status, and what it wrote to standard output and to standard error
function run_lua.run(options)
  local parts = { "cd", tmp.quoted(options.folder or here), "&&", "env" }
  local environment = { LUA_PATH = absolute(package.path), LUA_CPATH = absolute(package.cpath) }
  for name, value in pairs(options.environment or {}) do environment[name] = value end
  for name, value in pairs(environment) do
    parts[#parts + 1] = tmp.quoted(name .. "=" .. value)
  end
  local folder = tmp.folder()
  parts[#parts + 1] = interpreter
  parts[#parts + 1] = tmp.quoted(options.script or tmp.write(folder .. "/code.lua", options.code))
  for _, argument in ipairs(options.arguments or {}) do
    parts[#parts + 1] = tmp.quoted(argument)
  end
  local files = (" >%s 2>%s"):format(tmp.quoted(folder .. "/out"), tmp.quoted(folder .. "/err"))
  local _, _, status = os.execute(table.concat(parts, " ") .. files)
  local out, err = tmp.read(folder .. "/out"), tmp.read(folder .. "/err")
  tmp.remove(folder)
  return status, out, err
end

return run_lua
