-- A training spread over the frames of a game, and over coroutines: `lsqnet.start` gives a run
-- that is advanced for as long as a frame has room. However the time is cut, the net is the same.
--
--     lua5.4 examples/frames.lua

local lsqnet = require "lsqnet"

local FRAME = 0.002 -- seconds a frame may spend on training

local X = lsqnet.matrix.randn(500, 3, lsqnet.rng(1))
local Y = X:columns { 1 }:mul(X:columns { 2 }) + X:columns { 3 }:map(math.sin)
local options = { iterations = 40, lambda = 1e-5, seed = 1 }

local function new_net()
  return lsqnet.network { layers = { 3, 16, 1 }, init = "normal", seed = 1 }
end

-- A game's loop: train a little, then draw.
local function by_frames()
  local net = new_net()
  local run = assert(lsqnet.start("anmin", net, X, Y, options))
  local frames, iterations = 0, 0
  while not run.ended do
    local event = run:advance(FRAME) -- nil when the frame's time is over first
    if event and event.event == "iteration" then
      iterations = iterations + 1
    end
    frames = frames + 1 -- here the game would draw, with net:predict as good as it is by now
  end
  local report = run:finish()
  print(("by frames: %d iterations in %d frames, loss %.3g, stopped by %s"):format(
    iterations - 1, frames, report.loss, report.stopped))
  return net
end

-- Two trainings that take turns, each a coroutine.
local function by_turns()
  local function training(name, net, own)
    return coroutine.wrap(function()
      local run = assert(lsqnet.start(name, net, X, Y, own))
      repeat
        run:advance(FRAME)
        coroutine.yield(name)
      until run.ended
      return name, run:finish()
    end)
  end
  local nets = { new_net(), new_net() }
  local waiting = {
    training("anmin", nets[1], options),
    training("adam", nets[2], { epochs = 100, learning_rate = 0.01 }),
  }
  while #waiting > 0 do
    local turn = table.remove(waiting, 1)
    local name, report = turn()
    if report then
      print(("by turns: %s ended, loss %.3g"):format(name, report.loss))
    else
      waiting[#waiting + 1] = turn
    end
  end
  return nets[1]
end

-- In one call.
local at_once = new_net()
local report = assert(lsqnet.anmin(at_once, X, Y, options))
print(("in one call: loss %.3g"):format(report.loss))

local framed, turned = by_frames(), by_turns()
print("the same net each time: " .. tostring(framed:parameters() == at_once:parameters()
  and turned:parameters() == at_once:parameters()))
