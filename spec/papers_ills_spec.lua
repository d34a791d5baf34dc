local lsqnet = require "lsqnet"
local problems = require "lsqnet.papers.ills.problems"
local quietly = require "quiet"
local tmp = require "tmp"
local trials = require "lsqnet.papers.ills.trials"

local function run(folder, name, only, runs)
  return assert(quietly(lsqnet.experiments.run, name, {
    out = folder, quick = true, runs = runs or 1, only = only,
  }))
end

local function has_picture(folder, name, figure)
  return #tmp.read(("%s/%s/%s.png"):format(folder, name, figure)) > 1000
end

local function distance(a, b)
  local difference = a:parameters() - b:parameters()
  return math.sqrt((difference:mul(difference)):sum())
end

describe("the distance of parameters", function()
  -- The same function by other parameters: units of a hidden layer change places, one its signs.
  local function disguised(net)
    local twin = net:clone()
    local order, signs = { 3, 1, 2 }, { 1, -1, 1 }
    local w, b, v = twin:weight(1):copy(), twin:bias(1):copy(), twin:weight(2):copy()
    for j = 1, 3 do
      for i = 1, 3 do w:set(i, j, signs[j] * net:weight(1):get(i, order[j])) end
      b:set(1, j, signs[j] * net:bias(1):get(1, order[j]))
      v:set(j, 1, signs[j] * net:weight(2):get(order[j], 1))
    end
    twin:set_weight(1, w)
    twin:set_bias(1, b)
    twin:set_weight(2, v)
    return twin
  end

  it("is zero between nets that compute the same", function()
    local problem = problems.teacher({ 3, 3, 1 }, 20, 4)
    local twin = disguised(problem.teacher)
    assert.is_true((twin:predict(problem.x) - problem.y):norm() < 1e-14)
    assert.is_true(distance(twin, problem.teacher) > 0.1)
    assert.equal(0, problems.parameter_error(twin, problem.teacher))
  end)

  it("is the plain one for small changes, at any depth and in any disguise", function()
    for _, layers in ipairs { { 3, 3, 1 }, { 2, 2, 2, 1 } } do
      local teacher = problems.teacher(layers, 5, 7).teacher
      local moved = teacher:clone()
      local w, b = moved:weight(1):copy(), moved:bias(#layers - 1):copy()
      w:set(1, 1, w:get(1, 1) + 3e-4)
      b:set(1, 1, b:get(1, 1) - 4e-4)
      moved:set_weight(1, w)
      moved:set_bias(#layers - 1, b)
      assert.is_true(math.abs(problems.parameter_error(moved, teacher) - 5e-4) < 1e-12)
      if #layers == 3 then
        assert.is_true(math.abs(problems.parameter_error(disguised(moved), teacher) - 5e-4) < 1e-12)
      end
    end
  end)
end)

describe("the Mackey-Glass series", function()
  it("is cut into six values and the one six steps later, the test part last", function()
    local data = problems.mackey_glass()
    assert.same({ 1000, 6, 500 }, { data.x.rows, data.x.cols, data.test_x.rows })
    -- Row t has x[t], x[t-6], ...: six rows later a value has moved on by a column.
    for row = 1, 900, 37 do
      assert.equal(data.x:get(row, 1), data.x:get(row + 6, 2))
      assert.equal(data.y:get(row, 1), data.x:get(row + 6, 1))
    end
    assert.equal(data.y:get(996, 1), data.test_x:get(2, 1))
    assert.is_true(data.x:max() <= 0.8 and data.x:min() >= -0.8)
  end)
end)

describe("trials", function()
  it("tell the losses of Adam at 0, 1, 2, ... steps", function()
    local problem = problems.teacher({ 2, 2, 1 }, 30, 1)
    local start = problem.net:loss(problem.x, problem.y)
    local twin = problem.net:clone()
    local trace = trials.adam(problem, 0.01, 5)
    assert.equal(6, #trace.losses)
    assert.equal(6, #trace.ms)
    assert.is_true(math.abs(trace.losses[1] - start) < 1e-14)
    lsqnet.adam(twin, problem.x, problem.y, { epochs = 2, batch_size = 30, learning_rate = 0.01 })
    assert.is_true(math.abs(trace.losses[3] - twin:loss(problem.x, problem.y)) < 1e-14)
    assert.equal(problem.net:loss(problem.x, problem.y), trace.last)
  end)

  it("keep the lowest loss so far, and stay where a training ended", function()
    local trace = { losses = { 9, 4, 5, 2 }, ms = { 0, 1, 2, 3 } }
    local losses, ms = trials.curves(trace, 20)
    assert.same({ 0, 1, 2, 3, 5, 8, 13, 20 }, trials.moments(20))
    assert.same({ 9, 4, 4, 2, 2, 2, 2, 2 }, losses)
    assert.same({ 0, 1, 2, 3, 3, 3, 3, 3 }, ms)
    assert.same({ 3, 3 }, { trials.first_below(trace, 2) })
    assert.is_nil(trials.first_below(trace, 1))
  end)
end)

describe("the ILLS experiments", function()
  it("tabulate and draw stability", function()
    tmp.with(function(folder)
      local result = run(folder, "ills-stability", "2-2-1", 2)
      assert.is_true(has_picture(folder, "ills-stability", "last_mse"))
      assert.is_true(has_picture(folder, "ills-stability", "shares"))
      assert.equal("0", result.comparisons[1].ours)
      assert.is_true(result.comparisons[1].ok)
      local table_file = tmp.read(folder .. "/ills-stability/stability.csv")
      -- Seed 1, step size 0.3, by hand.
      local problem = problems.teacher({ 2, 2, 1 }, 200, 1)
      local report = lsqnet.ills(problem.net, problem.x, problem.y, {
        variant = "paper", step_size = 0.3, iterations = 20, keep = "last",
      })
      local csv = tmp.read(folder .. "/ills-stability.csv")
      local last = csv:match("quick,2%-2%-1: ILLS 0%.3,1,[^,]*,[^,]*,([^,]*)")
      assert.is_true(math.abs(tonumber(last) / report.loss - 1) < 1e-9)
      assert.truthy(table_file:find("\"ILLS, paper\"", 1, true))
    end)
  end)

  it("compare recovery with Adam at its best rate", function()
    tmp.with(function(folder)
      local result = run(folder, "ills-recovery", "2-2-1: ", 2)
      local what = {}
      for _, entry in ipairs(result.comparisons) do
        what[#what + 1] = entry.what
        if not entry.ok and not entry.what:find "asked of" then assert.truthy(entry.why) end
      end
      local all = table.concat(what, "\n")
      assert.truthy(all:find("ILLS robust: median MSE (asked of this library)", 1, true))
      assert.truthy(all:find("median L2 error of the parameters", 1, true))
      for _, figure in ipairs { "mse_by_iteration", "mse_by_time", "parameters" } do
        assert.is_true(has_picture(folder, "ills-recovery", figure))
      end
    end)
  end)

  it("draw a time series beside the truth", function()
    tmp.with(function(folder)
      local result = run(folder, "ills-time-series", "ILLS")
      assert.equal(1, #result.comparisons) -- there is no Adam to compare with
      for _, figure in ipairs { "mse", "prediction", "errors" } do
        assert.is_true(has_picture(folder, "ills-time-series", figure))
      end
    end)
  end)
end)
