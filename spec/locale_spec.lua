local run_lua = require "run_lua"
local tmp = require "tmp"

-- A host that has set a locale whose decimal point is a comma.
local function in_german(code)
  local status, out, err
  tmp.with(function(folder)
    local made = ("localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >%s/log 2>&1"):format(
      tmp.quoted(folder), tmp.quoted(folder))
    if not os.execute(made) then return end
    status, out, err = run_lua.run {
      code = [[
        assert(os.setlocale("de_DE.UTF-8"))
        assert(("%.1f"):format(0.5) == "0,5")
        local lsqnet = require "lsqnet"
        local X = lsqnet.matrix.randn(20, 2, lsqnet.rng(1))
        local Y = X:slice(1, 20, 1, 1) * 0.5
        local function net() return lsqnet.network { layers = { 2, 3, 1 } } end
        local function message(f, ...) print((select(2, pcall(f, ...)))) end
      ]] .. code,
      environment = { LOCPATH = folder, LC_ALL = "de_DE.UTF-8" },
    }
  end)
  if not status then return nil end
  assert.equal(0, status, err)
  return out, err
end

local function shows(code, expected)
  local out, err = in_german(code)
  if not out then return pending("localedef has no de_DE") end
  assert.falsy((out .. err):find("%d,%d"), out .. err)
  for _, text in ipairs(expected) do
    assert.truthy((out .. err):find(text, 1, true), text .. " in " .. out .. err)
  end
end

describe("under a locale with a decimal comma", function()
  it("messages have the point", function()
    shows([[
      message(lsqnet.adam, net(), X, Y, { learning_rate = -0.5 })
      message(lsqnet.adam, net(), X, Y, { epochs = 2.5 })
      message(lsqnet.network, { layers = { 2, 1 }, init = { "uniform", 0.5, -0.25 } })
      message(lsqnet.network, { layers = { 2, 1 }, init = { "normal", 0.5, -0.25 } })
      message(lsqnet.network, { layers = { 2, 1 }, alpha = 1.5, activation = "leaky_relu" })
      message(lsqnet.data.split, X, Y, { test = -0.5 })
      message(lsqnet.data.split, X, Y, { seed = 1.5 })
      message(lsqnet.classification.targets, X * 0 + lsqnet.matrix(20, 2, 1.5))
      print(select(2, (lsqnet.matrix(1, 1, 1000.5)):write_pgm(os.tmpname())))]],
      { "got -0.5", "got 2.5", "got 0.5 and -0.25", "got -0.25", "got 1.5", "1000.5" })
  end)

  it("matrices, progress and reports have the point", function()
    shows([[
      print(lsqnet.matrix { { 0.5, 1.25 } })
      assert(lsqnet.adam(net(), X, Y, { epochs = 2, verbose = true }))
      local bar = lsqnet.progress.new { total = 2, title = "fit", stream = io.stdout }
      bar:update(1, nil, 0.25)
      bar:finish()]],
      { "0.5", "1.25", "iteration 2: loss 1." })
  end)

  it("files are read and written with the point", function()
    shows([[
      local path = os.tmpname()
      assert(lsqnet.matrix({ { 0.5, 1.25 } }):write_csv(path))
      local file = assert(io.open(path))
      print((file:read("a"):gsub(",", ";")))
      file:close()
      assert(lsqnet.matrix.read_csv(path):get(1, 2) == 1.25)
      os.remove(path)]], { "0.5;1.25" })
  end)
end)
