--- Models of tables: what `lsqnet.fit` gives and `lsqnet.load_model` loads.
-- @module lsqnet.model

local blend = require "lsqnet.fit.blend"
local core = require "lsqnet.core"
local explain = require "lsqnet.model.explain"
local file = require "lsqnet.model.file"
local options = require "lsqnet.options"
local scores = require "lsqnet.model.scores"
local tables = require "lsqnet.table"

local models = {}

--- A model. Its fields, not to be changed: `encoder`, what it knows of the columns
-- (`lsqnet.encoder`); `task`; `target`, its name; `classes`, their names; `report`, what was tried
-- and what it reached on held-out rows; `rows` that trained it; `seed`; and `net`, a network where
-- a trainer was named.
-- @type model
local model = {}
model.__index = model
model.__name = "lsqnet.model"

-- Makes a model of what was fitted, and prepares it to predict.
function models.new(fitted)
  local target = fitted.encoder.target
  fitted.task, fitted.target, fitted.classes = target.task, target.name, target.classes
  fitted.outputs = target.classes and #target.classes or 1
  for _, part in ipairs(fitted.parts or {}) do part.net = core.fit.part(part.fields) end
  fitted.row_X = core.matrix(1, #fitted.encoder.inputs)
  fitted.row_out = core.matrix(1, fitted.outputs)
  return setmetatable(fitted, model)
end

-- Numbers in the target's units, or probabilities, of encoded rows.
local function of_net(self, X)
  return self.classes and self.net:probabilities(X) or self.net:predict(X)
end

local function of_blend(self, X)
  local sum
  for _, part in ipairs(self.parts) do
    local said = part.net:predict(X)
    if self.classes then core.fit.softmax(said) end
    sum = sum and sum + said * part.weight or said * part.weight
  end
  if self.classes then return blend.sharpen(sum, self.power) end
  return sum * self.deviation + self.mean
end

local function predict_encoded(self, X)
  return (self.net and of_net or of_blend)(self, X)
end

-- One row by parts: a number, without a new matrix.
local function row_number(self, X)
  if self.net then return self.net:predict(X):get(1, 1) end
  local sum, out = 0, self.row_out
  for _, part in ipairs(self.parts) do
    sum = sum + part.weight * part.net:predict(X, out):get(1, 1)
  end
  return sum * self.deviation + self.mean
end

local function read(self, path)
  return tables.read_csv(path, self.encoder:read_options())
end

-- The encoded rows of what a caller gives: a table, or a path of one; and the table.
local function encoded(self, given)
  local tab = given
  if type(given) == "string" then
    local message, code
    tab, message, code = read(self, given)
    if not tab then return nil, message, code end
  end
  local X, about = self.encoder:apply(tab)
  if not X then return nil, about, "bad_format" end
  return X, tab, about
end

local function check_given(given, name)
  if tables.is(given) or type(given) == "string" then return false end
  if type(given) == "table" then return true end
  options.typed(given, "lsqnet.table", 1, name, 4)
end

local function likely(self, P, i)
  local best = 1
  for c = 2, P.cols do
    if P:get(i, c) > P:get(i, best) then best = c end
  end
  return self.classes[best]
end

local function names_of(self, P)
  local list = {}
  for i = 1, P.rows do list[i] = likely(self, P, i) end
  return list
end

--- Predicts. Columns are found by name, whatever their order; others are ignored.
-- @function model:predict
-- @tparam tabular|string|table given a table; a CSV file's path; or one row, `{ age = 31, sex =
-- "male" }` (by positions, `{ [3] = 31 }`, where the training table had no names)
-- @treturn[1] matrix n x 1, of numbers; of classes a list of n names; of one row either
-- @treturn[1] table of tables: `notes`, sentences; `unseen`, values of levels training had not;
-- `bad`, `{ [row] = reason }` of rows that could not be read, whose predictions mean nothing
-- @treturn[2] nil
-- @treturn[2] string message that names the columns that are missing or of another type
-- @treturn[2] string code
-- @raise when the argument is none of these
function model:predict(given)
  if check_given(given, "predict") then
    local X, message, code = self.encoder:row(given, self.row_X)
    if not X then return nil, message, code end
    if not self.classes then return row_number(self, X) end
    return likely(self, predict_encoded(self, X), 1)
  end
  local X, tab, about = encoded(self, given)
  if not X then return nil, tab, about end
  about.bad = tab.bad
  local said = predict_encoded(self, X)
  return self.classes and names_of(self, said) or said, about
end

--- The probabilities of the classes, calibrated on held-out rows.
-- @function model:probabilities
-- @tparam tabular|string|table given as for `predict`
-- @treturn[1] matrix n x classes, in the order of `model.classes`
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
-- @raise when the model predicts numbers
function model:probabilities(given)
  options.argument(self.classes, 1, "probabilities", "a model of classes expected")
  if check_given(given, "probabilities") then
    local X, message, code = self.encoder:row(given, self.row_X)
    if not X then return nil, message, code end
    return predict_encoded(self, X)
  end
  local X, tab, code = encoded(self, given)
  if not X then return nil, tab, code end
  return predict_encoded(self, X)
end

-- Half the width of an interval: the ceil(level (n + 1))-th smallest held-out residual.
local function radius(self, level)
  local n = self.residuals.rows
  local place = math.ceil(level * (n + 1))
  return self.residuals:get(math.max(1, math.min(n, place)), 1)
end

--- Intervals that hold the truth with a probability: the prediction, plus and minus what so many
-- held-out residuals did not exceed.
-- @function model:interval
-- @tparam tabular|string|table given as for `predict`
-- @tparam[opt] number level between 0 and 1 (default: what `fit` was told, 0.9)
-- @treturn[1] matrix|number lower ends
-- @treturn[1] matrix|number upper ends
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
-- @raise when the model predicts classes or the level is none
function model:interval(given, level)
  options.argument(not self.classes, 1, "interval", "a model of numbers expected")
  level = level or self.level
  options.argument(type(level) == "number" and level > 0 and level < 1, 2, "interval",
                   "a number between 0 and 1 expected")
  local said, message, code = self:predict(given)
  if not said then return nil, message, code end
  local r = radius(self, level)
  if type(said) == "number" then return said - r, said + r end
  return said:map(function(v) return v - r end), said:map(function(v) return v + r end)
end

-- Predictions and targets of the rows of a table that have one.
local function with_targets(self, given)
  local X, tab, code = encoded(self, given)
  if not X then return nil, tab, code end
  local Y, rows, labels = self.encoder:targets(tab)
  if not Y then return nil, rows, labels end
  if #rows == 0 then return nil, "no row has a target", "bad_format" end
  if self.classes then
    Y = core.matrix(#rows, #self.classes)
    for i, class in ipairs(labels) do Y:set(i, class, 1) end
  end
  return #rows < tab.rows and X:take(rows) or X, Y, tab
end

--- Scores of predictions for rows whose target is known.
-- @function model:score
-- @tparam tabular|string given a table or a CSV file's path
-- @treturn[1] table `r2`, `rmse`, `mae`; of classes `accuracy`, `log_loss` and, of two, `auc`
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
function model:score(given)
  local X, Y, code = with_targets(self, given)
  if not X then return nil, Y, code end
  return scores.of(predict_encoded(self, X), Y, self.classes and #self.classes)
end

--- Permutation importance: by how much the score falls when a column's values are shuffled among
-- the rows. r2 for numbers, accuracy for classes.
-- @function model:importance
-- @tparam tabular|string given rows whose target is known
-- @tparam[opt] table opts `repeats=5`, `seed=1`
-- @treturn[1] {table,...} `name`, `mean`, `deviation` (over repeats), the largest mean first
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
-- @raise when an option is unknown
function model:importance(given, opts)
  local o = options.read(opts, { repeats = { type = "integer", default = 5, minimum = 1 },
                                 seed = { type = "integer", default = 1, minimum = 0 } })
  local X, Y, code = with_targets(self, given)
  if not X then return nil, Y, code end
  return explain.importance(self, X, o, function(changed)
    local s = scores.of(predict_encoded(self, changed), Y, self.classes and #self.classes)
    return self.classes and s.accuracy or s.r2
  end)
end

--- Partial dependence: the mean prediction when a column has one value in all rows.
-- @function model:partial
-- @tparam tabular|string given rows to average over
-- @tparam string name of a column of numbers, or a category
-- @tparam[opt] table opts `points=50`, how many values, from the column's least to its largest
-- @treturn[1] {table,...} `value` and `mean` (a number; of classes a list of mean probabilities)
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string code
-- @raise when an option is unknown or there is no such column among the inputs
function model:partial(given, name, opts)
  local o = options.read(opts, { points = { type = "integer", default = 50, minimum = 2 } })
  local X, tab, code = encoded(self, given)
  if not X then return nil, tab, code end
  local spec, place = explain.column(self, name)
  options.argument(spec, 2, "partial", ("no input column '%s'"):format(tostring(name)))
  return explain.partial(self, X, tab, spec, place, o.points, function(changed)
    return predict_encoded(self, changed)
  end)
end

--- Saves the model as one safetensors file: its tensors, and as metadata what it knows of the
-- columns. The same model gives the same bytes. With a named trainer `lsqnet.load` reads its net.
-- @function model:save
-- @tparam string path
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_write"
function model:save(path)
  options.typed(path, "string", 1, "save")
  return file.save(self, path)
end

local function scores_text(s)
  if s.r2 then
    return ("R2 %.4g, RMSE %.4g, MAE %.4g"):format(s.r2, s.rmse, s.mae)
  end
  return ("accuracy %.4g, log loss %.4g%s"):format(s.accuracy, s.log_loss,
                                                   s.auc and (", AUC %.4g"):format(s.auc) or "")
end

function model:__tostring()
  local columns = #self.encoder.columns
  return ("lsqnet.model: %s%s from %d column%s of %d rows; held out: %s"):format(
    self.target, self.classes and (" (%d classes)"):format(#self.classes) or "", columns,
    columns == 1 and "" or "s", self.rows, scores_text(self.report.scores))
end

--- @section end

--- Loads a model that `model:save` wrote. Nothing in the file is executed.
-- @function lsqnet.load_model
-- @tparam string path
-- @treturn[1] model
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_file" or "bad_format"
function models.load(path)
  options.typed(path, "string", 1, "load_model")
  local fitted, message, code = file.load(path)
  if not fitted then return nil, message, code end
  return models.new(fitted)
end

-- Whether a value is a model.
function models.is(value)
  return getmetatable(value) == model
end

models.scores_text = scores_text

return models
