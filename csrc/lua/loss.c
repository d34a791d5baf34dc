#include "lua/loss.h"

#include <math.h>
#include <string.h>

void lsq_lua_loss_parameters_start(lsq_lua_loss_parameters *parameters) {
  lsq_option *option = parameters->options;
  for (size_t k = 0; lsq_losses[k] != NULL; k++) {
    const lsq_loss *loss = lsq_losses[k];
    if (loss->parameter != NULL)
      *option++ = (lsq_option){.name = loss->parameter,
                               .type = LSQ_OPTION_NUMBER,
                               .offset = k * sizeof(double),
                               .standard = NAN,
                               .minimum = loss->minimum,
                               .maximum = loss->maximum,
                               .text = loss->parameter_text};
    parameters->values[k] = NAN;
  }
  *option = (lsq_option){.name = NULL};
}

void lsq_lua_set_loss(lua_State *L, lsq_network *net, const lsq_loss *loss,
                      const lsq_lua_loss_parameters *given) {
  lsq_network_set_loss(net, loss);
  for (size_t k = 0; k < LSQ_LOSS_COUNT; k++) {
    if (isnan(given->values[k]))
      continue;
    if (lsq_losses[k] != loss)
      luaL_error(L, "option '%s': belongs to the loss %s, this is %s", lsq_losses[k]->parameter,
                 lsq_losses[k]->name, loss->name);
    net->loss_parameter = given->values[k];
  }
}

const lsq_loss *lsq_lua_check_loss(lua_State *L, int arg) {
  const char *name = luaL_checkstring(L, arg);
  luaL_Buffer known;
  for (int k = 0; lsq_loss_names[k] != NULL; k++)
    if (strcmp(name, lsq_loss_names[k]) == 0)
      return lsq_losses[k];
  luaL_buffinit(L, &known);
  for (int k = 0; k < LSQ_LOSS_COUNT; k++) {
    luaL_addstring(&known, k == 0 ? "'" : k + 1 == LSQ_LOSS_COUNT ? " or '" : ", '");
    luaL_addstring(&known, lsq_loss_names[k]);
    luaL_addchar(&known, '\'');
  }
  luaL_pushresult(&known);
  luaL_argerror(L, arg, lua_pushfstring(L, "%s expected, got '%s'", lua_tostring(L, -1), name));
  return NULL;
}

void lsq_lua_push_loss(lua_State *L, const lsq_network *net) {
  if (net->loss->parameter == NULL)
    lua_pushstring(L, net->loss->name);
  else
    lua_pushfstring(L, "%s (%s %f)", net->loss->name, net->loss->parameter, net->loss_parameter);
}
