/*** Saving and loading networks.
@submodule network
*/
#include "io/safetensors.h"
#include "lua/file.h"
#include "lua/network.h"

/* User value 1 of a network is nil or a table of the metadata in its file that are not our own,
   key to value, which the next save writes back. */

static void push_decoded(lua_State *L, lsq_text string) {
  luaL_Buffer buffer;
  size_t length = lsq_json_decode(string, luaL_buffinitsize(L, &buffer, string.length));
  luaL_pushresultsize(&buffer, length);
}

/* Pushes the table of the metadata that are not our own. */
static lsq_status push_extra(lua_State *L, const lsq_stored_network *stored, lsq_error *error) {
  lsq_json json;
  lsq_text key, value;
  lua_newtable(L);
  lsq_json_begin(&json, stored->metadata);
  lsq_json_open(&json, '{');
  while (lsq_stored_next_extra(&json, &key, &value)) {
    push_decoded(L, key);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: metadata '%.60s' appears twice", stored->path,
                      lua_tostring(L, -2));
    lua_pop(L, 1);
    push_decoded(L, value);
    lua_rawset(L, -3);
  }
  return LSQ_OK;
}

/* Pushes a block with the pairs of the table at `index`, which keeps their strings; NULL when
   there are none. */
static lsq_metadata *list_extra(lua_State *L, int index, size_t *count) {
  *count = 0;
  if (!lua_istable(L, index))
    return NULL;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
    ++*count;
  lsq_metadata *extra = lsq_lua_block(L, *count * sizeof *extra), *pair = extra;
  for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1), pair++) {
    pair->key.bytes = lua_tolstring(L, -2, &pair->key.length);
    pair->value.bytes = lua_tolstring(L, -1, &pair->value.length);
  }
  return extra;
}

/*** Saves the network as a safetensors file, which Python's `safetensors` reads too: tensors
`layers.K.weight` (inputs x outputs) and `layers.K.bias`, K from 1, and `skip.weight` of direct
connections, of type F64; the metadata say
`format` ("lsqnet"), `format_version` ("1"), `layers` ("7,64,1"), `activation`, `alpha`,
`output_activation`, `loss` and, where the loss has a parameter, `loss_parameter`. Other metadata of
the file that the net was loaded from are kept. Weights are saved bit for bit, also those that are
not finite. The file is written beside its place and renamed: a failed save leaves an old file as it
was.
@function network:save
@tparam string path
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"no_write"`
*/
static int save(lua_State *L) {
  lsq_error error;
  size_t count;
  const lsq_network *net = lsq_lua_check_network(L, 1);
  const char *path = lsq_lua_check_path(L, 2);
  lua_settop(L, 2);
  lua_getiuservalue(L, 1, 1);
  lsq_metadata *extra = list_extra(L, 3, &count);
  lsq_writer *writer = lsq_lua_new_writer(L);
  lsq_status status = lsq_safetensors_write(writer, path, net, extra, count, &error);
  return lsq_lua_saved(L, status, &error);
}

/*** Loads a network that `network:save` wrote. Nothing in the file is executed, and every length
in it is checked before memory is taken. Tensors of type F32 are read as well.
@function lsqnet.load
@tparam string path
@treturn[1] network
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"no_file"`, `"bad_format"` (also for a later format version and for an
activation or a loss that is not known) or `"too_large"`
*/
static int load(lua_State *L) {
  lsq_error error;
  lsq_stored_network stored;
  size_t size;
  const char *path = lsq_lua_check_path(L, 1);
  const void *block = lsq_lua_read_file(L, path, &size, &error);
  if (block == NULL || lsq_stored_open(&stored, path, block, size, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_arena arena = lsq_arena_measure();
  lsq_stored_place(&stored, &arena);
  arena = lsq_arena_over(lsq_lua_block(L, arena.used));
  lsq_stored_place(&stored, &arena);
  if (lsq_stored_check(&stored, &error) != LSQ_OK || push_extra(L, &stored, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_network *net = lsq_lua_new_network(L, stored.depth, stored.widths, stored.bias, stored.skip);
  lsq_stored_read(&stored, net);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

void lsq_lua_open_network_io(lua_State *L) {
  static const luaL_Reg methods[] = {{"save", save}, {NULL, NULL}};
  lsq_lua_push_network_methods(L);
  luaL_setfuncs(L, methods, 0);
  lua_pop(L, 1);
  lua_pushcfunction(L, load);
  lua_setfield(L, -2, "load");
}
