local lsqnet = require "lsqnet"
local run_lua = require "run_lua"
local tmp = require "tmp"

local COMMAND = run_lua.folder .. "/lua/lsqnet/bin/lsqnet"

-- What stands in for lsqnet.experiments, so that the command's own part is what is tested.
local EXPERIMENTS = [[
package.preload["lsqnet.experiments"] = function()
  local function run(name, o)
    if name == "broken" then return nil, "no data", "no_file" end
    if o.only and o.only ~= name then return nil, "no such case", "no_case" end
    if name == "raises" then error("misused") end
    return {
      name = name, warning = o.runs == 8 and "gnuplot is missing" or nil,
      text = ("%s runs=%s seed=%s out=%s jobs=%s quick=%s\n\n"):format(
        name, o.runs, o.seed, o.out, o.jobs, o.quick),
      files = { o.out .. "/" .. name .. "/table.csv" },
    }
  end
  return {
    list = function()
      return {
        { name = "broken", title = "Nothing", source = "nowhere", runs = 1 },
        { name = "sound", title = "A table", source = "a paper, Table 3", runs = 100 },
        { name = "raises", title = "A bug", source = "ours", runs = 5 },
      }
    end,
    run = run,
    report = function(dir, page)
      if dir == "empty" then return nil, dir .. ": no results", "no_file" end
      return dir == "results" and page ~= nil
    end,
  }
end
]]

-- Runs the command with arguments: exit status, output, errors.
local function lsqnet_with(arguments, options)
  options = options or {}
  options.script, options.arguments = COMMAND, arguments
  return run_lua.run(options)
end

local function with_experiments(...)
  return lsqnet_with({ ... }, { environment = { LUA_INIT = EXPERIMENTS } })
end

describe("the command lsqnet", function()
  it("tells its version", function()
    local status, out, err = lsqnet_with { "--version" }
    assert.same({ 0, lsqnet._VERSION .. "\n", "" }, { status, out, err })
  end)

  it("has a help with examples for each subcommand", function()
    local _, top = lsqnet_with { "--help" }
    for _, name in ipairs { "fit", "predict", "describe", "info", "experiments", "run",
                           "report" } do
      assert.truthy(top:find("\n   " .. name .. "  ", 1, true), name)
      local status, out, err = lsqnet_with { name, "--help" }
      assert.same({ 0, "" }, { status, err })
      assert.truthy(out:find("Examples?:\n   lsqnet " .. name), name)
    end
  end)

  it("answers misuse with one line and status 2", function()
    local cases = {
      [{}] = "a command is required (see lsqnet --help)",
      [{ "fot" }] = "unknown command 'fot'; did you mean 'fit'? (see lsqnet --help)",
      [{ "fit", "--hiden", "3" }] =
        "unknown option '--hiden'; did you mean '--hidden'? (see lsqnet fit --help)",
      [{ "fit" }] = "missing argument 'data' (see lsqnet fit --help)",
      [{ "run", "x", "--runs", "0" }] =
        "--runs: a whole number of at least 1 expected, got '0' (see lsqnet run --help)",
      [{ "run", "x", "--seed=-1" }] =
        "--seed: a whole number of at least 0 expected, got '-1' (see lsqnet run --help)",
      [{ "run", "x", "--out", "" }] =
        "--out: the name of a folder expected, got '' (see lsqnet run --help)",
      [{ "info", "x", "--trainer", "adam" }] = "a model or --trainer expected, not both",
    }
    for arguments, message in pairs(cases) do
      local status, out, err = lsqnet_with(arguments)
      assert.same({ 2, "", "lsqnet: " .. message .. "\n" }, { status, out, err })
    end
  end)

  it("runs without any path set, in another folder", function()
    tmp.with(function(folder)
      local library = assert(package.searchpath("lsqnet.core", package.cpath))
      local root = folder .. "/a b"
      local made = ("mkdir -p %s/bin %s/share/lua/5.4 %s/lib/lua/5.4/lsqnet && cp %s %s/bin && "
        .. "cp -r lua/lsqnet %s/share/lua/5.4 && cp %s %s/lib/lua/5.4/lsqnet/core.so")
      local q = tmp.quoted(root)
      assert(os.execute(made:format(q, q, q, tmp.quoted(COMMAND), q, q, tmp.quoted(library), q)))
      local status, out, err = run_lua.run {
        script = root .. "/bin/lsqnet", arguments = { "--version" }, folder = "/",
        environment = { LUA_PATH = ";;", LUA_CPATH = ";;" },
      }
      assert.same({ 0, lsqnet._VERSION .. "\n", "" }, { status, out, err })
    end)
  end)

  it("says in a line what keeps it from starting", function()
    local status, out, err = lsqnet_with({ "info" }, {
      environment = { LUA_INIT = 'package.preload.argparse = function() error("gone", 0) end' },
    })
    assert.same({ 1, "", "lsqnet: cannot start: gone\n" }, { status, out, err })
  end)

  -- A command that tells how it was started, under `sh` with the settings given.
  local function started_with(settings)
    local stand_in = [[
      local function pid() return io.open("/proc/self/stat"):read("n") end
      io.stderr:write(pid(), "\n")
      package.preload["lsqnet.command"] = function()
        return { main = function(arguments)
          io.stderr:write(pid(), "\n")
          print(os.getenv("OMP_WAIT_POLICY"), io.read("a"), table.concat(arguments, "|"))
          return 7
        end }
      end]]
    local line = ("printf in | env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT OMP_NUM_THREADS=2 %s "
      .. "LUA_INIT=%s LUA %s a '' 'b  c'"):format(settings, tmp.quoted(stand_in),
      tmp.quoted(COMMAND))
    local status, out, err = run_lua.run {
      code = ("local _, _, s = os.execute((%q):gsub('LUA ', arg[-1] .. ' ')) os.exit(s)")
        :format(line),
    }
    local starts, pids = 0, {}
    for id in err:gmatch("%d+") do starts, pids[id] = starts + 1, true end
    return status, out, starts, pids
  end

  it("starts itself anew to wait passively, as the same process, once", function()
    if not tmp.exists("/proc/self/cmdline") then return pending("there is no /proc") end
    local status, out, starts, pids = started_with ""
    assert.same({ 7, "passive\tin\ta||b  c\n", 3 }, { status, out, starts })
    local first = next(pids)
    assert.is_nil(next(pids, first))
  end)

  it("keeps what the environment says of waiting, and one thread", function()
    local function same(settings, policy)
      local status, out, starts = started_with(settings)
      assert.same({ 7, policy .. "\tin\ta||b  c\n", 2 }, { status, out, starts })
    end
    same("OMP_WAIT_POLICY=active", "active")
    same("GOMP_SPINCOUNT=100", "nil")
    same("OMP_NUM_THREADS=1", "nil")
  end)

  it("reports output that cannot be written", function()
    if not tmp.exists("/dev/full") then return pending("there is no /dev/full") end
    local line = "LUA " .. tmp.quoted(COMMAND) .. " info >/dev/full"
    local status, _, err = run_lua.run {
      code = ("local _, _, s = os.execute((%q):gsub('LUA', arg[-1])) os.exit(s)"):format(line),
    }
    assert.equal(1, status)
    assert.truthy(err:find("^lsqnet: standard output: %C+\n$"))
  end)
end)

describe("lsqnet info", function()
  it("tells what is loaded", function()
    local status, out = lsqnet_with { "info" }
    local info = lsqnet.info()
    assert.equal(0, status)
    assert.truthy(out:find("\nLAPACK   " .. info.lapack .. "\n", 1, true))
    assert.truthy(out:find("\nSIMD     " .. info.simd .. "\n", 1, true))
  end)

  it("tells what a saved net is", function()
    tmp.with(function(folder)
      local path = folder .. "/net.safetensors"
      assert(lsqnet.network { layers = { 3, 4, 1 }, activation = "leaky_relu" }:save(path))
      local status, out = lsqnet_with { "info", path }
      assert.equal(0, status)
      assert.equal(("model       %s\nlayers      3-4-1\nactivation  leaky_relu, slope 0.1\n"
        .. "output      identity\nloss        mse\nparameters  21\n"):format(path), out)
    end)
  end)

  it("lists the options of a trainer that a word can give", function()
    local status, out = lsqnet_with { "info", "--trainer", "lbfgs" }
    assert.equal(0, status)
    assert.truthy(out:find("memory (integer; default 10)\n    pairs of steps", 1, true))
    assert.truthy(out:find("line_search (strong_wolfe|fixed; default strong_wolfe)", 1, true))
    assert.falsy(out:find("on_iteration", 1, true))
  end)

  it("names a file that is missing, or no model", function()
    local status, out, err = lsqnet_with { "info", "nowhere.safetensors" }
    assert.same({ 1, "" }, { status, out })
    assert.equal("lsqnet: cannot read 'nowhere.safetensors': No such file or directory\n", err)
    status, out, err = lsqnet_with { "info", "README.md" }
    assert.same({ 1, "" }, { status, out })
    assert.truthy(err:find("^lsqnet: README.md: not a safetensors file%C*\n$"))
  end)
end)

describe("lsqnet experiments, run and report", function()
  it("lists them in columns", function()
    local status, out = with_experiments "experiments"
    assert.equal(0, status)
    assert.equal("name    runs  shows    source\n"
      .. "broken  1     Nothing  nowhere\n"
      .. "sound   100   A table  a paper, Table 3\n"
      .. "raises  5     A bug    ours\n", out)
  end)

  it("hands the options over and prints the table and the files", function()
    local status, out, err = with_experiments("run", "sound")
    assert.same({ 0, "" }, { status, err })
    assert.equal("sound runs=nil seed=1 out=results jobs=1 quick=false\n"
      .. "  results/sound/table.csv\n", out)
    status, out = with_experiments("run", "sound", "--runs", "7", "--seed", "3", "--out", "/tmp/x",
      "--jobs", "2", "--quick")
    assert.equal(0, status)
    assert.truthy(out:find("sound runs=7 seed=3 out=/tmp/x jobs=2 quick=true\n", 1, true))
  end)

  it("says why there are no pictures", function()
    local status, out, err = with_experiments("run", "sound", "--runs", "8")
    assert.equal(0, status)
    assert.truthy(out:find("^sound runs=8"))
    assert.equal("lsqnet: sound: no pictures: gnuplot is missing\n", err)
  end)

  it("passes over experiments that have no case of --only, unless none has", function()
    local status, out, err = with_experiments("run", "raises", "sound", "--only", "sound")
    assert.same({ 0, "" }, { status, err })
    assert.truthy(out:find("^sound runs=nil"))
    status, out, err = with_experiments("run", "raises", "sound", "--only", "x")
    assert.same({ 1, "", "lsqnet: no case of these experiments has 'x' in its name\n" },
                { status, out, err })
    status, out, err = with_experiments("run", "sound", "--only", "x")
    assert.same({ 1, "", "lsqnet: sound: no such case\n" }, { status, out, err })
  end)

  it("suggests a name for one that is unknown, before anything runs", function()
    local status, out, err = with_experiments("run", "sound", "sounds")
    assert.same({ 2, "" }, { status, out })
    assert.equal("lsqnet: no experiment is named 'sounds' (did you mean 'sound'?)\n", err)
  end)

  it("runs all, also behind one that failed", function()
    local status, out, err = with_experiments("run", "all")
    assert.equal(1, status)
    assert.truthy(out:find("sound runs=nil", 1, true))
    assert.truthy(err:find("^lsqnet: broken: no data; raises: %C*misused\n$"))
  end)

  it("writes the page of results", function()
    local status, out = with_experiments("report", "results", "--page", "page.md")
    assert.same({ 0, "wrote page.md\n" }, { status, out })
    status, out = with_experiments "report"
    assert.same({ 0, "wrote results/reproduction.md\n" }, { status, out })
    local err
    status, out, err = with_experiments("report", "empty")
    assert.same({ 1, "", "lsqnet: empty: no results\n" }, { status, out, err })
  end)
end)

describe("lsqnet describe", function()
  it("shows how a file is read and what its columns are", function()
    tmp.with(function(folder)
      local path = tmp.write(folder .. "/data.csv",
                             "age;sex;born\n31;male;1990-02-01\n-1;female;\n18,5;male;2001-12-31\n")
      local status, out, err = lsqnet_with { "describe", path, "--missing=-1" }
      assert.same({ 0, "" }, { status, err })
      assert.equal(table.concat({
        "the first line holds names: text above columns of numbers",
        "fields are separated by semicolons, numbers have decimal commas",
        "",
        "3 rows x 3 columns",
        "   name  type      missing   min    25%  median    75%  max",
        "1  age   number          1  18.5  21.62   24.75  27.88   31",
        "2  sex   category        0  2 levels: male 2, female 1",
        "3  born  date            1  1990-02-01 to 2001-12-31",
        "",
      }, "\n"), out)
      status, out = lsqnet_with { "describe", path, "--columns", "2-3", "--header", "no",
                                  "--types", "2=skip" }
      assert.equal(0, status)
      assert.truthy(out:find("4 rows x 1 column\n", 1, true))
    end)
  end)

  it("tells all problems at once, with a command line that works", function()
    tmp.with(function(folder)
      local lines = { "a,b" }
      for k = 2, 61 do lines[k] = k .. "," .. k end
      lines[7], lines[9] = "oops,1", "x y,no"
      local path = tmp.write(folder .. "/data.csv", table.concat(lines, "\n"))
      local status, out, err = lsqnet_with { "describe", path }
      assert.same({ 1, "" }, { status, out })
      local wanted = (table.concat({
        "lsqnet: PATH: column 1 (a): 2 of 60 fields are no numbers: 'oops' (line 7), "
          .. "'x y' (line 9)",
        "PATH: column 2 (b): 1 of 60 fields is no number: 'no' (line 9)",
        "this would work: lsqnet describe PATH --missing 'oops,x y,no'", "" }, "\n")
        :gsub("PATH", path))
      assert.equal(wanted, err)
      status = lsqnet_with { "describe", path, "--missing", "oops,x y,no" }
      assert.equal(0, status)
      status, out, err = lsqnet_with { "describe", path, "--types", "a=text" }
      assert.same({ 2, "", "lsqnet: --types: name=number, category, date or skip expected, got "
        .. "'a=text' (see lsqnet describe --help)\n" }, { status, out, err })
      status, out, err = lsqnet_with { "describe", path, "--separator", ";;" }
      assert.same({ 2, "", "lsqnet: option 'separator': one character, tab or space expected, got "
        .. "';;'\n" }, { status, out, err })
    end)
  end)
end)
