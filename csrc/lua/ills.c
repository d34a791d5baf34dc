/***
@submodule lsqnet
*/

#include "lua/support.h"

/*** ILLS, iterative linear least squares: fits each layer by linear regression in turn. The output
layer is fitted to the inverse of the targets, H = f^-1(Y); the deviation of a hidden layer's
parameters that best answers the residual to first order is solved for, the activations go
`step_size` of the way, and the layer is fitted to their inverse. Khadilkar (2023), "Using Linear
Regression for Iteratively Training Neural Networks", arXiv 2307.05189, of which
`variant="paper"` is the published form and `variant="robust"` one with the output layer projected
out of the deviations, residuals chained through all layers, anchored targets and a guard that
adapts Levenberg-Marquardt damping. docs/ills.md says what each of them buys.

Hidden activations: tanh, sigmoid (the activations clipped to their open range with
`clip_margin`), elu (above -1), leaky_relu and identity have an inverse; of relu, and leaky_relu
with alpha = 0, only active units move. Output: any activation but these two; targets are clipped
into its range with `target_margin`.

An iteration costs O(N c u^2) operations, u = (inputs + 1) units being the unknowns of a layer
(`deviation="full"`: of all hidden layers together), and as much for each try that the guard
rejects. Memory is O(u^2) a lane plus the activations, N times the sum of the widths: the
system itself does not grow with N.
@function ills
@tparam network net any depth, mse; changed in place. A usual start is weights of deviation
1/sqrt(inputs); teachers are found again from `init={"uniform", -1, 1}`
@tparam matrix X N x inputs; best scaled to O(1)
@tparam matrix Y N x outputs; best within [-0.8, 0.8] for a tanh output
@tparam[opt] table options beside the common ones:
`iterations=100`; `variant="robust"` or "paper"; `keep="best"` (of the training loss) or "last";
and, with their defaults for robust / paper: `step_size=1 / 0.3`; `deviation="chain" / "local"`, or
"full"; `fit_order="last" / "first"` (last wherever `joint` or a guard is asked for): when a sweep
fits the output layer; `joint=true / false`; `guard=true / false`: try a sweep up to 7 times until
the objective does not rise, with 10 times the damping each, or "halving" the step; `damping=1e-3 /
0` (relative to the mean of the system's diagonal; 0 takes the orthogonal route to the solution of
minimum norm); `anchor=true / false`; `target_cap=1 / math.huge` (of anchored targets);
`output_weighting="secant" / "none"`, or "target" (no effect on an identity output);
`target_margin=1e-3 / 1e-6`.
For both: `clip_margin=1e-6`; `rcond=1e-10`; `deviation_rcond=1e-8` (of deviation
systems without damping); `refit=true` (false: hidden layers take
step_size times their deviation instead of a fit: Gauss-Newton steps); `block_rows` (rows of the
data taken at a time; by default a block fits the cache; results agree to rounding)
@treturn[1] table report; the history adds `objective` (what the guard compares: the mean squared
H - z before the output activation, weighted; with secant weights the mse against the clipped
targets), `damping`, `step_size` and `tries`; the report adds `rejected`, the tries that were.
`stopped` is "tolerance" after three iterations that gain less than 1e-12 of the objective, or when
it is rounding (2^-47 of the targets, root mean square), and "diverged" when an unguarded sweep
gives numbers that are not finite
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "too_large", or "no_convergence" of a singular value decomposition
@raise when the net's loss is not mse, its output activation has no inverse, a guard is asked for
with `fit_order="first"`, shapes do not match or an option is wrong
*/
