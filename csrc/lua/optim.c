/*** Minimisers of any Lua function, with the contract of torch/optim.
@module lsqnet.optim
*/
#include <math.h>
#include <string.h>

#include "lua/support.h"
#include "train/minimiser.h"

enum { OPFUNC = 1, START, OPTIONS, STATE };

typedef struct {
  lsq_minimiser minimiser;
  lsq_minimiser_options options;
  double *gradient;
} minimisation;

static void check_vector(lua_State *L, int arg, const lsq_matrix *x) {
  luaL_argcheck(L, x->rows == 1 || x->cols == 1, arg, "one column or one row expected");
  luaL_argcheck(L, lsq_matrix_is_contiguous(x), arg, "a matrix that is no strided view expected");
}

static void place(minimisation *m, lsq_arena *arena, size_t count) {
  lsq_minimiser_place(&m->minimiser, arena, count, &m->options);
  m->gradient = lsq_arena_doubles(arena, count);
}

/* Calls opfunc(x) -> f, gradient at x, which holds the trial. */
static double evaluate(lua_State *L, minimisation *m, const lsq_matrix *x) {
  const size_t count = m->minimiser.count;
  memcpy(x->data, m->minimiser.trial, count * sizeof(double));
  lua_pushvalue(L, OPFUNC);
  lua_pushvalue(L, START);
  lua_call(L, 1, 2);
  int is_number;
  const double value = lua_tonumberx(L, -2, &is_number);
  const lsq_matrix *gradient = lsq_lua_test_matrix(L, -1);
  if (!is_number || gradient == NULL)
    luaL_error(L, "opfunc has to return a number and a matrix, got %s and %s", luaL_typename(L, -2),
               luaL_typename(L, -1));
  if (!lsq_matrix_same_shape(gradient, x))
    luaL_error(L, "opfunc has to return a gradient of %I x %I as x, got %I x %I",
               (LUAI_UACINT)x->rows, (LUAI_UACINT)x->cols, (LUAI_UACINT)gradient->rows,
               (LUAI_UACINT)gradient->cols);
  lsq_matrix copy = lsq_matrix_over(m->gradient, x->rows, x->cols);
  lsq_matrix_copy(gradient, &copy);
  lua_pop(L, 2);
  return value;
}

static void restore_state(lua_State *L, minimisation *m) {
  if (lua_isnoneornil(L, STATE))
    return;
  luaL_checktype(L, STATE, LUA_TTABLE);
  lua_getfield(L, STATE, "values");
  const lsq_matrix *values = lsq_lua_test_matrix(L, -1);
  const size_t size = lsq_minimiser_state_size(m->minimiser.count, &m->options);
  if (!lua_isnil(L, -1) && (values == NULL || values->rows != size || values->cols != 1 ||
                            !lsq_matrix_is_contiguous(values)))
    luaL_argerror(L, STATE, "the state of a minimisation of as many unknowns expected");
  if (values != NULL)
    lsq_minimiser_restore_state(&m->minimiser, values->data);
}

static void save_state(lua_State *L, const minimisation *m, const char *stopped) {
  if (lua_isnoneornil(L, STATE))
    return;
  const size_t size = lsq_minimiser_state_size(m->minimiser.count, &m->options);
  lsq_matrix *values = lsq_lua_new_matrix(L, size, 1);
  lsq_minimiser_save_state(&m->minimiser, values->data);
  lua_setfield(L, STATE, "values");
  lua_pushstring(L, stopped);
  lua_setfield(L, STATE, "stopped");
}

/* Pushes the list of the values at the start and after each iteration; returns why it ended. */
static const char *minimise(lua_State *L, minimisation *m, const lsq_matrix *x) {
  lsq_minimiser *minimiser = &m->minimiser;
  lua_Integer entries = 0;
  lua_newtable(L);
  for (;;) {
    const double value = evaluate(L, m, x);
    const size_t before = minimiser->iteration;
    const bool first = minimiser->evaluations == 0;
    const lsq_minimiser_event event = lsq_minimiser_tell(minimiser, value, m->gradient);
    if (first || minimiser->iteration > before) {
      lua_pushnumber(L, first ? value : minimiser->value);
      lua_rawseti(L, -2, ++entries);
    }
    if (event == LSQ_MINIMISER_CONVERGED)
      return "tolerance";
    if (event == LSQ_MINIMISER_LIMIT)
      return "iterations";
    if (event == LSQ_MINIMISER_DIVERGED)
      return "diverged";
  }
}

/*** Minimises a function by L-BFGS: the direction of Nocedal (1980), a line search by the strong
Wolfe conditions (Nocedal and Wright, Numerical Optimization, Algorithms 3.5 and 3.6).
@function lbfgs
@tparam function opfunc `opfunc(x) -> f, gradient`: a number, and a matrix of x's shape. A value
that is not finite is taken for a step too long
@tparam matrix x the start, one column or one row; changed in place to the best point (with fixed
steps the last)
@tparam[opt] table options those of `lsqnet.lbfgs` itself: `iterations=60`, `max_evaluations`,
`memory=10`, `line_search="strong_wolfe"` ("fixed"), `learning_rate=1`,
`gradient_tolerance=1e-7`, `loss_tolerance=1e-9`, `keep`
@tparam[opt] table state what was learnt of the function's curvature is left in it, and a later
call with it goes on from there; `stopped` says why this one ended
@treturn matrix x
@treturn {number,...} f at the start and after each iteration
@treturn int how often opfunc was called
@raise whatever opfunc raises; x then holds the point it was called with
*/
static int lbfgs(lua_State *L) {
  lua_settop(L, STATE);
  luaL_checktype(L, OPFUNC, LUA_TFUNCTION);
  const lsq_matrix *x = lsq_lua_check_matrix(L, START);
  check_vector(L, START, x);
  minimisation *m = lua_newuserdatauv(L, sizeof *m, 0);
  lsq_lua_read_options(L, OPTIONS, lsq_minimiser_option_table, &m->options, NULL, NULL);
  const size_t count = x->rows * x->cols, bytes = count * sizeof(double);
  lsq_arena arena = lsq_arena_measure();
  place(m, &arena, count);
  arena = lsq_arena_over(lsq_lua_block(L, arena.used));
  place(m, &arena, count);
  lsq_minimiser_start(&m->minimiser);
  restore_state(L, m);
  memcpy(m->minimiser.trial, x->data, bytes);
  const char *stopped = minimise(L, m, x);
  const bool best = lsq_minimiser_keeps_best(&m->minimiser) || strcmp(stopped, "diverged") == 0;
  if (m->minimiser.best_value < HUGE_VAL)
    memcpy(x->data, best ? m->minimiser.best : m->minimiser.point, bytes);
  save_state(L, m, stopped);
  lua_pushvalue(L, START);
  lua_insert(L, -2);
  lua_pushinteger(L, (lua_Integer)m->minimiser.evaluations);
  return 3;
}

void lsq_lua_open_optim(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, lbfgs);
  lua_setfield(L, -2, "lbfgs");
  lua_setfield(L, -2, "optim");
}
