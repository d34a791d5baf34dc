-- What a model makes of its columns: permutation importance and partial dependence.

local core = require "lsqnet.core"

local explain = {}

-- The inputs that a column became.
local function inputs_of(entry)
  local list = {}
  local function add(j)
    if type(j) == "number" and j > 0 then list[#list + 1] = j end
  end
  if entry.to then
    local seen = {}
    for _, j in pairs(entry.to) do
      if not seen[j] then
        seen[j] = true
        add(j)
      end
    end
    if not seen[entry.other] then add(entry.other) end
    add(entry.missing)
  elseif type(entry.value) == "table" then
    for _, j in ipairs(entry.value) do add(j) end
  else
    add(entry.value)
  end
  add(entry.flag)
  return list
end

-- X with the values of some columns taken from other rows.
local function shuffled(X, inputs, order)
  local changed = X:copy()
  for _, j in ipairs(inputs) do
    for i = 1, X.rows do changed:set(i, j, X:get(order[i], j)) end
  end
  return changed
end

local function moments(list)
  local sum, squares = 0, 0
  for _, v in ipairs(list) do sum = sum + v end
  local mean = sum / #list
  for _, v in ipairs(list) do squares = squares + (v - mean) ^ 2 end
  return mean, #list > 1 and math.sqrt(squares / (#list - 1)) or 0
end

--- What `model:importance` does; score(X) is of encoded rows.
function explain.importance(model, X, o, score)
  local rng, whole, list = core.rng(o.seed), score(X), {}
  for k, spec in ipairs(model.encoder.columns) do
    local inputs, falls = inputs_of(model.encoder.plan[k]), {}
    for r = 1, o.repeats do
      falls[r] = whole - score(shuffled(X, inputs, rng:permutation(X.rows)))
    end
    local mean, deviation = moments(falls)
    list[k] = { name = spec.name, mean = mean, deviation = deviation }
  end
  table.sort(list, function(a, b)
    if a.mean ~= b.mean then return a.mean > b.mean end
    return a.name < b.name
  end)
  return list
end

--- The column of a name, or of a position where the model has no names.
function explain.column(model, name)
  for k, spec in ipairs(model.encoder.columns) do
    if spec.name == name or spec.position == name then return spec, k end
  end
end

-- Values of a column to try: levels, or points between its least and its largest.
local function values_of(tab, spec, points)
  if spec.type == "category" then return spec.levels end
  local least, largest = math.huge, -math.huge
  local column = tab:column(spec.name)
  for i = 1, column.rows do
    local v = column:get(i, 1)
    if v - v == 0 then least, largest = math.min(least, v), math.max(largest, v) end
  end
  local list = {}
  if largest < least then return list end
  for k = 1, points do list[k] = least + (largest - least) * (k - 1) / (points - 1) end
  return list
end

-- One encoded row in which only the column's value is set.
local function encoded(model, spec, value)
  return model.encoder:row { [model.encoder.header and spec.name or spec.position] = value }
end

--- What `model:partial` does; predict(X) is of encoded rows.
function explain.partial(model, X, tab, spec, place, points, predict)
  local inputs, list = inputs_of(model.encoder.plan[place]), {}
  for k, value in ipairs(values_of(tab, spec, points)) do
    local row, changed = encoded(model, spec, value), X:copy()
    for _, j in ipairs(inputs) do
      local v = row:get(1, j)
      for i = 1, X.rows do changed:set(i, j, v) end
    end
    local mean = predict(changed):mean("rows")
    list[k] = { value = value, mean = mean.cols == 1 and mean:get(1, 1) or mean:totable()[1] }
  end
  return list
end

return explain
