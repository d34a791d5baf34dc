-- Finding the files of the data sets, and saying how to get the missing ones.

local files = {}

-- The first bytes of a file, or nil when it cannot be read: a folder opens, but reading it fails.
local function first_bytes(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes, failure = file:read(4096)
  file:close()
  return bytes or (not failure and "" or nil)
end

local function is_folder(path)
  local file = io.open(path, "rb")
  if not file then return false end
  local _, _, code = file:read(1)
  file:close()
  return code == 21 -- EISDIR
end

local function in_folder(folder, names)
  local paths = {}
  for i, name in ipairs(names) do paths[i] = (folder:gsub("/*$", "/")) .. name end
  return paths
end

-- Where a data set is looked for, in this order.
local function candidates(set, path)
  if path then
    return is_folder(path) and in_folder(path, set.files) or { path }
  end
  local folder = os.getenv("LSQNET_DATA")
  local paths = folder and folder ~= "" and in_folder(folder, set.files) or {}
  for _, name in ipairs(in_folder("data", set.files)) do paths[#paths + 1] = name end
  return paths
end

local function not_found(set, paths)
  return nil, ("no file of the %s data set: looked for %s. Get it from %s, and put %s into the "
    .. "folder that LSQNET_DATA names, or into data/, or pass its path%s"):format(
    set.title, table.concat(paths, ", "), set.source, set.files[#set.files],
    set.advice and " (" .. set.advice .. ")" or ""), "no_file"
end

-- Finds the file of a data set.
-- @tparam table set `title`, `files` (names, the prepared one first, the published one last),
-- `source` (where to get it) and perhaps `advice`
-- @tparam[opt] string path a file, or a folder that holds it: the only place then looked at;
-- without it `$LSQNET_DATA` and then `data/` are
-- @treturn string the path
-- @treturn string the first bytes of the file
-- @return[2] nil, a message that says what was looked for, where to get it and where to put it,
-- and "no_file"
-- @raise when path is given and no string
function files.find(set, path)
  if path ~= nil and type(path) ~= "string" then
    error(("bad argument #1 to '%s' (a path expected, got %s)"):format(set.name, type(path)), 3)
  end
  local paths = candidates(set, path)
  for _, candidate in ipairs(paths) do
    local bytes = first_bytes(candidate)
    if bytes then return candidate, bytes end
  end
  return not_found(set, paths)
end

-- A file that is not what the data set's should be.
-- @return nil, the message with the path before it, and "bad_format"
function files.bad_format(path, message, ...)
  return nil, path .. ": " .. message:format(...), "bad_format"
end

return files
