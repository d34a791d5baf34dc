-- The rows of a table as inputs and as targets.

local core = require "lsqnet.core"
local level = require "lsqnet.table.level"
local options = require "lsqnet.options"

local apply = {}

--- Why columns are left out, in one line.
function apply.reasons(left_out)
  local list = {}
  for k, entry in ipairs(left_out) do list[k] = ("'%s': %s"):format(entry.title, entry.reason) end
  return table.concat(list, "; ")
end

-- The position in a table without names, or of an encoder without: as in training, where the table
-- is as wide; without the target; or the inputs alone, in their order.
local function position_of(self, tab, spec, k)
  if #tab.names == self.width then return spec.position end
  local at = self.target and self.target.position
  if at and #tab.names == self.width - 1 then
    return spec.position ~= at and spec.position - (spec.position > at and 1 or 0) or nil
  end
  return #tab.names == #self.columns and k or nil
end

-- The column of a name; of several that which stands where it stood in training.
local function named(tab, name, position)
  local found
  for k, known in ipairs(tab.names) do
    if known == name then
      if found and tab.names[position] == name then return position end
      if found then return nil, ("two columns are named '%s'"):format(name) end
      found = k
    end
  end
  if found then return found end
  return nil, ("there is no column '%s'%s"):format(name, options.suggest(name, tab.names))
end

--- Positions in a table of the columns that an encoder uses.
-- @treturn[1] {int,...}
-- @treturn[1] string a note where they are found by position
-- @treturn[2] nil
-- @treturn[2] string message
local function locate(self, tab)
  local list, problems = {}, {}
  local by_name = self.header and tab.header
  for k, spec in ipairs(self.columns) do
    local found, problem
    if by_name then found, problem = named(tab, spec.name, spec.position)
    else found = position_of(self, tab, spec, k) end
    list[k] = found or 0
    problems[#problems + 1] = problem
    if not found and not by_name then
      return nil, ("%d columns expected, as in training%s, got %d"):format(
        self.width, self.target and ", or all but the target" or "", #tab.names)
    end
  end
  if #problems > 0 then return nil, table.concat(problems, "; ") end
  return list, not by_name and "columns are taken by their positions: there is no line of names"
    or nil
end

-- Whether a column of a table has nothing but gaps, which fits every type.
local function is_blank(tab, position)
  return tab:missing(position) == tab.rows
end

local function fill_number(tab, position, spec, entry, X)
  if tab:type(position) ~= "number" and not is_blank(tab, position) then
    return nil, ("'%s' is a %s, not a number as in training"):format(spec.title,
                                                                      tab:type(position))
  end
  core.table.fill(tab:column(position), spec.median, X, entry.value, entry.flag)
  return true
end

-- Codes and levels of a column, of numbers too.
local function coded(tab, position)
  local values = tab:column(position)
  local levels = tab:levels(position)
  if levels then return values, levels end
  local codes, names, found = core.matrix(values.rows, 1, 0 / 0), {}, {}
  for i = 1, values.rows do
    local value = values:get(i, 1)
    local name = value == value and level.name(value)
    if name then
      if not found[name] then
        names[#names + 1] = name
        found[name] = #names
      end
      codes:set(i, 1, found[name])
    end
  end
  return codes, names
end

local function fill_category(tab, position, spec, entry, X, unseen)
  local kind = tab:type(position)
  if (kind == "date" or kind == "time") and not is_blank(tab, position) then
    return nil, ("'%s' is a %s, not a category as in training"):format(spec.title, kind)
  end
  local codes, levels = coded(tab, position)
  local counts = core.table.tally(codes, #levels)
  local to, new = {}, 0
  for code, name in ipairs(levels) do
    to[code] = entry.to[name] or entry.other
    if not entry.to[name] then new = new + counts[code] end
  end
  to[#levels + 1] = entry.missing
  core.table.spread(codes, to, X)
  if new > 0 then unseen[spec.title] = new end
  return true
end

local function fill_date(tab, position, spec, entry, X)
  local kind = tab:type(position)
  if kind ~= spec.type and not is_blank(tab, position) then
    return nil, ("'%s' is a %s, not a %s as in training"):format(spec.title, kind, spec.type)
  end
  local values = tab:column(position)
  for i = 1, values.rows do
    local value = values:get(i, 1)
    local there = value - value == 0
    for k, input in ipairs(entry.value) do
      X:set(i, input, there and entry.of[k](value, spec.median) or spec.fills[k])
    end
    if entry.flag > 0 then X:set(i, entry.flag, there and 0 or 1) end
  end
  return true
end

local FILL = { number = fill_number, category = fill_category, date = fill_date,
               time = fill_date }

local function unseen_notes(unseen, notes)
  local titles = {}
  for title in pairs(unseen) do titles[#titles + 1] = title end
  table.sort(titles)
  for _, title in ipairs(titles) do
    notes[#notes + 1] = ("'%s': %d value%s of levels that training had not"):format(
      title, unseen[title], unseen[title] == 1 and "" or "s")
  end
end

--- What `encoder:apply` does.
function apply.table(self, tab)
  local positions, note = locate(self, tab)
  if not positions then return nil, note, "bad_format" end
  local X = core.matrix(tab.rows, #self.inputs)
  local about, problems = { unseen = {}, notes = { note } }, {}
  for k, spec in ipairs(self.columns) do
    local ok, problem = FILL[spec.type](tab, positions[k], spec, self.plan[k], X, about.unseen)
    if not ok then problems[#problems + 1] = problem end
  end
  if #problems > 0 then return nil, table.concat(problems, "; "), "bad_format" end
  unseen_notes(about.unseen, about.notes)
  return X, about
end

local function regression_targets(values, rows)
  local Y = core.matrix(#rows, 1)
  for k, row in ipairs(rows) do Y:set(k, 1, values:get(row, 1)) end
  return Y, rows
end

local function class_targets(self, tab, position, rows)
  local values, levels = tab:column(position), tab:levels(position)
  local number_of, list = {}, {}
  for k, name in ipairs(self.target.classes) do number_of[name] = k end
  local count = #self.target.classes
  local Y = core.matrix(#rows, count == 2 and 1 or count)
  for k, row in ipairs(rows) do
    local value = values:get(row, 1)
    local name = levels and levels[value // 1 | 0] or level.name(value)
    local class = number_of[name]
    if not class then
      return nil, ("target '%s': there was no class '%s' in training"):format(self.target.title,
                                                                               name), "bad_format"
    end
    list[k] = class
    if count > 2 then Y:set(k, class, 1) else Y:set(k, 1, class - 1) end
  end
  return Y, rows, list
end

--- What `encoder:targets` does.
function apply.targets(self, tab)
  local position = self.target.position
  if self.header and tab.header then
    local found, message = named(tab, self.target.name, position)
    position = found
    if not position then return nil, "target: " .. message, "bad_format" end
  elseif #tab.names ~= self.width then
    return nil, ("target: %d columns expected, got %d"):format(self.width, #tab.names), "bad_format"
  end
  local values, rows = tab:column(position), {}
  for i = 1, tab.rows do
    local value = values:get(i, 1)
    if value - value == 0 then rows[#rows + 1] = i end
  end
  if self.target.task == "classification" then return class_targets(self, tab, position, rows) end
  if tab:type(position) ~= "number" and #rows > 0 then
    return nil, ("target '%s' is a %s, not a number as in training"):format(
      self.target.title, tab:type(position)), "bad_format"
  end
  return regression_targets(values, rows)
end

return apply
