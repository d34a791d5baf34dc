/* Weights of samples, as an option gives them. */
#ifndef LSQ_LUA_WEIGHTS_H
#define LSQ_LUA_WEIGHTS_H

#include "lua/support.h"

/* Reads the option `weights` of the table at `options` (none or nil: no weights), for data of so
   many rows: *weights becomes a copy that what is pushed keeps alive, NULL where there are none;
   always pushes one value. Raises where they are no rows x 1 matrix, one is negative or all are 0;
   LSQ_NON_FINITE where one is not finite. */
lsq_status lsq_lua_read_weights(lua_State *L, int options, size_t rows, const double **weights,
                                lsq_error *error);

#endif
