local dkjson = require "dkjson"
local lsqnet = require "lsqnet"

local NONE <const> = 0 / 0

-- A column of n values from a function of the row.
local function column(n, value)
  local list = {}
  for k = 1, n do list[k] = value(k) end
  return list
end

local function encode(values, options, table_options)
  local tab = lsqnet.table(values, table_options)
  local encoder, message = lsqnet.encoder(tab, options)
  assert(encoder, message)
  local X, about = encoder:apply(tab)
  return assert(X, about), encoder, tab
end

local function reason(encoder, name)
  for _, entry in ipairs(encoder.left_out) do
    if entry.name == name then return entry.reason end
  end
end

local function row_of(X, i)
  return X:slice(i, i):totable()[1]
end

-- 200 rows with a number that varies, so that an input is always there.
local ROWS <const> = 200
local function with(name, value)
  return { other = column(ROWS, function(k) return k * k % 17 end), [name] = column(ROWS, value) }
end

describe("the encoder, of numbers,", function()
  it("fills gaps with the median of the training rows", function()
    local values = { x = { 1, 2, 4, 100, 3, 7, 8 }, y = { 1, 2, 3, 4, 5, 6, NONE } }
    local tab = lsqnet.table(values)
    local encoder = assert(lsqnet.encoder(tab, { rows = { 1, 2, 3, 4 } }))
    assert.equal(3, encoder.columns[1].median)
    local X = assert(encoder:apply(lsqnet.table { x = { NONE, 5 }, y = { 1, NONE } }))
    assert.same({ { 3, 1 }, { 5, 2.5 } }, X:totable())
  end)

  it("has an indicator from 1 % and 2 rows on", function()
    local function inputs(n, missing)
      local _, encoder = encode { a = column(n, function(k) return k > missing and k or NONE end) }
      return encoder.inputs
    end
    assert.same({ "a" }, inputs(50, 1)) -- 2 %, but one row
    assert.same({ "a", "a missing" }, inputs(50, 2))
    assert.same({ "a", "a missing" }, inputs(200, 2))
    assert.same({ "a" }, inputs(201, 2))
    local X = encode { a = { 1, NONE, 5, NONE } }
    assert.same({ { 1, 0 }, { 3, 1 }, { 5, 0 }, { 3, 1 } }, X:totable())
  end)

  it("takes infinite values for missing, with a word", function()
    local X, encoder = encode { a = { 1, math.huge, 5, -math.huge } }
    assert.same({ { 1, 0 }, { 3, 1 }, { 5, 0 }, { 3, 1 } }, X:totable())
    assert.same({ "'a': 2 infinite values are taken for missing" }, encoder.notes)
  end)

  it("leaves out what is constant, and keeps what is missing there", function()
    local _, encoder = encode(with("a", function() return 7 end))
    assert.equal("constant", reason(encoder, "a"))
    _, encoder = encode(with("a", function(k) return k > 3 and 7 or NONE end))
    assert.same({ "a missing", "other" }, encoder.inputs)
    _, encoder = encode(with("a", function() return NONE end))
    assert.equal("no value is there", reason(encoder, "a"))
  end)

  it("leaves out what counts the rows, where its name says so", function()
    for _, name in ipairs { "", "Unnamed: 0", "id", "ID", "index", "row" } do
      for first = 0, 1 do
        local _, encoder = encode(with(name, function(k) return k - 1 + first end))
        assert.equal("it counts the rows", reason(encoder, name))
      end
    end
    for name, value in pairs { id = function(k) return k + 1 end, time = function(k) return k end,
                               index = function(k) return ROWS - k end } do
      local _, encoder = encode(with(name, value))
      assert.is_nil(reason(encoder, name))
    end
    local _, encoder = encode { id = { 1, 2, 3 } }
    assert.same({ "id" }, encoder.inputs)
    -- also where the training rows are a part in another order
    local tab = lsqnet.table(with("id", function(k) return k end))
    encoder = lsqnet.encoder(tab, { rows = { 5, 3, 9, 100, 7 } })
    assert.equal("it counts the rows", reason(encoder, "id"))
  end)
end)

describe("the encoder, of categories,", function()
  it("has an input a level, in the order of their bytes", function()
    local X, encoder = encode { c = { "b", "a", "B", "b" } }
    assert.same({ "c=B", "c=a", "c=b" }, encoder.inputs)
    assert.same({ { 0, 0, 1 }, { 0, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 } }, X:totable())
  end)

  it("has one input for two levels", function()
    local X, encoder = encode { c = { "no", "yes", "no" } }
    assert.same({ "c=yes" }, encoder.inputs)
    assert.same({ { 0 }, { 1 }, { 0 } }, X:totable())
    X, encoder = encode { c = { true, false, true } }
    assert.same({ "c=true" }, encoder.inputs)
    assert.same({ { 1 }, { 0 }, { 1 } }, X:totable())
  end)

  it("takes what is missing for a level from 1 % and 2 rows on, and else for none", function()
    local function text(missing, n, levels)
      return encode { c = column(n, function(k)
        return k > missing and ({ "a", "b", "c" })[k % levels + 1] or nil
      end) }
    end
    local X, encoder = text(2, 100, 3)
    assert.same({ "c=a", "c=b", "c=c", "c missing" }, encoder.inputs)
    assert.same({ 0, 0, 0, 1 }, row_of(X, 1))
    X, encoder = text(1, 100, 3)
    assert.same({ "c=a", "c=b", "c=c" }, encoder.inputs)
    assert.same({ 0, 0, 0 }, row_of(X, 1))
    X, encoder = text(2, 100, 2)
    assert.same({ "c=a", "c=b", "c missing" }, encoder.inputs)
    assert.same({ 0, 0, 1 }, row_of(X, 2))
    X, encoder = text(2, 100, 1) -- there, or not
    assert.same({ "c missing" }, encoder.inputs)
    assert.same({ { 1 }, { 1 }, { 0 } }, X:slice(1, 3):totable())
  end)

  it("pools rare levels, where unseen ones go too", function()
    -- 1000 rows: "a" and "b", 5 of "c" (0.5 %), 4 of "d", 1 of "e"
    local values = column(1000, function(k)
      return k <= 5 and "c" or k <= 9 and "d" or k == 10 and "e" or k % 2 == 0 and "a" or "b"
    end)
    local X, encoder = encode { c = values }
    assert.same({ "c=a", "c=b", "c=c", "c other" }, encoder.inputs)
    assert.same({ { 0, 0, 1, 0 }, { 0, 0, 0, 1 }, { 0, 0, 0, 1 } }, X:take({ 5, 6, 10 }):totable())
    local about
    X, about = encoder:apply(lsqnet.table { c = { "z", "d", "a", "z" } })
    assert.same({ { 0, 0, 0, 1 }, { 0, 0, 0, 1 }, { 1, 0, 0, 0 }, { 0, 0, 0, 1 } }, X:totable())
    assert.same({ c = 2 }, about.unseen) -- "d" was there in training
    assert.same({ "'c': 2 values of levels that training had not" }, about.notes)
    -- without rare levels there is no such input
    encoder = select(2, encode { c = { "a", "b", "c" } })
    X, about = encoder:apply(lsqnet.table { c = { "z" } })
    assert.same({ { 0, 0, 0 } }, X:totable())
    assert.same({ c = 1 }, about.unseen)
  end)

  it("keeps the 40 most frequent levels", function()
    local values, total = {}, 0
    for level = 1, 45 do
      for _ = 1, 10 + level do
        total = total + 1
        values[total] = ("l%02d"):format(level)
      end
    end
    local X, encoder = encode { c = values }
    assert.equal(41, #encoder.inputs)
    assert.equal("c=l06", encoder.inputs[1])
    assert.equal("c other", encoder.inputs[41])
    assert.equal(11 + 12 + 13 + 14 + 15, X:columns(41, 41):sum())
    assert.equal(total, X:sum())
  end)

  it("leaves out names, ids and constants", function()
    local _, encoder = encode(with("n", function(k) return "name" .. k // 1.9 end))
    assert.equal("names or ids: 106 of 200 texts differ", reason(encoder, "n"))
    _, encoder = encode(with("n", function(k) return "name" .. k // 2 end))
    assert.equal("names or ids: 101 of 200 texts differ", reason(encoder, "n"))
    _, encoder = encode(with("n", function(k) return "name" .. k % 90 end)) -- less than half
    assert.is_nil(reason(encoder, "n"))
    _, encoder = encode(with("n", function(k) return k <= 40 and "name" .. k or nil end))
    assert.is_nil(reason(encoder, "n")) -- not more than 40 levels
    _, encoder = encode(with("n", function() return "same" end))
    assert.equal("constant", reason(encoder, "n"))
    _, encoder = encode(with("n", function() return nil end), nil, { rows = ROWS })
    assert.equal("no value is there", reason(encoder, "n"))
  end)

  it("knows numbers by their value", function()
    local tab = lsqnet.table({ z = { "1", "1.0", 2, " 2 ", "x" } })
    assert.same({ "1", "2", "x" }, tab:levels "z")
    local encoder = assert(lsqnet.encoder(tab))
    assert.same({ 1, 0, 0 }, row_of(encoder:row { z = 1 }, 1))
    assert.same({ 0, 1, 0 }, row_of(encoder:row { z = "2.0" }, 1))
    -- a column of numbers alone in the new table
    local X = assert(encoder:apply(lsqnet.table { z = { 2, 1 } }))
    assert.same({ { 0, 1, 0 }, { 1, 0, 0 } }, X:totable())
  end)
end)

describe("the encoder, of dates,", function()
  it("has their parts, without those that are constant", function()
    local X, encoder = encode { d = { "2020-01-01", "2020-07-01", "2021-01-01" } }
    assert.same({ "d: days", "d: year", "d: month", "d: weekday", "d: day of year, sine",
                  "d: day of year, cosine" }, encoder.inputs)
    local angle = 2 * math.pi * 182 / 366
    local wanted = { { -182, 2020, 1, 2, 0, 1 },
                     { 0, 2020, 7, 2, math.sin(angle), math.cos(angle) },
                     { 184, 2021, 1, 4, 0, 1 } }
    assert.is_true(X:allclose(lsqnet.matrix(wanted)))
    X, encoder = encode { d = { "2020-01-01T06:00", "2020-01-01T12:00", "2020-01-01T00:00" } }
    assert.same({ "d: days", "d: time, sine", "d: time, cosine" }, encoder.inputs)
    assert.is_true(X:allclose(lsqnet.matrix { { 0, 1, 0 }, { 0.25, 0, -1 }, { -0.25, 0, 1 } },
                              1e-9, 1e-9))
  end)

  it("fills gaps with the medians of the parts, and flags them", function()
    local X, encoder = encode { d = { "2020-01-01", nil, "2020-01-03", nil, "2020-01-05" } }
    assert.equal("d missing", encoder.inputs[#encoder.inputs])
    assert.equal(0, X:get(2, 1))
    assert.equal(1, X:get(2, #encoder.inputs))
    assert.equal(0, X:get(1, #encoder.inputs))
  end)

  it("has the time of day as an angle", function()
    local X, encoder = encode { t = { "00:00", "06:00", "18:00" } }
    assert.same({ "t: sine", "t: cosine" }, encoder.inputs)
    assert.is_true(X:allclose(lsqnet.matrix { { 0, 1 }, { 1, 0 }, { -1, 0 } }, 1e-12, 1e-12))
  end)

  -- Days, weekdays and days of the year against the C library's calendar.
  it("knows the calendar", function()
    local texts = {}
    for k = 1, 500 do
      texts[k] = os.date("!%Y-%m-%d", (k * 9973 % 40000 + 1) * 86400)
    end
    local tab = lsqnet.table { d = texts }
    local encoder = assert(lsqnet.encoder(tab))
    local X = assert(encoder:apply(tab))
    local median = encoder.columns[1].median
    for k = 1, 500 do
      local days = k * 9973 % 40000 + 1
      local date = os.date("!*t", days * 86400)
      assert.same({ days - median, date.year, date.month, (date.wday - 2) % 7 },
                  { X:get(k, 1), X:get(k, 2), X:get(k, 3), X:get(k, 4) })
      local length = os.date("!*t", os.time { year = date.year, month = 12, day = 31 }).yday
      assert.near(math.sin(2 * math.pi * (date.yday - 1) / length), X:get(k, 5), 1e-12)
      assert.equal(texts[k], tab:value(k, "d"))
    end
  end)
end)

describe("the encoder's target", function()
  local function settled(y, options)
    options = options or {}
    options.target = "y"
    local tab = lsqnet.table { x = column(#y, function(k) return k * k % 7 end), y = y }
    local encoder, message, code = lsqnet.encoder(tab, options)
    if not encoder then
      assert.equal("bad_format", code)
      return message
    end
    return encoder.target.task, encoder.target.classes, encoder.notes, encoder, tab
  end

  it("is a number, a class where it is text or has two values, or as told", function()
    local numbers = column(30, function(k) return k + 0.5 end)
    assert.equal("regression", (settled(numbers)))
    local task, classes, notes, encoder, tab = settled(column(30, function(k) return k % 2 end))
    assert.same({ "classification", { "0", "1" } }, { task, classes })
    assert.same({ "target 'y' has two values, 0 and 1: classes (--task regression for numbers)" },
                notes)
    local Y, rows, list = encoder:targets(tab)
    assert.same({ { 1 }, { 0 }, { 1 } }, Y:slice(1, 3):totable())
    assert.same({ 30, 2, 1 }, { #rows, list[1], list[2] })
    assert.equal("regression",
                 (settled(column(30, function(k) return k % 2 end), { task = "regression" })))
    local abc = column(30, function(k) return ({ "c", "b", "a" })[k % 3 + 1] end)
    task, classes, notes, encoder, tab = settled(abc)
    assert.same({}, notes)
    assert.same({ "classification", { "a", "b", "c" } }, { task, classes })
    Y = encoder:targets(tab)
    assert.same({ { 0, 1, 0 }, { 1, 0, 0 }, { 0, 0, 1 } }, Y:slice(1, 3):totable())
  end)

  it("of 3 to 10 integers stays a number, with a word about classes", function()
    local function few(n, unit) return column(60, function(k) return k % n * unit end) end
    local task, _, notes = settled(few(3, 1))
    assert.equal("regression", task)
    assert.same({ "target 'y' has 3 values, taken for numbers (--task classification for "
                  .. "classes)" }, notes)
    assert.equal(1, #select(3, settled(few(10, 1))))
    assert.equal(0, #select(3, settled(few(11, 1))))
    assert.equal(0, #select(3, settled(few(3, 0.5))))
    local classes
    task, classes = settled(few(3, 1), { task = "classification" })
    assert.same({ "classification", { "0", "1", "2" } }, { task, classes })
  end)

  it("is refused where it cannot be predicted, with the columns of numbers", function()
    local numeric = "; columns of numbers are x"
    assert.equal("target 'y': it has 51 classes, more than 50" .. numeric,
                 settled(column(510, function(k) return "c" .. k % 51 end)))
    assert.equal("classification", (settled(column(500, function(k) return "c" .. k % 50 end))))
    assert.equal("target 'y': 20 of its 20 classes have fewer than 5 rows" .. numeric,
                 settled(column(80, function(k) return "c" .. k % 20 end)))
    assert.equal("classification",
                 (settled(column(80, function(k) return "c" .. k % 20 end, 1), { folds = 4 })))
    assert.equal("target 'y': it has one value alone" .. numeric,
                 settled(column(9, function() return "a" end)))
    assert.equal("target 'y': it has one value alone", settled(column(9, function() return 3 end)))
    assert.equal("target 'y': no value is there", settled(column(9, function() return NONE end)))
    assert.equal("target 'y': it is text, and regression needs numbers" .. numeric,
                 settled(column(9, function(k) return "c" .. k % 2 end), { task = "regression" }))
    assert.equal("target 'y': it is a date, which cannot be predicted" .. numeric,
                 settled(column(9, function(k) return "2020-01-0" .. k end)))
  end)

  it("may be missing in rows, which then train nothing", function()
    local _, _, notes, encoder, tab =
      settled { 1.5, NONE, 2.5, 3.5, NONE, 4, 5, 6, 7, 8, 9, 10, 11, 12 }
    assert.same({ "2 rows without a target are left out" }, notes)
    local Y, rows = encoder:targets(tab)
    assert.same({ 12, { 1, 3, 4 } }, { Y.rows, { rows[1], rows[2], rows[3] } })
    assert.equal(12, encoder.rows)
  end)

  it("that an input determines is told", function()
    local y = column(100, function(k) return k % 2 == 0 and "yes" or "no" end)
    local x = column(100, function(k) return k * 7 % 13 end)
    local tab = lsqnet.table { y = y, x = x,
      alive = column(100, function(k) return k % 4 == 0 and "a" or k % 2 == 0 and "b" or "c" end),
      almost = column(100, function(k) return k == 1 and "b" or k % 2 == 0 and "b" or "c" end) }
    local encoder = assert(lsqnet.encoder(tab, { target = "y" }))
    assert.same({ "alive" }, encoder.determines)
    assert.same({ "'alive' determines the target exactly (--drop alive leaves it out)" },
                encoder.notes)
    assert.same({}, lsqnet.encoder(tab, { target = "y", drop = "alive" }).determines)
  end)
end)

describe("the encoder on other rows", function()
  local train = lsqnet.table({ age = { 31, 18, NONE, 40, NONE, 22 },
                               sex = { "m", "f", "m", "f", "m", "x" },
                               born = { "1990-01-02", "2001-05-06", nil, "1980-07-01", "1999-12-31",
                                        "1995-03-04" },
                               pay = { 1, 2, 3, 4, 5, 6 } },
                             { names = { "age", "sex", "born", "pay" } })
  local encoder = assert(lsqnet.encoder(train, { target = "pay" }))
  local X = assert(encoder:apply(train))

  it("finds columns by their names, and refuses what is not there", function()
    assert.is_true(encoder:apply(train:select { "born", "pay", "age", "sex" }) == X)
    assert.is_true(encoder:apply(train:drop "pay") == X)
    local other = lsqnet.table { Age = { 1 }, sex = { "m" } }
    local _, message, code = encoder:apply(other)
    assert.same({ "there is no column 'age' (did you mean 'Age'?); there is no column 'born'",
                  "bad_format" }, { message, code })
    other = lsqnet.table { age = { "old" }, sex = { "m" }, born = { "soon" } }
    assert.equal("'age' is a category, not a number as in training; 'born' is a category, not a "
                 .. "date as in training", select(2, encoder:apply(other)))
  end)

  it("takes a row as a Lua table, with the same result", function()
    local out = lsqnet.matrix(1, X.cols)
    for i = 1, train.rows do
      local values = {}
      for k, name in ipairs(train.names) do values[name] = train:value(i, k) end
      assert.is_true(encoder:row(values) == X:slice(i, i))
      assert.is_true(encoder:row(values, out) == X:slice(i, i))
    end
    assert.is_true(encoder:row { age = "31", sex = " m ", born = 7306 } == X:slice(1, 1))
    assert.is_true(encoder:row { age = "", sex = "m" } == encoder:row { sex = "m" })
    assert.same({ "'age': a number expected, got 'old'", "bad_format" },
                { select(2, encoder:row { age = "old" }) })
    assert.same({ "'born': a date expected, got 'soon'", "bad_format" },
                { select(2, encoder:row { born = "soon" }) })
  end)

  it("is the same when it comes back from JSON", function()
    local plain = dkjson.decode(dkjson.encode(encoder:totable()))
    local again = assert(lsqnet.encoder.restore(plain))
    assert.same(encoder.inputs, again.inputs)
    assert.is_true(again:apply(train) == X)
    assert.is_true(again:targets(train) == encoder:targets(train))
    local _, message, code = lsqnet.encoder.restore { version = 7 }
    assert.same({ "not an encoder of version 1", "bad_format" }, { message, code })
  end)

  it("goes by position without names", function()
    local tmp = require "tmp"
    tmp.with(function(folder)
      local function read(text)
        return assert(lsqnet.table.read_csv(tmp.write(folder .. "/x.csv", text),
                                            { header = false }))
      end
      local whole = read "1,a,5\n2,b,6\n4,a,8\n"
      local by_position = assert(lsqnet.encoder(whole, { target = 2, folds = 1 }))
      local wanted = { { 1, 5 }, { 2, 6 }, { 4, 8 } }
      local inputs, about = by_position:apply(whole)
      assert.same(wanted, inputs:totable())
      assert.same({ "columns are taken by their positions: there is no line of names" },
                  about.notes)
      assert.same(wanted, by_position:apply(read "1,5\n2,6\n4,8\n"):totable())
      local _, message = by_position:apply(read "1\n2\n")
      assert.equal("3 columns expected, as in training, or all but the target, got 1", message)
      assert.same({ { 7, 9 } }, by_position:row({ [1] = 7, [3] = 9 }):totable())
    end)
  end)

  it("takes one of several columns of a name by its position", function()
    local twins = lsqnet.table { { "a", { 1, 2 } }, { "a", { 5, 3 } } }
    local both = assert(lsqnet.encoder(twins))
    assert.same({ { 1, 5 }, { 2, 3 } }, both:apply(twins):totable())
    assert.equal("two columns are named 'a'", select(2, both:apply(
      lsqnet.table { { "b", { 1 } }, { "a", { 1 } }, { "a", { 1 } } })):match("^[^;]*"))
  end)

  it("has the options that read another file alike", function()
    local tmp = require "tmp"
    tmp.with(function(folder)
      local path = tmp.write(folder .. "/new.csv",
        "sex,born,age\nm,1990-01-02,31\n7,,old\nf,2001-05-06\n")
      local tab = assert(lsqnet.table.read_csv(path, encoder:read_options()))
      assert.same({ "category", "date", "number" },
                  { tab:type "sex", tab:type "born", tab:type "age" })
      assert.same({ [2] = "age: no number", [3] = "2 fields, not 3" }, tab.bad)
      local encoded, about = encoder:apply(tab)
      assert.is_true(encoded:slice(1, 1) == X:slice(1, 1))
      assert.same({ sex = 1 }, about.unseen)
    end)
  end)

  it("needs columns", function()
    local function refused(options) return select(2, lsqnet.encoder(train, options)) end
    assert.equal("--target: no column is named 'pey' (did you mean 'pay'?)",
                 refused { target = "pey" })
    assert.equal("no column is left for the inputs", refused { drop = "1-4" })
    assert.equal("no input is left: 'a': constant",
                 select(2, lsqnet.encoder(lsqnet.table { a = { 1, 1 } })))
    assert.error_matches(function() lsqnet.encoder(X) end, "lsqnet.table expected", nil, true)
    assert.error_matches(function() lsqnet.encoder(train, { taget = 1 }) end,
                         "unknown option 'taget'", nil, true)
  end)
end)
