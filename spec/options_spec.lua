local lsqnet = require "lsqnet"

local matrix = lsqnet.matrix

describe("options", function()
  local net, X, Y

  before_each(function()
    net = lsqnet.network { layers = { 2, 3, 1 } }
    X, Y = matrix { { 1, 2 }, { 3, 4 }, { 5, 7 } }, matrix { 1, 2, 3 }
  end)

  local function refusal(options)
    local ok, message = pcall(lsqnet.anmin, net, X, Y, options)
    assert.is_false(ok)
    return (message:gsub("^.-:%d+: ", ""))
  end

  it("suggests the option that was meant", function()
    assert.are.equal("unknown option 'lamda' (did you mean 'lambda'?)", refusal { lamda = 1 })
    assert.are.equal(
      "unknown option 'iteratoins' (did you mean 'iterations'?)",
      refusal { iteratoins = 1 }
    )
    assert.are.equal(
      "unknown option 'target_los' (did you mean 'target_loss'?)",
      refusal { target_los = 1 }
    )
    assert.are.equal("unknown option 'quark'", refusal { quark = 1 })
    assert.are.equal("unknown option '" .. ("x"):rep(99) .. "'", refusal { [("x"):rep(99)] = 1 })
  end)

  it("names the type it expected", function()
    assert.are.equal("option 'lambda': a number expected, got string", refusal { lambda = "1" })
    assert.are.equal(
      "option 'iterations': an integer expected, got 2.5",
      refusal { iterations = 2.5 }
    )
    assert.are.equal("option 'verbose': a boolean expected, got number", refusal { verbose = 1 })
    assert.are.equal("option 'keep': a string expected, got boolean", refusal { keep = true })
    assert.are.equal("options are named: a number cannot be the name of one", refusal { 5 })
    assert.are.equal(
      "bad argument #4 to 'anmin' (a table of options expected, got number)",
      (select(2, pcall(function()
        lsqnet.anmin(net, X, Y, 30)
      end)):gsub("^.-:%d+: ", ""))
    )
  end)

  it("names the range and the choices", function()
    assert.are.equal("option 'lambda': at least 0.0 expected, got -1.0", refusal { lambda = -1 })
    assert.are.equal("option 'lambda': a number expected, got nan", refusal { lambda = 0 / 0 })
    assert.are.equal("option 'restarts': at least 1.0 expected, got 0.0", refusal { restarts = 0 })
    assert.are.equal(
      "option 'keep': 'best' or 'last' expected, got 'bset' (did you mean 'best'?)",
      refusal { keep = "bset" }
    )
    assert.are.equal(
      "option 'degenerate': 'svd', 'restart' or 'stop' expected, got 'ignore'",
      refusal { degenerate = "ignore" }
    )
  end)

  it("are what is in the table, not what a metatable would add", function()
    local function train(options)
      local fresh = net:clone()
      lsqnet.anmin(fresh, X, Y, options)
      return fresh:parameters()
    end
    local inherited = setmetatable({ iterations = 2 }, {
      __index = function(_, name) error("option '" .. name .. "' asked of the metatable") end,
    })
    assert.is_true(train(inherited) == train { iterations = 2 })
  end)

  it("describes themselves", function()
    local by_name = {}
    for _, option in ipairs(lsqnet.options "anmin") do
      assert.is_string(option.text)
      by_name[option.name] = option
    end
    assert.are.equal(30, by_name.iterations.default)
    assert.are.equal("integer", by_name.iterations.type)
    assert.are.equal(1e-3, by_name.lambda.default)
    assert.are.equal(0, by_name.lambda.minimum)
    assert.are.same({ "best", "last" }, by_name.keep.choices)
    assert.are.equal("best", by_name.keep.default)
    assert.are.equal(false, by_name.condition.default)
    assert.are.equal("value", by_name.validation.type)
    assert.error_matches(function()
      lsqnet.options "anmim"
    end, "no trainer is named 'anmim' %(did you mean 'anmin'%?%)")
  end)
end)
