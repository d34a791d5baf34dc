-- `lsqnet fit` with the trainer `auto`: a table as it is, a model that remembers it.

local core = require "lsqnet.core"
local dkjson = require "dkjson"
local fit = require "lsqnet.fit"
local interrupted = require "lsqnet.interrupted"
local progress = require "lsqnet.progress"
local reading = require "lsqnet.command.reading"
local tables = require "lsqnet.table"
local text = require "lsqnet.command.text"
local words = require "lsqnet.words"

local blend = {}

local SHOWN <const> = 12 -- columns; levels of one
local LEVELS <const> = 4

local JSON_ORDER <const> = {
  "data", "rows", "target", "task", "classes", "features", "left_out", "notes", "folds", "seed",
  "seconds", "model", "linear", "mean", "test", "candidates", "saved", "name", "weight", "detail",
  "r2", "rmse", "mae", "accuracy", "log_loss", "auc", "error",
}

-- A table, or nil, a message and a code: a wrong option is misuse.
local function read(args)
  local ok, tab, message, code = pcall(tables.read_csv, args.data,
                                       reading.options(args, "lsqnet fit"))
  if ok then return tab, message, code end
  local problem = tostring(tab)
  if interrupted(problem) or problem == "not enough memory" then error(problem, 0) end
  problem = problem:gsub("^[^:]+:%d+: ", "")
  return nil, (problem:gsub("^option '(.-)'", "--%1")), "usage"
end

-- The rows to train on, and those kept for a test.
local function split(tab, share, seed)
  if share == 0 then return tab end
  local order = core.rng(seed):permutation(tab.rows)
  local kept = math.ceil(share * tab.rows)
  return tab:take(table.move(order, kept + 1, tab.rows, 1, {})),
    tab:take(table.move(order, 1, kept, 1, {}))
end

-- A column that is not there is misuse of the command line.
local function refused(args, message, code)
  if message:find("^%-%-") or message:find("is an input and a target", 1, true) then
    return nil, message, "usage"
  end
  return nil, ("%s: %s"):format(args.data, message), code
end

local function fitted(args, tab)
  local bar <close> = progress.new {
    title = "fitting", total = 1,
    stream = args.quiet and { write = function() end, flush = function() end } or nil,
  }
  local started = core.clock()
  return fit(tab, {
    target = args.target or #tab.names, features = args.features, drop = args.drop,
    task = args.task, effort = args.effort, time_limit = args.time_limit, seed = args.seed,
    folds = args.cv, interval = args.interval,
    on_progress = function(event)
      bar.total = event.of
      bar:update(event.done, event.name, core.clock() - started)
    end,
  })
end

local function kind_of(spec)
  if spec.type ~= "category" then return spec.type end
  local shown = table.concat(spec.levels, ", ", 1, math.min(LEVELS, #spec.levels))
  return ("category: %s%s"):format(shown, #spec.levels > LEVELS
    and (", ... (%d)"):format(#spec.levels) or "")
end

--- A line a column of a model, at most a screen of them.
function blend.columns(encoder)
  local rows = {}
  for k, spec in ipairs(encoder.columns) do
    if k > SHOWN then
      rows[k] = { ("  and %d more"):format(#encoder.columns - SHOWN), "" }
      break
    end
    rows[k] = { "  " .. spec.title, kind_of(spec) }
  end
  return text.aligned(rows)
end

--- What was left out, and notes.
function blend.notes(encoder, more)
  local lines = {}
  for _, entry in ipairs(encoder.left_out) do
    lines[#lines + 1] = ("left out: %s (%s)"):format(entry.title, entry.reason)
  end
  for _, list in ipairs { encoder.notes, more } do
    for _, note in ipairs(list) do lines[#lines + 1] = note end
  end
  return lines
end

local HEADS <const> = {
  regression = { { "R2", "r2" }, { "RMSE", "rmse" }, { "MAE", "mae" } },
  classification = { { "accuracy", "accuracy" }, { "log loss", "log_loss" }, { "AUC", "auc" } },
}

--- Scores of a model beside linear regression's and the mean's.
-- @tparam model model
-- @tparam[opt] table test scores of rows kept apart
function blend.scores(model, test)
  local heads, report = HEADS[model.task], model.report
  local rows = { { "" } }
  for k, head in ipairs(heads) do rows[1][k + 1] = head[1] end
  local shares = model.classes
  for _, entry in ipairs {
    { "model", report.scores }, { shares and "linear" or "linear regression", report.linear },
    { shares and "shares of the classes" or "mean", report.mean },
    { "model, test rows", test },
  } do
    if entry[2] then
      local row = { entry[1] }
      for k, head in ipairs(heads) do row[k + 1] = text.number(entry[2][head[2]]) end
      rows[#rows + 1] = row
    end
  end
  return text.aligned(rows, true)
end

local function print_result(args, tab, model, test)
  for _, note in ipairs(tab.notes) do text.print(note) end
  local report, columns = model.report, #model.encoder.columns
  text.print(("%s: %d rows, %d column%s -> %s%s"):format(
    args.data, model.rows, columns, columns == 1 and "" or "s", model.encoder.target.title,
    model.classes and ": " .. table.concat(model.classes, ", ") or ""))
  text.print(blend.columns(model.encoder))
  for _, line in ipairs(blend.notes(model.encoder, report.notes)) do text.print(line) end
  local parts = {}
  for _, candidate in ipairs(report.candidates) do
    if candidate.weight > 0 then
      parts[#parts + 1] = ("%s %s"):format(candidate.name, words.number("%.2f", candidate.weight))
    end
  end
  text.print(("\n%s in %s s; scores of rows held out, %s\n"):format(
    table.concat(parts, ", "), text.number(report.seconds),
    report.folds == 1 and ("%d of them"):format(report.judged)
      or ("in %d folds"):format(report.folds)))
  text.print(blend.scores(model, test))
end

local function names_of(specs)
  local names = {}
  for k, spec in ipairs(specs) do names[k] = spec.title end
  return names
end

local function result_of(args, model, test)
  local report = model.report
  return { data = args.data, rows = model.rows, target = model.encoder.target.title,
           task = model.task, classes = model.classes, features = names_of(model.encoder.columns),
           left_out = names_of(model.encoder.left_out),
           notes = blend.notes(model.encoder, report.notes), folds = report.folds,
           seed = model.seed, seconds = report.seconds, model = report.scores,
           linear = report.linear, mean = report.mean, test = test,
           candidates = report.candidates, saved = args.save }
end

--- Runs `lsqnet fit` with the trainer `auto`.
function blend.run(args)
  local tab, message, code = read(args)
  if not tab then return nil, message, code end
  local train, kept = split(tab, args.test or 0, args.seed)
  local model
  model, message, code = fitted(args, train)
  if not model then return refused(args, message, code) end
  local test
  if kept then
    test, message, code = model:score(kept)
    if not test then return nil, message, code end
  end
  if args.json then
    text.print(dkjson.encode(result_of(args, model, test), { keyorder = JSON_ORDER }))
  else
    print_result(args, tab, model, test)
  end
  if not args.save then return true end
  local saved, problem = model:save(args.save)
  if not saved then return nil, problem end
  if not args.json then text.print("\nsaved to " .. args.save) end
  return true
end

return blend
