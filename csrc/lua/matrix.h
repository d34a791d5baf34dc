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

/* Raises unless the matrix at argument 1 is square. */
void lsq_lua_require_square(lua_State *L, const lsq_matrix *m);

/* What each file adds: constructors, methods, metamethods. */
extern const luaL_Reg lsq_lua_matrix_constructors[];
extern const luaL_Reg lsq_lua_matrix_access[];
extern const luaL_Reg lsq_lua_matrix_elementwise[];
extern const luaL_Reg lsq_lua_matrix_metamethods[];
extern const luaL_Reg lsq_lua_matrix_reductions[];
extern const luaL_Reg lsq_lua_matrix_factorisations[];

/* lsqnet.matrix(...): argument 1 is the callable table. */
int lsq_lua_matrix_call(lua_State *L);

int lsq_lua_matrix_tostring(lua_State *L);

#endif
