local lsqnet = require "lsqnet"
local run_lua = require "run_lua"
local tmp = require "tmp"

local folder
setup(function() folder = tmp.folder() end)
teardown(function() tmp.remove(folder) end)

local function load(bytes)
  return lsqnet.load(tmp.write(folder .. "/n.safetensors", bytes))
end

local function refusal(bytes, expected_code)
  local net, message, code = load(bytes)
  assert.is_nil(net)
  assert.equal(expected_code or "bad_format", code)
  return (message:gsub("^.*/n%.safetensors", "n"))
end

local function file(header, data)
  return string.pack("<s8", header) .. (data or "")
end

-- The parts of a network 2-1 with bias, in which a test changes one.
local METADATA = '"__metadata__":{"format":"lsqnet","format_version":"1","layers":"2,1",'
  .. '"activation":"relu","alpha":"0.1","output_activation":"identity","loss":"mse"}'
local WEIGHT = '"layers.1.weight":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]}'
local BIAS = '"layers.1.bias":{"dtype":"F64","shape":[1],"data_offsets":[16,24]}'
local DATA = string.pack("<ddd", 1, 2, 3)

local function network(...)
  return file("{" .. table.concat({ ... }, ",") .. "}", DATA)
end

local function replaced(text, from, to)
  local first, last = text:find(from, 1, true)
  return text:sub(1, first - 1) .. to .. text:sub(last + 1)
end

local function with_metadata(from, to)
  return network(replaced(METADATA, from, to), WEIGHT, BIAS)
end

local function parameters(net)
  local values = {}
  for i = 1, net.parameter_count do values[i] = net:parameters():get(i, 1) end
  return values
end

local function header_of(bytes)
  return (string.unpack("<s8", bytes))
end

describe("net:save and lsqnet.load", function()
  it("round trip every activation, loss and bias", function()
    local path = folder .. "/a.safetensors"
    for k, activation in ipairs { "identity", "relu", "leaky_relu", "elu", "tanh", "sigmoid" } do
      for _, loss in ipairs { "mse", "cross_entropy" } do
        for _, bias in ipairs { true, false, { true, false, true } } do
          local net = lsqnet.network { layers = { 3, 5, 4, 2 }, seed = k,
            activation = activation, output_activation = k % 2 == 0 and "tanh" or "identity",
            alpha = k / 7, bias = bias, loss = loss }
          assert.is_true(net:save(path))
          local back = assert(lsqnet.load(path))
          assert.same(parameters(net), parameters(back))
          assert.same({ 3, 5, 4, 2 }, back.layers)
          assert.equal(activation, back.activation)
          assert.equal(net.output_activation, back.output_activation)
          assert.equal(k / 7, back.alpha)
          local given, kept = net:options(), back:options()
          assert.equal(given.loss, kept.loss)
          for layer = 1, 3 do assert.equal(net:bias(layer) == nil, back:bias(layer) == nil) end
        end
      end
    end
  end)

  it("keep parameters bit for bit, also those that are not finite", function()
    local path = folder .. "/a.safetensors"
    local net = lsqnet.network { layers = { 2, 1 } }
    net:set_parameters(lsqnet.matrix { 0 / 0, -math.huge, -0.0 })
    assert.is_true(net:save(path))
    local back = parameters(assert(lsqnet.load(path)))
    assert.are_not.equal(back[1], back[1])
    assert.equal(-math.huge, back[2])
    assert.equal(-math.huge, 1 / back[3])
  end)

  it("write the header as documented, the data aligned to 8 bytes", function()
    local path = folder .. "/a.safetensors"
    local net = lsqnet.network { layers = { 7, 64, 1 }, activation = "leaky_relu",
      bias = { true, false } }
    assert.is_true(net:save(path))
    local bytes = tmp.read(path)
    local header = header_of(bytes)
    assert.equal(0, #header % 8)
    assert.equal('{"__metadata__":{"format":"lsqnet","format_version":"1","layers":"7,64,1",'
      .. '"activation":"leaky_relu","alpha":"0.1","output_activation":"identity","loss":"mse"},'
      .. '"layers.1.weight":{"dtype":"F64","shape":[7,64],"data_offsets":[0,3584]},'
      .. '"layers.1.bias":{"dtype":"F64","shape":[64],"data_offsets":[3584,4096]},'
      .. '"layers.2.weight":{"dtype":"F64","shape":[64,1],"data_offsets":[4096,4608]}}',
      (header:gsub(" +$", "")))
    assert.equal(8 + #header + 4608, #bytes)
    assert.equal(net:weight(1):get(1, 2), (string.unpack("<d", bytes, 8 + #header + 8 + 1)))
  end)

  it("keep metadata that are not ours, also through a clone", function()
    local path = folder .. "/a.safetensors"
    local extra = '"z":"","trained on":"\\u00e4\\ud83d\\ude00 \\"q\\" \\\\ \\n\\/","a\\u0000b":"x"'
    local net = assert(load(with_metadata('"loss":"mse"', '"loss":"mse",' .. extra)))
    local expected = '"loss":"mse","a\\u0000b":"x",'
      .. '"trained on":"\u{e4}\u{1f600} \\"q\\" \\\\ \\u000a/","z":""}'
    for _, copy in ipairs { net, net:clone() } do
      assert.is_true(copy:save(path))
      assert.is_truthy(header_of(tmp.read(path)):find(expected, 1, true))
      assert.is_true(assert(lsqnet.load(path)):save(path))
      assert.is_truthy(header_of(tmp.read(path)):find(expected, 1, true))
    end
  end)

  it("read tensors in any order, and F32", function()
    local net = assert(load(network(
      replaced(BIAS, "[16,24]", "[0,8]"), replaced(WEIGHT, "[0,16]", "[8,24]"), METADATA)))
    assert.same({ 2, 3, 1 }, parameters(net))
    local single = replaced(replaced(WEIGHT, "F64", "F32"), "16", "8")
    local text = "{" .. METADATA .. "," .. single .. "}  "
    net = assert(load(file(text, string.pack("<ff", 0.5, -1.25))))
    assert.same({ 0.5, -1.25 }, parameters(net))
    assert.is_nil(net:bias(1))
  end)

  it("read what other writers of JSON make of the header", function()
    local header = "{ " .. BIAS .. " ,\n"
      .. replaced(WEIGHT, '"dtype"', '"more":[1,{"a":[true,null,-1.5e+3]}],"dtyp\\u0065"')
      .. ",\t" .. METADATA:gsub(":", " : ") .. "}   \n"
    assert.same({ 1, 2, 3 }, parameters(assert(load(file(header, DATA)))))
  end)
end)

describe("lsqnet.load", function()
  it("reads the smallest file of the tests below", function()
    assert.same({ 1, 2, 3 }, parameters(assert(load(network(METADATA, WEIGHT, BIAS)))))
  end)

  it("refuses other files", function()
    assert.equal("n: 0 bytes are no safetensors file", refusal "")
    assert.equal("n: 7 bytes are no safetensors file", refusal "1234567")
    local short = "n: not a safetensors file, or it ends within its header"
    assert.equal(short, refusal(string.pack("<I8", 3) .. "{}"))
    assert.equal(short, refusal(("\xff"):rep(16)))
    assert.equal(short, refusal("length,weight\n0.35,0.514\n"))
    assert.equal("n: not a safetensors file", refusal(string.pack("<I8", 0)))
    assert.equal("n: not a safetensors file", refusal(file " {}"))
    assert.equal("n: not a network of lsqnet: metadata 'format' is not 'lsqnet'",
      refusal(file "{}"))
    assert.equal("n: not a network of lsqnet: metadata 'format' is not 'lsqnet'",
      refusal(with_metadata('"lsqnet"', '"pt"')))
  end)

  it("refuses later versions by name", function()
    local version = '"format_version":"1"'
    assert.equal("n: format version 3 is newer than this lsqnet, which reads version 1",
      refusal(with_metadata(version, '"format_version":"3"')))
    assert.equal("n: format version '1.5' is not known",
      refusal(with_metadata(version, '"format_version":"1.5"')))
    assert.equal("n: format version '' is not known",
      refusal(with_metadata(version, '"format_version":""')))
  end)

  it("refuses metadata it does not know or that are missing", function()
    assert.equal("n: activation 'swish' is not known", refusal(with_metadata('"relu"', '"swish"')))
    assert.equal("n: output_activation 'softmax' is not known",
      refusal(with_metadata('"identity"', '"softmax"')))
    assert.equal("n: loss 'hinge' is not known", refusal(with_metadata('"mse"', '"hinge"')))
    for _, key in ipairs { "layers", "activation", "alpha", "output_activation", "loss" } do
      assert.equal(("n: metadata '%s' is missing"):format(key),
        refusal(with_metadata(('"%s":'):format(key), '"other":')))
    end
    for _, alpha in ipairs { "1", "-0.1", "nan", "x", "", "0.1x", "0,1" } do
      assert.equal(("n: alpha '%s' is not in [0,1)"):format(alpha),
        refusal(with_metadata('"0.1"', '"' .. alpha .. '"')))
    end
    for _, layers in ipairs { "", "2", "2,", ",1", "0,1", "02,1", "2;1", "2, 1", "-2,1", "2,1,",
      "99999999999999999999999,1" } do
      assert.equal(("n: layers '%s' are not widths such as '7,64,1'"):format(layers),
        refusal(with_metadata('"2,1"', '"' .. layers .. '"')))
    end
    assert.equal("n: 5000 layers, but fewer tensors",
      refusal(with_metadata('"2,1"', '"2' .. (",1"):rep(5000) .. '"')))
  end)

  it("refuses entries that appear twice", function()
    assert.equal("n: __metadata__ appears twice",
      refusal(network(METADATA, METADATA, WEIGHT, BIAS)))
    assert.equal("n: metadata 'loss' appears twice",
      refusal(with_metadata('"loss"', '"loss":"mse","loss"')))
    assert.equal("n: metadata 'x' appears twice",
      refusal(with_metadata('"loss"', '"x":"1","\\u0078":"1","loss"')))
    assert.equal("n: tensor 'layers.1.bias' appears twice",
      refusal(network(METADATA, WEIGHT, BIAS, BIAS)))
    assert.matches("an entry of a tensor appears twice$",
      refusal(network(METADATA, replaced(WEIGHT, '"dtype"', '"dtype":"F64","dtype"'), BIAS)))
  end)

  it("refuses tensors that do not fit", function()
    local function weight(from, to)
      return refusal(network(METADATA, replaced(WEIGHT, from, to), BIAS))
    end
    local function bias(from, to)
      return refusal(network(METADATA, WEIGHT, replaced(BIAS, from, to)))
    end
    local offsets = "n: the data_offsets of tensor 'layers.1.weight' do not fit "
      .. "its shape or the file"
    assert.equal("n: tensor 'layers.1.weight' has type 'I64' (F64 and F32 are read)",
      weight("F64", "I64"))
    assert.equal("n: tensor 'layers.1.weight': shape [2, 1] expected", weight("[2,1]", "[1,2]"))
    assert.equal("n: tensor 'layers.1.weight': shape [2, 1] expected", weight("[2,1]", "[2]"))
    assert.equal("n: tensor 'layers.1.weight': shape [2, 1] expected", weight("[2,1]", "[2,1,1]"))
    assert.equal("n: tensor 'layers.1.bias': shape [1] expected", bias("[1]", "[2]"))
    assert.equal("n: tensor 'layers.1.bias': shape [1] expected", bias("[1]", "[]"))
    for _, wrong in ipairs { "[0,8]", "[16,0]", "[16,32]", "[0,16,24]", "[0]",
      "[0,99999999999999999999]" } do
      assert.equal(offsets, weight("[0,16]", wrong))
    end
    assert.equal("n: tensor 'layers.1.weight' is missing", refusal(file("{" .. METADATA .. "}")))
    for _, name in ipairs { "layers.2.weight", "layers.0.weight", "layers.01.weight",
      "layers.1.wait", "layers.x.weight", "x", "" } do
      assert.equal(("n: tensor '%s' is none of this network's"):format(name),
        refusal(network(METADATA, WEIGHT, replaced(BIAS, "layers.1.bias", name))))
    end
    assert.matches("a tensor lacks dtype, shape or data_offsets$", weight('"dtype"', '"type"'))
  end)

  it("refuses gaps, overlaps and what is behind the tensors", function()
    assert.equal("n: tensors overlap at byte 8 of the data",
      refusal(network(METADATA, WEIGHT, replaced(BIAS, "[16,24]", "[8,16]"))))
    local text = "{" .. METADATA .. "," .. WEIGHT .. "," .. replaced(BIAS, "[16,24]", "[24,32]")
      .. "}"
    assert.equal("n: tensors leave a gap at byte 16 of the data",
      refusal(file(text, ("\0"):rep(32))))
    assert.equal("n: 1 bytes behind the last tensor",
      refusal(network(METADATA, WEIGHT, BIAS) .. "x"))
    assert.equal("n: 8 bytes behind the last tensor", refusal(network(METADATA, WEIGHT)))
  end)

  it("refuses wrong JSON", function()
    local function at_end(header) return refusal(file(header)):match("wrong at byte %d+: (.*)$") end
    assert.equal("text behind the closing bracket", at_end "{} x")
    assert.equal("a string expected", at_end "{")
    assert.equal("a string expected", at_end "{a")
    assert.equal("a string expected", at_end '{"a":1,}')
    assert.equal("a colon expected", at_end '{"a" 1}')
    assert.equal("a comma or a closing bracket expected", at_end '{"a":1 "b":1}')
    assert.equal("a value expected", at_end '{"a":}')
    assert.equal("a value expected", at_end '{"a":nul}')
    assert.equal("a digit expected", at_end '{"a":-}')
    assert.equal("a digit expected", at_end '{"a":1.}')
    assert.equal("a digit expected", at_end '{"a":1e+}')
    assert.equal("a comma or a closing bracket expected", at_end '{"a":01}')
    assert.equal("a string is never closed", at_end '{"a')
    for _, escape in ipairs { "\\x", "\\u12", "\\u12g4", "\\ud800", "\\ud800\\u0041", "\\udc00" } do
      assert.equal("a wrong escape in a string", at_end('{"' .. escape .. '":1}'))
    end
    for _, bad in ipairs { "\n", "\0", "\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80",
      "\xf4\x90\x80\x80", "\xf8", "\xc3" } do
      assert.equal("a string with a control character or no UTF-8", at_end('{"' .. bad .. '":1}'))
    end
    assert.equal("values nested too deeply", at_end('{"a":' .. ("["):rep(100000)))
    assert.equal("an object expected", at_end '{"__metadata__":1}')
    assert.equal("a string expected", at_end '{"__metadata__":{"a":1}}')
    assert.matches("a whole number expected$",
      refusal(network(METADATA, replaced(WEIGHT, "[2,1]", "[2.0,1]"), BIAS)))
    assert.matches("a whole number expected$",
      refusal(network(METADATA, replaced(WEIGHT, "[2,1]", "[-2,1]"), BIAS)))
    assert.matches("an array expected$",
      refusal(network(METADATA, replaced(WEIGHT, "[2,1]", "2"), BIAS)))
  end)

  it("refuses a file cut anywhere", function()
    local path = folder .. "/a.safetensors"
    lsqnet.network({ layers = { 2, 3, 1 } }):save(path)
    local bytes = tmp.read(path)
    for length = 0, #bytes - 1 do
      local net, message, code = load(bytes:sub(1, length))
      assert.is_nil(net)
      assert.is_string(message)
      assert.is_true(code == "bad_format" or code == "too_large")
    end
  end)

  it("reads or refuses a file changed anywhere, and never more", function()
    local bytes = network(replaced(METADATA, '"loss"', '"x\\u0041":"\u{e9}","loss"'), WEIGHT, BIAS)
    local random = lsqnet.rng(5)
    for _ = 1, 2000 do
      local at, byte = random:integer(#bytes), string.char(random:integer(256) - 1)
      local net, message, code = load(bytes:sub(1, at - 1) .. byte .. bytes:sub(at + 1))
      assert.is_true(net ~= nil
        or (type(message) == "string" and (code == "bad_format" or code == "too_large")))
    end
  end)

  it("tells files that are missing, and raises for misuse", function()
    local net, message, code = lsqnet.load(folder .. "/none")
    assert.is_nil(net)
    assert.equal(("cannot read '%s/none': No such file or directory"):format(folder), message)
    assert.equal("no_file", code)
    assert.error_matches(function() return (lsqnet.load(1)) end,
      "bad argument #1 to 'load' %(string expected, got number%)")
    assert.error_matches(function() return (lsqnet.load "a\0b") end,
      "bad argument #1 to 'load' %(a path cannot contain a zero byte%)")
  end)
end)

describe("saving", function()
  local net
  before_each(function() net = lsqnet.network { layers = { 2, 1 } } end)

  local function failure(path)
    local saved, message, code = net:save(path)
    assert.is_nil(saved)
    assert.equal("no_write", code)
    return message
  end

  local function listing(of)
    local pipe = assert(io.popen("ls -A " .. tmp.quoted(of)))
    local names = pipe:read("a")
    pipe:close()
    return names
  end

  local function output(command)
    local pipe = assert(io.popen(command))
    local text = pipe:read("l")
    pipe:close()
    return text
  end

  it("tells where it cannot write, and leaves nothing behind", function()
    local inner = folder .. "/inner"
    os.execute("mkdir " .. tmp.quoted(inner))
    tmp.write(inner .. "/file", "old")
    assert.equal(("cannot write '%s/file/net': Not a directory"):format(inner),
      failure(inner .. "/file/net"))
    assert.equal(("cannot write '%s/none/net': No such file or directory"):format(inner),
      failure(inner .. "/none/net"))
    assert.equal(("cannot write '%s': Is a directory"):format(inner), failure(inner))
    assert.equal("cannot write '/dev/null': not a regular file", failure "/dev/null")
    assert.equal("cannot write '': No such file or directory", failure "")
    assert.matches("^cannot write '/x+': File name too long$", failure("/" .. ("x"):rep(300)))
    assert.equal("file\n", listing(inner))
    assert.equal("old", tmp.read(inner .. "/file"))
  end)

  -- A limit of the shell on the size of files stops the save in its middle.
  it("that stops in the middle leaves the old file and no other", function()
    local inner = folder .. "/full"
    os.execute("mkdir " .. tmp.quoted(inner))
    for _, case in ipairs { { "a.csv", "m:write_csv(path)" }, { "a.npy", "m:write_npy(path)" },
      { "a.pgm", "m:write_pgm(path)" }, { "a.net", "net:save(path)" } } do
      local path = tmp.write(inner .. "/" .. case[1], "old")
      local code = ([[
        local lsqnet = require "lsqnet"
        local path = arg[1]
        local m = lsqnet.matrix(2000, 200, 7)
        local net = lsqnet.network { layers = { 500, 500 } }
        local saved, message, code = %s
        assert(saved == nil and code == "no_write", message)
        io.write(message)
      ]]):format(case[2])
      local script = tmp.write(folder .. "/full.lua", code)
      local command = ("trap '' XFSZ; ulimit -f 100; LUA_PATH=%s LUA_CPATH=%s lua5.4 %s %s"):format(
        tmp.quoted(package.path), tmp.quoted(package.cpath), tmp.quoted(script), tmp.quoted(path))
      local pipe = assert(io.popen("sh -c " .. tmp.quoted(command)))
      assert.equal(("cannot write '%s': File too large"):format(path), pipe:read("a"))
      pipe:close()
      assert.equal("old", tmp.read(path))
    end
    assert.equal("a.csv\na.net\na.npy\na.pgm\n", listing(inner))
  end)

  it("keeps the old file's mode, and gives a new one what umask allows", function()
    local path = folder .. "/mode"
    os.execute("umask > " .. tmp.quoted(folder .. "/umask"))
    local umask = tonumber(tmp.read(folder .. "/umask"), 8)
    assert.is_true(net:save(path))
    assert.equal(("%o"):format(tonumber("666", 8) & ~umask),
      output("stat -c %a " .. tmp.quoted(path)))
    os.execute("chmod 640 " .. tmp.quoted(path))
    assert.is_true(net:save(path))
    assert.equal("640", output("stat -c %a " .. tmp.quoted(path)))
  end)

  it("writes through symbolic links, also to what is not there yet", function()
    local inner = folder .. "/links"
    local folders = ("mkdir -p %s/real && cd %s"):format(tmp.quoted(inner), tmp.quoted(inner))
    os.execute(folders .. " && ln -s real/net a && ln -s a b && ln -s loop loop")
    for _ = 1, 2 do
      assert.is_true(net:save(inner .. "/b"))
      assert.equal("net\n", listing(inner .. "/real"))
      assert.equal("real/net", output("readlink " .. tmp.quoted(inner .. "/a")))
      assert.same(parameters(net), parameters(assert(lsqnet.load(inner .. "/real/net"))))
    end
    assert.equal(("cannot write '%s/loop': Too many levels of symbolic links"):format(inner),
      failure(inner .. "/loop"))
    assert.equal("a\nb\nloop\nreal\n", listing(inner))
  end)

  it("takes a bare name, in the working folder", function()
    local inner = folder .. "/bare"
    os.execute("mkdir " .. tmp.quoted(inner))
    local status, _, err = run_lua.run { folder = inner,
      code = 'assert(require "lsqnet".matrix(1, 1):write_csv "x.csv")' }
    assert.equal("", err)
    assert.equal(0, status)
    assert.equal("x.csv\n", listing(inner))
  end)

  it("does not wait for another's temporary file", function()
    local inner = folder .. "/taken"
    os.execute("mkdir " .. tmp.quoted(inner))
    local status, out, err = run_lua.run { folder = inner, code = [[
      local process = io.open("/proc/self/stat")
      local id = process and process:read("a"):match("^%d+") or "1"
      for k = 0, 2 do io.open((".lsqnet-%s-%d.tmp"):format(id, k), "w"):write("theirs"):close() end
      assert(require "lsqnet".matrix(1, 1):write_csv "x.csv")
      for k = 0, 2 do
        assert(io.open((".lsqnet-%s-%d.tmp"):format(id, k)):read("a") == "theirs")
      end
      io.write(io.open("x.csv"):read("a"))
    ]] }
    assert.equal("", err)
    assert.equal(0, status)
    assert.equal("0\n", (out:gsub("%s*$", "\n")))
  end)

  it("raises for misuse", function()
    assert.error_matches(function() return (net:save "a\0b") end,
      "bad argument #1 to 'save' %(a path cannot contain a zero byte%)")
  end)
end)
