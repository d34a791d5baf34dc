-- Triangle pretraining, Figures 5 and 6: what the neurons of trained nets do, layer by layer.

local curves = require "lsqnet.papers.triangle.convex_curves"
local lsqnet = require "lsqnet"
local plot = require "lsqnet.plot"
local statistics = require "lsqnet.experiments.statistics"

local CURVE = "x^3"
local HIDDEN = #curves.LAYERS - 2
local WIDTH = curves.LAYERS[2]
local CELLS = 4000 -- of the grid on which bends are counted
local DRAWN_CELLS = 500

local DEFAULT, SKIPPED, PRETRAINED = "default net", "pretraining skipped", "pretraining"

-- What neurons of hidden layer k hold before ReLU, on a grid of [0, 1]: one list a neuron.
local function before_relu(net, k, cells)
  local X = lsqnet.matrix.linspace(0, 1, cells + 1)
  local Z = net:activations(X, k - 1) * net:weight(k)
  local bias = net:bias(k)
  local lists = Z:t():totable()
  for j, list in ipairs(lists) do
    for i, z in ipairs(list) do list[i] = z + bias:get(1, j) end
  end
  return lists
end

-- How often a neuron goes through 0, each time making a bend in what comes after it. Values that
-- are 0 up to rounding, as at the ends of a triangle wave, have no sign.
local function bends(list)
  local largest = 0
  for _, z in ipairs(list) do largest = math.max(largest, math.abs(z)) end
  local count, previous = 0, nil
  for _, z in ipairs(list) do
    if math.abs(z) > 1e-12 * largest then
      local sign = z > 0
      if previous ~= nil and sign ~= previous then count = count + 1 end
      previous = sign
    end
  end
  return count
end

local function train(case, seed, context)
  local X, Y = curves.data(CURVE, context)
  local epochs = curves.epochs(context)
  if case == DEFAULT then
    return curves.train_plain(X, Y, seed, { init = "kaiming", epochs = epochs })
  end
  return curves.train_triangle(X, Y, seed, {
    epochs = epochs, pretrain = case == SKIPPED and "none" or "adam",
  })
end

local function run(case, seed, context)
  local net, mse = train(case, seed, context)
  local row = { mse = mse, regions = net:linear_regions(0, 1), bends = {} }
  for k = 1, HIDDEN do
    row.bends[k] = 0
    for _, list in ipairs(before_relu(net, k, CELLS)) do
      row.bends[k] = row.bends[k] + bends(list)
    end
  end
  row.parameters = net:parameters():t():totable()[1]
  return row
end

local function total(list)
  local sum = 0
  for _, v in ipairs(list) do sum = sum + v end
  return sum
end

-- The mean over nets of the bends per neuron.
local function per_neuron(results, case)
  local list = {}
  for i, layers in ipairs(results:values(case, "bends")) do
    list[i] = total(layers) / (HIDDEN * WIDTH)
  end
  return list
end

local function best(results, case)
  return results:best(case, "mse")
end

local function restore(row)
  local net = lsqnet.network { layers = curves.LAYERS }
  net:set_parameters(lsqnet.matrix { row.parameters })
  return net
end

local function scaled(list)
  local largest = 0
  for _, z in ipairs(list) do largest = math.max(largest, math.abs(z)) end
  for i, z in ipairs(list) do list[i] = largest > 0 and z / largest or 0 end
  return list
end

-- One panel a layer; neurons that go through 0 are drawn wide.
local function layer_panels(row, title, is_scaled)
  local net, panels = restore(row), {}
  local grid = lsqnet.matrix.linspace(0, 1, DRAWN_CELLS + 1)
  for k = 1, HIDDEN do
    local series = { { x = { 0, 1 }, y = { 0, 0 }, color = "#000000", width = 1, dash = true } }
    for j, list in ipairs(before_relu(net, k, DRAWN_CELLS)) do
      local width = bends(list) > 0 and 2 or 1
      series[j + 1] = { x = grid, y = is_scaled and scaled(list) or list, width = width }
    end
    panels[k] = { "lines", series, {
      title = ("%s layer %d, bends: %d"):format(title, k, row.bends[k]), xlabel = "x",
      ylabel = "before ReLU" .. (is_scaled and ", scaled" or ""), legend = false,
      yrange = is_scaled and { -1.05, 1.05 } or nil,
    } }
  end
  return panels
end

local function tabulate(results, report)
  local rows = {}
  for _, case in ipairs(results:cases()) do
    local row = { case, statistics.min(results:values(case, "mse")),
                  statistics.median(results:values(case, "regions")) }
    local columns = statistics.columns(results:values(case, "bends"))
    for k = 1, HIDDEN do row[#row + 1] = statistics.mean(columns[k]) end
    row[#row + 1] = statistics.mean(per_neuron(results, case))
    row[#row + 1] = total(best(results, case).bends)
    row[#row + 1] = results:count(case)
    rows[#rows + 1] = row
  end
  report:table {
    name = "bends", title = "Bends made in each layer on [0, 1], mean over the nets", rows = rows,
    columns = { "training", "least MSE", "median pieces", "layer 1", "layer 2", "layer 3",
                "layer 4", "layer 5", "a neuron", "best net, in all", "nets" },
  }
end

local function compare_default(results, report)
  local wasted = {}
  for i, layers in ipairs(results:values(DEFAULT, "bends")) do wasted[i] = layers[1] + layers[2] end
  report:compare {
    what = "bends a neuron, default nets", published = "below 1",
    ours = per_neuron(results, DEFAULT), at_most = 1,
  }
  report:compare {
    what = "bends in the first two layers, default nets", published = "none in the net shown",
    ours = wasted, agrees = statistics.min(wasted) == 0, rule = "none in some net",
  }
end

local function compare_structure(results, report)
  local function deep(case)
    local list = {}
    for i, layers in ipairs(results:values(case, "bends")) do
      list[i] = layers[HIDDEN - 1] + layers[HIDDEN]
    end
    return list
  end
  local with, without = deep(PRETRAINED), deep(SKIPPED)
  report:compare {
    what = "bends in layers 4 and 5 of all nets: pretrained over not pretrained",
    published = "pretraining keeps more structure there",
    ours = statistics.mean(with) / statistics.mean(without), at_least = 1, runs = #with,
  }
  local best_with, best_without = best(results, PRETRAINED).bends, best(results, SKIPPED).bends
  report:compare {
    what = "the same of the best nets, as in Figure 6",
    published = "pretraining keeps more structure there", runs = #with,
    ours = (best_with[4] + best_with[5]) / (best_without[4] + best_without[5]),
    at_least = 1,
  }
end

local function draw(results, report)
  if results:has(DEFAULT) then
    report:figure {
      name = "figure5", title = "Figure 5: the interior of the best default net on x^3",
      caption = "Neurons before ReLU; those that never go through 0, and so make no bend, thin.",
      draw = function(path)
        return plot.panels(path, layer_panels(best(results, DEFAULT), "default,"),
                           { columns = HIDDEN, size = { 380 * HIDDEN, 360 } })
      end,
    }
  end
  if results:has(SKIPPED) and results:has(PRETRAINED) then
    report:figure {
      name = "figure6", title = "Figure 6: the best nets on x^3, without and with pretraining",
      caption = [[Neurons before ReLU, each divided by its largest magnitude (the waves decay on
        purpose); above without, below with pretraining. Both start with 1, 2, 4, 8 and 16 bends.]],
      draw = function(path)
        local panels = layer_panels(best(results, SKIPPED), "skipped,", true)
        for _, panel in ipairs(layer_panels(best(results, PRETRAINED), "pretrained,", true)) do
          panels[#panels + 1] = panel
        end
        return plot.panels(path, panels, { columns = HIDDEN, size = { 380 * HIDDEN, 720 } })
      end,
    }
  end
end

return {
  title = "The interior of trained nets",
  source = "Compelling ReLU networks to exhibit exponentially many linear regions, Figures 5 and 6",
  setup = [[
    x^3, trained as for Table 1: default nets of 1000 epochs, and triangle nets without and with
    pretraining. A bend is a place in [0, 1] where a neuron goes through 0 before ReLU: there the
    functions of the layers behind it can bend. They are counted on 4001 points, the linear pieces
    of the net exactly. An untrained triangle net has 1, 2, 4, 8 and 16 bends in its layers, 31 in
    all and 1.55 a neuron. The paper shows single nets; here 30 of each kind are counted and the
    best are shown.
  ]],
  runs = 30, quick_runs = 1,
  measures = { "mse", "regions" },
  curves = { "bends", "parameters" },
  cases = function() return { DEFAULT, SKIPPED, PRETRAINED } end,
  run = run,
  report = function(results, report)
    tabulate(results, report)
    if results:has(DEFAULT) then compare_default(results, report) end
    if results:has(SKIPPED) and results:has(PRETRAINED) then compare_structure(results, report) end
    draw(results, report)
  end,
}
