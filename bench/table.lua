--- lsqnet.table.read_csv beside matrix.read_csv, in one run: the same file of numbers, and a file
-- of half numbers, half texts, dates and gaps, of which matrix.read_csv reads the numbers alone.
-- The bars: 0.8 of its speed on numbers, 0.7 on mixed columns; and 10 bytes a field of memory
-- beyond the file.
--
--     lua5.4 bench/table.lua [megabytes]
local lsqnet = require "lsqnet"

local MEGABYTES <const> = tonumber(arg and arg[1]) or 50
local RUNS <const> = 9

local random = lsqnet.rng(1)

local function number() return ("%.6g"):format((random:uniform() - 0.5) * 1000) end

local LEVELS <const> = { "north", "south", "east", "west", "NEAR BAY", "<1H OCEAN", "yes", "no" }
local function level() return LEVELS[random:integer(#LEVELS)] end
local function date() return ("2020-%02d-%02d"):format(random:integer(12), random:integer(28)) end
local function gap() return random:uniform() < 0.1 and "" or number() end

local NUMBERS <const> = { number, number, number, number, number, number, number, number, number,
                          number }
local MIXED <const> = { number, level, number, level, gap, number, date, number, level, number }

-- Rows repeat after a while; the parser cannot know.
local function generate(path, kinds, separator)
  local rows, names = {}, {}
  for j = 1, #kinds do names[j] = "x" .. j end
  for i = 1, 2000 do
    local row = {}
    for j, kind in ipairs(kinds) do row[j] = kind() end
    rows[i] = table.concat(row, separator)
  end
  local block = table.concat(rows, "\n") .. "\n"
  local file = assert(io.open(path, "wb"))
  assert(file:write(table.concat(names, separator), "\n"))
  for _ = 1, MEGABYTES * 1e6 // #block do assert(file:write(block)) end
  assert(file:close())
end

local function seconds_of(f)
  collectgarbage()
  local start = os.clock()
  f()
  return os.clock() - start
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

-- Medians of both, their runs interleaved, and of the ratios.
local function compare(path, columns)
  local matrix, tab, ratio = {}, {}, {}
  for run = 1, RUNS do
    matrix[run] = seconds_of(function()
      assert(lsqnet.matrix.read_csv(path, { columns = columns }))
    end)
    tab[run] = seconds_of(function() assert(lsqnet.table.read_csv(path)) end)
    ratio[run] = matrix[run] / tab[run]
  end
  return median(matrix), median(tab), median(ratio)
end

-- The largest resident set of a process that does this, in kilobytes.
local function peak_of(code)
  local program = os.tmpname()
  local file = assert(io.open(program, "w"))
  file:write("local lsqnet = require 'lsqnet'\n", code, [[

for line in io.lines("/proc/self/status") do
  local peak = line:match("^VmHWM:%s*(%d+)")
  if peak then print(peak) end
end]])
  file:close()
  local pipe = assert(io.popen("lua5.4 " .. program))
  local peak = tonumber(pipe:read("l"))
  pipe:close()
  os.remove(program)
  return peak
end

local function memory(path, size)
  local alone = peak_of("lsqnet.table{ a = { 1 } }")
  local peak = peak_of(("T = assert(lsqnet.table.read_csv(%q))"):format(path))
  local rows = lsqnet.table.read_csv(path).rows
  return ((peak - alone) * 1024 - size) / (rows * 10)
end

local path = os.tmpname()
for _, case in ipairs {
  { "numbers", NUMBERS }, { "mixed", MIXED, { 1, 3, 6, 8, 10 } }, { "mixed, ;", MIXED, nil, ";" },
} do
  local name, kinds, columns, separator = table.unpack(case)
  generate(path, kinds, separator or ",")
  local file = assert(io.open(path, "rb"))
  local size = file:seek("end")
  file:close()
  if separator then
    local seconds = {}
    for run = 1, RUNS do
      seconds[run] = seconds_of(function() assert(lsqnet.table.read_csv(path)) end)
    end
    seconds = median(seconds)
    print(("%-9s %4.0f MB   table %6.0f MB/s"):format(name, size / 1e6, size / 1e6 / seconds))
  else
    local matrix, tab, ratio = compare(path, columns)
    print(("%-9s %4.0f MB   matrix %6.0f MB/s   table %6.0f MB/s   ratio %.2f   "
      .. "%.1f bytes a field beyond the file"):format(
      name, size / 1e6, size / 1e6 / matrix, size / 1e6 / tab, ratio, memory(path, size)))
  end
end
os.remove(path)
