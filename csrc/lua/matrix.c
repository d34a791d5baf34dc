/*** Dense matrices of doubles, row by row. Samples are rows; indices start at 1; ranges are
inclusive. `row` and `slice` are views, which share their elements with the matrix they come
from and keep it alive; every other result is a new matrix. The fields `rows` and `cols` are
read-only, and `#m` is the number of rows.

Misuse (a wrong type, shape or range) raises. What the numbers do (a singular system, data that
are not finite) returns nil, a message and a code.
@classmod matrix
*/
#include "lua/matrix.h"

#include <string.h>

#include "lsqnet.h"

/* The head of the userdata is public. */
_Static_assert(sizeof(lsqnet_matrix) == sizeof(lsq_matrix), "lsqnet_matrix has another size");
_Static_assert(offsetof(lsqnet_matrix, data) == offsetof(lsq_matrix, data), "data moved");
_Static_assert(offsetof(lsqnet_matrix, rows) == offsetof(lsq_matrix, rows), "rows moved");
_Static_assert(offsetof(lsqnet_matrix, cols) == offsetof(lsq_matrix, cols), "cols moved");
_Static_assert(offsetof(lsqnet_matrix, stride) == offsetof(lsq_matrix, stride), "stride moved");

lsq_matrix *lsq_lua_check_matrix(lua_State *L, int arg) {
  return luaL_checkudata(L, arg, LSQ_MATRIX_TYPE);
}

lsq_matrix *lsq_lua_test_matrix(lua_State *L, int index) {
  return luaL_testudata(L, index, LSQ_MATRIX_TYPE);
}

/* The elements lie behind the head, in the same block: so the collector knows their size.
   Memory bounds the loops over a matrix; one without elements needs a bound of its own. */
lsq_matrix *lsq_lua_new_matrix(lua_State *L, size_t rows, size_t cols) {
  const size_t head = sizeof(lsq_matrix) + LSQ_ALIGNMENT - 1;
  const size_t bytes =
      lsq_size_add(head, lsq_size_multiply(lsq_size_multiply(rows, cols), sizeof(double)));
  const bool endless = (rows == 0 || cols == 0) && lsq_size_max(rows, cols) > INT32_MAX;
  if (bytes > PTRDIFF_MAX || endless)
    luaL_error(L, "a matrix of %I x %I numbers does not fit the address space", (LUAI_UACINT)rows,
               (LUAI_UACINT)cols);
  lsq_matrix *m = lua_newuserdatauv(L, bytes, 0);
  const uintptr_t past = (uintptr_t)(m + 1) % LSQ_ALIGNMENT;
  unsigned char *elements = (unsigned char *)(m + 1) + (past == 0 ? 0 : LSQ_ALIGNMENT - past);
  *m = lsq_matrix_over((double *)(void *)elements, rows, cols);
  luaL_setmetatable(L, LSQ_MATRIX_TYPE);
  return m;
}

/* A view of a view keeps the owner of the elements alive, not the view between. */
lsq_matrix *lsq_lua_push_view(lua_State *L, lsq_matrix view, int owner) {
  owner = lua_absindex(L, owner);
  lsq_matrix *m = lua_newuserdatauv(L, sizeof *m, 1);
  *m = view;
  luaL_setmetatable(L, LSQ_MATRIX_TYPE);
  lua_pushvalue(L, owner);
  if (lsq_lua_test_matrix(L, owner) != NULL) {
    if (lua_getiuservalue(L, owner, 1) > LUA_TNIL)
      lua_replace(L, -2);
    else
      lua_pop(L, 1);
  }
  lua_setiuservalue(L, -2, 1);
  return m;
}

void lsq_lua_push_matrix_methods(lua_State *L) {
  luaL_getmetatable(L, LSQ_MATRIX_TYPE);
  lua_getfield(L, -1, "__methods");
  lua_remove(L, -2);
}

size_t lsq_lua_check_index(lua_State *L, int arg, const lsq_matrix *m, const char *what,
                           size_t limit) {
  const lua_Integer index = luaL_checkinteger(L, arg);
  if (index >= 1 && (lua_Unsigned)index <= limit)
    return (size_t)index - 1;
  lua_pushfstring(L, "%s %I out of range 1..%I of a %I x %I matrix", what, (LUAI_UACINT)index,
                  (LUAI_UACINT)limit, (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols);
  luaL_argerror(L, arg, lua_tostring(L, -1));
  return 0;
}

size_t lsq_lua_check_count(lua_State *L, int arg, const char *what) {
  const lua_Integer count = luaL_checkinteger(L, arg);
  if (count < 0) {
    lua_pushfstring(L, "%s expected to be at least 0, got %I", what, (LUAI_UACINT)count);
    luaL_argerror(L, arg, lua_tostring(L, -1));
  }
  if (!lsq_size_fits((uint64_t)count)) {
    lua_pushfstring(L, "%s: %I is too large for this machine", what, (LUAI_UACINT)count);
    luaL_argerror(L, arg, lua_tostring(L, -1));
  }
  return (size_t)count;
}

void lsq_lua_require_square(lua_State *L, const lsq_matrix *m) {
  if (m->rows == m->cols)
    return;
  lua_pushfstring(L, "square matrix expected, got %I x %I", (LUAI_UACINT)m->rows,
                  (LUAI_UACINT)m->cols);
  luaL_argerror(L, 1, lua_tostring(L, -1));
}

/* Upvalue 1 is the table of methods. A method is looked up before anything is checked: it
   checks its matrix itself, and this is the way of every m:get(i, j). */
static int index_matrix(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL || lua_type(L, 2) != LUA_TSTRING)
    return 1;
  const char *field = lua_tostring(L, 2);
  if (strcmp(field, "rows") == 0)
    lua_pushinteger(L, (lua_Integer)lsq_lua_check_matrix(L, 1)->rows);
  else if (strcmp(field, "cols") == 0)
    lua_pushinteger(L, (lua_Integer)lsq_lua_check_matrix(L, 1)->cols);
  return 1;
}

static int assign_field(lua_State *L) {
  luaL_checkany(L, 2);
  return luaL_error(L,
                    "cannot assign field '%s' of a matrix: rows and cols are read-only, and "
                    "elements are written by m:set(i, j, value)",
                    luaL_tolstring(L, 2, NULL));
}

static int length(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lsq_lua_check_matrix(L, 1)->rows);
  return 1;
}

/* [matrix's metatable] -> the same, with the methods made and __index set. */
static void set_methods(lua_State *L) {
  lua_newtable(L);
  luaL_setfuncs(L, lsq_lua_matrix_access, 0);
  luaL_setfuncs(L, lsq_lua_matrix_elementwise, 0);
  luaL_setfuncs(L, lsq_lua_matrix_reductions, 0);
  luaL_setfuncs(L, lsq_lua_matrix_factorisations, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__methods");
  lua_pushcclosure(L, index_matrix, 1);
  lua_setfield(L, -2, "__index");
}

void lsq_lua_open_matrix(lua_State *L) {
  static const luaL_Reg metamethods[] = {{"__newindex", assign_field},
                                         {"__len", length},
                                         {"__tostring", lsq_lua_matrix_tostring},
                                         {NULL, NULL}};
  static const luaL_Reg call[] = {{"__call", lsq_lua_matrix_call}, {NULL, NULL}};
  luaL_newmetatable(L, LSQ_MATRIX_TYPE);
  luaL_setfuncs(L, metamethods, 0);
  luaL_setfuncs(L, lsq_lua_matrix_metamethods, 0);
  set_methods(L);
  lua_pop(L, 1);
  lua_newtable(L);
  luaL_setfuncs(L, lsq_lua_matrix_constructors, 0);
  luaL_newlib(L, call);
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "matrix");
}
