/* Memory runs out at the n-th allocation, for every n until a session of everything gets
   through. Each time the session must end in a memory error or succeed; with memory back, the
   same state must still be sound; and closing it must give back every byte.
   Usage: memory FOLDER, where the session writes its files. */
#include <stdint.h>
#include <string.h>

#include "host.h"

static const char session_chunk[] =
    "local folder = ...\n"
    "local lsqnet = require 'lsqnet'\n"
    "local x = lsqnet.matrix.randn(12, 2, lsqnet.rng(1))\n"
    "local y = x:slice(1, 12, 1, 1) * 2 + x:slice(1, 12, 2, 2)\n"
    "assert(#tostring(x) > 0 and #x:totable() == 12)\n"
    "assert((x:t() * x):solve(x:t() * y):allclose(x:lstsq(y)))\n"
    "x:svd() x:pinv() x:qr() x:cond()\n"
    "local net = lsqnet.network{layers = {2, 3, 1}, init = 'normal'}\n"
    "local seen = 0\n"
    "local report = assert(lsqnet.anmin(net, x, y, {iterations = 2, restarts = 2,\n"
    "  validation = {x, y}, on_iteration = function() seen = seen + 1 end}))\n"
    "assert(seen == 6 and math.abs(report.loss - net:loss(x, y)) < 1e-12)\n"
    "assert(lsqnet.linear_regression(x, y))\n"
    "assert(x:write_csv(folder .. '/x.csv'))\n"
    "assert(assert(lsqnet.matrix.read_csv(folder .. '/x.csv')) == x)\n"
    "assert(x:write_npy(folder .. '/x.npy'))\n"
    "assert(assert(lsqnet.matrix.read_npy(folder .. '/x.npy')) == x)\n"
    "assert(net:save(folder .. '/net.safetensors'))\n"
    "local again = assert(lsqnet.load(folder .. '/net.safetensors'))\n"
    "assert(again:parameters() == net:parameters())\n";

typedef struct {
  size_t count;      /* allocations so far */
  size_t limit;      /* from this one on they fail */
  size_t live_bytes; /* handed out and not yet given back */
} budget;

static void *allocate(void *argument, void *block, size_t old_size, size_t new_size) {
  budget *b = argument;
  if (block == NULL)
    old_size = 0; /* Lua passes the kind of object there */
  if (new_size == 0) {
    free(block);
    b->live_bytes -= old_size;
    return NULL;
  }
  if (new_size > old_size && ++b->count >= b->limit)
    return NULL;
  void *moved = realloc(block, new_size);
  if (moved != NULL)
    b->live_bytes += new_size - old_size;
  else if (new_size <= old_size)
    return block; /* Lua relies on shrinking */
  return moved;
}

static int session(lua_State *L) {
  const char *folder = lua_touserdata(L, 1);
  luaL_openlibs(L);
  if (luaL_loadstring(L, session_chunk) != LUA_OK)
    return lua_error(L);
  lua_pushstring(L, folder);
  lua_call(L, 1, 0);
  return 0;
}

static int run_session(lua_State *L, char *folder) {
  lua_pushcfunction(L, session);
  lua_pushlightuserdata(L, folder);
  return lua_pcall(L, 1, 0, 0);
}

/* One state with that budget; whether the session got through. */
static int try_with(size_t limit, char *folder) {
  budget b = {.limit = limit};
  int succeeded = 0;
  lua_State *L = lua_newstate(allocate, &b);
  if (L != NULL) {
    int status = run_session(L, folder);
    const char *message = status == LUA_OK ? "" : lua_tostring(L, -1);
    succeeded = status == LUA_OK;
    host_expect(succeeded || status == LUA_ERRMEM ||
                    (message != NULL && strstr(message, "not enough memory") != NULL),
                "memory out, and the session ends with", message == NULL ? "no text" : message);
    b.limit = SIZE_MAX;
    lua_settop(L, 0);
    if (!succeeded) {
      status = run_session(L, folder);
      host_expect(status == LUA_OK, "memory back, and the session ends with",
                  status == LUA_OK ? "" : lua_tostring(L, -1));
    }
    lua_close(L);
  }
  host_expect(b.live_bytes == 0, "a closed state", "kept memory");
  return succeeded;
}

int main(int argc, char **argv) {
  host_expect(argc == 2, "usage", "memory FOLDER");
  size_t limit = 1;
  while (!try_with(limit, argv[1]))
    limit++;
  printf("%zu allocations\n", limit - 1);
  return host_done();
}
