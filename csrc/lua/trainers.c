/***
@submodule lsqnet
*/

/*** Trainers: `report, message, code = lsqnet.<trainer>(net, X, Y, options)`.

Each trains the net in place, from its parameters as they are, and returns a report. All take
these options beside their own:

* `validation={X, Y}`: data whose loss the history records as `validation_loss`
* `on_iteration=function(event) end`: called after each iteration with the history's entry, and
  `net` and `restart` beside; only an explicit `false` stops the training
* `time_limit` in seconds, `target_loss` of the training loss
* `restarts=K`: the net as given and K - 1 fresh draws (by `init`, the net's own scheme unless
  named); the best is kept
* `seed=1` of every draw, `verbose=false`: a line an iteration on the standard error

The report has `loss` (training loss of the net as returned), `iterations`, `seconds`, `stopped`
("iterations", "tolerance", "target", "time", "callback", "diverged" or "degenerate"), `warnings`
(a list of sentences), with restarts `restart` (which was kept), and `history`: a list of
`{iteration, seconds, loss, validation_loss, ...}`, of the best restart, entry 1 being iteration 0.

Misuse (shapes, types, ranges, unknown options) raises. Data or parameters that are not finite
give `nil, message, "non_finite"` and leave the net alone; a training that diverges is no error:
the best net is kept.
@section trainers
*/
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "lua/training.h"
#include "nn/forward.h"

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* Lets the host interrupt between two steps. Calling an empty function runs a call hook, and
   so lua's own Ctrl-C handler; a count hook sees no Lua instruction here and is called. */
static void answer_host(lua_State *L) {
  lua_Debug here;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushcfunction(L, nothing);
  lua_call(L, 0, 0);
  lua_Hook hook = lua_gethook(L);
  if (hook == NULL || (lua_gethookmask(L) & LUA_MASKCOUNT) == 0 || !lua_getstack(L, 0, &here))
    return;
  here.event = LUA_HOOKCOUNT;
  here.currentline = -1;
  hook(L, &here);
}

static void allocate(lsq_training *t) {
  lua_State *L = t->L;
  const lsq_network *net = t->problem.net;
  int before = lsq_lua_enter(L);
  size_t bytes = t->trainer->size(&t->problem, t->options), validation_bytes = 0;
  if (t->validation_x != NULL)
    validation_bytes = lsq_forward_workspace(net, t->validation_x->rows);
  lsq_threads_leave(before);
  t->memory = lsq_lua_block(L, bytes);
  if (t->validation_x != NULL)
    t->validation_workspace = lsq_lua_block(L, validation_bytes);
  if (t->common.restarts > 1)
    t->best = lsq_lua_block(L, net->parameter_count * sizeof(double));
  if (t->common.patience > 0)
    t->validation_best = lsq_lua_block(L, net->parameter_count * sizeof(double));
  lua_newtable(L);
  t->history = lua_gettop(L);
  lua_pushnil(L);
  t->kept = lua_gettop(L);
  lua_pushnil(L);
  t->kept_state = lua_gettop(L);
}

static const char *stop_name(lsq_stop stop) {
  static const char *const names[] = {[LSQ_RUNNING] = NULL,
                                      [LSQ_STOPPED_ITERATIONS] = "iterations",
                                      [LSQ_STOPPED_TOLERANCE] = "tolerance",
                                      [LSQ_STOPPED_DIVERGED] = "diverged",
                                      [LSQ_STOPPED_DEGENERATE] = "degenerate"};
  return names[stop];
}

static lsq_status start(lsq_training *t, lsq_error *error) {
  int before = lsq_lua_enter(t->L);
  lsq_status status = t->trainer->start(t->memory, &t->problem, t->options, error);
  lsq_threads_leave(before);
  if (status == LSQ_OK && t->state != NULL && t->restart == 1)
    t->trainer->restore_state(t->memory, t->state->data);
  t->lowest_validation = HUGE_VAL;
  t->waited = 0;
  return status;
}

/* The full training loss of the net as it stands. */
static double full_loss(const lsq_training *t) {
  const lsq_network *net = t->problem.net;
  int before = lsq_lua_enter(t->L);
  size_t bytes = lsq_forward_workspace(net, t->problem.x->rows);
  lsq_threads_leave(before);
  void *workspace = lsq_lua_block(t->L, bytes);
  before = lsq_lua_enter(t->L);
  double loss = lsq_network_loss(net, net->loss, t->problem.x, t->problem.y, workspace);
  lsq_threads_leave(before);
  lua_pop(t->L, 1);
  return loss;
}

static void finish(lsq_training *t, lsq_result *result) {
  const lsq_network *net = t->problem.net;
  const bool at_target = t->stopped != NULL && strcmp(t->stopped, "target") == 0;
  *result = (lsq_result){.loss = 0};
  int before = lsq_lua_enter(t->L);
  t->trainer->finish(t->memory, at_target, result);
  lsq_threads_leave(before);
  if (lua_rawlen(t->L, t->history) == 0) /* stopped before its first iterate */
    result->loss = result->score = full_loss(t);
  if (t->validation_best == NULL || at_target || t->lowest_validation == HUGE_VAL)
    return;
  memcpy(net->parameters, t->validation_best, net->parameter_count * sizeof(double));
  result->loss = full_loss(t);
  result->score = t->lowest_validation;
}

/* One training from the net as it stands; what it ended with is in result. */
static lsq_status run_once(lsq_training *t, lsq_result *result, lsq_error *error) {
  lsq_progress progress = {.stop = LSQ_RUNNING};
  lsq_status status = start(t, error);
  while (status == LSQ_OK && progress.stop == LSQ_RUNNING && t->stopped == NULL) {
    progress = (lsq_progress){.stop = LSQ_RUNNING};
    int before = lsq_lua_enter(t->L);
    status = t->trainer->step(t->memory, &progress, error);
    lsq_threads_leave(before);
    if (progress.iteration_done)
      lsq_training_record(t, &progress);
    answer_host(t->L);
    if (t->stopped == NULL && progress.stop == LSQ_RUNNING &&
        lsq_clock_seconds() - t->started >= t->common.time_limit)
      t->stopped = "time";
  }
  t->ended = t->stopped != NULL ? t->stopped : stop_name(progress.stop);
  finish(t, result);
  return status;
}

/* Moves the history just written, and the trainer's state, to where the best are kept. */
static void keep(lsq_training *t) {
  lua_pushvalue(t->L, t->history);
  lua_replace(t->L, t->kept);
  if (t->trainer->state_size == NULL)
    return;
  lsq_training_push_state(t);
  lua_replace(t->L, t->kept_state);
}

static lsq_status run_restarts(lsq_training *t, lsq_error *error) {
  lsq_network *net = t->problem.net;
  const size_t bytes = net->parameter_count * sizeof(double);
  lsq_status status = LSQ_OK;
  for (t->restart = 1; status == LSQ_OK && t->restart <= t->common.restarts && t->stopped == NULL;
       t->restart++) {
    lsq_result result;
    if (t->restart > 1) {
      lsq_network_initialise(net, &t->init, &t->random);
      lua_newtable(t->L);
      lua_replace(t->L, t->history);
    }
    status = run_once(t, &result, error);
    if (t->restart > 1 && !(result.score < t->best_result.score))
      continue;
    t->best_result = result;
    t->best_restart = t->restart;
    keep(t);
    if (t->best != NULL)
      memcpy(t->best, net->parameters, bytes);
  }
  if (t->best != NULL)
    memcpy(net->parameters, t->best, bytes);
  return status;
}

static void push_warnings(lua_State *L, const lsq_result *result) {
  lua_createtable(L, result->warning_count, 0);
  for (int k = 0; k < result->warning_count; k++) {
    lua_pushstring(L, result->warnings[k]);
    lua_rawseti(L, -2, k + 1);
  }
}

static void push_report(lsq_training *t) {
  lua_State *L = t->L;
  const lsq_result *result = &t->best_result;
  lua_Integer entries = (lua_Integer)lua_rawlen(L, t->kept);
  lua_createtable(L, 0, 10);
  lua_pushnumber(L, result->loss);
  lua_setfield(L, -2, "loss");
  lua_pushvalue(L, t->kept);
  lua_setfield(L, -2, "history");
  lua_pushvalue(L, t->kept_state);
  lua_setfield(L, -2, "state");
  lua_pushinteger(L, entries > 0 ? entries - 1 : 0);
  lua_setfield(L, -2, "iterations");
  lua_pushstring(L, t->ended);
  lua_setfield(L, -2, "stopped");
  if (t->common.restarts > 1) {
    lua_pushinteger(L, t->best_restart);
    lua_setfield(L, -2, "restart");
  }
  const char *const *names = t->trainer->totals;
  for (int k = 0; names != NULL && names[k] != NULL; k++)
    lsq_lua_set_number(L, names[k], result->totals[k]);
  push_warnings(L, result);
  lua_setfield(L, -2, "warnings");
  lsq_lua_set_number(L, "seconds", lsq_clock_seconds() - t->started);
}

/* Upvalue 1: the lsq_trainer. */
static int train(lua_State *L) {
  lsq_training t = {
      .L = L, .trainer = lua_touserdata(L, lua_upvalueindex(1)), .started = lsq_clock_seconds()};
  lsq_error error;
  if (lsq_training_read(&t, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  allocate(&t);
  if (run_restarts(&t, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  push_report(&t);
  return 1;
}

/*** The options of a trainer, as it declares them.
@function options
@tparam string name of a trainer: "anmin", ...
@treturn {table,...} one table an option: `name`, `type` (number, integer, boolean, choice or
value), `default`, `minimum` and `maximum` (of numbers), `choices` (of a choice) and `text`;
the trainer's own first, then those common to all trainers
*/
static int options(lua_State *L) {
  const char *names[32];
  size_t count = 0;
  const char *name = luaL_checkstring(L, 1);
  for (; lsq_trainers[count] != NULL; count++) {
    names[count] = lsq_trainers[count]->name;
    if (strcmp(name, names[count]) == 0) {
      lsq_lua_push_options(L, lsq_trainers[count]->options, lsq_training_option_table);
      return 1;
    }
  }
  char hint[96];
  lsq_lua_suggest(name, names, count, hint, sizeof hint);
  return luaL_argerror(L, 1, lua_pushfstring(L, "no trainer is named '%s'%s", name, hint));
}

/*** ANMIN: trains a two-layer ReLU net by solving each layer in closed form in turn, with the
activation pattern frozen while the hidden layer is solved. Barbu (2023), "Training a Two Layer
ReLU Network Analytically", Algorithm 1. The objective is Eq. 1: the squared error summed over
outputs, mean over rows, plus `lambda` times the squared norm of all weights and biases. The
output layer is refitted before the first iteration.

Memory is O((d+1)^2 h^2), whatever N is; an iteration costs O(N (d+1)^2 h^2 + ((d+1) h)^3).
@function anmin
@tparam network net layers {d, h, c}, relu or leaky_relu, identity output, biases, mse; changed
in place. The paper draws its start from N(0, 1): `init="normal"`
@tparam matrix X N x d; the paper's protocol has columns of mean 0 and deviation 1
@tparam matrix Y N x c; the paper's protocol centres it
@tparam[opt] table options beside the common ones:
`iterations=30`;
`lambda=1e-3` (the authors' code sums where the paper averages: its tables are reproduced with
1e-3/N);
`keep="best"` (of the objective) or "last";
`degenerate="svd"` (raise eigenvalues below 1e-4 to it), "restart" (draw the hidden layer from
N(0, 1), counted as an iteration) or "stop" (`stopped="degenerate"`): the answer to a hidden-layer
system that Cholesky cannot factor, or for which ln|M + lambda I| + (d+1) h ln N is not above
`log_determinant_threshold=-math.huge` (on which scale the authors use -10000);
`condition=false`: whether to record the system's 2-norm condition number, which takes its
eigenvalues each iteration
@treturn[1] table report; the history adds `objective` (Eq. 1), `log_determinant` (of M + lambda I;
-math.huge when Cholesky failed) and `condition`; the report adds `degenerate_systems`, how many
there were
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", or "no_convergence" of an eigenvalue computation
@raise when the net is of another kind, shapes do not match or an option is wrong
*/
void lsq_lua_open_trainers(lua_State *L) {
  for (size_t k = 0; lsq_trainers[k] != NULL; k++) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)lsq_trainers[k]);
    lua_pushcclosure(L, train, 1);
    lua_setfield(L, -2, lsq_trainers[k]->name);
  }
  lua_pushcfunction(L, options);
  lua_setfield(L, -2, "options");
}
