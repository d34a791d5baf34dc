-- What the candidates of `lsqnet.fit` share: rows in the order of their folds, targets, maps.

local core = require "lsqnet.core"

local problem = {}
problem.__index = problem

local HOLD_OUT_ABOVE <const> = 50000 -- rows: one fold, of a tenth
local LARGE <const> = 9000 -- rows: fewer folds and candidates
local TINY <const> = 60 -- rows: 10 folds

-- How many folds so many rows get, and how many rows are held out in all.
local function fold_count(rows, effort)
  if rows > HOLD_OUT_ABOVE then return 1, rows // 10 end
  if rows < TINY then return math.min(10, rows), rows end
  return effort == "fast" and rows > LARGE and 3 or 5, rows
end

-- Ranges of rows: nearly equal parts of the first `judged`.
local function ranges_of(folds, judged)
  local ranges = {}
  for k = 1, folds do
    ranges[k] = { (k - 1) * judged // folds + 1, k * judged // folds }
  end
  return ranges
end

local function standardised(Y)
  local mean = Y:mean()
  local off = Y - mean
  local deviation = math.sqrt(off:mul(off):mean())
  return off / (deviation > 0 and deviation or 1), mean, deviation
end

-- A column a class.
local function indicators(list, order, classes)
  local Y = core.matrix(#order, classes)
  for i, row in ipairs(order) do Y:set(i, list[row], 1) end
  return Y
end

local function fold_column(rows, ranges)
  local fold = core.matrix(rows, 1)
  for k, range in ipairs(ranges) do
    for i = range[1], range[2] do fold:set(i, 1, k) end
  end
  return fold
end

--- A problem.
-- @tparam matrix X n x d, encoded
-- @tparam matrix Y n x 1, numbers; nil for classes
-- @tparam table o `effort`, `seed`, `folds` (nil: by the number of rows), `classes` (how many) and
-- `labels`, a list of n class numbers; `deadline`, seconds of the core's clock
function problem.new(X, Y, o)
  local n = X.rows
  local folds, judged = fold_count(n, o.effort)
  if o.folds then folds, judged = math.min(o.folds, n), n end
  local self = { rows = n, inputs = X.cols, folds = folds, judged = judged, seed = o.seed,
                 effort = o.effort, classes = o.classes, deadline = o.deadline or math.huge,
                 large = n > LARGE }
  self.order = core.rng(o.seed):permutation(n)
  self.X = X:take(self.order)
  self.ranges = ranges_of(folds, judged)
  self.fold = fold_column(n, self.ranges)
  if o.classes then
    self.Y = indicators(o.labels, self.order, o.classes)
    self.outputs, self.mean, self.deviation = o.classes, 0, 1
  else
    self.Y, self.mean, self.deviation = standardised(Y:take(self.order))
    self.outputs = 1
  end
  return setmetatable(self, problem)
end

--- The map of standardised columns, and S; with bins also thermometers, and F. Each is made once.
-- @tparam boolean bins
-- @treturn table map
-- @treturn function that returns the matrix, of which only the last one asked for is kept
function problem:map(bins)
  local name = bins and "thermometer" or "standard"
  self.maps = self.maps or {}
  if not self.maps[name] then
    local count = not bins and 0 or self.rows < 2500 and 8 or 16
    self.maps[name] = assert(core.fit.piecewise(self.X, count))
  end
  local map = self.maps[name]
  return map, function()
    if self.expanded ~= map then
      self.expanded, self.matrix = map, core.fit.expand(map, self.X)
    end
    return self.matrix
  end
end

--- The rows that train the k-th net, of a matrix with the problem's rows.
function problem:training(M, k)
  local first, last = self.ranges[k][1], self.ranges[k][2]
  if first == 1 then return M:slice(last + 1, M.rows):copy() end
  local before = M:slice(1, first - 1)
  return last == M.rows and before:copy() or before:vcat(M:slice(last + 1, M.rows))
end

--- The rows that the k-th net does not see.
function problem:held_out(M, k)
  return M:slice(self.ranges[k][1], self.ranges[k][2])
end

--- Those that some net does not see: the first ones.
function problem:judged_rows(M)
  return self.judged == M.rows and M or M:slice(1, self.judged)
end

--- Seconds that are left.
function problem:left()
  return self.deadline - core.clock()
end

return problem
