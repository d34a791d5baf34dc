-- The names of levels, as the reader in C writes them: numbers equal by value have one name.

local words = require "lsqnet.words"

local level = {}

-- The order of the bytes, whatever the locale.
function level.before(a, b)
  local k = 1
  while true do
    local left, right = a:byte(k), b:byte(k)
    if left ~= right then return (left or -1) < (right or -1) end
    if not left then return false end
    k = k + 1
  end
end

local function of_number(value)
  return value == 0 and "0" or words.exact(value)
end

--- The name of a value: of a number its digits, of a text the text without blanks around it.
-- @return a string, or nil where the value is missing: nil, NaN or an empty text
function level.name(value)
  if type(value) == "number" then
    return value == value and of_number(value) or nil
  elseif type(value) == "boolean" then
    return tostring(value)
  elseif value == nil then
    return nil
  end
  local text = value:match("^%s*(.-)%s*$")
  local number = text:find("^[+-]?%.?%d") and not text:find("[xX]") and tonumber(text)
  return number and of_number(number) or text ~= "" and text or nil
end

return level
