/* What the glue files of lsqnet.fit share. */
#ifndef LSQ_LUA_FIT_H
#define LSQ_LUA_FIT_H

#include "lua/support.h"
#include "nn/piecewise.h"

/* The matrix in a field of the table at `index`; raises when there is none of rows x cols, where
   these are not 0. It stays alive with the table. */
lsq_matrix *lsq_lua_fit_matrix(lua_State *L, int index, const char *name, size_t rows, size_t cols);

/* A number in a field of the table at `index`, `standard` where there is none. */
double lsq_lua_fit_number(lua_State *L, int index, const char *name, double standard);

/* The map from columns to inputs in the table at `index`. */
void lsq_lua_fit_map(lua_State *L, int index, lsq_piecewise *map);

/* ensemble and evidence, added to the table on top of the stack. */
void lsq_lua_open_fit_train(lua_State *L);

#endif
