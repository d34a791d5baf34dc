local lsqnet = require "lsqnet"
local real_data = require "lsqnet.experiments.real_data"

describe("the real data of experiments", function()
  local abalone = lsqnet.datasets.abalone

  after_each(function() lsqnet.datasets.abalone = abalone end)

  local function without_file()
    lsqnet.datasets.abalone = function() return nil, "no file of it: looked here", "no_file" end
  end

  it("are generated for quick runs where a file is missing, always the same", function()
    without_file()
    local X, Y = real_data({ quick = true }, "abalone")
    assert.same({ 600, 7, 600, 1 }, { X.rows, X.cols, Y.rows, Y.cols })
    assert.is_true(Y:std("rows"):get(1, 1) > 0.1)
    assert.is_true(X == real_data({ quick = true }, "abalone"))
  end)

  it("are missed in full runs", function()
    without_file()
    local X, message = real_data({ quick = false }, "abalone")
    assert.is_nil(X)
    assert.equal("no file of it: looked here", message)
  end)

  it("are the file's where there is one", function()
    lsqnet.datasets.abalone = function() return "X", "Y" end
    assert.same({ "X", "Y" }, { real_data({ quick = true }, "abalone") })
  end)
end)
