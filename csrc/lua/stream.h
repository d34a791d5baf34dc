/* The userdata over rows that stay in files. */
#ifndef LSQ_LUA_STREAM_H
#define LSQ_LUA_STREAM_H

#include "io/npy_rows.h"
#include "lua/support.h"

#define LSQ_STREAM_TYPE "lsqnet.stream"

/* NULL when the value is none; raises when it is one that is closed. */
const lsq_npy_rows *lsq_lua_test_stream(lua_State *L, int index);

void lsq_lua_open_stream(lua_State *L);

#endif
