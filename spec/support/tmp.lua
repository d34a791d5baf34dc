--- Temporary folders and small files for specs.
local tmp = {}

local function quoted(path)
  return "'" .. path:gsub("'", "'\\''") .. "'"
end

--- Makes a new folder and returns its path.
function tmp.folder()
  local pipe = assert(io.popen("mktemp -d", "r"))
  local path = pipe:read("l")
  assert(pipe:close() and path, "mktemp -d failed")
  return path
end

--- Removes a folder that tmp.folder made, and everything in it.
function tmp.remove(folder)
  assert(folder:find("^/.+/"), "not a temporary folder: " .. folder)
  assert(os.execute("rm -rf " .. quoted(folder)))
end

--- Calls f with a new folder, and removes it afterwards also when f raises.
function tmp.with(f)
  local folder = tmp.folder()
  local ok, message = xpcall(f, debug.traceback, folder)
  tmp.remove(folder)
  if not ok then error(message, 0) end
end

--- Writes a file, byte for byte, and returns its path.
function tmp.write(path, content)
  local file = assert(io.open(path, "wb"))
  assert(file:write(content))
  assert(file:close())
  return path
end

--- The whole content of a file.
function tmp.read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("a")
  file:close()
  return content
end

--- True when a file can be opened.
function tmp.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

tmp.quoted = quoted

return tmp
