/*** lsqnet.network{...}: reading the options of a network, and showing them.
@submodule network
*/
#include <math.h>
#include <string.h>

#include "lua/loss.h"
#include "lua/network.h"
#include "nn/skip.h"

typedef struct {
  int activation, output_activation, loss;
  double alpha;
  bool skip;
  int64_t seed;
} settings;

static const lsq_option network_options[] = {
    {.name = "layers",
     .type = LSQ_OPTION_VALUE,
     .text = "list of widths, inputs first and outputs last"},
    {.name = "activation",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(settings, activation),
     .standard = 1,
     .choices = lsq_activation_names,
     .text = "of the hidden layers"},
    {.name = "alpha",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(settings, alpha),
     .standard = 0.1,
     .minimum = 0,
     .maximum = 1,
     .text = "slope of leaky_relu below 0, less than 1; other activations ignore it"},
    {.name = "output_activation",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(settings, output_activation),
     .standard = 0,
     .choices = lsq_activation_names,
     .text = "of the last layer"},
    {.name = "bias",
     .type = LSQ_OPTION_VALUE,
     .text = "whether layers have biases: true, false, or a list with one boolean per layer"},
    {.name = "skip",
     .type = LSQ_OPTION_BOOLEAN,
     .offset = offsetof(settings, skip),
     .text = "direct connections from inputs to outputs, before the output activation"},
    {.name = "init",
     .type = LSQ_OPTION_VALUE,
     .text = "how parameters are drawn: a name, {\"uniform\", lo, hi} or {\"normal\", mean, sd}"},
    {.name = "loss",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(settings, loss),
     .standard = 0,
     .choices = lsq_loss_names,
     .text = "the loss that the net is trained by, and remembers"},
    {.name = "seed",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(settings, seed),
     .standard = 1,
     .minimum = -0x1p63,
     .maximum = 0x1p63,
     .text = "of the generator that the parameters are drawn from"},
    {.name = "rng",
     .type = LSQ_OPTION_VALUE,
     .text = "a generator to draw the parameters from, instead of a seed"},
    {.name = NULL}};

/* Pushes a block with the widths; *count gets how many there are. */
static size_t *check_widths(lua_State *L, int arg, size_t *count) {
  const int type = lsq_lua_option_value(L, arg, "layers");
  if (type == LUA_TNIL)
    luaL_error(L, "option 'layers' is missing: a list of widths, inputs first, such as {7, 64, 1}");
  if (type != LUA_TTABLE)
    luaL_error(L, "option 'layers': a list of widths expected, got %s", lua_typename(L, type));
  const lua_Unsigned length = lua_rawlen(L, -1);
  if (length < 2)
    luaL_error(L, "option 'layers': at least 2 widths (inputs and outputs) expected, got %I",
               (LUAI_UACINT)length);
  size_t *widths = lsq_lua_block(L, (size_t)length * sizeof *widths);
  lua_insert(L, -2);
  for (lua_Unsigned k = 0; k < length; k++) {
    int whole = 0;
    lua_Integer width = 0;
    if (lua_rawgeti(L, -1, (lua_Integer)k + 1) == LUA_TNUMBER)
      width = lua_tointegerx(L, -1, &whole);
    if (!whole || width < 1)
      luaL_error(L, "option 'layers': a positive integer expected at position %I, got %s",
                 (LUAI_UACINT)(k + 1), luaL_tolstring(L, -1, NULL));
    if (!lsq_size_fits((uint64_t)width))
      luaL_error(L, "option 'layers': the width %I at position %I is too large for this machine",
                 (LUAI_UACINT)width, (LUAI_UACINT)(k + 1));
    widths[k] = (size_t)width;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  *count = (size_t)length;
  return widths;
}

/* Pushes a block that says which layers have biases. */
static bool *check_bias(lua_State *L, int arg, size_t depth) {
  const int type = lsq_lua_option_value(L, arg, "bias");
  bool *bias = lsq_lua_block(L, depth * sizeof *bias);
  lua_insert(L, -2);
  if (type == LUA_TTABLE) {
    if (lua_rawlen(L, -1) != depth)
      luaL_error(L, "option 'bias': a list of %I booleans expected, one per layer, got %I",
                 (LUAI_UACINT)depth, (LUAI_UACINT)lua_rawlen(L, -1));
  } else if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    luaL_error(L, "option 'bias': a boolean or a list of booleans expected, got %s",
               lua_typename(L, type));
  for (size_t k = 0; k < depth; k++) {
    bias[k] = type == LUA_TNIL || lua_toboolean(L, -1);
    if (type != LUA_TTABLE)
      continue;
    if (lua_rawgeti(L, -1, (lua_Integer)k + 1) != LUA_TBOOLEAN)
      luaL_error(L, "option 'bias': a boolean expected at position %I, got %s",
                 (LUAI_UACINT)(k + 1), luaL_typename(L, -1));
    bias[k] = lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return bias;
}

static const char *const range_names[] = {
    [LSQ_INIT_UNIFORM_RANGE] = "uniform", [LSQ_INIT_NORMAL_RANGE] = "normal"};

static int wrong_init(lua_State *L, const char *got) {
  return luaL_error(L,
                    "option 'init': a name, {\"uniform\", low, high} or {\"normal\", mean, sd} "
                    "expected, got %s",
                    got);
}

static void check_named_init(lua_State *L, int index, lsq_init *init) {
  const char *name = lua_tostring(L, index);
  for (int kind = 0; lsq_init_names[kind] != NULL; kind++)
    if (strcmp(name, lsq_init_names[kind]) == 0) {
      *init = (lsq_init){.kind = (lsq_init_kind)kind};
      return;
    }
  char hint[96];
  lsq_lua_suggest(name, lsq_init_names, LSQ_INIT_RAAI + 1, hint, sizeof hint);
  luaL_error(L,
             "option 'init': 'kaiming', 'xavier', 'normal', 'uniform', 'zeros' or 'raai' "
             "expected, got '%s'%s",
             name, hint);
}

/* Field k of the table at `index`: a finite number. */
static double check_init_number(lua_State *L, int index, int k) {
  const int type = lua_rawgeti(L, index, k);
  const double number = lua_tonumber(L, -1);
  if (type != LUA_TNUMBER || !isfinite(number))
    luaL_error(L, "option 'init': a finite number expected at position %d, got %s", k,
               luaL_tolstring(L, -1, NULL));
  lua_pop(L, 1);
  return number;
}

void lsq_lua_check_init(lua_State *L, int index, lsq_init *init) {
  index = lua_absindex(L, index);
  const int type = lua_type(L, index);
  if (type == LUA_TSTRING) {
    check_named_init(L, index, init);
    return;
  }
  if (type != LUA_TTABLE)
    wrong_init(L, lua_typename(L, type));
  if (lua_rawgeti(L, index, 1) != LUA_TSTRING || lua_rawlen(L, index) != 3)
    wrong_init(L, "another list");
  const char *name = lua_tostring(L, -1);
  if (strcmp(name, range_names[LSQ_INIT_UNIFORM_RANGE]) == 0)
    init->kind = LSQ_INIT_UNIFORM_RANGE;
  else if (strcmp(name, range_names[LSQ_INIT_NORMAL_RANGE]) == 0)
    init->kind = LSQ_INIT_NORMAL_RANGE;
  else
    wrong_init(L, lua_pushfstring(L, "a list that begins with '%s'", name));
  init->first = check_init_number(L, index, 2);
  init->second = check_init_number(L, index, 3);
  if (init->kind == LSQ_INIT_UNIFORM_RANGE && init->first > init->second)
    luaL_error(L, "option 'init': a low end not above the high one expected, got %s and %s",
               lsq_lua_number(L, init->first), lsq_lua_number(L, init->second));
  if (init->kind == LSQ_INIT_NORMAL_RANGE && init->second < 0)
    luaL_error(L, "option 'init': a standard deviation of at least 0 expected, got %s",
               lsq_lua_number(L, init->second));
  lua_pop(L, 1);
}

lsq_random *lsq_lua_check_generator(lua_State *L, int arg, lsq_random *seeded, int64_t seed) {
  lsq_random_seed(seeded, (uint64_t)seed);
  if (lsq_lua_option_value(L, arg, "rng") == LUA_TNIL)
    return seeded;
  lsq_random *given = luaL_testudata(L, -1, LSQ_RANDOM_TYPE);
  if (given == NULL)
    luaL_error(L, "option 'rng': an lsqnet.rng expected, got %s", luaL_typename(L, -1));
  if (lsq_lua_option_value(L, arg, "seed") != LUA_TNIL)
    luaL_error(L, "options 'rng' and 'seed' exclude each other");
  lua_pop(L, 1);
  return given;
}

/*** A network with freshly drawn parameters. `lsqnet.network{...}`.

Initialisations: `kaiming` (weights and biases uniform within +-1/sqrt(inputs), as
torch.nn.Linear), `xavier` (weights uniform within +-sqrt(6/(inputs+outputs)), biases 0; Glorot
and Bengio 2010), `normal` (all N(0,1)), `uniform` (all U(0,1)), `zeros`, `raai` (randomised
asymmetric anti-correlated; Singh and Sreejith 2021), `{"uniform", lo, hi}` and
`{"normal", mean, sd}` for all entries.

Activations:

- `identity`
- `relu`
- `leaky_relu`: alpha x for x < 0
- `elu`: exp(x) - 1 for x < 0
- `tanh`
- `sigmoid`
- `gelu`: x Phi(x), the exact form
- `silu`: x / (1 + exp(-x))
- `softplus`: ln(1 + exp(x))
- `sine`

Losses, of outputs z (as the net gives them) and targets y, means over all entries unless said
otherwise:

- `mse`: (z - y)^2
- `cross_entropy`: of logits z, the mean over the rows; see `network:loss`
- `huber` with `delta` (default 1), e = z - y: e^2 / 2 up to delta, then delta (|e| - delta / 2)
- `poisson`: exp(z) - y z, so that exp(z) is the expected y >= 0
- `quantile` with `tau` (default 0.5): tau (y - z) where y > z, else (1 - tau) (z - y)
- `absolute`: |z - y|

@function lsqnet.network
@tparam table options
@tparam {int,...} options.layers widths, inputs first, at least two
@tparam[opt="relu"] string options.activation of the hidden layers
@tparam[opt=0.1] number options.alpha slope of `leaky_relu`, in [0, 1)
@tparam[opt="identity"] string options.output_activation of the last layer
@tparam[opt=true] boolean|{boolean,...} options.bias for all layers, or one per layer
@tparam[opt=false] boolean options.skip direct connections from inputs to outputs, added before the
output activation: inputs x outputs weights, drawn as a layer without biases, behind all else in the
vector of parameters
@tparam[opt="kaiming"] string|table options.init
@tparam[opt="mse"] string options.loss a loss of the list above, and its parameter by its name
@tparam[opt=1] int options.seed of the parameters
@tparam[opt] rng options.rng to draw the parameters from, instead of a seed
@treturn network
@raise on an unknown option, a wrong type or value, or layers too large for the memory
*/
int lsq_lua_network_from_options(lua_State *L) {
  settings chosen;
  lsq_lua_loss_parameters parameters;
  lsq_random seeded;
  lsq_init init = {.kind = LSQ_INIT_KAIMING};
  size_t count;
  lua_settop(L, 1);
  lsq_lua_loss_parameters_start(&parameters);
  lsq_lua_read_options(L, 1, network_options, &chosen, parameters.options, parameters.values);
  if (chosen.alpha >= 1)
    luaL_error(L, "option 'alpha': a slope below 1 expected, got %s",
               lsq_lua_number(L, chosen.alpha));
  const size_t *widths = check_widths(L, 1, &count);
  const bool *bias = check_bias(L, 1, count - 1);
  if (lsq_lua_option_value(L, 1, "init") != LUA_TNIL)
    lsq_lua_check_init(L, -1, &init);
  lsq_random *random = lsq_lua_check_generator(L, 1, &seeded, chosen.seed);

  lsq_network *net = lsq_lua_new_network(L, count - 1, widths, bias, chosen.skip);
  net->activation = lsq_activations[chosen.activation];
  net->output_activation = lsq_activations[chosen.output_activation];
  net->alpha = chosen.alpha;
  lsq_lua_set_loss(L, net, lsq_losses[chosen.loss], &parameters);
  net->init = init;
  lsq_network_initialise(net, &init, random);
  return 1;
}

void lsq_lua_push_constructor_options(lua_State *L) {
  lsq_lua_loss_parameters parameters;
  lsq_lua_loss_parameters_start(&parameters);
  for (size_t k = 0, p = 0; k < LSQ_LOSS_COUNT; k++)
    if (lsq_losses[k]->parameter != NULL)
      parameters.options[p++].standard = lsq_losses[k]->standard;
  lsq_lua_push_options(L, network_options, parameters.options);
}

void lsq_lua_push_widths(lua_State *L, const lsq_network *net) {
  lua_newtable(L);
  lua_pushinteger(L, (lua_Integer)lsq_network_inputs(net));
  lua_rawseti(L, -2, 1);
  for (size_t k = 0; k < net->depth; k++) {
    lua_pushinteger(L, (lua_Integer)net->layers[k].weight.cols);
    lua_rawseti(L, -2, (lua_Integer)k + 2);
  }
}

/* true or false where all layers agree, otherwise a list. */
static void push_bias(lua_State *L, const lsq_network *net) {
  size_t with = 0;
  for (size_t k = 0; k < net->depth; k++)
    with += net->layers[k].bias != NULL;
  if (with == 0 || with == net->depth) {
    lua_pushboolean(L, with != 0);
    return;
  }
  lua_newtable(L);
  for (size_t k = 0; k < net->depth; k++) {
    lua_pushboolean(L, net->layers[k].bias != NULL);
    lua_rawseti(L, -2, (lua_Integer)k + 1);
  }
}

static void push_init(lua_State *L, const lsq_init *init) {
  if (init->kind <= LSQ_INIT_RAAI) {
    lua_pushstring(L, lsq_init_names[init->kind]);
    return;
  }
  lua_createtable(L, 3, 0);
  lua_pushstring(L, range_names[init->kind]);
  lua_rawseti(L, -2, 1);
  lua_pushnumber(L, init->first);
  lua_rawseti(L, -2, 2);
  lua_pushnumber(L, init->second);
  lua_rawseti(L, -2, 3);
}

void lsq_lua_push_network_options(lua_State *L, const lsq_network *net) {
  lua_createtable(L, 0, 7);
  lsq_lua_push_widths(L, net);
  lua_setfield(L, -2, "layers");
  lua_pushstring(L, net->activation->name);
  lua_setfield(L, -2, "activation");
  lua_pushnumber(L, net->alpha);
  lua_setfield(L, -2, "alpha");
  lua_pushstring(L, net->output_activation->name);
  lua_setfield(L, -2, "output_activation");
  push_bias(L, net);
  lua_setfield(L, -2, "bias");
  if (lsq_network_skips(net)) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "skip");
  }
  push_init(L, &net->init);
  lua_setfield(L, -2, "init");
  lua_pushstring(L, net->loss->name);
  lua_setfield(L, -2, "loss");
  if (net->loss->parameter != NULL) {
    lua_pushnumber(L, net->loss_parameter);
    lua_setfield(L, -2, net->loss->parameter);
  }
}
