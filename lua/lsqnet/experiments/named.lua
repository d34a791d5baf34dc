-- The entry of a list with a name, or nil.
return function(list, name)
  for _, entry in ipairs(list) do
    if entry.name == name then return entry end
  end
end
