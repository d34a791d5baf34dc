-- `lsqnet run`: repeats experiments of the papers.

local interrupted = require "lsqnet.interrupted"
local options = require "lsqnet.options"
local text = require "lsqnet.command.text"

local run = {}

local EXAMPLES = [[
Examples:
   lsqnet run anmin-table3 --only abalone --runs 10
   lsqnet run all --quick --out /tmp/results
A run that was interrupted goes on where it was, given the same folder.]]

local function folder(word)
  if word ~= "" then return word end
  return nil, "--out: the name of a folder expected, got ''"
end

function run.declare(parser)
  parser:summary("Repeat experiments of the papers.")
    :description("Repeats experiments of the papers. Prints their tables; files, pictures "
    .. "among them, go to a folder of each."):epilog(EXAMPLES)
  parser:argument("names", "Names that `lsqnet experiments` lists, or all."):argname("NAME")
    :args("+")
  parser:option("--runs", "Runs of each. Default: the experiment's own."):argname("N")
    :convert(text.whole("--runs", 1))
  parser:option("--seed", "Of the first run."):argname("S"):default("1")
    :convert(text.whole("--seed", 0))
  parser:option("--out", "Where results go."):argname("DIR"):default("results"):convert(folder)
  parser:option("--jobs", "Processes at a time."):argname("J"):default("1")
    :convert(text.whole("--jobs", 1))
  parser:option("--only", "Part of the names of the cases to run, say a data set.")
    :argname("TEXT")
  parser:flag("--quick", "A small version, to see that it works; generated "
              .. "numbers stand in for data files that are missing.")
end

-- The experiments that the words mean, in their order and each once.
local function chosen(words, list)
  local known, names, seen = {}, { "all" }, {}
  for _, entry in ipairs(list) do
    known[entry.name] = true
    names[#names + 1] = entry.name
  end
  local result = {}
  local function add(name)
    if not seen[name] then result[#result + 1] = name end
    seen[name] = true
  end
  for _, word in ipairs(words) do
    if word == "all" then
      for _, entry in ipairs(list) do add(entry.name) end
    elseif known[word] then
      add(word)
    else
      return nil, ("no experiment is named '%s'%s"):format(word, options.suggest(word, names)),
        "usage"
    end
  end
  return result
end

-- One experiment. What it raises is its failure, but Ctrl-C ends them all.
local function run_one(experiments, name, args)
  local ok, result, message, code = pcall(experiments.run, name, {
    runs = args.runs, seed = args.seed, out = args.out, jobs = args.jobs,
    only = args.only, quick = args.quick or false,
  })
  if not ok then
    if interrupted(result) then error(result, 0) end
    return nil, tostring(result)
  end
  return result, message, code
end

local function print_result(result, is_first)
  io.stdout:write(is_first and "" or "\n", (result.text:gsub("\n*$", "\n")))
  for _, path in ipairs(result.files or {}) do text.print("  " .. path) end
  io.stdout:flush() -- the next one may take long
  if result.warning then
    io.stderr:write(("lsqnet: %s: no pictures: %s\n"):format(result.name, result.warning))
  end
end

function run.run(args)
  local experiments = require "lsqnet.experiments"
  local names, message, code = chosen(args.names, experiments.list())
  if not names then return nil, message, code end
  local failures, printed = {}, 0
  for _, name in ipairs(names) do
    local result, problem, kind = run_one(experiments, name, args)
    if result then
      print_result(result, printed == 0)
      printed = printed + 1
    elseif kind ~= "no_case" or #names == 1 then -- of several, --only may mean some
      failures[#failures + 1] = name .. ": " .. problem
    end
  end
  if #failures == 0 and printed == 0 then
    return nil, ("no case of these experiments has '%s' in its name"):format(args.only)
  end
  if #failures == 0 then return true end
  return nil, table.concat(failures, "; ")
end

return run
