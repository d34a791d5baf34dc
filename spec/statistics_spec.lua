local statistics = require "lsqnet.experiments.statistics"

describe("statistics of runs", function()
  it("are those of numpy", function()
    local list = { 3, 1, 4, 1, 5, 9, 2, 6 }
    assert.near(3.875, statistics.mean(list), 1e-15)
    assert.near(math.sqrt(52.875 / 7), statistics.std(list), 1e-14) -- ddof=1
    assert.equal(3.5, statistics.median(list))
    assert.near(5.25, statistics.quantile(list, 0.75), 1e-14)
    assert.equal(1, statistics.min(list))
    assert.equal(9, statistics.max(list))
    assert.same({ 3, 1, 4, 1, 5, 9, 2, 6 }, list)
  end)

  it("takes infinite numbers as they are", function()
    assert.equal(2, statistics.median { 1, 2, math.huge })
    assert.equal(math.huge, statistics.median { 1, math.huge, math.huge })
    assert.equal(math.huge, statistics.quantile({ 1, 2, math.huge, math.huge }, 0.75))
    assert.equal(math.huge, statistics.median { 1, math.huge })
  end)

  it("has no deviation for one number", function()
    assert.equal(0, statistics.std { 7 })
    assert.equal(7, statistics.median { 7 })
    assert.equal("7", statistics.summary { 7 })
  end)

  it("counts a share", function()
    assert.equal(0.25, statistics.share({ 1, 2, 3, 4 }, function(v) return v > 3 end))
  end)

  -- The p-values are scipy.stats.ttest_rel's.
  describe("the paired t-test", function()
    local a = { 1.1, 2.3, 3.1, 4.8, 5.2, 6.9, 7.4 }
    local b = { 1.0, 2.5, 2.9, 4.1, 5.5, 6.1, 7.0 }

    it("gives scipy's p for even and odd degrees of freedom", function()
      assert.near(0.1767049020279261, statistics.paired_t_test(a, b), 1e-12)
      local six, other = table.move(a, 1, 6, 1, {}), table.move(b, 1, 6, 1, {})
      assert.near(0.2946316241412406, statistics.paired_t_test(six, other), 1e-12)
      assert.near(0.7951672353008665, statistics.paired_t_test({ 1, 2 }, { 0, 4 }), 1e-12)
      assert.near(0.8075499102701248, statistics.paired_t_test({ 1, 2, 3 }, { 0, 4, 1 }), 1e-12)
    end)

    it("is symmetric, and 1 for equal lists", function()
      assert.equal(statistics.paired_t_test(a, b), statistics.paired_t_test(b, a))
      assert.equal(1, statistics.paired_t_test(a, a))
      assert.equal(0, statistics.paired_t_test({ 2, 3 }, { 1, 2 }))
      assert.is_nil(statistics.paired_t_test({ 1 }, { 2 }))
    end)

    it("wants pairs", function()
      assert.error_matches(function() statistics.paired_t_test({ 1, 2 }, { 1 }) end,
                           "pairs expected")
    end)
  end)

  it("makes bands of curves, as far as all go", function()
    local mean, lower, upper = statistics.band { { 1, 2, 3 }, { 3, 6 } }
    assert.same({ 2, 4 }, mean)
    assert.near(2 - math.sqrt(2), lower[1], 1e-15)
    assert.near(4 + math.sqrt(8), upper[2], 1e-15)
    assert.same({}, (statistics.band {}))
  end)

  it("takes medians and quartiles of curves, as far as all go", function()
    local middle, lower, upper = statistics.quartiles { { 1, 9, 3 }, { 3, 6 }, { 8, 0 } }
    assert.same({ 3, 6 }, middle)
    assert.same({ 2, 3 }, lower)
    assert.same({ 5.5, 7.5 }, upper)
    assert.same({}, (statistics.quartiles {}))
  end)

  it("writes what was never reached", function()
    assert.equal("0.123", statistics.or_never(0.12345))
    assert.equal("never", statistics.or_never(math.huge))
  end)

  it("writes mean and deviation", function()
    assert.equal("3.94 (0.14)", statistics.summary({ 3.84, 4.04 }, "%.2f"))
    assert.equal("2422 (100)", statistics.mean_and_std(2422, 100))
    assert.equal("1e+10 (1e+09)", statistics.mean_and_std(1e10, 1e9))
  end)
end)
