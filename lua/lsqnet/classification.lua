--- Classification with trainers of the squared error, such as `lsqnet.ills`: one-vs-rest targets
-- for a net with a tanh output, and its probabilities.
--
--     local net = lsqnet.network { layers = { 64, 16, 10 }, activation = "tanh",
--                                  output_activation = "tanh" }
--     lsqnet.ills(net, X, lsqnet.classification.targets(Y))
--     local classifier = lsqnet.classification.classifier(net)
--     classifier:probabilities(X)  classifier:score(X, Y)
-- @module lsqnet.classification

local core = require "lsqnet.core"
local options = require "lsqnet.options"
local words = require "lsqnet.words"

local classification = {}

--- Targets +q for the class of a row and -q for the others. Probabilities between 0 and 1 give
-- what lies between.
-- @tparam matrix Y N x c, one-hot or probability rows; 0/1 in one column
-- @tparam[opt=0.9] number q in (0, 1): a target at the end of tanh's range has no inverse
-- @treturn matrix N x c
-- @raise when Y has an entry outside [0, 1], or q is out of range
function classification.targets(Y, q)
  options.typed(Y, "lsqnet.matrix", 1, "targets")
  q = q or 0.9
  options.argument(type(q) == "number" and q > 0 and q < 1, 2, "targets",
                   "a number above 0 and below 1 expected, got " .. tostring(q))
  for i = 1, Y.rows do
    for j = 1, Y.cols do
      local value = Y:get(i, j)
      options.argument(value >= 0 and value <= 1, 1, "targets",
                       ("entries from 0 to 1 expected, got %s in row %d, column %d")
                       :format(words.number("%.14g", value), i, j))
    end
  end
  return Y * (2 * q) - core.matrix(Y.rows, Y.cols, q)
end

--- The classifier that a net with tanh outputs is: the same net with logits 2 z for its outputs,
-- z being what the tanh takes, so that y = tanh(z) says (1 + y)/2 is the probability of one class
-- against the rest. Its loss is the cross-entropy; `probabilities` and `score` of the network do
-- the rest, and other trainers can go on from it.
-- @tparam network net with a tanh output; not changed
-- @treturn network a new net with identity output
-- @raise when the output activation is not tanh
function classification.classifier(net)
  options.typed(net, "lsqnet.network", 1, "classifier")
  options.argument(net.output_activation == "tanh", 1, "classifier",
                   "a net with a tanh output expected, this has " .. net.output_activation)
  local layers, bias = net.layers, {}
  for l = 1, #layers - 1 do bias[l] = net:bias(l) ~= nil end
  local classifier = core.network {
    layers = layers, activation = net.activation, alpha = net.alpha, bias = bias,
    loss = "cross_entropy",
  }
  classifier:set_parameters(net:parameters())
  local last = #layers - 1
  classifier:set_weight(last, net:weight(last) * 2)
  if bias[last] then classifier:set_bias(last, net:bias(last) * 2) end
  return classifier
end

return classification
