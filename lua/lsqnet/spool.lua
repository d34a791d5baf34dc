--- Samples that do not fit into memory, brought into the form that streams.
-- @submodule lsqnet.data

local core = require "lsqnet.core"
local options = require "lsqnet.options"

local CHUNK = 1 << 20 -- bytes of a CSV file that are parsed at a time

-- A .npy file of doubles that grows: its header has room for any number of rows.
local npy_file = {}
npy_file.__index = npy_file

local function header(rows, cols)
  local shape = ("(%d, %d)"):format(rows, cols)
  local text = ("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"):format(shape)
  return "\x93NUMPY\1\0" .. string.pack("<s2", text .. (" "):rep(117 - #text) .. "\n")
end

local function create(path)
  local file, message = io.open(path, "w+b")
  if not file then return nil, message, "no_write" end
  return setmetatable({ file = file, rows = 0 }, npy_file)
end

-- The bytes of the block are those that write_npy makes of it.
function npy_file:append(block)
  if not self.cols then
    self.cols = block.cols
    self.file:write(header(0, self.cols))
  elseif self.cols ~= block.cols then
    return nil, ("a block of %d columns follows blocks of %d"):format(block.cols, self.cols),
           "bad_format"
  end
  local name = os.tmpname()
  local ok, message, code = block:write_npy(name)
  local part = ok and io.open(name, "rb")
  if part then
    part:seek("set", 8)
    part:seek("cur", string.unpack("<I2", part:read(2)))
    local bytes = part:read("a")
    part:close()
    ok, message = self.file:write(bytes)
    code = "no_write"
  end
  os.remove(name)
  if not ok then return nil, message, code end
  self.rows = self.rows + block.rows
  return true
end

function npy_file:finish()
  self.file:seek("set", 0)
  self.file:write(header(self.rows, self.cols or 0))
  local ok, message = self.file:close()
  if not ok then return nil, message, "no_write" end
  return true
end

-- Hands a CSV file over in blocks. A quoted field with a line end in it cannot be cut.
local function csv_blocks(path, o)
  local file, message = io.open(path, "rb")
  if not file then return nil, message, "no_file" end
  local first = file:read("L")
  local name = os.tmpname()
  local function parse(text, columns)
    local out = assert(io.open(name, "wb"))
    out:write(text)
    out:close()
    return core.matrix.read_csv(name, {
      header = o.header, separator = o.separator, columns = columns,
    })
  end
  local _, names = parse(first .. (first:gsub("[^\r\n]+", "0", 1)), nil)
  file:seek("set", names and #first or 0)
  local before = names and 1 or 0 -- lines of the file that come before the chunk
  -- The message about a chunk, as one about the file.
  local function told(problem, code)
    local line, rest = problem:match("^[^:]*:(%d+):(.*)$")
    if not line then return false, problem, code end
    line = tonumber(line) + before - (names and 1 or 0)
    return false, ("%s:%d:%s"):format(path, line, rest), code
  end
  return function()
    local text = file:read(CHUNK)
    if not text then
      file:close()
      os.remove(name)
      return nil
    end
    text = text .. (file:read("L") or "")
    local whole = (names and first or "") .. text
    local X, problem, code = parse(whole, o.columns)
    if not X then return told(problem, code) end
    local Y
    Y, problem, code = parse(whole, o.targets)
    if not Y then return told(problem, code) end
    before = before + select(2, text:gsub("\n", "\n"))
    return X, Y
  end
end

local SPOOL = {
  x = { type = "string" },
  y = { type = "string" },
  columns = { type = "table" },
  targets = { type = "table" },
  header = { type = "boolean" },
  separator = { type = "string" },
}

--- Writes samples, block after block, into a pair of .npy files, and opens them as a stream.
-- @function lsqnet.data.spool
-- @param source a function that gives the next block X, Y each time it is called, and nil at the
-- end (what `lsqnet.data.batches` returns is one); or the path of a CSV file, whose lines must not
-- end within a quoted field
-- @tparam[opt] table opts `x` and `y`: paths of the files, to be kept; without them the files are
-- temporary and vanish with the stream. Of CSV files `columns` and `targets`, lists of names or
-- numbers of the columns of X and of Y, and `header` and `separator` as for `matrix.read_csv`
-- @treturn[1] stream for `lsqnet.anmin`
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_file", "no_write" or "bad_format"
-- @raise when the source is neither, or an option is unknown
local function spool(source, opts)
  local o = options.read(opts, SPOOL)
  local next_block, message, code = source
  if type(source) == "string" then
    options.argument(o.columns and o.targets, 2, "spool",
                     "the options 'columns' and 'targets' say what a CSV file holds")
    next_block, message, code = csv_blocks(source, o)
    if not next_block then return nil, message, code end
  else
    options.argument(type(source) == "function", 1, "spool",
                     ("a function or a path expected, got %s"):format(type(source)))
  end
  options.argument((o.x == nil) == (o.y == nil), 2, "spool",
                   "the options 'x' and 'y' come together")
  local x_path, y_path = o.x or os.tmpname(), o.y or os.tmpname()
  local function failed(...)
    os.remove(x_path)
    os.remove(y_path)
    return ...
  end
  local x_file, y_file
  x_file, message, code = create(x_path)
  if not x_file then return failed(nil, message, code) end
  y_file, message, code = create(y_path)
  if not y_file then return failed(nil, message, code) end
  while true do
    local X, Y, problem = next_block()
    if X == nil then break end
    if X == false then return failed(nil, Y, problem) end
    local ok
    ok, message, code = x_file:append(X)
    if ok then ok, message, code = y_file:append(Y) end
    if not ok then return failed(nil, message, code) end
  end
  for _, file in ipairs { x_file, y_file } do
    local ok
    ok, message, code = file:finish()
    if not ok then return failed(nil, message, code) end
  end
  local stream
  stream, message, code = core.stream(x_path, y_path)
  if not (stream and o.x) then -- an open file outlives its name
    os.remove(x_path)
    os.remove(y_path)
  end
  return stream, message, code
end

return spool
