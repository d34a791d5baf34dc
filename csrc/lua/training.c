/***
@submodule lsqnet
*/
#include "lua/training.h"

#include <math.h>

#include "base/threads.h"

static const char TYPE[] = "lsqnet.run";

/* How long a plain call computes before it lets the host interrupt. */
static const double SLICE_SECONDS = 0.05;

/* Everything on the stack, in its place, into a table that the training keeps. */
static void keep_values(lua_State *L, int training) {
  const int top = lua_gettop(L);
  lua_createtable(L, top, 2);
  for (int k = 1; k <= top; k++) {
    if (k == training)
      lua_pushboolean(L, false);
    else
      lua_pushvalue(L, k);
    lua_rawseti(L, -2, k);
  }
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, LSQ_TRAINING_HISTORY);
  lua_setfield(L, -2, LSQ_TRAINING_KEPT);
  lua_setiuservalue(L, training, 1);
}

static void place_run(lsq_training *t) {
  lsq_arena arena = lsq_arena_measure();
  lsq_run measured;
  lsq_run_place(&measured, &arena, t->trainer, &t->problem, t->options, &t->run_options);
  arena = lsq_arena_over(lsq_lua_block(t->L, arena.used));
  lsq_run_place(&t->run, &arena, t->trainer, &t->problem, t->options, &t->run_options);
}

lsq_training *lsq_training_start(lua_State *L, const lsq_trainer *trainer, lsq_model *model,
                                 lsq_error *error) {
  lsq_training *t = lua_newuserdatauv(L, sizeof *t, 1);
  const int index = lua_gettop(L);
  *t = (lsq_training){.L = L, .trainer = trainer, .problem = {.model = model}};
  luaL_setmetatable(L, TYPE);
  if (lsq_training_read(t, error) != LSQ_OK)
    return NULL;
  place_run(t);
  keep_values(L, index);
  lua_settop(L, index);
  lsq_run_start(&t->run);
  return t;
}

/* Goes on until an event of which `seconds` may be too few, and takes it in. kept is the index of
   the values kept. */
static lsq_status advance(lsq_training *t, double seconds, lsq_event *event, int kept,
                          lsq_error *error) {
  const lsq_status status = lsq_run_advance(&t->run, seconds, event, error);
  if (status == LSQ_OK)
    lsq_training_tell(t, event, kept);
  return status;
}

/* To its end, letting the host interrupt in between. */
static lsq_status complete(lsq_training *t, int kept, lsq_error *error) {
  lsq_event event = {.kind = LSQ_EVENT_NONE};
  while (event.kind != LSQ_EVENT_END) {
    const lsq_status status = advance(t, SLICE_SECONDS, &event, kept, error);
    if (status != LSQ_OK)
      return status;
    lsq_lua_answer_host(t->L);
  }
  return LSQ_OK;
}

int lsq_lua_train(lua_State *L, const lsq_trainer *trainer, lsq_model *model) {
  lsq_error error;
  lsq_training *t = lsq_training_start(L, trainer, model, &error);
  if (t == NULL)
    return lsq_lua_failure(L, &error);
  lua_getiuservalue(L, -1, 1);
  const int kept = lua_gettop(L);
  if (complete(t, kept, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_training_push_report(t, kept);
  return 1;
}

/* The training at argument 1, and the index of the values it keeps. */
static lsq_training *check_training(lua_State *L, int *kept) {
  lsq_training *t = luaL_checkudata(L, 1, TYPE);
  t->L = L;
  lua_getiuservalue(L, 1, 1);
  *kept = lua_gettop(L);
  return t;
}

/*** Goes on with the training.
@function run:advance
@tparam[opt=math.huge] number seconds for about how long, at most. It takes longer by at most one
operation that cannot be cut: a Cholesky factor, an eigenvalue computation, a batch, a draw
@treturn[1] table event: `event="iteration"` with what `on_iteration` gets; `"restart"`, of several
restarts, with `restart` and `stopped`; or, once, `"end"` with `stopped`
@treturn[2] nil when the time is over, or the training was already
@treturn[3] nil
@treturn[3] string message
@treturn[3] string code, as of the trainer; the training is over
*/
static int advance_run(lua_State *L) {
  const double seconds = luaL_optnumber(L, 2, HUGE_VAL);
  luaL_argcheck(L, seconds >= 0, 2, "seconds, at least 0, expected");
  int kept;
  lsq_training *t = check_training(L, &kept);
  lsq_event event = {.kind = LSQ_EVENT_NONE};
  lsq_error error;
  if (t->run.ended != LSQ_RUNNING)
    return 0;
  do
    if (advance(t, seconds, &event, kept, &error) != LSQ_OK)
      return lsq_lua_failure(L, &error);
  while (event.kind == LSQ_EVENT_RESTART && t->common.restarts == 1);
  if (event.kind == LSQ_EVENT_NONE)
    return 0;
  lsq_training_push_event(t, &event, kept);
  return 1;
}

/*** Ends the training where it stands, unless it is over, and leaves the net as the trainer's call
does. May be called again.
@function run:finish
@treturn[1] table report, as of the trainer; `stopped="callback"` where it ended here
@treturn[2] nil
@treturn[2] string message
@treturn[2] string code, as of the trainer
*/
static int finish_run(lua_State *L) {
  int kept;
  lsq_training *t = check_training(L, &kept);
  lsq_error error;
  if (t->run.ended == LSQ_RUNNING) {
    if (t->run.phase != LSQ_RUN_OVER)
      lsq_run_stop(&t->run, LSQ_STOPPED_CALLBACK);
    if (complete(t, kept, &error) != LSQ_OK)
      return lsq_lua_failure(L, &error);
  }
  lsq_training_push_report(t, kept);
  return 1;
}

/*** Why the training is over: "iterations", "tolerance", "stalled", "target", "time", "callback",
"diverged" or "degenerate"; nil while it is not.
@field run.ended
*/
static int index_run(lua_State *L) {
  const lsq_training *t = luaL_checkudata(L, 1, TYPE);
  const char *name = luaL_checkstring(L, 2);
  if (strcmp(name, "ended") == 0)
    lua_pushstring(L, lsq_stop_names[t->run.ended]);
  else
    lua_getfield(L, lua_upvalueindex(1), name);
  return 1;
}

static int describe_run(lua_State *L) {
  const lsq_training *t = luaL_checkudata(L, 1, TYPE);
  const char *ended = lsq_stop_names[t->run.ended];
  if (ended == NULL)
    lua_pushfstring(L, "run of %s", t->trainer->name);
  else
    lua_pushfstring(L, "run of %s, ended (%s)", t->trainer->name, ended);
  return 1;
}

void lsq_lua_open_training(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"advance", advance_run}, {"finish", finish_run}, {NULL, NULL}};
  luaL_newmetatable(L, TYPE);
  luaL_newlib(L, methods);
  lua_pushcclosure(L, index_run, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, describe_run);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
}
