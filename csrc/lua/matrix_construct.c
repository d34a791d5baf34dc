/*** Constructors. `lsqnet.matrix` is a table that can be called.
@submodule matrix
*/
#include "linalg/elementwise.h"
#include "lua/matrix.h"

/* The numbers of the list on top of the stack, `count` of them; `row` names it (from 1; 0: the
   list is one column, and row and column change places). */
static void copy_numbers(lua_State *L, double *to, size_t count, size_t row) {
  for (size_t j = 0; j < count; j++) {
    if (lua_rawgeti(L, -1, (lua_Integer)j + 1) != LUA_TNUMBER) {
      lua_pushfstring(L, "number expected in row %I, column %I, got %s",
                      (LUAI_UACINT)(row == 0 ? j + 1 : row), (LUAI_UACINT)(row == 0 ? 1 : j + 1),
                      luaL_typename(L, -1));
      luaL_argerror(L, 1, lua_tostring(L, -1));
    }
    to[j] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
}

/* [..., list of lists] -> [..., row i, which is checked to be a list of cols numbers] */
static void push_row(lua_State *L, size_t i, size_t cols) {
  if (lua_rawgeti(L, 1, (lua_Integer)i + 1) != LUA_TTABLE) {
    lua_pushfstring(L, "row %I is no list of numbers but a %s", (LUAI_UACINT)i + 1,
                    luaL_typename(L, -1));
    luaL_argerror(L, 1, lua_tostring(L, -1));
  }
  if (lua_rawlen(L, -1) != cols) {
    lua_pushfstring(L, "row %I has %I values, row 1 has %I", (LUAI_UACINT)i + 1,
                    (LUAI_UACINT)lua_rawlen(L, -1), (LUAI_UACINT)cols);
    luaL_argerror(L, 1, lua_tostring(L, -1));
  }
}

static int from_table(lua_State *L) {
  const size_t rows = lua_rawlen(L, 1);
  lua_settop(L, 1);
  if (rows == 0) {
    lsq_lua_new_matrix(L, 0, 0);
    return 1;
  }
  if (lua_rawgeti(L, 1, 1) != LUA_TTABLE) {
    const lsq_matrix *m = lsq_lua_new_matrix(L, rows, 1);
    lua_pushvalue(L, 1);
    copy_numbers(L, m->data, rows, 0);
    lua_pop(L, 1);
    return 1;
  }
  const size_t cols = lua_rawlen(L, -1);
  const lsq_matrix *m = lsq_lua_new_matrix(L, rows, cols);
  for (size_t i = 0; i < rows; i++) {
    push_row(L, i, cols);
    copy_numbers(L, lsq_matrix_row(m, i), cols, i + 1);
    lua_pop(L, 1);
  }
  return 1;
}

/*** A matrix from a table of rows, `matrix{{1, 2}, {3, 4}}`; from a list of numbers, which
become one column, `matrix{1, 2, 3}`; or of a shape, `matrix(rows, cols)`, filled with a number.
nan and infinities may be stored.
@function lsqnet.matrix
@tparam {{number,...},...}|{number,...}|int rows
@tparam[opt] int cols with a number of rows
@tparam[opt=0] number fill with a number of rows
@treturn matrix
@raise when the rows have different lengths or hold something else than numbers (naming row and
column), or the shape does not fit memory
*/
int lsq_lua_matrix_call(lua_State *L) {
  lua_remove(L, 1); /* so that argument numbers in messages are the user's */
  if (lua_type(L, 1) == LUA_TTABLE)
    return from_table(L);
  if (lua_type(L, 1) != LUA_TNUMBER)
    return luaL_typeerror(L, 1, "table or number of rows");
  const size_t rows = lsq_lua_check_count(L, 1, "rows");
  const size_t cols = lsq_lua_check_count(L, 2, "columns");
  const double value = luaL_optnumber(L, 3, 0);
  lsq_matrix_fill(lsq_lua_new_matrix(L, rows, cols), value);
  return 1;
}

/*** Zeros.
@function lsqnet.matrix.zeros
@tparam int rows
@tparam int cols
@treturn matrix rows x cols
*/
static int zeros(lua_State *L) {
  const size_t rows = lsq_lua_check_count(L, 1, "rows");
  const size_t cols = lsq_lua_check_count(L, 2, "columns");
  lsq_matrix_fill(lsq_lua_new_matrix(L, rows, cols), 0);
  return 1;
}

/*** The identity.
@function lsqnet.matrix.eye
@tparam int n
@treturn matrix n x n
*/
static int eye(lua_State *L) {
  const size_t n = lsq_lua_check_count(L, 1, "rows");
  lsq_fill_identity(lsq_lua_new_matrix(L, n, n));
  return 1;
}

/*** Equally spaced numbers, both ends included; for n = 1 the first end alone.
@function lsqnet.matrix.linspace
@tparam number a
@tparam number b
@tparam int n
@treturn matrix n x 1
*/
static int linspace(lua_State *L) {
  const double first = luaL_checknumber(L, 1), last = luaL_checknumber(L, 2);
  const size_t n = lsq_lua_check_count(L, 3, "rows");
  lsq_fill_linspace(lsq_lua_new_matrix(L, n, 1), first, last);
  return 1;
}

/* Both take a shape and a generator, by default a fresh one of seed 1. */
static int random_matrix(lua_State *L, void (*fill)(const lsq_matrix *, lsq_random *)) {
  const size_t rows = lsq_lua_check_count(L, 1, "rows");
  const size_t cols = lsq_lua_check_count(L, 2, "columns");
  lsq_random fresh, *random = &fresh;
  if (lua_isnoneornil(L, 3))
    lsq_random_seed(&fresh, 1);
  else
    random = lsq_lua_check_random(L, 3);
  fill(lsq_lua_new_matrix(L, rows, cols), random);
  return 1;
}

/*** Uniform random numbers in [0, 1), drawn row by row.
@function lsqnet.matrix.rand
@tparam int rows
@tparam int cols
@tparam[opt] rng rng the generator to draw from; a fresh one of seed 1 without
@treturn matrix rows x cols
*/
static int rand_uniform(lua_State *L) {
  return random_matrix(L, lsq_fill_uniform);
}

/*** Standard normal random numbers, drawn row by row.
@function lsqnet.matrix.randn
@tparam int rows
@tparam int cols
@tparam[opt] rng rng the generator to draw from; a fresh one of seed 1 without
@treturn matrix rows x cols
*/
static int rand_normal(lua_State *L) {
  return random_matrix(L, lsq_fill_normal);
}

const luaL_Reg lsq_lua_matrix_constructors[] = {{"zeros", zeros},       {"eye", eye},
                                                {"linspace", linspace}, {"rand", rand_uniform},
                                                {"randn", rand_normal}, {NULL, NULL}};
