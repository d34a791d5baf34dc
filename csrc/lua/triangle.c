/***
@submodule lsqnet
*/
#include "train/triangle.h"

#include <string.h>

#include "lua/training.h"
#include "lua/triangle.h"

/* --- constructors -------------------------------------------------------------------------- */

typedef struct {
  int64_t depth, seed;
  int sign, scales;
} network_settings;

static const char *const signs[] = {"added", "subtracted", NULL};
static const char *const scales[] = {"enforced", "free", NULL};

static const lsq_option network_options[] = {
    {.name = "depth",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(network_settings, depth),
     .standard = 5,
     .minimum = 1,
     .maximum = LSQ_TRIANGLE_MOST_LAYERS,
     .text = "hidden layers d"},
    {.name = "sign",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(network_settings, sign),
     .choices = signs,
     .text = "whether the waves are added or subtracted"},
    {.name = "scales",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(network_settings, scales),
     .choices = scales,
     .text = "whether S_i follow from the peaks or are parameters too"},
    {.name = "peaks", .type = LSQ_OPTION_VALUE, .text = "the d + 1 numbers a_0 .. a_d, in (0, 1)"},
    {.name = "seed",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(network_settings, seed),
     .standard = 1,
     .minimum = -0x1p63,
     .maximum = 0x1p63,
     .text = "seed of the peaks"},
    {.name = "rng", .type = LSQ_OPTION_VALUE, .text = "a generator to draw the peaks from"},
    {.name = NULL}};

/* The list of peaks on top of the stack becomes those of the network below it. */
static void read_peaks(lua_State *L, lsq_lua_triangle *self) {
  lsq_triangle *triangle = &self->triangle;
  lsq_error error;
  const lua_Integer count = (lua_Integer)triangle->depth + 1;
  if (!lua_istable(L, -1) || luaL_len(L, -1) != count)
    luaL_error(L, "option 'peaks': a list of depth + 1 = %I numbers expected", (LUAI_UACINT)count);
  for (lua_Integer i = 0; i < count; i++) {
    int is_number;
    lua_geti(L, -1, i + 1);
    triangle->parameters[i] = lua_tonumberx(L, -1, &is_number);
    if (!is_number)
      luaL_error(L, "option 'peaks': entry %I is a %s, not a number", (LUAI_UACINT)(i + 1),
                 luaL_typename(L, -1));
    lua_pop(L, 1);
  }
  if (triangle->free_scales)
    lsq_triangle_enforced(triangle->depth, triangle->subtracted, triangle->parameters,
                          triangle->parameters + count);
  if (lsq_lua_check_peaks(self, triangle->parameters, &error) != LSQ_OK)
    luaL_error(L, "option 'peaks': %s", error.message);
}

/*** A triangle network: one input, one output, 2^d linear pieces on [0, 1] and d + 1 parameters.
@function lsqnet.triangle.network
@tparam[opt] table options
@tparam[opt=5] int options.depth hidden layers d, up to 40
@tparam[opt="added"] string options.sign "added" (F is concave) or "subtracted" (convex)
@tparam[opt] {number,...} options.peaks a_0 .. a_d, each between 0 and 1
@tparam[opt=1] int options.seed of peaks uniform in [0.2, 0.8)
@tparam[opt] rng options.rng to draw them from, instead of a seed
@tparam[opt="enforced"] string options.scales "enforced": S_i = (1 - a_i) a_{i+1} (but S_0 = a_0 a_1
where waves are subtracted), so that F is differentiable in the limit of depth; "free": they start
there and are parameters of their own
@treturn triangle
@raise on an unknown option, a wrong type or value
*/
int lsq_lua_triangle_network(lua_State *L) {
  network_settings chosen;
  lsq_random seeded;
  lua_settop(L, 1);
  lsq_lua_read_options(L, 1, network_options, &chosen, NULL, NULL);
  lsq_random *random = lsq_lua_check_generator(L, 1, &seeded, chosen.seed);
  const bool given = lsq_lua_option_value(L, 1, "peaks") != LUA_TNIL;
  if (given && (lsq_lua_option_value(L, 1, "seed") != LUA_TNIL || random != &seeded))
    luaL_error(L, "options 'peaks' and '%s' exclude each other",
               random == &seeded ? "seed" : "rng");
  lsq_lua_triangle *self = lsq_lua_new_triangle(L, (size_t)chosen.depth, chosen.scales == 1);
  self->triangle.subtracted = chosen.sign == 1;
  if (!given) {
    lsq_triangle_draw(&self->triangle, random);
    return 1;
  }
  lua_getfield(L, 1, "peaks");
  read_peaks(L, self);
  lua_pop(L, 1);
  return 1;
}

typedef struct {
  int64_t depth, outputs, seed;
  int signs, loss;
} block_settings;

static const char *const block_signs[] = {"alternating", "added", "subtracted", NULL};

static const lsq_option block_options[] = {
    {.name = "blocks",
     .type = LSQ_OPTION_VALUE,
     .text = "how many, or a list: of each layer of blocks"},
    {.name = "depth",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(block_settings, depth),
     .standard = 5,
     .minimum = 1,
     .maximum = LSQ_TRIANGLE_MOST_LAYERS,
     .text = "hidden layers of each block"},
    {.name = "outputs",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(block_settings, outputs),
     .standard = 1,
     .minimum = 1,
     .maximum = 1e6,
     .text = "outputs"},
    {.name = "signs",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(block_settings, signs),
     .choices = block_signs,
     .text = "whether the blocks add or subtract their waves, or each second one subtracts"},
    {.name = "loss",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(block_settings, loss),
     .choices = lsq_loss_names,
     .text = "the loss"},
    {.name = "seed",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(block_settings, seed),
     .standard = 1,
     .minimum = -0x1p63,
     .maximum = 0x1p63,
     .text = "seed of the parameters"},
    {.name = "rng", .type = LSQ_OPTION_VALUE, .text = "a generator to draw the parameters from"},
    {.name = NULL}};

/* Pushes a block with inputs, the blocks of each layer, outputs. */
static const size_t *read_widths(lua_State *L, size_t inputs, int64_t outputs, size_t *layers) {
  enum { MOST_LAYERS = 100, MOST_BLOCKS = 100000 };
  const int type = lsq_lua_option_value(L, 2, "blocks");
  const lua_Integer count = type == LUA_TTABLE ? luaL_len(L, -1) : 1;
  if (count < 1 || count > MOST_LAYERS)
    luaL_error(L, "option 'blocks': a list of 1 to %d layers expected, got %I", MOST_LAYERS,
               (LUAI_UACINT)count);
  size_t *widths = lsq_lua_block(L, ((size_t)count + 2) * sizeof *widths);
  widths[0] = inputs;
  for (lua_Integer l = 1; l <= count; l++) {
    int is_whole;
    if (type == LUA_TTABLE)
      lua_geti(L, -2, l);
    else
      lua_pushvalue(L, -2);
    const lua_Integer blocks = lua_tointegerx(L, -1, &is_whole);
    if (!is_whole || blocks < 1 || blocks > MOST_BLOCKS)
      luaL_error(L, "option 'blocks': a number of blocks, or a list of such, expected, got %s",
                 luaL_tolstring(L, -1, NULL));
    widths[l] = (size_t)blocks;
    lua_pop(L, 1);
  }
  widths[count + 1] = (size_t)outputs;
  *layers = (size_t)count;
  return widths;
}

/*** A network of blocks: triangle waves as trainable activation functions of one variable each,
between dense layers. Block k of a layer takes z = x w_k + c_k and gives r_k z plus or minus its
waves; on 0 <= z <= 1 and for r_k = 1 it is the F of a triangle network, beyond it goes on straight.
Layers of blocks can be stacked; the output is linear in the blocks of the last. Section 5 of the
paper, which gives the idea; the construction is ours.

With alternating signs a sum of blocks is a difference of convex functions. Each z starts with a
random direction, and covers [0, 1] over the rows of X: standardise its columns before. The
factors r_k start at 0 and the weights of a single output positive.
@function lsqnet.triangle.blocks
@tparam matrix X N x inputs, the training data
@tparam table options
@tparam int|{int,...} options.blocks how many, or a list: of each layer of blocks
@tparam[opt=5] int options.depth hidden layers of each block
@tparam[opt=1] int options.outputs
@tparam[opt="alternating"] string options.signs "alternating" (blocks 1, 3, ... add their waves,
2, 4, ... subtract them), "added" or "subtracted"
@tparam[opt="mse"] string options.loss `mse` or `cross_entropy`
@tparam[opt=1] int options.seed
@tparam[opt] rng options.rng to draw the parameters from, instead of a seed
@treturn[1] triangle
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `non_finite`: X is not finite
@raise on an unknown option, a wrong type or value
*/
int lsq_lua_triangle_blocks_network(lua_State *L) {
  block_settings chosen;
  lsq_random seeded;
  lsq_error error;
  size_t layers;
  lua_settop(L, 2);
  const lsq_matrix *x = lsq_lua_check_matrix(L, 1);
  luaL_argcheck(L, x->rows > 0 && x->cols > 0, 1, "X has no rows or no columns");
  luaL_argcheck(L, lua_istable(L, 2), 2, "a table of options, blocks among them, expected");
  lsq_lua_read_options(L, 2, block_options, &chosen, NULL, NULL);
  const size_t *widths = read_widths(L, x->cols, chosen.outputs, &layers);
  lsq_random *random = lsq_lua_check_generator(L, 2, &seeded, chosen.seed);
  if (lsq_lua_check_finite(x, "X", &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_lua_triangle *self = lsq_lua_new_triangle_blocks(L, (size_t)chosen.depth, layers, widths);
  self->blocks.signs = (lsq_block_signs)chosen.signs;
  self->blocks.loss = lsq_losses[chosen.loss];
  void *workspace = lsq_lua_block(L, lsq_triangle_blocks_workspace(&self->blocks, x->rows));
  lsq_triangle_blocks_draw(&self->blocks, x, NULL, random, workspace);
  lua_pop(L, 1);
  return 1;
}

/* --- the trainer --------------------------------------------------------------------------- */

enum { TRIANGLE = LSQ_TRAINING_NET, X, Y, OPTIONS };

static void set_default(lua_State *L, const char *name) {
  if (lua_getfield(L, -2, name) != LUA_TNIL) {
    lua_pop(L, 2);
    return;
  }
  lua_pop(L, 1);
  lua_setfield(L, -2, name);
}

/* Pushes finish_options with the defaults that differ here. */
static void push_finish_options(lua_State *L, const lsq_trainer *finish, bool is_blocks,
                                size_t rows) {
  lua_newtable(L);
  if (lsq_lua_option_value(L, OPTIONS, "finish_options") == LUA_TTABLE) {
    for (lua_pushnil(L); lua_next(L, -2) != 0;) {
      lua_pushvalue(L, -2);
      lua_insert(L, -2);
      lua_settable(L, -5);
    }
  } else if (!lua_isnil(L, -1)) {
    luaL_error(L, "option 'finish_options': a table expected, got %s", luaL_typename(L, -1));
  }
  lua_pop(L, 1);
  if (lua_getfield(L, -1, "schedule") != LUA_TNIL)
    luaL_error(L, "option 'finish_options': schedule is not for a second phase");
  lua_pop(L, 1);
  if ((finish->takes & LSQ_TAKES_SCHEDULE) !=
      0) { /* adam: full batches, the same epochs and rate as the first */
    const char *const shared[] = {"epochs", "learning_rate"};
    lua_pushboolean(L, false);
    set_default(L, "shuffle");
    lua_pushinteger(L, (lua_Integer)rows);
    set_default(L, "batch_size");
    for (int k = 0; k < 2; k++)
      if (lsq_lua_option_value(L, OPTIONS, shared[k]) != LUA_TNIL)
        set_default(L, shared[k]);
      else
        lua_pop(L, 1);
    lua_pushinteger(L, 1000);
    set_default(L, "epochs");
    return;
  }
  const bool is_newton = strcmp(finish->name, "gauss_newton") == 0;
  lua_pushinteger(L, is_newton ? 200 : 1000);
  set_default(L, "iterations");
  if (is_newton) { /* near the end already: on x^11 a median of 3e-7, from 1e-3 on 2e-5 */
    lua_pushnumber(L, 1e-6);
    set_default(L, "damping");
  }
  if (is_newton && !is_blocks) { /* ends five times lower than the joint form */
    lua_pushstring(L, "refit");
    set_default(L, "form");
  }
  if (strcmp(finish->name, "lbfgs") == 0) { /* the tolerances are absolute: losses get small */
    lua_pushnumber(L, 0);
    set_default(L, "loss_tolerance");
  }
  lua_pushnumber(L, strcmp(finish->name, "lbfgs") == 0 ? 1e-10 : 1e-12);
  set_default(L, "gradient_tolerance");
}

/* Reads what the second phase is; its options stay on the stack. */
static void read_finish(lua_State *L, lsq_triangle_model *model, size_t rows) {
  int choice = 0;
  const lsq_option wanted[] = {
      {.name = "finish", .type = LSQ_OPTION_CHOICE, .choices = lsq_triangle_finishes},
      {.name = NULL}};
  lua_newtable(L);
  lsq_lua_option_value(L, OPTIONS, "finish");
  lua_setfield(L, -2, "finish");
  lsq_lua_read_options(L, lua_gettop(L), wanted, &choice, NULL, NULL);
  lua_pop(L, 1);
  model->finish = lsq_triangle_finish(choice);
  if (model->finish == NULL)
    return;
  void *options = lsq_lua_block(L, model->finish->options_size);
  push_finish_options(L, model->finish, model->blocks != NULL, rows);
  lsq_lua_read_options(L, lua_gettop(L), model->finish->options, options, NULL, NULL);
  lua_pop(L, 1);
  model->finish_options = options;
}

/* Where the options ask for it, pushes the mask of the weights within blocks. */
static void read_weights(lua_State *L, const lsq_lua_triangle *self, const lsq_network *net,
                         lsq_triangle_model *model) {
  const int type = lsq_lua_option_value(L, OPTIONS, "finish_weights");
  const bool within = type == LUA_TSTRING && strcmp(lua_tostring(L, -1), "block_diagonal") == 0;
  lua_pop(L, 1);
  if (!within || !self->is_blocks)
    return;
  double *mask = lsq_lua_block(L, net->parameter_count * sizeof *mask);
  lsq_triangle_blocks_mask(&self->blocks, net, mask);
  model->mask = mask;
}

static void check_options(lua_State *L) {
  if (!lua_isnoneornil(L, OPTIONS) && !lua_istable(L, OPTIONS))
    luaL_argerror(
        L, OPTIONS,
        lua_pushfstring(L, "a table of options expected, got %s", luaL_typename(L, OPTIONS)));
}

static void draw(lsq_model *head) {
  ((lsq_triangle_model *)head)->is_fresh = true;
}

/* What is trained, a copy, becomes the network that the caller gave. */
static void keep(lsq_model *head) {
  const lsq_triangle_model *model = (const lsq_triangle_model *)head;
  if (model->blocks != NULL) {
    const size_t bytes = model->blocks->parameter_count * sizeof(double);
    memcpy(model->kept_blocks->parameters, model->blocks->parameters, bytes);
    model->kept_blocks->loss = model->blocks->loss;
    return;
  }
  const size_t bytes = model->triangle->parameter_count * sizeof(double);
  memcpy(model->kept_triangle->parameters, model->triangle->parameters, bytes);
  model->kept_triangle->subtracted = model->triangle->subtracted;
}

lsq_model *lsq_lua_triangle_model(lua_State *L) {
  lsq_lua_triangle *self = lsq_lua_check_triangle(L, TRIANGLE);
  const lsq_matrix *x = lsq_lua_check_matrix(L, X);
  lua_settop(L, OPTIONS);
  check_options(L);
  lua_pushvalue(L, TRIANGLE);
  lsq_lua_triangle *work = lsq_lua_clone_triangle(L, TRIANGLE);
  lsq_network *net = lsq_lua_triangle_dense(L, TRIANGLE);
  lua_replace(L, TRIANGLE);
  lsq_triangle_model *model = lsq_lua_block(L, sizeof *model);
  *model = (lsq_triangle_model){.head = {draw, keep},
                                .triangle = self->is_blocks ? NULL : &work->triangle,
                                .blocks = self->is_blocks ? &work->blocks : NULL,
                                .kept_triangle = &self->triangle,
                                .kept_blocks = &self->blocks};
  read_finish(L, model, x->rows);
  read_weights(L, self, net, model);
  return &model->head;
}

/* Its manual stands beside lsq_triangle_trainer. */
static int triangle(lua_State *L) {
  lsq_model *model = lsq_lua_triangle_model(L);
  return lsq_lua_train(L, &lsq_triangle_trainer, model);
}

/* The table that is called is of no use to the trainer. */
static int call(lua_State *L) {
  lua_remove(L, 1);
  return triangle(L);
}

void lsq_lua_open_triangle(lua_State *L) {
  static const luaL_Reg constructors[] = {{"network", lsq_lua_triangle_network},
                                          {"blocks", lsq_lua_triangle_blocks_network},
                                          {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__call", call}, {NULL, NULL}};
  lsq_lua_open_triangle_network(L);
  luaL_newlib(L, constructors);
  luaL_newlib(L, meta);
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "triangle");
}
