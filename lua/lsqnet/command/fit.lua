-- `lsqnet fit`: from a CSV file to a saved model, and how good it is. Without a trainer that is a
-- blend (command/blend.lua); here is one net, trained by name.

local blend = require "lsqnet.command.blend"
local columns = require "lsqnet.command.columns"
local core = require "lsqnet.core"
local data = require "lsqnet.data"
local dkjson = require "dkjson"
local interrupted = require "lsqnet.interrupted"
local metrics = require "lsqnet.metrics"
local plot = require "lsqnet.plot"
local progress = require "lsqnet.progress"
local reading = require "lsqnet.command.reading"
local ridge = require "lsqnet.command.ridge"
local text = require "lsqnet.command.text"
local trainers = require "lsqnet.command.trainers"
local words = require "lsqnet.words"

local fit = {}

local UNPLANNED_ITERATIONS = 30 -- to choose lambda by, of trainers that go by the time
local PATIENCE = 20 -- iterations without a better validation loss
local DRAWN = 5 -- targets, at most
local NO_ENTRY = 2 -- ENOENT
local WIDE = 2000 -- unknowns of the hidden layer from which on conjugate gradients are faster

local JSON_ORDER = {
  "data", "features", "targets", "train_rows", "test_rows", "trainer", "layers", "activation",
  "lambda", "iterations", "seconds", "stopped", "seed", "net", "linear", "model", "plot",
  "train_mse", "train_r2", "test_mse", "test_r2",
}

local EXAMPLES = [[
Examples:
   lsqnet fit houses.csv --target price --save houses.safetensors
   lsqnet fit titanic.csv --target survived --drop alive --effort best
   zcat log.csv.gz | lsqnet fit - --missing=-200,unknown
   lsqnet fit abalone.csv --hidden 32 --plot abalone.png
   lsqnet fit motor.csv --target 9,10 --features 1-8 --test 0
   lsqnet fit houses.csv --trainer adam --hidden 64,32 --epochs 500 \
      --option batch_size=64 --validation 0.2]]

-- Converters for argparse.

local function share(option)
  return function(word)
    local value = tonumber(word)
    if value and value >= 0 and value < 1 then return value end
    return nil, ("%s: a share from 0 to below 1 expected, got '%s'"):format(option, word)
  end
end

local function duration(word)
  local value = tonumber(word)
  if value and value >= 0 then return value end
  return nil, ("--time-limit: a number of at least 0 expected, got '%s'"):format(word)
end

local function widths(word)
  local list = {}
  for part in (word .. ","):gmatch("(.-),") do
    local width = math.tointeger(tonumber(part))
    if not width or width < 1 then
      return nil, ("--hidden: widths such as 64 or 64,32 expected, got '%s'"):format(word)
    end
    list[#list + 1] = width
  end
  return list
end

local function picture(word)
  if word:lower():find("[^/]%.png$") or word:lower():find("[^/]%.svg$") then return word end
  return nil, ("--plot: a path that ends in .png or .svg expected, got '%s'"):format(word)
end

function fit.declare(parser)
  parser:summary("Fit a model to a CSV file, compare it with linear regression, save it.")
    :description("Fits a model that predicts a column of a CSV file from the others: a blend of "
    .. "small ones, chosen on rows held out. With --trainer, or another option of nets, it is "
    .. "one net on columns of numbers, and several targets are allowed.")
    :epilog(EXAMPLES)
  parser:argument("data", "CSV file, with a line of names or without."):argname("DATA.csv")
  parser:option("--target", "Columns to predict, names or numbers from 1: price or 9,10. "
                .. "Default: the last one."):argname("COLUMNS")
  columns.declare(parser)
  reading.declare(parser)
  parser:option("--task", "What the target is: regression or classification."):argname("TASK")
    :choices({ "auto", "regression", "classification" })
  parser:option("--effort", "fast, or best: more candidates."):argname("EFFORT")
    :choices({ "fast", "best" })
  parser:option("--cv", "Folds that are held out in turn."):argname("K")
    :convert(text.whole("--cv", 2))
  parser:option("--interval", "What the model's intervals hold, unless they are asked for more or "
                .. "less. Default: 0.9."):argname("SHARE"):convert(share("--interval"))
  parser:option("--trainer", "auto, a blend, or one net by " .. table.concat(trainers.NAMES, ", ")
                .. "."):argname("NAME"):choices({ "auto", table.unpack(trainers.NAMES) })
  parser:option("--hidden", "Widths of the hidden layers: 64 or 64,32."):argname("WIDTHS")
    :convert(widths)
  parser:option("--activation", "One of " .. table.concat(trainers.ACTIVATIONS, ", ")
                .. ". Default: relu, of ills tanh."):argname("NAME"):choices(trainers.ACTIVATIONS)
  parser:option("--option", "Another option of the trainer, name=value; can be repeated. "
                .. "`lsqnet info --trainer NAME` lists them."):argname("NAME=VALUE"):count("*")
  parser:option("--iterations --epochs", "How long to train. Default: the trainer's.")
    :argname("N"):target("iterations"):convert(text.whole("--iterations", 1))
  parser:option("--restarts", "Trainings from different starts; the best is kept. Default: 1, of "
                .. "elm and linstorch 100."):argname("K"):convert(text.whole("--restarts", 1))
  parser:option("--seed", "Of the split and every other draw."):argname("S"):default("1")
    :convert(text.whole("--seed", math.mininteger))
  parser:option("--test", "Share of the rows kept for a test. Default: 0, of one net 0.2.")
    :argname("SHARE"):convert(share("--test"))
  parser:option("--validation", "Share of the training rows held out to stop early by.")
    :argname("SHARE"):convert(share("--validation"))
  parser:option("--time-limit", "Stop training after so many seconds."):argname("SECONDS")
    :convert(duration)
  parser:option("--save", "Where the net goes."):argname("MODEL.safetensors")
  parser:option("--plot", "Draw losses, and predicted against true values."):argname("FILE.png")
    :convert(picture)
  parser:flag("-q --quiet", "No progress bar.")
  parser:flag("--json", "Print the result as JSON.")
end

-- The folder of a file that is to be written, so that a slip costs no training.
local function check_folder(path)
  local folder = path:match("^(.*)/") or "."
  local opened, _, code = io.open(folder .. "/.")
  if opened then opened:close() end
  if code == NO_ENTRY then
    return nil, ("cannot write '%s': there is no such folder"):format(path)
  end
  return true
end

-- Everything that can be told wrong before the data are read: the trainer's options.
local function settings(args)
  local name = args.trainer
  local activation = args.activation or trainers.KNOWN[name].activation
  local ok, message, code = trainers.check(name, args.hidden, activation)
  if not ok then return nil, message, code end
  for _, path in pairs { args.save, args.plot } do
    ok, message = check_folder(path)
    if not ok then return nil, message end
  end
  local given
  given, message, code = trainers.read_options(name, args.option)
  if not given then return nil, message, code end
  given.seed = args.seed
  given.restarts = args.restarts or trainers.KNOWN[name].restarts
  if args.iterations then
    local counted = trainers.has(name, "epochs") and "epochs" or "iterations"
    if not trainers.has(name, counted) then
      return nil, ("%s has no iterations; --restarts is what it takes"):format(name), "usage"
    end
    given[counted] = args.iterations
  end
  return { trainer = name, activation = activation, options = given }
end

-- The table, split and scaled: inputs and targets as they are in `train` and `test`, scaled in
-- `x` and `y`.
local function prepare(args)
  local head, message, code = columns.look(args.data, args.separator or ",")
  if not head then return nil, message, code end
  local chosen = { features = args.features, drop = args.drop,
                   target = args.target or tostring(head.count) }
  local inputs, targets, problem = columns.choose(head, chosen)
  if not inputs then return nil, targets, problem end
  if #inputs == 0 then
    local hint = head.count == 1 and "; is --separator right?" or ""
    return nil, ("%s: no column is left for the inputs%s"):format(args.data, hint)
  end
  local X, Y, why = columns.read(head, inputs, targets)
  if not X then return nil, Y, why end
  local train, test = data.split(X, Y, { test = args.test, seed = args.seed })
  if train.x.rows < 2 then
    return nil, ("%s: at least 2 rows to train on are needed, there are %d")
      :format(args.data, train.x.rows)
  end
  local set = { head = head, inputs = inputs, targets = targets, train = train, test = test }
  set.x, set.x_scaler = data.standardize(train.x)
  if set.x then set.y, set.y_scaler = data.standardize(train.y) end
  if not set.y then
    return nil, ("%s: %s"):format(args.data, set.x and set.y_scaler or set.x_scaler)
  end
  return set
end

local function new_net(args, plan, rows)
  local layers = { rows.x.cols, table.unpack(args.hidden) }
  layers[#layers + 1] = rows.y.cols
  return core.network { layers = layers, activation = plan.activation, seed = args.seed }
end

-- Trains, with misuse that the trainer finds as a message.
local function train(plan, net, x, y, given)
  local ok, report, message, code = pcall(core[plan.trainer], net, x, y, given)
  if ok then return report, message, code end
  report = tostring(report)
  if interrupted(report) or report == "not enough memory" then error(report, 0) end
  return nil, report, "usage"
end

local function merged(base, more)
  local result = {}
  for _, source in ipairs { base, more } do
    for key, value in pairs(source) do result[key] = value end
  end
  return result
end

local function quiet_stream()
  return { write = function() end, flush = function() end }
end

local function bar_of(args, title, total)
  local stream = args.quiet and quiet_stream() or nil
  return progress.new { title = title, total = total, stream = stream }
end

-- Sets `lambda` where the trainer has one and none was given. A third of the iterations tell the
-- candidates apart.
local function choose_lambda(args, plan, rows, iterations)
  local count = ridge.trainings(rows.x.rows)
  if plan.options.lambda or not trainers.has(plan.trainer, "lambda") or count == 0 then
    return true
  end
  local bar <close> = bar_of(args, "choosing lambda", count)
  local seconds, done = 0, 0
  local lambda, message, code = ridge.choose(rows.x, rows.y, args.seed, function(x, y, candidate)
    local net = new_net(args, plan, rows)
    local report, problem, kind = train(plan, net, x, y, merged(plan.options, {
      lambda = candidate, restarts = 1,
      iterations = iterations and math.max(1, iterations // 3) or UNPLANNED_ITERATIONS,
      time_limit = args.time_limit and args.time_limit / (2 * count), patience = 0,
    }))
    if not report then return nil, problem, kind end
    seconds, done = seconds + report.seconds, done + 1
    bar:update(done, "", seconds)
    return net
  end)
  if not lambda then return nil, message, code end
  plan.options.lambda, plan.chosen, plan.seconds = lambda, true, seconds
  return true
end

-- Iterations or epochs: as given, or the trainer's default; nil where it leaves them to the time.
local function iterations_of(plan)
  for _, option in ipairs(core.options(plan.trainer)) do
    if option.name == "iterations" or option.name == "epochs" then
      local count = plan.options[option.name] or option.default
      return count > 0 and count or nil
    end
  end
end

-- The rows to train on, all but those held out, and the options that make a trainer watch others.
local function rows_of(args, plan, set)
  if args.validation > 0 then
    local kept, held = data.split(set.x, set.y, { test = args.validation, seed = args.seed })
    if kept.x.rows < 2 then return nil, "--validation leaves fewer than 2 rows to train on" end
    plan.watched = "validation"
    return kept, { validation = { held.x, held.y }, patience = plan.options.patience or PATIENCE }
  end
  local rows = { x = set.x, y = set.y }
  if not args.plot or set.test.x.rows == 0 then return rows, {} end
  plan.watched = "test" -- to be drawn; the training does not look at it
  return rows, { validation = { set.x_scaler:apply(set.test.x), set.y_scaler:apply(set.test.y) } }
end

-- A bar that counts iterations, or starts where there are several, and what moves it.
local function training_bar(args, plan, iterations)
  local restarts = plan.options.restarts or 1
  local search = trainers.KNOWN[plan.trainer].search
  if not search and restarts == 1 then
    local bar = bar_of(args, plan.trainer, iterations)
    return bar, bar:callback()
  end
  local bar = bar_of(args, plan.trainer, restarts)
  local behind = search and 0 or 1 -- events of a search come when a start is through
  return bar, function(event)
    bar:update(event.restart - behind, "loss " .. words.number("%.5g", event.loss), event.seconds)
  end
end

-- A net in the units of the table, and the trainer's report.
local function train_net(args, plan, set)
  local iterations = iterations_of(plan)
  if plan.trainer == "anmin" and (set.x.cols + 1) * args.hidden[1] > WIDE then
    plan.options.solver = plan.options.solver or "auto"
  end
  local rows, extra = rows_of(args, plan, set)
  if not rows then return nil, extra end
  local ok, message, code = choose_lambda(args, plan, rows, iterations)
  if not ok then return nil, message, code end
  local bar <close>, callback = training_bar(args, plan, iterations)
  extra.on_iteration = callback
  if args.time_limit then -- choosing lambda is to leave some of it
    extra.time_limit = math.max(args.time_limit / 4, args.time_limit - (plan.seconds or 0))
  end
  local net = new_net(args, plan, rows)
  local report, problem, kind = train(plan, net, rows.x, rows.y, merged(plan.options, extra))
  if not report then return nil, problem, kind end
  bar:finish()
  local folded, why = net:fold_scaling(set.x_scaler, set.y_scaler)
  if not folded then return nil, why end
  return net, report
end

-- Mean squared error and R2 of a net on both parts.
local function scores(net, set)
  local result = {}
  for _, part in ipairs { "train", "test" } do
    local rows = set[part]
    if rows.x.rows > 0 then
      local prediction = net:predict(rows.x)
      result[part .. "_mse"] = metrics.mse(rows.y, prediction)
      result[part .. "_r2"] = metrics.r2(rows.y, prediction)
    end
  end
  return result
end

local function names_of(set, list)
  local names = {}
  for k, column in ipairs(list) do names[k] = columns.name(set.head, column) end
  return names
end

-- How much was trained: iterations, epochs, or for those that have neither, starts.
local function effort(result, plan)
  local word = trainers.has(plan.trainer, "epochs") and "epoch"
    or trainers.has(plan.trainer, "iterations") and "iteration"
  local count = word and result.iterations or plan.options.restarts or 1
  return ("%d %s%s"):format(count, word or "start", count == 1 and "" or "s")
end

local function print_result(result, plan, set)
  local tested = set.test.x.rows
  text.print(("%s: %d rows, %d input%s -> %s; %d to train on, %d to test"):format(
    result.data, set.train.x.rows + tested, #set.inputs, #set.inputs == 1 and "" or "s",
    table.concat(result.targets, ", "), set.train.x.rows, tested))
  local lambda = result.lambda and ", lambda "
    .. words.number("%g", result.lambda) .. (plan.chosen and " (by validation)" or "") or ""
  local ended = result.stopped ~= "iterations" and (" (%s)"):format(result.stopped) or ""
  text.print(("%s: %s %s%s, %s in %s s%s\n"):format(
    plan.trainer, table.concat(result.layers, "-"), plan.activation, lambda, effort(result, plan),
    text.number(result.seconds), ended))
  local rows = { { "", "train MSE", "train R2", "test MSE", "test R2" } }
  for _, entry in ipairs { { plan.trainer, result.net }, { "linear regression", result.linear } } do
    local name, score = table.unpack(entry)
    rows[#rows + 1] = { name, text.number(score.train_mse), text.number(score.train_r2),
                        text.number(score.test_mse), text.number(score.test_r2) }
  end
  if tested == 0 then
    for _, row in ipairs(rows) do row[4], row[5] = nil, nil end
  end
  text.print(text.aligned(rows, true))
end

-- Losses by iteration beside the predictions of each target, or of the first of many.
local function draw(path, net, report, plan, set)
  local step, loss, watched = {}, {}, {}
  for k, entry in ipairs(report.history) do
    step[k], loss[k], watched[k] = entry.iteration, entry.loss, entry.validation_loss
  end
  local curves = { { x = step, y = loss, label = "training" } }
  if plan.watched and #watched == #step then
    curves[2] = { x = step, y = watched, label = plan.watched, dash = true }
  end
  local panels = { { "lines", curves, {
    title = "loss", xlabel = "iteration", ylabel = "MSE of the scaled targets", log = "y",
  } } }
  local part = set.test.x.rows > 0 and "test" or "train"
  local truth, prediction = set[part].y, net:predict(set[part].x)
  for k, name in ipairs(names_of(set, set.targets)) do
    if k > DRAWN then break end
    local x, y = truth:columns(k, k), prediction:columns(k, k)
    local ends = { x:min(), x:max() }
    panels[#panels + 1] = { "scatter", {
      { x = x, y = y, size = 0.4 },
      { x = ends, y = ends, style = "lines", color = "#555555", width = 1 },
    }, { title = ("%s rows"):format(part), xlabel = name, ylabel = name .. ", predicted" } }
  end
  return plot.panels(path, panels)
end

-- What the run gave, as --json prints it.
local function result_of(args, plan, set, net, report, linear)
  return {
    data = args.data, features = names_of(set, set.inputs), targets = names_of(set, set.targets),
    train_rows = set.train.x.rows, test_rows = set.test.x.rows, trainer = plan.trainer,
    layers = net.layers, activation = plan.activation, lambda = plan.options.lambda,
    iterations = report.iterations, seconds = report.seconds + (plan.seconds or 0),
    stopped = report.stopped, seed = args.seed, net = scores(net, set),
    linear = scores(linear, set), model = args.save, plot = args.plot,
  }
end

-- Saves before it draws: a missing gnuplot shall not cost the net.
local function write_files(args, plan, set, net, report)
  if args.save then
    local saved, message = net:save(args.save)
    if not saved then return nil, message end
    if not args.json then text.print("\nsaved to " .. args.save) end
  end
  if args.plot then
    local drawn, message = draw(args.plot, net, report, plan, set)
    if not drawn then return nil, message end
    if not args.json then text.print((args.save and "" or "\n") .. "drawn in " .. args.plot) end
  end
  return true
end

-- What only one net has, or only a blend.
local OF_NETS <const> = { "hidden", "activation", "iterations", "restarts", "validation", "plot" }
local OF_BLENDS <const> = { "decimal", "thousands", "missing", "types", "date_order", "comment",
                            "task", "effort", "cv", "interval" }

-- Whether a blend is wanted: where no trainer is named, unless an option asks for a net. Sets the
-- defaults of nets where it is one.
local function wants_blend(args)
  local of_net = #args.option > 0 and "option"
  for _, name in ipairs(OF_NETS) do of_net = of_net or args[name] and name end
  if args.trainer == "auto" and of_net then
    return nil, ("--%s is of one net: --trainer names what trains it"):format(of_net)
  end
  if args.trainer == "auto" or not args.trainer and not of_net then return true end
  for _, name in ipairs(OF_BLENDS) do
    if args[name] then
      return nil, ("--%s needs --trainer auto"):format((name:gsub("_", "-")))
    end
  end
  if args.header ~= "auto" then return nil, "--header needs --trainer auto" end
  args.trainer, args.hidden = args.trainer or "anmin", args.hidden or { 64 }
  args.test, args.validation = args.test or .2, args.validation or 0
  return false
end

function fit.run(args)
  local blended, misuse = wants_blend(args)
  if blended == nil then return nil, misuse, "usage" end
  if blended then
    local ok, problem = true, nil
    if args.save then ok, problem = check_folder(args.save) end
    if not ok then return nil, problem end
    return blend.run(args)
  end
  local plan, message, code = settings(args)
  if not plan then return nil, message, code end
  local set
  set, message, code = prepare(args)
  if not set then return nil, message, code end
  local linear
  linear, message = core.linear_regression(set.train.x, set.train.y)
  if not linear then return nil, message end
  local net, report, kind = train_net(args, plan, set)
  if not net then return nil, report, kind end
  local result = result_of(args, plan, set, net, report, linear)
  if args.json then
    text.print(dkjson.encode(result, { keyorder = JSON_ORDER }))
  else
    print_result(result, plan, set)
  end
  return write_files(args, plan, set, net, report)
end

return fit
