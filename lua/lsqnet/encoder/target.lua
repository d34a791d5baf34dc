-- What a column is as a target: a number, or a class.

local core = require "lsqnet.core"
local level = require "lsqnet.table.level"

local target = {}

local CLASSES = 50 -- at most
local SHOWN = 9 -- columns of numbers in a message
local FEW = 10 -- distinct integers that might be meant as classes

-- Different values of a column, sorted, and how often each occurs; nil beyond `limit` of them.
local function distinct_values(values, limit)
  local list, counts = {}, {}
  for i = 1, values.rows do
    local value = values:get(i, 1)
    if value - value == 0 then
      if not counts[value] then
        if #list == limit then return nil end
        list[#list + 1] = value
        counts[value] = 0
      end
      counts[value] = counts[value] + 1
    end
  end
  table.sort(list)
  return list, counts
end

-- Columns of numbers that could be the target instead.
local function numeric_columns(tab, position)
  local names = {}
  for k = 1, #tab.names do
    if k ~= position and tab:type(k) == "number" then
      names[#names + 1] = tab.header and tab.names[k]:find("%a") and tab.names[k] or tostring(k)
    end
  end
  if #names == 0 then return "" end
  return ("; columns of numbers are %s%s"):format(
    table.concat(names, ", ", 1, math.min(SHOWN, #names)), #names > SHOWN and ", ..." or "")
end

-- The classes of a category or of few numbers, with their counts.
local function classes_of(tab, position)
  local values = tab:column(position)
  local list = {}
  if tab:type(position) == "category" then
    local levels = tab:levels(position)
    for code, count in ipairs((core.table.tally(values, #levels))) do
      if count > 0 then list[#list + 1] = { name = levels[code], count = count } end
    end
    return list
  end
  local numbers, counts = distinct_values(values, values.rows)
  for _, value in ipairs(numbers) do
    list[#list + 1] = { name = level.name(value), count = counts[value] }
  end
  return list
end

local function rare_problem(list, folds)
  local rare = 0
  for _, class in ipairs(list) do rare = rare + (class.count < folds and 1 or 0) end
  if 2 * rare > #list then
    return ("%d of its %d classes have fewer than %d rows"):format(rare, #list, folds)
  end
end

local function settle_classes(tab, position, title, folds)
  local list = classes_of(tab, position)
  local problem = #list < 2 and "it has one value alone"
    or #list > CLASSES and ("it has %d classes, more than %d"):format(#list, CLASSES)
    or rare_problem(list, folds)
  if problem then
    return nil, ("target '%s': %s%s"):format(title, problem, numeric_columns(tab, position))
  end
  local names = {}
  for k, class in ipairs(list) do names[k] = class.name end
  return { task = "classification", classes = names }
end

local function settle_number(tab, position, title, task, folds, notes)
  local values = tab:column(position)
  local summary = core.table.summarise(values)
  if summary.finite > 0 and summary.least == summary.largest then
    return nil, ("target '%s': it has one value alone"):format(title)
  end
  local few = distinct_values(values, FEW)
  if task == "classification" then return settle_classes(tab, position, title, folds) end
  if task == "auto" and few and #few == 2 then
    notes[#notes + 1] = ("target '%s' has two values, %s and %s: classes "
      .. "(--task regression for numbers)"):format(title, level.name(few[1]), level.name(few[2]))
    return settle_classes(tab, position, title, folds)
  end
  if task == "auto" and few and #few > 2 and summary.integers then
    notes[#notes + 1] = ("target '%s' has %d values, taken for numbers "
      .. "(--task classification for classes)"):format(title, #few)
  end
  return { task = "regression" }
end

--- Decides.
-- @tparam tabular tab the training rows
-- @tparam int position of the target
-- @tparam string title of the target in messages
-- @tparam string task "auto", "regression" or "classification"
-- @tparam int folds of the cross-validation
-- @tparam {string,...} notes to which a sentence is added
-- @treturn[1] table task and, of classes, classes
-- @treturn[2] nil
-- @treturn[2] string message
function target.settle(tab, position, title, task, folds, notes)
  local kind = tab:type(position)
  if core.table.summarise(tab:column(position)).finite == 0 then
    return nil, ("target '%s': no value is there"):format(title)
  elseif kind == "date" or kind == "time" then
    return nil, ("target '%s': it is a %s, which cannot be predicted%s"):format(
      title, kind == "date" and "date" or "time of day", numeric_columns(tab, position))
  elseif kind == "category" and task == "regression" then
    return nil, ("target '%s': it is text, and regression needs numbers%s"):format(
      title, numeric_columns(tab, position))
  elseif kind == "category" then
    return settle_classes(tab, position, title, folds)
  end
  return settle_number(tab, position, title, task, folds, notes)
end

return target
