-- Races to a training error: the milliseconds until a net first reaches each target, and the errors
-- on the way. Evaluations that only the race asks for do not count.

local lsqnet = require "lsqnet"

local races = {}

-- 1, 2, 3, 5, 7, 10, ... and 19, where the papers' epochs end, up to `last`.
function races.moments(last)
  local list, moment = {}, 1
  while moment < last do
    list[#list + 1] = moment
    moment = math.max(moment + 1, math.floor(moment * 10 ^ (1 / 6) + 0.5))
  end
  list[#list + 1] = last
  for i, value in ipairs(list) do
    if value == 19 then break end
    if value > 19 then
      table.insert(list, i, 19)
      break
    end
  end
  return list
end

local function is_in(list, value)
  for _, candidate in ipairs(list) do
    if candidate == value then return true end
  end
  return false
end

local function rounded(value)
  return tonumber(("%.4g"):format(value))
end

-- Collects a race: `observe(step, ms, train, net)` after each step, `row` at the end.
local function recorder(problem, last)
  local moments = races.moments(last)
  local row = { time = {}, error = {} }
  local function observe(step, ms, train, net)
    for k, target in ipairs(problem.targets) do
      local name = "ms" .. k
      if not row[name] and train <= target then row[name] = rounded(ms) end
    end
    if is_in(moments, step) then
      local test = net:loss(problem.test_x, problem.test_y)
      row.time[#row.time + 1], row.error[#row.error + 1] = rounded(ms), rounded(test)
      if step == 19 then row.test19 = test end
      if step == last then row.train, row.test, row.ms = train, test, rounded(ms) end
    end
  end
  return { row = row, observe = observe }
end

-- Trains by a gradient method, an epoch a step.
function races.descend(problem, net, trainer, options, epochs)
  local race = recorder(problem, epochs)
  local spent, mark = 0, nil
  options.epochs = epochs
  options.on_iteration = function(entry)
    spent = spent + lsqnet.clock() - mark
    if entry.iteration > 0 then -- 0 is the start
      race.observe(entry.iteration, 1e3 * spent, net:loss(problem.x, problem.y), net)
    end
    mark = lsqnet.clock()
  end
  mark = lsqnet.clock()
  assert(lsqnet[trainer](net, problem.x, problem.y, options))
  return race.row
end

-- Draws nets, a net a step, and keeps the best. `draw(k)` makes the k-th and returns it with its
-- training error.
function races.search(problem, draw, draws)
  local race = recorder(problem, draws)
  local spent, best, lowest = 0, nil, math.huge
  for k = 1, draws do
    local mark = lsqnet.clock()
    local net, loss = draw(k)
    if loss < lowest then best, lowest = net, loss end
    spent = spent + lsqnet.clock() - mark
    race.observe(k, 1e3 * spent, lowest, best)
  end
  return race.row
end

return races
