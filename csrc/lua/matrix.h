/* What the files of the matrix type share. */
#ifndef LSQ_LUA_MATRIX_H
#define LSQ_LUA_MATRIX_H

#include "lua/support.h"

/* Pushes the table of the methods. The metatable's own __index is a function, because of the
   fields rows and cols, and looks there first; matrix_io.c adds its methods to it. */
void lsq_lua_push_matrix_methods(lua_State *L);

/* A 1-based index of a row or column: returns it 0-based; raises when it is not in
   1..limit. `what` is "row" or "column". */
size_t lsq_lua_check_index(lua_State *L, int arg, const lsq_matrix *m, const char *what,
                           size_t limit);

/* A count of rows or columns, at least 0. */
size_t lsq_lua_check_count(lua_State *L, int arg, const char *what);

/* The options "rows" and "cols" of a reduction; none or nil: the whole matrix. */
typedef enum { LSQ_LUA_WHOLE, LSQ_LUA_ROWS, LSQ_LUA_COLS } lsq_lua_axis;

/* Each file's functions: adds to the methods, metamethods or the table of constructors. */
extern const luaL_Reg lsq_lua_matrix_access[];         /* methods: elements, views, copies */
extern const luaL_Reg lsq_lua_matrix_reductions[];     /* methods: sum, mean, ... */
extern const luaL_Reg lsq_lua_matrix_elementwise[];    /* methods: mul, div, allclose, map */
extern const luaL_Reg lsq_lua_matrix_metamethods[];    /* __add, __eq, ... */
extern const luaL_Reg lsq_lua_matrix_factorisations[]; /* methods: solve, svd, ... */
extern const luaL_Reg lsq_lua_matrix_constructors[];   /* zeros, eye, ... */

/* matrix(...): the first argument is the callable table. */
int lsq_lua_matrix_call(lua_State *L);

int lsq_lua_matrix_tostring(lua_State *L);

#endif
