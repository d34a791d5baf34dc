--- Readers of the data sets of the papers.
-- @submodule lsqnet.datasets

local core = require "lsqnet.core"
local files = require "lsqnet.datasets.files"
local options = require "lsqnet.options"

local readers = {}

local UCI = "https://archive.ics.uci.edu/dataset/"
local ANMIN_DATA = "https://github.com/barbua/ANMIN/tree/main/data"

-- X is all columns but the last, Y the last.
local function last_is_target(m)
  return m:columns(1, m.cols - 1), m:columns(m.cols, m.cols)
end

local function named(names, target)
  names.target = target
  return names
end

-- A numeric CSV file whose last column is the target. `names` are those of all columns;
-- `read` goes to read_csv, and `cols` is how many columns that then gives.
local function read_table(path, names, read)
  local m, message, code = core.matrix.read_csv(path, read)
  if not m then return nil, message, code end
  if m.cols ~= #names then
    return files.bad_format(path, "%d columns expected, got %d", #names, m.cols)
  end
  local X, Y = last_is_target(m)
  return X, Y, named(table.move(names, 1, #names - 1, 1, {}), names[#names])
end

-- abalone

local ABALONE = {
  name = "abalone", title = "abalone",
  files = { "abalone.csv", "abalone.data" },
  source = UCI .. "1/abalone",
  columns = { "length", "diameter", "height", "whole_weight", "shucked_weight", "viscera_weight",
              "shell_weight", "rings" },
}

--- Abalone: physical measurements of a shell, and its rings (the age).
-- 4177 rows; the sex, which the file as published has in its first column, is left out.
-- @function abalone
-- @tparam[opt] string path a file or a folder
-- @treturn matrix X 4177 x 7: length, diameter, height, whole, shucked, viscera and shell weight
-- @treturn matrix Y 4177 x 1: rings
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
-- @return[2] nil, message, "no_file" or "bad_format"
-- @see https://archive.ics.uci.edu/dataset/1/abalone
function readers.abalone(path)
  local file, head, code = files.find(ABALONE, path)
  if not file then return nil, head, code end
  local raw = head:find("^%s*[MFI]%s*,")
  return read_table(file, ABALONE.columns,
                    raw and { header = false, columns = { 2, 3, 4, 5, 6, 7, 8, 9 } } or nil)
end

-- bike_sharing

local BIKE_SHARING = {
  name = "bike_sharing", title = "bike sharing",
  files = { "bike_sharing_hour.csv", "hour.csv" },
  source = UCI .. "275/bike+sharing+dataset",
  columns = { "season", "yr", "mnth", "hr", "holiday", "weekday", "workingday", "weathersit",
              "temp", "atemp", "hum", "windspeed", "casual", "cnt" },
}

--- Bike sharing, hourly: calendar, weather and casual users, and the count of all users.
-- 17379 rows. Registered users are left out of X, as in the ANMIN paper (section 2.4): with the
-- casual ones they add up to the count.
-- @function bike_sharing
-- @tparam[opt] string path a file or a folder
-- @treturn matrix X 17379 x 13: season, yr, mnth, hr, holiday, weekday, workingday, weathersit,
-- temp, atemp, hum, windspeed, casual
-- @treturn matrix Y 17379 x 1: cnt
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
-- @return[2] nil, message, "no_file" or "bad_format"
-- @see https://archive.ics.uci.edu/dataset/275/bike+sharing+dataset
function readers.bike_sharing(path)
  local file, head, code = files.find(BIKE_SHARING, path)
  if not file then return nil, head, code end
  if head:match("[^\r\n]*"):find("dteday", 1, true) then
    return read_table(file, BIKE_SHARING.columns,
                      { header = true, columns = BIKE_SHARING.columns })
  end
  local m, message
  m, message, code = core.matrix.read_csv(file, { header = false })
  if not m then return nil, message, code end
  if m.cols ~= 15 then
    return files.bad_format(file, "15 columns expected, or the header of hour.csv; got %d columns",
                            m.cols)
  end
  local names = table.move(BIKE_SHARING.columns, 1, 13, 1, {})
  return m:columns(1, 13), m:columns(15, 15), named(names, "cnt")
end

-- horse_sdf

local HORSE_SDF = {
  name = "horse_sdf", title = "horse SDF",
  files = { "horse_sdf.csv" },
  source = ANMIN_DATA,
  advice = "a CSV file of pixel row, pixel column and signed distance, without a header",
  columns = { "row", "column", "distance" },
}

--- Horse SDF: the signed distance of each pixel to the outline of a horse, negative inside.
-- The ANMIN paper's shape decoder (section 2.4): 232 x 315 pixels, row by row.
-- @function horse_sdf
-- @tparam[opt] string path a file or a folder
-- @treturn matrix X 73080 x 2: pixel row 0-231, pixel column 0-314
-- @treturn matrix Y 73080 x 1: distance in pixels
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
-- @return[2] nil, message, "no_file" or "bad_format"
-- @see https://github.com/barbua/ANMIN/tree/main/data
function readers.horse_sdf(path)
  local file, message, code = files.find(HORSE_SDF, path)
  if not file then return nil, message, code end
  return read_table(file, HORSE_SDF.columns)
end

-- concrete

local CONCRETE = {
  name = "concrete", title = "concrete compressive strength",
  files = { "concrete.csv", "Concrete_Data.csv" },
  source = UCI .. "165/concrete+compressive+strength",
  advice = "UCI publishes Concrete_Data.xls: make a CSV file of it with `libreoffice --headless "
    .. "--convert-to csv Concrete_Data.xls` or with `ssconvert Concrete_Data.xls "
    .. "Concrete_Data.csv`",
  columns = { "cement", "slag", "fly_ash", "water", "superplasticizer", "coarse_aggregate",
              "fine_aggregate", "age", "strength" },
}

--- Concrete compressive strength: a mixture and its age, and the strength it reaches.
-- 1030 rows. The spreadsheet that UCI publishes cannot be read: save it as CSV; its long column
-- names may stay.
-- @function concrete
-- @tparam[opt] string path a file or a folder
-- @treturn matrix X 1030 x 8: cement, slag, fly ash, water, superplasticizer, coarse and fine
-- aggregate in kg per cubic metre of mixture, age in days
-- @treturn matrix Y 1030 x 1: compressive strength in MPa
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
-- @return[2] nil, message, "no_file" or "bad_format"
-- @see https://archive.ics.uci.edu/dataset/165/concrete+compressive+strength
function readers.concrete(path)
  local file, head, code = files.find(CONCRETE, path)
  if not file then return nil, head, code end
  if head:find("^\xD0\xCF\x11\xE0") or head:find("^PK") then
    return files.bad_format(file, "is a spreadsheet, not CSV; %s", CONCRETE.advice)
  end
  return read_table(file, CONCRETE.columns)
end

-- auto_mpg

local AUTO_MPG = {
  name = "auto_mpg", title = "auto MPG",
  files = { "auto_mpg.csv", "auto-mpg.data" },
  source = UCI .. "9/auto+mpg",
  published = { "mpg", "cylinders", "displacement", "horsepower", "weight", "acceleration",
                "model year", "origin", "car name" },
  columns = { "mpg", "acceleration", "displacement", "horsepower" },
}

local function split_line(line, pattern)
  local fields = {}
  for field in line:gmatch(pattern) do fields[#fields + 1] = field end
  return fields
end

-- How the lines are to be split, and at which position each wanted column stands.
local function auto_mpg_layout(head)
  local comma = head:match("[^\r\n]*"):find(",", 1, true) ~= nil
  local pattern = comma and "([^,]*),?" or "(%S+)"
  local header = comma and split_line(head:match("[^\r\n]*"), pattern) or AUTO_MPG.published
  local position = {}
  for i, name in ipairs(header) do position[name:lower():gsub('"', "")] = i end
  return pattern, position, comma
end

-- The wanted numbers of a line; nil when horsepower is missing; nil and the column's name when
-- one is no number.
local function auto_mpg_row(fields, position)
  local row = {}
  for i, name in ipairs(AUTO_MPG.columns) do
    local field = fields[position[name]] or ""
    if name == "horsepower" and (field == "" or field == "?") then return nil end
    row[i] = tonumber(field)
    if not row[i] then return nil, name end
  end
  return row
end

--- Auto MPG: Linstorch's task, the horsepower of a car from its consumption, acceleration and
-- displacement. The six rows without a horsepower are dropped: 392 of 398 remain.
-- @function auto_mpg
-- @tparam[opt] string path a file or a folder
-- @treturn matrix X 392 x 3: mpg, acceleration, displacement
-- @treturn matrix Y 392 x 1: horsepower
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
-- @return[2] nil, message, "no_file" or "bad_format"
-- @see https://archive.ics.uci.edu/dataset/9/auto+mpg
function readers.auto_mpg(path)
  local file, head, code = files.find(AUTO_MPG, path)
  if not file then return nil, head, code end
  local pattern, position, has_header = auto_mpg_layout(head)
  for _, name in ipairs(AUTO_MPG.columns) do
    if not position[name] then
      return files.bad_format(file, "no column '%s' in the header", name)
    end
  end
  local rows, number = {}, 0
  for line in io.lines(file) do
    number = number + 1
    if line:find("%S") and not (has_header and number == 1) then
      local row, wrong = auto_mpg_row(split_line(line, pattern), position)
      if wrong then
        return files.bad_format(file, "line %d: no number in column '%s'", number, wrong)
      end
      rows[#rows + 1] = row
    end
  end
  if #rows == 0 then return files.bad_format(file, "no rows of data") end
  local X, Y = last_is_target(core.matrix(rows))
  return X, Y, named({ "mpg", "acceleration", "displacement" }, "horsepower")
end

-- bsds_patches

local BSDS = {
  name = "bsds_patches", title = "Berkeley image 102061",
  files = { "bsds_102061.pgm", "102061.pgm" },
  source = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/",
  advice = "it is published as 102061.jpg: make a grey PGM file of it with "
    .. "`convert 102061.jpg -colorspace Gray 102061.pgm`",
}

local SIDE, STEP = 15, 3

-- Patches of SIDE x SIDE pixels at each STEP, one a row, in row-major order of their positions.
-- As in the paper's data a patch ends before the last row and column of the image, never on them.
local function patches(image)
  local cols, taken, count = image.cols, {}, 0
  local n = 0
  for top = 0, image.rows - SIDE - 1, STEP do
    for left = 0, cols - SIDE - 1, STEP do
      n = n + 1
      for i = top, top + SIDE - 1 do
        local before = i * cols + left
        for j = 1, SIDE do
          count = count + 1
          taken[count] = before + j
        end
      end
    end
  end
  return image:reshape(image.rows * cols, 1):take(taken):reshape(n, SIDE * SIDE)
end

local PATCHES = {
  noise = { type = "number", default = 10, minimum = 0 },
  seed = { type = "integer", default = 1 },
}

--- Patches of a Berkeley image: the ANMIN paper's denoising autoencoder (section 2.4). From
-- overlapping 15 x 15 patches at step 3, with normal noise added (not clipped), to the clean ones.
-- Any 8-bit grey PGM image will do; the paper's, of 321 x 481 pixels, gives 15912 patches.
-- @function bsds_patches
-- @tparam[opt] string path a file or a folder
-- @tparam[opt] table opts `noise=10`, the standard deviation in grey levels; `seed=1`
-- @treturn matrix X N x 225: noisy patches, in row-major order of their positions in the image,
-- the pixels of each row by row
-- @treturn matrix Y N x 225: the clean patches, grey levels 0-255
-- @treturn {string,...} names of the columns of X; the field `target` tells what Y holds
-- @return[2] nil, message, "no_file" or "bad_format"
-- @raise when an option is unknown or out of range
-- @see https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/bsds/
function readers.bsds_patches(path, opts)
  local o = options.read(opts, PATCHES)
  local file, message, code = files.find(BSDS, path)
  if not file then return nil, message, code end
  local image
  image, message, code = core.matrix.read_pgm(file)
  if not image then return nil, message, code end
  if image.rows <= SIDE or image.cols <= SIDE then
    return files.bad_format(file, "an image of more than %d x %d pixels expected, got %d x %d",
                            SIDE, SIDE, image.rows, image.cols)
  end
  local clean = patches(image)
  local noisy = clean + core.matrix.randn(clean.rows, clean.cols, core.rng(o.seed)) * o.noise
  local names = { target = "clean pixels" }
  for i = 1, SIDE do
    for j = 1, SIDE do names[#names + 1] = ("pixel_%d_%d"):format(i, j) end
  end
  return noisy, clean, names
end

-- year_prediction_msd

local YEAR_PREDICTION_MSD = {
  name = "year_prediction_msd", title = "YearPredictionMSD",
  files = { "YearPredictionMSD.txt" },
  source = UCI .. "203/yearpredictionmsd",
}

--- YearPredictionMSD: the year of a song from the timbre of its sound. 515345 rows.
-- X and Y are views of one matrix of about 375 MB.
-- @function year_prediction_msd
-- @tparam[opt] string path a file or a folder
-- @treturn matrix X 515345 x 90: 12 averages and 78 covariances of timbre
-- @treturn matrix Y 515345 x 1: year
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
-- @return[2] nil, message, "no_file" or "bad_format"
-- @see https://archive.ics.uci.edu/dataset/203/yearpredictionmsd
function readers.year_prediction_msd(path)
  local file, message, code = files.find(YEAR_PREDICTION_MSD, path)
  if not file then return nil, message, code end
  local m
  m, message, code = core.matrix.read_csv(file, { header = false })
  if not m then return nil, message, code end
  if m.cols ~= 91 then return files.bad_format(file, "91 columns expected, got %d", m.cols) end
  local names = { target = "year" }
  for i = 1, 12 do names[i] = "timbre_average_" .. i end
  for i = 1, 78 do names[12 + i] = "timbre_covariance_" .. i end
  return m:slice(1, m.rows, 2, 91), m:slice(1, m.rows, 1, 1), names
end

return readers
