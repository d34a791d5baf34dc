/*** What a network computes from data: predictions, losses, gradients, linear pieces.
@submodule network
*/
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "lua/network.h"
#include "nn/forward.h"
#include "nn/regions.h"

static const char *plural(size_t count, const char *one, const char *many) {
  return count == 1 ? one : many;
}

static void check_inputs(lua_State *L, int arg, const lsq_network *net, const lsq_matrix *x) {
  const size_t inputs = lsq_network_inputs(net);
  if (x->cols != inputs)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "X has %I %s, the network takes %I %s", (LUAI_UACINT)x->cols,
                                  plural(x->cols, "column", "columns"), (LUAI_UACINT)inputs,
                                  plural(inputs, "input", "inputs")));
}

void lsq_lua_check_targets(lua_State *L, int arg, const lsq_loss *loss, const lsq_matrix *y) {
  size_t row;
  if (lsq_loss_accepts(loss, y, &row))
    return;
  luaL_argerror(L, arg,
                lua_pushfstring(L, "Y row %I cannot be a target of %s: %s expected",
                                (LUAI_UACINT)(row + 1), loss->name,
                                lsq_loss_targets(loss, y->cols)));
}

lsq_status lsq_lua_check_samples(lua_State *L, const lsq_network *net, const lsq_loss *loss,
                                 int x_arg, lsq_error *error) {
  const lsq_matrix *x = lsq_lua_check_matrix(L, x_arg);
  const lsq_matrix *y = lsq_lua_check_matrix(L, x_arg + 1);
  const size_t outputs = lsq_network_outputs(net);
  check_inputs(L, x_arg, net, x);
  luaL_argcheck(L, x->rows > 0, x_arg, "X has no rows");
  if (y->rows != x->rows)
    luaL_argerror(L, x_arg + 1,
                  lua_pushfstring(L, "%I rows expected to match X, got %I", (LUAI_UACINT)x->rows,
                                  (LUAI_UACINT)y->rows));
  if (y->cols != outputs)
    luaL_argerror(L, x_arg + 1,
                  lua_pushfstring(L, "Y has %I %s, the network has %I %s", (LUAI_UACINT)y->cols,
                                  plural(y->cols, "column", "columns"), (LUAI_UACINT)outputs,
                                  plural(outputs, "output", "outputs")));
  lsq_status status = lsq_lua_check_finite(x, "X", error);
  if (status == LSQ_OK)
    status = lsq_lua_check_finite(y, "Y", error);
  if (status == LSQ_OK)
    lsq_lua_check_targets(L, x_arg + 1, loss, y);
  return status;
}

const lsq_loss *lsq_lua_check_loss(lua_State *L, int arg, const lsq_loss *standard) {
  if (lua_isnoneornil(L, arg))
    return standard;
  const char *name = luaL_checkstring(L, arg);
  for (int k = 0; lsq_loss_names[k] != NULL; k++)
    if (strcmp(name, lsq_loss_names[k]) == 0)
      return lsq_losses[k];
  luaL_argerror(L, arg, lua_pushfstring(L, "'mse' or 'cross_entropy' expected, got '%s'", name));
  return standard;
}

/* Pushes the activations after layer k of the rows of x. */
static lsq_matrix *push_activations(lua_State *L, const lsq_network *net, const lsq_matrix *x,
                                    size_t layer) {
  const size_t cols = layer == 0 ? x->cols : net->layers[layer - 1].weight.cols;
  lsq_matrix *out = lsq_lua_new_matrix(L, x->rows, cols);
  int before = lsq_lua_enter(L);
  const size_t bytes = lsq_forward_workspace(net, x->rows);
  lsq_threads_leave(before);
  void *workspace = lsq_lua_block(L, bytes);
  before = lsq_lua_enter(L);
  lsq_forward(net, x, layer, out, workspace);
  lsq_threads_leave(before);
  lua_pop(L, 1);
  return out;
}

/*** The output of the network as it is: logits where its loss is cross-entropy. What is not
finite in X shows in the rows concerned.
@function network:predict
@tparam matrix X rows x inputs
@treturn matrix rows x outputs
*/
static int predict(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2);
  check_inputs(L, 2, net, x);
  push_activations(L, net, x, net->depth);
  return 1;
}

/*** The softmax of the output, row by row, or its logistic function where there is one output,
whatever the loss of the network.
@function network:probabilities
@tparam matrix X rows x inputs
@treturn matrix rows x outputs
*/
static int probabilities(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2);
  check_inputs(L, 2, net, x);
  lsq_loss_mean(&lsq_loss_cross_entropy, push_activations(L, net, x, net->depth));
  return 1;
}

/*** The activations after a layer.
@function network:activations
@tparam matrix X rows x inputs
@tparam int k 0..L; 0 is X itself (a copy), L the output
@treturn matrix rows x width of the layer
*/
static int activations(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2);
  const lua_Integer layer = luaL_checkinteger(L, 3);
  check_inputs(L, 2, net, x);
  if (layer < 0 || (lua_Unsigned)layer > net->depth)
    luaL_argerror(L, 3,
                  lua_pushfstring(L, "a layer from 0 to %I expected, got %I",
                                  (LUAI_UACINT)net->depth, (LUAI_UACINT)layer));
  push_activations(L, net, x, (size_t)layer);
  return 1;
}

/*** The mean loss: of mse over all entries, of cross-entropy over the rows.
@function network:loss
@tparam matrix X rows x inputs, at least one row
@tparam matrix Y rows x outputs; for cross-entropy rows of probabilities (they sum to 1 within
1e-6), or 0/1 where there is one output
@tparam[opt] string loss `mse` or `cross_entropy`; the network's own unless given
@treturn[1] number
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X or Y is not finite
@raise when shapes do not fit, or Y cannot be targets of cross-entropy
*/
static int loss(lua_State *L) {
  lsq_error error;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const lsq_loss *which = lsq_lua_check_loss(L, 4, net->loss);
  if (lsq_lua_check_samples(L, net, which, 2, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2), *y = lsq_lua_check_matrix(L, 3);
  int before = lsq_lua_enter(L);
  const size_t bytes = lsq_forward_workspace(net, x->rows);
  lsq_threads_leave(before);
  void *workspace = lsq_lua_block(L, bytes);
  before = lsq_lua_enter(L);
  const double value = lsq_network_loss(net, which, x, y, workspace);
  lsq_threads_leave(before);
  lua_pushnumber(L, value);
  return 1;
}

/*** The loss and its gradient by backpropagation. At the kink of relu and leaky_relu the
derivative is the left one (0, alpha), as in PyTorch.
@function network:gradient
@tparam matrix X rows x inputs, at least one row
@tparam matrix Y rows x outputs, as for `loss`
@tparam[opt] string loss `mse` or `cross_entropy`; the network's own unless given
@treturn[1] number the loss
@treturn[1] matrix P x 1, in the order of `parameters`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X or Y is not finite
@raise when shapes do not fit, or Y cannot be targets of cross-entropy
*/
static int gradient(lua_State *L) {
  lsq_error error;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const lsq_loss *which = lsq_lua_check_loss(L, 4, net->loss);
  if (lsq_lua_check_samples(L, net, which, 2, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2), *y = lsq_lua_check_matrix(L, 3);
  int before = lsq_lua_enter(L);
  const size_t bytes = lsq_gradient_workspace(net, x->rows);
  lsq_threads_leave(before);
  void *workspace = lsq_lua_block(L, bytes);
  lsq_matrix *flat = lsq_lua_new_matrix(L, net->parameter_count, 1);
  before = lsq_lua_enter(L);
  const double value = lsq_network_gradient(net, which, x, y, flat->data, workspace);
  lsq_threads_leave(before);
  lua_pushnumber(L, value);
  lua_insert(L, -2);
  return 2;
}

/*** How good the network is: the accuracy where its loss is cross-entropy, otherwise R2,
averaged over the output columns (a constant column counts 1 where it is predicted exactly,
otherwise 0).
@function network:score
@tparam matrix X rows x inputs, at least one row
@tparam matrix Y rows x outputs, as for `loss`
@treturn[1] number
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X or Y is not finite
@raise when shapes do not fit, or Y cannot be targets of cross-entropy
*/
static int score(lua_State *L) {
  lsq_error error;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  if (lsq_lua_check_samples(L, net, net->loss, 2, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2), *y = lsq_lua_check_matrix(L, 3);
  const lsq_matrix *output = push_activations(L, net, x, net->depth);
  lua_pushnumber(L, net->loss->score(y, output, NULL));
  return 1;
}

/*** The number of linear pieces of a network of one input and activations `identity`, `relu`
or `leaky_relu` on an interval, by following every unit's kink through the layers, without
sampling. A piece ends where any output's slope changes; kinks that cancel, or that no output
sees, do not count. Kinks closer than 1e-12 max(|lo|, |hi|) to each other or to an end of the
interval are one.
@function network:linear_regions
@tparam number lo
@tparam number hi above lo
@tparam[opt=1e-12] number tolerance slopes that differ by at most this, relative to the sum of
the absolute terms that an output's slope is made of, are the same: what cancels exactly
differs by rounding
@treturn[1] int at least 1
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: a parameter is not finite
@raise when the network has several inputs or another activation
*/
static int linear_regions(lua_State *L) {
  lsq_error error;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const double low = luaL_checknumber(L, 2), high = luaL_checknumber(L, 3);
  const double tolerance = luaL_optnumber(L, 4, 1e-12);
  luaL_argcheck(L, isfinite(low), 2, "a finite number expected");
  luaL_argcheck(L, isfinite(high) && low < high, 3,
                "a finite upper end above the lower one expected");
  luaL_argcheck(L, tolerance >= 0, 4, "a tolerance of at least 0 expected");
  if (lsq_network_inputs(net) != 1)
    luaL_error(L, "linear_regions needs a network of 1 input, this one takes %I",
               (LUAI_UACINT)lsq_network_inputs(net));
  if (!lsq_regions_countable(net))
    luaL_error(L, "linear_regions needs the activations identity, relu or leaky_relu");
  const lsq_matrix flat = lsq_matrix_over(net->parameters, net->parameter_count, 1);
  if (!lsq_matrix_is_finite(&flat, NULL, NULL)) {
    lsq_fail(&error, LSQ_NON_FINITE, "a parameter of the network is not finite");
    return lsq_lua_failure(L, &error);
  }
  /* A hook that runs between two steps may change the net: the count walks a copy. */
  net = lsq_lua_clone_network(L, 1);
  void *memory = lsq_lua_block(L, lsq_regions_size(net));
  lsq_regions *regions = lsq_regions_start(memory, net, low, high, tolerance);
  while (lsq_regions_step(regions))
    lsq_lua_answer_host(L);
  lua_pushinteger(L, (lua_Integer)lsq_regions_count(regions));
  return 1;
}

const luaL_Reg lsq_lua_network_runs[] = {{"predict", predict},
                                         {"probabilities", probabilities},
                                         {"activations", activations},
                                         {"loss", loss},
                                         {"gradient", gradient},
                                         {"score", score},
                                         {"linear_regions", linear_regions},
                                         {NULL, NULL}};
