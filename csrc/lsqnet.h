/* lsqnet: small neural networks trained by linear algebra. What a C host needs.

   The module exports luaopen_lsqnet_core and nothing else; matrices go in and out through the
   Lua C API alone, with the inline functions below, so that a host links no further symbol.
   A training that must not hold up the host is a run, which is advanced for as long as there is
   time (examples/embed/main.c does so):

     lua_getfield(L, run, "advance");                   -- run: what lsqnet.start returned
     lua_pushvalue(L, run);
     lua_pushnumber(L, 0.002);                          -- seconds
     lua_call(L, 2, 1);                                 -- an event, or nil: the time is over
     lua_getfield(L, run, "ended");                     -- nil while there is more to do

   A host that loads the module at run time (require "lsqnet.core") needs only this header.

     luaL_requiref(L, "lsqnet.core", luaopen_lsqnet_core, 0);
     lua_pop(L, 1);
     lua_getglobal(L, "train");                         -- function train(x) ... return y end
     lsqnet_pushview(L, samples, 100, 3, 3, 0);         -- no copy: the host's own 100 x 3 array
     lua_call(L, 1, 1);
     const lsqnet_matrix *y = lsqnet_checkmatrix(L, -1);
     for (size_t i = 0; i < y->rows; i++)
       printf("%g\n", y->data[i * y->stride]);
     lua_pop(L, 1);                                     -- from here on y may be collected
*/
#ifndef LSQNET_H
#define LSQNET_H

#include <stddef.h>
#include <stdint.h>

#define LSQNET_VERSION_MAJOR 0
#define LSQNET_VERSION_MINOR 1
#define LSQNET_VERSION_PATCH 0
#define LSQNET_VERSION "0.1.0"

#if defined(__cplusplus)
#include <lua.hpp>
extern "C" {
#else
#include <lauxlib.h>
#include <lua.h>
#endif

#if defined(_WIN32)
#define LSQNET_API
#else
#define LSQNET_API __attribute__((visibility("default")))
#endif

/* Opens the module: leaves the table that require "lsqnet.core" returns. */
LSQNET_API int luaopen_lsqnet_core(lua_State *L);

/* The head of a matrix userdata. Element (i, j), counted from 0, is data[i * stride + j].
   data stays where it is as long as the userdata, or any view of it, is reachable from Lua.
   A host may write the elements, never these fields. */
typedef struct lsqnet_matrix {
  double *data;
  size_t rows, cols;
  size_t stride; /* doubles from one row to the next, at least cols */
} lsqnet_matrix;

/* The name of the metatable in the registry. */
#define LSQNET_MATRIX_TYPE "lsqnet.matrix"

/* The matrix at an index, or NULL when the value is none. */
static inline lsqnet_matrix *lsqnet_tomatrix(lua_State *L, int index) {
  return (lsqnet_matrix *)luaL_testudata(L, index, LSQNET_MATRIX_TYPE);
}

/* The matrix at an argument; raises an argument error when the value is none. */
static inline lsqnet_matrix *lsqnet_checkmatrix(lua_State *L, int arg) {
  return (lsqnet_matrix *)luaL_checkudata(L, arg, LSQNET_MATRIX_TYPE);
}

/* Pushes a rows x cols matrix of zeros that owns its elements, and returns it. Raises when
   lsqnet.core is not loaded in this state, or memory is out. */
static inline lsqnet_matrix *lsqnet_newmatrix(lua_State *L, size_t rows, size_t cols) {
  luaL_checkstack(L, 6, "no room for a matrix");
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "lsqnet.core") != LUA_TTABLE)
    luaL_error(L, "lsqnet.core is not loaded in this Lua state");
  lua_getfield(L, -1, "matrix");
  lua_replace(L, -3); /* [matrix, core] */
  lua_pop(L, 1);
  lua_pushinteger(L, (lua_Integer)rows);
  lua_pushinteger(L, (lua_Integer)cols);
  lua_call(L, 2, 1);
  return lsqnet_checkmatrix(L, -1);
}

/* Pushes a matrix over the host's own memory, without a copy, and returns it. What Lua writes
   goes to that memory, which must outlive every use of the matrix and of its views. With
   owner != 0 the Lua value at that index (a userdata that holds the memory, say) is kept
   alive as long as they are. Raises when stride < cols, when the extent does not fit the
   address space, or when lsqnet.core is not loaded in this state. */
static inline lsqnet_matrix *lsqnet_pushview(lua_State *L, double *data, size_t rows, size_t cols,
                                             size_t stride, int owner) {
  lsqnet_matrix *view;
  luaL_checkstack(L, 4, "no room for a matrix");
  if (owner != 0)
    owner = lua_absindex(L, owner);
  if (stride < cols || (stride != 0 && rows > PTRDIFF_MAX / sizeof(double) / stride) ||
      (data == NULL && rows != 0 && cols != 0))
    luaL_error(L, "no matrix lies in that memory: its address is NULL, its stride is less than "
                  "its columns, or its extent does not fit the address space");
  view = (lsqnet_matrix *)lua_newuserdatauv(L, sizeof(lsqnet_matrix), 1);
  view->data = data;
  view->rows = rows;
  view->cols = cols;
  view->stride = stride;
  if (luaL_getmetatable(L, LSQNET_MATRIX_TYPE) != LUA_TTABLE)
    luaL_error(L, "lsqnet.core is not loaded in this Lua state");
  lua_setmetatable(L, -2);
  if (owner != 0) {
    lua_pushvalue(L, owner);
    lua_setiuservalue(L, -2, 1);
  }
  return view;
}

#if defined(__cplusplus)
}
#endif

#endif
