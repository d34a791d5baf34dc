/*** Random numbers: xoshiro256\*\* (Blackman and Vigna, 2018), seeded by splitmix64. The same
seed gives the same uniforms and integers, bit for bit, on every machine; normals up to the
last bit of the C library's logarithm.
@classmod rng
*/
#include "base/random.h"

#include <stdio.h>
#include <string.h>

#include "lua/support.h"

static lsq_random *push_random(lua_State *L) {
  lsq_random *random = lua_newuserdatauv(L, sizeof *random, 0);
  luaL_setmetatable(L, LSQ_RANDOM_TYPE);
  return random;
}

/*** A generator. `lsqnet.rng(seed)`.
@function lsqnet.rng
@tparam[opt=1] int seed any integer
@treturn rng
*/
static int new_random(lua_State *L) {
  lua_Integer seed = luaL_optinteger(L, 2, 1); /* argument 1 is the callable table */
  lsq_random_seed(push_random(L), (uint64_t)seed);
  return 1;
}

/*** A uniform number.
@function rng:uniform
@tparam[opt=0] number a
@tparam[opt=1] number b
@treturn number in [a, b); a multiple of 2^-53 for the default range
*/
static int uniform(lua_State *L) {
  lsq_random *random = lsq_lua_check_random(L, 1);
  double a = luaL_optnumber(L, 2, 0), b = luaL_optnumber(L, 3, 1);
  luaL_argcheck(L, a <= b, 3, "an upper end not below the lower one expected");
  lua_pushnumber(L, a + (b - a) * lsq_random_uniform(random));
  return 1;
}

/*** A normal number, by Marsaglia's polar method.
@function rng:normal
@tparam[opt=0] number mean
@tparam[opt=1] number sd standard deviation, at least 0
@treturn number
*/
static int normal(lua_State *L) {
  lsq_random *random = lsq_lua_check_random(L, 1);
  double mean = luaL_optnumber(L, 2, 0), deviation = luaL_optnumber(L, 3, 1);
  luaL_argcheck(L, deviation >= 0, 3, "a standard deviation of at least 0 expected");
  lua_pushnumber(L, mean + deviation * lsq_random_normal(random));
  return 1;
}

/*** A uniform integer, without bias.
@function rng:integer
@tparam int n at least 1
@treturn int in 1..n
*/
static int integer(lua_State *L) {
  lsq_random *random = lsq_lua_check_random(L, 1);
  lua_Integer bound = luaL_checkinteger(L, 2);
  luaL_argcheck(L, bound >= 1, 2, "an integer of at least 1 expected");
  lua_pushinteger(L, 1 + (lua_Integer)lsq_random_below(random, (uint64_t)bound));
  return 1;
}

/*** A uniform random order of 1..n.
@function rng:permutation
@tparam int n at least 0
@treturn {int,...} a list of n integers
*/
static int permutation(lua_State *L) {
  lsq_random *random = lsq_lua_check_random(L, 1);
  lua_Integer count = luaL_checkinteger(L, 2);
  luaL_argcheck(L, count >= 0 && count <= INT32_MAX, 2, "a count from 0 to 2^31 - 1 expected");
  size_t *order = lsq_lua_block(L, (size_t)count * sizeof *order);
  lua_createtable(L, (int)count, 0);
  lsq_random_permutation(random, order, (size_t)count);
  for (lua_Integer i = 0; i < count; i++) {
    lua_pushinteger(L, (lua_Integer)order[i] + 1);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/*** An independent generator: its next 2^128 outputs are disjoint from this one's, which
jumps past them.
@function rng:split
@treturn rng
*/
static int split(lua_State *L) {
  lsq_random *random = lsq_lua_check_random(L, 1);
  lsq_random *child = push_random(L);
  *child = lsq_random_split(random);
  return 1;
}

enum { STATE_LENGTH = 5 * 17 + 1 }; /* five words of 16 digits, each followed by a blank; a flag */

/*** The whole state, to be given to `restore`.
@function rng:state
@treturn string
*/
static int state(lua_State *L) {
  const lsq_random *random = lsq_lua_check_random(L, 1);
  uint64_t spare;
  memcpy(&spare, &random->spare, sizeof spare);
  char text[STATE_LENGTH + 1];
  snprintf(text, sizeof text, "%016llx %016llx %016llx %016llx %016llx %d",
           (unsigned long long)random->word[0], (unsigned long long)random->word[1],
           (unsigned long long)random->word[2], (unsigned long long)random->word[3],
           (unsigned long long)spare, random->has_spare);
  lua_pushlstring(L, text, STATE_LENGTH);
  return 1;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_state(const char *text, size_t length, lsq_random *random) {
  if (length != STATE_LENGTH || (text[85] != '0' && text[85] != '1'))
    return false;
  uint64_t words[5] = {0, 0, 0, 0, 0};
  for (int k = 0; k < 5; k++) {
    for (int i = 17 * k; i < 17 * k + 16; i++) {
      int digit = hex_digit(text[i]);
      if (digit < 0)
        return false;
      words[k] = words[k] << 4 | (uint64_t)digit;
    }
    if (text[17 * k + 16] != ' ')
      return false;
  }
  if ((words[0] | words[1] | words[2] | words[3]) == 0) /* the one state that never moves */
    return false;
  memcpy(random->word, words, sizeof random->word);
  memcpy(&random->spare, &words[4], sizeof random->spare);
  random->has_spare = text[85] == '1';
  return true;
}

/*** Goes back to a state.
@function rng:restore
@tparam string s what `state` returned
@raise when s is no such string
*/
static int restore(lua_State *L) {
  lsq_random *random = lsq_lua_check_random(L, 1);
  size_t length;
  const char *text = luaL_checklstring(L, 2, &length);
  lsq_random restored;
  luaL_argcheck(L, read_state(text, length, &restored), 2,
                "a string that rng:state() returned expected");
  *random = restored;
  return 0;
}

static int to_string(lua_State *L) {
  lua_pushfstring(L, "lsqnet.rng: %p", (void *)lsq_lua_check_random(L, 1));
  return 1;
}

void lsq_lua_open_random(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"uniform", uniform}, {"normal", normal}, {"integer", integer}, {"permutation", permutation},
      {"split", split},     {"state", state},   {"restore", restore}, {NULL, NULL}};
  static const luaL_Reg meta[] = {{"__tostring", to_string}, {NULL, NULL}};
  static const luaL_Reg call[] = {{"__call", new_random}, {NULL, NULL}};
  luaL_newmetatable(L, LSQ_RANDOM_TYPE);
  luaL_setfuncs(L, meta, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_newtable(L);
  luaL_newlib(L, call);
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "rng");
}
