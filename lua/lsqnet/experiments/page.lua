-- The page that sets every table and figure of the papers beside ours, made from stored results.

local files = require "lsqnet.experiments.files"
local machine = require "lsqnet.experiments.machine"
local render = require "lsqnet.experiments.render"

local page = {}

local function folder_of(path)
  return path:match("^(.*)/[^/]*$") or "."
end

-- The address that GitHub and others give a heading.
local function anchor(heading)
  return (heading:lower():gsub("[^%w_%- ]", ""):gsub(" ", "-"))
end

local function heading_of(entry)
  return entry.name .. ": " .. entry.title
end

local function duration(seconds)
  if seconds < 60 then return ("%.0f s"):format(seconds) end
  return ("%.0f min"):format(seconds / 60)
end

local function overview(entries)
  local rows = {}
  for i, entry in ipairs(entries) do
    local agreed = 0
    for _, c in ipairs(entry.comparisons) do agreed = agreed + (c.ok and 1 or 0) end
    rows[i] = { ("[%s](#%s)"):format(entry.name, anchor(heading_of(entry))), entry.source,
                entry.runs, duration(entry.seconds),
                ("%d of %d"):format(agreed, #entry.comparisons) }
  end
  return {
    kind = "table", name = "overview", title = "All protocols",
    columns = { "protocol", "source", "runs of a case", "time of all runs",
                "comparisons that agree" },
    rows = rows,
  }
end

local INTRODUCTION = [[
# Reproduction

Every table and figure of the four papers that lsqnet implements, published and ours side by side.
This page is generated: `make reproduction` draws it from the results in `docs/results`, one line
a run. `lsqnet run NAME` repeats one protocol, `lsqnet run all --jobs 2` all of them; a run that
was stopped goes on where it was. Numbers are means over runs, with the standard deviation in
parentheses, unless a table says otherwise. *agrees* is judged by the rule in the column *asked*;
where it says no, the last column says why, or that it is not explained; where it says *yes, wide*,
ours is more than a quarter away from a published mean whose deviation is so large that two of them
allow it. Curves in the figures are kept with six digits.
]]

-- The machine of an entry in words.
local function place_of(entry)
  return entry.machine and machine.sentence(entry.machine) or "a machine not recorded"
end

-- Where the first runs with a machine were made: the usual place, told once.
local function usual_place(entries)
  for _, entry in ipairs(entries) do
    if entry.machine then return place_of(entry) end
  end
end

local function section(entry, folder, usual)
  local parts = { ("## %s\n"):format(heading_of(entry)) }
  local is_elsewhere = usual and place_of(entry) ~= usual
  local place = is_elsewhere and ", on " .. place_of(entry) or ""
  parts[#parts + 1] = ("Source: %s. Repeat with `lsqnet run %s`; %s run%s here, %s in all%s.\n")
    :format(entry.source, entry.name, entry.runs, entry.runs == "1" and "" or "s",
            duration(entry.seconds), place)
  parts[#parts + 1] = render.markdown(entry.items, function(item)
    return (item.path:gsub("^" .. folder:gsub("%p", "%%%0") .. "/", ""))
  end)
  return table.concat(parts, "\n")
end

local function remove_sources(path)
  local stem = path:match("^(.*)%.%a+$")
  os.remove(stem .. ".dat")
  os.remove(stem .. ".gp")
end

-- Writes the page of entries { name, title, source, runs, seconds, items, comparisons, machine },
-- runs being a text. The pictures go to the folder `pictures` beside it, without their data: those
-- are the stored results. Returns true, or nil, message, code.
function page.write(path, entries)
  local folder = folder_of(path)
  local usual = usual_place(entries)
  local parts = { INTRODUCTION }
  if usual then
    parts[2] = ("Where a section says nothing else, runs were made with %s.\n"):format(usual)
  end
  parts[#parts + 1] = render.markdown({ overview(entries) })
  for _, entry in ipairs(entries) do
    local paths, message, code = render.figures(entry.items, { "png" }, function(item, kind)
      return ("%s/pictures/%s-%s.%s"):format(folder, entry.name, item.name, kind)
    end)
    if not paths then return nil, message, code end
    for _, picture in ipairs(paths) do remove_sources(picture) end
    parts[#parts + 1] = section(entry, folder, usual)
  end
  return files.write(path, table.concat(parts, "\n"))
end

return page
