/* The two trainings of a blend's nets that are its own, for lua/lsqnet/fit. */
#include "base/clock.h"
#include "base/threads.h"
#include "lua/fit.h"
#include "train/ensemble.h"
#include "train/evidence.h"

static size_t whole(lua_State *L, int index, const char *name, double standard) {
  const double value = lsq_lua_fit_number(L, index, name, standard);
  if (!(value >= 1 && value < 1e9 && value == trunc(value)))
    luaL_error(L, "field '%s': a whole number from 1 on expected", name);
  return (size_t)value;
}

static bool flag(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  const bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static void check_folds(lua_State *L, int arg, const lsq_matrix *fold, size_t rows, size_t nets) {
  luaL_argcheck(L, fold->rows == rows && fold->cols == 1 && lsq_matrix_is_contiguous(fold), arg,
                "a fold a row expected");
  for (size_t k = 0; k <= nets; k++) {
    size_t count = 0;
    for (size_t i = 0; i < rows; i++)
      count += fold->data[i] == (double)k;
    luaL_argcheck(L, k == 0 || (count > 0 && count < rows), arg,
                  "every net has to train on rows and miss some");
  }
}

/* Steps until the training ends or its time is over, in pieces between which the host is heard. */
static void train_ensemble(lua_State *L, lsq_ensemble *e, double seconds) {
  const double started = lsq_clock_seconds();
  int before = lsq_lua_enter(L);
  lsq_ensemble_start(e);
  lsq_threads_leave(before);
  for (bool more = true; more;) {
    before = lsq_lua_enter(L);
    more = lsq_ensemble_step(e);
    lsq_threads_leave(before);
    lsq_lua_answer_host(L);
    if (more && lsq_clock_seconds() - started > seconds) {
      lsq_ensemble_check(e);
      more = false;
    }
  }
}

static void push_ensemble(lua_State *L, const lsq_ensemble *e) {
  const size_t units = e->options.nets * e->options.units, c = e->y->cols;
  lua_createtable(L, 0, 7);
  const int t = lua_gettop(L);
  const lsq_matrix *weight = lsq_lua_new_matrix(L, e->width, units);
  lua_setfield(L, t, "weight");
  const lsq_matrix *bias = lsq_lua_new_matrix(L, 1, units);
  lua_setfield(L, t, "bias");
  const lsq_matrix *output = lsq_lua_new_matrix(L, units, c);
  lua_setfield(L, t, "output");
  const lsq_matrix *offset = lsq_lua_new_matrix(L, 1, c);
  lua_setfield(L, t, "offset");
  lsq_ensemble_join(e, weight, bias, output, offset);
  lsq_matrix_copy(&e->held_out, lsq_lua_new_matrix(L, e->x->rows, c));
  lua_setfield(L, t, "held_out");
  lua_pushnumber(L, e->best);
  lua_setfield(L, t, "loss");
  lua_pushinteger(L, (lua_Integer)e->best_step);
  lua_setfield(L, t, "step");
}

/* ensemble(map, X, Y, fold, options): fold has for each row the net, from 1, that does not see it,
   0 where all do; options nets, units, decay, rate, most_steps, first_check, seed, classes,
   seconds. Gives weight, bias, output, offset of the joined nets, held_out, loss, step. */
static int ensemble(lua_State *L) {
  lsq_piecewise map;
  lsq_lua_fit_map(L, 1, &map);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2), *y = lsq_lua_check_matrix(L, 3);
  const lsq_matrix *fold = lsq_lua_check_matrix(L, 4);
  luaL_checktype(L, 5, LUA_TTABLE);
  luaL_argcheck(L, x->rows > 0 && x->cols == map.mean.cols, 2, "the columns of the map expected");
  luaL_argcheck(L, y->rows == x->rows && y->cols > 0, 3, "as many rows expected");
  lsq_ensemble e = {.map = &map, .x = x, .y = y, .fold = fold->data};
  e.options = (lsq_ensemble_options){.nets = whole(L, 5, "nets", 1),
                                     .units = whole(L, 5, "units", 64),
                                     .decay = lsq_lua_fit_number(L, 5, "decay", 0),
                                     .rate = lsq_lua_fit_number(L, 5, "rate", 5e-3),
                                     .most_steps = whole(L, 5, "most_steps", 3000),
                                     .first_check = whole(L, 5, "first_check", 60),
                                     .seed = (uint64_t)lsq_lua_fit_number(L, 5, "seed", 1),
                                     .classes = flag(L, 5, "classes")};
  check_folds(L, 4, fold, x->rows, e.options.nets);
  const double seconds = lsq_lua_fit_number(L, 5, "seconds", HUGE_VAL);
  lsq_arena measure = lsq_arena_measure();
  lsq_ensemble_place(&e, &measure);
  lsq_arena arena = lsq_arena_over(lsq_lua_block(L, measure.used));
  lsq_ensemble_place(&e, &arena);
  train_ensemble(L, &e, seconds);
  push_ensemble(L, &e);
  return 1;
}

static void push_evidence(lua_State *L, const lsq_evidence *e) {
  const size_t d = e->x->cols, h = e->options.units;
  const double *w = e->w;
  lua_createtable(L, 0, 8);
  const int t = lua_gettop(L);
  const struct {
    const char *name;
    size_t rows, cols;
  } pieces[] = {
      {"weight", d, h}, {"bias", 1, h}, {"output", h, 1}, {"offset", 1, 1}, {"skip", d, 1}};
  for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
    const lsq_matrix from = lsq_matrix_over((double *)w, pieces[k].rows, pieces[k].cols);
    lsq_matrix_copy(&from, lsq_lua_new_matrix(L, pieces[k].rows, pieces[k].cols));
    lua_setfield(L, t, pieces[k].name);
    w += pieces[k].rows * pieces[k].cols;
  }
  lua_pushnumber(L, e->squares);
  lua_setfield(L, t, "squares");
  lua_pushnumber(L, e->effective);
  lua_setfield(L, t, "effective");
  lua_pushinteger(L, (lua_Integer)e->iteration);
  lua_setfield(L, t, "iterations");
}

/* evidence(S, y, options): options units, unit ("silu" or "tanh"), iterations, floor, seed,
   seconds. Gives weight, bias, output, offset, skip, squares, effective, iterations. */
static int evidence(lua_State *L) {
  static const char *const units[] = {"silu", "tanh", NULL};
  const lsq_matrix *x = lsq_lua_check_matrix(L, 1), *y = lsq_lua_check_matrix(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_argcheck(L, x->rows > 0 && x->cols > 0, 1, "at least one row and one column expected");
  luaL_argcheck(L, y->rows == x->rows && y->cols == 1 && lsq_matrix_is_contiguous(y), 2,
                "one target a row expected");
  lua_getfield(L, 3, "unit");
  const int unit = luaL_checkoption(L, -1, "silu", units);
  lsq_evidence e = {.x = x, .y = y->data};
  e.options = (lsq_evidence_options){.units = whole(L, 3, "units", 8),
                                     .unit = unit == 0 ? LSQ_UNIT_SILU : LSQ_UNIT_TANH,
                                     .iterations = whole(L, 3, "iterations", 50),
                                     .floor = lsq_lua_fit_number(L, 3, "floor", .03),
                                     .seed = (uint64_t)lsq_lua_fit_number(L, 3, "seed", 1)};
  const double seconds = lsq_lua_fit_number(L, 3, "seconds", HUGE_VAL);
  const double started = lsq_clock_seconds();
  lsq_error error;
  lsq_arena measure = lsq_arena_measure();
  lsq_evidence_place(&e, &measure);
  lsq_arena arena = lsq_arena_over(lsq_lua_block(L, measure.used));
  lsq_evidence_place(&e, &arena);
  int before = lsq_lua_enter(L);
  lsq_status status = lsq_evidence_start(&e, &error);
  lsq_threads_leave(before);
  for (bool more = true; more && status == LSQ_OK;) {
    before = lsq_lua_enter(L);
    status = lsq_evidence_step(&e, &more, &error);
    lsq_threads_leave(before);
    lsq_lua_answer_host(L);
    more = more && lsq_clock_seconds() - started < seconds;
  }
  if (status != LSQ_OK)
    return lsq_lua_failure(L, &error);
  push_evidence(L, &e);
  return 1;
}

void lsq_lua_open_fit_train(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"ensemble", ensemble}, {"evidence", evidence}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
