/*** lsqnet: small neural networks trained by linear algebra.
@module lsqnet
*/
#include "lua/module.h"

#include <limits.h>

#include "base/simd.h"
#include "base/threads.h"
#include "linalg/library.h"
#include "lsqnet.h"
#include "lua/support.h"

const char lsq_lua_threads_key = 0;

/*** What is really loaded.
@function info
@treturn table `version`; `blas` and `lapack`, the paths of the libraries that the dynamic
linker chose (with OpenBLAS's own description of its build in brackets); `threads`, how many
a parallel region gets; `simd`, the instruction set that our kernels chose
*/
static int info(lua_State *L) {
  char text[512];
  lua_createtable(L, 0, 5);
  lua_pushliteral(L, LSQNET_VERSION);
  lua_setfield(L, -2, "version");
  lsq_blas_description(text, sizeof text);
  lua_pushstring(L, text);
  lua_setfield(L, -2, "blas");
  lsq_lapack_description(text, sizeof text);
  lua_pushstring(L, text);
  lua_setfield(L, -2, "lapack");
  int before = lsq_lua_enter(L);
  int threads = lsq_threads();
  lsq_threads_leave(before);
  lua_pushinteger(L, threads);
  lua_setfield(L, -2, "threads");
  lua_pushstring(L, lsq_simd_name());
  lua_setfield(L, -2, "simd");
  return 1;
}

/*** Sets how many threads this Lua state's calls use. The default is OpenMP's:
`OMP_NUM_THREADS`, or the number of cores. Results of our own kernels do not depend on it;
a threaded BLAS does not promise that.
@function set_threads
@tparam int n at least 1
*/
static int set_threads(lua_State *L) {
  lua_Integer threads = luaL_checkinteger(L, 1);
  luaL_argcheck(L, threads >= 1 && threads <= 1024, 1,
                "a number of threads from 1 to 1024 expected");
  lua_pushinteger(L, threads);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &lsq_lua_threads_key);
  return 0;
}

LSQNET_API int luaopen_lsqnet_core(lua_State *L) {
  static const luaL_Reg functions[] = {{"info", info}, {"set_threads", set_threads}, {NULL, NULL}};
  luaL_checkversion(L);
  luaL_newlib(L, functions);
  lua_pushliteral(L, "lsqnet " LSQNET_VERSION);
  lua_setfield(L, -2, "_VERSION");
  lsq_lua_open_matrix(L);
  lsq_lua_open_matrix_io(L);
  lsq_lua_open_random(L);
  lsq_lua_open_network(L);
  lsq_lua_open_network_io(L);
  lsq_lua_open_kernels(L);
  lsq_lua_open_linear_regression(L);
  lsq_lua_open_optim(L);
  lsq_lua_open_trainers(L);
  return 1;
}
