-- Files of named matrices and one table of metadata, as safetensors: eight bytes with the header's
-- length, a header of JSON, the tensors' bytes, F64.

local core = require "lsqnet.core"
local dkjson = require "dkjson"

local tensors = {}

local LONGEST_HEADER <const> = 100000000 -- bytes: the limit of the safetensors library
local CHUNK <const> = 4096 -- numbers a string.pack: fewer than Lua's stack takes

local function bytes_of(matrix)
  local pieces, numbers = {}, {}
  local function flush()
    pieces[#pieces + 1] = string.pack("<" .. ("d"):rep(#numbers), table.unpack(numbers))
    numbers = {}
  end
  for i = 1, matrix.rows do
    for j = 1, matrix.cols do
      numbers[#numbers + 1] = matrix:get(i, j)
      if #numbers == CHUNK // 32 then flush() end
    end
  end
  if #numbers > 0 then flush() end
  return table.concat(pieces)
end

--- Writes.
-- @tparam string path
-- @tparam {{string,matrix,{int,...}},...} list of names, matrices and, where it is another than
-- theirs, shapes
-- @tparam {[string]=string,...} metadata
function tensors.save(path, list, metadata)
  local header, order, data, offset = { __metadata__ = metadata }, {}, {}, 0
  for k, entry in ipairs(list) do
    local name, matrix = entry[1], entry[2]
    data[k] = bytes_of(matrix)
    header[name] = { dtype = "F64", shape = entry[3] or { matrix.rows, matrix.cols },
                     data_offsets = { offset, offset + #data[k] } }
    order[#order + 1] = name
    offset = offset + #data[k]
  end
  for name in pairs(metadata) do order[#order + 1] = name end
  table.sort(order)
  table.insert(order, 1, "__metadata__")
  for _, name in ipairs { "dtype", "shape", "data_offsets" } do order[#order + 1] = name end
  local text = dkjson.encode(header, { keyorder = order })
  text = text .. (" "):rep(-#text % 8)
  return core.table.save(path, { string.pack("<I8", #text) .. text, table.concat(data) })
end

local function wrong(path, what)
  return nil, ("%s: %s"):format(path, what), "bad_format"
end

local function is_count(value)
  return math.type(value) == "integer" and value >= 0 and value < 2 ^ 40
end

-- A matrix from its entry in the header, or nil.
local function matrix_of(entry, text, start)
  if type(entry) ~= "table" or entry.dtype ~= "F64" or type(entry.shape) ~= "table"
    or type(entry.data_offsets) ~= "table" then
    return nil
  end
  local rows, cols = entry.shape[1], entry.shape[2]
  if cols == nil then rows, cols = 1, rows end
  local from, to = entry.data_offsets[1], entry.data_offsets[2]
  if not (is_count(rows) and is_count(cols) and is_count(from) and is_count(to))
    or to - from ~= rows * cols * 8 or start + to > #text then
    return nil
  end
  local matrix, at = core.matrix(rows, cols), start + from + 1
  for i = 1, rows do
    for j = 1, cols do
      matrix:set(i, j, (string.unpack("<d", text, at)))
      at = at + 8
    end
  end
  return matrix
end

local function read_text(path)
  local handle, message = io.open(path, "rb")
  if not handle then return nil, message end
  local text, problem = handle:read("a")
  handle:close()
  if not text then return nil, problem and path .. ": " .. problem or path .. ": cannot be read" end
  return text
end

--- The metadata alone; nil where the file is none.
function tensors.metadata(path)
  local handle = io.open(path, "rb")
  local head = handle and handle:read(8)
  local length = head and #head == 8 and string.unpack("<I8", head) or 0
  local text = length >= 2 and length <= LONGEST_HEADER and handle:read(length)
  if handle then handle:close() end
  local header = text and dkjson.decode(text)
  return type(header) == "table" and header.__metadata__ or nil
end

--- Reads.
-- @treturn[1] {[string]=matrix,...}
-- @treturn[1] {[string]=string,...} metadata
-- @treturn[1] {[string]={int,...},...} shapes
-- @treturn[2] nil, message, code
function tensors.load(path)
  local text, message = read_text(path)
  if not text then return nil, message, "no_file" end
  if #text < 8 then return wrong(path, "not a safetensors file") end
  local length = string.unpack("<I8", text)
  if length < 2 or length > LONGEST_HEADER or length > #text - 8 then
    return wrong(path, "not a safetensors file")
  end
  local header = dkjson.decode(text:sub(9, 8 + length))
  if type(header) ~= "table" then return wrong(path, "its header is no JSON") end
  local metadata, found, shapes = header.__metadata__, {}, {}
  header.__metadata__ = nil
  for name, entry in pairs(header) do
    found[name] = matrix_of(entry, text, 8 + length)
    if not found[name] then return wrong(path, ("tensor '%s' is wrong"):format(name)) end
    shapes[name] = entry.shape
  end
  return found, type(metadata) == "table" and metadata or {}, shapes
end

return tensors
