-- Barbu, Figures 10 and 11 for the autoencoder.

local iterations = require "lsqnet.papers.anmin.iteration_protocol"

local protocol = iterations.of({ "bsds_patches" }, {})

protocol.title = "ANMIN's log determinant on the autoencoder"
protocol.source = "Barbu, section 3.4, Figures 10 and 11"
protocol.setup = [[
  As anmin-iterations, on the autoencoder of anmin-table3. Only an exact solve has the determinant,
  and its system of 7232 rows takes minutes a run, so that there are few.
]]
protocol.runs, protocol.quick_runs = 2, 1

return protocol
