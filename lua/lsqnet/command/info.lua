-- `lsqnet info`: what is loaded, what a saved net is, which options a trainer has.

local blend = require "lsqnet.command.blend"
local core = require "lsqnet.core"
local file = require "lsqnet.model.file"
local models = require "lsqnet.model"
local text = require "lsqnet.command.text"
local trainers = require "lsqnet.command.trainers"
local words = require "lsqnet.words"

local info = {}

local EXAMPLES = [[
Examples:
   lsqnet info
   lsqnet info houses.safetensors
   lsqnet info --trainer gauss_newton]]

local WIDTH = 80

function info.declare(parser)
  parser:summary("Show the libraries in use, a saved net, or the options of a trainer.")
    :description("Shows versions and libraries, or what a saved net is, or the options of a "
    .. "trainer."):epilog(EXAMPLES)
  parser:argument("model", "What `lsqnet fit --save` wrote."):argname("MODEL.safetensors"):args("?")
  parser:option("--trainer", "List what `lsqnet fit --option` takes for it."):argname("NAME")
    :choices(trainers.NAMES)
end

local function print_versions()
  local loaded = core.info()
  text.print(text.aligned {
    { "lsqnet", loaded.version }, { "Lua", (_VERSION:gsub("^Lua ", "")) },
    { "BLAS", loaded.blas }, { "LAPACK", loaded.lapack },
    { "threads", tostring(loaded.threads) }, { "SIMD", loaded.simd },
  })
  return true
end

-- A model of a table: its columns, its target, its scores.
local function print_table_model(path)
  local model, message = models.load(path)
  if not model then return nil, message end
  local parts = {}
  for _, part in ipairs(model.parts or {}) do parts[#parts + 1] = part.name end
  local inside = model.net and "a net of layers " .. table.concat(model.net.layers, "-")
    or table.concat(parts, ", ")
  text.print(text.aligned {
    { "model", path }, { "target", model.encoder.target.title
      .. (model.classes and ": " .. table.concat(model.classes, ", ") or "") },
    { "parts", inside }, { "rows", tostring(model.rows) }, { "seed", tostring(model.seed) },
    { "columns", tostring(#model.encoder.columns) },
  })
  text.print(blend.columns(model.encoder))
  for _, line in ipairs(blend.notes(model.encoder, model.report.notes)) do text.print(line) end
  text.print("\nscores of rows held out\n")
  text.print(blend.scores(model))
  return true
end

local function print_model(path)
  if file.is_model(path) then return print_table_model(path) end
  local net, message = core.load(path)
  if not net then return nil, message end
  local activation = net.activation
  if activation == "leaky_relu" then
    activation = activation .. ", slope " .. words.number("%g", net.alpha)
  end
  text.print(text.aligned {
    { "model", path }, { "layers", table.concat(net.layers, "-") }, { "activation", activation },
    { "output", net.output_activation }, { "loss", tostring(net):match("(%S+), %d+ parameters") },
    { "parameters", tostring(net:parameters().rows) },
  })
  return true
end

-- The type and default of an option, in a few words.
local function kind_of(option)
  local kind = option.choices and table.concat(option.choices, "|") or option.type
  if option.type == "boolean" then
    return option.choices and "true|false|" .. kind or "true|false"
  end
  return option.type == "value" and "text" or kind
end

local function shown(default)
  if default == nil then return "-" end
  return type(default) == "number" and words.number("%g", default) or tostring(default)
end

local function print_options(name)
  for _, option in ipairs(trainers.options(name)) do
    text.print(("%s (%s; default %s)"):format(option.name, kind_of(option), shown(option.default)))
    for _, line in ipairs(words.folded(option.text, WIDTH - 4)) do text.print("    " .. line) end
  end
  return true
end

function info.run(args)
  if args.trainer and args.model then
    return nil, "a model or --trainer expected, not both", "usage"
  elseif args.trainer then
    return print_options(args.trainer)
  elseif args.model then
    return print_model(args.model)
  end
  return print_versions()
end

return info
