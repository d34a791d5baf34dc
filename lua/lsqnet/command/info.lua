-- `lsqnet info`: what is loaded, what a saved net is, which options a trainer has.

local core = require "lsqnet.core"
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

local function print_model(path)
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
