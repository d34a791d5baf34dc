/***
@submodule lsqnet
*/

#include <string.h>

#include "lua/network.h"
#include "lua/training.h"
#include "lua/triangle.h"

/* Upvalue 1: the lsq_trainer. */
static int train(lua_State *L) {
  lua_settop(L, LSQ_TRAINING_OPTIONS);
  return lsq_lua_train(L, lua_touserdata(L, lua_upvalueindex(1)), NULL);
}

/* The trainer whose name is at an argument. */
static const lsq_trainer *check_trainer(lua_State *L, int arg) {
  enum { MOST_TRAINERS = 64 };
  const char *names[MOST_TRAINERS];
  size_t count = 0;
  const char *name = luaL_checkstring(L, arg);
  for (; lsq_trainers[count] != NULL && count < MOST_TRAINERS; count++) {
    names[count] = lsq_trainers[count]->name;
    if (strcmp(name, names[count]) == 0)
      return lsq_trainers[count];
  }
  char hint[96];
  lsq_lua_suggest(name, names, count, hint, sizeof hint);
  luaL_argerror(L, arg, lua_pushfstring(L, "no trainer is named '%s'%s", name, hint));
  return NULL;
}

/*** A training as an object: checks everything, as the trainer's call does, and computes nothing
yet. `run:advance` goes on with it, for a frame of a game, say, or between two yields of a
coroutine; `run:finish` ends it. The same seed gives the same net, however the time was cut.

A run keeps the net, X, Y and the options' values alive. It may be collected at any time.
@function start
@tparam string name of a trainer: "anmin", ...
@tparam network net as of the trainer
@tparam matrix X as of the trainer
@tparam matrix Y as of the trainer
@tparam[opt] table options as of the trainer
@treturn[1] run
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", or "no_file" of a stream
@raise as the trainer
*/
static int start(lua_State *L) {
  const lsq_trainer *trainer = check_trainer(L, 1);
  lsq_error error;
  lua_remove(L, 1);
  lua_settop(L, LSQ_TRAINING_OPTIONS);
  lsq_model *model = trainer == &lsq_triangle_trainer ? lsq_lua_triangle_model(L) : NULL;
  return lsq_training_start(L, trainer, model, &error) == NULL ? lsq_lua_failure(L, &error) : 1;
}

static void push_options(lua_State *L, const lsq_trainer *trainer) {
  lsq_option common[32];
  size_t count = 0;
  for (const lsq_option *o = lsq_training_option_table; o->name != NULL; o++)
    if (lsq_training_takes(trainer, o))
      common[count++] = *o;
  common[count].name = NULL;
  lsq_lua_push_options(L, trainer->options, common);
}

/*** The options of a trainer, as it declares them, or of `lsqnet.network`.
@function options
@tparam string name of a trainer: "anmin", ...; or "network"
@treturn {table,...} one table an option: `name`, `type` (number, integer, boolean, choice or
value), `default`, `minimum` and `maximum` (of numbers), `choices` (of a choice) and `text`;
the trainer's own first, then those common to all trainers
*/
static int options(lua_State *L) {
  if (strcmp(luaL_checkstring(L, 1), "network") == 0) {
    lsq_lua_push_constructor_options(L);
    return 1;
  }
  push_options(L, check_trainer(L, 1));
  return 1;
}

static void set_names(lua_State *L, const char *field, const char *const *names) {
  if (names == NULL)
    return;
  lua_newtable(L);
  for (int k = 0; names[k] != NULL; k++) {
    lua_pushstring(L, names[k]);
    lua_rawseti(L, -2, k + 1);
  }
  lua_setfield(L, -2, field);
}

static void push_accepts(lua_State *L, const lsq_accepts *accepts) {
  lua_newtable(L);
  if (accepts->least_layers > 1) {
    lua_pushinteger(L, (lua_Integer)accepts->least_layers);
    lua_setfield(L, -2, "least_layers");
  }
  if (accepts->most_layers > 0) {
    lua_pushinteger(L, (lua_Integer)accepts->most_layers);
    lua_setfield(L, -2, "most_layers");
  }
  set_names(L, "activations", accepts->activations);
  set_names(L, "output_activations", accepts->output_activations);
  set_names(L, "losses", accepts->losses);
  lua_pushboolean(L, accepts->needs_biases);
  lua_setfield(L, -2, "needs_biases");
  lua_pushboolean(L, accepts->takes_skip);
  lua_setfield(L, -2, "skip");
}

static void push_takes(lua_State *L, unsigned takes) {
  static const char *const names[] = {"mask",     "state",       "stream", "weights", "init",
                                      "schedule", "connections", "loss",   "scale",   NULL};
  lua_newtable(L);
  for (int k = 0; names[k] != NULL; k++) {
    lua_pushboolean(L, (takes >> k & 1) != 0);
    lua_setfield(L, -2, names[k]);
  }
}

/*** All trainers, as they declare themselves.
@function trainers
@treturn {table,...} one table a trainer: `name`; `text`, one line; `accepts`, the nets it trains:
`least_layers` and `most_layers` (layers with weights), lists of names `activations`,
`output_activations` and `losses` (absent: any), `needs_biases`, `skip`; `takes`, a flag each of
`mask`, `state`, `stream`, `weights`, `init`, `schedule`, `connections`, `loss`, and `scale`: it
warns of columns far from mean 0 and deviation 1; `options`, as
`options` gives them
*/
static int trainers(lua_State *L) {
  lua_newtable(L);
  for (int k = 0; lsq_trainers[k] != NULL; k++) {
    const lsq_trainer *trainer = lsq_trainers[k];
    lua_createtable(L, 0, 5);
    lua_pushstring(L, trainer->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, trainer->text);
    lua_setfield(L, -2, "text");
    push_accepts(L, &trainer->accepts);
    lua_setfield(L, -2, "accepts");
    push_takes(L, trainer->takes);
    lua_setfield(L, -2, "takes");
    push_options(L, trainer);
    lua_setfield(L, -2, "options");
    lua_rawseti(L, -2, k + 1);
  }
  return 1;
}

void lsq_lua_open_trainers(lua_State *L) {
  for (size_t k = 0; lsq_trainers[k] != NULL; k++) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)lsq_trainers[k]);
    lua_pushcclosure(L, train, 1);
    lua_setfield(L, -2, lsq_trainers[k]->name);
  }
  lua_pushcfunction(L, start);
  lua_setfield(L, -2, "start");
  lua_pushcfunction(L, options);
  lua_setfield(L, -2, "options");
  lua_pushcfunction(L, trainers);
  lua_setfield(L, -2, "trainers");
}
