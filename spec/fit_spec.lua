-- lsqnet.fit and its models, on tables made here.
local lsqnet = require "lsqnet"
local tmp = require "tmp"

-- Rent by size, town and age, with gaps; a class by the same.
local function houses(n, seed)
  local rng = lsqnet.rng(seed or 1)
  local towns, columns = { "Ulm", "Bonn", "Köln" }, { size = {}, town = {}, age = {}, rent = {},
                                                     dear = {} }
  for i = 1, n do
    local size, town, age = 20 + 80 * rng:uniform(), rng:integer(3), rng:integer(60)
    local rent = 5 * size + 200 * town + 150 * math.sin(age / 8) + 20 * rng:normal()
    columns.size[i] = i % 17 == 0 and "" or size
    columns.town[i], columns.age[i], columns.rent[i] = towns[town], age, rent
    columns.dear[i] = rent > 750 and "yes" or rent > 500 and "some" or "no"
  end
  for i = 1, n do if columns.size[i] == "" then columns.size[i] = 0 / 0 end end
  return columns
end

local folder = tmp.folder()

local function path_of(name)
  return folder .. "/" .. name
end

local function tabular(columns, names)
  return lsqnet.table(columns, { names = names or { "size", "town", "age", "rent", "dear" } })
end

local train = tabular(houses(300))
local numbers = assert(lsqnet.fit(train, { target = "rent", drop = "dear" }))
local classes = assert(lsqnet.fit(train, { target = "dear", drop = "rent" }))

describe("fit", function()
  it("beats the mean and linear regression, and says by how much on rows held out", function()
    local report = numbers.report
    assert.is_true(report.scores.rmse < .7 * report.linear.rmse)
    assert.is_true(report.linear.rmse < report.mean.rmse)
    local fresh = numbers:score(tabular(houses(400, 2)))
    assert.is_true(math.abs(fresh.rmse / report.scores.rmse - 1) < .2)
    local sum = 0
    for _, candidate in ipairs(report.candidates) do sum = sum + candidate.weight end
    assert.near(1, sum, 1e-12)
    assert.matches("^lsqnet.model: rent from 3 columns of 300 rows; held out: R2 0.9",
                   tostring(numbers))
  end)

  it("classifies, with probabilities that hold", function()
    local fresh = tabular(houses(400, 3))
    local score = classes:score(fresh)
    assert.is_true(score.accuracy > .85)
    assert.is_true(math.abs(score.log_loss - classes.report.scores.log_loss) < .1)
    local P = classes:probabilities(fresh)
    assert.same({ "no", "some", "yes" }, classes.classes)
    local said = classes:predict(fresh)
    for i = 1, 20 do
      assert.near(1, P:slice(i, i):sum(), 1e-12)
      local best = 1
      for c = 2, 3 do if P:get(i, c) > P:get(i, best) then best = c end end
      assert.equal(classes.classes[best], said[i])
    end
  end)

  it("gives intervals that cover as often as asked", function()
    local fresh = tabular(houses(600, 4))
    for _, level in ipairs { .8, .9 } do
      local lower, upper = numbers:interval(fresh, level)
      local inside, truth = 0, fresh:column "rent"
      for i = 1, 600 do
        local y = truth:get(i, 1)
        if lower:get(i, 1) <= y and y <= upper:get(i, 1) then inside = inside + 1 end
      end
      assert.is_true(math.abs(inside / 600 - level) < .05)
    end
  end)

  it("predicts the mean where nothing is better", function()
    local rng, columns = lsqnet.rng(5), { a = {}, b = {}, y = {} }
    for i = 1, 80 do
      columns.a[i], columns.b[i], columns.y[i] = rng:normal(), rng:normal(), rng:normal()
    end
    local tab = tabular(columns, { "a", "b", "y" })
    local model = assert(lsqnet.fit(tab))
    assert.near(tab:column("y"):mean(), model:predict { a = 3, b = 2 }, .05)
    assert.matches("nothing is clearly better than the mean", table.concat(model.report.notes))
  end)

  it("works with few rows, and leaves out those without a target", function()
    local columns = { x = {}, y = {} }
    for i = 1, 7 do columns.x[i], columns.y[i] = i * i % 5, 3 * (i * i % 5) + 1 end
    columns.y[4] = 0 / 0
    local model = assert(lsqnet.fit(tabular(columns, { "x", "y" })))
    assert.equal(6, model.rows)
    assert.near(7, model:predict { x = 2 }, .5)
  end)

  it("keeps a time limit", function()
    local model = assert(lsqnet.fit(train, { target = "rent", drop = "dear", time_limit = 0 }))
    assert.equal(2, #model.report.candidates)
    assert.matches("no time was left", model.report.notes[1])
  end)

  it("trains one net where a trainer is named, which lsqnet.load reads", function()
    for _, target in ipairs { "rent", "dear" } do
      local model = assert(lsqnet.fit(train, {
        target = target, drop = target == "rent" and "dear" or "rent", trainer = "lbfgs",
        hidden = { 5 }, options = { iterations = 20 },
      }))
      local path = path_of("net.safetensors")
      assert(model:save(path))
      local net = assert(lsqnet.load(path))
      local X = model.encoder:apply(train)
      assert.is_true(net:predict(X) == model.net:predict(X))
      local loaded = assert(lsqnet.load_model(path))
      assert.same(model:predict { size = 50, town = "Ulm", age = 3 },
                  loaded:predict { size = 50, town = "Ulm", age = 3 })
    end
  end)

  it("refuses what cannot be fitted", function()
    local model, message, code = lsqnet.fit(train, { target = "prize" })
    assert.is_nil(model)
    assert.matches("no column is named 'prize'", message)
    assert.equal("bad_format", code)
    assert.error_matches(function() lsqnet.fit(train, { efort = "best" }) end,
      "unknown option 'efort' %(did you mean 'effort'%?%)")
    assert.error_matches(function() lsqnet.fit(train, { trainer = "adm" }) end,
      "no trainer 'adm' %(did you mean 'adam'%?%)")
    assert.error_matches(function() lsqnet.fit(7) end, "lsqnet.table expected, got number")
  end)
end)

describe("a model", function()
  teardown(function() tmp.remove(folder) end)

  it("takes one row as it takes a table", function()
    local said = numbers:predict(train)
    for i = 1, 30 do
      local row = { size = train:value(i, "size"), town = train:value(i, "town"),
                    age = train:value(i, "age") }
      assert.near(said:get(i, 1), numbers:predict(row), 1e-9)
      assert.equal(classes:predict(train)[i], classes:predict(row))
    end
  end)

  it("finds columns by their names and refuses a table without them", function()
    local columns = houses(20, 6)
    local straight = numbers:predict(tabular(columns))
    columns.other = {}
    for i = 1, 20 do columns.other[i] = i end
    local other = tabular(columns, { "age", "other", "town", "size" })
    assert.is_true(straight == numbers:predict(other))
    local said, message = numbers:predict(tabular(columns, { "age", "town" }))
    assert.is_nil(said)
    assert.matches("size", message)
  end)

  it("reads files", function()
    local path = path_of("new.csv")
    local rows = tabular(houses(10, 7), { "age", "size", "town" })
    assert(rows:write_csv(path))
    assert.is_true(numbers:predict(rows):allclose(assert(numbers:predict(path)), 1e-12))
  end)

  it("is saved as the same bytes, and loaded as the same model", function()
    for _, model in ipairs { numbers, classes } do
      local path, again = path_of("a.safetensors"), path_of("b.safetensors")
      assert(model:save(path))
      local loaded = assert(lsqnet.load_model(path))
      assert(loaded:save(again))
      assert.equal(tmp.read(path), tmp.read(again))
      assert.is_nil(tmp.read(path):find("seconds", 1, true))
      assert.equal(1, select(2, tmp.read(path):gsub("__metadata__", "")))
      assert.equal(tostring(model), tostring(loaded))
      if model.classes then
        assert.is_true(model:probabilities(train) == loaded:probabilities(train))
      else
        assert.is_true(model:predict(train) == loaded:predict(train))
        assert.same({ model:interval { size = 40 } }, { loaded:interval { size = 40 } })
      end
    end
  end)

  it("is no network, and lsqnet.load says what loads it", function()
    local path = path_of("a.safetensors")
    assert(numbers:save(path))
    local net, message, code = lsqnet.load(path)
    assert.is_true(net == nil and code == "bad_format")
    assert.matches("a blend and no network: lsqnet.load_model loads it", message)
  end)

  it("is the same for the same seed", function()
    local again = assert(lsqnet.fit(train, { target = "rent", drop = "dear" }))
    local a, b = path_of("a.safetensors"), path_of("b.safetensors")
    assert(numbers:save(a))
    assert(again:save(b))
    assert.equal(tmp.read(a), tmp.read(b))
  end)

  it("refuses files that are none, whatever is broken", function()
    local path, broken = path_of("a.safetensors"), path_of("broken.safetensors")
    assert(numbers:save(path))
    local text = tmp.read(path)
    local rng = lsqnet.rng(3)
    local function try(content)
      tmp.write(broken, content)
      local model, message, code = lsqnet.load_model(broken)
      assert.is_true(model == nil and code == "bad_format" and type(message) == "string"
                     or getmetatable(model) == getmetatable(numbers))
    end
    for _ = 1, 10 do
      try(text:sub(1, rng:integer(#text) - 1))
      local at = rng:integer(2000)
      try(text:sub(1, at - 1) .. string.char(rng:integer(256) - 1) .. text:sub(at + 1))
    end
    local _, message, code = lsqnet.load_model(path_of("none.safetensors"))
    assert.equal("no_file", code)
    assert.matches("none", message)
  end)

  it("tells which columns matter", function()
    local list = assert(numbers:importance(train, { repeats = 2 }))
    assert.equal("age", list[3].name)
    assert.is_true(list[1].mean > .3 and list[3].mean > .05)
    assert.same(list, numbers:importance(train, { repeats = 2 }))
  end)

  it("tells how the prediction depends on a column", function()
    local list = assert(numbers:partial(train, "size", { points = 5 }))
    assert.near(5, (list[5].mean - list[1].mean) / (list[5].value - list[1].value), .3)
    list = assert(numbers:partial(train, "town"))
    assert.same({ "Bonn", "Köln", "Ulm" }, { list[1].value, list[2].value, list[3].value })
    assert.near(-200, list[3].mean - list[1].mean, 20)
    assert.equal(3, #assert(classes:partial(train, "age", { points = 2 }))[1].mean)
    assert.error_matches(function() numbers:partial(train, "dear") end, "no input column 'dear'")
  end)
end)
