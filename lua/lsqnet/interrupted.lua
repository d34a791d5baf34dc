-- Whether an error is the one that lua's own handler of Ctrl-C raises.
return function(problem)
  return tostring(problem):find("interrupted!$") ~= nil
end
