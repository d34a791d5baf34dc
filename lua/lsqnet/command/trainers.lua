-- The trainers that `lsqnet fit` offers, and their options as words of a command line.
--
-- Left out are `random_search`, which fits nothing and serves as a control, and `triangle`, which
-- needs a network of its own making.

local core = require "lsqnet.core"
local options = require "lsqnet.options"

local trainers = {}

--- Name to `activation`, the default one; `activations`, the others; `depth`, the most hidden
-- layers; `restarts`, by default; `search`, whether a restart is an iteration.
trainers.KNOWN = {
  anmin = { activation = "relu", activations = { "leaky_relu" }, depth = 1 },
  varpro = { activation = "relu", activations = { "leaky_relu" }, depth = 1 },
  gauss_newton = { activation = "relu" },
  lbfgs = { activation = "relu" },
  adam = { activation = "relu" },
  adagrad = { activation = "relu" },
  sgd = { activation = "relu" },
  ills = { activation = "tanh" },
  elm = { activation = "relu", restarts = 100, search = true },
  linstorch = { activation = "relu", activations = {}, restarts = 100, search = true },
  spread_net = { activation = "relu", activations = {}, depth = 1, search = true },
  knot_search = { activation = "relu", activations = {}, depth = 1, search = true },
}

trainers.NAMES = { "anmin", "varpro", "gauss_newton", "lbfgs", "adam", "adagrad", "sgd", "ills",
                   "elm", "linstorch", "spread_net", "knot_search" }

trainers.ACTIVATIONS = { "relu", "leaky_relu", "elu", "tanh", "sigmoid", "identity" }

-- What the command sets itself, by options of its own, or what no word can say.
local NOT_HERE = {
  validation = "--validation", seed = "--seed", restarts = "--restarts",
  time_limit = "--time-limit", on_iteration = "a program", mask = "a program",
  state = "a program", connections = "a program", schedule = "a program", loss = "a program",
  verbose = "a program", condition = "a program", trace = "a program",
}

--- The options that `--option` takes for a trainer, as the core declares them.
-- @treturn {table,...} each with `name`, `type`, `text` and perhaps `default`, `choices`,
-- `minimum`, `maximum`
function trainers.options(name)
  local list = {}
  for _, option in ipairs(core.options(name)) do
    if not NOT_HERE[option.name] then list[#list + 1] = option end
  end
  return list
end

--- True when the trainer has an option of that name.
function trainers.has(name, option)
  for _, declared in ipairs(core.options(name)) do
    if declared.name == option then return true end
  end
  return false
end

local BOOLEANS = { ["true"] = true, ["false"] = false }

-- The value that a word stands for.
local function value_of(word, option)
  if option.type == "number" or option.type == "integer" then
    return tonumber(word) or word
  elseif option.type == "boolean" and BOOLEANS[word] ~= nil then
    return BOOLEANS[word]
  end
  return word
end

local function misuse(message)
  return nil, message, "usage"
end

--- Reads words like `lambda=1e-4`, with the types, ranges and choices that the trainer declares.
-- @tparam string name of the trainer
-- @tparam {string,...} words
-- @treturn table of options
-- @return[2] nil, message, "usage"
function trainers.read_options(name, words)
  local known, declared, given = {}, {}, {}
  for _, option in ipairs(trainers.options(name)) do
    known[option.name] = option
    -- A boolean with choices takes these words too; the trainer itself checks them.
    local free = option.type == "value" or option.type == "boolean" and option.choices
    declared[option.name] = {
      type = free and "any" or option.type, choices = not free and option.choices or nil,
      minimum = option.minimum, maximum = option.maximum,
    }
  end
  for _, word in ipairs(words) do
    local key, value = word:match("^%s*([%w_]+)%s*=%s*(.-)%s*$")
    if not key then return misuse(("--option: name=value expected, got '%s'"):format(word)) end
    if NOT_HERE[key] then
      return misuse(("--option: '%s' is set by %s"):format(key, NOT_HERE[key]))
    end
    if known[key] then value = value_of(value, known[key]) end
    given[key] = value
  end
  local ok, values = pcall(options.read, given, declared, 0)
  if not ok then return misuse(("--option, of %s: %s"):format(name, values)) end
  return values
end

--- Says what keeps a trainer from training a net, before the data are read.
-- @treturn boolean true
-- @return[2] nil, message, "usage"
function trainers.check(name, hidden, activation)
  local trainer = trainers.KNOWN[name]
  if trainer.depth and #hidden > trainer.depth then
    return misuse(("%s trains one hidden layer; gauss_newton, lbfgs, adam and others take more")
                  :format(name))
  end
  local fits = activation == trainer.activation or not trainer.activations
  for _, other in ipairs(trainer.activations or {}) do fits = fits or activation == other end
  if not fits then
    local list = table.concat({ trainer.activation, table.unpack(trainer.activations) }, " or ")
    return misuse(("%s trains %s, not %s"):format(name, list, activation))
  end
  return true
end

return trainers
