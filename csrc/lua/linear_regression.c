/***
@submodule lsqnet
*/
#include "train/linear_regression.h"

#include <float.h>
#include <math.h>

#include "base/clock.h"
#include "base/threads.h"
#include "lua/support.h"

typedef struct {
  double rcond;
} regression_options;

static const lsq_option option_table[] = {
    {.name = "rcond",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(regression_options, rcond),
     .standard = 0,
     .minimum = 0,
     .maximum = 1,
     .text =
         "singular values up to this times the largest count as zero; 0: max(rows, cols) * 2^-52"},
    {.name = NULL}};

static void check_data(lua_State *L, const lsq_matrix *x, const lsq_matrix *y) {
  luaL_argcheck(L, x->rows > 0 && x->cols > 0, 1,
                "at least one row and one column expected, got an empty set");
  luaL_argcheck(L, y->cols > 0, 2, "at least one column expected");
  if (y->rows != x->rows)
    luaL_argerror(L, 2,
                  lua_pushfstring(L, "%I rows expected to match X, got %I", (LUAI_UACINT)x->rows,
                                  (LUAI_UACINT)y->rows));
}

static void push_report(lua_State *L, double loss, size_t rank, double seconds) {
  lua_createtable(L, 0, 3);
  lua_pushnumber(L, loss);
  lua_setfield(L, -2, "loss");
  lua_pushinteger(L, (lua_Integer)rank);
  lua_setfield(L, -2, "rank");
  lua_pushnumber(L, seconds);
  lua_setfield(L, -2, "seconds");
}

/*** Ordinary least squares with an intercept: the base line of all four papers. Of several
solutions (constant or dependent columns, fewer rows than columns) the one whose weights have
the smallest norm is taken.
@function linear_regression
@tparam matrix X N x d, N and d at least 1
@tparam matrix Y N x c
@tparam[opt] table options `rcond`: singular values of the centred X up to this times the
largest count as zero (default max(N, d) * 2^-52)
@treturn[1] network layers {d, c}, identity
@treturn[1] table report: `loss` (mean squared error), `rank` of the centred X, `seconds`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence" or "too_large"
@raise when the shapes do not match or an option is unknown
*/
static int linear_regression(lua_State *L) {
  const double started = lsq_clock_seconds();
  lua_settop(L, 3);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 1), *y = lsq_lua_check_matrix(L, 2);
  check_data(L, x, y);
  regression_options options;
  lsq_lua_read_options(L, 3, option_table, &options, NULL, NULL);
  lsq_error error;
  if (lsq_lua_check_finite(x, "X", &error) != LSQ_OK ||
      lsq_lua_check_finite(y, "Y", &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  double rcond =
      options.rcond > 0 ? options.rcond : (double)lsq_size_max(x->rows, x->cols) * DBL_EPSILON;
  void *workspace = lsq_lua_block(L, lsq_linear_regression_workspace(x->rows, x->cols, y->cols));
  const size_t widths[] = {x->cols, y->cols};
  const bool bias[] = {true};
  lsq_network *net = lsq_lua_new_network(L, 1, widths, bias);
  net->activation = &lsq_activation_identity;
  size_t rank;
  double loss;
  int before = lsq_lua_enter(L);
  lsq_status status = lsq_linear_regression(net, x, y, rcond, &rank, &loss, workspace, &error);
  lsq_threads_leave(before);
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  push_report(L, loss, rank, lsq_clock_seconds() - started);
  return 2;
}

void lsq_lua_open_linear_regression(lua_State *L) {
  lua_pushcfunction(L, linear_regression);
  lua_setfield(L, -2, "linear_regression");
}
