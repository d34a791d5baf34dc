-- Writes reports: as plain text, as Markdown, their tables as CSV, their figures as pictures.

local words = require "lsqnet.words"

local render = {}

local LAST_WIDTH = 60 -- of the last column of a plain table

local function cell_text(cell)
  if type(cell) == "table" then return tostring(cell[1]), cell.bold end
  if math.type(cell) == "float" then return ("%.4g"):format(cell) end
  return tostring(cell)
end

-- Bold cells end with an asterisk, where there is no bold.
local function plain_cell(cell)
  local text, bold = cell_text(cell)
  return bold and text .. "*" or text
end

local function markdown_cell(cell)
  local text, bold = cell_text(cell)
  text = text:gsub("|", "\\|")
  return bold and ("**%s**"):format(text) or text
end

local function csv_cell(cell)
  local text = cell_text(cell)
  return text:find('[,"\n]') and '"' .. text:gsub('"', '""') .. '"' or text
end

-- Words that make a line of Markdown the start of a list, a heading, a quotation or code.
local STARTERS = { "^[-+*]$", "^%d+[.)]$", "^#+$", "^=+$", "^%-+$", "^>", "^```", "^~~~" }

local function may_begin_line(word)
  for _, starter in ipairs(STARTERS) do
    if word:find(starter) then return false end
  end
  return true
end

local function wrapped(text)
  return table.concat(words.folded(text, 100, may_begin_line), "\n")
end

local function widths_of(lines)
  local widths = {}
  for _, line in ipairs(lines) do
    for j, text in ipairs(line) do
      widths[j] = math.max(widths[j] or 0, utf8.len(text) or #text)
    end
  end
  return widths
end

local function padded(text, width)
  return text .. (" "):rep(width - (utf8.len(text) or #text))
end

-- Adds the lines of a row. The last cell, where the words are, goes on below itself.
local function add_lines(lines, row)
  local line = {}
  for j, cell in ipairs(row) do line[j] = plain_cell(cell) end
  local parts = words.folded(line[#line], LAST_WIDTH, may_begin_line)
  for k, part in ipairs(parts) do
    local cells = k == 1 and line or {}
    for j = #cells + 1, #line - 1 do cells[j] = "" end
    cells[#line] = part
    lines[#lines + 1] = cells
  end
end

local function plain_table(item)
  local lines = { item.columns }
  for _, row in ipairs(item.rows) do add_lines(lines, row) end
  local widths, out = widths_of(lines), { item.title, "" }
  for _, line in ipairs(lines) do
    local cells = {}
    for j, text in ipairs(line) do cells[j] = padded(text, widths[j]) end
    out[#out + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return table.concat(out, "\n")
end

local function markdown_row(row)
  local cells = {}
  for j, cell in ipairs(row) do cells[j] = markdown_cell(cell) end
  return "| " .. table.concat(cells, " | ") .. " |"
end

local function markdown_table(item)
  local out = { ("**%s**\n"):format(item.title), markdown_row(item.columns),
                "|" .. ("---|"):rep(#item.columns) }
  for _, row in ipairs(item.rows) do out[#out + 1] = markdown_row(row) end
  return table.concat(out, "\n")
end

function render.csv(item)
  local out = {}
  for _, row in ipairs { item.columns, table.unpack(item.rows) } do
    local cells = {}
    for j, cell in ipairs(row) do cells[j] = csv_cell(cell) end
    out[#out + 1] = table.concat(cells, ",")
  end
  return table.concat(out, "\n") .. "\n"
end

function render.text(items)
  local out = {}
  for _, item in ipairs(items) do
    if item.kind == "text" then
      out[#out + 1] = wrapped(item.text)
    elseif item.kind == "table" then
      out[#out + 1] = plain_table(item)
    elseif item.path then
      out[#out + 1] = ("%s: %s"):format(item.title, item.path)
    end
  end
  return table.concat(out, "\n\n") .. "\n"
end

-- `link(item)` is the address of a figure's picture.
function render.markdown(items, link)
  local out = {}
  for _, item in ipairs(items) do
    if item.kind == "text" then
      out[#out + 1] = wrapped(item.text)
    elseif item.kind == "table" then
      out[#out + 1] = markdown_table(item)
    elseif item.path then
      out[#out + 1] = ("**%s**\n\n![%s](%s)"):format(item.title, item.title, link(item))
      if item.caption then out[#out + 1] = wrapped(item.caption) end
    end
  end
  return table.concat(out, "\n\n") .. "\n"
end

-- Draws the figures of a report to `name(item, kind)` for each kind of file ("png", "svg"), and
-- keeps the first path in the item. Returns the paths; where gnuplot is missing, nil, message,
-- "missing_program".
function render.figures(items, kinds, name)
  local paths = {}
  for _, item in ipairs(items) do
    for i, kind in ipairs(item.kind == "figure" and kinds or {}) do
      local path, message, code = item.draw(name(item, kind))
      if not path then return nil, ("%s: %s"):format(item.name, message), code end
      if i == 1 then item.path = path end
      paths[#paths + 1] = path
    end
  end
  return paths
end

return render
