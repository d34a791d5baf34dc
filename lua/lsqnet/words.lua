-- Numbers and words as other programs read them, and lines of words.

local words = {}

-- The fewest of 15, 16, 17 digits that read back equal, with a point whatever the locale.
function words.exact(value)
  local digits
  for count = 15, 17 do
    digits = ("%." .. count .. "g"):format(value)
    if tonumber(digits) == value then break end
  end
  return (digits:gsub(",", "."))
end

-- A number as string.format has it, with a point whatever the locale.
function words.number(format, value)
  return (format:format(value):gsub("^([+-]?%d+)[^%w+%-]+(%d)", "%1.%2"))
end

-- One word of a shell command.
function words.shell_quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Text as a list of lines of at most `width` bytes, but for longer words. may_begin_line(word),
-- where it is given, says which words may begin a line but the first; others go beyond the width.
function words.folded(text, width, may_begin_line)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    local full = line ~= "" and #line + #word + 1 > width
    if full and (not may_begin_line or may_begin_line(word)) then
      lines[#lines + 1] = line
      line = word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return lines
end

return words
