-- Models as files. The metadata `model` is a JSON text: what was learned of the columns, the parts
-- of the blend by name and weight, scores; no times and no dates.

local core = require "lsqnet.core"
local dkjson = require "dkjson"
local encoders = require "lsqnet.encoder"
local tensors = require "lsqnet.model.tensors"
local words = require "lsqnet.words"

local file = {}

local FORMAT <const> = "lsqnet"
local VERSION <const> = "2"
local MAP <const> = { "mean", "deviation", "first", "knots", "centre" }
local FIELDS <const> = { "weight", "bias", "output", "offset", "skip" }

-- JSON writers cut numbers to 14 digits: what is measured is a string.
local exact = words.exact

local function exact_all(list)
  local copy = {}
  for name, value in pairs(list) do copy[name] = exact(value) end
  return copy
end

local function numbers_all(list)
  local copy = {}
  for name, value in pairs(list or {}) do copy[name] = tonumber(value) or value end
  return copy
end

-- The maps that parts share, each once.
local function maps_of(parts)
  local list, place = {}, {}
  for _, part in ipairs(parts) do
    local map = part.fields.map
    if not place[map] then
      list[#list + 1] = map
      place[map] = #list
    end
  end
  return list, place
end

local function blend_tensors(self)
  local maps, place = maps_of(self.parts)
  local list, parts = {}, {}
  for k, map in ipairs(maps) do
    for _, name in ipairs(MAP) do
      list[#list + 1] = { ("maps.%d.%s"):format(k, name), map[name] }
    end
  end
  for k, part in ipairs(self.parts) do
    for _, name in ipairs(FIELDS) do
      local matrix = part.fields[name]
      if matrix then list[#list + 1] = { ("blend.%d.%s"):format(k, name), matrix } end
    end
    parts[k] = { name = part.name, weight = exact(part.weight), unit = part.fields.unit,
                 map = place[part.fields.map] }
  end
  return list, parts, #maps
end

-- The tensors of a net's file, and its metadata: the net writes them, and knows what belongs there.
local function net_tensors(net, path)
  local ok, message, code = net:save(path)
  if not ok then return nil, message, code end
  local found, metadata, shapes = tensors.load(path)
  if not found then return nil, metadata, shapes end
  local list = {}
  for name, matrix in pairs(found) do list[#list + 1] = { name, matrix, shapes[name] } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list, metadata
end

-- A net's file has no tensors but its own.
local function residual_list(residuals)
  local list = {}
  for i = 1, residuals and residuals.rows or 0 do list[i] = exact(residuals:get(i, 1)) end
  return residuals and list
end

local function residual_matrix(list)
  if not list then return nil end
  local numbers = {}
  for i, word in ipairs(list) do numbers[i] = tonumber(word) end
  return core.matrix(numbers)
end

local function plain_report(report)
  local list = {}
  for k, candidate in ipairs(report.candidates) do
    list[k] = { name = candidate.name, weight = exact(candidate.weight), detail = candidate.detail,
                scores = exact_all(candidate.scores) }
  end
  return { candidates = list, scores = exact_all(report.scores), notes = report.notes,
           linear = report.linear and exact_all(report.linear),
           mean = report.mean and exact_all(report.mean),
           rows = report.rows, folds = report.folds, judged = report.judged }
end

-- Keys in one order: of all tables, sorted.
local function sorted_keys(value, seen)
  seen = seen or {}
  for key, inner in pairs(value) do
    if type(key) == "string" then seen[key] = true end
    if type(inner) == "table" then sorted_keys(inner, seen) end
  end
  return seen
end

local function encode(value)
  local keys = {}
  for key in pairs(sorted_keys(value)) do keys[#keys + 1] = key end
  table.sort(keys)
  return dkjson.encode(value, { keyorder = keys })
end

--- What `model:save` does.
function file.save(self, path)
  local plain = { version = core._VERSION, encoder = self.encoder:totable(), seed = self.seed,
                  rows = self.rows, level = exact(self.level), power = exact(self.power),
                  mean = exact(self.mean), deviation = exact(self.deviation),
                  report = plain_report(self.report) }
  if self.net then
    local list, metadata, code = net_tensors(self.net, path)
    if not list then return nil, metadata, code end
    plain.residuals = residual_list(self.residuals)
    metadata.model = encode(plain)
    return tensors.save(path, list, metadata)
  end
  local list
  list, plain.parts, plain.maps = blend_tensors(self)
  if self.residuals then list[#list + 1] = { "residuals", self.residuals } end
  return tensors.save(path, list, { format = FORMAT, format_version = VERSION,
                                    model = encode(plain) })
end

local function read_maps(found, count)
  local maps = {}
  for k = 1, count do
    maps[k] = {}
    for _, name in ipairs(MAP) do maps[k][name] = found[("maps.%d.%s"):format(k, name)] end
  end
  return maps
end

local function read_parts(found, plain)
  local maps, parts = read_maps(found, plain.maps), {}
  for k, about in ipairs(plain.parts) do
    local fields = { map = maps[about.map], unit = about.unit }
    for _, name in ipairs(FIELDS) do fields[name] = found[("blend.%d.%s"):format(k, name)] end
    parts[k] = { name = about.name, weight = tonumber(about.weight), fields = fields }
  end
  return parts
end

local function read_report(plain)
  local report = plain.report
  for _, candidate in ipairs(report.candidates) do
    candidate.weight, candidate.scores = tonumber(candidate.weight), numbers_all(candidate.scores)
  end
  for _, name in ipairs { "scores", "linear", "mean" } do
    report[name] = report[name] and numbers_all(report[name])
  end
  return report
end

local function restore(found, plain)
  local encoder = assert(encoders.restore(plain.encoder))
  local fitted = { encoder = encoder, seed = plain.seed, rows = plain.rows,
                   level = tonumber(plain.level), power = tonumber(plain.power),
                   mean = tonumber(plain.mean), deviation = tonumber(plain.deviation),
                   residuals = found.residuals or residual_matrix(plain.residuals),
                   report = read_report(plain) }
  if plain.parts then
    fitted.parts = read_parts(found, plain)
    for _, part in ipairs(fitted.parts) do core.fit.part(part.fields) end -- checks the shapes
  end
  return fitted
end

--- Whether a file says that it holds a model, rather than a net alone.
function file.is_model(path)
  local metadata = tensors.metadata(path)
  return metadata and metadata.model ~= nil or false
end

--- What `lsqnet.load_model` does, but for the type.
function file.load(path)
  local found, metadata, code = tensors.load(path)
  if not found then return nil, metadata, code end
  local plain = metadata.format == FORMAT and metadata.model and dkjson.decode(metadata.model)
  if type(plain) ~= "table" then
    return nil, ("%s: not a model that lsqnet.fit saved (lsqnet.load reads a net)"):format(path),
      "bad_format"
  end
  local ok, fitted = pcall(restore, found, plain)
  if not ok then return nil, ("%s: %s"):format(path, fitted), "bad_format" end
  if not fitted.parts then
    local net, message, why = core.load(path)
    if not net then return nil, message, why end
    fitted.net = net
  end
  return fitted
end

return file
