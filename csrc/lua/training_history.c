#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "lua/training.h"
#include "nn/forward.h"

void lsq_lua_set_number(lua_State *L, const char *name, double value) {
  if (isnan(value))
    return;
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

static double validation_loss(const lsq_training *t) {
  if (t->validation_x == NULL)
    return NAN;
  int before = lsq_lua_enter(t->L);
  double loss = lsq_network_loss(t->problem.net, t->problem.net->loss, t->validation_x,
                                 t->validation_y, t->validation_workspace);
  lsq_threads_leave(before);
  return loss;
}

/* Pushes the history entry of a finished iteration. */
static void push_entry(const lsq_training *t, const lsq_progress *progress, double validation) {
  lua_State *L = t->L;
  const char *const *names = t->trainer->measures;
  lua_createtable(L, 0, 8);
  lua_pushinteger(L, (lua_Integer)progress->iteration);
  lua_setfield(L, -2, "iteration");
  lsq_lua_set_number(L, "loss", progress->loss);
  lsq_lua_set_number(L, "validation_loss", validation);
  for (int k = 0; names != NULL && names[k] != NULL; k++)
    lsq_lua_set_number(L, names[k], progress->measures[k]);
  lsq_lua_set_number(L, "seconds", lsq_clock_seconds() - t->started);
}

/* Calls the user with a copy of the entry on top, so that the history holds no net; says
   whether to go on. */
static bool call_back(const lsq_training *t, int64_t restart) {
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
  lua_pushvalue(L, LSQ_TRAINING_NET);
  lua_setfield(L, -2, "net");
  lua_pushinteger(L, restart);
  lua_setfield(L, -2, "restart");
  lua_call(L, 1, 1);
  bool stop = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
  lua_pop(L, 1);
  return !stop;
}

static void print_line(const lsq_training *t, const lsq_progress *progress) {
  char restart[40] = "";
  if (t->common.restarts > 1)
    snprintf(restart, sizeof restart, " restart %lld", (long long)t->restart);
  fprintf(stderr, "%s%s iteration %zu: loss %.6g, %.2f s\n", t->trainer->name, restart,
          progress->iteration, progress->loss, lsq_clock_seconds() - t->started);
}

/* Early stopping: remembers the net of the lowest validation loss. */
static bool out_of_patience(lsq_training *t, double validation) {
  const lsq_network *net = t->problem.net;
  if (t->validation_best == NULL)
    return false;
  if (validation < t->lowest_validation) {
    t->lowest_validation = validation;
    t->waited = 0;
    memcpy(t->validation_best, net->parameters, net->parameter_count * sizeof(double));
    return false;
  }
  return ++t->waited >= t->common.patience;
}

void lsq_training_record(lsq_training *t, const lsq_progress *progress) {
  lua_State *L = t->L;
  const double validation = validation_loss(t);
  const int64_t restart =
      t->trainer->restarts_are_iterations ? (int64_t)progress->iteration + 1 : t->restart;
  push_entry(t, progress, validation);
  lua_pushvalue(L, -1);
  lua_rawseti(L, t->history, (lua_Integer)lua_rawlen(L, t->history) + 1);
  if (t->common.verbose)
    print_line(t, progress);
  const bool impatient = out_of_patience(t, validation);
  if (t->callback != 0 && !call_back(t, restart))
    t->stopped = "callback";
  lua_pop(L, 1);
  if (t->stopped == NULL && !progress->midway && progress->loss <= t->common.target_loss)
    t->stopped = "target";
  if (t->stopped == NULL && impatient)
    t->stopped = "tolerance";
}
