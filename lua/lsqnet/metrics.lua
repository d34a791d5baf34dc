--- Measures of fit, each called with the true values and the predicted ones, in that order. They
-- are written in C; their reference stands with that code.
-- @module lsqnet.metrics

return require("lsqnet.core").metrics
