/* Reading samples from the Lua stack: X and Y, or a stream that holds both, and their weights. */
#ifndef LSQ_LUA_ROWS_H
#define LSQ_LUA_ROWS_H

#include "lua/support.h"
#include "nn/forward.h"

/* X at an argument, a matrix or a stream, for a net to predict: y is NULL. Raises unless its
   columns are the net's inputs. */
void lsq_lua_check_inputs(lua_State *L, int x_arg, const lsq_network *net, lsq_rows *rows);

/* X and Y at arguments x_arg and x_arg + 1, or a stream and nil; option `weights` of the table at
   `options` (0: none), whose values stay on the stack. Raises unless there is a row, all fit each
   other and the network, and Y can be targets of its loss. What is not finite and rows that cannot
   be read are told by filling the error. */
lsq_status lsq_lua_check_rows(lua_State *L, const lsq_network *net, int x_arg, int options,
                              lsq_rows *rows, lsq_error *error);

/* How many threads this state has now. */
size_t lsq_lua_threads(lua_State *L);

/* Pushes the memory of a pass over rows, with as many threads as this state has now. */
void lsq_lua_place_forward(lua_State *L, lsq_forward_work *work, const lsq_network *net,
                           const lsq_rows *rows);
void lsq_lua_place_gradient(lua_State *L, lsq_gradient_work *work, const lsq_network *net,
                            const lsq_rows *rows);

#endif
