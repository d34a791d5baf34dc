-- What a protocol has to say of its results: paragraphs, tables, figures, and comparisons with
-- the published numbers. A protocol's `report(results, report)` calls the methods below.

local statistics = require "lsqnet.experiments.statistics"

local report = {}
report.__index = report

function report.new()
  return setmetatable({ items = {}, comparisons = {} }, report)
end

local function add(self, kind, item)
  item.kind = kind
  self.items[#self.items + 1] = item
end

local function one_line(text)
  return text:gsub("%s*\n%s*", " "):match("^%s*(.-)%s*$")
end

-- A paragraph (Markdown).
function report:text(text)
  add(self, "text", { text = one_line(text) })
end

-- { name=, title=, columns = { ... }, rows = { { ... }, ... } }: the name is the CSV file's. A
-- cell is a text, a number, or { text, bold = true }.
function report:table(item)
  assert(item.name and item.title and item.columns and item.rows, "an incomplete table")
  for _, row in ipairs(item.rows) do assert(#row == #item.columns, "a ragged table") end
  add(self, "table", item)
end

-- { name=, title=, caption=, draw = function(path) }: `draw` writes the picture to a path and
-- returns what the functions of lsqnet.plot do.
function report:figure(item)
  assert(item.name and item.title and item.draw, "an incomplete figure")
  add(self, "figure", item)
end

local function number_text(value, format)
  return type(value) == "number" and (format or "%.4g"):format(value) or tostring(value)
end

local function published_text(published, format)
  if type(published) ~= "table" then return number_text(published, format) end
  return statistics.mean_and_std(published[1], published[2], format)
end

-- Whether a number agrees with the published one, by the first rule that the comparison names.
local function agrees(entry, ours)
  local published = entry.published
  if entry.agrees ~= nil then return entry.agrees end
  if entry.at_most then return ours <= entry.at_most end
  if entry.at_least then return ours >= entry.at_least end
  local center = type(published) == "table" and published[1] or published
  if entry.factor then return ours <= center * entry.factor and ours >= center / entry.factor end
  local tolerance = entry.tolerance or type(published) == "table" and 2 * published[2]
  assert(tolerance, "a comparison needs a rule: agrees, at_most, at_least, factor, tolerance or "
                    .. "published = { mean, std }")
  return math.abs(ours - center) <= tolerance
end

local RULES = {
  { "at_most", "at most %.4g" }, { "at_least", "at least %.4g" },
  { "factor", "within a factor %.3g" }, { "tolerance", "within %.3g" },
}

-- Two standard deviations of a published number that varied much hold almost anything.
local WIDE = 0.25

-- Whether a number agrees by the published deviation alone, being far from the published mean.
local function is_wide(entry, ours)
  for _, rule in ipairs { "agrees", "at_most", "at_least", "factor", "tolerance" } do
    if entry[rule] ~= nil then return false end
  end
  local mean = entry.published[1]
  return math.abs(ours - mean) > WIDE * math.abs(mean)
end

local function rule_text(entry)
  if entry.agrees ~= nil then return entry.rule or "" end
  for _, rule in ipairs(RULES) do
    if entry[rule[1]] then return rule[2]:format(entry[rule[1]]) end
  end
  local mean, std = entry.published[1], entry.published[2]
  return ("within two standard deviations: %.4g to %.4g"):format(mean - 2 * std, mean + 2 * std)
end

-- Ours beside the published: { what=, published = number, { mean, std } or text, ours = number,
-- text, or a list with one number a run, and a rule for agreement }. The rules: `at_most`,
-- `at_least`, `factor` (ratio either way), `tolerance` (difference either way); without one
-- published = { mean, std } asks for at most two standard deviations; `agrees` = true or false
-- says it outright, with `rule` in words. The verdict is "yes, wide" where two deviations allow
-- ours to be more than a quarter of the published mean away, and it is. `better` = "lower" or
-- "higher" tells a difference for the better from one for the worse. `runs` (default: the length of
-- the list); `why`: what explains a difference, from evidence, left out where there is none;
-- `format` of numbers ("%.4g").
function report:compare(entry)
  local list = type(entry.ours) == "table" and entry.ours
  local ours = list and statistics.mean(list) or entry.ours
  local ok = agrees(entry, ours)
  local wide = ok and is_wide(entry, ours)
  local verdict = wide and "yes, wide" or ok and "yes" or "no"
  if not ok and entry.better and type(ours) == "number" then
    local center = type(entry.published) == "table" and entry.published[1] or entry.published
    local is_better = ours < center -- nan is neither
    if entry.better == "higher" then is_better = ours > center end
    verdict = is_better and "no, better" or "no, worse"
  end
  self.comparisons[#self.comparisons + 1] = {
    what = entry.what, published = published_text(entry.published, entry.format),
    ours = list and statistics.summary(list, entry.format) or number_text(ours, entry.format),
    runs = entry.runs or list and #list, verdict = verdict, ok = ok, rule = rule_text(entry),
    why = (not ok or wide) and entry.why and one_line(entry.why) or nil,
  }
end

-- Adds the comparisons as the last table. A difference without an explanation says so.
function report:finish()
  if #self.comparisons == 0 then return end
  local rows = {}
  for i, c in ipairs(self.comparisons) do
    local why = c.why or (not c.ok and "not explained") or ""
    rows[i] = { c.what, c.published, c.ours, c.runs or "", { c.verdict, bold = not c.ok }, c.rule,
                why }
  end
  self:table {
    name = "comparison", title = "Published and ours",
    columns = { "what", "published", "ours", "runs", "agrees", "asked", "why, where not" },
    rows = rows,
  }
end

return report
