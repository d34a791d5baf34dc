/*** What a network computes from data: predictions, losses, gradients, linear pieces.
@submodule network
*/
#include <math.h>

#include "base/threads.h"
#include "lua/loss.h"
#include "lua/network.h"
#include "lua/rows.h"
#include "nn/regions.h"

/* Pushes the activations after layer k of the rows of x; false and the error filled when they
   cannot be read. */
static lsq_matrix *push_activations(lua_State *L, const lsq_network *net, const lsq_rows *rows,
                                    size_t layer, lsq_error *error) {
  const size_t cols = layer == 0 ? rows->x->cols : net->layers[layer - 1].weight.cols;
  lsq_matrix *out = lsq_lua_new_matrix(L, rows->x->rows, cols);
  lsq_forward_work work;
  lsq_lua_place_forward(L, &work, net, rows);
  const int before = lsq_lua_enter(L);
  const lsq_status status = lsq_forward(net, rows, layer, out, &work, error);
  lsq_threads_leave(before);
  lua_pop(L, 1);
  return status == LSQ_OK ? out : NULL;
}

/*** The softmax of the output, row by row, or its logistic function where there is one output,
whatever the loss of the network.
@function network:probabilities
@tparam matrix|stream X rows x inputs
@treturn[1] matrix rows x outputs
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `no_file`: a stream that cannot be read any more
*/
static int probabilities(lua_State *L) {
  lsq_error error;
  lsq_rows rows;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  lsq_lua_check_inputs(L, 2, net, &rows);
  const lsq_matrix *out = push_activations(L, net, &rows, net->depth, &error);
  if (out == NULL)
    return lsq_lua_failure(L, &error);
  lsq_loss_mean(&lsq_loss_cross_entropy, out);
  return 1;
}

/*** The activations after a layer.
@function network:activations
@tparam matrix|stream X rows x inputs
@tparam int k 0..L; 0 is X itself (a copy), L the output
@treturn[1] matrix rows x width of the layer
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `no_file`: a stream that cannot be read any more
*/
static int activations(lua_State *L) {
  lsq_error error;
  lsq_rows rows;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  luaL_checkany(L, 2);
  const lua_Integer layer = luaL_checkinteger(L, 3);
  lsq_lua_check_inputs(L, 2, net, &rows);
  if (layer < 0 || (lua_Unsigned)layer > net->depth)
    luaL_argerror(L, 3,
                  lua_pushfstring(L, "a layer from 0 to %I expected, got %I",
                                  (LUAI_UACINT)net->depth, (LUAI_UACINT)layer));
  if (push_activations(L, net, &rows, (size_t)layer, &error) == NULL)
    return lsq_lua_failure(L, &error);
  return 1;
}

typedef struct {
  int loss; /* -1: the net's own */
} run_settings;

static const lsq_option run_options[] = {
    {.name = "loss",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(run_settings, loss),
     .standard = -1,
     .choices = lsq_loss_names,
     .text = "the loss to compute; default: the net's own"},
    {.name = "weights",
     .type = LSQ_OPTION_VALUE,
     .text = "N x 1 matrix: how often each row counts, not negative"},
    {.name = NULL}};

/* What loss and gradient take behind X and Y: a loss's name, options, or both. Returns the index
   of the options, and the net with the loss asked for. */
static int read_run(lua_State *L, lsq_network *net) {
  const int options = lua_type(L, 4) == LUA_TSTRING ? 5 : 4;
  run_settings chosen;
  lsq_lua_loss_parameters parameters;
  const lsq_loss *loss = options == 5 ? lsq_lua_check_loss(L, 4) : net->loss;
  lua_settop(L, options);
  lsq_lua_loss_parameters_start(&parameters);
  lsq_lua_read_options(L, options, run_options, &chosen, parameters.options, parameters.values);
  if (chosen.loss >= 0)
    loss = lsq_losses[chosen.loss];
  lsq_lua_set_loss(L, net, loss, &parameters);
  return options;
}

/*** The mean loss over the rows, by their weights; of mse, huber, quantile and absolute over all
entries.
@function network:loss
@tparam matrix|stream X rows x inputs, at least one row; or a stream of both
@tparam ?matrix Y rows x outputs; for cross-entropy rows of probabilities (they sum to 1 within
1e-6), or 0/1 where there is one output; for poisson not negative; nil behind a stream
@tparam[opt] string loss as for `lsqnet.network`; the network's own unless given
@tparam[opt] table options
@tparam[opt] string options.loss the same
@tparam[opt] matrix options.weights rows x 1, not negative: how often each row counts
@treturn[1] number
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X, Y or a weight is not finite; `no_file`: a stream that cannot
be read any more
@raise when shapes do not fit, or Y cannot be targets of the loss
*/
static int loss(lua_State *L) {
  lsq_error error;
  lsq_rows rows;
  lsq_forward_work work;
  lsq_network net = *lsq_lua_check_network(L, 1);
  const int options = read_run(L, &net);
  if (lsq_lua_check_rows(L, &net, 2, options, &rows, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_lua_place_forward(L, &work, &net, &rows);
  const int before = lsq_lua_enter(L);
  const double value = lsq_network_loss(&net, &rows, &work);
  lsq_threads_leave(before);
  if (lsq_forward_status(&work, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushnumber(L, value);
  return 1;
}

/*** The loss and its gradient by backpropagation. At the kink of relu and leaky_relu the
derivative is the left one (0, alpha), as in PyTorch; that of absolute and quantile is 0 where the
error is 0.
@function network:gradient
@tparam matrix|stream X rows x inputs, at least one row; or a stream of both
@tparam ?matrix Y rows x outputs, as for `loss`
@tparam[opt] string loss as for `loss`
@tparam[opt] table options as for `loss`
@treturn[1] number the loss
@treturn[1] matrix P x 1, in the order of `parameters`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X, Y or a weight is not finite; `no_file`: a stream that cannot
be read any more
@raise when shapes do not fit, or Y cannot be targets of the loss
*/
static int gradient(lua_State *L) {
  lsq_error error;
  lsq_rows rows;
  lsq_gradient_work work;
  lsq_network net = *lsq_lua_check_network(L, 1);
  const int options = read_run(L, &net);
  if (lsq_lua_check_rows(L, &net, 2, options, &rows, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_lua_place_gradient(L, &work, &net, &rows);
  lsq_matrix *flat = lsq_lua_new_matrix(L, net.parameter_count, 1);
  const int before = lsq_lua_enter(L);
  const double value = lsq_network_gradient(&net, &rows, flat->data, &work);
  lsq_threads_leave(before);
  if (lsq_gradient_status(&work, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushnumber(L, value);
  lua_insert(L, -2);
  return 2;
}

static const lsq_option score_options[] = {
    {.name = "weights",
     .type = LSQ_OPTION_VALUE,
     .text = "N x 1 matrix: how often each row counts, not negative"},
    {.name = NULL}};

/*** How good the network is: the accuracy where its loss is cross-entropy, otherwise the R2 of
what it expects (for poisson the exponential of its output), averaged over the output columns (a
constant column counts 1 where it is predicted exactly, otherwise 0).
@function network:score
@tparam matrix|stream X rows x inputs, at least one row; or a stream of both
@tparam ?matrix Y rows x outputs, as for `loss`
@tparam[opt] table options
@tparam[opt] matrix options.weights rows x 1, not negative: how often each row counts
@treturn[1] number
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X, Y or a weight is not finite; `no_file`: a stream that cannot
be read any more
@raise when shapes do not fit, or Y cannot be targets of the loss
*/
static int score(lua_State *L) {
  lsq_error error;
  lsq_rows rows;
  lsq_forward_work work;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  lua_settop(L, 4);
  lsq_lua_read_options(L, 4, score_options, NULL, NULL, NULL);
  if (lsq_lua_check_rows(L, net, 2, 4, &rows, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_lua_place_forward(L, &work, net, &rows);
  const int before = lsq_lua_enter(L);
  const double value = lsq_network_score(net, &rows, &work);
  lsq_threads_leave(before);
  if (lsq_forward_status(&work, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushnumber(L, value);
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

const luaL_Reg lsq_lua_network_runs[] = {{"predict", lsq_lua_network_predict},
                                         {"probabilities", probabilities},
                                         {"activations", activations},
                                         {"loss", loss},
                                         {"gradient", gradient},
                                         {"score", score},
                                         {"linear_regions", linear_regions},
                                         {NULL, NULL}};
