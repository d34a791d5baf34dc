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

--- Adds samples.
-- @function gram:add
-- @tparam matrix X n x inputs
-- @tparam[opt] matrix Y n x outputs; left out where outputs = 0
-- @treturn gram itself
-- @raise when the shapes do not match
function gram:add(X, Y)
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
  if X.rows == 0 then return self end
  local mean = X:mean("rows")
  local centred = X - mean
  return combine(self, X.rows, mean, centred:t() * centred)
end

--- Adds all samples of a stream, in blocks.
-- @function gram:add_stream
-- @tparam stream stream from `lsqnet.stream` or `lsqnet.data.spool`
-- @tparam[opt=4096] int block rows at a time
-- @treturn[1] gram itself
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "no_file"
function gram:add_stream(stream, block)
  block = block or 4096
  for first = 1, stream.rows, block do
    local X, Y, code = stream:block(first, math.min(block, stream.rows - first + 1))
    if not X then return nil, Y, code end
    self:add(X, self.outputs > 0 and Y or nil)
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
  local rows = inputs and math.tointeger(all:get(1, k + 1))
  if not (rows and rows >= 0 and inputs >= 1 and inputs <= k) then
    return nil, path .. ": not a saved lsqnet.gram", "bad_format"
  end
  local self = new(inputs, k - inputs)
  self.rows = rows
  self.mean = all:slice(1, 1, 1, k):copy()
  self.scatter = all:slice(2, k + 1, 1, k):copy()
  return self
end

--- Least squares with an intercept, as `lsqnet.linear_regression` from the samples themselves;
-- the normal equations square the condition number. Of several solutions the one of the smallest
-- norm.
-- @function gram:linear_regression
-- @treturn[1] network layers {inputs, outputs}, identity
-- @treturn[1] table report: `loss`, the mean squared error, and `rank`
-- @treturn[2] nil
-- @treturn[2] string message
-- @treturn[2] string "non_finite" or "no_convergence"
-- @raise when it has no outputs or no rows
function gram:linear_regression()
  options.argument(self.outputs > 0 and self.rows > 0, 1, "linear_regression",
                   "a gram with outputs and rows expected")
  local d, k = self.inputs, self.inputs + self.outputs
  local own, cross = self.scatter:slice(1, d, 1, d), self.scatter:slice(1, d, d + 1, k)
  local weight, rank, code = own:lstsq(cross)
  if not weight then return nil, rank, code end
  local net = core.network { layers = { d, self.outputs }, activation = "identity" }
  net:set_weight(1, weight)
  net:set_bias(1, self.mean:slice(1, 1, d + 1, k) - self.mean:slice(1, 1, 1, d) * weight)
  local left = self.scatter:slice(d + 1, k, d + 1, k) - weight:t() * cross * 2
               + weight:t() * own * weight
  local sum = 0
  for j = 1, self.outputs do sum = sum + left:get(j, j) end
  return net, { loss = math.max(0, sum) / self.rows / self.outputs, rank = rank }
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
-- @treturn gram with the fields `rows`, `inputs`, `outputs`, `mean` (1 x k, k the sum of both)
-- and `scatter` (k x k: the sums of products of deviations from the mean)
-- @raise when `inputs` is missing or an option is unknown
local function start(_, opts)
  local o = options.read(opts, GRAM)
  options.argument(o.inputs, 1, "gram", "the option 'inputs' expected")
  return new(o.inputs, o.outputs)
end

return setmetatable({ load = load }, { __call = start })
