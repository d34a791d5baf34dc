-- Why numbers here differ from Barbu's Tables 3 and 4, as far as it was found out.

local differences = {}

differences.SPEED = nil

function differences.of_quality(_, _)
  return nil
end

function differences.of_claim(_)
  return nil
end

return differences
