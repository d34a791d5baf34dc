--- What the specs of lsqnet.plot look at in the files of a picture.
local tmp = require "tmp"

local picture = {}

--- Width and height of a PNG file.
function picture.png_size(path)
  local content = tmp.read(path)
  assert(content:sub(1, 8) == "\137PNG\r\n\26\n" and content:sub(13, 16) == "IHDR", "no PNG")
  assert(content:sub(-8, -5) == "IEND", "a PNG cut short")
  local width, height = (">I4I4"):unpack(content, 17)
  return width, height
end

--- The numbers of the data file, by blocks of rows.
function picture.blocks(path)
  local list = {}
  for block in (tmp.read(path) .. "\n\n"):gmatch("(.-\n)\n\n") do
    local rows = {}
    for line in block:gmatch("[^\n]+") do
      local row = {}
      for field in line:gmatch("%S+") do row[#row + 1] = tonumber(field) or field end
      rows[#rows + 1] = row
    end
    list[#list + 1] = rows
  end
  return list
end

return picture
