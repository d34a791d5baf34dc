-- Finds the weights of a small tanh net again from its input and output alone.
--
--     lua5.4 examples/ills.lua

local lsqnet = require "lsqnet"

local function draw(seed)
  return lsqnet.network {
    layers = { 2, 2, 1 }, activation = "tanh", output_activation = "tanh",
    init = { "uniform", -1, 1 }, seed = seed,
  }
end

local teacher, student = draw(11), draw(22)
local X = lsqnet.matrix.rand(200, 2, lsqnet.rng(1)) * 2 - lsqnet.matrix(200, 2, 1)
local Y = teacher:predict(X)

-- One start in four ends in a local minimum: restarts draw new ones until the target is met.
local report = assert(lsqnet.ills(student, X, Y, {
  iterations = 100, restarts = 10, target_loss = 1e-25,
}))
print(("mse %.1e after %d iterations, start %d, %.1f ms (%s)"):format(
  report.loss, report.iterations, report.restart, 1e3 * report.seconds, report.stopped))

-- The order of the hidden units and the sign of both their sides are free.
for _, of in ipairs { { "teacher", teacher }, { "student", student } } do
  local name, net = of[1], of[2]
  for j = 1, 2 do
    local w = net:weight(1)
    local sign = w:get(1, j) < 0 and -1 or 1
    print(("%s: %+.6f tanh(%+.6f x1 %+.6f x2 %+.6f)"):format(
      name, sign * net:weight(2):get(j, 1), sign * w:get(1, j), sign * w:get(2, j),
      sign * net:bias(1):get(1, j)))
  end
end
