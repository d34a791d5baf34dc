--- Generated data sets.
-- @submodule lsqnet.datasets

local core = require "lsqnet.core"
local options = require "lsqnet.options"

local generators = {}

local SEED = { type = "integer", default = 1 }
local NOISE = { type = "number", default = 0, minimum = 0 }

-- Raises at the caller of the generator.
local function check_count(n, least, name)
  options.argument(math.type(n) == "integer" and n >= least, 1, name,
                   ("an integer of at least %d expected, got %s"):format(least, tostring(n)), 4)
end

local function with_noise(Y, deviation, seed)
  if deviation == 0 then return Y end
  return Y + core.matrix.randn(Y.rows, Y.cols, core.rng(seed)) * deviation
end

local CURVE = { seed = SEED, noise = NOISE }

--- Linstorch's curve: y = sin(x) + 1 at n equally spaced points of [0, 2 pi].
-- The paper's figures use n = 101 and 1001, without noise.
-- @function sin_plus_one
-- @tparam int n points, at least 2
-- @tparam[opt] table opts `noise=0`, the standard deviation of normal noise added to y; `seed=1`,
-- of the noise
-- @treturn matrix X n x 1
-- @treturn matrix Y n x 1
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
function generators.sin_plus_one(n, opts)
  check_count(n, 2, "sin_plus_one")
  local o = options.read(opts, CURVE)
  local X = core.matrix.linspace(0, 2 * math.pi, n)
  local Y = X:map(function(x) return math.sin(x) + 1 end)
  return X, with_noise(Y, o.noise, o.seed), { "x", target = "y" }
end

local SIN_NORM_SQUARED = {
  seed = SEED,
  dimension = { type = "integer", default = 1, minimum = 1 },
}

--- The ANMIN paper's simulation (section 3.2): x from N(0, I), y = sin(|x|^2), without noise.
-- @function sin_norm_squared
-- @tparam int n samples, at least 1
-- @tparam[opt] table opts `dimension=1` (the paper uses 1, 3, 10 and 30); `seed=1`
-- @treturn matrix X n x dimension
-- @treturn matrix Y n x 1
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
function generators.sin_norm_squared(n, opts)
  check_count(n, 1, "sin_norm_squared")
  local o = options.read(opts, SIN_NORM_SQUARED)
  local X = core.matrix.randn(n, o.dimension, core.rng(o.seed))
  local names = { target = "y" }
  for j = 1, o.dimension do names[j] = "x" .. j end
  return X, X:mul(X):sum("cols"):map(math.sin), names
end

local CURVES = {
  ["x^3"] = function(x) return x ^ 3 end,
  ["x^11"] = function(x) return x ^ 11 end,
  ["sin(pi x/2)"] = function(x) return math.sin(math.pi * x / 2) end,
  ["tanh(3x)"] = function(x) return 1 - 2 / (math.exp(6 * x) + 1) end,
}

local CONVEX_CURVE = {
  seed = SEED,
  noise = NOISE,
  name = { choices = { "x^3", "x^11", "sin(pi x/2)", "tanh(3x)" }, default = "x^3" },
}

--- The curves of triangle pretraining, at n equally spaced points of [0, 1].
-- All run from 0 at 0 to 1 at 1 (tanh(3x) to 0.995); the first two are convex, the others concave.
-- The paper uses n = 500.
-- @function convex_curve
-- @tparam int n points, at least 2
-- @tparam[opt] table opts `name="x^3"`, or "x^11", "sin(pi x/2)", "tanh(3x)"; `noise=0`, the
-- standard deviation of normal noise added to y; `seed=1`, of the noise
-- @treturn matrix X n x 1
-- @treturn matrix Y n x 1
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
function generators.convex_curve(n, opts)
  check_count(n, 2, "convex_curve")
  local o = options.read(opts, CONVEX_CURVE)
  local X = core.matrix.linspace(0, 1, n)
  return X, with_noise(X:map(CURVES[o.name]), o.noise, o.seed), { "x", target = o.name }
end

local TWO_SPIRALS = {
  seed = SEED,
  noise = NOISE,
  turns = { type = "number", default = 3, minimum = 0 },
  offset = { type = "number", default = 0, minimum = 0 },
}

--- The two spirals of Lang and Witbrock (1988), one the other turned by half a circle.
-- Point k = 0, 1, ... of a spiral has angle a = turns * 2 pi t and radius 6.5 (104 - 96 t) / 104,
-- where t = (k + offset) / (points of the spiral - 1), and stands at (r sin a, r cos a). With
-- n = 194 these are the points as published; offset 0.5 gives the usual test points, half a step
-- on.
-- @function two_spirals
-- @tparam int n points of both spirals, at least 4; the first spiral has the odd one
-- @tparam[opt] table opts `noise=0`, the standard deviation of normal noise added to the
-- coordinates; `seed=1`, of the noise; `turns=3`; `offset=0`
-- @treturn matrix X n x 2, first spiral first, each from its outer end
-- @treturn matrix Y n x 1, 0 on the first spiral and 1 on the second
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
function generators.two_spirals(n, opts)
  check_count(n, 4, "two_spirals")
  local o = options.read(opts, TWO_SPIRALS)
  local X, Y = core.matrix(n, 2), core.matrix(n, 1)
  local row = 0
  for label, count in ipairs { (n + 1) // 2, n // 2 } do
    local side = label == 1 and 1 or -1
    for k = 0, count - 1 do
      local t = (k + o.offset) / (count - 1)
      local angle = o.turns * 2 * math.pi * t
      local radius = side * 6.5 * (104 - 96 * t) / 104
      row = row + 1
      X:set(row, 1, radius * math.sin(angle))
      X:set(row, 2, radius * math.cos(angle))
      Y:set(row, 1, label - 1)
    end
  end
  return with_noise(X, o.noise, o.seed), Y, { "x1", "x2", target = "spiral" }
end

-- The shape of shape_sdf: a fish in a box of 4 x 3 (x to the right, y down), a polygon with a
-- round hole for its eye.
local EYE = { x = 0.98, y = 1.32, radius = 0.13 }
local NOSE, TAIL_ROOT, MIDDLE = 0.45, 2.75, 1.5

local function fish()
  local outline = {}
  local function corner(x, y) outline[#outline + 1] = { x, y } end
  local body = 16
  -- Half the height of the body: blunt at the nose, slender at the root of the tail.
  local function half_height(t) return 0.85 * math.sqrt(t) * (1 - t) ^ 0.9 * 1.9 + 0.14 * t end
  local function along(t) return NOSE + (TAIL_ROOT - NOSE) * t end
  for k = 0, body do
    local t = (k / body) ^ 2 -- closer together at the nose
    corner(along(t), MIDDLE - half_height(t))
  end
  corner(3.55, 0.75)
  corner(3.3, 1.5)
  corner(3.55, 2.25)
  for k = body, 1, -1 do
    local t = (k / body) ^ 2
    corner(along(t), MIDDLE + half_height(t))
  end
  return outline
end

-- The signed distance from (x, y) to a polygon, negative inside: the nearest of its edges gives
-- the distance, crossings of a ray to the right give the sign.
local function polygon_distance(outline, x, y)
  local nearest, inside = math.huge, false
  local ax, ay = outline[#outline][1], outline[#outline][2]
  for k = 1, #outline do
    local bx, by = outline[k][1], outline[k][2]
    local ex, ey, px, py = bx - ax, by - ay, x - ax, y - ay
    local along = math.max(0, math.min(1, (px * ex + py * ey) / (ex * ex + ey * ey)))
    local qx, qy = px - along * ex, py - along * ey
    nearest = math.min(nearest, qx * qx + qy * qy)
    if (ay > y) ~= (by > y) and x < ax + (y - ay) / ey * ex then inside = not inside end
    ax, ay = bx, by
  end
  nearest = math.sqrt(nearest)
  return inside and -nearest or nearest
end

-- The hole lies within the polygon, so the nearer of the two outlines gives the exact distance.
local function fish_distance(outline, x, y)
  local dx, dy = x - EYE.x, y - EYE.y
  return math.max(polygon_distance(outline, x, y),
                  EYE.radius - math.sqrt(dx * dx + dy * dy))
end

--- The signed distance field of a generated shape, a fish with an eye, on a grid of pixels.
-- For when the horse is not at hand: same form, exact distances in pixels, negative inside. The
-- grid has round(sqrt(3 n / 4)) rows and round(n / rows) columns, and n is about their product.
-- @function shape_sdf
-- @tparam int n pixels, about; at least 12
-- @tparam[opt] table opts `noise=0`, the standard deviation in pixels of normal noise added to
-- the distance; `seed=1`, of the noise
-- @treturn matrix X (rows * columns) x 2: pixel row and column, from 0, row by row
-- @treturn matrix Y (rows * columns) x 1: signed distance in pixels
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
function generators.shape_sdf(n, opts)
  check_count(n, 12, "shape_sdf")
  local o = options.read(opts, CURVE)
  local rows = math.floor(math.sqrt(0.75 * n) + 0.5)
  local cols = math.floor(n / rows + 0.5)
  local pixel = math.max(3 / rows, 4 / cols) -- of the box
  local left, top = 2 - cols * pixel / 2, 1.5 - rows * pixel / 2
  local outline = fish()
  local X, Y = core.matrix(rows * cols, 2), core.matrix(rows * cols, 1)
  local k = 0
  for i = 0, rows - 1 do
    for j = 0, cols - 1 do
      k = k + 1
      X:set(k, 1, i)
      X:set(k, 2, j)
      local x, y = left + (j + 0.5) * pixel, top + (i + 0.5) * pixel
      Y:set(k, 1, fish_distance(outline, x, y) / pixel)
    end
  end
  return X, with_noise(Y, o.noise, o.seed), { "row", "column", target = "distance" }
end

local YEAR_LIKE = {
  seed = SEED,
  dimension = { type = "integer", default = 90, minimum = 1 },
  units = { type = "integer", default = 32, minimum = 1 },
  noise = { type = "number", default = 1, minimum = 0 },
}

--- Data of YearPredictionMSD's size, whose best mean squared error is known. x from N(0, I); y is
-- the output of a two-layer ReLU net with `units` hidden units, drawn from N(0, 1) with its
-- weights divided by sqrt(inputs of the layer), plus N(0, noise^2): no net is expected to reach an
-- error below noise^2 on new data. The net depends on the seed alone, so that two calls of the
-- same seed and different n show the same function, and rows come in the same order.
-- @function year_like
-- @tparam[opt=515345] int n samples, at least 1
-- @tparam[opt] table opts `dimension=90`; `units=32`; `noise=1`, the standard deviation;
-- `seed=1`; of the net
-- @treturn matrix X n x dimension
-- @treturn matrix Y n x 1
-- @treturn {string,...} names of the columns of X; the field `target` has that of Y
function generators.year_like(n, opts)
  n = n or 515345
  check_count(n, 1, "year_like")
  local o = options.read(opts, YEAR_LIKE)
  local rng = core.rng(o.seed)
  local teacher = core.network { layers = { o.dimension, o.units, 1 }, init = "zeros" }
  teacher:set_weight(1, core.matrix.randn(o.dimension, o.units, rng) * o.dimension ^ -0.5)
  teacher:set_bias(1, core.matrix.randn(1, o.units, rng))
  teacher:set_weight(2, core.matrix.randn(o.units, 1, rng))
  local noise = rng:split()
  local X = core.matrix.randn(n, o.dimension, rng)
  local Y = with_noise(teacher:predict(X), o.noise, noise:integer(1 << 53))
  local names = { target = "y" }
  for j = 1, o.dimension do names[j] = "x" .. j end
  return X, Y, names
end

return generators
