#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/point.h"
#include "lua/training.h"

void lsq_lua_set_number(lua_State *L, const char *name, double value) {
  if (isnan(value))
    return;
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

/* Pushes the history's entry of a finished iteration. */
static void push_entry(const lsq_training *t, const lsq_event *event) {
  lua_State *L = t->L;
  const lsq_progress *progress = &event->progress;
  const char *const *names = t->trainer->measures;
  lua_createtable(L, 0, 8);
  lua_pushinteger(L, (lua_Integer)progress->iteration);
  lua_setfield(L, -2, "iteration");
  lsq_lua_set_number(L, "loss", progress->loss);
  lsq_lua_set_number(L, "validation_loss", event->validation_loss);
  for (int k = 0; names != NULL && names[k] != NULL; k++)
    lsq_lua_set_number(L, names[k], progress->measures[k]);
  lsq_lua_set_number(L, "seconds", event->seconds);
}

/* Adds to the table on top what an event has beside the entry, which stays without a net. */
static void add_place(const lsq_training *t, const lsq_event *event, int kept) {
  lua_State *L = t->L;
  lua_rawgeti(L, kept, LSQ_TRAINING_NET);
  lua_setfield(L, -2, "net");
  lua_pushinteger(L, (lua_Integer)event->restart);
  lua_setfield(L, -2, "restart");
}

static void call_back(lsq_training *t, const lsq_event *event, int kept) {
  lua_State *L = t->L;
  lua_rawgeti(L, kept, t->callback);
  push_entry(t, event);
  add_place(t, event, kept);
  lua_call(L, 1, 1);
  if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
    lsq_run_stop(&t->run, LSQ_STOPPED_CALLBACK);
  lua_pop(L, 1);
}

static void print_line(const lsq_training *t, const lsq_event *event) {
  char restart[40] = "", loss[LSQ_POINT_SIZE], seconds[LSQ_POINT_SIZE];
  if (t->common.restarts > 1)
    snprintf(restart, sizeof restart, " restart %zu", event->restart);
  lsq_number_text(event->progress.loss, 6, loss);
  snprintf(seconds, sizeof seconds, "%.2f", event->seconds);
  lsq_point(seconds);
  fprintf(stderr, "%s%s iteration %zu: loss %s, %s s\n", t->trainer->name, restart,
          event->progress.iteration, loss, seconds);
}

static void tell_iteration(lsq_training *t, const lsq_event *event, int kept) {
  lua_State *L = t->L;
  lua_getfield(L, kept, LSQ_TRAINING_HISTORY);
  push_entry(t, event);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pop(L, 1);
  if (t->common.verbose)
    print_line(t, event);
  if (t->callback != 0)
    call_back(t, event, kept);
}

/* The history written is the best one's, or is forgotten. Where draws are iterations there is one
   for all of them. */
static void tell_restart(const lsq_training *t, const lsq_event *event, int kept) {
  lua_State *L = t->L;
  const bool one_for_all = t->trainer->draws != NULL && t->trainer->draws->tells_each;
  if (event->best) {
    lua_getfield(L, kept, LSQ_TRAINING_HISTORY);
    lua_setfield(L, kept, LSQ_TRAINING_KEPT);
  }
  if (one_for_all)
    return;
  lua_newtable(L);
  lua_setfield(L, kept, LSQ_TRAINING_HISTORY);
}

void lsq_training_tell(lsq_training *t, const lsq_event *event, int kept) {
  luaL_checkstack(t->L, LUA_MINSTACK, NULL);
  if (event->kind == LSQ_EVENT_ITERATION)
    tell_iteration(t, event, kept);
  else if (event->kind == LSQ_EVENT_RESTART)
    tell_restart(t, event, kept);
}

void lsq_training_push_event(const lsq_training *t, const lsq_event *event, int kept) {
  static const char *const names[] = {[LSQ_EVENT_ITERATION] = "iteration",
                                      [LSQ_EVENT_RESTART] = "restart",
                                      [LSQ_EVENT_END] = "end"};
  lua_State *L = t->L;
  if (event->kind == LSQ_EVENT_ITERATION)
    push_entry(t, event);
  else
    lua_createtable(L, 0, 6);
  add_place(t, event, kept);
  lua_pushstring(L, names[event->kind]);
  lua_setfield(L, -2, "event");
  if (event->kind == LSQ_EVENT_ITERATION)
    return;
  lua_pushstring(L, lsq_stop_names[event->progress.stop]);
  lua_setfield(L, -2, "stopped");
  lua_pushnumber(L, t->run.best.result.loss); /* of the best so far */
  lua_setfield(L, -2, "best_loss");
  lsq_lua_set_number(L, "seconds", event->seconds);
}

static void push_warnings(lua_State *L, const lsq_result *result) {
  lua_createtable(L, result->warning_count, 0);
  for (int k = 0; k < result->warning_count; k++) {
    lua_pushstring(L, result->warnings[k]);
    lua_rawseti(L, -2, k + 1);
  }
}

/* Where the trainer's option `trace` asks for it: the losses of the history, on top of the stack,
   behind its first entry. */
static void push_trace(const lsq_training *t, int history) {
  lua_State *L = t->L;
  const lsq_option *option = lsq_option_find(t->trainer->options, "trace");
  const lua_Integer entries = (lua_Integer)lua_rawlen(L, history);
  if (option == NULL || !*(const bool *)lsq_option_field(option, t->options)) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, entries > 0 ? (int)entries - 1 : 0, 0);
  for (lua_Integer k = 2; k <= entries; k++) {
    lua_rawgeti(L, history, k);
    lua_getfield(L, -1, "loss");
    lua_rawseti(L, -3, k - 1);
    lua_pop(L, 1);
  }
}

void lsq_training_push_report(const lsq_training *t, int kept) {
  lua_State *L = t->L;
  const lsq_kept *best = &t->run.best;
  lua_createtable(L, 0, 10);
  const int report = lua_gettop(L);
  lua_getfield(L, kept, LSQ_TRAINING_KEPT);
  const int history = lua_gettop(L);
  const lua_Integer entries = (lua_Integer)lua_rawlen(L, history);
  push_trace(t, history);
  lua_setfield(L, report, "trace");
  lua_setfield(L, report, "history");
  lua_pushnumber(L, best->result.loss);
  lua_setfield(L, report, "loss");
  lsq_training_push_state(t);
  lua_setfield(L, report, "state");
  lua_pushinteger(L, entries > 0 ? entries - 1 : 0);
  lua_setfield(L, report, "iterations");
  lua_pushstring(L, lsq_stop_names[t->run.ended]);
  lua_setfield(L, report, "stopped");
  if (t->common.restarts > 1) {
    lua_pushinteger(L, (lua_Integer)best->restart);
    lua_setfield(L, report, "restart");
  }
  if (t->problem.model != NULL) {
    lua_rawgeti(L, kept, LSQ_TRAINING_NET);
    lua_setfield(L, report, "network");
  }
  const char *const *names = t->trainer->totals;
  for (int k = 0; names != NULL && names[k] != NULL; k++)
    lsq_lua_set_number(L, names[k], best->result.totals[k]);
  push_warnings(L, &best->result);
  lua_setfield(L, report, "warnings");
  lsq_lua_set_number(L, "seconds", lsq_clock_seconds() - t->run.started);
}
