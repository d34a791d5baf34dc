-- Learns the outline of a shape: a small net is trained to give the signed distance of each pixel
-- to it, by ANMIN in closed form, beside linear regression. Writes a picture of both fields.
--
--     lua5.4 examples/demo.lua [folder]     (default: build/demo)

local lsqnet = require "lsqnet"

local HIDDEN, ITERATIONS = 64, 30
local folder = arg and arg[1] or "build/demo"

local function quoted(path)
  return "'" .. path:gsub("'", "'\\''") .. "'"
end

-- The horse of the ANMIN paper, or a generated shape of about as many pixels.
local function load_shape()
  local X, Y = lsqnet.datasets.horse_sdf()
  if X then return "horse_sdf, the ANMIN paper's horse", X, Y end
  X, Y = lsqnet.datasets.shape_sdf(73080)
  return "shape_sdf, a generated fish (horse_sdf.csv was not found)", X, Y
end

-- Each trainer returns a net for inputs and targets as they are given here: standardised pixels,
-- centred distances.
local function anmin(train)
  local net = lsqnet.network { layers = { 2, HIDDEN, 1 }, init = "normal", seed = 1 }
  local bar <close> = lsqnet.progress.new { title = "anmin", total = ITERATIONS }
  local report = assert(lsqnet.anmin(net, train.x, train.y, {
    iterations = ITERATIONS,
    lambda = 1e-3 / train.x.rows, -- the paper's code sums where its text averages
    on_iteration = bar:callback(),
  }))
  return net, report
end

local function linear_regression(train)
  return assert(lsqnet.linear_regression(train.x, train.y))
end

local function print_row(name, net, report, train, test)
  local fitted, predicted = net:predict(train.x), net:predict(test.x)
  local metrics = lsqnet.metrics
  print(("%-18s %10.3f %10.3f %9.4f %9.4f %8.2f s"):format(
    name, metrics.mse(train.y, fitted), metrics.mse(test.y, predicted),
    metrics.r2(train.y, fitted), metrics.r2(test.y, predicted), report.seconds))
end

local description, pixels, distance = load_shape()
local rows = math.tointeger(pixels:columns(1, 1):max()) + 1
local cols = math.tointeger(pixels:columns(2, 2):max()) + 1
local X = assert(lsqnet.data.standardize(pixels))
local Y, y_scaler = assert(lsqnet.data.center(distance))
local train, test = lsqnet.data.split(X, Y, { test = 0.2, seed = 1 })

print("Shape: " .. description)
print(("%d x %d pixels: %d to train on, %d to test on; net 2-%d-1, ReLU\n")
      :format(rows, cols, train.x.rows, test.x.rows, HIDDEN))

local line, line_report = linear_regression(train)
local net, report = anmin(train)

print(("\n%-18s %10s %10s %9s %9s %10s"):format("", "MSE train", "MSE test", "R2 train", "R2 test",
                                                "time"))
print_row("linear regression", line, line_report, train, test)
print_row("anmin", net, report, train, test)

local learned = y_scaler:invert(net:predict(X)):reshape(rows, cols)
assert(os.execute("mkdir -p " .. quoted(folder)))
local picture, message = lsqnet.plot.image(folder .. "/distance_field.png", {
  { matrix = distance:reshape(rows, cols), title = "true" },
  { matrix = learned, title = ("learned by ANMIN, %d hidden units"):format(HIDDEN) },
}, { palette = "diverging", contour = 0, colorbar = "signed distance in pixels",
     range = { -60, 60 }, title = "Signed distance field" })
print(picture and "\nPicture: " .. picture or "\nNo picture: " .. message)
os.exit(picture ~= nil, true)
