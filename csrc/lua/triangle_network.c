/*** Networks whose parameters are the peaks of triangle waves, for `lsqnet.triangle`: they have
2^d linear pieces whatever their parameters are. *Compelling ReLU Networks to Exhibit
Exponentially Many Linear Regions at Initialization and During Training*, section 3 and A.1.

`lsqnet.triangle.network` makes one triangle network: with T_i(v) = v / a_i up to the peak a_i and
(1 - v) / (1 - a_i) beyond, W_i = T_i(...T_0(x)) and s_i = S_0 ... S_i,

    F(x) = x +- (s_0 W_0(x) + ... + s_{d-1} W_{d-1}(x)),   x in [0, 1].

F(0) = 0, F(1) = 1, and F is flat at 1 (added) or at 0 (subtracted): scale other curves so.
`lsqnet.triangle.blocks` makes networks of such functions with several inputs and outputs.

Read-only fields: `depth` (d), `sign` ("added" or "subtracted"), `scales` ("enforced" or "free"),
`parameter_count`; of blocks `depth`, `blocks` (a list of how many in each layer) and
`parameter_count`.
@classmod triangle
*/
#include "lua/triangle.h"

#include <string.h>

#include "base/point.h"
#include "base/threads.h"

lsq_lua_triangle *lsq_lua_check_triangle(lua_State *L, int arg) {
  return luaL_checkudata(L, arg, LSQ_TRIANGLE_TYPE);
}

double *lsq_lua_triangle_parameters(const lsq_lua_triangle *self, size_t *count) {
  *count = self->is_blocks ? self->blocks.parameter_count : self->triangle.parameter_count;
  return self->is_blocks ? self->blocks.parameters : self->triangle.parameters;
}

static lsq_status check_range(const double *peaks, size_t count, lsq_error *error) {
  char text[LSQ_POINT_SIZE];
  for (size_t i = 0; i < count; i++)
    if (!(peaks[i] > 0 && peaks[i] < 1))
      return lsq_fail(error, LSQ_MISUSE, "peak %zu: a number between 0 and 1 expected, got %s",
                      i + 1, lsq_number_text(peaks[i], 6, text));
  return LSQ_OK;
}

lsq_status lsq_lua_check_peaks(const lsq_lua_triangle *self, const double *parameters,
                               lsq_error *error) {
  const lsq_triangle_blocks *blocks = &self->blocks;
  size_t count;
  lsq_lua_triangle_parameters(self, &count);
  lsq_status status = LSQ_OK;
  for (size_t i = 0; i < count; i++)
    if (!isfinite(parameters[i]))
      return lsq_fail(error, LSQ_MISUSE, "parameter %zu is not finite", i + 1);
  if (!self->is_blocks)
    return check_range(parameters, self->triangle.depth + 1, error);
  for (size_t l = 0; status == LSQ_OK && l < blocks->layers; l++) {
    const lsq_matrix *peaks = &blocks->layer[l].peaks;
    status = check_range(parameters + (peaks->data - blocks->parameters), peaks->rows * peaks->cols,
                         error);
  }
  return status;
}

/* --- making -------------------------------------------------------------------------------- */

/* The struct, and room for what follows it. */
static lsq_lua_triangle *push_block(lua_State *L, size_t bytes, lsq_arena *arena) {
  bytes = lsq_size_add(bytes, sizeof(lsq_lua_triangle) + LSQ_ALIGNMENT);
  if (bytes == SIZE_MAX)
    luaL_error(L, "a network of so many blocks has too many parameters for this machine");
  lsq_lua_triangle *self = lua_newuserdatauv(L, bytes, 1);
  unsigned char *rest = (unsigned char *)(self + 1);
  rest += (LSQ_ALIGNMENT - (uintptr_t)rest % LSQ_ALIGNMENT) % LSQ_ALIGNMENT;
  *arena = lsq_arena_over(rest);
  luaL_setmetatable(L, LSQ_TRIANGLE_TYPE);
  return self;
}

/* Sets user value 1 of the userdata on top. */
static void attach_dense(lua_State *L, size_t depth, const size_t *widths) {
  bool *bias = lsq_lua_block(L, depth * sizeof *bias);
  for (size_t k = 0; k < depth; k++)
    bias[k] = true;
  const lsq_network *net = lsq_lua_new_network(L, depth, widths, bias, false);
  memset(net->parameters, 0, net->parameter_count * sizeof *net->parameters);
  lua_setiuservalue(L, -3, 1);
  lua_pop(L, 1);
}

lsq_lua_triangle *lsq_lua_new_triangle(lua_State *L, size_t depth, bool free_scales) {
  size_t widths[LSQ_TRIANGLE_MOST_LAYERS + 2];
  lsq_triangle measured;
  lsq_arena arena = lsq_arena_measure();
  lsq_triangle_place(&measured, &arena, depth, free_scales);
  lsq_lua_triangle *self = push_block(L, arena.used, &arena);
  self->is_blocks = false;
  lsq_triangle_place(&self->triangle, &arena, depth, free_scales);
  for (size_t k = 0; k < depth + 2; k++)
    widths[k] = k == 0 || k == depth + 1 ? 1 : LSQ_TRIANGLE_WIDTH;
  attach_dense(L, depth + 1, widths);
  return self;
}

lsq_lua_triangle *lsq_lua_new_triangle_blocks(lua_State *L, size_t depth, size_t layers,
                                              const size_t *widths) {
  lsq_triangle_blocks measured;
  lsq_arena arena = lsq_arena_measure();
  lsq_triangle_blocks_place(&measured, &arena, depth, layers, widths);
  lsq_lua_triangle *self = push_block(L, arena.used, &arena);
  self->is_blocks = true;
  lsq_triangle_blocks_place(&self->blocks, &arena, depth, layers, widths);
  size_t *dense = lsq_lua_block(L, (2 + layers * depth) * sizeof *dense);
  lsq_triangle_blocks_widths(&self->blocks, dense);
  lua_insert(L, -2);
  attach_dense(L, 1 + layers * depth, dense);
  lua_remove(L, -2);
  return self;
}

static void push_block_counts(lua_State *L, const lsq_triangle_blocks *blocks) {
  lua_newtable(L);
  for (size_t l = 0; l < blocks->layers; l++) {
    lua_pushinteger(L, (lua_Integer)blocks->layer[l].weight.cols);
    lua_rawseti(L, -2, (lua_Integer)l + 1);
  }
}

lsq_lua_triangle *lsq_lua_clone_triangle(lua_State *L, int index) {
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, index);
  lsq_lua_triangle *copy;
  size_t count;
  if (self->is_blocks) {
    const lsq_triangle_blocks *blocks = &self->blocks;
    size_t *widths = lsq_lua_block(L, (blocks->layers + 2) * sizeof *widths);
    widths[0] = lsq_triangle_blocks_inputs(blocks);
    for (size_t l = 0; l < blocks->layers; l++)
      widths[l + 1] = blocks->layer[l].weight.cols;
    widths[blocks->layers + 1] = blocks->output.cols;
    copy = lsq_lua_new_triangle_blocks(L, blocks->depth, blocks->layers, widths);
    copy->blocks.signs = blocks->signs;
    copy->blocks.loss = blocks->loss;
    lua_remove(L, -2);
  } else {
    copy = lsq_lua_new_triangle(L, self->triangle.depth, self->triangle.free_scales);
    copy->triangle.subtracted = self->triangle.subtracted;
  }
  const double *from = lsq_lua_triangle_parameters(self, &count);
  memcpy(lsq_lua_triangle_parameters(copy, &count), from, count * sizeof *from);
  return copy;
}

lsq_network *lsq_lua_triangle_dense(lua_State *L, int index) {
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, index);
  lua_getiuservalue(L, index, 1);
  lsq_network *net = lsq_lua_clone_network(L, -1);
  lua_remove(L, -2);
  lsq_network_set_loss(net, self->is_blocks ? self->blocks.loss : &lsq_loss_mse);
  if (self->is_blocks)
    lsq_triangle_blocks_set_weights(&self->blocks, net);
  else
    lsq_triangle_set_weights(&self->triangle, net);
  return net;
}

/* --- methods ------------------------------------------------------------------------------- */

/* The network of user value 1, which stays on the stack, with this one's loss. */
static lsq_network *push_shape(lua_State *L, const lsq_lua_triangle *self) {
  lua_getiuservalue(L, 1, 1);
  lsq_network *net = lsq_lua_check_network(L, -1);
  lsq_network_set_loss(net, self->is_blocks ? self->blocks.loss : &lsq_loss_mse);
  return net;
}

/*** The equal `network`: relu, layers {1, 4, ..., 4, 1}, or of K blocks a layer 5 K wide; the same
output up to rounding. Trained further its pieces may become more or fewer.
@function triangle:dense
@treturn network
*/
static int dense(lua_State *L) {
  lsq_lua_triangle_dense(L, 1);
  return 1;
}

/*** The output.
@function triangle:predict
@tparam matrix X rows x inputs
@treturn matrix rows x outputs: for one triangle, beyond [0, 1] too, what the dense net gives
*/
static int predict(lua_State *L) {
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, 1);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2);
  const size_t inputs = self->is_blocks ? lsq_triangle_blocks_inputs(&self->blocks) : 1;
  const size_t outputs = self->is_blocks ? self->blocks.output.cols : 1;
  if (x->cols != inputs)
    luaL_argerror(L, 2,
                  lua_pushfstring(L, "X of %I columns expected, got %I", (LUAI_UACINT)inputs,
                                  (LUAI_UACINT)x->cols));
  const lsq_matrix *out = lsq_lua_new_matrix(L, x->rows, outputs);
  if (!self->is_blocks) {
    lsq_triangle_predict(&self->triangle, x, out);
    return 1;
  }
  void *workspace = lsq_lua_block(L, lsq_triangle_blocks_workspace(&self->blocks, x->rows));
  lsq_triangle_blocks_predict(&self->blocks, x, out, workspace);
  lua_pop(L, 1);
  return 1;
}

/* Pushes the loss, and with a gradient that below it; or nil, message, code. */
static int push_loss(lua_State *L, bool with_gradient) {
  lsq_error error;
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, 1);
  const lsq_network *shape = push_shape(L, self);
  if (lsq_lua_check_samples(L, shape, shape->loss, 2, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 2), *y = lsq_lua_check_matrix(L, 3);
  size_t count;
  double *gradient = NULL, loss;
  lsq_lua_triangle_parameters(self, &count);
  void *workspace = NULL;
  if (self->is_blocks)
    workspace = lsq_lua_block(L, lsq_triangle_blocks_workspace(&self->blocks, x->rows));
  if (with_gradient)
    gradient = lsq_lua_new_matrix(L, count, 1)->data;
  if (self->is_blocks)
    loss = lsq_triangle_blocks_gradient(&self->blocks, x, y, NULL, gradient, workspace);
  else
    loss = lsq_triangle_gradient(&self->triangle, x, y, NULL, gradient);
  lua_pushnumber(L, loss);
  if (!with_gradient)
    return 1;
  lua_insert(L, -2);
  return 2;
}

/*** The mean loss, of blocks by their own loss, otherwise the mse.
@function triangle:loss
@tparam matrix X rows x inputs, at least one row
@tparam matrix Y rows x outputs
@treturn[1] number
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X or Y is not finite
@raise when shapes do not fit, or Y cannot be targets of cross-entropy
*/
static int loss(lua_State *L) {
  return push_loss(L, false);
}

/*** The loss and its gradient by the parameters, in O(rows d) and with no matrices. On a kink
the derivative is that of the piece to its left.
@function triangle:gradient
@tparam matrix X rows x inputs, at least one row
@tparam matrix Y rows x outputs
@treturn[1] number the loss
@treturn[1] matrix P x 1, in the order of `parameters`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X or Y is not finite
@raise when shapes do not fit, or Y cannot be targets of cross-entropy
*/
static int gradient(lua_State *L) {
  return push_loss(L, true);
}

/*** All parameters: the peaks a_0 .. a_d, then, where scales are free, S_0 .. S_{d-1}. Of blocks,
for each layer: the weights w (inputs x blocks, row by row), the offsets c and the factors r of
its blocks, their peaks (blocks x (d + 1), row by row); at last the output's weights (blocks x
outputs) and biases.
@function triangle:parameters
@treturn matrix P x 1, a copy
*/
static int parameters(lua_State *L) {
  size_t count;
  const double *from = lsq_lua_triangle_parameters(lsq_lua_check_triangle(L, 1), &count);
  memcpy(lsq_lua_new_matrix(L, count, 1)->data, from, count * sizeof *from);
  return 1;
}

/*** Sets all parameters, in the order of `parameters`.
@function triangle:set_parameters
@tparam matrix v P x 1 or 1 x P
@raise when v has another shape, is not finite, or has a peak that is not between 0 and 1
*/
static int set_parameters(lua_State *L) {
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, 1);
  const lsq_matrix *v = lsq_lua_check_matrix(L, 2);
  lsq_error error;
  size_t count;
  double *into = lsq_lua_triangle_parameters(self, &count);
  if (!(v->rows == count && v->cols == 1) && !(v->rows == 1 && v->cols == count))
    luaL_argerror(L, 2,
                  lua_pushfstring(L, "the parameter vector is %I x 1, got %I x %I",
                                  (LUAI_UACINT)count, (LUAI_UACINT)v->rows, (LUAI_UACINT)v->cols));
  double *values = lsq_lua_block(L, count * sizeof *values);
  const lsq_matrix copy = lsq_matrix_over(values, v->rows, v->cols);
  lsq_matrix_copy(v, &copy);
  if (lsq_lua_check_peaks(self, values, &error) != LSQ_OK)
    luaL_argerror(L, 2, error.message);
  memcpy(into, values, count * sizeof *values);
  return 0;
}

/*** The number of linear pieces on an interval, as of the dense net: 2^d on [0, 1] for one
triangle network with enforced scales.
@function triangle:linear_regions
@tparam number lo
@tparam number hi above lo
@tparam[opt=1e-12] number tolerance see `network:linear_regions`
@treturn int
@raise when there are several inputs
*/
static int linear_regions(lua_State *L) {
  const int arguments = lua_gettop(L);
  lsq_lua_triangle_dense(L, 1);
  lua_replace(L, 1);
  lua_getfield(L, 1, "linear_regions");
  lua_insert(L, 1);
  lua_call(L, arguments, LUA_MULTRET);
  return lua_gettop(L);
}

/*** Which of the dense net's parameters lie within a block, for `mask` of the gradient trainers:
hidden weights between two blocks of a layer have a 0.
@function triangle:mask
@treturn matrix P x 1 of 0 and 1, P those of the dense net
@raise when this is a single triangle network
*/
static int mask(lua_State *L) {
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, 1);
  luaL_argcheck(L, self->is_blocks, 1, "a network of blocks expected");
  const lsq_network *shape = push_shape(L, self);
  const lsq_matrix *out = lsq_lua_new_matrix(L, shape->parameter_count, 1);
  lsq_triangle_blocks_mask(&self->blocks, shape, out->data);
  return 1;
}

/*** A copy with parameters of its own.
@function triangle:clone
@treturn triangle
*/
static int clone(lua_State *L) {
  lsq_lua_clone_triangle(L, 1);
  return 1;
}

static int to_string(lua_State *L) {
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, 1);
  const lsq_triangle *t = &self->triangle;
  const lsq_triangle_blocks *b = &self->blocks;
  luaL_Buffer text;
  if (!self->is_blocks) {
    lua_pushfstring(L, LSQ_TRIANGLE_TYPE " of depth %I, %s, %s scales, %I parameters",
                    (LUAI_UACINT)t->depth, t->subtracted ? "subtracted" : "added",
                    t->free_scales ? "free" : "enforced", (LUAI_UACINT)t->parameter_count);
    return 1;
  }
  luaL_buffinit(L, &text);
  lua_pushfstring(L, LSQ_TRIANGLE_TYPE " %I", (LUAI_UACINT)lsq_triangle_blocks_inputs(b));
  luaL_addvalue(&text);
  for (size_t l = 0; l < b->layers; l++) {
    lua_pushfstring(L, "-%I", (LUAI_UACINT)b->layer[l].weight.cols);
    luaL_addvalue(&text);
  }
  lua_pushfstring(L, "-%I, blocks of depth %I, %s, %I parameters", (LUAI_UACINT)b->output.cols,
                  (LUAI_UACINT)b->depth, b->loss->name, (LUAI_UACINT)b->parameter_count);
  luaL_addvalue(&text);
  luaL_pushresult(&text);
  return 1;
}

/* Pushes a read-only field, or nil. */
static void push_field(lua_State *L, const lsq_lua_triangle *self, const char *name) {
  size_t count;
  lsq_lua_triangle_parameters(self, &count);
  if (strcmp(name, "depth") == 0)
    lua_pushinteger(L, (lua_Integer)(self->is_blocks ? self->blocks.depth : self->triangle.depth));
  else if (strcmp(name, "parameter_count") == 0)
    lua_pushinteger(L, (lua_Integer)count);
  else if (strcmp(name, "sign") == 0 && !self->is_blocks)
    lua_pushstring(L, self->triangle.subtracted ? "subtracted" : "added");
  else if (strcmp(name, "scales") == 0 && !self->is_blocks)
    lua_pushstring(L, self->triangle.free_scales ? "free" : "enforced");
  else if (strcmp(name, "blocks") == 0 && self->is_blocks)
    push_block_counts(L, &self->blocks);
  else
    lua_pushnil(L);
}

/* Upvalue 1: the methods. */
static int get_field(lua_State *L) {
  const lsq_lua_triangle *self = lsq_lua_check_triangle(L, 1);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL && lua_type(L, 2) == LUA_TSTRING)
    push_field(L, self, lua_tostring(L, 2));
  return 1;
}

static int set_field(lua_State *L) {
  return luaL_error(L, "a triangle network's fields cannot be set (field '%s')",
                    luaL_tolstring(L, 2, NULL));
}

void lsq_lua_open_triangle_network(lua_State *L) {
  static const luaL_Reg methods[] = {{"clone", clone},
                                     {"dense", dense},
                                     {"gradient", gradient},
                                     {"linear_regions", linear_regions},
                                     {"loss", loss},
                                     {"mask", mask},
                                     {"parameters", parameters},
                                     {"predict", predict},
                                     {"set_parameters", set_parameters},
                                     {NULL, NULL}};
  static const luaL_Reg meta[] = {
      {"__tostring", to_string}, {"__newindex", set_field}, {NULL, NULL}};
  luaL_newmetatable(L, LSQ_TRIANGLE_TYPE);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_pushcclosure(L, get_field, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
