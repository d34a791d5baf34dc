-- Measures of fit are written in C, where their reference stands too.
return require("lsqnet.core").metrics
