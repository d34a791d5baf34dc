-- The command on tables as people have them: fit without a trainer, predict, info.
local dkjson = require "dkjson"
local lsqnet = require "lsqnet"
local run_lua = require "run_lua"
local tmp = require "tmp"

local COMMAND = run_lua.folder .. "/lua/lsqnet/bin/lsqnet"

local folder

local function lsqnet_with(...)
  return run_lua.run { script = COMMAND, arguments = { ... }, folder = folder }
end

local function write(name, lines)
  return tmp.write(folder .. "/" .. name, table.concat(lines, "\n") .. "\n")
end

-- Rents of flats, with a gap and a column of names.
local function flats(n, separator)
  local rng, lines = lsqnet.rng(4), { table.concat({ "id", "size", "town", "note", "rent" },
                                                   separator) }
  for i = 1, n do
    local size, town = 20 + rng:integer(80), ({ "Ulm", "Bonn" })[rng:integer(2)]
    lines[i + 1] = table.concat({
      i, i % 9 == 0 and "" or size, town, ("flat %d"):format(i),
      ("%.2f"):format(5 * size + (town == "Ulm" and 90 or 0) + rng:normal()),
    }, separator)
  end
  return lines
end

setup(function()
  folder = tmp.folder()
  write("flats.csv", flats(120, ","))
  local status, _, err = lsqnet_with("fit", "flats.csv", "--quiet", "--save", "m.safetensors")
  assert.same({ 0, "" }, { status, err })
end)

teardown(function() tmp.remove(folder) end)

describe("lsqnet fit without a trainer", function()
  it("says what it took columns for, what was left out, and scores", function()
    local status, out = lsqnet_with("fit", "flats.csv", "--quiet")
    assert.equal(0, status)
    for _, line in ipairs {
      "flats.csv: 120 rows, 2 columns -> rent", "  size  number", "  town  category: Bonn, Ulm",
      "left out: id (it counts the rows)", "left out: note (",
      "scores of rows held out, in 5 folds", "\nmodel ", "\nlinear regression ", "\nmean ",
    } do
      assert.truthy(out:find(line, 1, true), line .. " in\n" .. out)
    end
  end)

  it("prints JSON, keeps rows for a test, and takes the options of reading", function()
    write("semicolon.csv", flats(60, ";"))
    local status, out = lsqnet_with("fit", "semicolon.csv", "--json", "--quiet", "--test", ".25",
                                    "--cv", "3", "--types", "note=skip")
    assert.equal(0, status)
    local result = assert(dkjson.decode(out))
    assert.equal(45, result.rows)
    assert.equal(3, result.folds)
    assert.equal("regression", result.task)
    assert.is_true(result.test.r2 > .8 and result.model.rmse < result.mean.rmse)
  end)

  it("takes bare numbers for positions, also under a header of numbers", function()
    local lines = { "5,10,20,40,yield" } -- case A4
    local rng = lsqnet.rng(2)
    for i = 1, 40 do
      local a, b = rng:integer(9), rng:integer(9)
      lines[i + 1] = ("%d,%d,%d,%d,%d"):format(a, b, rng:integer(9), rng:integer(9), 10 * a + b)
    end
    write("digits.csv", lines)
    local status, out = lsqnet_with("fit", "digits.csv", "--quiet", "--json")
    assert.equal(0, status)
    local result = dkjson.decode(out)
    assert.equal("yield", result.target)
    assert.same({ "5", "10", "20", "40" }, result.features)
    status, out = lsqnet_with("fit", "digits.csv", "--quiet", "--json", "--target", "name=5",
                              "--features", "5,2")
    assert.equal(0, status)
    assert.same({ "yield", "10" }, dkjson.decode(out).features)
  end)

  it("keeps a first row of data, and names that hold a line break", function()
    write("a3.csv", { "7,9,red,2,90", "2,7,red,2,70", "3,4,red,8,40", "5,1,red,6,10",
                      "8,6,red,1,60", "4,2,red,9,20" })
    local status, out = lsqnet_with("fit", "a3.csv", "--quiet", "--json", "--features", "2",
                                    "--target", "5")
    assert.equal(0, status)
    local result = dkjson.decode(out)
    assert.same({ 6, "column 5", { "column 2" } },
                { result.rows, result.target, result.features })
    write("a5.csv", { 'rooms,"area', '(m2)",price', "1,20,200", "2,41,420", "3,57,600",
                      "1,24,230", "4,90,880" })
    status, out = lsqnet_with("fit", "a5.csv", "--quiet", "--json")
    assert.equal(0, status)
    result = dkjson.decode(out)
    assert.same({ 5, "price", 2 }, { result.rows, result.target, #result.features })
  end)

  it("refuses a target that cannot be predicted, naming others", function()
    local status, out, err = lsqnet_with("fit", "flats.csv", "--target", "note", "--quiet")
    assert.same({ 1, "" }, { status, out })
    assert.matches("target 'note': it has 120 classes, more than 50; columns of numbers are id, "
                   .. "size, rent", err)
  end)

  it("answers columns that are not there as misuse", function()
    for message, arguments in pairs {
      ["--target: no column is named 'rend' (did you mean 'rent'?)"] = { "--target", "rend" },
      ["--separator: one character"] = { "--separator", ";;" },
      ["column 5 is an input and a target"] = { "--features", "rent" },
    } do
      local status, _, err = lsqnet_with("fit", "flats.csv", table.unpack(arguments))
      assert.equal(2, status)
      assert.truthy(err:find(message, 1, true), err)
    end
  end)

  it("keeps the options of nets and of blends apart", function()
    for message, arguments in pairs {
      ["--hidden is of one net"] = { "--trainer", "auto", "--hidden", "8" },
      ["--missing needs --trainer auto"] = { "--trainer", "adam", "--missing", "x" },
      ["--cv needs --trainer auto"] = { "--hidden", "8", "--cv", "3" },
    } do
      local status, _, err = lsqnet_with("fit", "flats.csv", table.unpack(arguments))
      assert.equal(2, status)
      assert.truthy(err:find(message, 1, true), err)
    end
  end)
end)

describe("lsqnet predict with a model of a table", function()
  it("finds columns by name, writes a line a row, and what the model says in Lua", function()
    write("new.csv", { "town,extra,size", "Ulm,1,50", "Bonn,2,", "Ulm,3,30" })
    local status, out, err = lsqnet_with("predict", "m.safetensors", "new.csv",
                                         "--interval", ".9")
    assert.same({ 0, "" }, { status, err })
    local model = assert(lsqnet.load_model(folder .. "/m.safetensors"))
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.same({ 4, "rent,lower,upper" }, { #lines, lines[1] })
    local said, lower, upper = lines[2]:match("^(.-),(.-),(.-)$")
    assert.near(model:predict { town = "Ulm", size = 50 }, tonumber(said), 1e-9)
    assert.near(model:interval { town = "Ulm", size = 50 }, tonumber(lower), 1e-9)
    assert.is_true(tonumber(lower) < tonumber(said) and tonumber(said) < tonumber(upper))
  end)

  it("leaves a field empty where a row cannot be read, unless --strict", function()
    write("bad.csv", { "size,town", "40,Ulm", "many,Ulm", "50,Bonn" })
    local status, out, err = lsqnet_with("predict", "m.safetensors", "bad.csv")
    assert.equal(0, status)
    assert.matches("^rent\n[%d.]+\n\n[%d.]+\n$", out)
    assert.matches("bad.csv: 1 row cannot be predicted; row 2: ", err)
    status, out, err = lsqnet_with("predict", "m.safetensors", "bad.csv", "--strict")
    assert.same({ 1, "" }, { status, out })
    assert.matches("1 row cannot be predicted", err)
  end)

  it("refuses a table without a column, by its name", function()
    write("short.csv", { "town,note", "Ulm,a", "Bonn,b" })
    local status, out, err = lsqnet_with("predict", "m.safetensors", "short.csv")
    assert.same({ 1, "" }, { status, out })
    assert.matches("size", err)
  end)

  it("compares with the truth, and writes to a file", function()
    local status, out, err = lsqnet_with("predict", "m.safetensors", "flats.csv", "--target",
                                         "rent", "--output", "out.csv")
    assert.same({ 0, "" }, { status, out })
    assert.matches("120 rows: R2 0.%d+, RMSE", err)
    assert.equal(120, lsqnet.table.read_csv(folder .. "/out.csv").rows)
  end)

  it("gives classes and their probabilities", function()
    local lines, rng = { "x,y,kind" }, lsqnet.rng(8)
    for i = 1, 90 do
      local x = rng:normal()
      lines[i + 1] = ("%.4f,%.4f,%s"):format(x, rng:normal(), x > 0 and "right" or "left")
    end
    write("kinds.csv", lines)
    assert.equal(0, (lsqnet_with("fit", "kinds.csv", "--quiet", "--save", "k.safetensors")))
    local status, out = lsqnet_with("predict", "k.safetensors", "kinds.csv", "--probabilities")
    assert.equal(0, status)
    local kind, left, right = out:match("^kind,left,right\n(%a+),([^,]+),([^,\n]+)\n")
    assert.near(1, left + right, 1e-12)
    assert.equal(tonumber(left) > tonumber(right) and "left" or "right", kind)
    assert.equal(2, (lsqnet_with("predict", "k.safetensors", "kinds.csv", "--interval", ".9")))
  end)
end)

describe("lsqnet info with a model of a table", function()
  it("tells its columns, target and scores", function()
    local status, out = lsqnet_with("info", "m.safetensors")
    assert.equal(0, status)
    for _, line in ipairs { "target   rent", "rows     120", "  town  category: Bonn, Ulm",
                            "scores of rows held out" } do
      assert.truthy(out:find(line, 1, true), line)
    end
  end)
end)
