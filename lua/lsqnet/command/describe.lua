-- `lsqnet describe`: what a table holds.

local columns = require "lsqnet.table.columns"
local reading = require "lsqnet.command.reading"
local tables = require "lsqnet.table"
local text = require "lsqnet.command.text"

local describe = {}

local EXAMPLES = [[
Examples:
   lsqnet describe houses.csv
   lsqnet describe air.csv --missing=-200
   zcat log.csv.gz | lsqnet describe - --columns time,1-4]]

function describe.declare(parser)
  parser:summary("Show what the columns of a CSV file are.")
    :description("Shows how a CSV file is read, and a line a column: its type, how many values "
    .. "are missing, and what they are."):epilog(EXAMPLES)
  parser:argument("data", "CSV file, also compressed by gzip; - is standard input.")
    :argname("DATA.csv")
  parser:option("--columns", "These alone, names or positions: age,height or 1-7,9.")
    :argname("COLUMNS")
  reading.declare(parser)
end

function describe.run(args)
  local opts = reading.options(args, "lsqnet describe")
  opts.columns = args.columns
  local ok, tab, message, code = pcall(tables.read_csv, args.data, opts)
  if not ok then return nil, (tostring(tab):gsub("^[^:]+:%d+: ", "")), "usage" end
  if not tab then return nil, message, code end
  for _, note in ipairs(tab.notes) do text.print(note) end
  if #tab.notes > 0 then text.print("") end
  text.print(tab:describe())
  local indices = {}
  for k, name in ipairs(tab.names) do
    if tab.header and name:find("^%d+$") then
      indices[#indices + 1] = columns.title(tab.names, k)
    end
  end
  if #indices > 0 then
    text.print(("\na number is a position: the column named %s is written name=%s")
      :format(indices[1], indices[1]))
  end
  return true
end

return describe
