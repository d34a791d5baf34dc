local lsqnet = require "lsqnet"
local tmp = require "tmp"

-- The C programs of spec/hosts and examples/embed lie beside the module that is under test.
local build = package.searchpath("lsqnet.core", package.cpath):match("^(.*)/lsqnet/[^/]*$")

-- Output (both streams) and how the program ended: "exit 0", "signal 11".
local function run(host, argument)
  local program = build .. "/hosts/" .. host
  assert(tmp.exists(program), program .. " is missing: make hosts builds it")
  local pipe = assert(io.popen(("LUA_PATH=%s LUA_CPATH=%s %s %s 2>&1"):format(
    tmp.quoted(package.path), tmp.quoted(package.cpath), tmp.quoted(program),
    argument and tmp.quoted(argument) or "")))
  local output = pipe:read("a")
  local _, how, code = pipe:close()
  return output, how .. " " .. code
end

local function assert_done(host, argument)
  local output, ending = run(host, argument)
  assert.equal("exit 0", ending, output)
  assert.truthy(output:match("done\n$"), output)
  return output
end

describe("C hosts", function()
  it("cut no count of 64 bits to 32", function()
    assert_done("sizes")
  end)

  it("open, use and close 50 states in turn", function()
    assert_done("states")
  end)

  it("train in two states in two threads at once, with the results of one after the other",
    function()
      assert_done("threads")
    end)

  it("interrupt a training by a call hook, a count hook and a signal", function()
    assert_done("interrupt")
  end)

  it("see a memory error or success when memory runs out at any allocation", function()
    tmp.with(function(folder)
      local output = assert_done("memory", folder)
      assert.is_true(tonumber(output:match("(%d+) allocations")) > 500, output)
      local listing = assert(io.popen("ls " .. tmp.quoted(folder)))
      assert.equal("net.safetensors\nx.csv\nx.npy\n", listing:read("a"))
      listing:close()
    end)
  end)

  it("pass an array in and read the prediction (examples/embed)", function()
    local output, ending = run("embed")
    assert.equal("exit 0", ending, output)
    local rows = 0
    for y, predicted in output:gmatch("y = *(%S+) *predicted *(%S+)") do
      assert.near(tonumber(y), tonumber(predicted), 0.1)
      rows = rows + 1
    end
    assert.equal(5, rows)
    local mse = tonumber(output:match("mean squared error (%S+)"))
    assert.is_true(mse < 1e-3, output)
  end)
end)

describe("the header", function()
  it("has the version that the module reports", function()
    local text = tmp.read("csrc/lsqnet.h")
    local version = text:match('#define LSQNET_VERSION "([^"]+)"')
    local parts = {}
    for _, part in ipairs { "MAJOR", "MINOR", "PATCH" } do
      parts[#parts + 1] = text:match("#define LSQNET_VERSION_" .. part .. " (%d+)")
    end
    assert.equal(version, table.concat(parts, "."))
    assert.equal("lsqnet " .. version, lsqnet._VERSION)
  end)
end)
