#include "lua/weights.h"

static void check(lua_State *L, const lsq_matrix *m, size_t rows) {
  double largest = 0;
  if (m == NULL)
    luaL_error(L, "option 'weights': lsqnet.matrix expected, got %s", luaL_typename(L, -1));
  if (m->rows != rows || m->cols != 1)
    luaL_error(L, "option 'weights': %I x 1 expected, a weight for each row, got %I x %I",
               (LUAI_UACINT)rows, (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols);
  for (size_t i = 0; i < rows; i++) {
    const double weight = *lsq_matrix_row(m, i);
    if (weight < 0)
      luaL_error(L, "option 'weights': row %I is negative", (LUAI_UACINT)(i + 1));
    largest = fmax(largest, weight);
  }
  if (rows > 0 && largest == 0)
    luaL_error(L, "option 'weights': all are 0");
}

lsq_status lsq_lua_read_weights(lua_State *L, int options, size_t rows, const double **weights,
                                lsq_error *error) {
  *weights = NULL;
  if (lsq_lua_option_value(L, options, "weights") == LUA_TNIL)
    return LSQ_OK;
  const lsq_matrix *given = lsq_lua_test_matrix(L, -1);
  if (given != NULL && given->rows == rows && given->cols == 1) {
    const lsq_status status = lsq_lua_check_finite(given, "weights", error);
    if (status != LSQ_OK)
      return status;
  }
  check(L, given, rows);
  double *copy = lsq_lua_block(L, lsq_size_multiply(rows, sizeof *copy));
  const lsq_matrix into = lsq_matrix_over(copy, rows, 1);
  lsq_matrix_copy(given, &into);
  lua_replace(L, -2);
  *weights = copy;
  return LSQ_OK;
}
