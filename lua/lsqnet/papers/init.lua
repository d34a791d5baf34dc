-- The protocols there are. That of "PAPER-NAME" is the file NAME.lua in the folder of the paper,
-- with underscores for hyphens.

local papers = {}

-- In the order of the papers.
papers.names = {
  "anmin-learning-rates",
  "anmin-table3",
  "anmin-figure3",
  "anmin-simulations",
  "anmin-ablation",
  "anmin-iterations",
  "anmin-autoencoder-determinant",
  "linstorch-table1",
  "linstorch-races",
  "linstorch-figure8",
  "ills-stability",
  "ills-recovery",
  "ills-time-series",
  "triangle-figure1",
  "triangle-tables",
  "triangle-table3",
  "triangle-figures5-6",
  "triangle-figures7-8",
  "triangle-figure13",
  "triangle-figure14",
  "triangle-figure15",
}

-- The protocol of a name of the list.
function papers.protocol(name)
  return require("lsqnet.papers." .. name:gsub("-", ".", 1):gsub("-", "_"))
end

return papers
