/* Options tables: read by their declaration, and shown to Lua by it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lua/support.h"

enum { LONGEST_NAME = 48, MOST_NAMES = 64 };

/* Optimal string alignment distance: insertions, deletions, replacements and swaps. */
static size_t distance(const char *a, const char *b) {
  size_t rows[3][LONGEST_NAME + 1];
  size_t n = strlen(a), m = strlen(b);
  if (n > LONGEST_NAME || m > LONGEST_NAME)
    return SIZE_MAX;
  for (size_t j = 0; j <= m; j++)
    rows[0][j] = j;
  for (size_t i = 1; i <= n; i++) {
    size_t *above = rows[(i - 1) % 3], *here = rows[i % 3];
    here[0] = i;
    for (size_t j = 1; j <= m; j++) {
      here[j] = lsq_size_min(above[j - 1] + (a[i - 1] != b[j - 1]),
                             lsq_size_min(above[j], here[j - 1]) + 1);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        here[j] = lsq_size_min(here[j], rows[(i - 2) % 3][j - 2] + 1);
    }
  }
  return rows[n % 3][m];
}

void lsq_lua_suggest(const char *word, const char *const *names, size_t count, char *message,
                     size_t size) {
  size_t best = lsq_size_max(1, strlen(word) / 3) + 1, nearest = count;
  for (size_t k = 0; k < count; k++) {
    size_t d = distance(word, names[k]);
    if (d < best) {
      best = d;
      nearest = k;
    }
  }
  if (nearest == count)
    message[0] = '\0';
  else
    snprintf(message, size, " (did you mean '%s'?)", names[nearest]);
}

static void store_number(const lsq_option *option, void *out, double value) {
  unsigned char *field = (unsigned char *)out + option->offset;
  switch (option->type) {
  case LSQ_OPTION_NUMBER:
    *(double *)(void *)field = value;
    break;
  case LSQ_OPTION_INTEGER:
    *(int64_t *)(void *)field = (int64_t)value;
    break;
  case LSQ_OPTION_BOOLEAN:
    *(bool *)(void *)field = value != 0;
    break;
  case LSQ_OPTION_CHOICE:
  case LSQ_OPTION_SWITCH:
    *(int *)(void *)field = (int)value;
    break;
  case LSQ_OPTION_VALUE:
    break;
  }
}

static void set_defaults(const lsq_option *options, void *out) {
  for (const lsq_option *o = options; o != NULL && o->name != NULL; o++)
    store_number(o, out, o->standard);
}

static int unknown_option(lua_State *L, const char *name, const lsq_option *options,
                          const lsq_option *common) {
  const char *names[MOST_NAMES];
  size_t count = 0;
  for (const lsq_option *o = options; o != NULL && o->name != NULL && count < MOST_NAMES; o++)
    names[count++] = o->name;
  for (const lsq_option *o = common; o != NULL && o->name != NULL && count < MOST_NAMES; o++)
    names[count++] = o->name;
  char hint[LONGEST_NAME + 32];
  lsq_lua_suggest(name, names, count, hint, sizeof hint);
  return luaL_error(L, "unknown option '%s'%s", name, hint);
}

static int wrong_type(lua_State *L, const lsq_option *option, const char *expected) {
  return luaL_error(L, "option '%s': %s expected, got %s", option->name, expected,
                    luaL_typename(L, -1));
}

static void check_range(lua_State *L, const lsq_option *option, double value) {
  if (value >= option->minimum && value <= option->maximum)
    return;
  if (value < option->minimum)
    luaL_error(L, "option '%s': at least %s expected, got %s", option->name,
               lsq_lua_number(L, option->minimum), lsq_lua_number(L, value));
  if (value > option->maximum)
    luaL_error(L, "option '%s': at most %s expected, got %s", option->name,
               lsq_lua_number(L, option->maximum), lsq_lua_number(L, value));
  luaL_error(L, "option '%s': a number expected, got nan", option->name);
}

/* The number of the choice that is on top of the stack; `before` are values that an option takes
   beside its choices, for the message. */
static int choice_index(lua_State *L, const lsq_option *option, const char *before) {
  const char *given = lua_tostring(L, -1);
  luaL_Buffer known;
  int count = 0;
  for (; option->choices[count] != NULL; count++)
    if (strcmp(given, option->choices[count]) == 0)
      return count;
  char hint[LONGEST_NAME + 32];
  lsq_lua_suggest(given, option->choices, (size_t)count, hint, sizeof hint);
  luaL_buffinit(L, &known);
  luaL_addstring(&known, before);
  for (int k = 0; k < count; k++) {
    const bool first = k == 0 && *before == '\0';
    luaL_addstring(&known, first ? "'" : k + 1 == count ? " or '" : ", '");
    luaL_addstring(&known, option->choices[k]);
    luaL_addchar(&known, '\'');
  }
  luaL_pushresult(&known);
  return luaL_error(L, "option '%s': %s expected, got '%s'%s", option->name, lua_tostring(L, -1),
                    given, hint);
}

static int checked_choice(lua_State *L, const lsq_option *option) {
  if (lua_type(L, -1) != LUA_TSTRING)
    return wrong_type(L, option, "a string");
  return choice_index(L, option, "");
}

/* true, false or, where the option has them, a name. */
static int switch_index(lua_State *L, const lsq_option *option) {
  if (lua_isboolean(L, -1))
    return lua_toboolean(L, -1);
  if (option->choices == NULL)
    return wrong_type(L, option, "a boolean");
  if (lua_type(L, -1) == LUA_TSTRING)
    return 2 + choice_index(L, option, "true, false");
  return wrong_type(L, option, "a boolean or a string");
}

/* The value is on top of the stack. */
static void store_value(lua_State *L, const lsq_option *option, void *out) {
  int whole;
  switch (option->type) {
  case LSQ_OPTION_NUMBER:
    if (lua_type(L, -1) != LUA_TNUMBER)
      wrong_type(L, option, "a number");
    check_range(L, option, lua_tonumber(L, -1));
    store_number(option, out, lua_tonumber(L, -1));
    break;
  case LSQ_OPTION_INTEGER:
    if (option->choices != NULL && lua_type(L, -1) == LUA_TSTRING) {
      store_number(option, out, -1 - choice_index(L, option, "an integer"));
      break;
    }
    if (lua_type(L, -1) != LUA_TNUMBER)
      wrong_type(L, option, option->choices == NULL ? "an integer" : "an integer or a string");
    lua_Integer integer = lua_tointegerx(L, -1, &whole);
    if (!whole)
      luaL_error(L, "option '%s': an integer expected, got %s", option->name,
                 lsq_lua_number(L, lua_tonumber(L, -1)));
    check_range(L, option, (double)integer);
    *(int64_t *)(void *)((unsigned char *)out + option->offset) = integer;
    break;
  case LSQ_OPTION_BOOLEAN:
    if (!lua_isboolean(L, -1))
      wrong_type(L, option, "a boolean");
    store_number(option, out, lua_toboolean(L, -1));
    break;
  case LSQ_OPTION_CHOICE:
    store_number(option, out, checked_choice(L, option));
    break;
  case LSQ_OPTION_SWITCH:
    store_number(option, out, switch_index(L, option));
    break;
  case LSQ_OPTION_VALUE:
    break;
  }
}

void lsq_lua_read_options(lua_State *L, int index, const lsq_option *options, void *out,
                          const lsq_option *common, void *common_out) {
  set_defaults(options, out);
  set_defaults(common, common_out);
  if (lua_isnoneornil(L, index))
    return;
  index = lua_absindex(L, index);
  if (!lua_istable(L, index))
    luaL_argerror(
        L, index,
        lua_pushfstring(L, "a table of options expected, got %s", luaL_typename(L, index)));
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "options are named: a %s cannot be the name of one", luaL_typename(L, -2));
    const char *name = lua_tostring(L, -2);
    const lsq_option *own = lsq_option_find(options, name), *shared = lsq_option_find(common, name);
    if (own != NULL)
      store_value(L, own, out);
    else if (shared != NULL)
      store_value(L, shared, common_out);
    else
      unknown_option(L, name, options, common);
    lua_pop(L, 1);
  }
}

int lsq_lua_option_value(lua_State *L, int index, const char *name) {
  if (lua_isnoneornil(L, index)) {
    lua_pushnil(L);
    return LUA_TNIL;
  }
  index = lua_absindex(L, index);
  lua_pushstring(L, name);
  return lua_rawget(L, index);
}

static void push_default(lua_State *L, const lsq_option *option) {
  switch (option->type) {
  case LSQ_OPTION_NUMBER:
    if (isnan(option->standard)) /* decided elsewhere when it is not given */
      lua_pushnil(L);
    else
      lua_pushnumber(L, option->standard);
    break;
  case LSQ_OPTION_INTEGER:
    if (option->choices != NULL && option->standard < 0)
      lua_pushstring(L, option->choices[-1 - (int)option->standard]);
    else
      lua_pushinteger(L, (lua_Integer)option->standard);
    break;
  case LSQ_OPTION_BOOLEAN:
    lua_pushboolean(L, option->standard != 0);
    break;
  case LSQ_OPTION_CHOICE:
    if (option->standard < 0) /* decided elsewhere when it is not given */
      lua_pushnil(L);
    else
      lua_pushstring(L, option->choices[(int)option->standard]);
    break;
  case LSQ_OPTION_SWITCH:
    if (option->standard < 0)
      lua_pushnil(L);
    else if (option->standard < 2)
      lua_pushboolean(L, option->standard != 0);
    else
      lua_pushstring(L, option->choices[(int)option->standard - 2]);
    break;
  case LSQ_OPTION_VALUE:
    lua_pushnil(L);
    break;
  }
}

static void push_option(lua_State *L, const lsq_option *option) {
  static const char *const types[] = {
      [LSQ_OPTION_NUMBER] = "number",   [LSQ_OPTION_INTEGER] = "integer",
      [LSQ_OPTION_BOOLEAN] = "boolean", [LSQ_OPTION_CHOICE] = "choice",
      [LSQ_OPTION_SWITCH] = "boolean",  [LSQ_OPTION_VALUE] = "value"};
  lua_createtable(L, 0, 7);
  lua_pushstring(L, option->name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, types[option->type]);
  lua_setfield(L, -2, "type");
  lua_pushstring(L, option->text);
  lua_setfield(L, -2, "text");
  push_default(L, option);
  lua_setfield(L, -2, "default");
  if (option->type == LSQ_OPTION_NUMBER || option->type == LSQ_OPTION_INTEGER) {
    lua_pushnumber(L, option->minimum);
    lua_setfield(L, -2, "minimum");
    lua_pushnumber(L, option->maximum);
    lua_setfield(L, -2, "maximum");
  }
  if (option->choices != NULL) { /* of a boolean: the names it takes beside */
    lua_newtable(L);
    for (int k = 0; option->choices[k] != NULL; k++) {
      lua_pushstring(L, option->choices[k]);
      lua_rawseti(L, -2, k + 1);
    }
    lua_setfield(L, -2, "choices");
  }
}

void lsq_lua_push_options(lua_State *L, const lsq_option *options, const lsq_option *common) {
  lua_Integer count = 0;
  lua_newtable(L);
  for (const lsq_option *o = options; o != NULL && o->name != NULL; o++) {
    push_option(L, o);
    lua_rawseti(L, -2, ++count);
  }
  for (const lsq_option *o = common; o != NULL && o->name != NULL; o++) {
    push_option(L, o);
    lua_rawseti(L, -2, ++count);
  }
}
