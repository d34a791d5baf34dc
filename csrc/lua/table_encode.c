/* Columns of tables as inputs (io/table_encode.h), for lua/lsqnet/encoder. */
#include "io/table_encode.h"

#include "lua/support.h"

static lsq_matrix *check_column(lua_State *L, int arg) {
  lsq_matrix *m = lsq_lua_check_matrix(L, arg);
  luaL_argcheck(L, m->cols == 1, arg, "one column expected");
  return m;
}

/* A column of x by its number from 1; 0 for none, which is SIZE_MAX. */
static size_t check_target(lua_State *L, int arg, const lsq_matrix *x) {
  lua_Integer number = luaL_checkinteger(L, arg);
  luaL_argcheck(L, number >= 0 && (lua_Unsigned)number <= x->cols, arg, "no such column");
  return (size_t)number - 1;
}

/* summarise(column): finite, missing, infinite, least, largest, median, integers. */
static int summarise(lua_State *L) {
  lsq_column_summary s;
  const lsq_matrix *column = check_column(L, 1);
  lsq_table_summarise(column, lsq_lua_block(L, column->rows * sizeof(double)), &s);
  lua_createtable(L, 0, 7);
  lua_pushinteger(L, (lua_Integer)s.finite);
  lua_setfield(L, -2, "finite");
  lua_pushinteger(L, (lua_Integer)s.missing);
  lua_setfield(L, -2, "missing");
  lua_pushinteger(L, (lua_Integer)s.infinite);
  lua_setfield(L, -2, "infinite");
  lua_pushnumber(L, s.least);
  lua_setfield(L, -2, "least");
  lua_pushnumber(L, s.largest);
  lua_setfield(L, -2, "largest");
  lua_pushnumber(L, s.median);
  lua_setfield(L, -2, "median");
  lua_pushboolean(L, s.integers);
  lua_setfield(L, -2, "integers");
  return 1;
}

/* counts_from(column, first): whether the values are first, first + 1, ... */
static int counts_from(lua_State *L) {
  const lsq_matrix *column = check_column(L, 1);
  lua_pushboolean(L, lsq_table_counts_from(column, luaL_checknumber(L, 2)));
  return 1;
}

/* fill(column, value, x, to, flag) */
static int fill(lua_State *L) {
  const lsq_matrix *column = check_column(L, 1);
  double value = luaL_checknumber(L, 2);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 3);
  luaL_argcheck(L, x->rows == column->rows, 3, "as many rows expected");
  lsq_table_fill(column, value, x, check_target(L, 4, x), check_target(L, 5, x));
  return 0;
}

/* Raises unless all codes are whole numbers from 1 to levels, or missing. */
static void check_codes(lua_State *L, const lsq_matrix *codes, size_t levels) {
  for (size_t i = 0; i < codes->rows; i++) {
    const double code = *lsq_matrix_row(codes, i);
    if (!isnan(code) && !(code >= 1 && code <= (double)levels && code == trunc(code)))
      luaL_error(L, "row %I holds %s, which is no code of %I levels", (lua_Integer)i + 1,
                 lsq_lua_number(L, code), (lua_Integer)levels);
  }
}

/* spread(codes, to, x): `to` has the column for each level and, last, for what is missing. */
static int spread(lua_State *L) {
  const lsq_matrix *codes = check_column(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 3);
  luaL_argcheck(L, x->rows == codes->rows, 3, "as many rows expected");
  size_t entries = lua_rawlen(L, 2);
  luaL_argcheck(L, entries >= 1, 2, "a list of columns expected");
  size_t *to = lsq_lua_block(L, entries * sizeof *to);
  for (size_t k = 0; k < entries; k++) {
    lua_rawgeti(L, 2, (lua_Integer)k + 1);
    to[k] = check_target(L, -1, x);
    lua_pop(L, 1);
  }
  check_codes(L, codes, entries - 1);
  lsq_table_spread(codes, to, entries - 1, x);
  return 0;
}

/* tally(codes, levels): a list of how often each code occurs, and how many are missing. */
static int tally(lua_State *L) {
  const lsq_matrix *codes = check_column(L, 1);
  lua_Integer levels = luaL_checkinteger(L, 2);
  luaL_argcheck(L, levels >= 0 && levels < INT32_MAX, 2, "a number of levels expected");
  check_codes(L, codes, (size_t)levels);
  size_t *counts = lsq_lua_block(L, ((size_t)levels + 1) * sizeof *counts);
  lsq_table_tally(codes, counts, (size_t)levels);
  lua_createtable(L, (int)levels, 0);
  for (lua_Integer k = 0; k < levels; k++) {
    lua_pushinteger(L, (lua_Integer)counts[k]);
    lua_rawseti(L, -2, k + 1);
  }
  lua_pushinteger(L, (lua_Integer)counts[levels]);
  return 2;
}

void lsq_lua_open_table_encode(lua_State *L) {
  static const luaL_Reg functions[] = {{"summarise", summarise}, {"counts_from", counts_from},
                                       {"fill", fill},           {"spread", spread},
                                       {"tally", tally},         {NULL, NULL}};
  lua_getfield(L, -1, "table");
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
}
