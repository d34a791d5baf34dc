/*** Operators and element by element functions. In `a + b`, `a - b`, `a:mul(b)` and `a:div(b)`
each side is a number or a matrix, and where both are matrices they have the same shape, or one
is a single row (1 x cols) or a single column (rows x 1) that is spread over the other.
@submodule matrix
*/
#include "base/threads.h"
#include "linalg/elementwise.h"
#include "linalg/linalg.h"
#include "lua/matrix.h"

/* What a message calls the operand: its shape, or its type. */
static const char *describe(lua_State *L, int index) {
  const lsq_matrix *m = lsq_lua_test_matrix(L, index);
  if (m == NULL)
    return lua_pushfstring(L, "%s", luaL_typename(L, index));
  return lua_pushfstring(L, "%I x %I", (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols);
}

/* The operands are arguments 1 and 2. */
static int elementwise(lua_State *L, lsq_operation operation) {
  static const char *const words[] = {"add", "subtract", "multiply", "divide"};
  static const char *const joins[] = {"and", "and", "and", "by"};
  const lsq_matrix *a = lsq_lua_test_matrix(L, 1), *b = lsq_lua_test_matrix(L, 2);
  lua_settop(L, 2);
  if ((a == NULL && lua_type(L, 1) != LUA_TNUMBER) ||
      (b == NULL && lua_type(L, 2) != LUA_TNUMBER) || (a == NULL && b == NULL))
    return luaL_error(L, "cannot %s %s %s %s: matrices and numbers expected", words[operation],
                      describe(L, 1), joins[operation], describe(L, 2));
  const double number = a == NULL ? lua_tonumber(L, 1) : b == NULL ? lua_tonumber(L, 2) : 0;
  lsq_operand left = lsq_operand_number(&number), right = left;
  const lsq_matrix *shape = a == NULL ? b : a;
  if (a != NULL && b != NULL && !lsq_operand_spread(b, a->rows, a->cols, &right)) {
    shape = b;
    if (!lsq_operand_spread(a, b->rows, b->cols, &left))
      return luaL_error(L,
                        "cannot %s %s %s %s: equal shapes expected, or on one side a single row or "
                        "column of the other's length",
                        words[operation], describe(L, 1), joins[operation], describe(L, 2));
  }
  if (a != NULL)
    lsq_operand_spread(a, shape->rows, shape->cols, &left);
  if (b != NULL)
    lsq_operand_spread(b, shape->rows, shape->cols, &right);
  lsq_elementwise(operation, left, right, lsq_lua_new_matrix(L, shape->rows, shape->cols));
  return 1;
}

static int add(lua_State *L) {
  return elementwise(L, LSQ_ADD);
}

static int subtract(lua_State *L) {
  return elementwise(L, LSQ_SUBTRACT);
}

static int negate(lua_State *L) {
  lua_settop(L, 1);
  lua_pushinteger(L, -1);
  return elementwise(L, LSQ_MULTIPLY);
}

/* The matrix product, or a matrix times a number. */
static int product(lua_State *L) {
  const lsq_matrix *a = lsq_lua_test_matrix(L, 1), *b = lsq_lua_test_matrix(L, 2);
  if (a == NULL || b == NULL)
    return elementwise(L, LSQ_MULTIPLY);
  if (a->cols != b->rows)
    return luaL_error(L,
                      "cannot multiply %s by %s: the left has %I columns, the right %I rows "
                      "(a:mul(b) multiplies element by element)",
                      describe(L, 1), describe(L, 2), (LUAI_UACINT)a->cols, (LUAI_UACINT)b->rows);
  const lsq_matrix *c = lsq_lua_new_matrix(L, a->rows, b->cols);
  const int before = lsq_lua_enter(L);
  lsq_multiply(1, a, false, b, false, 0, c);
  lsq_threads_leave(before);
  return 1;
}

static int divide_by_number(lua_State *L) {
  if (lsq_lua_test_matrix(L, 2) != NULL)
    return luaL_error(L,
                      "cannot divide %s by %s with '/': use a:div(b) element by element, "
                      "m:solve(b) for a linear system",
                      describe(L, 1), describe(L, 2));
  return elementwise(L, LSQ_DIVIDE);
}

static int equal(lua_State *L) {
  const lsq_matrix *a = lsq_lua_test_matrix(L, 1), *b = lsq_lua_test_matrix(L, 2);
  lua_pushboolean(L, a != NULL && b != NULL && lsq_matrix_same_shape(a, b) && lsq_equal(a, b));
  return 1;
}

/*** Product element by element.
@function matrix:mul
@tparam matrix|number b of the same shape, or a row or column to spread, or a number
@treturn matrix
*/
static int mul(lua_State *L) {
  lsq_lua_check_matrix(L, 1);
  return elementwise(L, LSQ_MULTIPLY);
}

/*** Quotient element by element.
@function matrix:div
@tparam matrix|number b of the same shape, or a row or column to spread, or a number
@treturn matrix
*/
static int div_elements(lua_State *L) {
  lsq_lua_check_matrix(L, 1);
  return elementwise(L, LSQ_DIVIDE);
}

/*** A new matrix of f of every element, row by row.
@function matrix:map
@tparam function f called with value, row and column; returns a number
@treturn matrix rows x cols
@raise when f returns something else than a number (naming row and column)
*/
static int map(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  const lsq_matrix *out = lsq_lua_new_matrix(L, m->rows, m->cols);
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++) {
      lua_pushvalue(L, 2);
      lua_pushnumber(L, lsq_matrix_row(m, i)[j]);
      lua_pushinteger(L, (lua_Integer)i + 1);
      lua_pushinteger(L, (lua_Integer)j + 1);
      lua_call(L, 3, 1);
      if (lua_type(L, -1) != LUA_TNUMBER)
        return luaL_error(L,
                          "the function of 'map' returned %s for row %I, column %I, not a number",
                          luaL_typename(L, -1), (LUAI_UACINT)i + 1, (LUAI_UACINT)j + 1);
      lsq_matrix_row(out, i)[j] = lua_tonumber(L, -1);
      lua_pop(L, 1);
    }
  return 1;
}

static double check_tolerance(lua_State *L, int arg, double standard) {
  const double tolerance = luaL_optnumber(L, arg, standard);
  luaL_argcheck(L, tolerance >= 0, arg, "tolerance of at least 0 expected");
  return tolerance;
}

/*** Whether everywhere |a - b| <= atol + rtol |b|. Infinities are close to themselves alone, nan
to nothing, and matrices of different shapes are not close.
@function matrix:allclose
@tparam matrix b
@tparam[opt=1e-5] number rtol
@tparam[opt=1e-8] number atol
@treturn boolean
*/
static int allclose(lua_State *L) {
  const lsq_matrix *a = lsq_lua_check_matrix(L, 1), *b = lsq_lua_check_matrix(L, 2);
  const double relative = check_tolerance(L, 3, 1e-5), absolute = check_tolerance(L, 4, 1e-8);
  lua_pushboolean(L, lsq_matrix_same_shape(a, b) && lsq_all_close(a, b, relative, absolute));
  return 1;
}

const luaL_Reg lsq_lua_matrix_elementwise[] = {
    {"mul", mul}, {"div", div_elements}, {"map", map}, {"allclose", allclose}, {NULL, NULL}};

const luaL_Reg lsq_lua_matrix_metamethods[] = {
    {"__add", add},     {"__sub", subtract},         {"__unm", negate},
    {"__mul", product}, {"__div", divide_by_number}, {"__eq", equal},
    {NULL, NULL}};
