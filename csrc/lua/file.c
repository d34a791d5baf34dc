#include "lua/file.h"

#include <string.h>

#include "base/size.h"

const char *lsq_lua_check_path(lua_State *L, int arg) {
  size_t length;
  luaL_checktype(L, arg, LUA_TSTRING);
  const char *path = lua_tolstring(L, arg, &length);
  luaL_argcheck(L, strlen(path) == length, arg, "a path cannot contain a zero byte");
  return path;
}

const void *lsq_lua_read_file(lua_State *L, const char *path, size_t *size, lsq_error *error) {
  if (lsq_file_size(path, size, error) != LSQ_OK)
    return NULL;
  void *block = lsq_lua_block(L, lsq_size_add(*size, LSQ_FILE_PADDING));
  return lsq_file_read(path, block, *size, error) == LSQ_OK ? block : NULL;
}

lsq_writer *lsq_lua_new_writer(lua_State *L) {
  return lsq_lua_block(L, sizeof(lsq_writer));
}

int lsq_lua_saved(lua_State *L, lsq_status status, const lsq_error *error) {
  if (status != LSQ_OK)
    return lsq_lua_failure(L, error);
  lua_pushboolean(L, true);
  return 1;
}
