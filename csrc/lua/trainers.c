/***
@submodule lsqnet
*/

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "lua/training.h"
#include "nn/forward.h"

/* Whether the trainer runs the restarts itself: nobody hears of their iterations as they come. */
static bool leaves_restarts(const lsq_training *t) {
  return t->common.restarts > 1 && t->trainer->runs_restarts != NULL &&
         t->trainer->runs_restarts(t->options) && t->callback == 0 && t->validation_x == NULL &&
         !t->common.verbose && t->common.target_loss == -HUGE_VAL;
}

static void allocate(lsq_training *t) {
  lua_State *L = t->L;
  const lsq_network *net = t->problem.net;
  const bool one_by_one = t->trainer->runs_restarts != NULL && !leaves_restarts(t);
  t->problem.restarts = one_by_one ? 1 : (size_t)t->common.restarts;
  t->problem.init = &t->init;
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

/* The same of rows that are not in memory; NaN when they cannot be read any more. */
static double streamed_loss(const lsq_training *t) {
  enum { ROWS = 1024 };
  const lsq_problem *problem = &t->problem;
  const size_t rows = problem->rows.x->rows, d = problem->rows.x->cols, c = problem->rows.y->cols;
  double *memory = lsq_lua_block(t->L, ROWS * (d + c) * sizeof(double));
  int before = lsq_lua_enter(t->L);
  const size_t bytes = lsq_forward_workspace(problem->net, ROWS);
  lsq_threads_leave(before);
  void *workspace = lsq_lua_block(t->L, bytes);
  lsq_error error;
  double sum = 0;
  before = lsq_lua_enter(t->L);
  for (size_t first = 0; first < rows; first += ROWS) {
    const size_t count = lsq_size_min(ROWS, rows - first);
    const lsq_matrix x = lsq_matrix_over(memory, count, d);
    const lsq_matrix y = lsq_matrix_over(memory + ROWS * d, count, c);
    if (problem->rows.source->read(problem->rows.source, first, &x, &y, &error) != LSQ_OK)
      sum = NAN;
    else
      sum += (double)count * lsq_network_loss(problem->net, problem->net->loss, &x, &y, workspace);
  }
  lsq_threads_leave(before);
  lua_pop(t->L, 2);
  return sum / (double)rows;
}

/* What all restarts share. */
static lsq_status prepare(lsq_training *t, lsq_error *error) {
  if (t->trainer->prepare == NULL)
    return LSQ_OK;
  int before = lsq_lua_enter(t->L);
  lsq_status status = t->trainer->prepare(t->memory, &t->problem, t->options, error);
  lsq_threads_leave(before);
  return status;
}

/* The full training loss of the net as it stands. */
static double full_loss(const lsq_training *t) {
  const lsq_network *net = t->problem.net;
  if (t->problem.rows.source != NULL)
    return streamed_loss(t);
  int before = lsq_lua_enter(t->L);
  size_t bytes = lsq_forward_workspace(net, t->problem.rows.x->rows);
  lsq_threads_leave(before);
  void *workspace = lsq_lua_block(t->L, bytes);
  before = lsq_lua_enter(t->L);
  double loss = lsq_network_loss(net, net->loss, t->problem.rows.x, t->problem.rows.y, workspace);
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
    lsq_lua_answer_host(t->L);
    if (t->stopped == NULL && progress.stop == LSQ_RUNNING && !t->replaying &&
        lsq_clock_seconds() - t->started >= t->common.time_limit)
      t->stopped = "time";
  }
  t->ended = t->stopped != NULL ? t->stopped : stop_name(progress.stop);
  finish(t, result);
  return status;
}

/* Moves the history just written, and the trainer's state, to where the best are kept. */
static void keep(lsq_training *t) {
  if (t->trainer->keep != NULL)
    t->trainer->keep(t->memory);
  lua_pushvalue(t->L, t->history);
  lua_replace(t->L, t->kept);
  if (t->trainer->state_size == NULL)
    return;
  lsq_training_push_state(t);
  lua_replace(t->L, t->kept_state);
}

/* Trains from the net as it stands, and keeps what it leads to if that is the best so far. */
static lsq_status run_restart(lsq_training *t, lsq_error *error) {
  const lsq_network *net = t->problem.net;
  lsq_result result;
  t->problem.restart = (size_t)t->restart;
  if (t->restart > 1) {
    lua_newtable(t->L);
    lua_replace(t->L, t->history);
  }
  const lsq_status status = run_once(t, &result, error);
  if (t->restart > 1 && !(result.score < t->best_result.score))
    return status;
  t->best_result = result;
  t->best_restart = t->restart;
  keep(t);
  if (t->best != NULL)
    memcpy(t->best, net->parameters, net->parameter_count * sizeof(double));
  return status;
}

/* All restarts but the first side by side, of which the best is then trained. */
static lsq_status run_search(lsq_training *t, lsq_error *error) {
  if (!lsq_training_search(t)) {
    if (t->stopped != NULL)
      t->ended = t->stopped;
    return LSQ_OK;
  }
  const char *stopped = t->stopped;
  t->stopped = NULL;
  t->replaying = true;
  const lsq_status status = run_restart(t, error);
  if (stopped != NULL)
    t->ended = stopped;
  return status;
}

static lsq_status run_restarts(lsq_training *t, lsq_error *error) {
  if (leaves_restarts(t)) {
    t->restart = 1;
    const lsq_status status = run_once(t, &t->best_result, error);
    t->best_restart = (int64_t)t->best_result.restart;
    keep(t);
    return status;
  }
  lsq_network *net = t->problem.net;
  const int64_t restarts = t->trainer->restarts_are_iterations ? 1 : t->common.restarts;
  const bool together = t->trainer->score_draws != NULL && !lsq_training_is_watched(t);
  t->restart = 1;
  lsq_status status = prepare(t, error);
  if (status == LSQ_OK)
    status = run_restart(t, error);
  while (status == LSQ_OK && ++t->restart <= restarts && t->stopped == NULL) {
    if (together) {
      status = run_search(t, error);
      break;
    }
    lsq_training_draw(t);
    status = run_restart(t, error);
  }
  if (t->best != NULL && t->best_restart > 0)
    memcpy(net->parameters, t->best, net->parameter_count * sizeof(double));
  return status;
}

static void push_warnings(lua_State *L, const lsq_result *result) {
  lua_createtable(L, result->warning_count, 0);
  for (int k = 0; k < result->warning_count; k++) {
    lua_pushstring(L, result->warnings[k]);
    lua_rawseti(L, -2, k + 1);
  }
}

/* The losses of the history behind its first entry. */
static void push_trace(const lsq_training *t) {
  lua_State *L = t->L;
  const lua_Integer entries = (lua_Integer)lua_rawlen(L, t->kept);
  lua_createtable(L, entries > 0 ? (int)entries - 1 : 0, 0);
  for (lua_Integer k = 2; k <= entries; k++) {
    lua_rawgeti(L, t->kept, k);
    lua_getfield(L, -1, "loss");
    lua_rawseti(L, -3, k - 1);
    lua_pop(L, 1);
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
    const bool own = t->trainer->restarts_are_iterations;
    lua_pushinteger(L, own ? (lua_Integer)result->restart : t->best_restart);
    lua_setfield(L, -2, "restart");
  }
  if (t->trainer->traces != NULL && t->trainer->traces(t->options)) {
    push_trace(t);
    lua_setfield(L, -2, "trace");
  }
  const char *const *names = t->trainer->totals;
  for (int k = 0; names != NULL && names[k] != NULL; k++)
    lsq_lua_set_number(L, names[k], result->totals[k]);
  push_warnings(L, result);
  lua_setfield(L, -2, "warnings");
  lsq_lua_set_number(L, "seconds", lsq_clock_seconds() - t->started);
}

int lsq_lua_train(lua_State *L, const lsq_trainer *trainer, void *model) {
  lsq_training t = {.L = L, .trainer = trainer, .started = lsq_clock_seconds()};
  t.problem.model = model;
  lsq_error error;
  if (lsq_training_read(&t, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  allocate(&t);
  if (run_restarts(&t, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  push_report(&t);
  return 1;
}

/* Upvalue 1: the lsq_trainer. */
static int train(lua_State *L) {
  return lsq_lua_train(L, lua_touserdata(L, lua_upvalueindex(1)), NULL);
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

void lsq_lua_open_trainers(lua_State *L) {
  for (size_t k = 0; lsq_trainers[k] != NULL; k++) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)lsq_trainers[k]);
    lua_pushcclosure(L, train, 1);
    lua_setfield(L, -2, lsq_trainers[k]->name);
  }
  lua_pushcfunction(L, options);
  lua_setfield(L, -2, "options");
}
