/*** Dense feed-forward networks. Layer k = 1..L maps its inputs to sigma(x W + b), W being
inputs x outputs and samples rows. Read-only fields of a net: `layers` (list of widths, inputs
first), `activation`, `output_activation`, `alpha`, `depth` (L), `skip` (whether inputs are
connected to outputs directly, before the output activation), `parameter_count`, and the parameter
of the loss by its name.
@classmod network
*/
#include "lua/network.h"

#include <string.h>

#include "lua/loss.h"
#include "nn/skip.h"

static const char methods_key = 0; /* its address is a key of the registry */

lsq_network *lsq_lua_check_network(lua_State *L, int arg) {
  return luaL_checkudata(L, arg, LSQ_NETWORK_TYPE);
}

/* The block: the struct, then what lsq_network_place puts over the aligned rest. */
lsq_network *lsq_lua_new_network(lua_State *L, size_t depth, const size_t *widths, const bool *bias,
                                 bool skip) {
  lsq_network measured;
  lsq_arena arena = lsq_arena_measure();
  lsq_network_place(&measured, &arena, depth, widths, bias, skip);
  const size_t bytes = lsq_size_add(arena.used, sizeof measured + LSQ_ALIGNMENT);
  if (bytes == SIZE_MAX)
    luaL_error(L, "a network of these layers has too many parameters for this machine");
  lsq_network *net = lua_newuserdatauv(L, bytes, 2);
  unsigned char *rest = (unsigned char *)(net + 1);
  rest += (LSQ_ALIGNMENT - (uintptr_t)rest % LSQ_ALIGNMENT) % LSQ_ALIGNMENT;
  arena = lsq_arena_over(rest);
  lsq_network_place(net, &arena, depth, widths, bias, skip);
  luaL_setmetatable(L, LSQ_NETWORK_TYPE);
  return net;
}

/* A shallow copy of the table at `index`, or the value itself where it is none. */
static void push_copy(lua_State *L, int index) {
  if (!lua_istable(L, index)) {
    lua_pushvalue(L, index);
    return;
  }
  index = lua_absindex(L, index);
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
}

lsq_network *lsq_lua_clone_network(lua_State *L, int index) {
  index = lua_absindex(L, index);
  const lsq_network *net = lsq_lua_check_network(L, index);
  size_t *widths = lsq_lua_block(L, (net->depth + 1) * sizeof *widths);
  bool *bias = lsq_lua_block(L, net->depth * sizeof *bias);
  widths[0] = lsq_network_inputs(net);
  for (size_t k = 0; k < net->depth; k++) {
    widths[k + 1] = net->layers[k].weight.cols;
    bias[k] = net->layers[k].bias != NULL;
  }
  lsq_network *copy = lsq_lua_new_network(L, net->depth, widths, bias, lsq_network_skips(net));
  copy->activation = net->activation;
  copy->output_activation = net->output_activation;
  copy->alpha = net->alpha;
  copy->loss = net->loss;
  copy->loss_parameter = net->loss_parameter;
  copy->init = net->init;
  memcpy(copy->parameters, net->parameters, net->parameter_count * sizeof *net->parameters);
  lua_replace(L, -3);
  lua_pop(L, 1);
  lua_getiuservalue(L, index, 1);
  push_copy(L, -1);
  lua_setiuservalue(L, -3, 1);
  lua_pop(L, 1);
  return copy;
}

/*** A copy with parameters of its own.
@function network:clone
@treturn network
*/
static int clone(lua_State *L) {
  lsq_lua_clone_network(L, 1);
  return 1;
}

/*** The options of a net like this one: `lsqnet.network(net:options())` has the same shape,
activations, loss and initialisation, and freshly drawn parameters.
@function network:options
@treturn table `layers, activation, alpha, output_activation, bias, init, loss`, the loss's
parameter, and `skip` where it is true
*/
static int options(lua_State *L) {
  lsq_lua_push_network_options(L, lsq_lua_check_network(L, 1));
  return 1;
}

static int to_string(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  lua_pushfstring(L, LSQ_NETWORK_TYPE " %I", (LUAI_UACINT)lsq_network_inputs(net));
  luaL_addvalue(&text);
  for (size_t k = 0; k < net->depth; k++) {
    lua_pushfstring(L, "-%I", (LUAI_UACINT)net->layers[k].weight.cols);
    luaL_addvalue(&text);
  }
  if (lsq_network_skips(net))
    luaL_addstring(&text, " with direct connections,");
  lua_pushfstring(L, " %s, %s output, ", net->activation->name, net->output_activation->name);
  luaL_addvalue(&text);
  lsq_lua_push_loss(L, net);
  luaL_addvalue(&text);
  lua_pushfstring(L, ", %I parameters", (LUAI_UACINT)net->parameter_count);
  luaL_addvalue(&text);
  luaL_pushresult(&text);
  return 1;
}

/* Pushes a read-only field, or nil. */
static void push_field(lua_State *L, const lsq_network *net, const char *name) {
  if (strcmp(name, "layers") == 0)
    lsq_lua_push_widths(L, net);
  else if (strcmp(name, "activation") == 0)
    lua_pushstring(L, net->activation->name);
  else if (strcmp(name, "output_activation") == 0)
    lua_pushstring(L, net->output_activation->name);
  else if (strcmp(name, "alpha") == 0)
    lua_pushnumber(L, net->alpha);
  else if (strcmp(name, "skip") == 0)
    lua_pushboolean(L, lsq_network_skips(net));
  else if (strcmp(name, "depth") == 0)
    lua_pushinteger(L, (lua_Integer)net->depth);
  else if (strcmp(name, "parameter_count") == 0)
    lua_pushinteger(L, (lua_Integer)net->parameter_count);
  else if (net->loss->parameter != NULL && strcmp(name, net->loss->parameter) == 0)
    lua_pushnumber(L, net->loss_parameter);
  else
    lua_pushnil(L);
}

/* Upvalue 1: the methods. */
static int get_field(lua_State *L) {
  const lsq_network *net = lsq_lua_check_network(L, 1);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL && lua_type(L, 2) == LUA_TSTRING)
    push_field(L, net, lua_tostring(L, 2));
  return 1;
}

static int set_field(lua_State *L) {
  return luaL_error(L, "a network's fields cannot be set (field '%s')", luaL_tolstring(L, 2, NULL));
}

void lsq_lua_push_network_methods(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &methods_key);
}

static void open_metatable(lua_State *L) {
  static const luaL_Reg methods[] = {{"clone", clone}, {"options", options}, {NULL, NULL}};
  static const luaL_Reg meta[] = {
      {"__tostring", to_string}, {"__newindex", set_field}, {NULL, NULL}};
  luaL_newmetatable(L, LSQ_NETWORK_TYPE);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  luaL_setfuncs(L, lsq_lua_network_runs, 0);
  luaL_setfuncs(L, lsq_lua_network_parameters, 0);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &methods_key);
  lua_pushcclosure(L, get_field, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

/* The table that is called is of no use to the constructor. */
static int call(lua_State *L) {
  lua_remove(L, 1);
  return lsq_lua_network_from_options(L);
}

void lsq_lua_open_network(lua_State *L) {
  static const luaL_Reg meta[] = {{"__call", call}, {NULL, NULL}};
  open_metatable(L);
  lua_newtable(L);
  luaL_newlib(L, meta);
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "network");
  lsq_lua_open_metrics(L);
}
