-- Logarithmic axes: how far they reach, and tics that read 0.01, 1, 100 or 10⁻⁸. Written out in
-- Unicode, as gnuplot's markup is off (labels may hold any character).

local gnuplot = require "lsqnet.plot.gnuplot"
local words = require "lsqnet.words"

local tics = {}

local number, quoted = gnuplot.number, gnuplot.quoted

local SUPERSCRIPTS = { ["-"] = "⁻", ["0"] = "⁰", ["1"] = "¹", ["2"] = "²", ["3"] = "³", ["4"] = "⁴",
                       ["5"] = "⁵", ["6"] = "⁶", ["7"] = "⁷", ["8"] = "⁸", ["9"] = "⁹" }

local LEAST, MOST = 2.0 ^ -1022, 2.0 ^ 1023 -- of what gnuplot can scale

-- Pixels that a label takes along its axis.
local ROOM = { x = 48, y = 26, z = 26, cb = 26 }

-- The range that shows low to high > 0 with some room at both ends.
function tics.log_range(low, high)
  local span = math.log(high, 10) - math.log(low, 10) -- the ratio may overflow
  local factor = 10 ^ (low == high and 0.3 or 0.03 * span)
  return { math.max(low / factor, LEAST), math.min(high * factor, MOST) }
end

-- digit * 10^exponent to the last bit, which a product of powers is not.
local function decimal(digit, exponent)
  return tonumber(("%de%d"):format(digit, exponent))
end

local function power(exponent)
  return "10" .. ("%d"):format(exponent):gsub(".", SUPERSCRIPTS)
end

-- A round step that cuts low to high into about so many parts.
function tics.step(low, high, parts)
  local unit = 10.0 ^ math.floor(math.log((high - low) / parts, 10))
  local ratio = (high - low) / parts / unit
  return unit * (ratio > 7 and 10 or ratio > 3.5 and 5 or ratio > 1.5 and 2 or 1)
end

-- Whole powers of ten, every `step` of them, and small tics between.
local function decades(first, last, step)
  local list = {}
  local plain = first >= -3 and last <= 4
  for k = first - 1, last do
    if k >= first and k % step == 0 then
      list[#list + 1] = { plain and words.number("%.15g", 10.0 ^ k) or power(k), decimal(1, k) }
    end
    for digit = 2, step == 1 and 9 or 1 do list[#list + 1] = { "", decimal(digit, k), 1 } end
  end
  return list
end

-- Round numbers between low and high, for an axis that holds less than two powers of ten: 1, 2
-- and 5 times a power, or where these are too few about five equal steps.
local function round_numbers(low, high)
  local list = {}
  local function add(v)
    if v >= low and v <= high then list[#list + 1] = { words.number("%.6g", v), v } end
  end
  for k = math.floor(math.log(low, 10)), math.ceil(math.log(high, 10)) do
    for _, digit in ipairs { 1, 2, 5 } do add(decimal(digit, k)) end
  end
  if #list >= 3 then return list end
  list = {}
  local step = tics.step(low, high, 5)
  for i = 0, step > 0 and 12 or -1 do add((math.ceil(low / step) + i) * step) end
  return list
end

-- Sets range and tics of a logarithmic axis "x", "y", "z" or "cb" of so many pixels.
function tics.set_log(figure, axis, range, pixels)
  local first, last = math.ceil(math.log(range[1], 10)), math.floor(math.log(range[2], 10))
  local list
  if last - first >= 1 then
    local room = math.max(1, pixels // ROOM[axis])
    list = decades(first, last, math.max(1, math.ceil((last - first + 1) / room)))
  else
    list = round_numbers(range[1], range[2])
  end
  local shown = {}
  for _, tic in ipairs(list) do
    if tic[2] >= range[1] and tic[2] <= range[2] then
      shown[#shown + 1] = ("%s %s%s"):format(quoted(tic[1]), number(tic[2]), tic[3] and " 1" or "")
    end
  end
  figure:add("set %srange [%s:%s]", axis, number(range[1]), number(range[2]))
  figure:add("%s", ("set %stics (%s)"):format(axis, table.concat(shown, ", ")))
end

return tics
