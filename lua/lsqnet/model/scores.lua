-- Scores of predictions: of numbers r2, rmse, mae; of classes accuracy, log_loss and, of two, auc.

local scores = {}

local function numbers(said, Y)
  local off, centred = said - Y, Y - Y:mean()
  local squares, all = off:norm() ^ 2, centred:norm() ^ 2
  return { r2 = all > 0 and 1 - squares / all or squares == 0 and 1 or 0,
           rmse = math.sqrt(squares / Y.rows), mae = off:map(math.abs):mean() }
end

local function most_likely(P, i)
  local best = 1
  for c = 2, P.cols do
    if P:get(i, c) > P:get(i, best) then best = c end
  end
  return best
end

--- The area under the ROC curve of the second of two classes: the share of pairs of the two that
-- its probability puts in order; equal ones count half.
local function auc(P, Y)
  local order, positives = {}, 0
  for i = 1, P.rows do
    order[i] = i
    positives = positives + Y:get(i, 2)
  end
  table.sort(order, function(a, b) return P:get(a, 2) < P:get(b, 2) end)
  local ranks, i = 0, 1
  while i <= #order do
    local last = i
    while last < #order and P:get(order[last + 1], 2) == P:get(order[i], 2) do last = last + 1 end
    for k = i, last do ranks = ranks + Y:get(order[k], 2) * (i + last) / 2 end
    i = last + 1
  end
  local negatives = P.rows - positives
  if positives == 0 or negatives == 0 then return nil end
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives)
end

local function classes(P, Y)
  local right, loss = 0, 0
  for i = 1, P.rows do
    local likely = most_likely(P, i)
    right = right + Y:get(i, likely)
    for c = 1, P.cols do
      if Y:get(i, c) == 1 then loss = loss - math.log(math.max(P:get(i, c), 1e-15)) end
    end
  end
  return { accuracy = right / P.rows, log_loss = loss / P.rows,
           auc = P.cols == 2 and auc(P, Y) or nil }
end

-- The standard error over folds of the main score.
local function error_over(said, Y, count, ranges, name)
  local sum, squares, folds = 0, 0, #ranges
  if folds < 2 then return nil end
  for _, range in ipairs(ranges) do
    local part = (count and classes or numbers)(said:slice(range[1], range[2]),
                                                Y:slice(range[1], range[2]))
    sum, squares = sum + part[name], squares + part[name] ^ 2
  end
  local variance = math.max(0, squares - sum ^ 2 / folds) / (folds - 1)
  return math.sqrt(variance / folds)
end

--- Scores of predictions.
-- @tparam matrix said n x 1, or probabilities
-- @tparam matrix Y n x 1, or one-hot
-- @tparam int|nil count of classes
-- @tparam[opt] {{first,last},...} ranges of folds, for `error`: that of rmse or log_loss
function scores.of(said, Y, count, ranges)
  local result = (count and classes or numbers)(said, Y)
  local main = scores.main(count)
  if ranges then result.error = error_over(said, Y, count, ranges, main) end
  return result
end

--- The name of the score that candidates are compared by; lower is better.
function scores.main(count)
  return count and "log_loss" or "rmse"
end

return scores
