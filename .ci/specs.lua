-- Busted with its own closing line: a run that a library ends (reference LAPACK stops the
-- process with exit status 0 on some input) must not count as passed. Arguments: busted's.

package.preload["busted.outputHandlers.closing"] = function()
  return function(options)
    local busted = require "busted"
    local handler = require "busted.outputHandlers.plainTerminal"(options)
    busted.subscribe({ "exit" }, function()
      print(("closing: %d passed, %d failed, %d pending"):format(handler.successesCount,
        handler.failuresCount + handler.errorsCount, handler.pendingsCount))
      io.stdout:flush()
    end)
    return handler
  end
end

require "busted.runner" { standalone = false, output = "closing" }
