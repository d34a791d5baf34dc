-- What no compiler sees: which room may include, call and hold what (DESIGN.md, "Rooms").
-- Usage: lua5.4 .ci/layers.lua BUILD, with the objects under BUILD/csrc. Exits 1 on a finding.

local LINES = 600

local below = { -- room -> rooms whose headers it may include, besides its own
  base = {},
  linalg = { "base" },
  nn = { "base", "linalg" },
  io = { "base", "linalg", "nn" },
  train = { "base", "linalg", "nn" },
  lua = { "base", "linalg", "nn", "io", "train" },
}

-- Below the glue nothing allocates, prints, ends the process or draws from the C library.
local forbidden = {}
for name in ([[malloc calloc realloc free strdup alloca printf vprintf puts putchar perror
    exit _exit abort setjmp longjmp rand srand random]]):gmatch("%S+") do
  forbidden[name] = true
end

local lua_headers = {
  ["lua.h"] = true, ["luaconf.h"] = true, ["lauxlib.h"] = true, ["lualib.h"] = true,
  ["lsqnet.h"] = true,
}

local findings = 0

local function finding(place, ...)
  findings = findings + 1
  io.stderr:write(place, ": ", string.format(...), "\n")
end

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  assert(pipe:close(), command)
  return lines
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

local function keep_newlines(text)
  return (text:gsub("[^\n]", ""))
end

-- The code alone: no comments, empty strings, line numbers as they were.
local function code_of(text)
  text = text:gsub('\\.', "  "):gsub('#include "[^"]*"', ""):gsub('"[^"\n]*"', '""')
  return (text:gsub("/%*.-%*/", keep_newlines):gsub("//[^\n]*", ""))
end

local function each_line(text, visit)
  local number = 0
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    visit(line, number)
  end
  return number - 1
end

local function may_include(room, other)
  if room == other then
    return true
  end
  for _, name in ipairs(below[room]) do
    if name == other then
      return true
    end
  end
  return false
end

local function check_room(path, room, text)
  each_line(text, function(line, number)
    local place = path .. ":" .. number
    local header = line:match('^%s*#%s*include%s*[<"]([^>"]+)')
    local other = header and header:match("^(%w+)/")
    if other and below[other] and not may_include(room, other) then
      finding(place, "%s includes %s", room, header)
    end
    if room ~= "lua" and header and lua_headers[header] then
      finding(place, "%s includes %s: Lua is known in csrc/lua alone", room, header)
    end
  end)
  each_line(code_of(text), function(line, number)
    local place = path .. ":" .. number
    for name in line:gmatch("%f[%w_]([%a_][%w_]*)%s*%(") do
      if room ~= "lua" and forbidden[name] then
        finding(place, "%s calls %s", room, name)
      end
      if room ~= "linalg" and name:match("^[ds]%l%l+_$") then
        finding(place, "%s calls %s: BLAS and LAPACK are called in csrc/linalg alone", room, name)
      end
    end
    if room ~= "lua" and (line:match("%f[%w_]stdout%f[^%w_]")
        or line:match("%f[%w_]stderr%f[^%w_]")) then
      finding(place, "%s prints", room)
    end
  end)
end

-- A trainer knows no other: what they share is a solver, with a header of its own, and trainers
-- that run another one get it by name (lsq_trainer_named).
local function check_trainers(paths)
  local names = {}
  local list = read("csrc/train/trainer.h"):match("#define LSQ_TRAINERS%(each%)(.-)\n\n")
  for name in list:gmatch("each%(([%w_]+)%)") do names[name] = true end
  for _, path in ipairs(paths) do
    local text = path:match("^csrc/train/") and code_of(read(path)) or ""
    for name in text:gmatch("lsq_([%w_]+)") do
      if names[name] and not text:match("const lsq_trainer lsq_" .. name .. "%f[^%w_]") then
        finding(path, "names lsq_%s, another trainer", name)
      end
    end
  end
end

-- Mutable data: constants that hold pointers are in .data.rel.ro, which does not count.
local function check_objects(build)
  for _, object in ipairs(lines_of(("find '%s/csrc' -name '*.o' | sort"):format(build))) do
    for _, line in ipairs(lines_of(("size -A '%s'"):format(object))) do
      local section, size = line:match("^(%.%S+)%s+(%d+)")
      local mutable = section and (section:match("^%.bss") or section:match("^%.tbss")
        or section:match("^%.tdata") or section:match("^%.data$") or section:match("^%.data%.[^r]"))
      if mutable and tonumber(size) > 0 then
        finding(object, "%s bytes of mutable data in %s", size, section)
      end
    end
  end
end

local function check_exports(module)
  local exports = {}
  for _, line in ipairs(lines_of(("nm --dynamic --defined-only '%s'"):format(module))) do
    exports[#exports + 1] = line:match("%S+$")
  end
  if table.concat(exports, " ") ~= "luaopen_lsqnet_core" then
    finding(module, "exports %s", table.concat(exports, " "))
  end
end

local sources = lines_of([[
  find csrc lua spec examples bench .ci -name "*.[ch]" -o -name "*.lua" | sort]])
for _, path in ipairs(sources) do
  local text = read(path)
  local count = each_line(text, function(line, number)
    if line:match("[ \t]$") or line:match("\t") or line:match("\r") then
      finding(path .. ":" .. number, "a tab, a carriage return or a blank at the end")
    end
  end)
  if count > LINES then
    finding(path, "%d lines, more than %d", count, LINES)
  end
  if text:sub(-1) ~= "\n" then
    finding(path, "does not end in a newline")
  end
  local room = path:match("^csrc/(%w+)/")
  if room and path:match("%.[ch]$") then
    check_room(path, room, text)
  end
end

check_trainers(sources)
local build = assert(arg[1], "usage: .ci/layers.lua BUILD")
check_objects(build)
check_exports(build .. "/lsqnet/core.so")
os.exit(findings == 0)
