--- Preparing data: splitting, scaling, batches. Samples are rows.
-- @module lsqnet.data

local core = require "lsqnet.core"
local options = require "lsqnet.options"

local data = {}

-- A relative guard against products such as 0.1 * 30 that land just above an integer.
local ROUNDING = 1e-12

local function check_pair(X, Y, name)
  options.typed(X, "lsqnet.matrix", 1, name, 4)
  options.typed(Y, "lsqnet.matrix", 2, name, 4)
  options.argument(X.rows == Y.rows, 2, name,
                   ("%d rows expected to match X, got %d"):format(X.rows, Y.rows), 4)
end

local SPLIT = {
  test = { type = "number", default = 0.2, minimum = 0, maximum = 1 },
  seed = { type = "integer", default = 1 },
  rng = { type = "lsqnet.rng" },
}

--- Splits samples at random into a training and a test part. The rows are put in a random order;
-- the first ceil(test * N) of them are the test part, the others the training part.
-- @tparam matrix X inputs, N x d
-- @tparam matrix Y targets, N x c
-- @tparam[opt] table opts `test=0.2`, the share of the test part, from 0 to 1; `seed=1`; or
-- `rng`, a generator that gives the order instead of the seed
-- @treturn table train, with fields `x` and `y` (new matrices)
-- @treturn table test, likewise
-- @raise when the rows of X and Y differ, or an option is unknown or out of range
-- @usage local train, test = lsqnet.data.split(X, Y, { test = 0.25, seed = 7 })
function data.split(X, Y, opts)
  check_pair(X, Y, "split")
  local o = options.read(opts, SPLIT)
  local rows = X.rows
  local order = (o.rng or core.rng(o.seed)):permutation(rows)
  local count = math.ceil(o.test * rows * (1 - ROUNDING))
  local chosen = table.move(order, 1, count, 1, {})
  local others = table.move(order, count + 1, rows, 1, {})
  return { x = X:take(others), y = Y:take(others) }, { x = X:take(chosen), y = Y:take(chosen) }
end

--- Repeats a scaling on other data, and undoes it. Its fields are `mean` and `scale`, both 1 x d
-- matrices; no entry of `scale` is 0. `net:fold_scaling` takes it as it is.
-- @type scaler
local scaler = {}
scaler.__index = scaler
scaler.__name = "lsqnet.scaler"

local function check_columns(self, X, name)
  options.typed(X, "lsqnet.matrix", 1, name, 4)
  options.argument(X.cols == self.mean.cols, 1, name,
                   ("%d columns expected, as in the matrix the scaler was made from, got %d")
                   :format(self.mean.cols, X.cols), 4)
end

--- Scales a matrix as the one that the scaler was made from: `(X - mean) / scale`.
-- @tparam matrix X N x d
-- @treturn matrix a new one, N x d
function scaler:apply(X)
  check_columns(self, X, "apply")
  return (X - self.mean):div(self.scale)
end

--- Back to the units of the matrix that the scaler was made from: `X * scale + mean`.
-- @tparam matrix X N x d
-- @treturn matrix a new one, N x d
function scaler:invert(X)
  check_columns(self, X, "invert")
  return X:mul(self.scale) + self.mean
end

function scaler:__tostring()
  return ("lsqnet.scaler: %d columns"):format(self.mean.cols)
end

local function is_finite(m)
  return m:sum() - m:sum() == 0
end

--- @section end

-- Constant columns are told exactly: their mean is their value and their scale 1, whatever
-- rounding makes of the sums.
local function settle_constant_columns(X, mean, scale)
  local low, high = X:min("rows"), X:max("rows")
  for j = 1, X.cols do
    if low:get(1, j) == high:get(1, j) then
      mean:set(1, j, low:get(1, j))
      scale:set(1, j, 1)
    end
  end
end

-- Mean and deviation where a row of weight k counts as k rows: rows of weight 0 are left out.
local function weighted_moments(X, weights)
  local kept = {}
  for i = 1, X.rows do
    if weights:get(i, 1) > 0 then kept[#kept + 1] = i end
  end
  X, weights = X:take(kept), weights:take(kept)
  local total = weights:sum()
  local mean = X:mean("rows")
  mean = mean + weights:t() * (X - mean) * (1 / total)
  local squares = weights:t() * (X - mean):map(function(x) return x * x end)
  local scale = total > 1 and (squares * (1 / (total - 1))):map(math.sqrt)
    or core.matrix(1, X.cols, 1)
  return X, mean, scale
end

local function check_weights(weights, rows, name)
  options.argument(weights.rows == rows and weights.cols == 1, 2, name,
                   ("option 'weights': %d x 1 expected, a weight for each row, got %d x %d")
                   :format(rows, weights.rows, weights.cols), 4)
  options.argument(weights:min() >= 0 and weights:max() > 0 and weights:sum() < math.huge, 2, name,
                   "option 'weights': finite, none negative and not all 0 expected", 4)
end

local function scaled(X, center_only, weights)
  local counted, mean, scale = X, X:mean("rows"), nil
  if weights then
    check_weights(weights, X.rows, "standardize")
    counted, mean, scale = weighted_moments(X, weights)
  elseif X.rows > 1 then
    scale = X:std("rows")
  end
  if center_only or not scale then scale = core.matrix(1, X.cols, 1) end
  if not (is_finite(mean) and is_finite(scale)) then
    return nil, "the data hold a value that is not finite, or too large to be summed", "non_finite"
  end
  settle_constant_columns(counted, mean, scale)
  local self = setmetatable({ mean = mean, scale = scale }, scaler)
  return self:apply(X), self
end

local STANDARDIZE = {
  center_only = { type = "boolean", default = false },
  weights = { type = "lsqnet.matrix" },
  block = { type = "integer", minimum = 1, default = 4096 },
}

-- The scaler of a stream's inputs and that of its targets, in one pass.
local function stream_scalers(stream, o)
  local sums = require("lsqnet.gram") { inputs = stream.inputs, outputs = stream.outputs }
  local done, message, code = sums:add_stream(stream, o.block, o.weights)
  if not done then return nil, message, code end
  local mean, scale = sums:moments()
  if not (is_finite(mean) and is_finite(scale)) then
    return nil, "the data hold a value that is not finite, or too large to be summed", "non_finite"
  end
  local function scaler_of(first, last, centre)
    return setmetatable({
      mean = mean:slice(1, 1, first, last):copy(),
      scale = centre and core.matrix(1, last - first + 1, 1)
        or scale:slice(1, 1, first, last):copy(),
    }, scaler)
  end
  local d, k = stream.inputs, stream.inputs + stream.outputs
  return scaler_of(1, d, o.center_only), scaler_of(d + 1, k, o.center_only)
end

--- Scales each column to mean 0 and standard deviation 1 (dividing by N-1). A constant column,
-- and each column of a single row, gets scale 1, so it becomes 0. Of a stream, which is read once,
-- in blocks, the two scalers alone are returned, that of its inputs and that of its targets:
-- `apply` them to blocks as they are spooled or predicted.
-- @tparam matrix|stream X N x d, at least one row
-- @tparam[opt] table opts `center_only=false`: true subtracts the mean and leaves the scale at 1;
-- `weights` (N x 1, not negative, not all 0): a row of weight k counts as k rows, N is their sum;
-- `block=4096` rows of a stream at a time
-- @treturn matrix the scaled copy
-- @treturn scaler what was done, to be applied to other data or undone
-- @return[2] nil, a message and "non_finite" when X holds a NaN or an infinity
-- @raise when X has no rows, or an option is unknown
-- @usage
-- local scaled, scaler = lsqnet.data.standardize(train.x)
-- local test_scaled = scaler:apply(test.x)
function data.standardize(X, opts)
  if options.typename(X) == "lsqnet.stream" then
    return stream_scalers(X, options.read(opts, STANDARDIZE))
  end
  options.typed(X, "lsqnet.matrix", 1, "standardize")
  options.argument(X.rows > 0, 1, "standardize", "at least one row expected, got none")
  local o = options.read(opts, STANDARDIZE)
  return scaled(X, o.center_only, o.weights)
end

--- Moves each column to mean 0 and leaves its scale: `standardize` with `center_only`.
-- @tparam matrix Y N x c, at least one row
-- @treturn matrix the centred copy
-- @treturn scaler with scale 1
-- @return[2] nil, a message and "non_finite" when Y holds a NaN or an infinity
-- @raise when Y has no rows
function data.center(Y)
  options.typed(Y, "lsqnet.matrix", 1, "center")
  options.argument(Y.rows > 0, 1, "center", "at least one row expected, got none")
  return scaled(Y, true)
end

local BATCHES = {
  batch_size = { type = "integer", default = 256, minimum = 1 },
  shuffle = { type = "boolean", default = true },
  seed = { type = "integer", default = 1 },
  rng = { type = "lsqnet.rng" },
}

--- Iterates over all samples once, in batches; the last one may be smaller.
-- @tparam matrix X inputs, N x d
-- @tparam matrix Y targets, N x c
-- @tparam[opt] table opts `batch_size=256`; `shuffle=true`, a random order, from `rng` (a new
-- order each time it is used) or `seed=1`; without it the batches are views in the order of X
-- @treturn function an iterator for `for`, giving x and y of each batch
-- @raise when the rows of X and Y differ, or an option is unknown or out of range
-- @usage for x, y in lsqnet.data.batches(X, Y, { batch_size = 32, rng = rng }) do ... end
function data.batches(X, Y, opts)
  check_pair(X, Y, "batches")
  local o = options.read(opts, BATCHES)
  local order = o.shuffle and (o.rng or core.rng(o.seed)):permutation(X.rows)
  local first = 1
  return function()
    if first > X.rows then return nil end
    local last = math.min(first + o.batch_size - 1, X.rows)
    local from = first
    first = last + 1
    if not order then return X:slice(from, last), Y:slice(from, last) end
    local chosen = table.move(order, from, last, 1, {})
    return X:take(chosen), Y:take(chosen)
  end
end

data.spool = require "lsqnet.spool"

return data
