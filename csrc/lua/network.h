/* What the files of the network type share. */
#ifndef LSQ_LUA_NETWORK_H
#define LSQ_LUA_NETWORK_H

#include "lua/support.h"

/* Pushes the table of the methods. The metatable's own __index is a function, because of
   fields such as `layers`, and looks there first; network_io.c adds its methods to it. */
void lsq_lua_push_network_methods(lua_State *L);

/* Pushes a copy of a network, its metadata included. */
lsq_network *lsq_lua_clone_network(lua_State *L, int index);

/* Pushes the options that `lsqnet.network` makes such a net of. */
void lsq_lua_push_network_options(lua_State *L, const lsq_network *net);

/* Pushes what `lsqnet.network` takes, as lsq_lua_push_options does. */
void lsq_lua_push_constructor_options(lua_State *L);

/* Pushes the list of the widths, inputs first. */
void lsq_lua_push_widths(lua_State *L, const lsq_network *net);

/* The constructor; the argument is the table of options. */
int lsq_lua_network_from_options(lua_State *L);

/* The generator that option rng names, which stays on the stack, or `seeded`, started from the
   seed. */
lsq_random *lsq_lua_check_generator(lua_State *L, int arg, lsq_random *seeded, int64_t seed);

/* X and Y of a training set at arguments x_arg and x_arg + 1: raises unless there is a row,
   they fit each other and the network, and Y can be targets of the loss. What is not finite
   is told by filling the error: returns LSQ_OK or LSQ_NON_FINITE. */
lsq_status lsq_lua_check_samples(lua_State *L, const lsq_network *net, const lsq_loss *loss,
                                 int x_arg, lsq_error *error);

/* Raises unless the rows can be targets of the loss, and names the first that cannot. */
void lsq_lua_check_targets(lua_State *L, int arg, const lsq_loss *loss, const lsq_matrix *y);

/* network:predict. */
int lsq_lua_network_predict(lua_State *L);

/* Each file's methods. */
extern const luaL_Reg lsq_lua_network_runs[];       /* predict, loss, gradient, ... */
extern const luaL_Reg lsq_lua_network_parameters[]; /* weight, set_weight, ... */

/* Adds core.metrics to the table on top of the stack. */
void lsq_lua_open_metrics(lua_State *L);

#endif
