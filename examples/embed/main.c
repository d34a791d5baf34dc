/* lsqnet inside a C program: an array of the host's own goes in without a copy, a net is
   trained a few milliseconds at a time between whatever else the host does, and the predictions
   are read in C.

   From the project's root, after `make build`:

     gcc -std=c11 -Icsrc -I/usr/include/lua5.4 -o build/embed examples/embed/main.c -llua5.4 -lm
     eval "$(make -s env)" && build/embed

   LUA_PATH and LUA_CPATH tell the program where lsqnet is; an installed one needs neither. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "lsqnet.h"

enum { SAMPLES = 200, INPUTS = 1 };

static const char script[] =
    "local lsqnet = require 'lsqnet'\n"
    "return function(x, y)\n"
    "  local net = lsqnet.network{layers = {1, 32, 1}, init = 'normal', seed = 1}\n"
    "  local run = assert(lsqnet.start('anmin', net, x, y, {iterations = 20, lambda = 1e-6}))\n"
    "  return run, function()\n"
    "    local report = assert(run:finish())\n"
    "    return net:predict(x), report.loss\n"
    "  end\n"
    "end\n";

/* Goes on with the run at `run` for about `seconds`; whether there is more to do. */
static int advance(lua_State *L, int run, double seconds) {
  lua_getfield(L, run, "advance");
  lua_pushvalue(L, run);
  lua_pushnumber(L, seconds);
  lua_call(L, 2, 2); /* an event, or nil; a message where it failed */
  if (lua_isnil(L, -2) && !lua_isnil(L, -1))
    lua_error(L);
  lua_pop(L, 2);
  lua_getfield(L, run, "ended");
  const int goes_on = lua_isnil(L, -1);
  lua_pop(L, 1);
  return goes_on;
}

/* Everything that may raise runs in here, under lua_pcall. Arguments: the two arrays. */
static int train_and_predict(lua_State *L) {
  double *x = lua_touserdata(L, 1), *y = lua_touserdata(L, 2);
  luaL_openlibs(L);
  if (luaL_loadstring(L, script) != LUA_OK)
    return lua_error(L);
  lua_call(L, 0, 1); /* loads lsqnet, leaves the function */
  lsqnet_pushview(L, x, SAMPLES, INPUTS, INPUTS, 0);
  lsqnet_pushview(L, y, SAMPLES, 1, 1, 0);
  lua_call(L, 2, 2); /* the run, and what ends it */
  const int run = lua_absindex(L, -2);
  int slices = 1;
  while (advance(L, run, 0.002))
    slices++; /* here the host does something else */
  printf("trained in %d slices of 2 ms or an iteration\n", slices);
  lua_call(L, 0, 2);

  const lsqnet_matrix *prediction = lsqnet_checkmatrix(L, -2);
  for (size_t i = 0; i < prediction->rows; i += 40)
    printf("x = %5.2f   y = %6.3f   predicted %6.3f\n", x[i], y[i],
           prediction->data[i * prediction->stride]);
  printf("mean squared error %.2g\n", lua_tonumber(L, -1));
  return 0;
}

int main(void) {
  static double x[SAMPLES * INPUTS], y[SAMPLES];
  for (int i = 0; i < SAMPLES; i++) {
    x[i] = -3 + 6.0 * i / (SAMPLES - 1);
    y[i] = sin(2 * x[i]);
  }

  lua_State *L = luaL_newstate();
  if (L == NULL)
    return EXIT_FAILURE;
  lua_pushcfunction(L, train_and_predict);
  lua_pushlightuserdata(L, x);
  lua_pushlightuserdata(L, y);
  int status = lua_pcall(L, 2, 0, 0);
  if (status != LUA_OK)
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
  lua_close(L); /* before x and y go: the views point into them */
  return status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
