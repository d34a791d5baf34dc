--- From a table to a model that remembers it.
--
--     local houses = assert(lsqnet.table.read_csv("houses.csv"))
--     local model = assert(lsqnet.fit(houses, { target = "price" }))
--     print(model, model:predict { rooms = 3, area = 71, town = "Ulm" })
--     assert(model:save("houses.safetensors"))
--
-- A model is a blend of a few small ones, with weights fitted on held-out predictions:
-- [docs/tables.md](docs/tables.md) says which, and what they reach.
-- @module lsqnet.fit

local core = require "lsqnet.core"
local encoders = require "lsqnet.encoder"
local model = require "lsqnet.model"
local options = require "lsqnet.options"
local problems = require "lsqnet.fit.problem"
local recipe = require "lsqnet.fit.recipe"
local scores = require "lsqnet.model.scores"
local tables = require "lsqnet.table"
local trained = require "lsqnet.fit.trained"

local OPTIONS <const> = {
  target = { type = "any" }, features = { type = "any" }, drop = { type = "any" },
  task = { choices = { "auto", "regression", "classification" }, default = "auto" },
  effort = { choices = { "fast", "best" }, default = "fast" },
  time_limit = { type = "number", minimum = 0 },
  seed = { type = "integer", default = 1, minimum = 0 },
  folds = { type = "integer", minimum = 2, maximum = 100 },
  interval = { type = "number", default = .9, minimum = 0, maximum = 1 },
  trainer = { type = "string", default = "auto" },
  options = { type = "table" }, hidden = { type = "table" },
  on_progress = { type = "function" },
}

-- The rows that have a target, encoded, and a problem of them.
local function prepare(tab, encoder, o, started)
  local X, about = encoder:apply(tab)
  if not X then return nil, about, "bad_format" end
  local Y, rows, labels = encoder:targets(tab)
  if not Y then return nil, rows, labels end
  if #rows < tab.rows then X = X:take(rows) end
  local classes = encoder.target.classes
  return problems.new(X, Y, {
    effort = o.effort, seed = o.seed, folds = o.folds, classes = classes and #classes,
    labels = labels, deadline = o.time_limit and started + o.time_limit,
  })
end

-- Held-out predictions in the target's units.
local function in_units(problem, held)
  if problem.classes then return held end
  return held * problem.deviation + problem.mean
end

local function score(problem, held)
  local Y = in_units(problem, problem:judged_rows(problem.Y))
  return scores.of(in_units(problem, held), Y, problem.classes, problem.ranges)
end

-- What was tried, in the order it was tried in.
local function tell(problem, done, weights)
  local list = {}
  for k, candidate in ipairs(done) do
    list[k] = { name = candidate.name, weight = weights[k], detail = candidate.detail,
                seconds = candidate.seconds, scores = score(problem, candidate.held_out) }
  end
  return list
end

-- Sorted distances of the held-out predictions from the truth.
local function residuals(problem, held)
  if problem.classes then return nil end
  local off, list = (held - problem:judged_rows(problem.Y)) * problem.deviation, {}
  for i = 1, off.rows do list[i] = math.abs(off:get(i, 1)) end
  table.sort(list)
  return core.matrix(list)
end

-- A line through all candidates: the report, beside linear regression and the mean.
local function report_of(problem, done, blended, notes, started)
  local report = {
    candidates = tell(problem, done, blended.weights), scores = score(problem, blended.held_out),
    notes = notes, rows = problem.rows, folds = problem.folds, judged = problem.judged,
    seconds = core.clock() - started,
  }
  for _, candidate in ipairs(report.candidates) do
    if candidate.name == "mean" then report.mean = candidate.scores end
    if candidate.name == "lin" then report.linear = candidate.scores end
  end
  if blended.guarded then
    report.notes[#report.notes + 1] =
      "nothing is clearly better than the mean, which the model therefore predicts"
  end
  return report
end

local function parts_of(done, weights)
  local list = {}
  for k, candidate in ipairs(done) do
    if weights[k] > 0 then
      list[#list + 1] = { name = candidate.name, weight = weights[k], fields = candidate.part }
    end
  end
  return list
end

local function fit_blend(problem, o, started)
  local done, notes = recipe.train(problem, o.on_progress)
  local blended = recipe.blend(problem, done)
  return { parts = parts_of(done, blended.weights), power = blended.power,
           residuals = residuals(problem, blended.held_out),
           report = report_of(problem, done, blended, notes, started) }
end

local function fit_net(problem, o, started)
  local net, held, about = trained(problem, o)
  if not net then return nil, held, about end
  local done, notes = recipe.baselines(problem)
  done[#done + 1] = { name = o.trainer, held_out = held, detail = about.detail,
                      seconds = about.seconds }
  local weights = {}
  for k = 1, #done do weights[k] = k == #done and 1 or 0 end
  local blended = { weights = weights, held_out = held, guarded = false }
  return { net = net, power = 1, residuals = residuals(problem, held),
           report = report_of(problem, done, blended, notes, started) }
end

local function checked(tab, opts)
  if not tables.is(tab) then options.typed(tab, "lsqnet.table", 1, "fit", 4) end
  local o = options.read(opts, OPTIONS, 4)
  o.target = o.target or tab.names[#tab.names] and #tab.names
  if o.trainer ~= "auto" then trained.check(o, 4) end
  return o
end

--- Fits a model to a table.
-- @function lsqnet.fit
-- @tparam tabular tab
-- @tparam[opt] table opts `target`, a name or a position (default: the last column); `task`,
-- `features`, `drop` as of `lsqnet.encoder`; `effort="fast"` or "best", more candidates;
-- `time_limit` in seconds; `seed=1`; `folds` (default: 5; 3 above 9000 rows where fast, 10 below
-- 60, one hold-out above 50000); `interval=0.9`, what `model:interval` takes when it is not told;
-- `trainer="auto"`, or the name of a trainer for one net, with its `options` and the widths of
-- `hidden` layers (`{64}`); `on_progress`, called with `{ done =, of =, name = }`
-- @treturn[1] model
-- @treturn[2] nil
-- @treturn[2] string message, when a column is not there or the target cannot be predicted
-- @treturn[2] string code
-- @raise when an option is unknown or the argument is no table
return function(tab, opts)
  local started = core.clock()
  local o = checked(tab, opts)
  local encoder, message, code = encoders(tab, {
    target = o.target, task = o.task, features = o.features, drop = o.drop, folds = o.folds,
  })
  if not encoder then return nil, message, code end
  local problem
  problem, message, code = prepare(tab, encoder, o, started)
  if not problem then return nil, message, code end
  local fitted
  if o.trainer == "auto" then
    fitted = fit_blend(problem, o, started)
  else
    fitted, message, code = fit_net(problem, o, started)
    if not fitted then return nil, message, code end
  end
  fitted.encoder, fitted.seed, fitted.level = encoder, o.seed, o.interval
  fitted.mean, fitted.deviation, fitted.rows = problem.mean, problem.deviation, problem.rows
  return model.new(fitted)
end
