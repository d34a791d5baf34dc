-- Numbers and words as other programs read them.

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

-- One word of a shell command.
function words.shell_quoted(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

return words
