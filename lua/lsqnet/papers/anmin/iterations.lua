-- Barbu, Figures 9 to 11 for the data sets with one output.

local iterations = require "lsqnet.papers.anmin.iteration_protocol"

local protocol = iterations.of(
  { "horse_sdf", "abalone", "bike_sharing" }, { "horse_sdf", "bike_sharing" })

protocol.title = "ANMIN iteration by iteration: training MSE and log determinant"
protocol.source = "Barbu, sections 3.3 and 3.4, Figures 9 to 11"
protocol.setup = [[
  ANMIN and ANMIN-L as in anmin-table3, with the same splits and starts; every iteration is kept as
  it stands. The log determinant is that of our means, and tends to decrease where it correlates
  negatively with the number of the iteration. YearPredictionMSD's file is not at hand; the
  autoencoder, whose system has 7232 rows, is a protocol of its own, anmin-autoencoder-determinant.
]]
protocol.runs, protocol.quick_runs = 100, 2

return protocol
