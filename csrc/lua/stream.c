/***
Samples that stay in a pair of .npy files. `lsqnet.anmin` takes one in place of X (and nil in
place of Y) and reads it in whole passes, never holding more than a block of it.
@classmod stream
*/
#include "lua/stream.h"

const lsq_npy_rows *lsq_lua_test_stream(lua_State *L, int index) {
  const lsq_npy_rows *rows = luaL_testudata(L, index, LSQ_STREAM_TYPE);
  if (rows != NULL && rows->descriptor[0] < 0)
    luaL_argerror(L, index, "the stream is closed");
  return rows;
}

static const lsq_npy_rows *check_stream(lua_State *L, int arg) {
  luaL_checkudata(L, arg, LSQ_STREAM_TYPE);
  return lsq_lua_test_stream(L, arg);
}

/*** Opens the samples in two .npy files of doubles, row by row. CSV files and iterators are
brought into that form by `lsqnet.data.spool`.
@function lsqnet.stream
@tparam string x_path of X, N x d
@tparam string y_path of Y, N x c
@treturn[1] stream with the fields `rows`, `inputs` and `outputs`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "no_file" or "bad_format"; also of files whose numbers of rows differ
*/
static int open_stream(lua_State *L) {
  const char *x_path = luaL_checkstring(L, 1), *y_path = luaL_checkstring(L, 2);
  lsq_npy_rows *rows = lua_newuserdatauv(L, sizeof *rows, 0);
  lsq_npy_rows_initialise(rows);
  luaL_setmetatable(L, LSQ_STREAM_TYPE);
  lsq_error error;
  if (lsq_npy_rows_open(rows, x_path, y_path, &error) == LSQ_OK)
    return 1;
  lsq_npy_rows_close(rows);
  return lsq_lua_failure(L, &error);
}

/*** Reads some rows.
@function stream:block
@tparam int first the first of them, from 1
@tparam int count how many
@treturn[1] matrix X count x d
@treturn[1] matrix Y count x c
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "no_file": a file has become shorter, or cannot be read
@raise when the rows are not all there, or the stream is closed
*/
static int block(lua_State *L) {
  const lsq_npy_rows *rows = check_stream(L, 1);
  const lua_Integer first = luaL_checkinteger(L, 2), count = luaL_checkinteger(L, 3);
  const lua_Integer all = (lua_Integer)rows->x.rows;
  luaL_argcheck(L, first >= 1 && first <= all + 1, 2, "not a row of the stream");
  luaL_argcheck(L, count >= 0 && count <= all - first + 1, 3, "more rows than the stream has");
  const lsq_matrix *x = lsq_lua_new_matrix(L, (size_t)count, rows->x.cols);
  const lsq_matrix *y = lsq_lua_new_matrix(L, (size_t)count, rows->y.cols);
  lsq_error error;
  if (rows->source.read(&rows->source, (size_t)first - 1, x, y, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  return 2;
}

/*** Closes both files; the stream cannot be used after that. The collector does it too.
@function stream:close
*/
static int close_stream(lua_State *L) {
  lsq_npy_rows_close(luaL_checkudata(L, 1, LSQ_STREAM_TYPE));
  return 0;
}

/* Fields first, then methods (upvalue 1). */
static int index(lua_State *L) {
  const lsq_npy_rows *rows = luaL_checkudata(L, 1, LSQ_STREAM_TYPE);
  static const char *const names[] = {"rows", "inputs", "outputs"};
  const size_t values[] = {rows->x.rows, rows->x.cols, rows->y.cols};
  lua_settop(L, 2);
  for (int k = 0; k < 3; k++) {
    lua_pushstring(L, names[k]);
    if (lua_rawequal(L, 2, -1)) {
      lua_pushinteger(L, (lua_Integer)values[k]);
      return 1;
    }
  }
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  return 1;
}

void lsq_lua_open_stream(lua_State *L) {
  static const luaL_Reg methods[] = {{"block", block}, {"close", close_stream}, {NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__gc", close_stream}, {"__close", close_stream}, {NULL, NULL}};
  luaL_newmetatable(L, LSQ_STREAM_TYPE);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_pushcclosure(L, index, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushcfunction(L, open_stream);
  lua_setfield(L, -2, "stream");
}
