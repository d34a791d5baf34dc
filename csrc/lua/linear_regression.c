/***
@submodule lsqnet
*/
#include "train/linear_regression.h"

#include "base/clock.h"
#include "base/threads.h"
#include "linalg/linalg.h"
#include "lua/stream.h"
#include "lua/weights.h"

enum { OPTIONS = 3 };

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
    {.name = "weights",
     .type = LSQ_OPTION_VALUE,
     .text = "N x 1, not negative: a row of weight k counts k times"},
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

/* X and Y, or a stream and nil. */
static lsq_rows check_rows(lua_State *L) {
  const lsq_npy_rows *stream = lsq_lua_test_stream(L, 1);
  if (stream == NULL) {
    const lsq_matrix *x = lsq_lua_check_matrix(L, 1), *y = lsq_lua_check_matrix(L, 2);
    check_data(L, x, y);
    return lsq_rows_over(x, y);
  }
  luaL_argcheck(L, lua_isnil(L, 2), 2, "nil expected behind a stream, which holds Y too");
  check_data(L, &stream->x, &stream->y);
  return (lsq_rows){
      .x = &stream->x, .y = &stream->y, .source = &stream->source, .total = stream->x.rows};
}

static void push_warnings(lua_State *L, size_t rank, size_t inputs) {
  lua_newtable(L);
  if (rank == inputs)
    return;
  lua_pushfstring(L,
                  "X has rank %I, not %I: of its columns some are constant or depend on others, or "
                  "there are too few rows; the weights are those of the smallest norm",
                  (LUAI_UACINT)rank, (LUAI_UACINT)inputs);
  lua_rawseti(L, -2, 1);
}

static void push_report(lua_State *L, double loss, size_t rank, size_t inputs, double seconds) {
  lua_createtable(L, 0, 4);
  lua_pushnumber(L, loss);
  lua_setfield(L, -2, "loss");
  lua_pushinteger(L, (lua_Integer)rank);
  lua_setfield(L, -2, "rank");
  push_warnings(L, rank, inputs);
  lua_setfield(L, -2, "warnings");
  lua_pushnumber(L, seconds);
  lua_setfield(L, -2, "seconds");
}

/*** Ordinary least squares with an intercept: the base line of all four papers. The columns of X
are centred and scaled before the rank is decided, so that units do not matter. Of several solutions
(constant or dependent columns, fewer rows than columns) the one whose weights have the smallest
norm is taken, and `report.warnings` says so. The rows are read twice, in blocks, and never squared
(a triangular factor grows with them): a stream needs no more memory than a block.
@function linear_regression
@tparam matrix|stream X N x d, N and d at least 1; or a stream, which holds Y too
@tparam matrix Y N x c; nil behind a stream
@tparam[opt] table options `rcond`: singular values of the centred, scaled X up to this times the
largest count as zero (default max(N, d) * 2^-52); `weights` (N x 1, finite, not negative, not all
0): a row of weight k counts as k equal rows, one of weight 0 not at all
@treturn[1] network layers {d, c}, identity
@treturn[1] table report: `loss` (mean squared error), `rank` of the centred X, `warnings` (a list
of sentences: that the rank is below d), `seconds`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence", "too_large"; of a stream "no_file"
@raise when the shapes do not match, an option is unknown or a weight is negative
*/
static int linear_regression(lua_State *L) {
  const double started = lsq_clock_seconds();
  lua_settop(L, OPTIONS);
  lsq_rows rows = check_rows(L);
  const size_t n = rows.x->rows, d = rows.x->cols;
  regression_options options;
  lsq_error error;
  lsq_lua_read_options(L, OPTIONS, option_table, &options, NULL, NULL);
  if (lsq_lua_read_weights(L, OPTIONS, n, &rows.weights, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const double rcond = options.rcond > 0 ? options.rcond : lsq_default_rcond(n, d);
  void *workspace = lsq_lua_block(L, lsq_linear_regression_workspace(&rows));
  const size_t widths[] = {d, rows.y->cols};
  const bool bias[] = {true};
  lsq_network *net = lsq_lua_new_network(L, 1, widths, bias, false);
  net->activation = &lsq_activation_identity;
  size_t rank;
  double loss;
  int before = lsq_lua_enter(L);
  lsq_status status = lsq_linear_regression(net, &rows, rcond, &rank, &loss, workspace, &error);
  lsq_threads_leave(before);
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  push_report(L, loss, rank, d, lsq_clock_seconds() - started);
  return 2;
}

void lsq_lua_open_linear_regression(lua_State *L) {
  lua_pushcfunction(L, linear_regression);
  lua_setfield(L, -2, "linear_regression");
}
