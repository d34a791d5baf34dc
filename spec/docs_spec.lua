local lsqnet = require "lsqnet"
local tmp = require "tmp"

local PARTS = {
  "classification", "data", "datasets", "encoder", "experiments", "gram", "metrics", "optim",
  "plot", "progress", "table",
}

local function files()
  local list = {}
  local rooms = "csrc/lua csrc/train lua/lsqnet"
  local pipe = assert(io.popen("find " .. rooms .. " -name '*.c' -o -name '*.lua' | sort"))
  for path in pipe:lines() do
    list[#list + 1] = path
  end
  pipe:close()
  return list
end

-- Calls visit(comment, the code line below it) for each LDoc comment of a file.
local function each_comment(path, visit)
  local text = tmp.read(path)
  if path:match("%.c$") then
    for comment, below in text:gmatch("/%*%*%*(.-)%*/\n?([^\n]*)") do
      visit(comment, below)
    end
    return
  end
  local comment
  for line in text:gmatch("([^\n]*)\n") do
    if line:match("^%s*%-%-%-") then
      comment = line:gsub("^%s*%-%-%-+", "")
    elseif comment and line:match("^%s*%-%-") then
      comment = comment .. "\n" .. line:gsub("^%s*%-%-", "")
    elseif comment then
      visit(comment, line)
      comment = nil
    end
  end
end

-- The name under which LDoc lists an entry, as a person writes it: lsqnet.data.split, or
-- matrix:sum for a method.
local function full_name(name, module, is_class)
  if name:match("^lsqnet%.") or name:find(":", 1, true) then
    return name
  elseif is_class then
    return module .. ":" .. name
  elseif name:find(".", 1, true) then
    return "lsqnet." .. name
  end
  return module .. "." .. name
end

-- { full name = { path =, summary = } } of all entries.
local function documented()
  local entries = {}
  for _, path in ipairs(files()) do
    local module, is_class
    each_comment(path, function(comment, below)
      local kind, named = comment:match("@(%l*module) ([%w_.]+)")
      if not kind then
        kind, named = comment:match("@(classmod) ([%w_.]+)")
      end
      if kind then
        module, is_class = named, kind == "classmod"
        return
      end
      local name = comment:match("@function ([%w_.:]+)")
      if not name and path:match("%.lua$") then
        local prefix
        prefix, name = below:match("^%s*function ([%w_]+[.:])([%w_]+)")
        if name and prefix:sub(-1) == ":" then
          name = prefix .. name
        end
      end
      if name and module then
        entries[full_name(name, module, is_class)] = {
          path = path,
          summary = comment:match("^%s*([^@]*)"),
        }
      end
    end)
  end
  return entries
end

local function is_callable(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(value) == "function" or meta and meta.__call ~= nil
end

local function add_functions(names, prefix, of)
  for key, value in pairs(of) do
    if type(key) == "string" and not key:match("^_") and is_callable(value) then
      names[prefix .. key] = true
    end
  end
end

-- Where __index is a function (for m.rows), it holds the methods as an upvalue.
local function methods_of(object)
  local index = getmetatable(object).__index
  if type(index) == "function" then
    local _, methods = debug.getupvalue(index, 1)
    return methods
  end
  return index
end

-- All that a user can call, found by walking the loaded module.
local function registered()
  local names = {}
  for _, part in ipairs(PARTS) do
    add_functions(names, "lsqnet." .. part .. ".", lsqnet[part])
  end
  for _, part in ipairs { "fit", "ridge" } do assert(lsqnet[part]) end -- functions themselves
  add_functions(names, "lsqnet.", lsqnet) -- with the parts that can be called, loaded by now
  for name, value in pairs(lsqnet) do
    if type(value) == "table" and is_callable(value) then
      add_functions(names, "lsqnet." .. name .. ".", value)
    end
  end
  local objects = {
    matrix = lsqnet.matrix(1, 1),
    rng = lsqnet.rng(1),
    network = lsqnet.network { layers = { 1, 1 } },
    gram = lsqnet.gram { inputs = 1 },
    stream = lsqnet.data.spool(lsqnet.data.batches(lsqnet.matrix(1, 1), lsqnet.matrix(1, 1))),
    triangle = lsqnet.triangle.network(),
    tabular = lsqnet.table { a = { 1 } },
    encoder = lsqnet.encoder(lsqnet.table { a = { 1, 2 } }),
    model = assert(lsqnet.fit(lsqnet.table { a = { 1, 2, 4 }, y = { 1, 3, 5 } })),
  }
  for name, object in pairs(objects) do
    add_functions(names, name .. ":", methods_of(object))
  end
  return names
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

describe("the reference", function()
  local entries, names = documented(), registered()

  it("has an entry for every public name", function()
    local missing = {}
    for name in pairs(names) do
      if not entries[name] then
        missing[name] = true
      end
    end
    assert.same({}, sorted(missing))
  end)

  it("has no entry for a name that does not exist", function()
    local stale = {}
    for name, entry in pairs(entries) do
      local owner = name:match("^(%w+):") or name:match("^(lsqnet)%.")
      local is_public = owner == "lsqnet" or owner == "matrix" or owner == "rng"
        or owner == "network" or owner == "gram" or owner == "stream" or owner == "triangle"
        or owner == "tabular" or owner == "encoder" or owner == "model"
      if is_public and not names[name] and not name:match("^lsqnet%.options%.") then
        stale[entry.path .. ": " .. name] = true
      end
    end
    assert.same({}, sorted(stale))
  end)

  it("says in a sentence what each function is for", function()
    local mute = {}
    for name, entry in pairs(entries) do
      if not entry.summary:match("%a+.*%.") then
        mute[entry.path .. ": " .. name] = true
      end
    end
    assert.same({}, sorted(mute))
  end)
end)
