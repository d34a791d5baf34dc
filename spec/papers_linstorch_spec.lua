local lsqnet = require "lsqnet"
local contest = require "lsqnet.papers.linstorch.contest"
local races = require "lsqnet.papers.linstorch.race_clock"
local quietly = require "quiet"
local tmp = require "tmp"

local function run(folder, name, only, runs)
  local result = assert(quietly(lsqnet.experiments.run, name, {
    out = folder, quick = true, runs = runs or 1, only = only,
  }))
  return result, tmp.read(("%s/%s.csv"):format(folder, name))
end

local function has_picture(folder, name, figure)
  return #tmp.read(("%s/%s/%s.png"):format(folder, name, figure)) > 1000
end

-- The fields of the first line of a case.
local function row_of(csv, case)
  local head, fields = {}, {}
  for name in (csv:match("^[^\n]*") .. ","):gmatch("([^,]*),") do head[#head + 1] = name end
  local position = 0
  for line in csv:gmatch("[^\n]+") do
    if line:find("quick," .. case .. ",", 1, true) == 1 then
      for field in (line .. ","):gmatch("([^,]*),") do
        position = position + 1
        fields[head[position]] = field
      end
      return fields
    end
  end
end

local function comparison(result, start)
  for _, entry in ipairs(result.comparisons) do
    if entry.what:sub(1, #start) == start then return entry end
  end
end

describe("races", function()
  it("keep errors at 1, 2, 3, 5, 7, ... with 19 among them", function()
    local moments = races.moments(60)
    assert.same({ 1, 2, 3, 4, 6, 9, 13, 19, 28, 41, 60 }, moments)
    assert.same({ 1 }, races.moments(1))
    assert.same({ 1, 2, 3, 4, 6, 9, 13, 19, 28, 30 }, races.moments(30))
  end)

  it("tell when a search first met a target, and how its best net does on the test part", function()
    local X, Y = lsqnet.datasets.sin_plus_one(50)
    local problem = { x = X, y = Y, test_x = X, test_y = Y, targets = { 1, 0.3, 0 } }
    local losses = { 0.9, 0.5, 0.7, 0.2 }
    local nets = {}
    local row = races.search(problem, function(k)
      nets[k] = lsqnet.network { layers = { 1, 3, 1 }, seed = k }
      return nets[k], losses[k]
    end, 4)
    assert.equal(4, #row.time)
    assert.is_true(row.ms1 <= row.ms2 and row.ms1 == row.time[1] and row.ms2 == row.time[4])
    assert.is_nil(row.ms3)
    assert.equal(0.2, row.train)
    assert.equal(nets[4]:loss(X, Y), row.test)
    assert.is_true(math.abs(row.error[3] - nets[2]:loss(X, Y)) < 1e-3 * row.error[3])
  end)

  it("count the epochs of a gradient method", function()
    local X, Y = lsqnet.datasets.sin_plus_one(50)
    local problem = { x = X, y = Y, test_x = X, test_y = Y, targets = { 1e9 } }
    local net = lsqnet.network { layers = { 1, 3, 1 }, seed = 1 }
    local twin = net:clone()
    local row = races.descend(problem, net, "adam", { batch_size = 32, seed = 5 }, 20)
    lsqnet.adam(twin, X, Y, { batch_size = 32, seed = 5, epochs = 19 })
    assert.equal(twin:loss(X, Y), row.test19)
    assert.equal(net:loss(X, Y), row.train)
    assert.equal(row.time[1], row.ms1)
  end)
end)

describe("linstorch-races", function()
  it("race all methods on the same split, and say where Linstorch's floor is", function()
    tmp.with(function(folder)
      local result, csv = run(folder, "linstorch-races", "sin")
      local row = row_of(csv, "sin: Linstorch")
      -- The same split by hand.
      local X, Y = lsqnet.datasets.sin_plus_one(1001)
      local train = lsqnet.data.split(X, Y, { test = 0.33, seed = 1 })
      local x, y = lsqnet.data.standardize(train.x), lsqnet.data.standardize(train.y)
      local line = select(2, lsqnet.linear_regression(x, y)).loss
      assert.is_true(math.abs(tonumber(row.line) - line) < 1e-12)
      assert.is_true(tonumber(row.floor) < line)
      assert.is_true(tonumber(row.train) >= tonumber(row.floor) * (1 - 1e-9))
      assert.equal("yes", comparison(result, "Figure 4, sin(x) + 1, net 1-10-1: share of runs that "
        .. "end lower than random").verdict)
      assert.is_true(has_picture(folder, "linstorch-races", "figure4"))
      assert.is_true(has_picture(folder, "linstorch-races", "figure7"))
      assert.is_false(tmp.exists(folder .. "/linstorch-races/figure5.png"))
      assert.truthy(result.text:find("19 epochs", 1, true))
    end)
  end)

  it("one scale for all columns leaves regression as it is and slows gradients", function()
    local context = { quick = true }
    local X = lsqnet.datasets.concrete()
    if not X then return pending("concrete.csv is missing") end
    local by_scale = {}
    for _, scale in ipairs { "global", "columns" } do
      by_scale[scale] = { contest.run("concrete " .. scale .. ": Linstorch", 1, context),
                          contest.run("concrete " .. scale .. ": Adam", 1, context) }
    end
    local published, proper = by_scale.global, by_scale.columns
    assert.is_true(math.abs(published[1].line - proper[1].line) < 1e-8)
    assert.is_true(published[2].test19 > 1.5 * proper[2].test19)
  end)
end)

describe("linstorch-figure8", function()
  it("has nothing but the mean", function()
    tmp.with(function(folder)
      local result, csv = run(folder, "linstorch-figure8", nil, 2)
      local sum = 0
      for i = 0, 100 do sum = sum + math.cos(2 * math.pi * i / 100) end
      local variance = 0
      for i = 0, 100 do variance = variance + (math.cos(2 * math.pi * i / 100) - sum / 101) ^ 2 end
      local row = row_of(csv, "1-11-11-1")
      assert.is_true(math.abs(tonumber(row.mse) - variance / 101) < 1e-13)
      assert.is_true(tonumber(row.range) < 1e-12)
      assert.equal(6, #result.comparisons)
      for _, entry in ipairs(result.comparisons) do assert.equal("yes", entry.verdict) end
      assert.is_true(has_picture(folder, "linstorch-figure8", "figure8"))
    end)
  end)
end)

describe("linstorch-table1", function()
  it("compares the nets that are not trained with all three published means", function()
    tmp.with(function(folder)
      local result = run(folder, "linstorch-table1", "untrained", 300)
      local published = {}
      for _, entry in ipairs(result.comparisons) do
        if entry.what:find "untrained" then published[#published + 1] = entry.published end
      end
      assert.same({ "5332", "5258", "5214" }, published)
    end)
  end)
end)
