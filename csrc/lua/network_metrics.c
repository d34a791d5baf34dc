/*** Measures of predictions. All take the targets first and return a number, or nil, a message
and `non_finite` where one of the two is not finite; they raise where shapes differ or there is
nothing to measure. The option `weights` (rows x 1, finite, not negative, not all 0) makes a row of
weight k count k times, and one of weight 0 not at all. Squares of the smallest and largest numbers
are summed scaled, so that no sum overflows or vanishes unless the result does.
@module lsqnet.metrics
*/
#include "nn/metrics.h"

#include "lua/network.h"
#include "lua/weights.h"

enum { OPTIONS = 3 };

static const lsq_option option_table[] = {
    {.name = "weights",
     .type = LSQ_OPTION_VALUE,
     .text = "rows x 1, not negative: a row of weight k counts k times"},
    {.name = NULL}};

/* Y and the prediction, arguments 1 and 2, and the weights that the options hold. */
static lsq_status check_arguments(lua_State *L, const double **weights, lsq_error *error) {
  const lsq_matrix *y = lsq_lua_check_matrix(L, 1), *prediction = lsq_lua_check_matrix(L, 2);
  luaL_argcheck(L, y->rows > 0 && y->cols > 0, 1, "Y is empty");
  if (!lsq_matrix_same_shape(y, prediction))
    luaL_argerror(L, 2,
                  lua_pushfstring(L, "%I x %I expected to match Y, got %I x %I",
                                  (LUAI_UACINT)y->rows, (LUAI_UACINT)y->cols,
                                  (LUAI_UACINT)prediction->rows, (LUAI_UACINT)prediction->cols));
  lua_settop(L, OPTIONS);
  lsq_lua_read_options(L, OPTIONS, option_table, NULL, NULL, NULL);
  lsq_status status = lsq_lua_check_finite(y, "Y", error);
  if (status == LSQ_OK)
    status = lsq_lua_check_finite(prediction, "the prediction", error);
  return status != LSQ_OK ? status : lsq_lua_read_weights(L, OPTIONS, y->rows, weights, error);
}

static int measure(lua_State *L,
                   double (*metric)(const lsq_matrix *, const lsq_matrix *, const double *)) {
  lsq_error error;
  const double *weights;
  if (check_arguments(L, &weights, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushnumber(L, metric(lsq_lua_check_matrix(L, 1), lsq_lua_check_matrix(L, 2), weights));
  return 1;
}

/*** The mean squared error over all entries.
@function mse
@tparam matrix Y rows x cols
@tparam matrix prediction of the same shape
@tparam[opt] table options `weights`
@treturn number
*/
static int mse(lua_State *L) {
  return measure(L, lsq_metric_mse);
}

/*** The mean absolute error over all entries.
@function mae
@tparam matrix Y rows x cols
@tparam matrix prediction of the same shape
@tparam[opt] table options `weights`
@treturn number
*/
static int mae(lua_State *L) {
  return measure(L, lsq_metric_mae);
}

/*** The coefficient of determination, averaged over the columns: 1 - (sum of squared errors) /
(sum of squares about the mean). A constant column counts 1 where it is predicted exactly,
otherwise 0.
@function r2
@tparam matrix Y rows x cols
@tparam matrix prediction of the same shape
@tparam[opt] table options `weights`
@treturn number
*/
static int r2(lua_State *L) {
  return measure(L, lsq_metric_r2);
}

/*** The share of rows in the right class: the column of the greatest entry (the first of
several), or, for one column, whether the entry is above 0.5.
@function accuracy
@tparam matrix Y rows x classes
@tparam matrix prediction of the same shape: probabilities
@tparam[opt] table options `weights`
@treturn number in [0, 1]
*/
static int accuracy(lua_State *L) {
  lsq_error error;
  const double *weights;
  if (check_arguments(L, &weights, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const lsq_matrix *y = lsq_lua_check_matrix(L, 1), *prediction = lsq_lua_check_matrix(L, 2);
  lua_pushnumber(L, lsq_metric_accuracy(y, prediction, weights, 0.5));
  return 1;
}

/*** The cross-entropy of probabilities, averaged over the rows. Probabilities below 2^-52
count as 2^-52, so that one row costs at most 36.05.
@function cross_entropy
@tparam matrix Y rows x classes: rows in [0, 1] that sum to 1 within 1e-6, or 0/1 in one column
@tparam matrix prediction of the same shape: probabilities, not logits
@tparam[opt] table options `weights`
@treturn number
@raise also where a row holds no probabilities
*/
static int cross_entropy(lua_State *L) {
  lsq_error error;
  const double *weights;
  if (check_arguments(L, &weights, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const lsq_matrix *y = lsq_lua_check_matrix(L, 1), *prediction = lsq_lua_check_matrix(L, 2);
  lsq_lua_check_targets(L, 1, &lsq_loss_cross_entropy, y);
  size_t row;
  if (!lsq_metric_accepts(prediction, &row))
    luaL_argerror(L, 2,
                  lua_pushfstring(L,
                                  "row %I of the prediction does not hold probabilities (of "
                                  "logits take net:probabilities)",
                                  (LUAI_UACINT)(row + 1)));
  lua_pushnumber(L, lsq_metric_cross_entropy(y, prediction, weights));
  return 1;
}

void lsq_lua_open_metrics(lua_State *L) {
  static const luaL_Reg functions[] = {{"mse", mse},
                                       {"mae", mae},
                                       {"r2", r2},
                                       {"accuracy", accuracy},
                                       {"cross_entropy", cross_entropy},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "metrics");
}
