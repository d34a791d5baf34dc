/***
@submodule lsqnet
*/
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "base/threads.h"
#include "lua/support.h"

/* Pushes the whole file; false, and nothing pushed, where it cannot be read. */
static bool push_file(lua_State *L, const char *path) {
  char piece[512];
  luaL_Buffer text;
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return false;
  luaL_buffinit(L, &text); /* a raise here would leave a file open, in a program that ends by it */
  for (size_t count; (count = fread(piece, 1, sizeof piece, file)) > 0;)
    luaL_addlstring(&text, piece, count);
  fclose(file);
  luaL_pushresult(&text);
  return true;
}

/* The strings of a block, each ended by a zero, as execv takes them: pushes what holds them. */
static char **push_arguments(lua_State *L, const char *block, size_t size) {
  size_t count = 0, next = 0;
  for (size_t i = 0; i < size; i++)
    count += block[i] == 0;
  char **arguments = lua_newuserdatauv(L, (count + 1) * sizeof *arguments, 0);
  for (size_t i = 0; i < size && next < count; next++) {
    arguments[next] = (char *)(uintptr_t)(block + i);
    while (block[i++] != 0)
      continue;
  }
  arguments[count] = NULL;
  return arguments;
}

/*** Starts this program anew, with the same arguments, with OpenMP's threads set to wait asleep
(`OMP_WAIT_POLICY=passive`): they then take nothing from other programs, and trainings beside busy
programs take little more than their share. libgomp reads the environment when it is loaded, so no
module can set this for a program that runs. For commands, as the first thing they do; the process
stays the same, and so do its open files and signals. Does nothing and returns where
`OMP_WAIT_POLICY` or `GOMP_SPINCOUNT` is set, where there is one thread, and without Linux's /proc.
@function wait_passively
*/
static int wait_passively(lua_State *L) {
  size_t size;
  if (getenv("OMP_WAIT_POLICY") != NULL || getenv("GOMP_SPINCOUNT") != NULL || lsq_threads() == 1 ||
      !push_file(L, "/proc/self/cmdline"))
    return 0;
  const char *block = lua_tolstring(L, -1, &size);
  char **arguments = push_arguments(L, block, size);
  if (arguments[0] == NULL || setenv("OMP_WAIT_POLICY", "passive", 1) != 0)
    return 0;
  execv("/proc/self/exe", arguments);
  unsetenv("OMP_WAIT_POLICY");
  return 0;
}

void lsq_lua_open_waiting(lua_State *L) {
  lua_pushcfunction(L, wait_passively);
  lua_setfield(L, -2, "wait_passively");
}
