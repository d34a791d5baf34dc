/* Inputs and parts of a blend, for lua/lsqnet/fit: piecewise-linear maps of columns as tables of
   matrices, and prepared parts as userdata. */
#include "lua/fit.h"

#include <string.h>

#include "nn/blend_part.h"

#define PART_TYPE "lsqnet.fit.part"

lsq_matrix *lsq_lua_fit_matrix(lua_State *L, int index, const char *name, size_t rows,
                               size_t cols) {
  lua_getfield(L, index, name);
  lsq_matrix *m = lsq_lua_test_matrix(L, -1);
  if (m == NULL)
    luaL_error(L, "field '%s': a matrix expected, got %s", name, luaL_typename(L, -1));
  if ((rows != 0 && m->rows != rows) || (cols != 0 && m->cols != cols))
    luaL_error(L, "field '%s': %I x %I expected, got %I x %I", name, (LUAI_UACINT)rows,
               (LUAI_UACINT)cols, (LUAI_UACINT)m->rows, (LUAI_UACINT)m->cols);
  if (!lsq_matrix_is_contiguous(m))
    luaL_error(L, "field '%s': a matrix of its own expected, got a view", name);
  lua_pop(L, 1);
  return m;
}

double lsq_lua_fit_number(lua_State *L, int index, const char *name, double standard) {
  lua_getfield(L, index, name);
  const double value = luaL_optnumber(L, -1, standard);
  lua_pop(L, 1);
  return value;
}

static void check_map(lua_State *L, const lsq_piecewise *map) {
  const size_t d = map->mean.cols, knots = map->knots.rows;
  double before = 0;
  for (size_t j = 0; j <= d; j++) {
    const double at = map->first.data[j];
    if (!(at >= before && at <= (double)knots && at == trunc(at)))
      luaL_error(L, "field 'first': not the beginnings of %I knots", (LUAI_UACINT)knots);
    before = at;
  }
  if (map->first.data[0] != 0 || before != (double)knots)
    luaL_error(L, "field 'first': not the beginnings of %I knots", (LUAI_UACINT)knots);
  for (size_t j = 0; j < d; j++) /* the last knot of a column begins no bin */
    if (map->first.data[j] < map->first.data[j + 1] &&
        map->centre.data[(size_t)map->first.data[j + 1] - 1] != LSQ_NO_BIN)
      luaL_error(L, "field 'centre': a bin behind the last knot of column %I", (LUAI_UACINT)j + 1);
}

void lsq_lua_fit_map(lua_State *L, int index, lsq_piecewise *map) {
  luaL_checktype(L, index, LUA_TTABLE);
  index = lua_absindex(L, index);
  map->mean = *lsq_lua_fit_matrix(L, index, "mean", 1, 0);
  map->deviation = *lsq_lua_fit_matrix(L, index, "deviation", 1, map->mean.cols);
  map->first = *lsq_lua_fit_matrix(L, index, "first", 1, map->mean.cols + 1);
  map->knots = *lsq_lua_fit_matrix(L, index, "knots", 0, 1);
  map->centre = *lsq_lua_fit_matrix(L, index, "centre", 0, 1);
  luaL_argcheck(L, map->centre.rows == map->knots.rows, index, "a centre a knot expected");
  check_map(L, map);
}

static void check_inputs(lua_State *L, int arg, const lsq_matrix *x, const lsq_piecewise *map) {
  if (x->cols != map->mean.cols)
    luaL_argerror(L, arg,
                  lua_pushfstring(L, "%I columns expected, got %I", (LUAI_UACINT)map->mean.cols,
                                  (LUAI_UACINT)x->cols));
}

/* A column of the first rows of what is at the top, in its place. */
static void cut(lua_State *L, size_t rows) {
  const lsq_matrix from = lsq_matrix_rows(lsq_lua_check_matrix(L, -1), 0, rows);
  lsq_matrix_copy(&from, lsq_lua_new_matrix(L, rows, 1));
  lua_remove(L, -2);
}

/* piecewise(X, bins): a table of mean, deviation, first, knots, centre. */
static int piecewise(lua_State *L) {
  const lsq_matrix *x = lsq_lua_check_matrix(L, 1);
  const lua_Integer bins = luaL_checkinteger(L, 2);
  lsq_error error;
  luaL_argcheck(L, x->rows > 0 && x->cols > 0, 1, "at least one row and one column expected");
  luaL_argcheck(L, bins >= 0 && bins <= 1024, 2, "0 to 1024 bins expected");
  if (lsq_lua_check_finite(x, "X", &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const size_t most = lsq_piecewise_most_knots(x->cols, (size_t)bins);
  lua_createtable(L, 0, 5);
  lsq_piecewise map;
  map.mean = *lsq_lua_new_matrix(L, 1, x->cols);
  lua_setfield(L, 3, "mean");
  map.deviation = *lsq_lua_new_matrix(L, 1, x->cols);
  lua_setfield(L, 3, "deviation");
  map.first = *lsq_lua_new_matrix(L, 1, x->cols + 1);
  lua_setfield(L, 3, "first");
  double *scratch = lsq_lua_block(L, x->rows * sizeof *scratch);
  map.knots = *lsq_lua_new_matrix(L, most, 1);
  map.centre = *lsq_lua_new_matrix(L, most, 1);
  lsq_piecewise_fit(&map, x, (size_t)bins, scratch);
  cut(L, map.centre.rows);
  lua_setfield(L, 3, "centre");
  cut(L, map.knots.rows);
  lua_setfield(L, 3, "knots");
  lua_settop(L, 3);
  return 1;
}

/* expand(map, X): F. */
static int expand(lua_State *L) {
  lsq_piecewise map;
  lsq_lua_fit_map(L, 1, &map);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2);
  check_inputs(L, 2, x, &map);
  const lsq_matrix *f = lsq_lua_new_matrix(L, x->rows, lsq_piecewise_width(&map));
  lsq_piecewise_expand(&map, x, f);
  return 1;
}

/* softmax(M): its rows, in place. */
static int softmax(lua_State *L) {
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  for (size_t i = 0; i < m->rows; i++) {
    double *row = lsq_matrix_row(m, i), most = -HUGE_VAL, sum = 0;
    for (size_t c = 0; c < m->cols; c++)
      most = fmax(most, row[c]);
    for (size_t c = 0; c < m->cols; c++)
      sum += row[c] = exp(row[c] - most);
    for (size_t c = 0; c < m->cols; c++)
      row[c] /= sum;
  }
  lua_settop(L, 1);
  return 1;
}

typedef struct {
  lsq_blend_part part;
  lsq_piecewise map;
} prepared;

static lsq_unit check_unit(lua_State *L, int index) {
  static const char *const names[] = {"none", "relu", "silu", "tanh", NULL};
  lua_getfield(L, index, "unit");
  const lsq_unit unit = (lsq_unit)luaL_checkoption(L, -1, NULL, names);
  lua_pop(L, 1);
  return unit;
}

/* The matrices of the table at 1. */
static void read_part(lua_State *L, lsq_blend_part *part, lsq_piecewise *map) {
  lua_getfield(L, 1, "map");
  lsq_lua_fit_map(L, -1, map);
  lua_pop(L, 1);
  *part = (lsq_blend_part){.unit = check_unit(L, 1), .map = map};
  part->weight = lsq_lua_fit_matrix(L, 1, "weight", lsq_piecewise_width(map), 0);
  const size_t h = part->weight->cols;
  part->bias = lsq_lua_fit_matrix(L, 1, "bias", 1, h);
  if (part->unit == LSQ_UNIT_NONE)
    return;
  part->output = lsq_lua_fit_matrix(L, 1, "output", h, 0);
  part->offset = lsq_lua_fit_matrix(L, 1, "offset", 1, part->output->cols);
  if (lua_getfield(L, 1, "skip") != LUA_TNIL)
    part->skip = lsq_lua_fit_matrix(L, 1, "skip", map->mean.cols, part->output->cols);
  lua_pop(L, 1);
}

/* part(fields): a part that predicts; it keeps the table, which is not to be changed. */
static int new_part(lua_State *L) {
  lsq_blend_part part;
  lsq_piecewise map;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  read_part(L, &part, &map);
  lsq_arena measure = lsq_arena_measure();
  lsq_blend_part_place(&part, &measure);
  prepared *p = lua_newuserdatauv(L, sizeof *p, 2);
  p->part = part;
  p->map = map;
  p->part.map = &p->map;
  lsq_arena arena = lsq_arena_over(lsq_lua_block(L, measure.used));
  lua_setiuservalue(L, 2, 2);
  lsq_blend_part_place(&p->part, &arena);
  lsq_blend_part_prepare(&p->part);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 2, 1);
  luaL_setmetatable(L, PART_TYPE);
  return 1;
}

/* part:predict(X[, out]) */
static int predict(lua_State *L) {
  const prepared *p = luaL_checkudata(L, 1, PART_TYPE);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2);
  const size_t outputs = p->part.output != NULL ? p->part.output->cols : p->part.weight->cols;
  check_inputs(L, 2, x, &p->map);
  const bool given = !lua_isnoneornil(L, 3);
  const lsq_matrix *out =
      given ? lsq_lua_check_matrix(L, 3) : lsq_lua_new_matrix(L, x->rows, outputs);
  luaL_argcheck(L, out->rows == x->rows && out->cols == outputs, 3, "one row a row of X expected");
  lsq_blend_part_predict(&p->part, x, out);
  if (given)
    lua_settop(L, 3);
  return 1;
}

void lsq_lua_open_fit(lua_State *L) {
  static const luaL_Reg functions[] = {{"piecewise", piecewise},
                                       {"expand", expand},
                                       {"softmax", softmax},
                                       {"part", new_part},
                                       {NULL, NULL}};
  static const luaL_Reg methods[] = {{"predict", predict}, {NULL, NULL}};
  luaL_newmetatable(L, PART_TYPE);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  lsq_lua_open_fit_train(L);
  lua_setfield(L, -2, "fit");
}
