-- The candidate `ad`: ReLU nets on thermometers by Adam, one a fold, side by side.

local core = require "lsqnet.core"

return function(problem, decay)
  local map = problem:map(true)
  local net = core.fit.ensemble(map, problem.X, problem.Y, problem.fold, {
    nets = problem.folds, units = problem.rows < 2500 and 64 or 128, decay = decay, rate = 5e-3,
    first_check = problem.large and 300 or 60, most_steps = problem.large and 1500 or 3000,
    seed = problem.seed, classes = problem.classes ~= nil,
    seconds = math.max(0, problem:left()),
  })
  local held = problem:judged_rows(net.held_out):copy()
  if problem.classes then core.fit.softmax(held) end
  return held, { map = map, unit = "relu", weight = net.weight, bias = net.bias,
                 output = net.output, offset = net.offset }, ("%d steps"):format(net.step)
end
