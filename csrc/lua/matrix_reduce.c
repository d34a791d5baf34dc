/*** Reductions. Without an axis they give a number; "rows" runs down the rows and gives 1 x cols,
"cols" along the columns and gives rows x 1.
@submodule matrix
*/
#include "linalg/reduce.h"

#include <string.h>

#include "lua/matrix.h"

static lsq_axis check_axis(lua_State *L, int arg) {
  static const char *const names[] = {"rows", "cols", NULL};
  static const lsq_axis axes[] = {LSQ_DOWN_ROWS, LSQ_ALONG_COLS};
  if (lua_isnoneornil(L, arg))
    return LSQ_WHOLE;
  if (lua_type(L, arg) == LUA_TSTRING)
    for (int k = 0; names[k] != NULL; k++)
      if (strcmp(lua_tostring(L, arg), names[k]) == 0)
        return axes[k];
  lua_pushfstring(L, "axis \"rows\" or \"cols\" expected, got %s", luaL_tolstring(L, arg, NULL));
  luaL_argerror(L, arg, lua_tostring(L, -1));
  return LSQ_WHOLE;
}

static int reduce(lua_State *L, lsq_reduction reduction) {
  static const char *const names[] = {"sum", "mean", "std", "min", "max"};
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const lsq_axis axis = check_axis(L, 2);
  if (reduction != LSQ_SUM && lsq_reduction_count(m, axis) == 0)
    return luaL_error(L, "there is no %s of nothing: the matrix is %I x %I", names[reduction],
                      (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols);
  if (axis == LSQ_WHOLE) {
    double result;
    const lsq_matrix out = lsq_matrix_over(&result, 1, 1);
    lsq_reduce(reduction, m, axis, &out);
    lua_pushnumber(L, result);
  } else {
    lsq_reduce(reduction, m, axis,
               axis == LSQ_DOWN_ROWS ? lsq_lua_new_matrix(L, 1, m->cols)
                                     : lsq_lua_new_matrix(L, m->rows, 1));
  }
  return 1;
}

/*** The sum, compensated: however many terms, the result is that of a sum in twice the
precision, rounded once (Ogita, Rump and Oishi, 2005). The sum of nothing is 0.
@function matrix:sum
@tparam[opt] string axis "rows" or "cols"
@treturn number|matrix
*/
static int sum(lua_State *L) {
  return reduce(L, LSQ_SUM);
}

/*** The mean.
@function matrix:mean
@tparam[opt] string axis "rows" or "cols"
@treturn number|matrix
@raise when there is nothing to take the mean of
*/
static int mean(lua_State *L) {
  return reduce(L, LSQ_MEAN);
}

/*** The standard deviation, dividing by N - 1; nan for a single element, exactly 0 for equal ones.
@function matrix:std
@tparam[opt] string axis "rows" or "cols"
@treturn number|matrix
@raise when there is nothing to take it of
*/
static int standard_deviation(lua_State *L) {
  return reduce(L, LSQ_STD);
}

/*** The smallest element; nan when there is one.
@function matrix:min
@tparam[opt] string axis "rows" or "cols"
@treturn number|matrix
@raise when there is nothing to choose from
*/
static int minimum(lua_State *L) {
  return reduce(L, LSQ_MIN);
}

/*** The largest element; nan when there is one.
@function matrix:max
@tparam[opt] string axis "rows" or "cols"
@treturn number|matrix
@raise when there is nothing to choose from
*/
static int maximum(lua_State *L) {
  return reduce(L, LSQ_MAX);
}

/*** The Frobenius norm, the root of the sum of squares, which neither overflows nor vanishes on
the way; 0 for an empty matrix.
@function matrix:norm
@treturn number
*/
static int norm(lua_State *L) {
  lua_pushnumber(L, lsq_norm(lsq_lua_check_matrix(L, 1)));
  return 1;
}

const luaL_Reg lsq_lua_matrix_reductions[] = {
    {"sum", sum},   {"mean", mean}, {"std", standard_deviation}, {"min", minimum}, {"max", maximum},
    {"norm", norm}, {NULL, NULL}};
