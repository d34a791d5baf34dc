local blocks = require "lsqnet.papers.triangle.block_nets"
local curves = require "lsqnet.papers.triangle.convex_curves"
local lsqnet = require "lsqnet"
local quietly = require "quiet"
local tmp = require "tmp"

local experiments, matrix, triangle = lsqnet.experiments, lsqnet.matrix, lsqnet.triangle

-- Runs a protocol quickly into a new folder, expects so many pictures, and calls
-- check(result, rows), where rows[case] is the line of the case's run, { column = text }.
local function quickly(name, only, expected, check)
  tmp.with(function(folder)
    local result = assert(quietly(experiments.run, name, {
      quick = true, runs = 1, only = only, out = folder,
    }))
    local pictures = 0
    for _, path in ipairs(result.files) do
      assert.is_true(tmp.exists(path), path)
      if path:find("%.png$") then
        pictures = pictures + 1
        assert.is_true(#tmp.read(path) > 1000, path)
      end
    end
    if not result.warning then assert.are.equal(expected, pictures) end
    local header, rows = nil, {}
    for line in tmp.read(("%s/%s.csv"):format(folder, name)):gmatch "[^\n]+" do
      local fields = {}
      for field in (line .. ","):gmatch "([^,]*)," do fields[#fields + 1] = field end
      if header then
        local row = {}
        for i, column in ipairs(header) do row[column] = fields[i] end
        rows[row.case] = row
      else
        header = fields
      end
    end
    check(result, rows)
  end)
end

local function find(result, text)
  for _, comparison in ipairs(result.comparisons) do
    if comparison.what:find(text, 1, true) then return comparison end
  end
  error("no comparison of " .. text)
end

describe("samples of nets", function()
  it("are whole, but for a first one that is not filled", function()
    assert.are.same({ { 1, 2 }, { 3, 4 } }, curves.samples({ 1, 2, 3, 4, 5 }, 2))
    assert.are.same({ { 1, 2 } }, curves.samples({ 1, 2 }, 30))
    assert.are.same({ 1, 3 }, curves.of_samples({ 2, 1, 3, 4 }, 2, "min"))
    assert.are.same({ 1.5, 3.5 }, curves.of_samples({ 2, 1, 3, 4, 9 }, 2, "mean"))
  end)
end)

describe("blocks of a usual net", function()
  local X = matrix.linspace(-1, 1, 40)
  local Y = X:map(function(x) return x ^ 3 - x end)

  local function trained(seed)
    local options = { layers = blocks.layers(1, 10), count = 2, epochs = 5 }
    return blocks.train_plain(X, Y, seed, options)
  end

  it("stay apart", function()
    local net = trained(1)
    for k = 2, net.depth - 1 do
      local weights = net:weight(k)
      for i = 1, 10 do
        for j = 1, 10 do
          assert.are.equal((i <= 5) == (j <= 5), weights:get(i, j) ~= 0)
        end
      end
    end
  end)

  it("add up to the output", function()
    local net = trained(2)
    local parts = blocks.contributions(net, X, 2)
    local output = net:predict(X)
    for i = 1, X.rows do
      local sum = parts[1][i] + parts[2][i] + net:bias(net.depth):get(1, 1)
      assert.is_true(math.abs(sum - output:get(i, 1)) < 1e-12)
    end
  end)

  it("can be functions of one direction each", function()
    local inputs = matrix { { 0, 1 }, { 1, 0 }, { 2, 1 }, { -1, 3 } }
    local targets = matrix { { 0 }, { 1 }, { 1 }, { 0 } }
    local function slope_spread(directions)
      local net = blocks.train_plain(inputs, targets, 1, {
        layers = blocks.layers(2, 10), count = 2, epochs = 20, directions = directions,
        learning_rate = 0.05,
      })
      local weights, most = net:weight(1), 0
      for block = 0, 1 do
        local first = 5 * block + 1
        for j = first + 1, first + 4 do
          local cross = weights:get(1, j) * weights:get(2, first)
            - weights:get(2, j) * weights:get(1, first)
          most = math.max(most, math.abs(cross))
        end
      end
      return most
    end
    assert.is_true(slope_spread "fixed" < 1e-12)
    assert.is_true(slope_spread "free" > 1e-6)
  end)
end)

describe("the experiments of triangle pretraining", function()
  it("approximate x^2 as Figure 1 shows", function()
    quickly("triangle-figure1", nil, 1, function(result, rows)
      assert.are.equal(10, #result.comparisons)
      for _, comparison in ipairs(result.comparisons) do
        assert.is_true(comparison.ok, comparison.what)
      end
      for d = 1, 5 do
        local row = rows["d = " .. d]
        assert.is_true(math.abs(tonumber(row.error) / 4 ^ -(d + 1) - 1) < 1e-9)
        assert.is_true(math.abs(tonumber(row.slope_error) / 2 ^ -d - 1) < 1e-9)
        assert.are.equal(2 ^ d, tonumber(row.regions))
      end
    end)
  end)

  it("train the nets of Table 1", function()
    quickly("triangle-tables", "x^3: ", 1, function(result, rows)
      local X = matrix.linspace(0, 1, 50)
      local Y = X:map(function(x) return x ^ 3 end)
      local net = triangle.network { seed = 1 }
      local enforced = triangle(net, X, Y, { scale = false, epochs = 100 })
      assert.are.equal(enforced.loss, tonumber(rows["x^3: enforced"].mse))
      assert.are.equal(net:loss(X, Y), tonumber(rows["x^3: enforced"].first_mse))
      local plain = lsqnet.network { layers = { 1, 4, 4, 4, 4, 4, 1 }, seed = 1 }
      local report = lsqnet.adam(plain, X, Y, { epochs = 100, batch_size = 50, shuffle = false })
      assert.are.equal(report.loss, tonumber(rows["x^3: Kaiming"].mse))
      assert.are.equal(plain:linear_regions(0, 1), tonumber(rows["x^3: Kaiming"].regions))
      assert.are.equal(32, tonumber(rows["x^3: peaks by least squares"].regions))
      assert.are.equal("at most 3e-07", find(result, "least of 30, enforced").rule)
      assert.are.equal("5.27e-07", find(result, "mean of 30, enforced").published)
    end)
  end)

  it("train on ten points and test between them", function()
    quickly("triangle-table3", "sin(pi x/2) alt20b", 0, function(result, rows)
      local train, test = matrix(10, 1), matrix(10, 1)
      for i = 0, 9 do
        train:set(i + 1, 1, (2 * i + 1) / 19)
        test:set(i + 1, 1, 2 * i / 19)
      end
      local function f(x) return math.sin(math.pi * x / 2) end
      local options = { scale = false, epochs = 100 }
      local report = triangle(triangle.network { seed = 1 }, train, train:map(f), options)
      local expected = report.network:loss(test, test:map(f))
      local found = tonumber(rows["sin(pi x/2) alt20b: enforced"].test_mse)
      assert.is_true(math.abs(found / expected - 1) < 1e-6)
      assert.are.equal("7.92e-07", find(result, "least test MSE of 30, enforced").published)
    end)
  end)

  it("draw the fits of ten points", function()
    quickly("triangle-table3", "x^3 alt20: ", 1, function(_, rows)
      local output, count = rows["x^3 alt20: enforced"].output, 0
      for _ in output:gmatch "%S+" do count = count + 1 end
      assert.are.equal(51, count)
    end)
  end)

  it("count the bends of trained nets", function()
    quickly("triangle-figures5-6", nil, 2, function(_, rows)
      for _, case in ipairs { "default net", "pretraining skipped", "pretraining" } do
        local total, layers = 0, 0
        for count in rows[case].bends:gmatch "%S+" do
          total, layers = total + tonumber(count), layers + 1
        end
        assert.are.equal(5, layers)
        -- where nothing bends, nothing ends a piece
        assert.is_true(tonumber(rows[case].regions) <= total + 1)
      end
    end)
  end)

  it("fit x^3 - x by two blocks", function()
    quickly("triangle-figures7-8", "x^3 - x", 1, function(_, rows)
      local X = matrix.linspace(-1, 1, 50)
      local Y, Z = X:map(function(x) return x ^ 3 - x end), lsqnet.data.standardize(X)
      local report = triangle(triangle.blocks(Z, { blocks = 2, seed = 1 }), Z, Y, {
        epochs = 100, learning_rate = 1e-2, finish_options = { epochs = 100, learning_rate = 1e-3 },
      })
      assert.are.equal(report.loss, tonumber(rows["x^3 - x: two blocks"].mse))
    end)
  end)

  it("say why two blocks are not r^3", function()
    quickly("triangle-figures7-8", "r^3: two blocks", 0, function(result)
      -- the best sum g(x) + h(y) on 31 x 31 points, by regression on indicators of rows and columns
      local indicators, targets = matrix(961, 60), matrix(961, 1)
      for i = 0, 960 do
        local column, row = i % 31, i // 31
        if column > 0 then indicators:set(i + 1, column, 1) end
        if row > 0 then indicators:set(i + 1, 30 + row, 1) end
        targets:set(i + 1, 1, ((column / 15 - 1) ^ 2 + (row / 15 - 1) ^ 2) ^ 1.5)
      end
      local floor = select(2, lsqnet.linear_regression(indicators, targets)).loss
      local why = find(result, "r^3: two blocks").why
      assert.is_truthy(why:find(("better than %.2g on"):format(floor), 1, true), why)
    end)
  end)

  it("sweep the learning rate", function()
    quickly("triangle-figure13", "rate 1e-3", 1, function(result, rows)
      local row = rows["rate 1e-3"]
      assert.are.equal(row.both, row.lowered)
      assert.are_not.equal(row.both, row.first)
      assert.are.equal(1, tonumber(find(result, "pretrained").ours))
    end)
  end)

  it("classify the spirals", function()
    quickly("triangle-figure15", "ours block", 1, function(_, rows)
      local row, count, ones = rows["ours block diagonal"], 0, 0
      for value in row.map:gmatch "%S+" do
        local p = tonumber(value)
        assert.is_true(p >= 0 and p <= 1)
        count, ones = count + 1, ones + (p > 0.5 and 1 or 0)
      end
      assert.are.equal(41 * 41, count)
      assert.is_true(ones > 0 and ones < count)
      assert.is_true(tonumber(row.loss) < math.log(2)) -- guessing
    end)
  end)

  it("fit Concrete, or numbers in its place", function()
    quickly("triangle-figure14", "ours block", 1, function(result, rows)
      local row, points = rows["ours block diagonal"], 0
      for _ in row.test_curve:gmatch "%S+" do points = points + 1 end
      assert.are.equal(3, points)
      assert.is_true(tonumber(row.lowest_test) <= tonumber(row.test))
      assert.are.equal("30.1", find(result, "ours block diagonal").published)
    end)
  end)
end)
