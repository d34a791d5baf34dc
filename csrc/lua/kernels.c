/*** The kernels under the trainers, open to specs, benches and algorithms of one's own.
@submodule lsqnet
*/
#include "base/clock.h"
#include "base/threads.h"
#include "lua/support.h"
#include "nn/dense.h"
#include "nn/pattern_gram.h"

/* Raises unless the argument has `expected` rows or columns; `match` says as what. */
static void check_extent(lua_State *L, int arg, size_t extent, size_t expected, const char *what,
                         const char *match) {
  if (extent != expected)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "%I %s expected to match %s, got %I", (LUAI_UACINT)expected,
                                  what, match, (LUAI_UACINT)extent));
}

/*** The activation-pattern Gram matrix (ANMIN, Eq. 6), the system matrix of its hidden layer:
U[j,l][p,q] = sum over the rows i in which the units j and l both fire of x_ip x_iq. A unit
fires where z > 0: neither at 0 nor at NaN.
@function pattern_gram
@tparam matrix X N x d
@tparam matrix Z N x h
@treturn matrix h (h + 1) / 2 x d (d + 1) / 2: one row a pair j <= l, one column a product
p <= q, both row by row of an upper triangle
@raise when the numbers of rows differ
*/
static int pattern_gram(lua_State *L) {
  const lsq_matrix *x = lsq_lua_check_matrix(L, 1), *z = lsq_lua_check_matrix(L, 2);
  check_extent(L, 2, z->rows, x->rows, "rows", "X");
  lsq_pattern_gram gram;
  lsq_arena measure = lsq_arena_measure();
  int before = lsq_lua_enter(L);
  lsq_pattern_gram_place(&gram, &measure, z->cols, x->cols);
  lsq_threads_leave(before);
  const lsq_matrix *out = lsq_lua_new_matrix(L, gram.pairs, gram.products);
  lsq_arena arena = lsq_arena_over(lsq_lua_block(L, measure.used));
  before = lsq_lua_enter(L);
  lsq_pattern_gram_place(&gram, &arena, z->cols, x->cols);
  lsq_pattern_gram_clear(&gram);
  lsq_pattern_gram_add(&gram, x, z);
  const lsq_matrix sums = {gram.sums, gram.pairs, gram.products, gram.stride};
  lsq_matrix_copy(&sums, out);
  lsq_threads_leave(before);
  lua_pop(L, 1);
  return 1;
}

/*** A dense layer before its activation: X W + bias.
@function dense_forward
@tparam matrix X N x inputs
@tparam matrix weight inputs x outputs
@tparam[opt] matrix bias 1 x outputs
@treturn matrix N x outputs
@raise when the shapes do not match
*/
static int dense_forward(lua_State *L) {
  const lsq_matrix *x = lsq_lua_check_matrix(L, 1), *weight = lsq_lua_check_matrix(L, 2);
  const lsq_matrix *bias = lua_isnoneornil(L, 3) ? NULL : lsq_lua_check_matrix(L, 3);
  check_extent(L, 2, weight->rows, x->cols, "rows", "the columns of X");
  if (bias != NULL) {
    luaL_argcheck(L, bias->rows == 1, 3, "one row of biases expected");
    check_extent(L, 3, bias->cols, weight->cols, "columns", "those of weight");
  }
  const lsq_matrix *z = lsq_lua_new_matrix(L, x->rows, weight->cols);
  lsq_dense_forward(x, weight, bias == NULL ? NULL : bias->data, z);
  return 1;
}

/*** The gradient of a dense layer's parameters: X' delta, and the column sums of delta.
@function dense_gradient
@tparam matrix X N x inputs
@tparam matrix delta N x outputs, the loss's derivative by the layer's result
@treturn matrix inputs x outputs, by the weights
@treturn matrix 1 x outputs, by the bias
@raise when the numbers of rows differ
*/
static int dense_gradient(lua_State *L) {
  const lsq_matrix *x = lsq_lua_check_matrix(L, 1), *delta = lsq_lua_check_matrix(L, 2);
  check_extent(L, 2, delta->rows, x->rows, "rows", "X");
  const lsq_matrix *weight = lsq_lua_new_matrix(L, x->cols, delta->cols);
  const lsq_matrix *bias = lsq_lua_new_matrix(L, 1, delta->cols);
  lsq_matrix_fill(weight, 0);
  lsq_matrix_fill(bias, 0);
  lsq_dense_gradient(x, delta, weight, bias->data);
  return 2;
}

/*** The loss's derivative by a dense layer's inputs: delta W'.
@function dense_backward
@tparam matrix delta N x outputs, the derivative by the layer's result
@tparam matrix weight inputs x outputs
@treturn matrix N x inputs
@raise when the numbers of columns differ
*/
static int dense_backward(lua_State *L) {
  const lsq_matrix *delta = lsq_lua_check_matrix(L, 1), *weight = lsq_lua_check_matrix(L, 2);
  check_extent(L, 2, weight->cols, delta->cols, "columns", "delta");
  const lsq_matrix *out = lsq_lua_new_matrix(L, delta->rows, weight->rows);
  lsq_dense_backward(delta, weight, out);
  return 1;
}

/*** The lower triangle of S' S.
@function dense_gram
@tparam matrix S N x n
@treturn matrix n x n, zero above the diagonal
*/
static int dense_gram(lua_State *L) {
  const lsq_matrix *s = lsq_lua_check_matrix(L, 1);
  const lsq_matrix *sum = lsq_lua_new_matrix(L, s->cols, s->cols);
  lsq_matrix_fill(sum, 0);
  lsq_dense_gram(s, sum);
  return 1;
}

/*** Seconds of a clock that never goes back, to time things by: os.clock adds up the time of
all threads.
@function clock
@treturn number seconds since some moment before
*/
static int clock_seconds(lua_State *L) {
  lua_pushnumber(L, lsq_clock_seconds());
  return 1;
}

void lsq_lua_open_kernels(lua_State *L) {
  static const luaL_Reg functions[] = {{"pattern_gram", pattern_gram},
                                       {"dense_forward", dense_forward},
                                       {"dense_gradient", dense_gradient},
                                       {"dense_backward", dense_backward},
                                       {"dense_gram", dense_gram},
                                       {"clock", clock_seconds},
                                       {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
