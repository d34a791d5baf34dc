-- Which candidates are trained, and what they become.

local blend = require "lsqnet.fit.blend"
local core = require "lsqnet.core"
local ensemble = require "lsqnet.fit.ensemble"
local evidence = require "lsqnet.fit.evidence"
local linear = require "lsqnet.fit.linear"
local mean = require "lsqnet.fit.mean"

local recipe = {}

local SMALL <const> = 10 -- rows: fewer get a line at most

-- { name, train } in the order of their cost.
local function candidates(problem)
  local best = problem.effort == "best"
  local list = { { "mean", mean } }
  local function add(name, train, ...)
    local arguments = table.pack(...)
    list[#list + 1] = { name, function(p) return train(p, table.unpack(arguments)) end }
  end
  add("lin", linear, false)
  if problem.rows < SMALL then return list end
  add("gam", linear, true)
  if evidence.fits(problem) and (best or not problem.large) then
    add("lm_silu", evidence.train, "silu")
    if best then add("lm_tanh", evidence.train, "tanh") end
  end
  add("ad_0.02", ensemble, .02)
  if best then add("ad_0.3", ensemble, .3) end
  if best or not problem.large then add("ad_1", ensemble, 1) end
  return list
end

--- Trains the candidates, as long as there is time.
-- @treturn {table,...} `name`, `held_out`, `part`, `detail`, `seconds`
-- @treturn {string,...} what could not be trained, and why
function recipe.train(problem, on_progress)
  local list, done, notes = candidates(problem), {}, {}
  for k, candidate in ipairs(list) do
    local name, train = candidate[1], candidate[2]
    if k > 2 and problem:left() <= 0 then
      notes[#notes + 1] = name .. ": no time was left"
    else
      local started = core.clock()
      local held, part, detail = train(problem)
      if held then
        done[#done + 1] = { name = name, held_out = held, part = part, detail = detail,
                            seconds = core.clock() - started }
      else
        notes[#notes + 1] = name .. ": " .. part
      end
    end
    if on_progress then on_progress { done = k, of = #list, name = name } end
  end
  return done, notes
end

--- The mean and linear regression alone, to compare with.
function recipe.baselines(problem)
  local done, notes = {}, {}
  for k, pair in ipairs { { "mean", mean }, { "lin", linear } } do
    local started = core.clock()
    local held, part, detail = pair[2](problem, false)
    if held then
      done[#done + 1] = { name = pair[1], held_out = held, part = part, detail = detail,
                          seconds = core.clock() - started }
    else
      notes[k] = pair[1] .. ": " .. part
    end
  end
  return done, notes
end

-- The weights of a blend, or all for the mean where it is not clearly worse.
local function weigh(problem, held, Y)
  local weights = problem.classes and blend.log_loss(held, Y) or blend.squares(held, Y)
  local mixed = blend.mix(held, weights)
  local guarded = not blend.better(blend.losses(mixed, Y, problem.classes),
                                   blend.losses(held[1], Y, problem.classes))
  if guarded then
    for k = 1, #held do weights[k] = k == 1 and 1 or 0 end
    mixed = held[1]
  end
  return weights, mixed, guarded
end

--- Blends trained candidates.
-- @treturn table `weights`, `held_out` (numbers standardised, or probabilities), `power` of the
-- probabilities, `guarded`: whether the mean was as good
function recipe.blend(problem, done)
  local Y, held = problem:judged_rows(problem.Y), {}
  for k, candidate in ipairs(done) do held[k] = candidate.held_out end
  local weights, mixed, guarded = weigh(problem, held, Y)
  local power = problem.classes and not guarded and blend.calibrate(mixed, Y) or 1
  if power ~= 1 then mixed = blend.sharpen(mixed, power) end
  return { weights = weights, held_out = mixed, power = power, guarded = guarded }
end

return recipe
