/*** Predictions: of matrices, streams and single rows, where asked for without making anything.
@submodule network
*/
#include "base/threads.h"
#include "lua/network.h"
#include "lua/rows.h"

enum {
  OPTIONS = 3,
  WORKSPACE = 2, /* user value of a network: memory of an earlier prediction */
  FEW = 1024     /* numbers of a layer's activations, or of a row, that fit on the C stack */
};

static const lsq_option option_table[] = {
    {.name = "out",
     .type = LSQ_OPTION_VALUE,
     .text = "matrix of rows x outputs that the prediction is written to"},
    {.name = NULL}};

/* Of two matrices of the same stride: whether their columns meet. b begins `first` numbers behind
   the beginning of a row of a. */
static bool columns_meet(const lsq_matrix *a, const lsq_matrix *b) {
  const size_t stride = a->stride;
  const uintptr_t from = (uintptr_t)a->data, to = (uintptr_t)b->data;
  const size_t apart = (size_t)(to > from ? to - from : from - to) / sizeof(double) % stride;
  const size_t first = to >= from || apart == 0 ? apart : stride - apart;
  return first < a->cols || first + b->cols > stride;
}

/* Whether two matrices, neither empty, share a number. Columns of one matrix beside each other do
   not, though their rows take turns. */
static bool overlap(const lsq_matrix *a, const lsq_matrix *b) {
  const double *a_end = a->data + (a->rows - 1) * a->stride + a->cols;
  const double *b_end = b->data + (b->rows - 1) * b->stride + b->cols;
  if ((uintptr_t)a->data >= (uintptr_t)b_end || (uintptr_t)b->data >= (uintptr_t)a_end)
    return false;
  return a->stride != b->stride || columns_meet(a, b);
}

/* Option `out`, which stays on the stack, or a new matrix. */
static const lsq_matrix *take_out(lua_State *L, const lsq_network *net, const lsq_rows *rows) {
  const size_t count = rows->x->rows, outputs = lsq_network_outputs(net);
  lsq_lua_read_options(L, OPTIONS, option_table, NULL, NULL, NULL);
  if (lsq_lua_option_value(L, OPTIONS, "out") == LUA_TNIL)
    return lsq_lua_new_matrix(L, count, outputs);
  const lsq_matrix *out = lsq_lua_test_matrix(L, -1);
  if (out == NULL)
    luaL_error(L, "option 'out': lsqnet.matrix expected, got %s", luaL_typename(L, -1));
  if (out->rows != count || out->cols != outputs)
    luaL_error(L, "option 'out': %I x %I expected, got %I x %I", (LUAI_UACINT)count,
               (LUAI_UACINT)outputs, (LUAI_UACINT)out->rows, (LUAI_UACINT)out->cols);
  if (rows->source == NULL && count > 0 && overlap(rows->x, out))
    luaL_error(L, "option 'out': shares numbers with X");
  return out;
}

/* The memory of a pass, left by an earlier one where it is large enough; pushes it. */
static void place(lua_State *L, const lsq_network *net, const lsq_rows *rows, size_t threads,
                  lsq_forward_work *work) {
  lsq_arena arena = lsq_arena_measure();
  lsq_forward_place(work, &arena, net, rows, threads);
  const size_t bytes = lsq_size_add(arena.used, LSQ_ALIGNMENT);
  lua_getiuservalue(L, 1, WORKSPACE);
  if (lua_rawlen(L, -1) < bytes) {
    lua_pop(L, 1);
    lsq_lua_block(L, arena.used);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, WORKSPACE);
  }
  const uintptr_t start = (uintptr_t)lua_touserdata(L, -1);
  arena = lsq_arena_over((void *)((start + LSQ_ALIGNMENT - 1) / LSQ_ALIGNMENT * LSQ_ALIGNMENT));
  lsq_forward_place(work, &arena, net, rows, threads);
}

static lsq_status predict_many(lua_State *L, const lsq_network *net, const lsq_rows *rows,
                               const lsq_matrix *out, lsq_error *error) {
  lsq_forward_work work;
  place(L, net, rows, lsq_lua_threads(L), &work);
  const int before = lsq_lua_enter(L);
  const lsq_status status = lsq_forward(net, rows, net->depth, out, &work, error);
  lsq_threads_leave(before);
  lua_pop(L, 1);
  return status;
}

/* Leaves the prediction on top of the stack; returns how many results that is. */
static int predict_rows(lua_State *L, const lsq_network *net, const lsq_rows *rows) {
  lsq_error error;
  double buffers[2 * FEW];
  const lsq_matrix *out = take_out(L, net, rows);
  if (rows->source == NULL && lsq_size_multiply(rows->x->rows, lsq_network_widest(net)) <= FEW)
    lsq_forward_block(net, rows->x, net->depth, out, buffers, FEW);
  else if (predict_many(L, net, rows, out, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  return 1;
}

/* The numbers of the list at argument 2, over `memory` where they fit; otherwise pushes a block. */
static lsq_matrix read_list(lua_State *L, const lsq_network *net, double *memory) {
  const size_t inputs = lsq_network_inputs(net);
  double *row = inputs <= FEW ? memory : lsq_lua_block(L, inputs * sizeof *row);
  if (lua_rawlen(L, 2) != inputs)
    luaL_argerror(L, 2,
                  lua_pushfstring(L, "a list of %I numbers expected, the network's inputs, got %I",
                                  (LUAI_UACINT)inputs, (LUAI_UACINT)lua_rawlen(L, 2)));
  for (size_t j = 0; j < inputs; j++) {
    if (lua_rawgeti(L, 2, (lua_Integer)j + 1) != LUA_TNUMBER)
      luaL_argerror(L, 2,
                    lua_pushfstring(L, "a number expected at position %I, got %s",
                                    (LUAI_UACINT)(j + 1), luaL_typename(L, -1)));
    row[j] = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  return lsq_matrix_over(row, 1, inputs);
}

static int predict_list(lua_State *L, const lsq_network *net) {
  double memory[FEW];
  const lsq_matrix row = read_list(L, net, memory);
  const lsq_rows rows = lsq_rows_over(&row, NULL);
  return predict_rows(L, net, &rows);
}

/*** The output of the network as it is: logits where its loss is cross-entropy, the logarithm of
the mean where it is poisson. What is not finite in X shows in the rows concerned.

With `out`, and the table of options made once, a call makes nothing that the collector would have
to take: the memory that large predictions need is kept with the network.
@function network:predict
@tparam matrix|stream|{number,...} X rows x inputs, or a list of one row's numbers
@tparam[opt] table options
@tparam[opt] matrix options.out rows x outputs, which the prediction is written to; it may be a
view, but shares no numbers with X
@treturn[1] matrix rows x outputs (of a list 1 x outputs); `out` itself where it is given
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `no_file`: a stream that cannot be read any more
@raise when X has other columns than the network inputs, or `out` another shape
*/
int lsq_lua_network_predict(lua_State *L) {
  lsq_rows rows;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  lua_settop(L, OPTIONS);
  if (lua_istable(L, 2))
    return predict_list(L, net);
  lsq_lua_check_inputs(L, 2, net, &rows);
  return predict_rows(L, net, &rows);
}
