/* Reading which loss is meant, and its parameter, from options. */
#ifndef LSQ_LUA_LOSS_H
#define LSQ_LUA_LOSS_H

#include "lua/support.h"

#define LSQ_COUNT_ONE(name) +1
enum { LSQ_LOSS_COUNT = 0 LSQ_LOSSES(LSQ_COUNT_ONE) };

/* The parameters of all losses as a table of options for lsq_lua_read_options, which fills
   `values`; not given: NaN. */
typedef struct {
  double values[LSQ_LOSS_COUNT];
  lsq_option options[LSQ_LOSS_COUNT + 1];
} lsq_lua_loss_parameters;

void lsq_lua_loss_parameters_start(lsq_lua_loss_parameters *parameters);

/* Gives the net a loss, with the parameter given, or its own where it has that loss already, or
   the default. Raises on a parameter of another loss. */
void lsq_lua_set_loss(lua_State *L, lsq_network *net, const lsq_loss *loss,
                      const lsq_lua_loss_parameters *given);

/* The loss named by the string at an argument. */
const lsq_loss *lsq_lua_check_loss(lua_State *L, int arg);

/* Pushes the loss and its parameter as text: "mse", "huber (delta 1)". */
void lsq_lua_push_loss(lua_State *L, const lsq_network *net);

#endif
