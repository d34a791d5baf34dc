-- Pictures of one or several panels: where each goes, the title above them, the legend beneath.

local gnuplot = require "lsqnet.plot.gnuplot"
local texts = require "lsqnet.plot.texts"

local layout = {}

local number, quoted = gnuplot.number, gnuplot.quoted

-- The height in pixels of the title of a picture.
function layout.title_height(title, width)
  return title and 18 + 22 * #texts.wrap(title, width - 40, "picture") or 0
end

-- The height in pixels of a legend that all panels have in common; nil without a label.
function layout.legend_height(panels, width)
  local known, count, longest = {}, 0, 0
  for _, entry in ipairs(panels) do
    local panel = entry[2]
    for _, list in pairs { panel.series or {}, panel.samples or {}, panel.marks or {} } do
      for _, named in ipairs(panel.legend == nil and list or {}) do
        local label = named.label
        if label and not known[label] then
          known[label], count = true, count + 1
          longest = math.max(longest, utf8.len(label) or #label)
        end
      end
    end
  end
  local columns = math.max(1, math.floor(width / (60 + 9 * longest)))
  return count > 0 and 16 + 22 * math.ceil(count / columns) or nil
end

-- The boxes of `count` panels in columns, from left to right and top to bottom.
local function boxes(count, columns, width, top, bottom)
  local rows = (count + columns - 1) // columns
  local w, h = width / columns, (bottom - top) / rows
  local list = {}
  for k = 0, count - 1 do
    list[k + 1] = { left = k % columns * w, top = top + k // columns * h, width = w, height = h }
  end
  return list
end

local function place(figure, box)
  figure:add("reset")
  figure:add("set origin %s,%s", number(box.left / figure.width),
             number(1 - (box.top + box.height) / figure.height))
  figure:add("set size %s,%s", number(box.width / figure.width),
             number(box.height / figure.height))
end

-- Adds the entries of a panel's legend to those of the picture, each label once.
local function merge(legend, more)
  for _, entry in ipairs(more) do
    local label = entry[1]
    if not legend[label] then
      legend[label] = true
      legend[#legend + 1] = entry
    end
  end
end

local function draw_legend(figure, legend, box)
  place(figure, box)
  figure:add("unset border; unset tics; set margins 0, 0, 0, 0")
  figure:add("set xrange [0:1]; set yrange [0:1]")
  figure:add("set key center center horizontal Left reverse samplen 2.5 spacing 1.2")
  local plots = {}
  for i, entry in ipairs(legend) do
    plots[i] = ("NaN with %s title %s"):format(entry[2], quoted(entry[1]))
  end
  figure:add("%s", "plot " .. table.concat(plots, ", \\\n     "))
end

-- Draws panels, each { kind, panel } where the kind has a function draw, and writes the files.
-- The picture has `columns`, `width`, `height` and perhaps a `title`; `strip` pixels at the right
-- stay free of boxes, and so do `legend` pixels at the bottom, for the legend of all panels.
function layout.draw(path, panels, picture)
  local figure = gnuplot.figure(path, picture.width, picture.height)
  local many, bottom = #panels > 1 or picture.legend, picture.height - (picture.legend or 0)
  local list = boxes(#panels, picture.columns, picture.width - (picture.strip or 0),
                     layout.title_height(picture.title, picture.width), bottom)
  figure.common_legend = picture.legend ~= nil
  if many then
    local title = picture.title and (" title %s font ',15'")
      :format(texts.quoted(picture.title, picture.width - 40, "picture")) or ""
    figure:add("%s", "set multiplot" .. title)
  end
  local legend = {}
  for k, entry in ipairs(panels) do
    if many then place(figure, list[k]) end
    merge(legend, entry[1].draw(figure, entry[2], list[k]))
  end
  if picture.legend and #legend > 0 then
    draw_legend(figure, legend, { left = 0, top = bottom, width = picture.width,
                                  height = picture.legend })
  end
  if many then figure:add("unset multiplot") end
  return figure:draw()
end

return layout
