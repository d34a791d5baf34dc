-- `lsqnet info`: what is loaded, what a saved net is, which options a trainer has.

local core = require "lsqnet.core"
local text = require "lsqnet.command.text"
local trainers = require "lsqnet.command.trainers"

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
  print(text.aligned {
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
    activation = ("%s, slope %g"):format(activation, net.alpha)
  end
  print(text.aligned {
    { "model", path }, { "layers", table.concat(net.layers, "-") }, { "activation", activation },
    { "output", net.output_activation }, { "loss", tostring(net):match("(%w+), %d+ parameters")
      or "" }, { "parameters", tostring(net:parameters().rows) },
  })
  return true
end

-- The type and default of an option, in a few words.
local function kind_of(option)
  local kind = option.choices and table.concat(option.choices, "|") or option.type
  if option.type == "boolean" then kind = "true|false" .. (option.choices and "|" .. kind or "") end
  return option.type == "value" and "text" or kind
end

local function shown(default)
  if default == nil then return "-" end
  return type(default) == "number" and ("%g"):format(default) or tostring(default)
end

local function print_options(name)
  local rows, names = {}, {}
  for k, option in ipairs(trainers.options(name)) do
    rows[k] = { option.name, shown(option.default), kind_of(option) }
    names[k] = option.text
  end
  for k, line in ipairs(rows) do
    print(("%s (%s; default %s)"):format(line[1], line[3], line[2]))
    for _, part in ipairs(text.folded(names[k], WIDTH - 4)) do print("    " .. part) end
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
