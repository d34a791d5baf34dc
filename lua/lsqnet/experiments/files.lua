-- Reading and writing whole files. What fails returns nil, a message that begins with the path, and
-- "no_read" or "no_write".

local lfs = require "lfs"

local files = {}

-- The text of a file; empty where there is none yet.
function files.read(path)
  if not lfs.attributes(path, "mode") then return "" end
  local file, message = io.open(path, "rb")
  if not file then return nil, message, "no_read" end
  local text, problem = file:read("a")
  file:close()
  if not text then return nil, ("%s: %s"):format(path, problem), "no_read" end
  return text
end

-- Writes a text in one go, so that processes that append to a file do not tear each other's lines.
-- The mode is that of io.open, "wb" without one. Returns true.
function files.write(path, text, mode)
  local file, message = io.open(path, mode or "wb")
  if not file then return nil, message, "no_write" end
  file:setvbuf("full", #text + 1)
  local written, problem = file:write(text)
  local closed, close_problem = file:close()
  if written and closed then return true end
  return nil, ("%s: %s"):format(path, problem or close_problem), "no_write"
end

-- Makes a folder and those above it, where they are missing. Returns true.
function files.make_folders(path)
  local made = path:match("^/") and "" or "."
  for part in path:gmatch("[^/]+") do
    made = made .. "/" .. part
    local mode = lfs.attributes(made, "mode")
    if not mode then
      local ok, message = lfs.mkdir(made)
      if not ok and lfs.attributes(made, "mode") ~= "directory" then -- nor did another process
        return nil, ("%s: %s"):format(made, message), "no_write"
      end
    elseif mode ~= "directory" then
      return nil, made .. ": a file, where a folder should be", "no_write"
    end
  end
  return true
end

return files
