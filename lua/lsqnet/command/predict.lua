-- `lsqnet predict`: what a saved model or net says about the rows of a CSV file.

local answers = require "lsqnet.command.answers"
local columns = require "lsqnet.command.columns"
local core = require "lsqnet.core"
local file = require "lsqnet.model.file"
local metrics = require "lsqnet.metrics"
local models = require "lsqnet.model"
local text = require "lsqnet.command.text"
local words = require "lsqnet.words"

local predict = {}

local EXAMPLES = [[
Examples:
   lsqnet predict houses.safetensors new.csv > prices.csv
   lsqnet predict houses.safetensors houses.csv --target price --output prices.csv]]

local function share(word)
  local value = tonumber(word)
  if value and value > 0 and value < 1 then return value end
  return nil, ("--interval: a share between 0 and 1 expected, got '%s'"):format(word)
end

function predict.declare(parser)
  parser:summary("Print what a saved model predicts for the rows of a CSV file.")
    :description("Prints a CSV line of predictions for each row, with a line of names where the "
    .. "data have one. A model of a table finds its columns by their names; a net takes them in "
    .. "the order of its training."):epilog(EXAMPLES)
  parser:argument("model", "What `lsqnet fit --save` wrote."):argname("MODEL.safetensors")
  parser:argument("data", "The rows; - is standard input."):argname("DATA.csv")
  parser:option("--target", "Columns that hold the true values: not inputs, but compared with, "
                .. "on standard error."):argname("COLUMNS")
  columns.declare(parser)
  parser:option("--separator", "Of a net's table, between fields: one character, tab or space.")
    :argname("C"):default(",")
  parser:option("--interval", "Print the ends of intervals too, which hold the truth so often.")
    :argname("SHARE"):convert(share)
  parser:flag("--probabilities", "Print the probabilities of the classes too.")
  parser:flag("--strict", "Fail where a row cannot be predicted, which otherwise has an empty "
              .. "field.")
  parser:option("--output", "Write to a file instead."):argname("FILE.csv")
end

local function check_widths(args, net, inputs, targets)
  local wanted, given = net.layers[1], #inputs
  local outputs = net.layers[#net.layers]
  if given ~= wanted then
    local hint = args.features and "" or given > wanted and #targets == 0
      and " (--target names what is not an input, --features what is)"
      or " (--features names the inputs)"
    return nil, ("%s takes %d column%s, %s gives %d%s")
      :format(args.model, wanted, wanted == 1 and "" or "s", args.data, given, hint)
  elseif #targets > 0 and #targets ~= outputs then
    return nil, ("%s predicts %d column%s, --target names %d")
      :format(args.model, outputs, outputs == 1 and "" or "s", #targets), "usage"
  end
  return true
end

-- Names for the first line, or nil where the data have none.
local function header(head, targets, outputs)
  if not head.names then return nil end
  local names = {}
  for k = 1, outputs do
    names[k] = targets[k] and head.names[targets[k]]
      or outputs == 1 and "prediction" or "prediction_" .. k
  end
  return names
end

local function quoted(name)
  return name:find('[",\n\r]') and '"' .. name:gsub('"', '""') .. '"' or name
end

local function print_csv(prediction, names)
  if names then
    for k, name in ipairs(names) do names[k] = quoted(name) end
    text.print(table.concat(names, ","))
  end
  for i = 1, prediction.rows do
    local row = {}
    for j = 1, prediction.cols do row[j] = words.exact(prediction:get(i, j)) end
    local written, reason = text.print(table.concat(row, ","))
    if not written then return nil, "standard output: " .. reason end
  end
  return true
end

function predict.run(args)
  if file.is_model(args.model) then
    local model, wrong = models.load(args.model)
    if not model then return nil, wrong end
    return answers.run(model, args)
  end
  local net, problem = core.load(args.model)
  if not net then return nil, problem end
  local head, message, code = columns.look(args.data, args.separator)
  if not head then return nil, message, code end
  local inputs, targets, kind = columns.choose(head, args)
  if not inputs then return nil, targets, kind end
  local ok
  ok, message, code = check_widths(args, net, inputs, targets)
  if not ok then return nil, message, code end
  local X, Y = columns.read(head, inputs, targets)
  if not X then return nil, Y end
  local prediction = net:predict(X)
  if Y then
    io.stderr:write(("%d rows: MSE %s, R2 %s\n"):format(
      X.rows, text.number(metrics.mse(Y, prediction)), text.number(metrics.r2(Y, prediction))))
  end
  local names = header(head, targets, prediction.cols)
  if args.output then return prediction:write_csv(args.output, { header = names }) end
  return print_csv(prediction, names)
end

return predict
