--- The papers' experiments: one protocol for each table, or group of figures drawn from the same
-- runs, with the published numbers beside ours.
--
-- A run appends its numbers to `OUT/NAME.csv` as soon as it has ended; an interrupted experiment
-- goes on where it was, and more runs are added to those that are there. Runs of `quick` are kept
-- apart in the same file.
-- @module lsqnet.experiments
-- @usage
-- local result = assert(lsqnet.experiments.run("linstorch-table1", { out = "results" }))
-- print(result.text)

local dkjson = require "dkjson"
local interrupted = require "lsqnet.interrupted"
local lfs = require "lfs"
local files = require "lsqnet.experiments.files"
local machine = require "lsqnet.experiments.machine"
local options = require "lsqnet.options"
local page = require "lsqnet.experiments.page"
local papers = require "lsqnet.papers"
local render = require "lsqnet.experiments.render"
local report = require "lsqnet.experiments.report"
local results = require "lsqnet.experiments.results"
local runner = require "lsqnet.experiments.runner"
local store = require "lsqnet.experiments.store"

local experiments = {}

--- The protocols there are, in the order of the papers.
-- @treturn {table,...} each with `name`; `title`; `source`, the paper with its tables and figures;
-- and `runs`, the default number of runs
function experiments.list()
  local list = {}
  for i, name in ipairs(papers.names) do
    local protocol = papers.protocol(name)
    list[i] = { name = name, title = protocol.title, source = protocol.source,
                runs = protocol.runs }
  end
  return list
end

local function check_name(name, level)
  options.typed(name, "string", 1, "run", level + 1)
  for _, known in ipairs(papers.names) do
    if name == known then return end
  end
  error(("bad argument #1 to 'run' (unknown experiment '%s'%s)"):format(
    name, options.suggest(name, papers.names)), level)
end

-- Whether there are results of a case that begins with a text.
local function has_results(found, start)
  for _, case in ipairs(found:cases()) do
    if case:sub(1, #start) == start then return true end
  end
  return false
end

-- The first part of a message, without the paths of this machine.
local function without_paths(message)
  return message:match("^([^:/]+):") or (message:gsub("^[^:]*/", ""))
end

-- What a report begins with.
local function introduce(r, protocol, found, skipped)
  r:text(protocol.setup)
  for _, entry in ipairs(skipped) do
    if not has_results(found, entry[1]) then
      local reason = without_paths(entry[2])
      r:text(("Left out: %s (%s)."):format(entry[1], reason))
    end
  end
end

local function make_report(protocol, found, skipped)
  local r = report.new()
  introduce(r, protocol, found, skipped)
  protocol.report(found, r)
  r:finish()
  return r
end

-- Writes all files of a report into a folder; returns their paths, and a warning where pictures
-- could not be drawn for want of gnuplot.
local function write_report(folder, heading, r)
  local ok, message, code = files.make_folders(folder)
  if not ok then return nil, message, code end
  local figures
  figures, message, code = render.figures(r.items, { "png", "svg" }, function(item, kind)
    return ("%s/%s.%s"):format(folder, item.name, kind)
  end)
  if not figures and code ~= "missing_program" then return nil, message, code end
  local warning = not figures and message or nil
  local text = heading .. "\n\n" .. render.text(r.items)
  local contents = {
    { "report.txt", text },
    { "report.md", "# " .. heading .. "\n\n" .. render.markdown(r.items, function(item)
      return item.path:match("[^/]*$")
    end) },
  }
  for _, item in ipairs(r.items) do
    if item.kind == "table" then
      contents[#contents + 1] = { item.name .. ".csv", render.csv(item) }
    end
  end
  local paths = {}
  for i, entry in ipairs(contents) do
    paths[i] = folder .. "/" .. entry[1]
    ok, message, code = files.write(paths[i], entry[2])
    if not ok then return nil, message, code end
  end
  table.move(figures or {}, 1, #(figures or {}), #paths + 1, paths)
  return paths, text, warning
end

local JSON = {
  indent = true,
  keyorder = { "name", "title", "source", "setup", "seed", "runs", "jobs", "only", "started",
               "ended", "seconds", "seconds_of_all_runs", "machine" },
}

local RUN = {
  runs = { type = "integer", minimum = 1 },
  seed = { type = "integer", default = 1, minimum = 0 },
  out = { type = "string", default = "results" },
  jobs = { type = "integer", default = 1, minimum = 1 },
  quick = { type = "boolean", default = false },
  only = { type = "string" },
}

local function read_options(opts, protocol)
  local o = options.read(opts, RUN, 4)
  o.runs = o.runs or (o.quick and protocol.quick_runs or protocol.runs)
  if o.out == "" then error("option 'out': the name of a folder expected, got ''", 4) end
  o.jobs = math.min(o.jobs, o.runs)
  o.setup = o.quick and "quick" or "full"
  return o
end

local function describe(name, protocol, o, found, started)
  return {
    name = name, title = protocol.title, source = protocol.source, setup = o.setup,
    seed = o.seed, runs = o.runs, jobs = o.jobs, only = o.only, machine = machine.describe(),
    started = os.date("!%Y-%m-%dT%H:%M:%SZ", started), ended = os.date("!%Y-%m-%dT%H:%M:%SZ"),
    seconds = os.time() - started, seconds_of_all_runs = found.seconds,
  }
end

--- Runs an experiment: does the runs that are not there yet, with progress on standard error, and
-- writes `OUT/NAME.csv` (a line a run), `OUT/NAME.json` (versions, seed, BLAS, processor, times),
-- and into `OUT/NAME/` the report as text and Markdown, each table as CSV, each figure as PNG and
-- SVG.
-- @tparam string name one of `list()`
-- @tparam[opt] table opts `runs` (default: the protocol's); `seed=1`, of the first run, the others
-- follow; `out="results"`, a folder, made where it is missing; `jobs=1`, the processes that share
-- the runs, each with its part of the cores; `quick=false`: few runs and small settings, to see
-- that all works; `only`: part of the names of the cases to run
-- @treturn table `name`; `text`, the report; `files`, the paths written; `comparisons`, a list of
-- `{what, published, ours, runs, verdict, ok, rule, why}`; `warning`, when there are no pictures
-- for want of gnuplot
-- @return[2] nil, message, "no_read" or "no_write"; "bad_format" when `OUT/NAME.csv` is something
-- else; "no_case" when `only` fits no case; "no_file" when the data of all cases are missing
-- @raise when the name or an option is wrong, or a run fails; finished runs are kept
function experiments.run(name, opts)
  check_name(name, 3)
  local protocol = papers.protocol(name)
  local o = read_options(opts, protocol)
  local started = os.time()
  local stored, cases, skipped = runner.run(name, protocol, o)
  if not stored then return nil, cases, skipped end
  local found = results.new(stored.rows, cases, runner.chosen(o))
  local r = make_report(protocol, found, skipped)
  local heading = ("%s (%s)"):format(protocol.title, protocol.source)
  local about = describe(name, protocol, o, found, started)
  local paths, text, warning = write_report(o.out .. "/" .. name, heading, r)
  if not paths then return nil, text, warning end
  local stem = o.out .. "/" .. name
  local ok, message, code = files.write(stem .. ".json", dkjson.encode(about, JSON) .. "\n")
  if not ok then return nil, message, code end
  table.move({ stem .. ".csv", stem .. ".json" }, 1, 2, #paths + 1, paths)
  return { name = name, text = text, files = paths, comparisons = r.comparisons, warning = warning }
end

local function stored_machine(path)
  local about = dkjson.decode(files.read(path) or "")
  local stored = type(about) == "table" and about.machine
  return type(stored) == "table" and stored or nil
end

-- The entry of the page for a protocol, or nil when nothing is stored of it.
local function stored_entry(name, folder)
  local protocol = papers.protocol(name)
  local path = ("%s/%s.csv"):format(folder, name)
  if not lfs.attributes(path, "mode") then return nil end
  local stored, message = store.open(path, protocol.measures, protocol.curves or {})
  if not stored then error(message, 0) end
  local o = { quick = false }
  local cases, skipped = runner.cases(protocol, o)
  local found = results.new(stored.rows, cases, function(row) return row.setup == "full" end)
  if #found:cases() == 0 then return nil end
  local r = make_report(protocol, found, skipped)
  return { name = name, title = protocol.title, source = protocol.source, runs = found:span(),
           seconds = found.seconds, items = r.items, comparisons = r.comparisons,
           machine = stored_machine(("%s/%s.json"):format(folder, name)) }
end

--- Writes the page of all results in a folder: for each protocol its tables, its figures, and the
-- published numbers beside ours. Quick runs are left out.
-- @tparam string folder with `NAME.csv` as `run` writes it, and `NAME.json` as `run` writes them
-- @tparam string path of the page; pictures go into the folder `pictures` beside it
-- @treturn boolean true
-- @return[2] nil, message and a code
function experiments.report(folder, path)
  options.typed(folder, "string", 1, "report")
  options.typed(path, "string", 2, "report")
  local ok, message, code = files.make_folders((path:match("^(.*)/") or ".") .. "/pictures")
  if not ok then return nil, message, code end
  local entries = {}
  for _, name in ipairs(papers.names) do
    local called, entry = pcall(stored_entry, name, folder)
    if not called and interrupted(entry) then error(entry, 0) end
    if not called then return nil, ("%s: %s"):format(name, entry), "bad_format" end
    entries[#entries + 1] = entry
  end
  if #entries == 0 then return nil, folder .. ": no results of an experiment", "no_file" end
  return page.write(path, entries)
end

return experiments
