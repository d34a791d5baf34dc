local lsqnet = require "lsqnet"
local dkjson = require "dkjson"
local lfs = require "lfs"
local quietly = require "quiet"
local papers = require "lsqnet.papers"
local runner = require "lsqnet.experiments.runner"
local store = require "lsqnet.experiments.store"
local tmp = require "tmp"

local experiments = lsqnet.experiments

-- A protocol that only counts; `calls` lists the runs it was asked for.
local function counting(calls, failing)
  return {
    title = "counting", source = "none", setup = "nothing", runs = 3, quick_runs = 1,
    measures = { "value", "rest" }, curves = { "path" },
    cases = function() return { "a", "b" }, { { "c", "no file" } } end,
    run = function(case, seed)
      calls[#calls + 1] = case .. seed
      if case .. seed == failing then error("no luck") end
      return { value = seed / 3, rest = case == "a" and 0 / 0 or nil, path = { seed, 0.1 } }
    end,
  }
end

local function options(folder, changes)
  local o = { runs = 3, seed = 1, out = folder, jobs = 1, quick = false, setup = "full" }
  for name, value in pairs(changes or {}) do o[name] = value end
  return o
end

local function run(...)
  return quietly(runner.run, ...)
end

describe("the runner", function()
  it("does the runs one by one, and keeps their numbers exactly", function()
    tmp.with(function(folder)
      local calls = {}
      local stored = assert(run("x", counting(calls), options(folder)))
      assert.same({ "a1", "b1", "a2", "b2", "a3", "b3" }, calls)
      assert.equal(6, #stored.rows)
      assert.equal(1 / 3, stored.rows[1].value)
      assert.is_true(stored.rows[1].rest ~= stored.rows[1].rest)
      assert.is_nil(stored.rows[2].rest)
      assert.same({ 1, 0.1 }, stored.rows[1].path)
      assert.matches("^setup,case,seed,seconds,value,rest,path\nfull,a,1,",
                     tmp.read(folder .. "/x.csv"))
    end)
  end)

  it("resumes: only what is missing is done", function()
    tmp.with(function(folder)
      local calls = {}
      local ok, message = pcall(run, "x", counting(calls, "b2"), options(folder))
      assert.is_false(ok)
      assert.matches("^case b, seed 2: .*no luck$", message)
      assert.same({ "a1", "b1", "a2", "b2" }, calls)
      calls = {}
      assert(run("x", counting(calls), options(folder)))
      assert.same({ "b2", "a3", "b3" }, calls)
      calls = {}
      assert(run("x", counting(calls), options(folder, { runs = 4 })))
      assert.same({ "a4", "b4" }, calls)
      assert(run("x", counting(calls), options(folder, { setup = "quick", runs = 1 })))
      assert.same({ "a4", "b4", "a1", "b1" }, calls)
    end)
  end)

  it("does a run again whose line was cut", function()
    tmp.with(function(folder)
      local path = folder .. "/x.csv"
      assert(run("x", counting {}, options(folder, { runs = 1 })))
      local whole = tmp.read(path)
      tmp.write(path, whole:sub(1, -4))
      local calls = {}
      assert(run("x", counting(calls), options(folder, { runs = 1 })))
      assert.same({ "b1" }, calls)
      local function keys(text) return (text:gsub("(full,%a,%d),[^,]*", "%1")) end
      assert.equal(keys(whole), keys(tmp.read(path)))
    end)
  end)

  it("leaves a file alone that holds something else", function()
    tmp.with(function(folder)
      local path = tmp.write(folder .. "/x.csv", "a,b\n1,2\n")
      local results, message, code = run("x", counting {}, options(folder))
      assert.is_nil(results)
      assert.equal("bad_format", code)
      assert.matches("holds other columns than this protocol writes", message, 1, true)
      assert.equal("a,b\n1,2\n", tmp.read(path))
      tmp.write(path, "setup,case,seed,seconds,value,rest,path\nfull,a\n")
      message, code = select(2, run("x", counting {}, options(folder)))
      assert.equal("bad_format", code)
      assert.matches("line 2 is not a line of results", message, 1, true)
    end)
  end)

  it("starts anew where even the first line was cut, but not in a file of another kind", function()
    tmp.with(function(folder)
      local path = tmp.write(folder .. "/x.csv", "setup,case,se")
      local calls = {}
      assert(run("x", counting(calls), options(folder, { runs = 1 })))
      assert(run("x", counting(calls), options(folder, { runs = 1 })))
      assert.same({ "a1", "b1" }, calls)
      tmp.write(path, "precious")
      local results, _, code = run("x", counting(calls), options(folder))
      assert.is_nil(results)
      assert.equal("bad_format", code)
      assert.equal("precious", tmp.read(path))
    end)
  end)

  it("cuts no line that another process was writing", function()
    tmp.with(function(folder)
      local path, header = folder .. "/x.csv", "setup,case,seed,seconds,value,rest,path\n"
      tmp.write(path, header .. "full,a,1,0.1")
      local stored = assert(store.open(path, { "value", "rest" }, { "path" }))
      tmp.write(path, header .. "full,a,1,0.1,2,,\n")
      local before = lfs.attributes(path, "ino")
      assert.is_true(stored:prepare())
      assert.equal(before, lfs.attributes(path, "ino"))
      assert.equal(header .. "full,a,1,0.1,2,,\n", tmp.read(path))
    end)
  end)

  it("reads a file that two processes began", function()
    tmp.with(function(folder)
      local calls, header = {}, "setup,case,seed,seconds,value,rest,path\n"
      tmp.write(folder .. "/x.csv", header .. "full,a,1,0.1,2,,\n" .. header)
      local stored = assert(run("x", counting(calls), options(folder, { runs = 1 })))
      assert.same({ "b1" }, calls)
      assert.equal(2, stored.rows[1].value)
    end)
  end)

  it("says when the file is spoilt during the runs", function()
    tmp.with(function(folder)
      local protocol = counting {}
      protocol.run = function()
        tmp.write(folder .. "/x.csv", "something else\n")
        return {}
      end
      local results, message, code = run("x", protocol, options(folder))
      assert.is_nil(results)
      assert.equal("bad_format", code)
      assert.matches("holds other columns", message, 1, true)
    end)
  end)

  it("says when a folder cannot be written to", function()
    local results, message, code = run("x", counting {}, options("/dev/null/folder"))
    assert.is_nil(results)
    assert.equal("/dev/null: a file, where a folder should be", message)
    assert.equal("no_write", code)
  end)

  it("tells from another process what kept a result from being written", function()
    local ok, message, code = runner.work_share("x", counting {},
      options("/dev/null/folder", { worker = 1 }), function() end)
    assert.is_nil(ok)
    assert.matches("^/dev/null/folder/x.csv: %C+$", message)
    assert.equal("no_write", code)
  end)

  it("says when no case has such a name, and writes nothing", function()
    tmp.with(function(folder)
      local results, message, code = run("x", counting {}, options(folder, { only = "z" }))
      assert.is_nil(results)
      assert.equal("no case has 'z' in its name; there are 'a', 'b'", message)
      assert.equal("no_case", code)
      assert.is_false(tmp.exists(folder .. "/x.csv"))
    end)
  end)

  it("restricts itself to some cases", function()
    tmp.with(function(folder)
      local calls = {}
      local _, cases = run("x", counting(calls), options(folder, { only = "b", runs = 1 }))
      assert.same({ "b1" }, calls)
      assert.same({ "b" }, cases)
    end)
  end)
end)

describe("lsqnet.experiments", function()
  it("lists protocols that can be read", function()
    local list = experiments.list()
    assert.is_true(#list > 0)
    for _, entry in ipairs(list) do
      assert.matches("^%l[%l%d-]+$", entry.name)
      assert.is_true(#entry.title > 10 and #entry.source > 5 and entry.runs >= 1)
      local protocol = papers.protocol(entry.name)
      assert.is_true(#protocol.setup > 50 and protocol.quick_runs <= protocol.runs)
    end
  end)

  it("runs in processes of their own with the same numbers", function()
    tmp.with(function(folder)
      local function losses(jobs)
        local out = ("%s/%d"):format(folder, jobs)
        local result = assert(quietly(experiments.run, "linstorch-table1",
                                      { out = out, jobs = jobs, runs = 6, only = "forward" }))
        local list = {}
        for line in io.lines(out .. "/linstorch-table1.csv") do
          local case, seed, mse = line:match("^full,([^,]*),(%d+),[^,]*,([^,]*)")
          if case then list[case .. seed] = mse end
        end
        return list, result
      end
      local one, result = losses(1)
      assert.equal("number", type(tonumber(one["forward first once3"])))
      assert.same(one, (losses(2)))
      assert.matches("forward first twice", result.text, 1, true)
    end)
  end)

  it("writes the table as text, Markdown and CSV, pictures, and what it ran on", function()
    tmp.with(function(folder)
      local result = assert(quietly(experiments.run, "linstorch-table1",
                                    { out = folder .. "/a/b", quick = true, seed = 5 }))
      for _, name in ipairs { "report.txt", "report.md", "table1.csv", "comparison.csv",
                              "figure1.png", "figure1.svg" } do
        assert.is_true(tmp.exists(folder .. "/a/b/linstorch-table1/" .. name), name)
      end
      assert.equal(result.text, tmp.read(folder .. "/a/b/linstorch-table1/report.txt"))
      local about = dkjson.decode(tmp.read(folder .. "/a/b/linstorch-table1.json"))
      assert.equal(5, about.seed)
      assert.equal("quick", about.setup)
      assert.equal(lsqnet.info().blas, about.machine.blas)
      for _, path in ipairs(result.files) do assert.is_true(tmp.exists(path), path) end
      assert.is_true(#result.comparisons >= 7)
      local markdown = tmp.read(folder .. "/a/b/linstorch-table1/report.md")
      assert.matches("![Figure 1", markdown, 1, true)
      assert.matches("(figure1.png)", markdown, 1, true)
    end)
  end)

  it("makes a page of stored results, without quick ones", function()
    tmp.with(function(folder)
      local out, page = folder .. "/results", folder .. "/docs/page.md"
      assert(quietly(experiments.run, "linstorch-table1", { out = out, quick = true }))
      local ok, message, code = experiments.report(out, page)
      assert.is_nil(ok)
      assert.equal("no_file", code)
      assert.matches("no results of an experiment", message, 1, true)
      assert(quietly(experiments.run, "linstorch-table1", { out = out, runs = 4 }))
      assert.is_true(experiments.report(out, page))
      local text = tmp.read(page)
      assert.matches("](pictures/linstorch-table1-figure1.png)", text, 1, true)
      assert.matches("4 runs here", text, 1, true)
      assert.matches("[linstorch-table1](#linstorch-table1-linstorch-on-sinx--1-by-order-and-"
        .. "number-of-solves)", text, 1, true)
      assert(quietly(experiments.run, "linstorch-table1",
                     { out = out, runs = 6, only = "untrained" }))
      tmp.write(out .. "/linstorch-table1.json", '{"machine":')
      assert.is_true(experiments.report(out, page))
      assert.matches("4 to 6 runs here, 0 s in all.\n", tmp.read(page), 1, true)
      assert.is_true(tmp.exists(folder .. "/docs/pictures/linstorch-table1-figure1.png"))
      assert.is_false(tmp.exists(folder .. "/docs/pictures/linstorch-table1-figure1.dat"))
    end)
  end)

  it("names what is left out without the folders of this machine", function()
    tmp.with(function(folder)
      local protocol = require "lsqnet.papers.linstorch.table1"
      local cases = protocol.cases
      finally(function() protocol.cases = cases end)
      protocol.cases = function()
        return cases(), { { "one", "no file of one: looked for /home/me/one.csv" },
                          { "two", "/home/me/two.csv: line 7: a word" } }
      end
      local result = assert(quietly(experiments.run, "linstorch-table1",
                                    { out = folder, runs = 2, only = "untrained" }))
      assert.matches("Left out: one (no file of one).", result.text, 1, true)
      assert.matches("Left out: two (two.csv: line 7: a word).", result.text, 1, true)
    end)
  end)

  it("refuses what it does not know", function()
    assert.error_matches(function() experiments.run("linstorch-tabel1") end,
      "bad argument #1 to 'run' %(unknown experiment 'linstorch%-tabel1' "
      .. "%(did you mean 'linstorch%-table1'%?%)%)")
    assert.error_matches(function() experiments.run("linstorch-table1", { run = 3 }) end,
                         "unknown option 'run' %(did you mean 'runs'%?%)")
    assert.error_matches(function() experiments.run("linstorch-table1", { runs = 0 }) end,
                         "option 'runs': at least 1 expected, got 0")
    assert.error_matches(function() experiments.run("linstorch-table1", { out = "" }) end,
                         "option 'out': the name of a folder expected, got ''")
    assert.error_matches(function() experiments.run() end,
                         "bad argument #1 to 'run' %(string expected, got no value%)")
  end)
end)

describe("stored results", function()
  it("give the best row of a case, of those with a curve where one is asked for", function()
    local results = require("lsqnet.experiments.results").new({
      { case = "a", seed = 1, seconds = 0, mse = 3, output = { 1 } },
      { case = "a", seed = 2, seconds = 0, mse = 1 },
      { case = "a", seed = 3, seconds = 0, mse = 2, output = { 2 } },
    }, { "a" }, function() return true end)
    assert.equal(2, results:best("a", "mse").seed)
    assert.equal(3, results:best("a", "mse", "output").seed)
    assert.is_nil(results:best("a", "mse", "map"))
    assert.is_nil(results:best("b", "mse"))
  end)

  it("say how many runs the cases have", function()
    local rows = { { case = "a", seed = 1, seconds = 0 }, { case = "a", seed = 2, seconds = 0 },
                   { case = "b", seed = 1, seconds = 0 } }
    local function span(accept)
      return require("lsqnet.experiments.results").new(rows, { "a", "b", "none" }, accept):span()
    end
    assert.equal("1 to 2", span(function() return true end))
    assert.equal("2", span(function(row) return row.case == "a" end))
  end)
end)

describe("a report", function()
  local report = require "lsqnet.experiments.report"
  local render = require "lsqnet.experiments.render"

  local function verdict(entry)
    local r = report.new()
    entry.what = "x"
    r:compare(entry)
    return r.comparisons[1].verdict
  end

  it("judges by the rule that a comparison names", function()
    assert.equal("yes", verdict { published = { 10, 1 }, ours = { 11, 13 } })
    assert.equal("no", verdict { published = { 10, 1 }, ours = { 12, 13 } })
    assert.equal("yes", verdict { published = { 10, 9 }, ours = 12.4 })
    assert.equal("yes, wide", verdict { published = { 10, 9 }, ours = 12.6 })
    assert.equal("yes, wide", verdict { published = { 10, 4 }, ours = 2.1 })
    assert.equal("yes", verdict { published = { 10, 9 }, ours = 2.1, at_most = 3 })
    assert.equal("no, better", verdict { published = { 10, 1 }, ours = 7, better = "lower" })
    assert.equal("no, worse", verdict { published = { 10, 1 }, ours = 7, better = "higher" })
    assert.equal("yes", verdict { published = 2, ours = 3.9, factor = 2 })
    assert.equal("no", verdict { published = 2, ours = 0.9, factor = 2 })
    assert.equal("yes", verdict { published = "less", ours = 3, at_most = 3 })
    assert.equal("no", verdict { published = "more", ours = 3, at_least = 3.1 })
    assert.equal("no", verdict { published = "always", ours = "once", agrees = false })
    assert.error_matches(function() verdict { published = 3, ours = 3 } end, "needs a rule")
  end)

  it("says where a difference is not explained", function()
    local r = report.new()
    r:compare { what = "x", published = 1, ours = 2, tolerance = 0.5 }
    r:compare { what = "y", published = 1, ours = 2, tolerance = 0.5, why = "because" }
    r:finish()
    local text = render.text(r.items)
    assert.matches("x%s+1%s+2%s+no%*%s+within 0.5%s+not explained", text)
    assert.matches("y%s+1%s+2%s+no%*%s+within 0.5%s+because", text)
  end)

  it("calls no number better that is none", function()
    assert.equal("no, worse", verdict { published = { 10, 1 }, ours = 0 / 0, better = "lower" })
    assert.equal("no, worse", verdict { published = { 10, 1 }, ours = 0 / 0, better = "higher" })
  end)

  it("starts no line of Markdown with what would begin a list or a quotation", function()
    for _, sign in ipairs { "+", "-", "*", "2.", "#", ">" } do
      local r = report.new()
      r:text(("sin(x) %s 1 "):format(sign):rep(40))
      for line in render.markdown(r.items):gmatch("[^\n]+") do
        assert.is_truthy(line:find("^sin") or line:find("^1"), line)
        assert.is_true(#line <= 102)
      end
    end
  end)

  it("folds long words in the last column of a plain table", function()
    local r = report.new()
    r:table { name = "t", title = "T", columns = { "a", "why" },
              rows = { { 1, ("since "):rep(12) }, { 2, "" } } }
    local start = ("since "):rep(10):sub(1, -2)
    assert.equal(("T\n\na  why\n1  %s\n   since since\n2\n"):format(start), render.text(r.items))
  end)

  it("escapes separators in the names of columns", function()
    local r = report.new()
    r:table { name = "t", title = "T", columns = { "|x|" }, rows = { { 1 } } }
    assert.matches("| \\|x\\| |\n|---|\n| 1 |", render.markdown(r.items), 1, true)
  end)

  it("renders bold cells and separators in each form", function()
    local r = report.new()
    r:table { name = "t", title = "T", columns = { "a", "b" },
              rows = { { { "x|y", bold = true }, 1 / 3 }, { "p,q", 2 } } }
    assert.equal("T\n\na     b\nx|y*  0.3333\np,q   2\n", render.text(r.items))
    assert.matches("| **x\\|y** | 0.3333 |\n| p,q | 2 |", render.markdown(r.items), 1, true)
    assert.equal('a,b\nx|y,0.3333\n"p,q",2\n', render.csv(r.items[1]))
  end)
end)
