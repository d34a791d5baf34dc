#include "lua/support.h"

#include <string.h>

#include "base/point.h"
#include "base/threads.h"
#include "lua/module.h"

void *lsq_lua_block(lua_State *L, size_t bytes) {
  if (bytes >= SIZE_MAX - LSQ_ALIGNMENT)
    luaL_error(L, "not enough memory: the size asked for does not fit this machine");
  unsigned char *block = lua_newuserdatauv(L, bytes + LSQ_ALIGNMENT, 0);
  uintptr_t past = (uintptr_t)block % LSQ_ALIGNMENT;
  return past == 0 ? block : block + (LSQ_ALIGNMENT - past);
}

int lsq_lua_failure(lua_State *L, const lsq_error *error) {
  lua_pushnil(L);
  lua_pushstring(L, error->message);
  lua_pushstring(L, lsq_status_code(error->status));
  return 3;
}

const char *lsq_lua_number(lua_State *L, double value) {
  char text[LSQ_POINT_SIZE];
  lsq_number_text(value, 14, text);
  if (text[strspn(text, "-0123456789")] == '\0')
    strcat(text, ".0"); /* as Lua shows a float that is whole */
  return lua_pushstring(L, text);
}

lsq_status lsq_lua_check_finite(const lsq_matrix *m, const char *name, lsq_error *error) {
  char text[LSQ_POINT_SIZE];
  size_t row, col;
  if (lsq_matrix_is_finite(m, &row, &col))
    return LSQ_OK;
  return lsq_fail(error, LSQ_NON_FINITE, "%s is not finite: row %zu, column %zu is %s", name,
                  row + 1, col + 1, lsq_number_text(lsq_matrix_row(m, row)[col], 6, text));
}

int lsq_lua_enter(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &lsq_lua_threads_key);
  int threads = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return lsq_threads_enter(threads);
}

lsq_random *lsq_lua_check_random(lua_State *L, int arg) {
  return luaL_checkudata(L, arg, LSQ_RANDOM_TYPE);
}

static int nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* Calling an empty function runs a call hook, and so lua's own Ctrl-C handler; a count hook sees
   no Lua instruction here and is called. */
void lsq_lua_answer_host(lua_State *L) {
  lua_Debug here;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushcfunction(L, nothing);
  lua_call(L, 0, 0);
  lua_Hook hook = lua_gethook(L);
  if (hook == NULL || (lua_gethookmask(L) & LUA_MASKCOUNT) == 0 || !lua_getstack(L, 0, &here))
    return;
  here.event = LUA_HOOKCOUNT;
  here.currentline = -1;
  hook(L, &here);
}
