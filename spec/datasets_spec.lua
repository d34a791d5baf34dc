local lsqnet = require "lsqnet"
local run_lua = require "run_lua"
local tmp = require "tmp"

local datasets, matrix = lsqnet.datasets, lsqnet.matrix

local function message_of(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  return message
end

-- Reads `content` from a file of this name, given as a path, and as the folder that holds it.
local function read_back(name, file, content, ...)
  local arguments = table.pack(...)
  local results
  tmp.with(function(folder)
    tmp.write(folder .. "/" .. file, content)
    local function read(path)
      return table.pack(datasets[name](path, table.unpack(arguments, 1, arguments.n)))
    end
    results = read(folder .. "/" .. file)
    local again = read(folder)
    if results[1] then assert.is_true(results[1] == again[1] and results[2] == again[2]) end
  end)
  return table.unpack(results, 1, results.n)
end

describe("datasets", function()
  local READERS = { "abalone", "bike_sharing", "horse_sdf", "concrete", "auto_mpg",
                    "bsds_patches", "year_prediction_msd" }

  it("says of a missing file what was looked for, where to get it and where to put it", function()
    tmp.with(function(folder)
      for _, name in ipairs(READERS) do
        local X, message, code = datasets[name](folder)
        assert.is_nil(X)
        assert.are.equal("no_file", code)
        assert.matches("looked for " .. folder .. "/", message, 1, true)
        assert.matches("Get it from https://", message, 1, true)
        assert.matches("put %S+ into the folder that LSQNET_DATA names, or into data/", message)
        X, message, code = datasets[name](folder .. "/elsewhere.csv")
        assert.is_nil(X)
        assert.are.equal("no_file", code)
        assert.matches("looked for " .. folder .. "/elsewhere.csv.", message, 1, true)
      end
    end)
  end)

  it("raises for a path that is none", function()
    for _, name in ipairs(READERS) do
      assert.matches(("bad argument #1 to '%s' (a path expected, got number)"):format(name),
                     message_of(datasets[name], 3), 1, true)
    end
  end)

  it("looks into $LSQNET_DATA first, then into data/", function()
    tmp.with(function(folder)
      assert(os.execute("mkdir -p " .. folder .. "/named " .. folder .. "/work/data"))
      local code = [[
        local X, Y = require("lsqnet").datasets.horse_sdf()
        print(X and Y:get(1, 1) or "none")
      ]]
      local function found(named)
        local _, out = run_lua.run { code = code, folder = folder .. "/work",
                                     environment = { LSQNET_DATA = named } }
        return tonumber(out) or out
      end
      assert.are.equal("none\n", found(folder .. "/named"))
      tmp.write(folder .. "/work/data/horse_sdf.csv", "0,0,2\n")
      assert.are.equal(2, found(folder .. "/named"))
      assert.are.equal(2, found(""))
      tmp.write(folder .. "/named/horse_sdf.csv", "0,0,1\n")
      assert.are.equal(1, found(folder .. "/named"))
      assert.are.equal(1, found(folder .. "/named/"))
    end)
  end)

  describe("abalone", function()
    local X = matrix { { 0.455, 0.365, 0.095, 0.514, 0.2245, 0.101, 0.15 },
                       { 0.33, 0.255, 0.08, 0.205, 0.0895, 0.0395, 0.055 } }
    local Y = matrix { 15, 7 }

    it("reads the file as published and as prepared alike", function()
      local raw = "M,0.455,0.365,0.095,0.514,0.2245,0.101,0.15,15\n"
        .. "I,0.33,0.255,0.08,0.205,0.0895,0.0395,0.055,7\n"
      local prepared = raw:gsub("%a,", "")
      for file, content in pairs { ["abalone.data"] = raw, ["abalone.csv"] = prepared } do
        local x, y, names = read_back("abalone", file, content)
        assert.is_true(x == X)
        assert.is_true(y == Y)
        assert.are.equal(7, #names)
        assert.are.equal("length", names[1])
        assert.are.equal("shell_weight", names[7])
        assert.are.equal("rings", names.target)
      end
    end)

    it("tells a file of another form", function()
      local x, message, code = read_back("abalone", "abalone.csv", "1,2,3\n")
      assert.is_nil(x)
      assert.matches("abalone.csv: 8 columns expected, got 3", message, 1, true)
      assert.are.equal("bad_format", code)
      x, message, code = read_back("abalone", "abalone.csv", "")
      assert.is_nil(x)
      assert.are.equal("string", type(message))
      assert.are.equal("bad_format", code)
    end)
  end)

  describe("bike_sharing", function()
    local RAW = "instant,dteday,season,yr,mnth,hr,holiday,weekday,workingday,weathersit,temp,atemp,"
      .. "hum,windspeed,casual,registered,cnt\n"
      .. "1,2011-01-01,1,0,1,0,0,6,0,1,0.24,0.2879,0.81,0,3,13,16\n"
      .. "2,2011-01-01,1,0,1,1,0,6,0,1,0.22,0.2727,0.8,0,8,32,40\n"
    local PREPARED = "1,0,1,0,0,6,0,1,0.24,0.2879,0.81,0,3,13,16\n"
      .. "1,0,1,1,0,6,0,1,0.22,0.2727,0.8,0,8,32,40\n"

    it("reads the file as published and as prepared alike, registered users left out", function()
      local X = matrix { { 1, 0, 1, 0, 0, 6, 0, 1, 0.24, 0.2879, 0.81, 0, 3 },
                         { 1, 0, 1, 1, 0, 6, 0, 1, 0.22, 0.2727, 0.8, 0, 8 } }
      for file, content in pairs { ["hour.csv"] = RAW, ["bike_sharing_hour.csv"] = PREPARED } do
        for _, text in ipairs { content, (content:gsub("\n", "\r\n")) } do
          local x, y, names = read_back("bike_sharing", file, text)
          assert.is_true(x == X)
          assert.is_true(y == matrix { 16, 40 })
          assert.are.equal(13, #names)
          assert.are.equal("casual", names[13])
          assert.are.equal("cnt", names.target)
        end
      end
    end)

    it("tells a file of another form", function()
      local x, message, code = read_back("bike_sharing", "hour.csv", "1,2,3\n")
      assert.is_nil(x)
      assert.matches("15 columns expected, or the header of hour.csv; got 3 columns", message, 1,
                     true)
      assert.are.equal("bad_format", code)
    end)
  end)

  describe("concrete", function()
    local LONG = [["Cement (component 1)(kg in a m^3 mixture)",]]
      .. [["Blast Furnace Slag (component 2)(kg in a m^3 mixture)",]]
      .. [[Fly Ash (component 3)(kg in a m^3 mixture),Water  (component 4)(kg in a m^3 mixture),]]
      .. [[Superplasticizer (component 5)(kg in a m^3 mixture),]]
      .. [[Coarse Aggregate  (component 6)(kg in a m^3 mixture),]]
      .. [[Fine Aggregate (component 7)(kg in a m^3 mixture),Age (day),]]
      .. [["Concrete compressive strength(MPa, megapascals) "]] .. "\n"
    local SHORT = "Cement,Blast_Furnace_Slag,Fly_Ash,Water,Superplasticizer,Coarse_Aggregate,"
      .. "Fine_Aggregate,Age,Concrete_compressive_strength\n"

    it("reads CSV with long and short names, and stray blanks", function()
      local rows = "540.0 ,0.0 ,0.0 ,162.0 ,2.5 ,1040.0 ,676.0 ,28 ,79.99 \n"
      for file, content in pairs { ["Concrete_Data.csv"] = LONG .. rows,
                                   ["concrete.csv"] = SHORT .. rows } do
        local x, y, names = read_back("concrete", file, content)
        assert.is_true(x == matrix { { 540, 0, 0, 162, 2.5, 1040, 676, 28 } })
        assert.is_true(y == matrix { 79.99 })
        assert.are.equal("cement", names[1])
        assert.are.equal("strength", names.target)
      end
    end)

    it("says of a spreadsheet how to make CSV of it", function()
      for _, start in ipairs { "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "PK\3\4" } do
        tmp.with(function(folder)
          local path = tmp.write(folder .. "/Concrete_Data.xls", start .. ("\0"):rep(100))
          local x, message, code = datasets.concrete(path)
          assert.is_nil(x)
          assert.matches("is a spreadsheet, not CSV; UCI publishes", message, 1, true)
          assert.matches("`libreoffice --headless --convert-to csv", message, 1, true)
          assert.are.equal("bad_format", code)
          x, message, code = datasets.concrete(folder)
          assert.is_nil(x)
          assert.are.equal("no_file", code)
          assert.matches("libreoffice", message)
        end)
      end
    end)
  end)

  describe("auto_mpg", function()
    local RAW = '18.0   8   307.0      130.0      3504.      12.0   70  1\t"chevrolet chevelle"\n'
      .. '25.0   4   98.00      ?          2046.      19.0   71  1\t"ford pinto"\n'
      .. '26.0   4   97.00      46.00      1835.      20.5   70  2\t"volkswagen, 1131 sedan"\n'
    local PREPARED = "mpg,cylinders,displacement,horsepower,weight,acceleration,model year,origin,"
      .. "car name\n"
      .. "18.0,8,307.0,130.0,3504.,12.0,70,1,chevrolet chevelle\n"
      .. "25.0,4,98.00,,2046.,19.0,71,1,ford pinto\n"
      .. "26.0,4,97.00,46.00,1835.,20.5,70,2,volkswagen 1131 sedan\n"

    it("reads both forms alike, rows without horsepower dropped", function()
      for file, content in pairs { ["auto-mpg.data"] = RAW, ["auto_mpg.csv"] = PREPARED } do
        local crlf, unended = content:gsub("\n", "\r\n"), content:gsub("\n$", "")
        for _, text in ipairs { content, crlf, unended } do
          local x, y, names = read_back("auto_mpg", file, text)
          assert.is_true(x == matrix { { 18, 12, 307 }, { 26, 20.5, 97 } })
          assert.is_true(y == matrix { 130, 46 })
          assert.are.same({ "mpg", "acceleration", "displacement", target = "horsepower" }, names)
        end
      end
    end)

    it("tells line and column of what is no number", function()
      local typo = RAW:gsub("307.0", "3O7.0")
      local x, message, code = read_back("auto_mpg", "auto-mpg.data", typo)
      assert.is_nil(x)
      assert.matches("auto-mpg.data: line 1: no number in column 'displacement'", message, 1, true)
      assert.are.equal("bad_format", code)
      typo = PREPARED:gsub("12.0,70", "?,70")
      x, message, code = read_back("auto_mpg", "auto_mpg.csv", typo)
      assert.is_nil(x)
      assert.matches("line 2: no number in column 'acceleration'", message, 1, true)
      assert.are.equal("bad_format", code)
    end)

    it("tells a file of another form", function()
      local x, message, code = read_back("auto_mpg", "auto_mpg.csv", "mpg,power\n1,2\n")
      assert.is_nil(x)
      assert.matches("no column 'acceleration' in the header", message, 1, true)
      assert.are.equal("bad_format", code)
      x, message, code = read_back("auto_mpg", "auto-mpg.data", "\n")
      assert.is_nil(x)
      assert.matches("no rows of data", message, 1, true)
      assert.are.equal("bad_format", code)
    end)
  end)

  describe("year_prediction_msd", function()
    local function line(first)
      local fields = {}
      for j = 0, 90 do fields[j + 1] = first + j / 8 end
      return table.concat(fields, ",")
    end

    it("takes the first column as the target", function()
      local x, y, names = read_back("year_prediction_msd", "YearPredictionMSD.txt",
                                    line(2001) .. "\n" .. line(1999) .. "\n")
      assert.are.equal(2, x.rows)
      assert.are.equal(90, x.cols)
      assert.is_true(y == matrix { 2001, 1999 })
      assert.are.equal(1999 + 90 / 8, x:get(2, 90))
      assert.are.equal("timbre_average_12", names[12])
      assert.are.equal("timbre_covariance_78", names[90])
      assert.are.equal("year", names.target)
    end)

    it("tells a file of another form", function()
      local x, message, code = read_back("year_prediction_msd", "YearPredictionMSD.txt", "2001,1\n")
      assert.is_nil(x)
      assert.matches("91 columns expected, got 2", message, 1, true)
      assert.are.equal("bad_format", code)
    end)
  end)

  describe("bsds_patches", function()
    -- A PGM image whose pixels tell where they are (modulo 256).
    local function pgm(rows, cols)
      local pixels = {}
      for i = 0, rows - 1 do
        for j = 0, cols - 1 do pixels[#pixels + 1] = string.char((7 * i + j) % 256) end
      end
      return ("P5\n%d %d\n255\n%s"):format(cols, rows, table.concat(pixels))
    end

    it("cuts 15 x 15 patches at step 3, row by row", function()
      local X, Y, names = read_back("bsds_patches", "102061.pgm", pgm(22, 19), { noise = 0 })
      assert.are.equal(225, #names)
      assert.are.equal("pixel_1_1", names[1])
      assert.is_true(X == Y)
      -- tops 0, 3, 6 (before 22 - 15 = 7), lefts 0, 3 (before 19 - 15 = 4)
      assert.are.equal(6, Y.rows)
      assert.are.equal(225, Y.cols)
      for n = 0, 5 do
        local top, left = 3 * (n // 2), 3 * (n % 2)
        for i = 0, 14 do
          for j = 0, 14 do
            assert.are.equal((7 * (top + i) + left + j) % 256, Y:get(n + 1, 15 * i + j + 1))
          end
        end
      end
    end)

    it("adds normal noise of the standard deviation asked for, by the seed", function()
      local image = pgm(60, 60)
      local X, Y = read_back("bsds_patches", "102061.pgm", image)
      local noise = X - Y
      -- 225 patches of 225 pixels: five times the standard errors of mean and deviation
      local n = noise.rows * noise.cols
      local flat = noise:reshape(n, 1)
      assert.are.equal(225 * 225, n)
      assert.is_true(math.abs(flat:mean()) < 5 * 10 / math.sqrt(n))
      assert.is_true(math.abs(flat:std() - 10) < 5 * 10 / math.sqrt(2 * n))
      assert.is_true(X == read_back("bsds_patches", "102061.pgm", image, { seed = 1, noise = 10 }))
      assert.is_false(X == read_back("bsds_patches", "102061.pgm", image, { seed = 2 }))
    end)

    it("says what is wrong", function()
      local x, message, code = read_back("bsds_patches", "102061.pgm", pgm(15, 20))
      assert.is_nil(x)
      assert.matches("an image of more than 15 x 15 pixels expected, got 15 x 20", message, 1, true)
      assert.are.equal("bad_format", code)
      x, message, code = read_back("bsds_patches", "102061.pgm", "\xFF\xD8\xFF")
      assert.is_nil(x)
      assert.are.equal("string", type(message))
      assert.are.equal("bad_format", code)
      assert.matches("unknown option 'nois' %(did you mean 'noise'%?%)",
                     message_of(datasets.bsds_patches, nil, { nois = 1 }))
      assert.matches("option 'noise': at least 0 expected, got %-1",
                     message_of(datasets.bsds_patches, nil, { noise = -1 }))
    end)
  end)
end)

-- The real files, where they are at hand.
describe("datasets, as published by their authors:", function()
  local function real(name, check)
    it(name, function()
      local X, Y, names = datasets[name]()
      if not X then
        assert.are.equal("no_file", names)
        return pending(name .. ": " .. Y)
      end
      check(X, Y, names)
    end)
  end

  local function assert_shape(X, rows, cols)
    assert.are.same({ rows, cols }, { X.rows, X.cols })
  end

  real("abalone", function(X, Y)
    assert_shape(X, 4177, 7)
    assert_shape(Y, 4177, 1)
    assert.are.same({ 0.71, 0.555, 0.195, 1.9485, 0.9455, 0.3765, 0.495 }, X:row(4177):totable()[1])
    assert.are.equal(12, Y:get(4177, 1))
    local train, test = lsqnet.data.split(X, Y)
    assert.are.same({ 3341, 836 }, { #train.x, #test.x })
  end)

  real("bike_sharing", function(X, Y)
    assert_shape(X, 17379, 13)
    assert_shape(Y, 17379, 1)
    assert.are.same({ 1, 1, 12, 23, 0, 1, 1, 1, 0.26, 0.2727, 0.65, 0.1343, 12 },
                    X:row(17379):totable()[1])
    assert.are.equal(49, Y:get(17379, 1))
    assert.are.equal(977, Y:max())
    local train, test = lsqnet.data.split(X, Y)
    assert.are.same({ 13903, 3476 }, { #train.x, #test.x })
  end)

  real("horse_sdf", function(X, Y)
    assert_shape(X, 73080, 2)
    assert_shape(Y, 73080, 1)
    assert.is_true(X:max("rows") == matrix { { 231, 314 } })
    assert.are.equal(96.897, Y:get(1, 1))
    assert.is_true(Y:min() < 0)
  end)

  real("concrete", function(X, Y)
    assert_shape(X, 1030, 8)
    assert_shape(Y, 1030, 1)
    assert.are.equal(79.99, Y:get(1, 1))
    assert.are.equal(365, X:columns(8, 8):max())
  end)

  real("auto_mpg", function(X, Y)
    assert_shape(X, 392, 3)
    assert_shape(Y, 392, 1)
    assert.are.same({ 18, 12, 307 }, X:row(1):totable()[1])
    assert.are.same({ 31, 19.4, 119 }, X:row(392):totable()[1])
    assert.are.equal(82, Y:get(392, 1))
  end)

  real("bsds_patches", function(X, Y)
    assert_shape(X, 15912, 225)
    assert_shape(Y, 15912, 225)
    assert.is_true(Y:min() >= 0 and Y:max() <= 255)
    assert.is_true(math.abs(lsqnet.metrics.mse(Y, X) - 100) < 1)
    -- neighbouring patches overlap: the second one's first column is the first one's fourth
    for i = 0, 14 do assert.are.equal(Y:get(1, 15 * i + 4), Y:get(2, 15 * i + 1)) end
  end)

  real("year_prediction_msd", function(X, Y)
    assert_shape(X, 515345, 90)
    assert.are.equal(2001, Y:get(1, 1))
  end)
end)

describe("generators", function()
  it("sin_plus_one: sin(x) + 1 on [0, 2 pi]", function()
    local X, Y, names = datasets.sin_plus_one(101)
    assert.are.same({ 101, 1, 101 }, { X.rows, X.cols, Y.rows })
    assert.are.equal(0, X:get(1, 1))
    assert.are.equal(2 * math.pi, X:get(101, 1))
    for i = 1, 101 do assert.are.equal(math.sin(X:get(i, 1)) + 1, Y:get(i, 1)) end
    assert.are.same({ "x", target = "y" }, names)
  end)

  it("sin_norm_squared: sin(|x|^2), x standard normal", function()
    local X, Y, names = datasets.sin_norm_squared(2000, { dimension = 3, seed = 5 })
    assert.are.same({ 2000, 3, 2000, 1 }, { X.rows, X.cols, Y.rows, Y.cols })
    assert.are.equal("x3", names[3])
    assert.is_true(X:mean("rows"):norm() < 5 * math.sqrt(3 / 2000))
    assert.is_true(X:std("rows"):allclose(matrix(1, 3, 1), 0, 5 / math.sqrt(4000)))
    for i = 1, 2000, 97 do
      local square = X:get(i, 1) ^ 2 + X:get(i, 2) ^ 2 + X:get(i, 3) ^ 2
      assert.is_true(math.abs(math.sin(square) - Y:get(i, 1)) < 1e-13)
    end
    assert.are.equal(1, datasets.sin_norm_squared(5).cols)
    assert.is_false(X == datasets.sin_norm_squared(2000, { dimension = 3, seed = 6 }))
  end)

  it("convex_curve: from 0 to 1, of one curvature", function()
    local ends = { ["x^3"] = 1, ["x^11"] = 1, ["sin(pi x/2)"] = 1,
                   ["tanh(3x)"] = 0.99505475368673 }
    local middle = { ["x^3"] = 0.125, ["x^11"] = 0.5 ^ 11, ["sin(pi x/2)"] = math.sqrt(0.5),
                     ["tanh(3x)"] = 0.90514825364487 }
    for name, last in pairs(ends) do
      local X, Y = datasets.convex_curve(501, { name = name })
      assert.are.equal(0, X:get(1, 1))
      assert.are.equal(1, X:get(501, 1))
      assert.are.equal(0, Y:get(1, 1))
      assert.is_true(math.abs(Y:get(501, 1) - last) < 1e-14)
      assert.is_true(math.abs(Y:get(251, 1) - middle[name]) < 1e-14)
      local convex = name:find("^x") and 1 or -1
      for i = 2, 500 do
        -- a second difference of numbers below 1 is off by a few 2^-53
        local second = Y:get(i - 1, 1) - 2 * Y:get(i, 1) + Y:get(i + 1, 1)
        assert.is_true(convex * second > -1e-15)
      end
    end
    local _, Y = datasets.convex_curve(11)
    local _, cubes = datasets.convex_curve(11, { name = "x^3" })
    assert.is_true(Y == cubes)
  end)

  it("two_spirals: the published points", function()
    local X, Y = datasets.two_spirals(194)
    assert.are.same({ 194, 2, 194, 1 }, { X.rows, X.cols, Y.rows, Y.cols })
    assert.are.equal(97, Y:sum())
    for k = 0, 96 do
      local angle, radius = k * math.pi / 16, 6.5 * (104 - k) / 104
      assert.is_true(math.abs(X:get(k + 1, 1) - radius * math.sin(angle)) < 1e-13)
      assert.is_true(math.abs(X:get(k + 1, 2) - radius * math.cos(angle)) < 1e-13)
      assert.are.equal(0, Y:get(k + 1, 1))
      assert.are.equal(-X:get(k + 1, 1), X:get(k + 98, 1))
      assert.are.equal(-X:get(k + 1, 2), X:get(k + 98, 2))
    end
    local odd, labels = datasets.two_spirals(7)
    assert.are.same({ 7, 3 }, { odd.rows, math.tointeger(labels:sum()) })
  end)

  it("two_spirals: half a step on, and with other turns", function()
    local X = datasets.two_spirals(194, { offset = 0.5 })
    local angle, radius = 2.5 * math.pi / 16, 6.5 * (104 - 2.5) / 104
    assert.is_true(math.abs(X:get(3, 1) - radius * math.sin(angle)) < 1e-13)
    X = datasets.two_spirals(10, { turns = 0 })
    for i = 1, 10 do assert.are.equal(0, X:get(i, 1)) end
  end)

  it("shape_sdf: a distance field, negative inside", function()
    local X, Y = datasets.shape_sdf(1200)
    local rows, cols = X:get(X.rows, 1) + 1, X:get(X.rows, 2) + 1
    assert.are.same({ 30, 40 }, { rows, cols })
    assert.are.equal(1200, Y.rows)
    local field = Y:reshape(30, 40)
    local inside = 0
    for i = 1, 30 do
      for j = 1, 40 do
        assert.are.equal(i - 1, X:get((i - 1) * 40 + j, 1))
        assert.are.equal(j - 1, X:get((i - 1) * 40 + j, 2))
        local d = field:get(i, j)
        if d < 0 then inside = inside + 1 end
        -- a distance changes by no more than the step
        if i > 1 then assert.is_true(math.abs(d - field:get(i - 1, j)) <= 1 + 1e-12) end
        if j > 1 then assert.is_true(math.abs(d - field:get(i, j - 1)) <= 1 + 1e-12) end
      end
    end
    assert.is_true(inside > 150 and inside < 600)
    for i = 1, 30 do assert.is_true(field:get(i, 1) > 0 and field:get(i, 40) > 0) end
  end)

  it("shape_sdf: the distance to the nearest change of sign, on a fine grid", function()
    local X, Y = datasets.shape_sdf(4800)
    local rows, cols = 60, 80
    assert.are.same({ rows - 1, cols - 1 }, { X:get(4800, 1), X:get(4800, 2) })
    local field = Y:reshape(rows, cols)
    -- points of the outline: zeros between neighbours of different sign
    local outline = {}
    for i = 1, rows do
      for j = 1, cols - 1 do
        local a, b = field:get(i, j), field:get(i, j + 1)
        if (a < 0) ~= (b < 0) then outline[#outline + 1] = { i, j + a / (a - b) } end
      end
    end
    for j = 1, cols do
      for i = 1, rows - 1 do
        local a, b = field:get(i, j), field:get(i + 1, j)
        if (a < 0) ~= (b < 0) then outline[#outline + 1] = { i + a / (a - b), j } end
      end
    end
    for i = 1, rows, 7 do
      for j = 1, cols, 7 do
        local nearest = math.huge
        for _, p in ipairs(outline) do
          nearest = math.min(nearest, (p[1] - i) ^ 2 + (p[2] - j) ^ 2)
        end
        -- the outline is sampled about once a pixel
        assert.is_true(math.abs(math.sqrt(nearest) - math.abs(field:get(i, j))) < 1)
      end
    end
  end)

  it("adds noise by the seed where asked to", function()
    for _, name in ipairs { "sin_plus_one", "convex_curve", "shape_sdf" } do
      local _, clean = datasets[name](1000)
      local _, noisy = datasets[name](1000, { noise = 0.5, seed = 3 })
      local noise = noisy - clean
      assert.is_true(math.abs(noise:std() - 0.5) < 5 * 0.5 / math.sqrt(2 * noise.rows))
      local _, again = datasets[name](1000, { noise = 0.5, seed = 3 })
      assert.is_true(noisy == again)
      local _, other = datasets[name](1000, { noise = 0.5, seed = 4 })
      assert.is_false(noisy == other)
    end
    assert.is_false(datasets.two_spirals(20) == datasets.two_spirals(20, { noise = 0.1 }))
  end)

  it("says what is wrong", function()
    local least = { sin_plus_one = 2, sin_norm_squared = 1, convex_curve = 2, two_spirals = 4,
                    shape_sdf = 12 }
    for name, n in pairs(least) do
      assert.matches(("bad argument #1 to '%s' (an integer of at least %d expected, got %d)")
                     :format(name, n, n - 1), message_of(datasets[name], n - 1), 1, true)
      assert.matches("expected, got nil", message_of(datasets[name]), 1, true)
      assert.matches("expected, got 20.5", message_of(datasets[name], 20.5), 1, true)
      assert.matches("unknown option 'sed' %(did you mean 'seed'%?%)",
                     message_of(datasets[name], 20, { sed = 1 }))
      assert.matches("datasets_spec.lua:", message_of(function() datasets[name](0) end), 1, true)
    end
    assert.matches("option 'name': 'x^3', 'x^11', 'sin(pi x/2)' or 'tanh(3x)' expected, got 'x^2' "
                   .. "(did you mean 'x^3'?)",
                   message_of(datasets.convex_curve, 10, { name = "x^2" }), 1, true)
    assert.matches("option 'dimension': at least 1 expected, got 0",
                   message_of(datasets.sin_norm_squared, 10, { dimension = 0 }), 1, true)
  end)
end)
