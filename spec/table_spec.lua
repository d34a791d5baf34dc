local columns = require "lsqnet.table.columns"
local lsqnet = require "lsqnet"
local tmp = require "tmp"

local NONE <const> = 0 / 0

local people = lsqnet.table({
  age = { 31, NONE, 18, 40 }, sex = { "m", "f", nil, "m" },
  born = { "1990-01-02", "2001-05-06T12:30", nil, "1980-07-01" },
  up = { "06:30", "07:00:30", "", "05:00" }, ['a "b", c'] = { "x, y", ' z "q"', "1.0", 1 },
}, { names = { "age", "sex", "born", "up", 'a "b", c' } })

local function column(tab, name)
  local list = {}
  for i = 1, tab.rows do list[i] = tab:value(i, name) or "-" end
  return list
end

local function raises(message, f, ...)
  local ok, raised = pcall(f, ...)
  assert.is_false(ok)
  assert.equal(message, (raised:gsub("^[^:]+:%d+: ", "")))
end

describe("lsqnet.table", function()
  it("is built from lists and matrices", function()
    assert.same({ 4, { "age", "sex", "born", "up", 'a "b", c' } }, { people.rows, people.names })
    assert.same({ "number", "category", "date", "time", "category" },
                { people:type "age", people:type(2), people:type "born", people:type "up",
                  people:type(5) })
    assert.equal("lsqnet.table: 4 rows x 5 columns", tostring(people))
    local tab = lsqnet.table { b = lsqnet.matrix { { 1 }, { 2 } }, a = { true, false } }
    assert.same({ "a", "b" }, tab.names)
    assert.same({ { 1 }, { 2 } }, tab:column("b"):totable())
    assert.same({ "false", "true" }, tab:levels "a")
    tab = lsqnet.table { { "z", { 1 } }, { "a", { "x" } } }
    assert.same({ "z", "a" }, tab.names)
    assert.equal(3, lsqnet.table({ a = { 1 } }, { rows = 3 }):column(1).rows)
    assert.equal("category", lsqnet.table({ a = { 1, 2 } }, { types = { a = "category" } }):type(1))
    assert.equal("category", lsqnet.table({ a = { "2020-01-01", "soon" } }):type(1))
  end)

  it("tells what its columns hold", function()
    assert.same({ { 2 }, { 1 } }, people:column("sex"):slice(1, 2):totable())
    assert.same({ "f", "m" }, people:levels "sex")
    assert.is_nil(people:levels "age")
    assert.same({ 1, 1, 1, 1, 0 }, { people:missing(1), people:missing(2), people:missing(3),
                                     people:missing(4), people:missing(5) })
    assert.same({ ' z "q"', "1", "x, y" }, { " " .. people:levels(5)[3], people:levels(5)[1],
                                             people:levels(5)[2] })
    assert.same({ "1990-01-02", "2001-05-06T12:30:00", "-", "1980-07-01" }, column(people, "born"))
    assert.same({ "06:30:00", "07:00:30", "-", "05:00:00" }, column(people, "up"))
  end)

  it("gives columns and rows", function()
    assert.same({ "up", "age" }, people:select({ "up", 1 }).names)
    assert.same({ "sex", "born", "up" }, people:select("2-4").names)
    assert.same({ "age", 'a "b", c' }, people:drop("sex-up").names)
    local some = people:take { 4, 1, 4 }
    assert.same({ 40, 31, 40 }, column(some, "age"))
    assert.same({ "m", "m", "m" }, column(some, "sex"))
    assert.same({ 31, "-" }, column(people:head(2), 1))
    assert.equal(4, people:head().rows)
    some:column("age"):set(1, 1, 99) -- a copy
    assert.equal(40, people:value(4, "age"))
  end)

  it("writes what it reads back", function()
    tmp.with(function(folder)
      for _, separator in ipairs { ",", ";", "\t", " " } do
        local path = folder .. "/out.csv"
        assert.is_true(people:write_csv(path, { separator = separator }))
        local again = assert(lsqnet.table.read_csv(path))
        assert.same(people.names, again.names)
        for k = 1, #people.names do
          assert.equal(people:type(k), again:type(k))
          assert.same(column(people, k), column(again, k))
        end
      end
      local gaps = lsqnet.table { a = { NONE, 1, NONE } }
      gaps:write_csv(folder .. "/gaps.csv")
      assert.same({ "-", 1, "-" }, column(lsqnet.table.read_csv(folder .. "/gaps.csv"), "a"))
      assert.equal("age,sex\n31,m\n,f\n18,\n40,m\n", tmp.read((function()
        people:select("1-2"):write_csv(folder .. "/two.csv")
        return folder .. "/two.csv"
      end)()))
      local ok, message, code = people:write_csv(folder .. "/no/x.csv")
      assert.is_nil(ok)
      assert.equal("no_write", code)
      assert.truthy(message:find "No such file")
    end)
  end)

  it("describes itself", function()
    assert.equal(table.concat({
      "4 rows x 5 columns",
      "   name      type      missing  min   25%  median   75%  max",
      "1  age       number          1   18  24.5      31  35.5   40",
      "2  sex       category        1  2 levels: m 2, f 1",
      "3  born      date            1  1980-07-01 to 2001-05-06T12:30:00",
      "4  up        time            1  05:00:00 to 07:00:30",
      '5  a "b", c  category        0  3 levels: 1 2, x, y 1, z "q" 1',
    }, "\n"), people:describe())
    assert.truthy(lsqnet.table({ a = { NONE } }):describe():find("nothing but missing values"))
  end)

  it("raises for misuse", function()
    raises("bad argument #1 to 'type' (no column is named 'agee' (did you mean 'age'?))",
           people.type, people, "agee")
    raises("bad argument #1 to 'column' (column 6 wanted, there are 5)", people.column, people, 6)
    raises("bad argument #1 to 'levels' (a name or a position expected, got nil)", people.levels,
           people)
    raises("bad argument #1 to 'select' (column '1' is named twice)", people.select, people, "1,1")
    raises("bad argument #1 to 'table' (column 'b': a list or a matrix expected, got number)",
           lsqnet.table, { b = 3 })
    raises("bad argument #1 to 'table' (column 'b': 2 rows expected, got 1)",
           lsqnet.table, { a = { 1, 2 }, b = lsqnet.matrix(1, 1) })
    raises("bad argument #1 to 'table' (column 'a': the option 'date_order', 'dmy' or 'mdy', says "
           .. "which comes first)", lsqnet.table, { a = { "1/2/2020" } })
    raises("option 'names': there is no column 'c'", lsqnet.table, { a = { 1 } },
           { names = { "c" } })
  end)
end)

describe("columns of a table", function()
  local names = { "5", "10", "first-name", "last", "yield", "last" }

  it("are found by position, and by name where that is no number", function()
    assert.equal(2, columns.find(names, 2))
    assert.equal(5, columns.find(names, "5"))
    assert.equal(1, columns.find(names, "name=5"))
    assert.equal(5, columns.find(names, "yield"))
    assert.equal(3, columns.find(names, "first-name"))
    local function problem(word, header) return select(2, columns.find(names, word, header)) end
    assert.equal("column 10 wanted, there are 6", problem "10")
    assert.equal("column 0 wanted, there are 6", problem(0))
    assert.equal("columns are numbered from 1, got 1.5", problem(1.5))
    assert.equal("two columns are named 'last'; number them, from 1", problem "last")
    assert.equal("no column is named 'yeild' (did you mean 'yield'?)", problem "yeild")
    assert.equal("column 'x' wanted, but there is no line of names: number it, from 1",
                 problem("x", false))
  end)

  it("are found in lists and spans", function()
    assert.same({ 1, 2, 3, 6 }, columns.find_all(names, "1-3,6"))
    assert.same({ 3, 4, 5 }, columns.find_all(names, "first-name-5"))
    assert.same({ 1, 2, 3 }, columns.find_all(names, "name=5-first-name"))
    assert.same({ 5, 1 }, columns.find_all(names, { "yield", 1 }))
    assert.same({ 2, 1 }, columns.find_all({ "a, b", "c" }, 'c,"a, b"'))
    assert.same({}, columns.find_all(names, nil))
    local function problem(words) return select(2, columns.find_all(names, words)) end
    assert.equal("'3-2' ends before it begins", problem "3-2")
    assert.equal("column 7 wanted, there are 6", problem "1-7")
    assert.equal("column '2' is named twice", problem "1-2,2")
  end)

  it("are inputs, targets or dropped", function()
    local inputs, targets = columns.choose(names, { target = "yield", drop = "1-2" })
    assert.same({ { 3, 4, 6 }, { 5 } }, { inputs, targets })
    inputs, targets = columns.choose(names, { target = 5, features = { 1, 4 } })
    assert.same({ { 1, 4 }, { 5 } }, { inputs, targets })
    local function problem(selection) return select(2, columns.choose(names, selection)) end
    assert.equal("column 1 is an input and a target", problem { target = 1, features = "1-2" })
    assert.equal("column 1 is a target and dropped", problem { target = 1, drop = 1 })
    assert.equal("--drop: column 9 wanted, there are 6", problem { drop = 9 })
  end)
end)
