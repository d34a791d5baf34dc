/* What the glue files share: reading arguments, making userdata, telling errors. */
#ifndef LSQ_LUA_SUPPORT_H
#define LSQ_LUA_SUPPORT_H

#include <lauxlib.h>
#include <lua.h>

#include "base/arena.h"
#include "base/matrix.h"
#include "base/option.h"
#include "base/random.h"
#include "base/status.h"
#include "nn/network.h"

#define LSQ_MATRIX_TYPE "lsqnet.matrix"
#define LSQ_RANDOM_TYPE "lsqnet.rng"
#define LSQ_NETWORK_TYPE "lsqnet.network"

/* Pushes a userdata block of `bytes` (workspace, which the collector frees) and returns it
   aligned to LSQ_ALIGNMENT. Raises Lua's own error when memory is out. */
void *lsq_lua_block(lua_State *L, size_t bytes);

/* Pushes nil, message, code; returns 3. */
int lsq_lua_failure(lua_State *L, const lsq_error *error);

/* Pushes a number as Lua shows it, but with a point whatever the locale; for messages. */
const char *lsq_lua_number(lua_State *L, double value);

/* LSQ_NON_FINITE, naming the matrix and the 1-based place, unless all of m is finite. */
lsq_status lsq_lua_check_finite(const lsq_matrix *m, const char *name, lsq_error *error);

/* Thread count of this Lua state around calls below the glue: nothing in between may raise. */
int lsq_lua_enter(lua_State *L);

/* Lets the host interrupt between two steps of a long computation: its call and count hooks run,
   and so does lua's own Ctrl-C handler. */
void lsq_lua_answer_host(lua_State *L);

/* The matrix at an argument; raises when it is none. */
lsq_matrix *lsq_lua_check_matrix(lua_State *L, int arg);
lsq_matrix *lsq_lua_test_matrix(lua_State *L, int index); /* NULL when it is none */

/* Pushes a new rows x cols matrix that owns its elements, which are not initialised. */
lsq_matrix *lsq_lua_new_matrix(lua_State *L, size_t rows, size_t cols);

/* Pushes a matrix over `view`, keeping the value at `owner` alive. */
lsq_matrix *lsq_lua_push_view(lua_State *L, lsq_matrix view, int owner);

lsq_random *lsq_lua_check_random(lua_State *L, int arg);
lsq_network *lsq_lua_check_network(lua_State *L, int arg);

/* Pushes a new network whose parameters are not initialised. Its user value 1 holds what a
   file said beyond our own metadata (csrc/lua/network_io.c), 2 the memory of its predictions
   (csrc/lua/network_predict.c). */
lsq_network *lsq_lua_new_network(lua_State *L, size_t depth, const size_t *widths, const bool *bias,
                                 bool skip);

/* Reads an initialisation, a name or {"uniform", lo, hi} or {"normal", mean, sd}. */
void lsq_lua_check_init(lua_State *L, int index, lsq_init *init);

/* Reads the table at `index` (none or nil: all defaults) into the struct at `out`, as
   `options` say; `common`, where not NULL, is a second table of options for the struct at
   `common_out`. An unknown name, a wrong type or a value out of range raises; an unknown name
   suggests the nearest known one. Options of type VALUE are accepted and left to the caller. */
void lsq_lua_read_options(lua_State *L, int index, const lsq_option *options, void *out,
                          const lsq_option *common, void *common_out);

/* Pushes the field `name` of the options table at `index`, nil where there is no table. Raw, as
   lsq_lua_read_options reads: what a metatable would add has not been checked. */
int lsq_lua_option_value(lua_State *L, int index, const char *name);

/* Pushes a list that describes the options: name, type, default, minimum, maximum, choices,
   text. common may be NULL. */
void lsq_lua_push_options(lua_State *L, const lsq_option *options, const lsq_option *common);

/* Writes the name nearest to `word` among count names into the message buffer, as
   " (did you mean 'name'?)", or nothing when none is near. */
void lsq_lua_suggest(const char *word, const char *const *names, size_t count, char *message,
                     size_t size);

/* Each file's part of the module: adds its fields to the table on top of the stack. */
void lsq_lua_open_matrix(lua_State *L);
void lsq_lua_open_matrix_io(lua_State *L);
void lsq_lua_open_random(lua_State *L);
void lsq_lua_open_network(lua_State *L);
void lsq_lua_open_network_io(lua_State *L);
void lsq_lua_open_kernels(lua_State *L);
void lsq_lua_open_linear_regression(lua_State *L);
void lsq_lua_open_optim(lua_State *L);
void lsq_lua_open_trainers(lua_State *L);
void lsq_lua_open_training(lua_State *L);
void lsq_lua_open_triangle(lua_State *L);
void lsq_lua_open_waiting(lua_State *L);
void lsq_lua_open_table(lua_State *L);
void lsq_lua_open_table_encode(lua_State *L);
void lsq_lua_open_fit(lua_State *L);

#endif
