-- Arguments that say how a table is to be read, for the subcommands that read one.

local columns = require "lsqnet.table.columns"

local reading = {}

local KINDS = { number = true, category = true, date = true, skip = true }
local HEADERS = { yes = true, no = false }

local function list(word)
  return columns.split(word)
end

-- `year=category,name=2=category`: what stands before the last sign is a name or a position.
local function types(word)
  local given = {}
  for _, part in ipairs(columns.split(word)) do
    local name, kind = part:match("^(.*)=(.-)$")
    if not KINDS[kind] then
      return nil, ("--types: name=number, category, date or skip expected, got '%s'"):format(part)
    end
    given[tonumber(name) or name] = kind
  end
  return given
end

local function one_character(option)
  return function(word)
    if #word == 1 then return word end
    return nil, ("%s: one character expected, got '%s'"):format(option, word)
  end
end

--- Adds them to a parser.
function reading.declare(parser)
  parser:option("--header", "Whether the first line holds names: yes, no, or auto.")
    :argname("WHETHER"):choices({ "yes", "no", "auto" }):default("auto")
  parser:option("--separator", "Between fields: one character, tab or space. Default: found out.")
    :argname("C")
  parser:option("--decimal", "The decimal character, . or , Default: found out."):argname("C")
    :choices({ ".", "," })
  parser:option("--thousands", "A character between groups of three digits. Default: none.")
    :argname("C"):convert(one_character("--thousands"))
  parser:option("--missing", "More words for a missing value: -200,unknown. Numbers match by "
                .. "value."):argname("WORDS"):convert(list)
  parser:option("--types", "What columns are: zip=category,note=skip; number, category, date or "
                .. "skip."):argname("NAME=TYPE,..."):convert(types)
  parser:option("--date-order", "Of dates such as 1/2/2020: dmy or mdy."):argname("ORDER")
    :choices({ "dmy", "mdy" })
  parser:option("--comment", "What lines of comments begin with. Default: # where the first line "
                .. "does."):argname("C"):convert(one_character("--comment"))
end

--- The options of `lsqnet.table.read_csv` that the arguments mean.
-- @tparam table args what argparse gave
-- @tparam string command what stands before a command line that a message shows
function reading.options(args, command)
  return {
    header = HEADERS[args.header], separator = args.separator, decimal = args.decimal,
    thousands = args.thousands, missing = args.missing, types = args.types,
    date_order = args.date_order, comment = args.comment, command = command,
  }
end

return reading
