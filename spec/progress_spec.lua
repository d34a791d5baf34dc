local lsqnet = require "lsqnet"
local run_lua = require "run_lua"

local progress = lsqnet.progress

-- A stream that keeps what is written.
local function recorder()
  local stream = { text = "" }
  function stream:write(...) self.text = self.text .. table.concat { ... } end
  function stream:flush() self.flushed = true end
  return stream
end

-- What stands on the last line of a terminal after the text has been written to it.
local function visible(text)
  local line = ""
  for part in (text:match("[^\n]*$")):gmatch("[^\r]+") do
    line = part .. line:sub(#part + 1)
  end
  return (line:gsub("%s+$", ""))
end

local function on_terminal(options)
  local stream = recorder()
  options.stream, options.terminal = stream, true
  return progress.new(options), stream
end

describe("progress on a terminal", function()
  it("shows the share done, the time elapsed and the time left", function()
    local bar, stream = on_terminal { title = "anmin", total = 8 }
    bar:update(2, "loss 3", 6)
    assert.are.equal("\ranmin [======                  ] 2/8  6.0s, 18s left  loss 3", stream.text)
    assert.is_true(stream.flushed)
    bar:update(6, "loss 2", 18)
    assert.are.equal("anmin [==================      ] 6/8  18s, 6.0s left  loss 2",
                     visible(stream.text))
  end)

  it("ends the line with the last step, once", function()
    local bar, stream = on_terminal { total = 2 }
    bar:update(1, nil, 1)
    bar:update(2, nil, 2)
    assert.matches("%[========================%] 2/2  2.0s%s*\n$", stream.text)
    local before = stream.text
    bar:finish()
    bar:finish()
    assert.are.equal(before, stream.text)
  end)

  it("covers what a longer line has left", function()
    local bar, stream = on_terminal { total = 10 }
    bar:update(1, "a long note", 1)
    bar:update(2, "x", 2)
    assert.are.equal("[=====                   ] 2/10  2.0s, 8.0s left  x", visible(stream.text))
  end)

  it("draws no more often than the eye needs", function()
    local bar, stream = on_terminal { total = 10000 }
    for i = 1, 9999 do bar:update(i, nil, i * 1e-4) end
    local _, drawn = stream.text:gsub("\r", "")
    assert.is_true(drawn >= 15 and drawn <= 25)
  end)

  it("ends the line of a run that stopped early, with its last state", function()
    local bar, stream = on_terminal { total = 100 }
    bar:update(1, nil, 0.01)
    bar:update(2, nil, 0.02) -- too soon to be drawn
    assert.matches("1/100", visible(stream.text))
    bar:finish()
    assert.matches(" 2/100 [^\n]*\n$", stream.text)
    local before = stream.text
    bar:update(3, nil, 9)
    assert.are.equal(before, stream.text)
  end)

  it("ends the line when a scope is left, also by an error", function()
    local stream
    pcall(function()
      local bar <close>, s = on_terminal { total = 5 }
      stream = s
      bar:update(1, nil, 1)
      error "stop"
    end)
    assert.matches("1/5 [^\n]*\n$", stream.text)
  end)

  it("begins a new line when the run starts again", function()
    local bar, stream = on_terminal { total = 2 }
    for restart = 0, 1 do
      for i = 1, 2 do bar:update(i, nil, 2 * restart + i) end
    end
    local _, lines = stream.text:gsub("\n", "")
    assert.are.equal(2, lines)
    assert.matches("\n\r%[============            %] 1/2", stream.text)
  end)

  it("counts without a total", function()
    local bar, stream = on_terminal { title = "restarts" }
    bar:update(7, nil, 75)
    assert.are.equal("\rrestarts 7  1:15", stream.text)
  end)

  it("tells hours", function()
    local bar, stream = on_terminal { total = 4 }
    bar:update(1, nil, 3723)
    assert.matches("1/4  1:02:03, 3:06:09 left", stream.text, 1, true)
  end)
end)

describe("progress elsewhere", function()
  it("writes a plain line now and then, and one at the end", function()
    local stream = recorder()
    local bar = progress.new { title = "adam", total = 100, interval = 5, stream = stream }
    for i = 1, 100 do bar:update(i, "loss " .. i, i * 0.1) end
    bar:finish()
    assert.are.equal("adam 1/100  0.1s  loss 1\nadam 51/100  5.1s  loss 51\n"
                     .. "adam 100/100  10s  loss 100\n", stream.text)
  end)

  it("writes the last state of a run that stopped early", function()
    local stream = recorder()
    local bar = progress.new { total = 100, stream = stream }
    for i = 1, 7 do bar:update(i, nil, i * 0.1) end
    bar:finish("stopped")
    bar:finish()
    assert.are.equal("1/100  0.1s\n7/100  0.7s  stopped\n", stream.text)
  end)

  it("is what standard error gets when it is no terminal", function()
    local status, out, err = run_lua.run {
      code = [[
        local bar = require("lsqnet").progress.new { title = "run", total = 2 }
        bar:update(1) bar:update(2) bar:finish()
      ]],
      environment = { TERM = "xterm" },
    }
    assert.are.same({ 0, "" }, { status, out })
    assert.are.equal("run 1/2  0.0s\nrun 2/2  0.0s\n", err)
  end)
end)

describe("progress.callback", function()
  it("shows iteration, losses and time, and passes the event on", function()
    local stream = recorder()
    local bar = progress.new { total = 9, stream = stream, interval = 0 }
    local seen
    local callback = bar:callback(function(event)
      seen = event
      return false
    end)
    local event = { iteration = 3, loss = 0.123456789, validation_loss = 2, seconds = 1.5 }
    assert.is_false(callback(event))
    assert.are.equal(event, seen)
    assert.are.equal("3/9  1.5s  loss 0.12346  validation 2\n", stream.text)
    assert.is_nil(bar:callback()(event))
  end)

  it("follows a trainer", function()
    local stream = recorder()
    local X, Y = lsqnet.datasets.sin_plus_one(50)
    local net = lsqnet.network { layers = { 1, 4, 1 }, init = "normal" }
    local bar = progress.new { title = "anmin", total = 5, stream = stream, interval = 0 }
    assert(lsqnet.anmin(net, X, Y, { iterations = 5, on_iteration = bar:callback() }))
    bar:finish()
    assert.matches("anmin 5/5  %d+%.%ds  loss %d", stream.text)
  end)
end)

describe("progress.new", function()
  it("says what is wrong", function()
    local function message_of(opts)
      local ok, message = pcall(progress.new, opts)
      assert.is_false(ok)
      return message
    end
    assert.matches("unknown option 'totl' %(did you mean 'total'%?%)", message_of { totl = 3 })
    assert.matches("option 'total': at least 1 expected, got 0", message_of { total = 0 })
    assert.matches("option 'title': a string expected, got number", message_of { title = 3 })
  end)
end)
