-- Does the runs of a protocol that its store lacks, here or in processes of their own.

local core = require "lsqnet.core"
local interrupted = require "lsqnet.interrupted"
local progress = require "lsqnet.progress"
local files = require "lsqnet.experiments.files"
local store = require "lsqnet.experiments.store"
local words = require "lsqnet.words"

local runner = {}

local SHOWN = 6 -- cases that a message names

-- What a protocol is given beside case and seed. `once(key, make)` keeps what several runs need,
-- say a data set.
local function new_context(quick)
  local kept = {}
  return {
    quick = quick,
    once = function(_, key, make)
      if kept[key] == nil then kept[key] = table.pack(make()) end
      return table.unpack(kept[key], 1, kept[key].n)
    end,
  }
end

-- The cases of a protocol that the options leave, those that cannot be run here ({ case, reason }),
-- and the context.
function runner.cases(protocol, o)
  local context = new_context(o.quick)
  local all, skipped = protocol.cases(context)
  local cases = {}
  for _, case in ipairs(all) do
    if not o.only or case:find(o.only, 1, true) then cases[#cases + 1] = case end
  end
  return cases, skipped or {}, context
end

-- The runs that the store lacks, run by run, so that an interruption leaves every case with about
-- as many. With `jobs` processes the k-th takes every jobs-th run.
local function missing(cases, o, results)
  local tasks = {}
  for run = 1, o.runs do
    if not o.worker or (run - 1) % o.jobs == o.worker - 1 then
      for _, case in ipairs(cases) do
        local seed = o.seed + run - 1
        if not results:has(o.setup, case, seed) then
          tasks[#tasks + 1] = { case = case, seed = seed }
        end
      end
    end
  end
  return tasks
end

local function do_task(protocol, task, o, results, context)
  local start = core.clock()
  local row = protocol.run(task.case, task.seed, context)
  row.setup, row.case, row.seed = o.setup, task.case, task.seed
  row.seconds = core.clock() - start
  return results:append(row)
end

-- Calls done(task) after each. Returns true, or nil, message, code when a result cannot be kept;
-- raises with the case and the seed when a run fails.
function runner.work(protocol, tasks, o, results, context, done)
  for _, task in ipairs(tasks) do
    local called, ok, message, code = xpcall(do_task, function(problem)
      if interrupted(problem) then return problem end
      return ("case %s, seed %d: %s"):format(task.case, task.seed, tostring(problem))
    end, protocol, task, o, results, context)
    if not called then error(ok, 0) end
    if not ok then return nil, message, code end
    done(task)
  end
  return true
end

-- The interpreter that runs this program.
local function interpreter()
  local first = 0
  while type(arg) == "table" and arg[first - 1] do first = first - 1 end
  return first < 0 and arg[first] or "lua5.4"
end

local function worker_command(name, o, worker)
  local program = ("package.path=%q package.cpath=%q require('lsqnet.experiments.worker')("
    .. "%q,{runs=%d,seed=%d,out=%q,jobs=%d,quick=%s,setup=%q,only=%s,worker=%d})"):format(
    package.path, package.cpath, name, o.runs, o.seed, o.out, o.jobs, o.quick, o.setup,
    o.only and ("%q"):format(o.only) or "nil", worker)
  return ("%s -e %s"):format(words.shell_quoted(interpreter()), words.shell_quoted(program))
end

-- All workers write to one pipe, a line a run; the runs themselves go to the store, line by line.
local function start_workers(name, o)
  local commands = {}
  for worker = 1, o.jobs do commands[worker] = worker_command(name, o, worker) .. " &" end
  local threads = os.getenv("OMP_NUM_THREADS")
    or ("%d"):format(math.max(1, core.info().threads // o.jobs))
  return assert(io.popen(("export OMP_NUM_THREADS=%s; %s wait"):format(
    words.shell_quoted(threads), table.concat(commands, " "))))
end

local function follow_workers(name, o, done)
  local pipe <close> = start_workers(name, o)
  local failure
  for line in pipe:lines() do
    local case, problem = line:match("^done\t(.*)$"), line:match("^failed\t(.*)$")
    if case then
      done { case = case }
    else
      failure = failure or problem or line
    end
  end
  if failure then error(failure, 0) end
end

-- Raises when a process was killed. The store is asked, not the processes: a run may have been
-- done by another call of the command meanwhile.
local function check_all_done(tasks, cases, o, results)
  local left = #missing(cases, o, results)
  if left > 0 then
    error(("%d of %d runs were not finished: a process ended early"):format(left, #tasks), 0)
  end
end

local function open_store(name, protocol, o)
  return store.open(("%s/%s.csv"):format(o.out, name), protocol.measures, protocol.curves or {})
end

-- A function that tells whether the options ask for a stored row.
function runner.chosen(o)
  return function(row)
    return row.setup == o.setup and row.seed >= o.seed and row.seed < o.seed + o.runs
      and (not o.only or row.case:find(o.only, 1, true) ~= nil)
  end
end

-- Whether there is something to report of cases that cannot be run here.
local function has_rows(results, o)
  local is_chosen = runner.chosen(o)
  for _, row in ipairs(results.rows) do
    if is_chosen(row) then return true end
  end
  return false
end

-- Says why there is nothing to run.
local function no_cases(protocol, o, skipped)
  local all = protocol.cases(new_context(o.quick))
  if #all > 0 then
    local more = #all > SHOWN and (" and %d more"):format(#all - SHOWN) or ""
    return nil, ("no case has '%s' in its name; there are '%s'%s"):format(
      o.only, table.concat(all, "', '", 1, math.min(#all, SHOWN)), more), "no_case"
  end
  return nil, "no case could be run" .. (skipped[1] and ": " .. skipped[1][2] or ""), "no_file"
end

-- Does what is missing, with a progress bar. Options: runs, seed, out, jobs, quick, setup, only.
-- Returns the store, the cases, and those left out; or nil, message, code: "no_case" when `only`
-- fits none.
function runner.run(name, protocol, o)
  local results, message, code = open_store(name, protocol, o)
  if not results then return nil, message, code end
  local cases, skipped, context = runner.cases(protocol, o)
  if #cases == 0 and not has_rows(results, o) then return no_cases(protocol, o, skipped) end
  local ready
  ready, message, code = files.make_folders(o.out)
  if not ready then return nil, message, code end
  ready, message, code = results:prepare()
  if not ready then return nil, message, code end
  local tasks = missing(cases, o, results)
  if #tasks == 0 then return results, cases, skipped end
  local bar <close> = progress.new { title = name, total = #tasks }
  local start, count = core.clock(), 0
  local function done(task)
    count = count + 1
    bar:update(count, task.case, core.clock() - start)
  end
  bar:update(0, "", 0)
  if o.jobs > 1 then
    follow_workers(name, o, done)
  else
    ready, message, code = runner.work(protocol, tasks, o, results, context, done)
    if not ready then return nil, message, code end
  end
  results, message, code = results:reload()
  if not results then return nil, message, code end
  if o.jobs > 1 then check_all_done(tasks, cases, o, results) end
  return results, cases, skipped
end

-- What a worker process does; `report` gets a line for each run. Returns as `work` does.
function runner.work_share(name, protocol, o, report)
  local results, message, code = open_store(name, protocol, o)
  if not results then return nil, message, code end
  local cases, _, context = runner.cases(protocol, o)
  return runner.work(protocol, missing(cases, o, results), o, results, context, function(task)
    report("done\t" .. task.case)
  end)
end

return runner
