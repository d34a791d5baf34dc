#include "lua/rows.h"

#include "base/threads.h"
#include "lua/network.h"
#include "lua/stream.h"
#include "lua/weights.h"

static const char *plural(size_t count, const char *one, const char *many) {
  return count == 1 ? one : many;
}

static void check_columns(lua_State *L, int arg, const char *what, size_t cols, size_t wanted,
                          const char *has, const char *ends) {
  if (cols != wanted)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "%s has %I %s, the network %s %I %s%s", what,
                                  (LUAI_UACINT)cols, plural(cols, "column", "columns"), has,
                                  (LUAI_UACINT)wanted, ends, wanted == 1 ? "" : "s"));
}

void lsq_lua_check_inputs(lua_State *L, int x_arg, const lsq_network *net, lsq_rows *rows) {
  const lsq_matrix *x = lsq_lua_test_matrix(L, x_arg);
  const lsq_npy_rows *stream = x == NULL ? lsq_lua_test_stream(L, x_arg) : NULL;
  if (x == NULL)
    x = stream != NULL ? &stream->x : lsq_lua_check_matrix(L, x_arg);
  *rows = (lsq_rows){.x = x};
  rows->total = rows->x->rows;
  if (stream != NULL)
    rows->source = &stream->source;
  check_columns(L, x_arg, stream != NULL ? "the stream" : "X", rows->x->cols,
                lsq_network_inputs(net), "takes", "input");
}

/* The rows of a stream, in one pass: whether they are finite, and can be targets of the loss. */
static lsq_status check_stream(lua_State *L, int arg, const lsq_loss *loss, const lsq_rows *rows,
                               lsq_error *error) {
  enum { ROWS = 1024 };
  const size_t all = rows->x->rows, d = rows->x->cols, c = rows->y->cols;
  double *memory = lsq_lua_block(L, ROWS * (d + c) * sizeof *memory);
  size_t row;
  for (size_t first = 0; first < all; first += ROWS) {
    const size_t count = lsq_size_min(ROWS, all - first);
    const lsq_matrix x = lsq_matrix_over(memory, count, d);
    const lsq_matrix y = lsq_matrix_over(memory + ROWS * d, count, c);
    if (rows->source->read(rows->source, first, &x, &y, error) != LSQ_OK)
      return error->status;
    if (!lsq_matrix_is_finite(&x, NULL, NULL) || !lsq_matrix_is_finite(&y, NULL, NULL))
      return lsq_fail(error, LSQ_NON_FINITE,
                      "the stream has a value that is not finite within rows %zu to %zu", first + 1,
                      first + count);
    if (!lsq_loss_accepts(loss, &y, &row))
      luaL_argerror(L, arg,
                    lua_pushfstring(L, "row %I of the stream cannot be a target of %s: %s expected",
                                    (LUAI_UACINT)(first + row + 1), loss->name,
                                    lsq_loss_targets(loss, c)));
  }
  lua_pop(L, 1);
  return LSQ_OK;
}

static lsq_status read_stream(lua_State *L, const lsq_network *net, int arg, lsq_rows *rows,
                              lsq_error *error) {
  const lsq_npy_rows *stream = lsq_lua_test_stream(L, arg);
  luaL_argcheck(L, lua_isnoneornil(L, arg + 1), arg + 1,
                "nil expected behind a stream, which holds Y too");
  luaL_argcheck(L, stream->x.rows > 0, arg, "the stream has no rows");
  if (stream->y.cols != lsq_network_outputs(net))
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "a stream of %I outputs expected, got %I",
                                  (LUAI_UACINT)lsq_network_outputs(net),
                                  (LUAI_UACINT)stream->y.cols));
  rows->y = &stream->y;
  return check_stream(L, arg, net->loss, rows, error);
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
  const lsq_matrix *x = lsq_lua_check_matrix(L, x_arg), *y = lsq_lua_check_matrix(L, x_arg + 1);
  check_columns(L, x_arg, "X", x->cols, lsq_network_inputs(net), "takes", "input");
  luaL_argcheck(L, x->rows > 0, x_arg, "X has no rows");
  if (y->rows != x->rows)
    luaL_argerror(L, x_arg + 1,
                  lua_pushfstring(L, "%I rows expected to match X, got %I", (LUAI_UACINT)x->rows,
                                  (LUAI_UACINT)y->rows));
  check_columns(L, x_arg + 1, "Y", y->cols, lsq_network_outputs(net), "has", "output");
  lsq_status status = lsq_lua_check_finite(x, "X", error);
  if (status == LSQ_OK)
    status = lsq_lua_check_finite(y, "Y", error);
  if (status == LSQ_OK)
    lsq_lua_check_targets(L, x_arg + 1, loss, y);
  return status;
}

lsq_status lsq_lua_check_rows(lua_State *L, const lsq_network *net, int x_arg, int options,
                              lsq_rows *rows, lsq_error *error) {
  lsq_lua_check_inputs(L, x_arg, net, rows);
  lsq_status status;
  if (rows->source != NULL)
    status = read_stream(L, net, x_arg, rows, error);
  else {
    rows->y = lsq_lua_check_matrix(L, x_arg + 1);
    status = lsq_lua_check_samples(L, net, net->loss, x_arg, error);
  }
  if (status != LSQ_OK || options == 0)
    return status;
  return lsq_lua_read_weights(L, options, rows->x->rows, &rows->weights, error);
}

size_t lsq_lua_threads(lua_State *L) {
  const int before = lsq_lua_enter(L);
  const size_t threads = (size_t)lsq_threads();
  lsq_threads_leave(before);
  return threads;
}

void lsq_lua_place_forward(lua_State *L, lsq_forward_work *work, const lsq_network *net,
                           const lsq_rows *rows) {
  const size_t threads = lsq_lua_threads(L);
  lsq_arena arena = lsq_arena_measure();
  lsq_forward_place(work, &arena, net, rows, threads);
  arena = lsq_arena_over(lsq_lua_block(L, arena.used));
  lsq_forward_place(work, &arena, net, rows, threads);
}

void lsq_lua_place_gradient(lua_State *L, lsq_gradient_work *work, const lsq_network *net,
                            const lsq_rows *rows) {
  const size_t threads = lsq_lua_threads(L);
  lsq_arena arena = lsq_arena_measure();
  lsq_gradient_place(work, &arena, net, rows, threads);
  arena = lsq_arena_over(lsq_lua_block(L, arena.used));
  lsq_gradient_place(work, &arena, net, rows, threads);
}
