--- Progress of a long run: a bar on a terminal, a line now and then elsewhere.
--
-- On a terminal one line is redrawn in place, with the share done, the time elapsed and the time
-- remaining. Elsewhere (a file, a pipe, a CI log) a plain line is written at most every
-- `interval` seconds, and one at the end. Whether standard error is a terminal is asked once,
-- of `test -t 2`.
-- @module lsqnet.progress
-- @usage
-- local bar <close> = lsqnet.progress.new { title = "anmin", total = 30 }
-- lsqnet.anmin(net, X, Y, { iterations = 30, on_iteration = bar:callback() })

local options = require "lsqnet.options"
local words = require "lsqnet.words"

local progress = {}

local BAR_WIDTH = 24
local REDRAW = 0.05 -- seconds between two drawings of the bar

local stderr_is_terminal -- asked when first needed

local function is_terminal()
  if stderr_is_terminal == nil then
    local term = os.getenv("TERM")
    stderr_is_terminal = term ~= nil and term ~= "" and term ~= "dumb"
      and os.execute("test -t 2") == true
  end
  return stderr_is_terminal
end

-- Seconds as 0.4s, 12s, 3:05 or 1:02:03.
local function duration(seconds)
  if seconds < 9.95 then return words.number("%.1fs", seconds) end
  local whole = math.floor(seconds + 0.5)
  if whole < 60 then return whole .. "s" end
  if whole < 3600 then return ("%d:%02d"):format(whole // 60, whole % 60) end
  return ("%d:%02d:%02d"):format(whole // 3600, whole // 60 % 60, whole % 60)
end

--- One bar.
-- @type bar
local bar = {}
bar.__index = bar
bar.__name = "lsqnet.progress"

-- Trainers tell the seconds since they began; without them the clock of os.time, which counts
-- whole seconds, has to do.
local function elapsed(self, seconds)
  return seconds or os.difftime(self.clock(), self.started)
end

-- What both forms say: "anmin 12/30 (40%)", the times, and the note.
local function sentence(self, times)
  local head = self.total and ("%d/%d"):format(self.done, self.total) or tostring(self.done)
  local title = self.title ~= "" and self.title .. " " or ""
  return title, head, times .. (self.note ~= "" and "  " .. self.note or "")
end

local function draw_bar(self, seconds)
  local share = self.total and math.min(1, self.done / self.total)
  local times = duration(seconds)
  if share and share > 0 and share < 1 then
    times = ("%s, %s left"):format(times, duration(seconds * (1 - share) / share))
  end
  local title, head, tail = sentence(self, times)
  local filled = share and math.floor(share * BAR_WIDTH + 0.5)
  local picture = share and ("[%s%s] "):format(("="):rep(filled), (" "):rep(BAR_WIDTH - filled))
    or ""
  local line = title .. picture .. head .. "  " .. tail
  local rest = math.max(0, self.drawn - #line) -- blanks over what a longer line has left
  self.stream:write("\r", line, (" "):rep(rest))
  self.stream:flush()
  self.drawn = #line
end

local function write_line(self, seconds)
  local title, head, tail = sentence(self, duration(seconds))
  self.stream:write(title, head, "  ", tail, "\n")
  self.stream:flush()
end

local function end_line(self)
  if self.drawn > 0 then self.stream:write("\n") end
  self.stream:flush()
  self.drawn = 0
end

local function show(self)
  self.last, self.shown = self.seconds, self.done
  if self.terminal then
    draw_bar(self, self.seconds)
  else
    write_line(self, self.seconds)
  end
end

--- Tells how far the run has come, and shows it if it is time to. The last step ends the line;
-- a run that starts again after it (another restart) gets a new one.
-- @tparam int done steps done, of `total`
-- @tparam[opt] string note shown after the times, say the loss
-- @tparam[opt] number seconds elapsed; without it whole seconds are counted
function bar:update(done, note, seconds)
  if self.closed then return end
  self.done, self.note = done, note or ""
  self.seconds = elapsed(self, seconds)
  local is_last = self.total and done >= self.total
  local every = self.terminal and REDRAW or self.interval
  if is_last or not self.last or self.seconds - self.last >= every then show(self) end
  if is_last then end_line(self) end
end

--- Ends the line, after showing the last state if it was not yet. Further calls of `update` and
-- `finish` do nothing. A bar that is declared `<close>` calls it by itself.
-- @tparam[opt] string note replaces the last one
function bar:finish(note)
  if self.closed then return end
  self.note = note or self.note
  if note or self.shown ~= self.done then show(self) end
  end_line(self)
  self.closed = true
end

bar.__close = function(self) self:finish() end

--- A function for a trainer's `on_iteration`: shows the iteration, its loss and the time. Where
-- `total` was not given only the count is shown. A run that may stop before `total` needs
-- `finish`, or a bar declared `<close>`, for the end of the line.
-- @tparam[opt] function also called with each event as well; its result is the callback's, so it
-- can stop the training
-- @treturn function
function bar:callback(also)
  return function(event)
    local note = event.loss and "loss " .. words.number("%.5g", event.loss) or ""
    if event.validation_loss then
      note = note .. "  validation " .. words.number("%.5g", event.validation_loss)
    end
    self:update(event.iteration, note, event.seconds)
    if also then return also(event) end
  end
end

--- @section end

local NEW = {
  title = { type = "string", default = "" },
  total = { type = "integer", minimum = 1 },
  interval = { type = "number", default = 5, minimum = 0 },
  stream = { type = "any" },
  terminal = { type = "boolean" },
}

--- Starts a bar.
-- @tparam[opt] table opts `title`; `total`, the number of steps; `interval=5`, the seconds between
-- plain lines; `stream` (default `io.stderr`), anything with `write` and `flush`; `terminal`:
-- true or false, by default whether standard error is one (false for another stream)
-- @treturn bar
-- @raise when an option is unknown or wrong
function progress.new(opts)
  local o = options.read(opts, NEW)
  if o.terminal == nil then o.terminal = o.stream == nil and is_terminal() end
  return setmetatable({
    title = o.title, total = o.total, interval = o.interval, terminal = o.terminal,
    stream = o.stream or io.stderr, clock = os.time, started = os.time(),
    done = 0, note = "", seconds = 0, drawn = 0, shown = 0,
  }, bar)
end

return progress
