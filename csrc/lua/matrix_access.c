/*** Elements, views and copies.
@submodule matrix
*/
#include "linalg/linalg.h"
#include "lua/matrix.h"

/*** One element.
@function matrix:get
@tparam int i row
@tparam int j column
@treturn number
@raise when i or j is out of range
*/
static int get(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t i = lsq_lua_check_index(L, 2, m, "row", m->rows);
  const size_t j = lsq_lua_check_index(L, 3, m, "column", m->cols);
  lua_pushnumber(L, lsq_matrix_row(m, i)[j]);
  return 1;
}

/*** Writes one element, in place.
@function matrix:set
@tparam int i row
@tparam int j column
@tparam number value
@raise when i or j is out of range
*/
static int set(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t i = lsq_lua_check_index(L, 2, m, "row", m->rows);
  const size_t j = lsq_lua_check_index(L, 3, m, "column", m->cols);
  lsq_matrix_row(m, i)[j] = luaL_checknumber(L, 4);
  return 0;
}

/*** One row as a view: writing to it writes to the matrix.
@function matrix:row
@tparam int i
@treturn matrix 1 x cols
*/
static int row(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t i = lsq_lua_check_index(L, 2, m, "row", m->rows);
  lsq_lua_push_view(L, lsq_matrix_rows(m, i, 1), 1);
  return 1;
}

/* The inclusive range at two arguments: *first from 0, and the count, which is 0 for last =
   first - 1. */
static size_t check_range(lua_State *L, int arg, const lsq_matrix *m, const char *what,
                          size_t limit, size_t *first) {
  const lua_Integer from = luaL_checkinteger(L, arg), to = luaL_checkinteger(L, arg + 1);
  if (from < 1 || to < from - 1 || (lua_Unsigned)to > limit) {
    lua_pushfstring(L, "%s range %I..%I not within 1..%I of a %I x %I matrix", what,
                    (LUAI_UACINT)from, (LUAI_UACINT)to, (LUAI_UACINT)limit, (LUAI_UACINT)m->rows,
                    (LUAI_UACINT)m->cols);
    luaL_argerror(L, arg, lua_tostring(L, -1));
  }
  *first = (size_t)from - 1;
  return (size_t)(to - from + 1);
}

/*** A block of rows, and of columns where given, as a view: writing to it writes to the matrix.
Ranges are inclusive; `r2 = r1 - 1` is an empty one.
@function matrix:slice
@tparam int r1 first row
@tparam int r2 last row
@tparam[opt=1] int c1 first column
@tparam[opt=cols] int c2 last column, to be given with c1
@treturn matrix (r2 - r1 + 1) x (c2 - c1 + 1)
*/
static int slice(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  size_t first, first_column = 0, columns = m->cols;
  const size_t count = check_range(L, 2, m, "row", m->rows, &first);
  if (!lua_isnoneornil(L, 4))
    columns = check_range(L, 4, m, "column", m->cols, &first_column);
  lsq_matrix view = {m->data, count, columns, m->stride};
  if (count != 0 && columns != 0)
    view.data += first * m->stride + first_column;
  lsq_lua_push_view(L, view, 1);
  return 1;
}

/* Pushes the list of indices at an argument as a block of `*count` 0-based ones. */
static const size_t *check_indices(lua_State *L, int arg, const lsq_matrix *m, const char *what,
                                   size_t limit, size_t *count) {
  luaL_checktype(L, arg, LUA_TTABLE);
  *count = lua_rawlen(L, arg);
  size_t *indices = lsq_lua_block(L, lsq_size_multiply(*count, sizeof *indices));
  for (size_t k = 0; k < *count; k++) {
    int is_integer = 0;
    const int type = lua_rawgeti(L, arg, (lua_Integer)k + 1);
    const lua_Integer index = lua_tointegerx(L, -1, &is_integer);
    if (type != LUA_TNUMBER || !is_integer) {
      lua_pushfstring(L, "entry %I of the list is no integer but %s", (LUAI_UACINT)k + 1,
                      type == LUA_TNUMBER ? luaL_tolstring(L, -1, NULL) : lua_typename(L, type));
      luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    if (index < 1 || (lua_Unsigned)index > limit) {
      lua_pushfstring(L, "entry %I of the list: %s %I out of range 1..%I of a %I x %I matrix",
                      (LUAI_UACINT)k + 1, what, (LUAI_UACINT)index, (LUAI_UACINT)limit,
                      (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols);
      luaL_argerror(L, arg, lua_tostring(L, -1));
    }
    indices[k] = (size_t)index - 1;
    lua_pop(L, 1);
  }
  return indices;
}

/*** Columns as a new matrix: `m:columns{3, 1}`, in this order, repeats allowed; or the range
`m:columns(first, last)`, or one, `m:columns(j)`.
@function matrix:columns
@tparam {int,...}|int first a list of columns, or the first one
@tparam[opt=first] int last the last one
@treturn matrix rows x count
*/
static int columns(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  size_t count, first;
  if (lua_type(L, 2) == LUA_TTABLE) {
    const size_t *indices = check_indices(L, 2, m, "column", m->cols, &count);
    const lsq_matrix *out = lsq_lua_new_matrix(L, m->rows, count);
    for (size_t i = 0; i < m->rows; i++)
      for (size_t k = 0; k < count; k++)
        lsq_matrix_row(out, i)[k] = lsq_matrix_row(m, i)[indices[k]];
    return 1;
  }
  if (lua_isnoneornil(L, 3)) {
    first = lsq_lua_check_index(L, 2, m, "column", m->cols);
    count = 1;
  } else {
    count = check_range(L, 2, m, "column", m->cols, &first);
  }
  const lsq_matrix *out = lsq_lua_new_matrix(L, m->rows, count);
  if (count != 0) {
    const lsq_matrix part = {m->data + first, m->rows, count, m->stride};
    lsq_matrix_copy(&part, out);
  }
  return 1;
}

/*** Rows as a new matrix, in the order of the list; repeats are allowed.
@function matrix:take
@tparam {int,...} indices
@treturn matrix #indices x cols
*/
static int take(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  size_t count;
  const size_t *indices = check_indices(L, 2, m, "row", m->rows, &count);
  const lsq_matrix *out = lsq_lua_new_matrix(L, count, m->cols);
  for (size_t k = 0; k < count; k++) {
    const lsq_matrix from = lsq_matrix_rows(m, indices[k], 1), to = lsq_matrix_rows(out, k, 1);
    lsq_matrix_copy(&from, &to);
  }
  return 1;
}

/*** A copy, which owns its elements.
@function matrix:copy
@treturn matrix rows x cols
*/
static int copy(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  lsq_matrix_copy(m, lsq_lua_new_matrix(L, m->rows, m->cols));
  return 1;
}

/*** The transpose, as a new matrix.
@function matrix:t
@treturn matrix cols x rows
*/
static int transpose(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  lsq_transpose(m, lsq_lua_new_matrix(L, m->cols, m->rows));
  return 1;
}

/*** The same elements, read row by row, in another shape, as a new matrix.
@function matrix:reshape
@tparam int rows
@tparam int cols
@treturn matrix rows x cols
@raise when the number of elements differs
*/
static int reshape(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t rows = lsq_lua_check_count(L, 2, "rows");
  const size_t cols = lsq_lua_check_count(L, 3, "columns");
  if (lsq_size_multiply(rows, cols) != m->rows * m->cols)
    return luaL_error(L, "cannot reshape %I x %I into %I x %I: %I numbers do not fill it",
                      (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols, (LUAI_UACINT)rows,
                      (LUAI_UACINT)cols, (LUAI_UACINT)(m->rows * m->cols));
  const lsq_matrix *out = lsq_lua_new_matrix(L, rows, cols);
  const lsq_matrix same = lsq_matrix_over(out->data, m->rows, m->cols);
  lsq_matrix_copy(m, &same);
  return 1;
}

/*** This matrix with the columns of another to its right.
@function matrix:hcat
@tparam matrix n with as many rows
@treturn matrix rows x (cols + n.cols)
*/
static int hcat(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1), *n = lsq_lua_check_matrix(L, 2);
  if (m->rows != n->rows)
    return luaL_error(L, "cannot put %I x %I and %I x %I side by side: the rows differ",
                      (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols, (LUAI_UACINT)n->rows,
                      (LUAI_UACINT)n->cols);
  const lsq_matrix *out = lsq_lua_new_matrix(L, m->rows, lsq_size_add(m->cols, n->cols));
  const lsq_matrix left = {out->data, m->rows, m->cols, out->stride};
  const lsq_matrix right = {out->data + m->cols, n->rows, n->cols, out->stride};
  lsq_matrix_copy(m, &left);
  lsq_matrix_copy(n, &right);
  return 1;
}

/*** This matrix with the rows of another below.
@function matrix:vcat
@tparam matrix n with as many columns
@treturn matrix (rows + n.rows) x cols
*/
static int vcat(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1), *n = lsq_lua_check_matrix(L, 2);
  if (m->cols != n->cols)
    return luaL_error(L, "cannot put %I x %I above %I x %I: the columns differ",
                      (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols, (LUAI_UACINT)n->rows,
                      (LUAI_UACINT)n->cols);
  const lsq_matrix *out = lsq_lua_new_matrix(L, lsq_size_add(m->rows, n->rows), m->cols);
  const lsq_matrix above = lsq_matrix_rows(out, 0, m->rows);
  const lsq_matrix below = lsq_matrix_rows(out, m->rows, n->rows);
  lsq_matrix_copy(m, &above);
  lsq_matrix_copy(n, &below);
  return 1;
}

/*** A table of rows, each a list of numbers: what `lsqnet.matrix` takes.
@function matrix:totable
@treturn {{number,...},...}
*/
static int totable(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const size_t most = INT32_MAX; /* of a hint to lua_createtable */
  lua_createtable(L, (int)lsq_size_min(m->rows, most), 0);
  for (size_t i = 0; i < m->rows; i++) {
    lua_createtable(L, (int)lsq_size_min(m->cols, most), 0);
    for (size_t j = 0; j < m->cols; j++) {
      lua_pushnumber(L, lsq_matrix_row(m, i)[j]);
      lua_rawseti(L, -2, (lua_Integer)j + 1);
    }
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

const luaL_Reg lsq_lua_matrix_access[] = {
    {"get", get},         {"set", set},   {"row", row},   {"slice", slice},
    {"columns", columns}, {"take", take}, {"copy", copy}, {"t", transpose},
    {"reshape", reshape}, {"hcat", hcat}, {"vcat", vcat}, {"totable", totable},
    {NULL, NULL}};
