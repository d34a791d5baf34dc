/***
@submodule lsqnet
*/

#include "train/linstorch.h" /* the reference entries of these trainers, and nothing else */

/*** Linstorch: solves every layer of a ReLU net by linear regression, the ReLUs behind it ignored.
Khanov and Akbas, "Approximating Dense ReLU Networks Using Linear Regression", Algorithms 1 to 4.
The net that results depends on X through the linear regression of Y on X alone.
@function linstorch
@tparam network net relu, of any depth, mse, identity or relu output (the latter is ignored while
targets are taken back); changed in place
@tparam matrix X N x inputs
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones: `order="backward_first"` or "forward_first";
`solves=1`; `form="affine"` or "paper" (homogeneous matrices); `keep="last"` or "best";
`trace=false`; `rcond=0` (0: max(rows, columns) * 2^-52); `restarts` are solved on all cores unless
somebody watches them (`on_iteration`, `verbose`, `validation`); `target_loss` is held against
finished nets
@treturn[1] table report; one history entry a layer solve, with the `layer`; with `trace=true`,
`trace`, the list of the mse behind each layer solve
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise when the net is of another kind, shapes do not match or an option is wrong
*/

/*** Extreme learning machine: the output layer by linear regression, the hidden ones as drawn.
@function elm
@tparam network net of any depth and hidden activation, mse, identity or relu output; changed
@tparam matrix X N x inputs
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones: `rcond=0`, as of `linstorch`
@treturn[1] table report
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `linstorch`
*/

/*** Random search: draws nets, solves nothing, keeps the best.
@function random_search
@tparam network net of any kind, the first candidate; changed in place
@tparam matrix X N x inputs
@tparam matrix Y N x outputs
@tparam[opt] table options the common ones: `restarts`, `target_loss`, `time_limit`, ...
@treturn[1] table report; one history entry a net
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise when shapes do not match or an option is wrong
*/

/*** Spreads one knot a unit over the quantiles of the regression's prediction; solves the output.
@function spread_net
@tparam network net layers {d, h, p}, relu, identity output, biases, mse; changed in place
@tparam matrix X N x d
@tparam matrix Y N x p
@tparam[opt] table options beside the common ones: `noise=0`, deviation of a random direction added
to each unit, as a share of the regression's
@treturn[1] table report
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `linstorch`
*/

/*** Finds the best single knot along the linear regression: what restarts of Linstorch look for.
@function knot_search
@tparam network net layers {d, h, 1}, relu, identity output, biases, mse; changed in place
@tparam matrix X N x d
@tparam matrix Y N x 1
@tparam[opt] table options beside the common ones: `knots=256`, quantiles tried before refining
@treturn[1] table report, with `knot`, in units of Y
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `linstorch`
*/
