-- Running gnuplot: a figure collects commands and data, writes them beside the picture, and has
-- gnuplot draw it. Knows nothing of what is drawn.

local words = require "lsqnet.words"

local gnuplot = {}

local figure = {}
figure.__index = figure

-- A text as it stands between double quotes.
function gnuplot.escaped(text)
  return (text:gsub('[\\"`@]', function(c) return ("\\%03o"):format(c:byte()) end))
end

-- A gnuplot string. Single quotes where they do, as in them nothing has a meaning (gnuplot 5.4
-- stumbles over two quotes there); else double ones, within which a backquote, which would run a
-- program, and the sign of a macro stand as octal numbers.
function gnuplot.quoted(text)
  text = text:gsub("%c", " ")
  if not text:find("'", 1, true) then return "'" .. text .. "'" end
  return '"' .. gnuplot.escaped(text) .. '"'
end

-- A number of a script or of data.
function gnuplot.number(value)
  return value - value ~= 0 and "NaN" or words.exact(value)
end

-- A new figure for a path that ends in .png or .svg, of width x height pixels.
function gnuplot.figure(path, width, height)
  local folder, name = path:match("^(.*/)([^/]*)$")
  if not folder then folder, name = "./", path end
  if not folder:find("^/") then folder = "./" .. folder end -- so that no CDPATH leads elsewhere
  local stem, kind = name:match("^(.*)%.(%a+)$")
  local self = setmetatable({ path = path, folder = folder, stem = stem, kind = kind:lower(),
                              width = width, height = height, blocks = {}, commands = {} }, figure)
  self:add("set encoding utf8")
  local look = ("noenhanced size %d,%d background rgb '#ffffff'"):format(width, height)
  if self.kind == "svg" then
    self:add("set terminal svg %s font 'DejaVu Sans,Helvetica,sans-serif,13'", look)
  else -- a gnuplot without cairo still has the png terminal
    self:add("if (strstrt(GPVAL_TERMINALS, 'pngcairo')) { set terminal pngcairo %s "
             .. "font 'DejaVu Sans,11' } else { set terminal png noenhanced size %d,%d }",
             look, width, height)
  end
  self:add("set output %s", gnuplot.quoted("./" .. name)) -- a name with '|' first is a pipe
  return self
end

-- Adds a line to the script.
function figure:add(command, ...)
  self.commands[#self.commands + 1] = select("#", ...) > 0 and command:format(...) or command
end

-- Adds rows of numbers to the data file; returns what a plot command calls them.
function figure:data(rows)
  local lines = {}
  for i, row in ipairs(rows) do
    local fields = {}
    for j = 1, #row do fields[j] = gnuplot.number(row[j]) end
    lines[i] = table.concat(fields, " ")
  end
  self.blocks[#self.blocks + 1] = table.concat(lines, "\n") .. "\n"
  return ("%s index %d"):format(gnuplot.quoted("./" .. self.stem .. ".dat"), #self.blocks - 1)
end

local function write_file(path, content)
  local file, message = io.open(path, "wb")
  if not file then return nil, message, "no_write" end
  local ok
  ok, message = file:write(content)
  local closed, close_message = file:close()
  if not (ok and closed) then
    return nil, path .. ": " .. (message or close_message), "no_write"
  end
  return true
end

local function run(folder, script)
  local command = ("cd -- %s && gnuplot -d %s 2>&1 </dev/null")
    :format(words.shell_quoted(folder), words.shell_quoted("./" .. script))
  local pipe = io.popen(command, "r")
  local said = pipe:read("a")
  local ok, _, status = pipe:close()
  return ok, status, said
end

-- Writes the data and the script, and draws. Returns the path of the picture, or nil, a message
-- and "no_write" or "missing_program".
function figure:draw()
  self:add("unset output")
  local base, script = self.folder .. self.stem, self.stem .. ".gp"
  local ok, message, code = write_file(base .. ".dat", table.concat(self.blocks, "\n\n"))
  if not ok then return nil, message, code end
  ok, message, code = write_file(base .. ".gp", table.concat(self.commands, "\n") .. "\n")
  if not ok then return nil, message, code end
  local status, said
  ok, status, said = run(self.folder, script)
  if ok then return self.path end
  if status == 127 then
    return nil, ("gnuplot was not found: install the Debian package gnuplot-nox (or gnuplot of "
      .. "your system); data and script of the picture are in %s.dat and %s.gp"):format(base, base),
      "missing_program"
  end
  return nil, ("gnuplot could not draw %s: %s"):format(self.path, said:match("^%s*(.-)%s*$")),
    "no_write"
end

return gnuplot
