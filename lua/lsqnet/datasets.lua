--- Data sets: readers for the ones of the papers, and generators.
-- Each function returns the inputs X, the targets Y, and the names of the columns of X as a list
-- whose field `target` names Y.
--
-- A reader takes the path of a file, or of a folder that holds it. Without one it looks into the
-- folder that the environment variable `LSQNET_DATA` names, then into `data/`. The files may be
-- as published or as prepared for the ANMIN paper; the content tells which. A missing file gives
-- nil, a message that says where to get it and where to put it, and "no_file"; a file that holds
-- something else gives nil, a message and "bad_format".
--
-- A generator takes the number of samples, and options; it raises where these are wrong.
-- @module lsqnet.datasets
-- @usage
-- local X, Y, names = lsqnet.datasets.abalone()
-- local X, Y = assert(lsqnet.datasets.bike_sharing("downloads/hour.csv"))
-- local X, Y = lsqnet.datasets.sin_norm_squared(1000, { dimension = 3, seed = 7 })

local datasets = {}

for _, part in ipairs { "lsqnet.datasets.readers", "lsqnet.datasets.generators" } do
  for name, f in pairs(require(part)) do datasets[name] = f end
end

return datasets
