-- What tables of runs are summed up by. Lists hold at least one number; none is changed.

local statistics = {}

local function sorted(list)
  local copy = table.move(list, 1, #list, 1, {})
  table.sort(copy)
  return copy
end

function statistics.mean(list)
  local sum = 0
  for _, v in ipairs(list) do sum = sum + v end
  return sum / #list
end

-- Of the sample, dividing by n-1; 0 for one number.
function statistics.std(list)
  if #list == 1 then return 0 end
  local mean, sum = statistics.mean(list), 0
  for _, v in ipairs(list) do sum = sum + (v - mean) ^ 2 end
  return math.sqrt(sum / (#list - 1))
end

-- Of the entries of a matrix, dividing by their number.
function statistics.variance(m)
  local mean = m:mean()
  return m:map(function(v) return (v - mean) ^ 2 end):mean()
end

-- Linear between the two nearest of the sorted numbers, as numpy's default.
function statistics.quantile(list, share)
  local ordered = sorted(list)
  local position = 1 + share * (#ordered - 1)
  local below = math.floor(position)
  local above = math.min(below + 1, #ordered)
  local is_between = position > below and ordered[below] ~= ordered[above]
  if not is_between then return ordered[below] end -- infinite ones have no differences
  return ordered[below] + (position - below) * (ordered[above] - ordered[below])
end

function statistics.median(list)
  return statistics.quantile(list, 0.5)
end

function statistics.min(list)
  return sorted(list)[1]
end

function statistics.max(list)
  return sorted(list)[#list]
end

-- The share of a list for which a test holds.
function statistics.share(list, test)
  local count = 0
  for _, v in ipairs(list) do count = count + (test(v) and 1 or 0) end
  return count / #list
end

-- P(|T| >= |t|) for Student's distribution with whole degrees of freedom: the finite series of
-- Abramowitz and Stegun, 26.7.3 and 26.7.4.
local function two_sided(t, freedom)
  local angle = math.atan(math.abs(t) / math.sqrt(freedom))
  local cosine, sine = math.cos(angle), math.sin(angle)
  local is_odd = freedom % 2 == 1
  local term, sum = is_odd and cosine or 1, 0
  for k = is_odd and 3 or 2, freedom, 2 do
    sum = sum + term
    term = term * cosine ^ 2 * (k - 1) / k
  end
  local inside = sine * sum
  if is_odd then inside = 2 / math.pi * (angle + inside) end
  return math.max(0, 1 - inside)
end

-- The p-value of the two-sided paired t-test that two lists of equal length have the same mean;
-- 1 where they are equal number by number, nil for fewer than two pairs.
function statistics.paired_t_test(a, b)
  assert(#a == #b, "pairs expected")
  if #a < 2 then return nil end
  local differences = {}
  for i, v in ipairs(a) do differences[i] = v - b[i] end
  local mean, std = statistics.mean(differences), statistics.std(differences)
  if std == 0 then return mean == 0 and 1 or 0 end
  return two_sided(mean / (std / math.sqrt(#a)), #a - 1)
end

-- "3.94 (0.10)", "2422 (100)": a mean and a standard deviation.
function statistics.mean_and_std(mean, std, format)
  return ("%s (%s)"):format((format or "%.4g"):format(mean),
                            (std >= 10 and std < 1e5 and "%.0f" or "%.2g"):format(std))
end

-- The mean and the standard deviation of a list, or its only number.
function statistics.summary(list, format)
  local mean = statistics.mean(list)
  if #list == 1 then return (format or "%.4g"):format(mean) end
  return statistics.mean_and_std(mean, statistics.std(list), format)
end

-- One list of the values at each position of curves: { { run 1, run 2, ... } at position 1, ... },
-- as far as the shortest curve goes.
function statistics.columns(curves)
  local columns = {}
  local length = math.huge
  for _, curve in ipairs(curves) do length = math.min(length, #curve) end
  for i = 1, length < math.huge and length or 0 do
    columns[i] = {}
    for k, curve in ipairs(curves) do columns[i][k] = curve[i] end
  end
  return columns
end

-- The mean of curves at each position, and the means less and more one standard deviation.
function statistics.band(curves)
  local mean, lower, upper = {}, {}, {}
  for i, values in ipairs(statistics.columns(curves)) do
    local m, s = statistics.mean(values), statistics.std(values)
    mean[i], lower[i], upper[i] = m, m - s, m + s
  end
  return mean, lower, upper
end

-- The median of curves at each position, and their quartiles.
function statistics.quartiles(curves)
  local middle, lower, upper = {}, {}, {}
  for i, values in ipairs(statistics.columns(curves)) do
    middle[i] = statistics.median(values)
    lower[i], upper[i] = statistics.quantile(values, 0.25), statistics.quantile(values, 0.75)
  end
  return middle, lower, upper
end

-- A median, where math.huge says that most runs never got there.
function statistics.or_never(value)
  return value < math.huge and ("%.3g"):format(value) or "never"
end

return statistics
