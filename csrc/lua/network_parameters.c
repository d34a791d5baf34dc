/*** A network's parameters: read, set, and changed by folding a scaling in.
@submodule network
*/
#include <string.h>

#include "lua/network.h"
#include "nn/fold.h"
#include "nn/skip.h"

/* The layer numbered at an argument, from 1. */
static lsq_layer *check_layer(lua_State *L, int arg, const lsq_network *net) {
  const lua_Integer k = luaL_checkinteger(L, arg);
  if (k < 1 || (lua_Unsigned)k > net->depth)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "a layer from 1 to %I expected, got %I",
                                  (LUAI_UACINT)net->depth, (LUAI_UACINT)k));
  return &net->layers[k - 1];
}

static int wrong_shape(lua_State *L, int arg, const char *what, size_t rows, size_t cols,
                       const lsq_matrix *given) {
  return luaL_argerror(L, arg,
                       lua_pushfstring(L, "%s is %I x %I, got %I x %I", what, (LUAI_UACINT)rows,
                                       (LUAI_UACINT)cols, (LUAI_UACINT)given->rows,
                                       (LUAI_UACINT)given->cols));
}

/* The matrix at an argument: count x 1 or 1 x count. */
static const lsq_matrix *check_vector(lua_State *L, int arg, const char *what, size_t rows,
                                      size_t cols) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, arg);
  if (!(m->rows == rows && m->cols == cols) && !(m->rows == cols && m->cols == rows))
    wrong_shape(L, arg, what, rows, cols, m);
  return m;
}

/* Copies a row or a column to `to`. */
static void copy_vector(const lsq_matrix *from, double *to) {
  const lsq_matrix target = lsq_matrix_over(to, from->rows, from->cols);
  lsq_matrix_copy(from, &target);
}

/*** All parameters as one vector: weight(1) row by row, bias(1), weight(2), ..., at last the direct
connections row by row.
@function network:parameters
@treturn matrix P x 1, a copy
*/
static int parameters(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const lsq_matrix *flat = lsq_lua_new_matrix(L, net->parameter_count, 1);
  memcpy(flat->data, net->parameters, net->parameter_count * sizeof *net->parameters);
  return 1;
}

/*** Sets all parameters, in the order of `parameters`.
@function network:set_parameters
@tparam matrix v P x 1 or 1 x P
@raise when v has another shape
*/
static int set_parameters(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  copy_vector(check_vector(L, 2, "the parameter vector", net->parameter_count, 1), net->parameters);
  return 0;
}

/*** The weights of a layer.
@function network:weight
@tparam int k 1..L
@treturn matrix inputs x outputs, a copy
*/
static int weight(lua_State *L) {
  const lsq_layer *layer = check_layer(L, 2, lsq_lua_check_network(L, 1));
  const lsq_matrix *copy = lsq_lua_new_matrix(L, layer->weight.rows, layer->weight.cols);
  lsq_matrix_copy(&layer->weight, copy);
  return 1;
}

/*** The biases of a layer.
@function network:bias
@tparam int k 1..L
@treturn matrix|nil 1 x outputs, a copy; nil where the layer has none
*/
static int bias(lua_State *L) {
  const lsq_layer *layer = check_layer(L, 2, lsq_lua_check_network(L, 1));
  if (layer->bias == NULL) {
    lua_pushnil(L);
    return 1;
  }
  const lsq_matrix *copy = lsq_lua_new_matrix(L, 1, layer->weight.cols);
  memcpy(copy->data, layer->bias, layer->weight.cols * sizeof *layer->bias);
  return 1;
}

/*** Sets the weights of a layer.
@function network:set_weight
@tparam int k 1..L
@tparam matrix M inputs x outputs
@raise when M has another shape
*/
static int set_weight(lua_State *L) {
  const lsq_layer *layer = check_layer(L, 2, lsq_lua_check_network(L, 1));
  const lsq_matrix *given = lsq_lua_check_matrix(L, 3);
  if (!lsq_matrix_same_shape(given, &layer->weight))
    wrong_shape(L, 3, "this layer's weight", layer->weight.rows, layer->weight.cols, given);
  lsq_matrix_copy(given, &layer->weight);
  return 0;
}

/*** Sets the biases of a layer.
@function network:set_bias
@tparam int k 1..L
@tparam matrix M 1 x outputs or outputs x 1
@raise when M has another shape, or the layer has no biases
*/
static int set_bias(lua_State *L) {
  const lsq_layer *layer = check_layer(L, 2, lsq_lua_check_network(L, 1));
  luaL_argcheck(L, layer->bias != NULL, 2, "this layer has no bias");
  copy_vector(check_vector(L, 3, "this layer's bias", 1, layer->weight.cols), layer->bias);
  return 0;
}

/*** The weights of the direct connections.
@function network:skip_weight
@treturn matrix|nil inputs x outputs, a copy; nil where there are none
*/
static int skip_weight(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  if (!lsq_network_skips(net)) {
    lua_pushnil(L);
    return 1;
  }
  const lsq_matrix *copy = lsq_lua_new_matrix(L, net->skip.rows, net->skip.cols);
  lsq_matrix_copy(&net->skip, copy);
  return 1;
}

/*** Sets the weights of the direct connections.
@function network:set_skip_weight
@tparam matrix M inputs x outputs
@raise when M has another shape, or the network has no direct connections
*/
static int set_skip_weight(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const lsq_matrix *given = lsq_lua_check_matrix(L, 2);
  luaL_argcheck(L, lsq_network_skips(net), 1, "this network has no direct connections");
  if (!lsq_matrix_same_shape(given, &net->skip))
    wrong_shape(L, 2, "the weight of direct connections", net->skip.rows, net->skip.cols, given);
  lsq_matrix_copy(given, &net->skip);
  return 0;
}

/* Field `name` of the scaler at an argument: a 1 x count matrix, which stays on the stack. */
static const lsq_matrix *check_scaler_field(lua_State *L, int arg, const char *name, size_t count) {
  lua_getfield(L, arg, name);
  const lsq_matrix *m = lsq_lua_test_matrix(L, -1);
  if (m == NULL)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "a scaler expected: its %s is a %s, not a matrix", name,
                                  luaL_typename(L, -1)));
  if (m->rows != 1 || m->cols != count)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "a scaler of %I columns expected, its %s is %I x %I",
                                  (LUAI_UACINT)count, name, (LUAI_UACINT)m->rows,
                                  (LUAI_UACINT)m->cols));
  return m;
}

static lsq_scaling check_scaler(lua_State *L, int arg, size_t count) {
  luaL_argexpected(L, lua_istable(L, arg), arg, "scaler");
  lsq_scaling scaling;
  scaling.mean = check_scaler_field(L, arg, "mean", count);
  scaling.scale = check_scaler_field(L, arg, "scale", count);
  return scaling;
}

/* Raises where the layer cannot take the scaling's means in. */
static void check_folds(lua_State *L, int arg, const lsq_scaling *scaling, const lsq_layer *layer,
                        const char *which) {
  if (layer->bias == NULL && lsq_scaling_shifts(scaling))
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "the %s layer has no bias to fold the means into", which));
}

/*** Folds the scaling of the data into the first and the last layer, in place: a net trained
on scaled data then takes raw X and gives raw predictions. A scaler (`lsqnet.data.standardize`
returns one) has fields `mean` and `scale`, 1 x columns: scaled = (raw - mean) / scale.
@function network:fold_scaling
@tparam ?table x_scaler of the inputs; nil: they are left alone
@tparam[opt] table y_scaler of the outputs; only where the output activation is `identity`
@treturn[1] network the same net
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite` or `singular`: a scaler is not finite, or a scale is 0
@raise when shapes do not fit, when a mean is not 0 where the layer has no bias, or on y_scaler
with another output activation; the net is then as it was
*/
static int fold_scaling(lua_State *L) {
  lsq_error error;
  lsq_scaling x, y;
  lsq_network *net = lsq_lua_check_network(L, 1);
  lua_settop(L, 3);
  const bool has_x = !lua_isnil(L, 2), has_y = !lua_isnil(L, 3);
  if (has_x) {
    x = check_scaler(L, 2, lsq_network_inputs(net));
    check_folds(L, 2, &x, &net->layers[0], "first");
    if (lsq_network_skips(net))
      check_folds(L, 2, &x, &net->layers[net->depth - 1], "last");
  }
  if (has_y) {
    y = check_scaler(L, 3, lsq_network_outputs(net));
    check_folds(L, 3, &y, &net->layers[net->depth - 1], "last");
    luaL_argcheck(L, lsq_activation_is_linear(net->output_activation), 3,
                  "outputs can be folded only where the output activation is identity");
  }
  if (has_x && lsq_scaling_check(&x, "x_scaler", &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  if (has_y && lsq_scaling_check(&y, "y_scaler", &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  if (has_x)
    lsq_network_fold_inputs(net, &x);
  if (has_y)
    lsq_network_fold_outputs(net, &y);
  lua_settop(L, 1);
  return 1;
}

const luaL_Reg lsq_lua_network_parameters[] = {{"parameters", parameters},
                                               {"set_parameters", set_parameters},
                                               {"weight", weight},
                                               {"bias", bias},
                                               {"set_weight", set_weight},
                                               {"set_bias", set_bias},
                                               {"skip_weight", skip_weight},
                                               {"set_skip_weight", set_skip_weight},
                                               {"fold_scaling", fold_scaling},
                                               {NULL, NULL}};
