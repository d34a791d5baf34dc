-- What keeps a file from being a table: all of it at once, a column a line, with a command line
-- that would work.

local words = require "lsqnet.words"

local problems = {}
problems.__index = problems

local SHOWN = 3
local LONGEST = 40 -- bytes of a text in a message

--- Starts an empty list.
-- @tparam string path of the file
-- @tparam string command what stands before the options of the command line that would work
function problems.new(path, command)
  return setmetatable({ path = path, command = command, lines = {}, missing = {}, types = {},
                        dates = nil }, problems)
end

local function quoted(text)
  text = text:gsub("%c", "?")
  if #text > LONGEST then
    local cut = LONGEST
    while cut > 1 and (text:byte(cut + 1) or 0) & 0xc0 == 0x80 do cut = cut - 1 end
    text = text:sub(1, cut) .. "..."
  end
  return "'" .. text .. "'"
end

--- The first texts of a list of { text =, line = }, with their lines.
function problems.examples(found)
  local parts = {}
  for k = 1, math.min(SHOWN, #found) do
    parts[k] = ("%s (line %d)"):format(quoted(found[k].text), found[k].line)
  end
  return table.concat(parts, ", ") .. (found.more and ", ..." or "")
end

function problems:add(line)
  self.lines[#self.lines + 1] = line
end

--- Texts that would be missing values, as the option for the command line that would work.
function problems:advise_missing(texts)
  for _, text in ipairs(texts) do
    if not self.missing[text] then
      self.missing[text] = true
      self.missing[#self.missing + 1] = text
    end
  end
end

function problems:advise_type(column, kind)
  self.types[#self.types + 1] = column .. "=" .. kind
end

function problems:advise_date_order()
  self.dates = true
end

local function option(name, list)
  for k, word in ipairs(list) do
    if word:find("[,\"]") then list[k] = '"' .. word:gsub('"', '""') .. '"' end
  end
  local text = table.concat(list, ",")
  if not text:find("^[%w_.=,:/+?*-]+$") then text = words.shell_quoted(text) end
  return ("--%s%s%s"):format(name, text:find("^%-") and "=" or " ", text)
end

local function command_line(self)
  local parts = {}
  if #self.missing > 0 then parts[#parts + 1] = option("missing", self.missing) end
  if #self.types > 0 then parts[#parts + 1] = option("types", self.types) end
  if self.dates then parts[#parts + 1] = "--date-order dmy" end
  if #parts == 0 then return nil end
  local path = self.path:find("^[%w_./+-]+$") and self.path or words.shell_quoted(self.path)
  return ("%s %s %s"):format(self.command, path, table.concat(parts, " "))
end

--- The message, or nil where there is no problem.
function problems:message()
  if #self.lines == 0 then return nil end
  local parts = {}
  for k, line in ipairs(self.lines) do parts[k] = self.path .. ": " .. line end
  local advice = command_line(self)
  if advice then parts[#parts + 1] = "this would work: " .. advice end
  return table.concat(parts, "\n")
end

return problems
