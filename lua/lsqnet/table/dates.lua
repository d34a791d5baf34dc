-- Dates as texts: days since 1970-01-01 and hours since midnight, as the reader gives them.

local dates = {}

--- The year, the month and the day of a number of days; the calendar is the Gregorian one.
function dates.civil(days)
  local shifted = math.floor(days) + 719468
  local era = shifted // 146097
  local of_era = shifted - era * 146097
  local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year + year // 4 - year // 100)
  local shifted_month = (5 * of_year + 2) // 153
  local day = of_year - (153 * shifted_month + 2) // 5 + 1
  local month = shifted_month < 10 and shifted_month + 3 or shifted_month - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

local function is_leap(year)
  return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

local BEFORE = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 }

--- The day of the year, from 1, and how many days the year has.
function dates.day_of_year(year, month, day)
  local leap = is_leap(year) and 1 or 0
  return BEFORE[month] + day + (month > 2 and leap or 0), 365 + leap
end

--- The day of the week: 0 is Monday.
function dates.weekday(days)
  return (math.floor(days) + 3) % 7
end

-- Seconds of a day, to the microsecond, as whole numbers.
local function clock(seconds)
  local micro = math.floor(seconds * 1e6 + 0.5)
  local whole, rest = micro // 1000000, micro % 1000000
  local text = ("%02d:%02d:%02d"):format(whole // 3600, whole // 60 % 60, whole % 60)
  if rest > 0 then text = text .. (".%06d"):format(rest):gsub("0+$", "") end
  return text
end

--- Hours since midnight as `18:00:30`.
function dates.time_text(hours)
  return clock(hours * 3600)
end

--- Days since 1970-01-01 as `2020-03-01` or `2020-03-01T18:00:00`.
function dates.text(days)
  local micro = math.floor(days * 86400e6 + 0.5)
  local whole = micro // 86400e6
  local year, month, day = dates.civil(whole)
  local text = ("%04d-%02d-%02d"):format(year, month, day)
  local rest = micro - whole * 86400e6
  return rest == 0 and text or text .. "T" .. clock(rest / 1e6)
end

return dates
