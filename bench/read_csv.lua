--- read_csv on 50 MB of numbers in the two styles that matter: all 17 digits, and 6 decimals.
-- Beside it, what a loop in Lua over the C library's strtod (tonumber) does with the same text.
--
--     lua5.4 bench/read_csv.lua [megabytes]
local lsqnet = require "lsqnet.core"

local MEGABYTES <const> = tonumber(arg and arg[1]) or 50
local COLUMNS <const>, RUNS <const> = 10, 5

-- Rows repeat after a while; the parser cannot know.
local function generate(path, style)
  local rows = {}
  for i = 1, 1000 do
    local row = {}
    for j = 1, COLUMNS do
      row[j] = style:format((math.random() - 0.5) * 10 ^ math.random(-2, 3))
    end
    rows[i] = table.concat(row, ",")
  end
  local block = table.concat(rows, "\n") .. "\n"
  local file = assert(io.open(path, "wb"))
  for _ = 1, MEGABYTES * 1e6 // #block do assert(file:write(block)) end
  assert(file:close())
  return block
end

-- Seconds that f takes, the median over the runs. One thread works: CPU time is wall time.
local function median(f)
  local seconds = {}
  for run = 1, RUNS do
    collectgarbage()
    local start = os.clock()
    f()
    seconds[run] = os.clock() - start
  end
  table.sort(seconds)
  return seconds[(RUNS + 1) // 2]
end

local path = os.tmpname()
math.randomseed(1)
for _, style in ipairs {"%.17g", "%.6f"} do
  local sample = generate(path, style)
  local file = assert(io.open(path, "rb"))
  local size = file:seek("end")
  file:close()
  local reading = median(function() assert(lsqnet.matrix.read_csv(path)) end)
  local looping = median(function()
    for text in sample:gmatch "[^,\n]+" do assert(tonumber(text)) end
  end)
  print(("%-6s %4.0f MB   read_csv %6.0f MB/s   tonumber in a loop %5.0f MB/s"):format(
    style, size / 1e6, size / 1e6 / reading, #sample / 1e6 / looping))
end
os.remove(path)
