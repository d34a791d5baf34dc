--- Checks that the Lua files share: arguments and tables of named options, with the messages
-- of the C side.
-- @module lsqnet.options

local words = require "lsqnet.words"

local options = {}

local function number(value)
  return words.number("%.14g", value)
end

-- Optimal string alignment distance: insertions, deletions, replacements and swaps.
local function distance(a, b)
  local rows = { [0] = {} }
  for j = 0, #b do rows[0][j] = j end
  for i = 1, #a do
    local here, above, before = { [0] = i }, rows[i - 1], rows[i - 2]
    for j = 1, #b do
      local replaced = a:byte(i) == b:byte(j) and 0 or 1
      here[j] = math.min(above[j - 1] + replaced, above[j] + 1, here[j - 1] + 1)
      if before and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        here[j] = math.min(here[j], before[j - 2] + 1)
      end
    end
    rows[i] = here
  end
  return rows[#a][#b]
end

--- The hint that follows an unknown word.
-- @tparam string word what was given
-- @tparam {string,...} names what is known
-- @treturn string ` (did you mean 'name'?)`, or the empty string when nothing is near
function options.suggest(word, names)
  local best, nearest = math.max(1, #word // 3) + 1, nil
  for _, name in ipairs(names) do
    local d = distance(word, name)
    if d < best then best, nearest = d, name end
  end
  return nearest and (" (did you mean '%s'?)"):format(nearest) or ""
end

--- The type of a value: the name of its class where it has one.
-- @param value anything
-- @treturn string "lsqnet.matrix", "lsqnet.rng", "number", ...
function options.typename(value)
  local meta = getmetatable(value)
  local name = type(meta) == "table" and type(value) ~= "string" and rawget(meta, "__name")
  return name or type(value)
end

--- Raises `bad argument #1 to 'split' (...)` at the caller of the function that checks, unless
-- the condition holds.
-- @param condition what must be true
-- @tparam int position of the argument, from 1
-- @tparam string name of the function
-- @tparam string message what is expected and what was given
-- @tparam[opt=3] int level of the stack that is to blame, as for `error`
function options.argument(condition, position, name, message, level)
  if not condition then
    error(("bad argument #%d to '%s' (%s)"):format(position, name, message), level or 3)
  end
end

--- Raises unless an argument is of a type.
-- @param value the argument
-- @tparam string expected as `typename` tells it
-- @tparam int position of the argument, from 1
-- @tparam string name of the function
-- @tparam[opt=3] int level of the stack that is to blame, as for `error`
-- @return the value
function options.typed(value, expected, position, name, level)
  local given = value == nil and "no value" or options.typename(value)
  if given ~= expected then
    error(("bad argument #%d to '%s' (%s expected, got %s)")
          :format(position, name, expected, given), level or 3)
  end
  return value
end

local function sorted_names(declared)
  local names = {}
  for name in pairs(declared) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The checks return what is wrong, or nil.

local function choice_problem(value, choices)
  for _, choice in ipairs(choices) do
    if value == choice then return nil end
  end
  local last = #choices > 1 and ("' or '" .. choices[#choices]) or ""
  local known = table.concat(choices, "', '", 1, math.max(1, #choices - 1)) .. last
  return ("'%s' expected, got '%s'%s"):format(known, value, options.suggest(value, choices))
end

local function range_problem(value, option)
  if not (option.minimum or option.maximum) then return nil end
  if value ~= value then return "a number expected, got nan" end
  if option.minimum and value < option.minimum then
    return ("at least %s expected, got %s"):format(number(option.minimum), number(value))
  end
  if option.maximum and value > option.maximum then
    return ("at most %s expected, got %s"):format(number(option.maximum), number(value))
  end
end

local ARTICLES = { integer = "an integer", number = "a number", string = "a string",
                   boolean = "a boolean", table = "a table", ["function"] = "a function" }

local function value_problem(value, option)
  local expected, given = option.choices and "string" or option.type, options.typename(value)
  if expected == "any" then return nil end
  if expected == "integer" and given == "number" then
    if not math.tointeger(value) then return "an integer expected, got " .. number(value) end
  elseif given ~= expected then
    return ("%s expected, got %s"):format(ARTICLES[expected] or expected, given)
  end
  return option.choices and choice_problem(value, option.choices) or range_problem(value, option)
end

local function entry_problem(name, value, declared)
  if type(name) ~= "string" then
    return ("options are named: a %s cannot be the name of one"):format(type(name))
  end
  if not declared[name] then
    return ("unknown option '%s'%s"):format(name, options.suggest(name, sorted_names(declared)))
  end
  local problem = value_problem(value, declared[name])
  return problem and ("option '%s': %s"):format(name, problem)
end

--- Reads a table of options by its declaration. Raises on an unknown name (suggesting the
-- nearest known one), a wrong type, or a value out of range.
-- @tparam table|nil given the options, or nil for all defaults; not changed
-- @tparam {[string]=table,...} declared for each name a table with `type` (as `typename` tells it,
-- "integer" or "any") or `choices` (a list of strings), and where they apply `default`,
-- `minimum`, `maximum`
-- @tparam[opt=3] int level of the stack that is to blame, as for `error`
-- @treturn table a new table: every declared option, as given or its default
function options.read(given, declared, level)
  level = level or 3
  if given ~= nil and type(given) ~= "table" then
    error("a table of options expected, got " .. options.typename(given), level)
  end
  local values = {}
  for name, option in pairs(declared) do values[name] = option.default end
  for name, value in pairs(given or {}) do
    local problem = entry_problem(name, value, declared)
    if problem then error(problem, level) end
    values[name] = declared[name].type == "integer" and math.tointeger(value) or value
  end
  return values
end

return options
