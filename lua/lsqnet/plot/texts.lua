-- Titles and labels of axes, in as many lines as their room asks for.

local gnuplot = require "lsqnet.plot.gnuplot"

local texts = {}

local quoted = gnuplot.quoted

-- Pixels of an average character, by the text's role.
local CHARACTER = { picture = 10.5, title = 9.5, label = 8.5 }

-- Splits words into lines of at most so many characters, where no word is longer.
local function split(text, most)
  local lines = {}
  for word in text:gsub("%c", " "):gmatch("%S+") do
    local longer = lines[#lines] and lines[#lines] .. " " .. word
    if longer and (utf8.len(longer) or #longer) <= most then
      lines[#lines] = longer
    else
      lines[#lines + 1] = word
    end
  end
  return lines
end

-- Splits a text between words into lines that fit into so many pixels, and are about as long as
-- each other.
function texts.wrap(text, pixels, role)
  local most = math.max(8, pixels // CHARACTER[role])
  local lines = split(text, most)
  if #lines < 2 then return { text } end
  for length = most - 1, 1, -1 do
    local shorter = split(text, length)
    if #shorter > #lines then break end
    lines = shorter
  end
  return lines
end

-- The same as a gnuplot string. Only double quotes know the end of a line.
function texts.quoted(text, pixels, role)
  local lines = texts.wrap(text, pixels, role)
  if #lines == 1 then return quoted(text) end
  for i, line in ipairs(lines) do lines[i] = gnuplot.escaped(line) end
  return '"' .. table.concat(lines, "\\n") .. '"'
end

-- Sets the texts of a panel within a box, where it has them.
function texts.labels(figure, o, box)
  if o.title then
    local title = texts.quoted(o.title, box.width - 90, "title")
    figure:add("%s", ("set title %s font ',13'"):format(title))
  end
  if o.xlabel then
    figure:add("%s", "set xlabel " .. texts.quoted(o.xlabel, box.width - 60, "label"))
  end
  if o.ylabel then
    figure:add("%s", "set ylabel " .. texts.quoted(o.ylabel, box.height - 90, "label"))
  end
end

return texts
