local dkjson = require "dkjson"
local lsqnet = require "lsqnet"
local run_lua = require "run_lua"
local tmp = require "tmp"

local matrix = lsqnet.matrix
local COMMAND = run_lua.folder .. "/lua/lsqnet/bin/lsqnet"

-- |x1| + 10 x2 over two columns of very different units, noise of 0.1, and the constant 7 between.
local ROWS = 200
local rng = lsqnet.rng(5)
local X = matrix(ROWS, 3, 7)
local Y = matrix(ROWS, 1)
for i = 1, ROWS do
  local a, b = rng:uniform(-1, 1), rng:uniform(-1, 1)
  X:set(i, 1, 1000 * a)
  X:set(i, 3, 5 + 0.01 * b)
  Y:set(i, 1, 100 + 50 * math.abs(a) + 10 * b + 0.1 * rng:normal())
end
local TABLE = X:hcat(Y)
local NAMES = { "far", "fixed", "near", "height" }

local folder, data, bare

-- Runs the command in the folder of the tables: exit status, output, errors.
local function lsqnet_with(...)
  return run_lua.run { script = COMMAND, arguments = { ... }, folder = folder }
end

local function fails(status, message, ...)
  local found, out, err = lsqnet_with(...)
  assert.same({ status, "", "lsqnet: " .. message .. "\n" }, { found, out, err })
end

-- Of one net: without a trainer tables are read otherwise (command_blend_spec.lua).
local function net_fails(status, message, ...)
  local arguments = table.pack(...)
  table.move({ "--trainer", "anmin" }, 1, 2, #arguments + 1, arguments)
  fails(status, message, table.unpack(arguments))
end

-- The result that --json prints.
local function fitted(...)
  local status, out, err = lsqnet_with("fit", "--quiet", "--json", "--hidden", "8", ...)
  assert.same({ 0, "" }, { status, err })
  return assert(dkjson.decode(out))
end

local function write(name, content) return tmp.write(folder .. "/" .. name, content) end

setup(function()
  folder = tmp.folder()
  data, bare = folder .. "/data.csv", folder .. "/bare.csv"
  assert(TABLE:write_csv(data, { header = NAMES }))
  assert(TABLE:write_csv(bare))
end)

teardown(function() tmp.remove(folder) end)

describe("lsqnet fit", function()
  it("saves a net of raw numbers that has the scores it prints", function()
    local status, out = lsqnet_with("fit", "data.csv", "--trainer", "anmin",
                                    "--save", "net.safetensors")
    assert.equal(0, status)
    assert.truthy(out:find("^data.csv: 200 rows, 3 inputs %-> height; 160 to train on, 40 to test\n"
      .. "anmin: 3%-64%-1 relu, lambda %S+ %(by validation%), 30 iterations in %S+ s\n\n"))
    assert.truthy(out:find("\n\nsaved to net.safetensors\n$"))
    local net = assert(lsqnet.load(folder .. "/net.safetensors"))
    local train, test = lsqnet.data.split(X, Y, { test = 0.2, seed = 1 })
    local line = assert(lsqnet.linear_regression(train.x, train.y))
    for name, other in pairs { anmin = net, ["linear regression"] = line } do
      local scores = ("%.4g %.4g %.4g %.4g"):format(other:loss(train.x, train.y),
        other:score(train.x, train.y), other:loss(test.x, test.y), other:score(test.x, test.y))
      assert.equal(scores, (out:match("\n" .. name .. " +([^\n]+)"):gsub(" +", " ")))
    end
    -- The line cannot bend: it leaves the variance of 50 |a|, 208 +- 20; the net must see it.
    assert.is_true(net:loss(test.x, test.y) < 10 and line:loss(test.x, test.y) > 100)
  end)

  it("gives the same net for the same seed, with a header or without", function()
    local a = fitted("data.csv", "--save", "a.safetensors")
    local b = fitted("bare.csv", "--save", "b.safetensors", "--target", "4")
    assert.equal(tmp.read(folder .. "/a.safetensors"), tmp.read(folder .. "/b.safetensors"))
    assert.same({ "height" }, a.targets)
    assert.same({ "column 4" }, b.targets)
    local c = fitted("data.csv", "--seed", "2")
    assert.not_equal(a.net.test_mse, c.net.test_mse)
  end)

  it("chooses columns by name, number and range", function()
    assert.same({ "far", "near" }, fitted("data.csv", "--drop", "fixed").features)
    assert.same({ "near", "far" }, fitted("data.csv", "--features", "3,far").features)
    assert.same({ "fixed", "near", "height" }, fitted("data.csv", "--target", "1").features)
    local both = fitted("data.csv", "--target", "height,near", "--features", "1-2")
    assert.same({ "height", "near" }, both.targets)
    assert.same({ 2, 8, 2 }, both.layers)
  end)

  it("reads quoted names and other separators", function()
    local lines = { '"a; b";"say ""x"""' }
    for i = 1, 30 do lines[i + 1] = i .. " ; " .. 2 * i end
    write("semi.csv", "\xEF\xBB\xBF" .. table.concat(lines, "\r\n"))
    local result = fitted("semi.csv", "--separator", ";")
    assert.same({ { "a; b" }, { 'say "x"' } }, { result.features, result.targets })
    write("blanks.txt", "1  2\n2   4\n 3 6\n4 8\n")
    assert.equal(3, fitted("blanks.txt", "--separator", "space").train_rows)
    net_fails(2, "--separator: one character, tab or space expected, got ';;'",
          "fit", "semi.csv", "--separator", ";;")
    net_fails(1, "semi.csv: no column is left for the inputs; is --separator right?",
          "fit", "semi.csv", "--target", "1")
  end)

  it("trains with every trainer it names", function()
    for _, name in ipairs(require("lsqnet.command.trainers").NAMES) do
      local result = fitted("data.csv", "--trainer", name, "--time-limit", "0.2")
      assert.equal(name, result.trainer)
      -- All of them are at least a line, up to the rounding of the scaling.
      assert.is_true(result.net.train_mse < result.linear.train_mse * 1.02, name)
    end
  end)

  it("passes options on, typed, and checks them before reading anything", function()
    local result = fitted("data.csv", "--trainer", "adam", "--hidden", "6,5", "--epochs", "3",
      "--activation", "tanh", "--option", "batch_size=16", "--option", "shuffle=false")
    assert.same({ { 3, 6, 5, 1 }, 3, "tanh" },
                { result.layers, result.iterations, result.activation })
    assert.equal(0.25, fitted("data.csv", "--option", "lambda=0.25").lambda)
    local function rejects(message, ...)
      fails(2, message, "fit", "nowhere.csv", ...)
    end
    rejects("--option, of anmin: unknown option 'lamda' (did you mean 'lambda'?)",
            "--option", "lamda=1")
    rejects("--option, of anmin: option 'lambda': at least 0 expected, got -1",
            "--option", "lambda=-1")
    rejects("--option, of anmin: option 'lambda': a number expected, got string",
            "--option", "lambda=small")
    rejects("--option, of anmin: option 'keep': 'best' or 'last' expected, got 'bst' "
            .. "(did you mean 'best'?)", "--option", "keep=bst")
    rejects("--option: 'seed' is set by --seed", "--option", "seed=3")
    rejects("--option: name=value expected, got 'lambda'", "--option", "lambda")
    rejects("anmin trains one hidden layer; gauss_newton, lbfgs, adam and others take more",
            "--hidden", "4,4")
    rejects("linstorch trains relu, not tanh", "--trainer", "linstorch", "--activation", "tanh")
    rejects("elm has no iterations; --restarts is what it takes",
            "--trainer", "elm", "--iterations", "5")
    rejects("--hidden: widths such as 64 or 64,32 expected, got '0' (see lsqnet fit --help)",
            "--hidden", "0")
    rejects("--test: a share from 0 to below 1 expected, got '1' (see lsqnet fit --help)",
            "--test", "1")
  end)

  it("uses the held-out share to stop, and the time limit", function()
    local result = fitted("data.csv", "--trainer", "gauss_newton", "--validation", "0.3",
                          "--iterations", "5000", "--option", "lambda=0")
    assert.is_true(result.iterations < 5000)
    result = fitted("data.csv", "--trainer", "sgd", "--epochs", "100000000", "--time-limit", "0.2")
    assert.equal("time", result.stopped)
  end)

  it("trains on all rows where none are kept for a test", function()
    local status, out = lsqnet_with("fit", "data.csv", "--trainer", "anmin", "--test", "0")
    assert.equal(0, status)
    assert.truthy(out:find("200 to train on, 0 to test", 1, true))
    assert.falsy(out:find("test MSE", 1, true))
  end)

  it("copes with few rows, fewer than columns, and constants", function()
    local few = TABLE:slice(1, 12):copy()
    assert(few:write_csv(folder .. "/few.csv"))
    assert.equal(9, fitted("few.csv").train_rows)
    local wide = matrix.randn(20, 30, lsqnet.rng(2))
    assert(wide:write_csv(folder .. "/wide.csv"))
    assert.is_true(fitted("wide.csv").net.test_mse < math.huge)
    assert.equal(0, fitted("data.csv", "--target", "fixed").net.test_mse)
    write("one.csv", "a,b\n1,2\n")
    net_fails(1, "one.csv: at least 2 rows to train on are needed, there are 0", "fit", "one.csv")
    write("head.csv", "a,b\n")
    net_fails(1, "head.csv: no rows", "fit", "head.csv")
  end)

  it("takes a bare number for a position, and judges the first line by those below", function()
    local lines = {}
    for k = 1, 30 do lines[k] = ("%d,%d,red,%d,%d"):format(k, k * k % 7, k, 2 * k) end
    write("positions.csv", "7,9,red,2,90\n" .. table.concat(lines, "\n"))
    local result = fitted("positions.csv", "--features", "2", "--target", "5", "--test", "0")
    assert.same({ { "column 2" }, { "column 5" }, 31 },
                { result.features, result.targets, result.train_rows })
    for k = 1, 30 do lines[k] = ("%d,%d,%d,%d,%d"):format(k, k * k % 7, k % 5, k % 3, 2 * k) end
    write("digits.csv", "5,10,20,40,yield\n" .. table.concat(lines, "\n"))
    assert.same({ "yield" }, fitted("digits.csv").targets)
    assert.same({ "5" }, fitted("digits.csv", "--target", "name=5").targets)
    write("counted.csv", "0,1,2,3,4\n" .. table.concat(lines, "\n"))
    assert.equal(30, fitted("counted.csv", "--test", "0").train_rows)
    for k = 1, 30 do lines[k] = ("%d,%d,%d"):format(k, k * k % 7, 2 * k) end
    write("broken.csv", 'rooms,"area\n(m2)",price\n' .. table.concat(lines, "\n"))
    result = fitted("broken.csv")
    assert.same({ { "rooms", "area\n(m2)" }, { "price" } }, { result.features, result.targets })
  end)

  it("says where a table cannot be read", function()
    write("kinds.csv", "size,kind,price\n1,2,3\n2,oak,5\n")
    net_fails(1, "kinds.csv:3: column 2 (kind): 'oak' is not a number (--drop 2 leaves this column "
             .. "out)", "fit", "kinds.csv")
    net_fails(1, "kinds.csv:3: column 2 (kind): 'oak' is not a number: a target is a number, not a "
             .. "class", "fit", "kinds.csv", "--target", "kind")
    net_fails(2, "--target: no column is named 'prize' (did you mean 'price'?)",
          "fit", "kinds.csv", "--target", "prize")
    net_fails(2, "--features: column 4 wanted, there are 3",
          "fit", "kinds.csv", "--features", "1-4")
    net_fails(2, "--drop: '3-2' ends before it begins", "fit", "kinds.csv", "--drop", "3-2")
    net_fails(2, "column 1 is an input and a target",
          "fit", "kinds.csv", "--target", "1", "--features", "size")
    net_fails(1, "cannot read 'nowhere.csv': No such file or directory", "fit", "nowhere.csv")
    write("nan.csv", "1,2\n2,nan\n3,4\n")
    net_fails(1, "nan.csv: row 2, column 2: nan is not a finite number", "fit", "nan.csv")
  end)

  it("draws", function()
    if os.execute("command -v gnuplot >/dev/null 2>&1") ~= true then
      return pending("gnuplot is not installed")
    end
    local status, out = lsqnet_with("fit", "data.csv", "--plot", "fit.png")
    assert.equal(0, status)
    assert.truthy(out:find("\ndrawn in fit.png\n$"))
    assert.equal("\137PNG", tmp.read(folder .. "/fit.png"):sub(1, 4))
    assert.truthy(tmp.read(folder .. "/fit.gp"):find("height, predicted", 1, true))
  end)

  it("finds out before it trains that a file has no folder", function()
    fails(1, "cannot write 'no/net.safetensors': there is no such folder",
          "fit", "data.csv", "--save", "no/net.safetensors")
    fails(2, "--plot: a path that ends in .png or .svg expected, got 'fit.jpg' "
             .. "(see lsqnet fit --help)", "fit", "data.csv", "--plot", "fit.jpg")
  end)

  it("leaves an old model as it was when a save fails", function()
    local old = write("kept.safetensors", "an old model")
    -- No file can be written under a limit of no blocks.
    local line = ("(ulimit -f 0; trap '' XFSZ; exec LUA %s fit %s -q --hidden 8 --save %s 2>&1)"
      .. " | cat"):format(tmp.quoted(COMMAND), tmp.quoted(data), tmp.quoted(old))
    local _, out = run_lua.run { code = ("os.execute((%q):gsub('LUA', arg[-1]))"):format(line) }
    assert.truthy(out:find("\nlsqnet: cannot write '%C+\n$"), out)
    assert.equal("an old model", tmp.read(old))
  end)

  it("ends with 130 and a word when it is interrupted", function()
    local errors = write("errors", "")
    local line = ("LUA %s fit %s --trainer sgd --epochs 100000000 --time-limit 60 2>%s & "
      .. "until grep -q sgd %s; do sleep 0.05; done; kill -INT $!; wait $!"):format(
      tmp.quoted(COMMAND), tmp.quoted(data), tmp.quoted(errors), tmp.quoted(errors))
    local status = run_lua.run {
      code = ("local _, _, s = os.execute((%q):gsub('LUA', arg[-1])) os.exit(s)"):format(line),
    }
    assert.equal(130, status)
    assert.truthy(tmp.read(errors):find("\nlsqnet: interrupted\n$"))
  end)
end)

describe("lsqnet predict", function()
  local net

  setup(function()
    net = lsqnet.network { layers = { 3, 5, 1 }, seed = 3 }
    assert(net:save(folder .. "/p.safetensors"))
  end)

  it("prints what the net predicts, exactly", function()
    local status, out, err = lsqnet_with("predict", "p.safetensors", "bare.csv",
                                         "--features", "1-3")
    assert.same({ 0, "" }, { status, err })
    write("out.csv", out)
    assert.is_true(matrix.read_csv(folder .. "/out.csv") == net:predict(X))
  end)

  it("leaves the target out and compares with it", function()
    local status, out, err = lsqnet_with("predict", "p.safetensors", "data.csv",
                                         "--target", "height", "--output", "out.csv")
    assert.same({ 0, "" }, { status, out })
    assert.equal(("200 rows: MSE %.4g, R2 %.4g\n"):format(net:loss(X, Y), net:score(X, Y)), err)
    local prediction, names = matrix.read_csv(folder .. "/out.csv")
    assert.same({ "height" }, names)
    assert.is_true(prediction == net:predict(X))
  end)

  it("explains a table of other columns", function()
    fails(1, "p.safetensors takes 3 columns, data.csv gives 4 (--target names what is not an "
             .. "input, --features what is)", "predict", "p.safetensors", "data.csv")
    fails(1, "p.safetensors takes 3 columns, data.csv gives 2 (--features names the inputs)",
          "predict", "p.safetensors", "data.csv", "--drop", "1,2")
    assert(X:hcat(Y:hcat(Y)):write_csv(folder .. "/both.csv"))
    fails(2, "p.safetensors predicts 1 column, --target names 2",
          "predict", "p.safetensors", "both.csv", "--target", "4,5")
    fails(1, "data.csv: not a safetensors file, or it ends within its header",
          "predict", "data.csv", "data.csv")
  end)
end)
