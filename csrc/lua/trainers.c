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
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "lua/support.h"
#include "nn/forward.h"
#include "train/trainer.h"

typedef struct {
  int64_t restarts;
  double time_limit, target_loss;
  int64_t seed;
  bool verbose;
} common_options;

static const lsq_option common_table[] = {
    {"validation", LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL,
     "{X, Y}: data whose loss the history records as validation_loss"},
    {"on_iteration", LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL,
     "function(event), called after each iteration; only an explicit false stops the training"},
    {"time_limit", LSQ_OPTION_NUMBER, offsetof(common_options, time_limit), HUGE_VAL, 0, HUGE_VAL,
     NULL, "seconds after which the training stops"},
    {"target_loss", LSQ_OPTION_NUMBER, offsetof(common_options, target_loss), -HUGE_VAL, -HUGE_VAL,
     HUGE_VAL, NULL, "training loss at which the training stops"},
    {"restarts", LSQ_OPTION_INTEGER, offsetof(common_options, restarts), 1, 1, 1e9, NULL,
     "trainings, the first from the net as given, the others from fresh draws; the best is kept"},
    {"init", LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL,
     "initialisation of the fresh draws; default: the net's own"},
    {"seed", LSQ_OPTION_INTEGER, offsetof(common_options, seed), 1, -0x1p63, 0x1p63, NULL,
     "seed of every draw the training makes"},
    {"verbose", LSQ_OPTION_BOOLEAN, offsetof(common_options, verbose), 0, 0, 0, NULL,
     "write a line per iteration to the standard error"},
    {NULL, LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL, NULL}};

enum { NET = 1, X, Y, OPTIONS }; /* the arguments; what a training adds comes above them */

typedef struct {
  lua_State *L;
  const lsq_trainer *trainer;
  lsq_problem problem;
  common_options common;
  lsq_init init;
  void *options, *memory;
  lsq_random random;
  lsq_matrix *validation_x, *validation_y; /* NULL without validation data */
  void *validation_workspace;
  int callback;      /* stack index, 0 without */
  int history, kept; /* stack indices of the history being written and the best one's */
  double *best;      /* parameters of the best restart; NULL with a single one */
  lsq_result best_result;
  double started;      /* seconds, monotonic */
  const char *stopped; /* why the whole call ends; NULL while it does not */
  const char *ended;   /* why the last restart ended */
  int64_t restart, best_restart;
} training;

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

static void check_data(lua_State *L, int x_arg, int y_arg, const lsq_network *net) {
  const lsq_matrix *x = lsq_lua_check_matrix(L, x_arg), *y = lsq_lua_check_matrix(L, y_arg);
  if (x->cols != lsq_network_inputs(net))
    luaL_argerror(L, x_arg,
                  lua_pushfstring(L, "%I columns expected to match the net's inputs, got %I",
                                  (LUAI_UACINT)lsq_network_inputs(net), (LUAI_UACINT)x->cols));
  if (x->rows == 0)
    luaL_argerror(L, x_arg, "at least one row expected, got an empty set");
  if (y->rows != x->rows)
    luaL_argerror(L, y_arg,
                  lua_pushfstring(L, "%I rows expected to match X, got %I", (LUAI_UACINT)x->rows,
                                  (LUAI_UACINT)y->rows));
  if (y->cols != lsq_network_outputs(net))
    luaL_argerror(L, y_arg,
                  lua_pushfstring(L, "%I columns expected to match the net's outputs, got %I",
                                  (LUAI_UACINT)lsq_network_outputs(net), (LUAI_UACINT)y->cols));
}

static lsq_matrix *validation_part(lua_State *L, int table, int part) {
  lua_rawgeti(L, table, part);
  lsq_matrix *matrix = lsq_lua_test_matrix(L, -1);
  if (matrix == NULL)
    luaL_error(L, "option 'validation': {X, Y}, two matrices, expected");
  return matrix; /* stays on the stack */
}

static void read_validation(training *t) {
  lua_State *L = t->L;
  if (lsq_lua_option_value(L, OPTIONS, "validation") == LUA_TNIL)
    return;
  if (!lua_istable(L, -1))
    luaL_error(L, "option 'validation': {X, Y}, two matrices, expected, got %s",
               luaL_typename(L, -1));
  int table = lua_gettop(L);
  const lsq_network *net = t->problem.net;
  lsq_matrix *x = validation_part(L, table, 1), *y = validation_part(L, table, 2);
  if (x->cols != lsq_network_inputs(net) || y->cols != lsq_network_outputs(net))
    luaL_error(L, "option 'validation': matrices of %I and %I columns expected, got %I and %I",
               (LUAI_UACINT)lsq_network_inputs(net), (LUAI_UACINT)lsq_network_outputs(net),
               (LUAI_UACINT)x->cols, (LUAI_UACINT)y->cols);
  if (x->rows != y->rows || x->rows == 0)
    luaL_error(L,
               "option 'validation': X and Y of the same number of rows, at least one, "
               "expected, got %I and %I",
               (LUAI_UACINT)x->rows, (LUAI_UACINT)y->rows);
  t->validation_x = x;
  t->validation_y = y;
}

static void read_callback(training *t) {
  int type = lsq_lua_option_value(t->L, OPTIONS, "on_iteration");
  if (type == LUA_TNIL)
    return;
  if (type != LUA_TFUNCTION)
    luaL_error(t->L, "option 'on_iteration': a function expected, got %s",
               lua_typename(t->L, type));
  t->callback = lua_gettop(t->L);
}

static void read_arguments(training *t) {
  lua_State *L = t->L;
  lua_settop(L, OPTIONS);
  t->problem.net = lsq_lua_check_network(L, NET);
  check_data(L, X, Y, t->problem.net);
  t->problem.x = lsq_lua_check_matrix(L, X);
  t->problem.y = lsq_lua_check_matrix(L, Y);
  t->problem.random = &t->random;
  t->options = lsq_lua_block(L, t->trainer->options_size);
  lsq_lua_read_options(L, OPTIONS, t->trainer->options, t->options, common_table, &t->common);
  lsq_random_seed(&t->random, (uint64_t)t->common.seed);
  t->init = t->problem.net->init;
  if (lsq_lua_option_value(L, OPTIONS, "init") != LUA_TNIL)
    lsq_lua_check_init(L, lua_gettop(L), &t->init);
  read_validation(t);
  read_callback(t);
  lsq_error error;
  if (t->trainer->check(&t->problem, t->options, &error) != LSQ_OK)
    luaL_argerror(L, NET, error.message);
}

static lsq_status check_values(const training *t, lsq_error *error) {
  const lsq_network *net = t->problem.net;
  lsq_matrix parameters = lsq_matrix_over(net->parameters, 1, net->parameter_count);
  lsq_status status = lsq_lua_check_finite(t->problem.x, "X", error);
  if (status == LSQ_OK)
    status = lsq_lua_check_finite(t->problem.y, "Y", error);
  if (status == LSQ_OK && t->validation_x != NULL)
    status = lsq_lua_check_finite(t->validation_x, "the validation X", error);
  if (status == LSQ_OK && t->validation_x != NULL)
    status = lsq_lua_check_finite(t->validation_y, "the validation Y", error);
  if (status == LSQ_OK && !lsq_matrix_is_finite(&parameters, NULL, NULL))
    status = lsq_fail(error, LSQ_NON_FINITE, "the net has a parameter that is not finite");
  return status;
}

static void allocate(training *t) {
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
  lua_newtable(L);
  t->history = lua_gettop(L);
  lua_pushnil(L);
  t->kept = lua_gettop(L);
}

static void set_number(lua_State *L, const char *name, double value) {
  if (isnan(value))
    return;
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

static double validation_loss(const training *t) {
  if (t->validation_x == NULL)
    return NAN;
  int before = lsq_lua_enter(t->L);
  double loss = lsq_network_loss(t->problem.net, t->problem.net->loss, t->validation_x,
                                 t->validation_y, t->validation_workspace);
  lsq_threads_leave(before);
  return loss;
}

/* Pushes the history entry of a finished iteration. */
static void push_entry(const training *t, const lsq_progress *progress) {
  lua_State *L = t->L;
  lua_createtable(L, 0, 8);
  lua_pushinteger(L, (lua_Integer)progress->iteration);
  lua_setfield(L, -2, "iteration");
  set_number(L, "loss", progress->loss);
  set_number(L, "validation_loss", validation_loss(t));
  for (int k = 0; t->trainer->measures[k] != NULL; k++)
    set_number(L, t->trainer->measures[k], progress->measures[k]);
  set_number(L, "seconds", lsq_clock_seconds() - t->started);
}

/* Calls the user with a copy of the entry on top, so that the history holds no net; says
   whether to go on. */
static bool call_back(const training *t) {
  lua_State *L = t->L;
  int entry = lua_gettop(L);
  lua_pushvalue(L, t->callback);
  lua_createtable(L, 0, 10);
  lua_pushnil(L);
  while (lua_next(L, entry) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_pushvalue(L, NET);
  lua_setfield(L, -2, "net");
  lua_pushinteger(L, t->restart);
  lua_setfield(L, -2, "restart");
  lua_call(L, 1, 1);
  bool stop = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
  lua_pop(L, 1);
  return !stop;
}

static void print_line(const training *t, const lsq_progress *progress) {
  if (t->common.restarts > 1)
    fprintf(stderr, "%s restart %lld iteration %zu: loss %.6g, %.2f s\n", t->trainer->name,
            (long long)t->restart, progress->iteration, progress->loss,
            lsq_clock_seconds() - t->started);
  else
    fprintf(stderr, "%s iteration %zu: loss %.6g, %.2f s\n", t->trainer->name, progress->iteration,
            progress->loss, lsq_clock_seconds() - t->started);
}

static void record(training *t, const lsq_progress *progress) {
  lua_State *L = t->L;
  push_entry(t, progress);
  lua_pushvalue(L, -1);
  lua_rawseti(L, t->history, (lua_Integer)lua_rawlen(L, t->history) + 1);
  if (t->common.verbose)
    print_line(t, progress);
  if (t->callback != 0 && !call_back(t))
    t->stopped = "callback";
  lua_pop(L, 1);
  if (t->stopped == NULL && progress->loss <= t->common.target_loss)
    t->stopped = "target";
}

static const char *stop_name(lsq_stop stop) {
  static const char *const names[] = {[LSQ_RUNNING] = NULL,
                                      [LSQ_STOPPED_ITERATIONS] = "iterations",
                                      [LSQ_STOPPED_TOLERANCE] = "tolerance",
                                      [LSQ_STOPPED_DIVERGED] = "diverged",
                                      [LSQ_STOPPED_DEGENERATE] = "degenerate"};
  return names[stop];
}

/* One training from the net as it stands; what it ended with is in result. */
static lsq_status run_once(training *t, lsq_result *result, lsq_error *error) {
  lsq_progress progress = {.stop = LSQ_RUNNING};
  int before = lsq_lua_enter(t->L);
  lsq_status status = t->trainer->start(t->memory, &t->problem, t->options, error);
  lsq_threads_leave(before);
  while (status == LSQ_OK && progress.stop == LSQ_RUNNING && t->stopped == NULL) {
    progress = (lsq_progress){.stop = LSQ_RUNNING};
    before = lsq_lua_enter(t->L);
    status = t->trainer->step(t->memory, &progress, error);
    lsq_threads_leave(before);
    if (progress.iteration_done)
      record(t, &progress);
    answer_host(t->L);
    if (t->stopped == NULL && progress.stop == LSQ_RUNNING &&
        lsq_clock_seconds() - t->started >= t->common.time_limit)
      t->stopped = "time";
  }
  t->ended = t->stopped != NULL ? t->stopped : stop_name(progress.stop);
  const bool at_target = t->stopped != NULL && strcmp(t->stopped, "target") == 0;
  *result = (lsq_result){.loss = 0};
  t->trainer->finish(t->memory, at_target, result);
  return status;
}

/* Moves the history just written to where the best one is kept. */
static void keep_history(training *t) {
  lua_pushvalue(t->L, t->history);
  lua_replace(t->L, t->kept);
}

static lsq_status run_restarts(training *t, lsq_error *error) {
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
    keep_history(t);
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

/* Of a training stopped before its first iterate: the net is as it was given. */
static double loss_as_given(const training *t) {
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

static void push_report(training *t) {
  lua_State *L = t->L;
  const lsq_result *result = &t->best_result;
  lua_Integer entries = (lua_Integer)lua_rawlen(L, t->kept);
  double loss = entries > 0 ? result->loss : loss_as_given(t);
  lua_createtable(L, 0, 10);
  lua_pushnumber(L, loss);
  lua_setfield(L, -2, "loss");
  lua_pushvalue(L, t->kept);
  lua_setfield(L, -2, "history");
  lua_pushinteger(L, entries > 0 ? entries - 1 : 0);
  lua_setfield(L, -2, "iterations");
  lua_pushstring(L, t->ended);
  lua_setfield(L, -2, "stopped");
  if (t->common.restarts > 1) {
    lua_pushinteger(L, t->best_restart);
    lua_setfield(L, -2, "restart");
  }
  for (int k = 0; t->trainer->totals[k] != NULL; k++)
    set_number(L, t->trainer->totals[k], result->totals[k]);
  push_warnings(L, result);
  lua_setfield(L, -2, "warnings");
  set_number(L, "seconds", lsq_clock_seconds() - t->started);
}

/* Upvalue 1: the lsq_trainer. */
static int train(lua_State *L) {
  training t = {
      .L = L, .trainer = lua_touserdata(L, lua_upvalueindex(1)), .started = lsq_clock_seconds()};
  lsq_error error;
  read_arguments(&t);
  if (check_values(&t, &error) != LSQ_OK)
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
      lsq_lua_push_options(L, lsq_trainers[count]->options, common_table);
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
