local lsqnet = require "lsqnet"
local run_lua = require "run_lua"
local tmp = require "tmp"

-- Threads that wait passively: on a busy machine the others would slow the run tenfold.
local function example(name, options)
  options.environment = options.environment or {}
  options.environment.OMP_WAIT_POLICY = "passive"
  options.script = run_lua.folder .. "/examples/" .. name .. ".lua"
  return run_lua.run(options)
end

-- A row of the demo's table: MSE train, MSE test, R2 train, R2 test, seconds.
local function row_of(out, name)
  local fields = {}
  for field in assert(out:match("\n" .. name .. "([^\n]+)"), out):gmatch("%-?%d[%d.]*") do
    fields[#fields + 1] = tonumber(field)
  end
  assert.are.equal(5, #fields)
  return fields
end

describe("examples", function()
  it("demo: trains, prints a table and writes a picture", function()
    tmp.with(function(folder)
      -- Without the horse, so that every machine runs the same.
      local status, out, err = example("demo", {
        arguments = { folder .. "/the demo" }, folder = folder,
        environment = { LSQNET_DATA = folder },
      })
      local has_gnuplot = os.execute("command -v gnuplot >/dev/null 2>&1") == true
      assert.are.equal(has_gnuplot and 0 or 1, status, err)
      assert.matches("Shape: shape_sdf, a generated fish %(horse_sdf.csv was not found%)", out)
      assert.matches("anmin 30/30", err)
      local line, anmin = row_of(out, "linear regression"), row_of(out, "anmin")
      for k = 1, 2 do assert.is_true(anmin[k] < line[k] / 5) end
      for k = 3, 4 do assert.is_true(anmin[k] > 0.9 and anmin[k] <= 1) end
      if has_gnuplot then
        assert.matches("Picture: " .. folder .. "/the demo/distance_field.png", out, 1, true)
        assert.are.equal("\137PNG", tmp.read(folder .. "/the demo/distance_field.png"):sub(1, 4))
      end
    end)
  end)

  it("regression: from a CSV file to a saved net", function()
    tmp.with(function(folder)
      local rng = lsqnet.rng(1)
      local X = lsqnet.matrix.randn(300, 3, rng) * 4 + 1
      local Y = X:columns(1, 1) * 20 - X:columns(2, 2):map(math.abs) * 5 + 300
      assert(X:hcat(Y):write_csv(folder .. "/data.csv"))
      local status, out, err = example("regression", {
        arguments = { folder .. "/data.csv", folder .. "/model.safetensors" },
      })
      assert.are.same({ 0, "" }, { status, err })
      local r2_train, r2_test = out:match("R2: ([%d.]+) on the training part, ([%d.]+) on the test")
      assert.is_true(tonumber(r2_train) > 0.99 and tonumber(r2_test) > 0.98)
      local net = assert(lsqnet.load(folder .. "/model.safetensors"))
      -- the saved net takes and gives the units of the file
      assert.is_true(net:score(X, Y) > 0.98)
    end)
  end)

  it("regression: says how it is called", function()
    local status, _, err = example("regression", {})
    assert.are.equal(2, status)
    assert.matches("^usage: lua5.4 examples/regression.lua data.csv", err)
  end)

  it("frames: the same net by frames, by turns and in one call", function()
    local status, out = example("frames", {})
    assert.are.equal(0, status)
    assert.matches("by frames: 40 iterations in %d+ frames", out)
    assert.matches("by turns: anmin ended.-by turns: adam ended", out)
    assert.matches("the same net each time: true", out)
  end)

  it("ills: finds the weights of a teacher again", function()
    local status, out = example("ills", {})
    assert.are.equal(0, status)
    assert.matches("%(target%)", out)
    local units = {}
    for name, unit in out:gmatch("(%l+): ([^\n]+)") do
      units[name] = units[name] or {}
      units[name][unit] = true
    end
    assert.are.same(units.teacher, units.student)
  end)

  it("callbacks: stops early and keeps a history", function()
    local status, out = example("callbacks", {})
    assert.are.equal(0, status)
    local iterations = tonumber(out:match("stopped by callback after (%d+) iterations"))
    assert.is_true(iterations >= 5 and iterations < 200)
    local entries = 0
    for _ in out:gmatch("\n%s*%d+  training [%d.]+  validation [%d.]+") do entries = entries + 1 end
    assert.are.equal(iterations + 1, entries)
  end)

  it("linstorch: the floor of the search, and what goes below it", function()
    local status, out, err = example("linstorch", {})
    assert.are.same({ 0, "" }, { status, err })
    local r2 = {}
    for value in out:gmatch("R2 on the test part ([%d.]+)") do
      r2[#r2 + 1] = tonumber(value)
    end
    local line, linstorch, search, spread, newton = table.unpack(r2)
    -- measured 0.604, 0.611, 0.928, 0.831, 0.955
    assert.is_true(line < 0.65 and linstorch > line and search > linstorch)
    assert.is_true(spread > line and newton > 0.94)
  end)

  it("streaming: from a CSV file that need not fit into memory to a saved net", function()
    tmp.with(function(folder)
      local rng = lsqnet.rng(1)
      local X = lsqnet.matrix.randn(400, 3, rng) * 4 + 1
      local Y = X:columns(1, 1) * 20 - X:columns(2, 2):map(math.abs) * 5 + 300
      local text = { "a,b,c,y" }
      for i = 1, 400 do
        text[i + 1] = ("%.17g,%.17g,%.17g,%.17g"):format(X:get(i, 1), X:get(i, 2), X:get(i, 3),
          Y:get(i, 1))
      end
      tmp.write(folder .. "/data.csv", table.concat(text, "\n"))
      local status, out, err = example("streaming", {
        arguments = { folder .. "/data.csv", folder .. "/model.safetensors" },
      })
      assert.are.same({ 0, "" }, { status, err })
      local linear = tonumber(out:match("400 rows of 3 inputs; linear regression: mse ([%d.]+)"))
      local anmin = tonumber(out:match("anmin: mse ([%d.e-]+) after 30 iterations"))
      assert.is_true(anmin < linear / 20)
      assert(lsqnet.load(folder .. "/model.safetensors"))
    end)
  end)

  it("triangle: a curve, far closer than by a plain net of the same size", function()
    local status, out, err = example("triangle", {})
    assert.are.same({ 0, "" }, { status, err })
    local plain = out:match("plain      root of the mean squared error: (%S+) of the range")
    local finished = out:match("finished   root of the mean squared error: (%S+) of the range")
    assert.is_true(tonumber(finished) < 3e-4) -- measured 6e-5; plain 6e-3
    assert.is_true(tonumber(finished) < tonumber(plain) / 5)
    assert.matches("waves added", out)
  end)
end)
