local lsqnet = require "lsqnet"
local tmp = require "tmp"

describe("README.md", function()
  local text = tmp.read("README.md")

  it("has an example that runs and prints what it says", function()
    local example = assert(text:match("```lua\n(.-)```"), "no ```lua block")
    local printed = {}
    local environment = setmetatable({
      print = function(...)
        printed[#printed + 1] = tostring(...)
      end,
    }, { __index = _G })
    tmp.with(function(folder)
      -- What the example saves goes to a folder of its own.
      example = example:gsub('"([%w_]+%.safetensors)"', ('"%s/%%1"'):format(folder))
      assert(load(example, "=README.md", "t", environment))()
    end)
    local promised = {}
    for comment in example:gmatch("print%b()%s*%-%-> ([^\n]+)") do
      promised[#promised + 1] = comment
    end
    assert.is_true(#promised > 0)
    assert.same(promised, printed)
  end)

  it("begins with the two commands", function()
    local demo, test = text:find("make deps demo", 1, true), text:find("make deps test", 1, true)
    local example = text:find("```lua", 1, true)
    assert.is_true(demo < test and test < example)
  end)

  it("names only files that exist", function()
    for target in text:gmatch("%]%(([^)#]+)%)") do
      if not target:match("^https?://") then
        assert.is_true(os.rename(target, target) ~= nil, target)
      end
    end
  end)

  it("maps every folder at the top", function()
    local map = assert(text:match("## Where things are\n(.-)\n## "))
    local listing = assert(io.popen("ls -d -- */ csrc/*/"))
    for folder in listing:lines() do
      if not folder:match("^build/") and not folder:match("^data/") then
        assert.truthy(map:find("`" .. folder .. "`", 1, true), folder)
      end
    end
    listing:close()
  end)

  it("states the version", function()
    local changes = tmp.read("CHANGELOG.md")
    local version = lsqnet._VERSION:match("%S+$")
    assert.truthy(changes:find("## [" .. version .. "]", 1, true))
  end)
end)
