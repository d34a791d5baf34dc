-- Parts of a date or a time of day as numbers.

local dates = require "lsqnet.table.dates"

local parts = {}

local TURN <const> = 2 * math.pi

-- Of days since 1970-01-01 and the median of the training rows.
local DATE = {
  { "days", function(days, median) return days - median end },
  { "year", function(days) return (dates.civil(days)) end },
  { "month", function(days) return (select(2, dates.civil(days))) end },
  { "weekday", function(days) return dates.weekday(days) end },
  { "day of year, sine", function(days) return math.sin(parts.season(days)) end },
  { "day of year, cosine", function(days) return math.cos(parts.season(days)) end },
  { "time, sine", function(days) return math.sin(TURN * (days % 1)) end },
  { "time, cosine", function(days) return math.cos(TURN * (days % 1)) end },
}

-- Of hours since midnight.
local TIME = {
  { "sine", function(hours) return math.sin(TURN * hours / 24) end },
  { "cosine", function(hours) return math.cos(TURN * hours / 24) end },
}

--- The angle of a day within its year.
function parts.season(days)
  local year, month, day = dates.civil(days)
  local number, total = dates.day_of_year(year, month, day)
  return TURN * (number - 1) / total
end

--- { { name, function(value, median) }, ... } of a type of column.
function parts.of(kind)
  return kind == "date" and DATE or TIME
end

--- The function of a part by its name.
function parts.named(kind, name)
  for _, part in ipairs(parts.of(kind)) do
    if part[1] == name then return part[2] end
  end
end

return parts
