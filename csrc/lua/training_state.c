/* What lets a training go on later, and learning rates that change by the epoch. */
#include <math.h>
#include <string.h>

#include "lua/training.h"

/* The epochs behind a state, 0 for a fresh start: a schedule goes on where it stopped. */
static double epochs_before(const lsq_training *t) {
  return t->state == NULL ? 0 : t->state->data[0];
}

static int schedule_error(lua_State *L, const char *found) {
  return luaL_error(L,
                    "option 'schedule': {every=, factor=}, a list of {epoch, learning_rate}, or a "
                    "function of the epoch expected, got %s",
                    found);
}

static double check_rate(lua_State *L, int index, lua_Integer epoch) {
  int is_number;
  double rate = lua_tonumberx(L, index, &is_number);
  if (!is_number || !(rate >= 0) || isinf(rate))
    luaL_error(L, "option 'schedule': a finite learning rate of at least 0 expected for epoch %I",
               (LUAI_UACINT)epoch);
  return rate;
}

static double field(lua_State *L, int table, const char *name) {
  int is_number;
  lua_getfield(L, table, name);
  double value = lua_tonumberx(L, -1, &is_number);
  lua_pop(L, 1);
  return is_number ? value : NAN;
}

static void fill_decay(lua_State *L, int table, double *rates, size_t count, double first,
                       double rate) {
  const double every = field(L, table, "every"), factor = field(L, table, "factor");
  if (!(every >= 1) || !(factor > 0) || isinf(factor))
    luaL_error(L, "option 'schedule': every of at least 1 and a positive factor expected");
  for (size_t k = 0; k < count; k++)
    rates[k] = rate * pow(factor, floor((first + (double)k) / every));
}

static void fill_function(lua_State *L, int function, double *rates, size_t count, double first) {
  for (size_t k = 0; k < count; k++) {
    const lua_Integer epoch = (lua_Integer)first + (lua_Integer)k + 1;
    lua_pushvalue(L, function);
    lua_pushinteger(L, epoch);
    lua_call(L, 1, 1);
    rates[k] = check_rate(L, -1, epoch);
    lua_pop(L, 1);
  }
}

/* A list of {epoch, learning_rate}, by rising epoch; each rate holds from its epoch on. */
static void fill_list(lua_State *L, int list, double *rates, size_t count, double first,
                      double rate) {
  const lua_Integer entries = luaL_len(L, list);
  lua_Integer before = 0;
  size_t k = 0;
  for (lua_Integer e = 1; e <= entries; e++) {
    if (lua_geti(L, list, e) != LUA_TTABLE)
      schedule_error(L, "an entry that is no pair");
    int is_epoch;
    lua_geti(L, -1, 1);
    const lua_Integer epoch = lua_tointegerx(L, -1, &is_epoch);
    if (!is_epoch || epoch <= before)
      luaL_error(L, "option 'schedule': epochs that rise from at least 1 expected");
    for (; k < count && first + (double)k + 1 < (double)epoch; k++)
      rates[k] = rate;
    lua_geti(L, -2, 2);
    rate = check_rate(L, -1, epoch);
    before = epoch;
    lua_pop(L, 3);
  }
  for (; k < count; k++)
    rates[k] = rate;
}

void lsq_training_read_schedule(lsq_training *t) {
  lua_State *L = t->L;
  if ((t->trainer->takes & LSQ_TAKES_SCHEDULE) == 0)
    return;
  const int type = lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, "schedule");
  const int schedule = lua_gettop(L);
  if (type == LUA_TNIL)
    return;
  if (type != LUA_TTABLE && type != LUA_TFUNCTION)
    schedule_error(L, lua_typename(L, type));
  const lsq_option *own = t->trainer->options;
  const size_t count =
      lsq_size_of(*(const int64_t *)lsq_option_field(lsq_option_find(own, "epochs"), t->options));
  const double rate =
      *(const double *)lsq_option_field(lsq_option_find(own, "learning_rate"), t->options);
  const double first = epochs_before(t);
  double *rates = lsq_lua_block(L, lsq_size_multiply(count, sizeof *rates));
  t->problem.learning_rates = rates;
  if (type == LUA_TFUNCTION)
    fill_function(L, schedule, rates, count, first);
  else if (lua_rawlen(L, schedule) > 0)
    fill_list(L, schedule, rates, count, first, rate);
  else
    fill_decay(L, schedule, rates, count, first, rate);
}

static int state_error(const lsq_training *t) {
  return luaL_error(t->L,
                    "option 'state': the state that a report of %s with such a net returned "
                    "expected",
                    t->trainer->name);
}

void lsq_training_read_state(lsq_training *t) {
  lua_State *L = t->L;
  const int type = lsq_lua_option_value(L, LSQ_TRAINING_OPTIONS, "state");
  const int state = lua_gettop(L);
  if (type == LUA_TNIL)
    return;
  if (type != LUA_TTABLE)
    state_error(t);
  lua_getfield(L, state, "trainer");
  lua_getfield(L, state, "generator");
  lua_getfield(L, state, "values");
  const char *name = lua_tostring(L, -3);
  lsq_random *generator = luaL_testudata(L, -2, LSQ_RANDOM_TYPE);
  lsq_matrix *values = lsq_lua_test_matrix(L, -1);
  if (name == NULL || strcmp(name, t->trainer->name) != 0 || generator == NULL || values == NULL ||
      values->rows != t->trainer->state->size(&t->problem, t->options) || values->cols != 1 ||
      !lsq_matrix_is_contiguous(values) || !lsq_matrix_is_finite(values, NULL, NULL) ||
      !(values->data[0] >= 0 && values->data[0] <= 0x1p53)) /* a count, of the iterations done */
    state_error(t);
  t->run_options.random = *generator;
  t->state = values;
}

void lsq_training_push_state(const lsq_training *t) {
  lua_State *L = t->L;
  const lsq_kept *best = &t->run.best;
  if (t->trainer->state == NULL || best->restart == 0) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, 0, 3);
  lua_pushstring(L, t->trainer->name);
  lua_setfield(L, -2, "trainer");
  lsq_random *generator = lua_newuserdatauv(L, sizeof *generator, 0);
  luaL_setmetatable(L, LSQ_RANDOM_TYPE);
  *generator = best->random;
  lua_setfield(L, -2, "generator");
  lsq_matrix *values = lsq_lua_new_matrix(L, t->trainer->state->size(&t->problem, t->options), 1);
  memcpy(values->data, best->state, values->rows * sizeof(double));
  lua_setfield(L, -2, "values");
}
