/*** Small neural networks, trained by linear algebra.

Trainers: `report, message, code = lsqnet.<trainer>(net, X, Y, options)`.

Each trains the net in place, from its parameters as they are, and returns a report. Beside their
own they take these options, but for those that `lsqnet.trainers()` and `lsqnet.core.options(name)`
leave out:

* `validation={X, Y}`: data whose loss the history records as `validation_loss`
* `on_iteration=function(event) end`: called after each iteration with the history's entry, and
  `net` and `restart` beside; only an explicit `false` stops the training
  (`net` is there to be read; sgd, adam and adagrad go on from what a callback makes of it). It
  cannot yield: for a training that is spread over frames or coroutines there is `lsqnet.start`
* `weights`, N x 1, not negative: how often each row counts. N is their sum everywhere, in lambda's
  automatic rules too
* `time_limit` in seconds, `target_loss` of the training loss
* `restarts=K`: the net as given and K - 1 fresh draws (by `init`, the net's own scheme unless
  named); the best is kept. `racing=true`: by successive halving, all starts a few iterations, the
  better half twice as far, and so on; a round costs about as much as one training, all K are held
  in memory, and callbacks hear of the best alone, at the end
* `mask`: P x 1, in the order of `parameters`: those with a 0 stay as they are (sgd, adam, adagrad,
  lbfgs, gauss_newton)
* `seed=1` of every draw, `verbose=false`: a line an iteration on the standard error

The report has `loss` (training loss of the net as returned), `iterations`, `seconds`, `stopped`
("iterations", "tolerance", "stalled": no step helps, though the gradient is not small, "target",
"time", "callback", "diverged" or "degenerate"), `warnings`
(a list of sentences), with restarts `restart` (which was kept), and `history`: a list of
`{iteration, seconds, loss, validation_loss, ...}`, of the best restart, entry 1 being iteration 0.

Penalties are of weights and biases alike, and losses in report and history are without. `lambda`
adds lambda |parameters|^2 to the loss (lbfgs, gauss_newton), to the output layer's
(coordinate_descent), or to the sum over outputs of the mse (anmin, varpro). `weight_decay` (sgd,
adam, adagrad) is 2 lambda of lbfgs. linstorch, elm, spread_net, knot_search and ills have none:
they solve plain least squares, as published; nor has random_search, which solves nothing. triangle
passes it to what finishes, in `finish_options`.

Misuse (shapes, types, ranges, unknown options) raises. Data or parameters that are not finite
give `nil, message, "non_finite"` and leave the net alone; a training that diverges is no error:
the best net is kept.
@module lsqnet
*/
#include "lua/module.h"

#include "base/simd.h"
#include "base/threads.h"
#include "linalg/library.h"
#include "lsqnet.h"
#include "lua/stream.h"
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
  lsq_lua_open_stream(L);
  lsq_lua_open_optim(L);
  lsq_lua_open_training(L);
  lsq_lua_open_trainers(L);
  lsq_lua_open_triangle(L);
  lsq_lua_open_waiting(L);
  lsq_lua_open_table(L);
  lsq_lua_open_table_encode(L);
  lsq_lua_open_fit(L);
  return 1;
}
