--- Normal equations that add up: parts of a data set are accumulated apart, saved, merged, and
-- give least squares and standardisation without the data. Sums are of deviations from the mean
-- and merged as Chan, Golub and LeVeque (1983) do, so that large means cost no digits.
-- @classmod gram

local core = require "lsqnet.core"
local options = require "lsqnet.options"

local gram = {}
gram.__index = gram
gram.__name = "lsqnet.gram"

local GRAM = {
  inputs = { type = "integer", minimum = 1 },
  outputs = { type = "integer", minimum = 0, default = 0 },
}

local function new(inputs, outputs)
  local k = inputs + outputs
  return setmetatable({
    inputs = inputs, outputs = outputs, rows = 0,
    mean = core.matrix(1, k), scatter = core.matrix(k, k),
  }, gram)
end

-- Adds `rows` samples of the given mean and scatter.
local function combine(self, rows, mean, scatter)
  if rows == 0 then return self end
  local total = self.rows + rows
  local delta = mean - self.mean
  self.scatter = self.scatter + scatter + delta:t() * delta * (self.rows * rows / total)
  self.mean = self.mean + delta * (rows / total)
  self.rows = total
  return self
end

-- The weights as a column, their sum; raises where they are none.
local function checked_weights(weights, rows, name)
  options.typed(weights, "lsqnet.matrix", 3, name, 4)
  options.argument(weights.rows == rows and weights.cols == 1, 3, name,
                   ("%d x 1 expected, a weight for each row, got %d x %d")
                   :format(rows, weights.rows, weights.cols), 4)
  local sum = weights:sum()
  options.argument(rows == 0 or weights:min() >= 0 and sum < math.huge, 3, name,
                   "finite weights, none negative, expected", 4)
  return sum
end

-- Without the rows of weight 0, whatever they hold.
local function counted(X, weights)
  local kept = {}
  for i = 1, X.rows do
    if weights:get(i, 1) > 0 then kept[#kept + 1] = i end
  end
  return X:take(kept), weights:take(kept)
end

--- Adds samples.
-- @function gram:add
-- @tparam matrix X n x inputs
-- @tparam[opt] matrix Y n x outputs; nil where outputs = 0
-- @tparam[opt] matrix weights n x 1, not negative: a row of weight k counts as k rows, and `rows`
-- becomes the sum of the weights
-- @treturn gram itself
-- @raise when the shapes do not match, or a weight is negative or not finite
function gram:add(X, Y, weights)
  options.typed(X, "lsqnet.matrix", 1, "add")
  options.argument(X.cols == self.inputs, 1, "add",
                   ("%d columns expected, got %d"):format(self.inputs, X.cols))
  if self.outputs > 0 then
    options.typed(Y, "lsqnet.matrix", 2, "add")
    options.argument(Y.cols == self.outputs, 2, "add",
                     ("%d columns expected, got %d"):format(self.outputs, Y.cols))
    options.argument(Y.rows == X.rows, 2, "add",
                     ("%d rows expected to match X, got %d"):format(X.rows, Y.rows))
    X = X:hcat(Y)
  end
  local total = weights and checked_weights(weights, X.rows, "add") or X.rows
  if total == 0 then return self end
  if weights and weights:min() == 0 then X, weights = counted(X, weights) end
  local mean = X:mean("rows")
  local centred = X - mean
  if not weights then return combine(self, total, mean, centred:t() * centred) end
  local off = weights:t() * centred * (1 / total) -- of the weighted mean from the plain one
  centred = centred - off
  return combine(self, total, mean + off, centred:t() * centred:mul(weights))
end

--- Adds all samples of a stream, in blocks.
-- @function gram:add_stream
-- @tparam stream stream from `lsqnet.stream` or `lsqnet.data.spool`
-- @tparam[opt=4096] int block rows at a time
-- @tparam[opt] matrix weights of all its rows, as of `add`
-- @treturn[1] gram itself
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_file"
function gram:add_stream(stream, block, weights)
  block = block or 4096
  if weights then checked_weights(weights, stream.rows, "add_stream") end
  for first = 1, stream.rows, block do
    local X, Y, code = stream:block(first, math.min(block, stream.rows - first + 1))
    if not X then return nil, Y, code end
    self:add(X, self.outputs > 0 and Y or nil,
             weights and weights:slice(first, first + X.rows - 1, 1, 1))
  end
  return self
end

--- Adds what another one has gathered, from other samples.
-- @function gram:merge
-- @tparam gram other of the same inputs and outputs
-- @treturn gram itself
-- @raise when the inputs or outputs differ
function gram:merge(other)
  options.typed(other, "lsqnet.gram", 1, "merge")
  options.argument(other.inputs == self.inputs and other.outputs == self.outputs, 1, "merge",
                   ("%d inputs and %d outputs expected, got %d and %d")
                   :format(self.inputs, self.outputs, other.inputs, other.outputs))
  return combine(self, other.rows, other.mean, other.scatter)
end

--- Writes it as a .npy file: the means over the scatter, and to the right the numbers of rows,
-- inputs and outputs.
-- @function gram:save
-- @tparam string path
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_write"
function gram:save(path)
  local counts = core.matrix(self.mean.cols + 1, 1)
  counts:set(1, 1, self.rows)
  counts:set(2, 1, self.inputs)
  return self.mean:vcat(self.scatter):hcat(counts):write_npy(path)
end

--- Reads one that was saved.
-- @function lsqnet.gram.load
-- @tparam string path
-- @treturn[1] gram
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_file" or "bad_format"
local function load(path)
  local all, message, code = core.matrix.read_npy(path)
  if not all then return nil, message, code end
  local k = all.rows - 1
  local inputs = k >= 1 and all.cols == k + 1 and math.tointeger(all:get(2, k + 1))
  local rows = inputs and all:get(1, k + 1)
  rows = rows and (math.tointeger(rows) or rows) -- a sum of weights may be no integer
  if not (rows and rows >= 0 and rows < math.huge and inputs >= 1 and inputs <= k) then
    return nil, path .. ": not a saved lsqnet.gram", "bad_format"
  end
  local self = new(inputs, k - inputs)
  self.rows = rows
  self.mean = all:slice(1, 1, 1, k):copy()
  self.scatter = all:slice(2, k + 1, 1, k):copy()
  return self
end

-- 1 over the roots of the diagonal, 1 x d; 1 where that is 0.
local function unit_scale(scatter)
  local scale = core.matrix(1, scatter.rows, 1)
  for j = 1, scatter.rows do
    local square = scatter:get(j, j)
    if square > 0 then scale:set(1, j, 1 / math.sqrt(square)) end
  end
  return scale
end

--- Least squares with an intercept, as `lsqnet.linear_regression` from the samples themselves;
-- the normal equations square the condition number. Columns are scaled before the rank is decided;
-- of several solutions the one whose weights, in that scale, have the smallest norm.
-- @function gram:linear_regression
-- @treturn[1] network layers {inputs, outputs}, identity
-- @treturn[1] table report: `loss`, the mean squared error, `rank`, and `warnings`: a list with a
-- sentence where the rank is below the number of inputs
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "non_finite" or "no_convergence"
-- @raise when it has no outputs or no rows
function gram:linear_regression()
  options.argument(self.outputs > 0 and self.rows > 0, 1, "linear_regression",
                   "a gram with outputs and rows expected")
  local d, k = self.inputs, self.inputs + self.outputs
  local own, cross = self.scatter:slice(1, d, 1, d), self.scatter:slice(1, d, d + 1, k)
  local scale = unit_scale(own)
  local scaled, rank, code = own:mul(scale:t() * scale):lstsq(cross:mul(scale:t()))
  if not scaled then return nil, rank, code end
  local weight = scaled:mul(scale:t())
  local net = core.network { layers = { d, self.outputs }, activation = "identity" }
  net:set_weight(1, weight)
  net:set_bias(1, self.mean:slice(1, 1, d + 1, k) - self.mean:slice(1, 1, 1, d) * weight)
  local left = self.scatter:slice(d + 1, k, d + 1, k) - weight:t() * cross * 2
               + weight:t() * own * weight
  local sum = 0
  for j = 1, self.outputs do sum = sum + left:get(j, j) end
  local warnings = rank < d and { ("X has rank %d, not %d: of its columns some are constant or "
    .. "depend on others, or there are too few rows"):format(rank, d) } or {}
  return net, {
    loss = math.max(0, sum) / self.rows / self.outputs, rank = rank, warnings = warnings,
  }
end

--- Means and standard deviations (N-1) of the columns, inputs before outputs, as
-- `lsqnet.data.standardize` has them; a column without deviation gets scale 1.
-- @function gram:moments
-- @treturn matrix mean, 1 x (inputs + outputs)
-- @treturn matrix scale, likewise
function gram:moments()
  local scale = core.matrix(1, self.mean.cols, 1)
  for j = 1, self.mean.cols do
    local variance = self.rows > 1 and self.scatter:get(j, j) / (self.rows - 1) or 0
    if variance > 0 then scale:set(1, j, math.sqrt(variance)) end
  end
  return self.mean:copy(), scale
end

--- A function that gives the blocks of a stream with its columns standardised, its targets
-- centred: what `lsqnet.data.spool` takes.
-- @function gram:standardized
-- @tparam stream stream
-- @tparam[opt=4096] int block rows at a time
-- @treturn function
function gram:standardized(stream, block)
  block = block or 4096
  local d, k = self.inputs, self.inputs + self.outputs
  local mean, scale = self:moments()
  local x_mean, x_scale = mean:slice(1, 1, 1, d), scale:slice(1, 1, 1, d)
  local y_mean = self.outputs > 0 and mean:slice(1, 1, d + 1, k)
  local first = 1
  return function()
    if first > stream.rows then return nil end
    local X, Y, code = stream:block(first, math.min(block, stream.rows - first + 1))
    if not X then return false, Y, code end
    first = first + block
    return (X - x_mean):div(x_scale), y_mean and Y - y_mean or Y
  end
end

--- Starts to accumulate.
-- @function lsqnet.gram
-- @tparam table opts `inputs`, columns of X; `outputs=0`, columns of Y
-- @treturn gram with the fields `rows` (with weights their sum), `inputs`, `outputs`, `mean`
-- (1 x k, k the sum of both) and `scatter` (k x k: sums of products of deviations from the mean)
-- @raise when `inputs` is missing or an option is unknown
local function start(_, opts)
  local o = options.read(opts, GRAM)
  options.argument(o.inputs, 1, "gram", "the option 'inputs' expected")
  return new(o.inputs, o.outputs)
end

return setmetatable({ load = load }, { __call = start })
