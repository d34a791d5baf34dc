local lsqnet = require "lsqnet"
local papers = require "lsqnet.papers"
local setup = require "lsqnet.papers.anmin.setup"
local statistics = require "lsqnet.experiments.statistics"
local store = require "lsqnet.experiments.store"
local quietly = require "quiet"
local tmp = require "tmp"

for _, name in ipairs { "abalone", "bike_sharing", "bsds_patches" } do
  local X, message = lsqnet.datasets[name]()
  if not X then
    it("reproduces the ANMIN paper", function() pending(message) end)
    return
  end
end

local function size_of(path)
  return #tmp.read(path)
end

-- Runs some cases of a protocol quickly; calls check(result, rows by case, folder).
local function with_quick(name, only, runs, check)
  tmp.with(function(folder)
    local result = assert(quietly(lsqnet.experiments.run, name, {
      quick = true, runs = runs, only = only, out = folder,
    }))
    local protocol = papers.protocol(name)
    local stored = assert(store.open(("%s/%s.csv"):format(folder, name), protocol.measures,
                                     protocol.curves or {}))
    local of_case = {}
    for _, row in ipairs(stored.rows) do
      of_case[row.case] = of_case[row.case] or {}
      table.insert(of_case[row.case], row)
    end
    check(result, of_case, folder .. "/" .. name)
  end)
end

local function compared(result, what)
  for _, comparison in ipairs(result.comparisons) do
    if comparison.what == what then return comparison end
  end
  error("nothing compared as: " .. what)
end

local function quick_context()
  local kept = {}
  return {
    quick = true,
    once = function(_, key, make)
      kept[key] = kept[key] or table.pack(make())
      return table.unpack(kept[key], 1, kept[key].n)
    end,
  }
end

describe("the ANMIN paper's set-up", function()
  it("takes positions of a list evenly, with both ends", function()
    assert.are.same({ 1, 2, 3 }, setup.positions(3, 5))
    assert.are.same({ 1, 11, 21, 31 }, setup.positions(31, 4))
    local many = setup.positions(1201, 31)
    assert.are.equal(31, #many)
    assert.are.equal(1, many[1])
    assert.are.equal(1201, many[31])
  end)

  it("takes settings of the paper: rates, their schedule, batches, lambda over the rows", function()
    local seen = {}
    local real = {}
    for _, name in ipairs { "sgd", "adam", "lbfgs", "anmin" } do
      real[name] = lsqnet[name]
      lsqnet[name] = function(net, _, _, options)
        seen[name] = { options = options, net = net }
        return {}
      end
    end
    local part = { x = lsqnet.matrix(100, 7), y = lsqnet.matrix(100, 1) }
    for _, method in ipairs { "SGD", "Adam", "L-BFGS", "ANMIN-L" } do
      setup.train({}, setup.DATA.abalone, method, part, 3)
    end
    for name, trainer in pairs(real) do lsqnet[name] = trainer end
    assert.are.equal(setup.SGD_RATES.abalone, seen.sgd.options.learning_rate)
    assert.are.equal(300, seen.sgd.options.epochs)
    assert.are.same({ every = 100, factor = 0.1 }, seen.adam.options.schedule)
    assert.are.equal(0.03, seen.adam.options.learning_rate)
    assert.are.equal(256, seen.adam.options.batch_size)
    assert.are.equal(1200, seen.lbfgs.options.iterations)
    assert.are.equal("fixed", seen.lbfgs.options.line_search)
    assert.are.equal(1e-5, seen.anmin.options.lambda)
    assert.are.equal(30, seen.anmin.options.iterations)
    assert.is_truthy(tostring(seen.anmin.net):find("leaky_relu", 1, true))
  end)
end)

describe("the experiment anmin-table3", function()
  it("gives the same numbers as the trainer called by hand", function()
    with_quick("anmin-table3", "abalone ANMIN", 2, function(result, rows, folder)
      local context = quick_context()
      local train, test = setup.split(context, "abalone", 2)
      local net = lsqnet.network { layers = { 7, 64, 1 }, init = "normal", seed = 2 }
      local report = assert(lsqnet.anmin(net, train.x, train.y, {
        lambda = 1e-3 / train.x.rows, iterations = 3, seed = 2,
      }))
      local row = rows["abalone ANMIN"][2]
      assert.are.equal(2, row.seed)
      assert.is_near(report.loss, row.train_mse, 1e-9 * report.loss)
      assert.is_near(net:loss(test.x, test.y), row.test_mse, 1e-9 * row.test_mse)
      assert.is_near(net:score(test.x, test.y), row.test_r2, 1e-9)
      -- the curve is of the best net so far: it ends at the net that is kept, and never rises
      assert.is_near(row.train_mse, row.train_mse_at[#row.train_mse_at], 1e-5 * row.train_mse)
      assert.is_near(row.test_mse, row.test_mse_at[#row.test_mse_at], 1e-5 * row.test_mse)
      assert.are.equal(4, #row.train_mse_at)
      for i = 2, 4 do assert.is_true(row.train_mse_at[i] <= row.train_mse_at[i - 1]) end

      local bound = compared(result, "bound: MSE train, ANMIN, Abalone")
      local mean = (rows["abalone ANMIN"][1].train_mse + row.train_mse) / 2
      assert.are.equal("at most 4.04", bound.rule)
      assert.are.equal(mean <= 4.04, bound.ok)
      assert.is_truthy(bound.ours:find(("%.4g"):format(mean), 1, true))
      assert.is_truthy(tmp.read(folder .. "/table4.csv"):find('"Abalone, RTX 3080",9.1', 1, true))
    end)
  end)

  it("sets methods side by side with their curves, and bolds what the t-test leaves", function()
    with_quick("anmin-table3", "abalone", 3, function(result, rows, folder)
      for _, method in ipairs(setup.METHODS) do
        assert.are.equal(3, #rows["abalone " .. method], method)
      end
      for figure = 4, 6 do
        assert.is_true(size_of(("%s/figure%d.png"):format(folder, figure)) > 1000)
      end
      local best, mean_of = nil, {}
      for _, method in ipairs(setup.METHODS) do
        local list = {}
        for k, row in ipairs(rows["abalone " .. method]) do list[k] = row.train_mse end
        mean_of[method] = statistics.mean(list)
        if not best or mean_of[method] < mean_of[best] then best = method end
      end
      local line = tmp.read(folder .. "/report.md"):match("|Abalone|[^\n]*")
        or tmp.read(folder .. "/report.md"):match("| Abalone |[^\n]*")
      assert.is_truthy(line:find(("**%.4g "):format(mean_of[best]), 1, true))
      assert.are.equal("4.2 (0.08)", compared(result, "MSE train, Abalone, SGD").published)
    end)
  end)
end)

describe("the experiment anmin-learning-rates", function()
  it("rejects rates that blow up and takes the lowest loss of the others", function()
    with_quick("anmin-learning-rates", "abalone", 1, function(result, rows, folder)
      assert.are.equal(1, rows["abalone 1"][1].blew_up)
      assert.are.equal(0, rows["abalone 1e-3"][1].blew_up)
      local best
      for case, list in pairs(rows) do
        local row = list[1]
        if row.blew_up == 0 and (not best or row.train_mse < best.train_mse) then
          best = { case = case, train_mse = row.train_mse }
        end
      end
      assert.is_truthy(result.text:find("Abalone " .. best.case:match("%S+$") .. " (", 1, true))
      assert.is_true(size_of(folder .. "/rates.png") > 1000)
    end)
  end)
end)

describe("the experiment anmin-figure3", function()
  it("keeps the loss of every twentieth iteration and the lowest so far", function()
    with_quick("anmin-figure3", nil, 2, function(_, rows, folder)
      local row = rows["abalone L-BFGS"][1]
      assert.are.equal(7, #row.lowest) -- 120 iterations
      for i = 2, 7 do assert.is_true(row.lowest[i] <= row.lowest[i - 1]) end
      assert.is_true(row.lowest[7] >= row.train_mse * (1 - 1e-5))
      assert.is_true(row.largest >= row.loss[1] * (1 - 1e-5))
      assert.is_true(size_of(folder .. "/figure3.png") > 1000)
    end)
  end)
end)

describe("the experiment anmin-simulations", function()
  it("trains both methods on the same rows, and compares their means", function()
    with_quick("anmin-simulations", "N=1000 d=1 ", 2, function(result, rows, folder)
      local X, Y = lsqnet.datasets.sin_norm_squared(200, { dimension = 1, seed = 1 })
      local net = lsqnet.network { layers = { 1, 64, 1 }, init = "normal", seed = 1 }
      assert(lsqnet.anmin(net, X:slice(1, 100), Y:slice(1, 100),
                          { lambda = 1e-5, iterations = 3, seed = 1 }))
      local row = rows["N=1000 d=1 ANMIN"][1]
      local expected = net:loss(X:slice(101, 200), Y:slice(101, 200))
      assert.is_near(expected, row.test_mse, 1e-9 * expected)
      local function mean(case)
        return (rows[case][1].test_mse + rows[case][2].test_mse) / 2
      end
      local claim = compared(result, "MSE test, N=1000 d=1: ANMIN below Adam")
      assert.are.equal(mean "N=1000 d=1 ANMIN" < mean "N=1000 d=1 Adam", claim.ok)
      assert.is_true(size_of(folder .. "/figure7.png") > 1000)
      assert.is_true(size_of(folder .. "/figure8.svg") > 1000)
    end)
  end)
end)

describe("the experiment anmin-ablation", function()
  it("has degenerate systems where they are forced, and none as published", function()
    with_quick("anmin-ablation", "best", 1, function(result, rows, folder)
      assert.are.equal(0, rows["published 4 svd and best"][1].degenerate)
      assert.is_true(rows["published 4 svd and best"][1].lowest_determinant > -10000)
      assert.is_true(rows["forced 2 restart and best"][1].degenerate > 0)
      local claim = compared(result, "degenerate systems on bike sharing, all runs as published")
      assert.are.equal("0", claim.ours)
      assert.is_false(claim.ok)
      assert.is_truthy(claim.why:find("float64", 1, true))
      assert.is_true(size_of(folder .. "/table5.png") > 1000)
    end)
  end)

  it("leaves the net of iteration 0 where it stops at once", function()
    with_quick("anmin-ablation", "forced 1", 1, function(_, rows)
      local row = rows["forced 1 stop and last"][1]
      assert.are.equal(1, row.degenerate)
      assert.are.equal(0, row.iterations)
    end)
  end)
end)

describe("the experiment anmin-iterations", function()
  it("keeps losses and log determinants, and counts where they fall", function()
    with_quick("anmin-iterations", "abalone ANMIN", 2, function(result, rows, folder)
      local falling = 0
      for _, row in ipairs(rows["abalone ANMIN"]) do
        local d = row.log_determinants
        assert.are.equal(3, #d)
        assert.are.equal(4, #row.losses)
        assert.is_near(row.last_determinant, d[3], 1e-5 * math.abs(d[3]))
        -- of three points the trend is that of the ends
        if d[3] < d[1] then falling = falling + 1 end
      end
      local claim = compared(result,
        "Figure 10, Abalone: share of splits whose log determinant falls with the iterations")
      assert.are.equal(("%.2f"):format(falling / 2), claim.ours)
      assert.is_true(size_of(folder .. "/figure10.png") > 1000)
    end)
  end)

  it("has the autoencoder by itself", function()
    with_quick("anmin-autoencoder-determinant", nil, 1, function(_, rows, folder)
      assert.are.equal(3, #rows["bsds_patches ANMIN-L"][1].log_determinants)
      assert.is_true(size_of(folder .. "/figure11.png") > 1000)
    end)
  end)
end)
