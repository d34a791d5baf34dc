/* What the glue of the file formats shares. */
#ifndef LSQ_LUA_FILE_H
#define LSQ_LUA_FILE_H

#include "io/file.h"
#include "lua/support.h"

/* The path at an argument: a string without zero bytes. */
const char *lsq_lua_check_path(lua_State *L, int arg);

/* Pushes a block with the content of the file and its padding (io/file.h) and returns it;
   NULL on failure. No descriptor is open while Lua may raise. */
const void *lsq_lua_read_file(lua_State *L, const char *path, size_t *size, lsq_error *error);

/* Pushes a block for a writer. */
lsq_writer *lsq_lua_new_writer(lua_State *L);

/* Pushes what a saving function returns: true, or nil, message, code. */
int lsq_lua_saved(lua_State *L, lsq_status status, const lsq_error *error);

#endif
