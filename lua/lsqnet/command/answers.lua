-- `lsqnet predict` with a model of a table: a line a row, in the file's order.

local tables = require "lsqnet.table"
local words = require "lsqnet.words"

local answers = {}

local function quoted(name)
  return name:find('[",\n\r]') and '"' .. name:gsub('"', '""') .. '"' or name
end

-- The columns that are written: names, and a function of the row for each.
local function columns_of(model, tab, args)
  local said, about, code = model:predict(tab)
  if not said then return nil, about, code end
  local names, values = { quoted(model.target) }, {}
  values[1] = model.classes and function(i) return quoted(said[i]) end
    or function(i) return words.exact(said:get(i, 1)) end
  local function add(name, matrix, j)
    names[#names + 1] = quoted(name)
    values[#values + 1] = function(i) return words.exact(matrix:get(i, j)) end
  end
  if args.interval then
    local lower, upper = model:interval(tab, args.interval)
    add("lower", lower, 1)
    add("upper", upper, 1)
  end
  if args.probabilities then
    local P = model:probabilities(tab)
    for j, class in ipairs(model.classes) do add(class, P, j) end
  end
  return { names = names, values = values, notes = about.notes }
end

local function check(model, args)
  if args.interval and model.classes then
    return nil, "--interval: the model predicts classes", "usage"
  elseif args.probabilities and not model.classes then
    return nil, "--probabilities: the model predicts numbers", "usage"
  end
  return true
end

-- How many rows were bad, and the first of them, in a line.
local function complaint(path, bad)
  local rows = {}
  for row in pairs(bad or {}) do rows[#rows + 1] = row end
  if #rows == 0 then return nil end
  table.sort(rows)
  return ("%s: %d row%s cannot be predicted; row %d: %s"):format(
    path, #rows, #rows == 1 and "" or "s", rows[1], bad[rows[1]])
end

local function write_rows(write, tab, columns)
  local bad, cells = tab.bad or {}, {}
  for i = 1, tab.rows do
    for k, value in ipairs(columns.values) do cells[k] = bad[i] and "" or value(i) end
    local written, reason = write(table.concat(cells, ","), "\n")
    if not written then return nil, reason end
  end
  return true
end

-- To standard output, or to a file that is there only when all of it is.
local function print_answers(args, tab, columns)
  local lines = {}
  local function collect(...)
    lines[#lines + 1] = table.concat { ... }
    return true
  end
  local function print_line(...) return io.stdout:write(...) end
  local write = args.output and collect or print_line
  if tab.header then write(table.concat(columns.names, ","), "\n") end
  local written, reason = write_rows(write, tab, columns)
  if not written then return nil, "standard output: " .. reason end
  if args.output then return require("lsqnet.core").table.save(args.output, lines) end
  return true
end

--- Predicts the rows of a file.
function answers.run(model, args)
  local ok, message, code = check(model, args)
  if not ok then return nil, message, code end
  local tab
  tab, message, code = tables.read_csv(args.data, model.encoder:read_options())
  if not tab then return nil, message, code end
  local problem = complaint(args.data, tab.bad)
  if problem and args.strict then return nil, problem end
  local columns
  columns, message, code = columns_of(model, tab, args)
  if not columns then return nil, ("%s: %s"):format(args.data, message), code end
  for _, note in ipairs(columns.notes) do io.stderr:write(note, "\n") end
  if problem then io.stderr:write(problem, "\n") end
  if args.target then
    local score, why = model:score(tab)
    if not score then return nil, why end
    io.stderr:write(("%d rows: %s\n"):format(
      tab.rows, require("lsqnet.model").scores_text(score)))
  end
  return print_answers(args, tab, columns)
end

return answers
