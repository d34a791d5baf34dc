--- The metrics by their definitions, entry by entry.
local naive_metrics = {}

-- Mean over all entries of f(y, p).
local function mean(Y, P, f)
  local sum = 0
  for i = 1, Y.rows do
    for j = 1, Y.cols do sum = sum + f(Y:get(i, j), P:get(i, j)) end
  end
  return sum / (Y.rows * Y.cols)
end

function naive_metrics.mse(Y, P)
  return mean(Y, P, function(y, p) return (y - p) ^ 2 end)
end

function naive_metrics.mae(Y, P)
  return mean(Y, P, function(y, p) return math.abs(y - p) end)
end

--- Mean over the columns.
function naive_metrics.r2(Y, P)
  local sum = 0
  for j = 1, Y.cols do
    local average, residual, total = 0, 0, 0
    for i = 1, Y.rows do average = average + Y:get(i, j) / Y.rows end
    for i = 1, Y.rows do
      residual = residual + (Y:get(i, j) - P:get(i, j)) ^ 2
      total = total + (Y:get(i, j) - average) ^ 2
    end
    sum = sum + 1 - residual / total
  end
  return sum / Y.cols
end

return naive_metrics
