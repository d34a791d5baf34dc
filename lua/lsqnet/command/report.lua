-- `lsqnet report`: a page of all stored results beside the published ones.

local text = require "lsqnet.command.text"

local report = {}

function report.declare(parser)
  parser:summary("Write a page of stored results beside the published ones.")
    :description("Writes a Markdown page that shows every stored result beside the published "
    .. "value.")
    :epilog("Example:\n   lsqnet report results --page docs/reproduction.md")
  parser:argument("results", "The folder that `lsqnet run --out` filled. Default: results.")
    :argname("RESULTS"):args("?")
  parser:option("--page", "The page. Default: reproduction.md in that folder."):argname("FILE.md")
end

function report.run(args)
  local results = args.results or "results"
  local page = args.page or results .. "/reproduction.md"
  local ok, message = require("lsqnet.experiments").report(results, page)
  if not ok then return nil, message end
  text.print("wrote " .. page)
  return true
end

return report
