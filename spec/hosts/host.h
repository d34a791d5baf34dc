/* What the host programs of spec/hosts share. Each runs its scenario, says what went wrong, and
   prints "done" as its last line: an exit status alone would not tell that it got so far. */
#ifndef LSQ_SPEC_HOST_H
#define LSQ_SPEC_HOST_H

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static inline void host_expect(int holds, const char *what, const char *detail) {
  if (holds)
    return;
  fprintf(stderr, "%s: %s\n", what, detail);
  exit(1);
}

static inline lua_State *host_open(void) {
  lua_State *L = luaL_newstate();
  host_expect(L != NULL, "luaL_newstate", "no memory");
  luaL_openlibs(L);
  return L;
}

/* Runs a chunk, which must succeed, and leaves its one result on the stack. */
static inline void host_run(lua_State *L, const char *chunk) {
  int status = luaL_loadstring(L, chunk);
  if (status == LUA_OK)
    status = lua_pcall(L, 0, 1, 0);
  host_expect(status == LUA_OK, "a chunk that must run", lua_tostring(L, -1));
}

static inline int host_done(void) {
  puts("done");
  return 0;
}

/* A training large enough to be spread over threads. make(seed) gives a net and its data. */
#define HOST_TRAINING                                                                              \
  "local lsqnet = require 'lsqnet'\n"                                                              \
  "lsqnet.set_threads(2)\n"                                                                        \
  "local function make(seed)\n"                                                                    \
  "  local x = lsqnet.matrix.randn(4000, 4, lsqnet.rng(seed))\n"                                   \
  "  local y = x:slice(1, 4000, 1, 1):map(math.sin)\n"                                             \
  "  local net = lsqnet.network{layers = {4, 24, 1}, init = 'normal', seed = seed}\n"              \
  "  return net, x, y\n"                                                                           \
  "end\n"

#endif
