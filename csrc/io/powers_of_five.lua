--- Prints powers_of_five.h, the table that number.c reads decimals with:
--
--     lua5.4 csrc/io/powers_of_five.lua > csrc/io/powers_of_five.h
--
-- Each power 5^q, -342 <= q <= 308, is scaled by a power of two into [2^127, 2^128) and cut to
-- an integer; for negative q, one is added first, so that the reciprocal is never too small
-- (Lemire, "Number parsing at a gigabyte per second", 2021, section 5).

-- Naturals are lists of limbs of 24 bits, the lowest first.
local BASE <const> = 1 << 24

local function trim(n)
  while #n > 0 and n[#n] == 0 do n[#n] = nil end
  return n
end

local function multiply(n, factor)
  local carry = 0
  for i = 1, #n do
    carry = carry + n[i] * factor
    n[i], carry = carry % BASE, carry // BASE
  end
  if carry > 0 then n[#n + 1] = carry end
  return n
end

local function divide(n, divisor)
  local rest = 0
  for i = #n, 1, -1 do
    rest = rest * BASE + n[i]
    n[i], rest = rest // divisor, rest % divisor
  end
  return trim(n)
end

local function increment(n)
  local i = 1
  while n[i] == BASE - 1 do n[i], i = 0, i + 1 end
  n[i] = (n[i] or 0) + 1
  return n
end

local function bits(n)
  local count, top = 24 * (#n - 1), n[#n]
  while top > 0 do count, top = count + 1, top >> 1 end
  return count
end

local function two_to_the(exponent)
  local n = {}
  for i = 1, exponent // 24 do n[i] = 0 end
  n[#n + 1] = 1 << exponent % 24
  return n
end

-- The highest 128 bits, as two integers of 64.
local function top_words(n)
  for _ = bits(n), 127 do multiply(n, 2) end
  for _ = 129, bits(n) do divide(n, 2) end
  local high, low = 0, 0
  for i = #n, 1, -1 do
    high = high << 24 | low >> 40
    low = low << 24 | n[i]
  end
  return high, low
end

local function power_of_five(q)
  local n = {1}
  for _ = 1, math.abs(q) do multiply(n, 5) end
  if q >= 0 then return top_words(n) end
  local z = bits(n)
  local reciprocal = two_to_the(q >= -27 and z + 127 or 2 * z + 128)
  for _ = 1, -q do divide(reciprocal, 5) end
  return top_words(increment(reciprocal))
end

print [[
/* Made by powers_of_five.lua; do not edit. The highest 128 bits of 5^q, q = -342 .. 308. */
#ifndef LSQ_IO_POWERS_OF_FIVE_H
#define LSQ_IO_POWERS_OF_FIVE_H

#include <stdint.h>

enum { SMALLEST_POWER = -342, LARGEST_POWER = 308 };

/* clang-format off */
static const uint64_t powers_of_five[LARGEST_POWER - SMALLEST_POWER + 1][2] = {]]
local line = {}
for q = -342, 308 do
  line[#line + 1] = ("{0x%016x, 0x%016x},"):format(power_of_five(q))
  if #line == 2 or q == 308 then
    print("    " .. table.concat(line, " "))
    line = {}
  end
end
print [[
};
/* clang-format on */

#endif]]
