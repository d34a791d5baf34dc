-- What results were measured on.

local core = require "lsqnet.core"

local machine = {}

local function first_match(path, pattern)
  local file = io.open(path)
  if not file then return nil end
  local found
  for line in file:lines() do
    found = line:match(pattern)
    if found then break end
  end
  file:close()
  return found
end

local function first_line(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local line = pipe and pipe:read("l")
  if pipe then pipe:close() end
  return line and line ~= "" and line or nil
end

-- The fields are absent where a system does not tell them.
function machine.describe()
  local info = core.info()
  return {
    lsqnet = info.version, lua = _VERSION, gnuplot = first_line("gnuplot --version"),
    blas = info.blas, lapack = info.lapack, simd = info.simd,
    threads = info.threads,
    cores = math.tointeger(tonumber(first_line("getconf _NPROCESSORS_ONLN") or "")),
    cpu = first_match("/proc/cpuinfo", "^model name%s*:%s*(.-)%s*$"),
    system = first_line("uname -sm"),
  }
end

-- One sentence of what `describe` returned.
function machine.sentence(m)
  local library = m.blas:match("%((%S+ [%d.]+)") or "the BLAS " .. m.blas
  return ("lsqnet %s, %s, %s, %s kernels, on %s of %s cores"):format(
    m.lsqnet, m.lua, library, m.simd, m.cpu or "a processor", m.cores or m.threads)
end

return machine
