/*** Measures of predictions. All take the targets first and return a number, or nil, a message
and `non_finite` where one of the two is not finite; they raise where shapes differ or there is
nothing to measure.
@module lsqnet.metrics
*/
#include "nn/metrics.h"

#include "lua/network.h"

/* Y and the prediction, arguments 1 and 2. */
static lsq_status check_pair(lua_State *L, lsq_error *error) {
  const lsq_matrix *y = lsq_lua_check_matrix(L, 1), *prediction = lsq_lua_check_matrix(L, 2);
  luaL_argcheck(L, y->rows > 0 && y->cols > 0, 1, "Y is empty");
  if (!lsq_matrix_same_shape(y, prediction))
    luaL_argerror(L, 2,
                  lua_pushfstring(L, "%I x %I expected to match Y, got %I x %I",
                                  (LUAI_UACINT)y->rows, (LUAI_UACINT)y->cols,
                                  (LUAI_UACINT)prediction->rows, (LUAI_UACINT)prediction->cols));
  const lsq_status status = lsq_lua_check_finite(y, "Y", error);
  return status != LSQ_OK ? status : lsq_lua_check_finite(prediction, "the prediction", error);
}

static int measure(lua_State *L, double (*metric)(const lsq_matrix *, const lsq_matrix *)) {
  lsq_error error;
  if (check_pair(L, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_pushnumber(L, metric(lsq_lua_check_matrix(L, 1), lsq_lua_check_matrix(L, 2)));
  return 1;
}

/*** The mean squared error over all entries.
@function mse
@tparam matrix Y rows x cols
@tparam matrix prediction of the same shape
@treturn number
*/
static int mse(lua_State *L) {
  return measure(L, lsq_metric_mse);
}

/*** The mean absolute error over all entries.
@function mae
@tparam matrix Y rows x cols
@tparam matrix prediction of the same shape
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
@treturn number in [0, 1]
*/
static int accuracy(lua_State *L) {
  lsq_error error;
  if (check_pair(L, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const lsq_matrix *y = lsq_lua_check_matrix(L, 1), *prediction = lsq_lua_check_matrix(L, 2);
  lua_pushnumber(L, lsq_metric_accuracy(y, prediction, 0.5));
  return 1;
}

/*** The cross-entropy of probabilities, averaged over the rows. Probabilities below 2^-52
count as 2^-52, so that one row costs at most 36.05.
@function cross_entropy
@tparam matrix Y rows x classes: rows in [0, 1] that sum to 1 within 1e-6, or 0/1 in one column
@tparam matrix prediction of the same shape: probabilities, not logits
@treturn number
@raise also where a row holds no probabilities
*/
static int cross_entropy(lua_State *L) {
  lsq_error error;
  if (check_pair(L, &error) != LSQ_OK)
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
  lua_pushnumber(L, lsq_metric_cross_entropy(y, prediction));
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
