-- What the report of a protocol asks of its stored runs: those of one set-up, in the order of
-- their seeds.

local results = {}
results.__index = results

-- `accept(row)` chooses rows. Their cases come in the order of `cases`, others after them.
function results.new(rows, cases, accept)
  local self = setmetatable({ by_case = {}, names = {}, seconds = 0 }, results)
  local chosen = {}
  for _, row in ipairs(rows) do
    if accept(row) then chosen[#chosen + 1] = row end
  end
  table.sort(chosen, function(a, b) return a.seed < b.seed end)
  local order = table.move(cases, 1, #cases, 1, {})
  for _, row in ipairs(chosen) do
    if not self.by_case[row.case] then
      self.by_case[row.case] = {}
      order[#order + 1] = row.case
    end
    table.insert(self.by_case[row.case], row)
    self.seconds = self.seconds + row.seconds
  end
  local is_listed = {}
  for _, case in ipairs(order) do
    if self.by_case[case] and not is_listed[case] then self.names[#self.names + 1] = case end
    is_listed[case] = true
  end
  return self
end

-- The cases that have runs.
function results:cases()
  return self.names
end

function results:has(case)
  return self.by_case[case] ~= nil
end

-- The rows of a case, each { case, seed, seconds, measure = number, curve = list }; none for an
-- unknown case.
function results:rows(case)
  return self.by_case[case] or {}
end

function results:count(case)
  return #self:rows(case)
end

-- The values of a measure, or the curves of a name: one of each run that has it.
function results:values(case, name)
  local list = {}
  for _, row in ipairs(self:rows(case)) do
    if row[name] ~= nil then list[#list + 1] = row[name] end
  end
  return list
end

-- The row of a case with the least of a measure, among those that have a curve of this name where
-- one is given; nil without one.
function results:best(case, measure, curve)
  local best
  for _, row in ipairs(self:rows(case)) do
    if (not curve or row[curve]) and (not best or row[measure] < best[measure]) then best = row end
  end
  return best
end

-- The most runs that a case has.
function results:runs()
  local most = 0
  for _, case in ipairs(self.names) do most = math.max(most, self:count(case)) end
  return most
end

-- How many runs the cases have, as a text: "100", or "5 to 100" where they have not as many.
function results:span()
  local fewest, most = math.huge, self:runs()
  for _, case in ipairs(self.names) do fewest = math.min(fewest, self:count(case)) end
  return fewest < most and ("%d to %d"):format(fewest, most) or ("%d"):format(most)
end

return results
