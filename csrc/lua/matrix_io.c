/*** The matrix's file formats.
@submodule matrix
*/
#include <stdint.h>
#include <string.h>

#include "io/csv.h"
#include "io/npy.h"
#include "io/pgm.h"
#include "lua/file.h"
#include "lua/matrix.h"

static const lsq_option read_csv_options[] = {
    {.name = "header",
     .type = LSQ_OPTION_VALUE,
     .text = "whether the first line holds names; nil: if a field of it is no number"},
    {.name = "separator",
     .type = LSQ_OPTION_VALUE,
     .text = "one character between fields, default ','; ' ' is any run of blanks"},
    {.name = "columns",
     .type = LSQ_OPTION_VALUE,
     .text = "names or numbers of the columns to read, in this order; nil: all"},
    {.name = NULL}};

static const lsq_option write_csv_options[] = {
    {.name = "header", .type = LSQ_OPTION_VALUE, .text = "list of names for the first line"},
    {.name = "separator",
     .type = LSQ_OPTION_VALUE,
     .text = "one character between fields, default ','"},
    {.name = NULL}};

/* Raises for options unknown; each is a value that its own function below checks. */
static void check_options(lua_State *L, int index, const lsq_option *options) {
  char nothing;
  lsq_lua_read_options(L, index, options, &nothing, NULL, NULL);
}

static char check_separator(lua_State *L, int options) {
  size_t length;
  if (lsq_lua_option_value(L, options, "separator") == LUA_TNIL)
    return ',';
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "option 'separator': a string expected, got %s", luaL_typename(L, -1));
  const char *text = lua_tolstring(L, -1, &length);
  if (length != 1)
    luaL_error(L, "option 'separator': one character expected, got '%s'", text);
  if (!lsq_csv_is_separator(text[0]))
    luaL_error(L, "option 'separator': '%s' may be part of a number or a quoted field", text);
  return text[0];
}

static lsq_csv_header check_header(lua_State *L, int options) {
  int type = lsq_lua_option_value(L, options, "header");
  if (type == LUA_TNIL)
    return LSQ_CSV_DECIDE;
  if (type != LUA_TBOOLEAN)
    luaL_error(L, "option 'header': true, false or nil expected, got %s", luaL_typename(L, -1));
  return lua_toboolean(L, -1) ? LSQ_CSV_HEADER : LSQ_CSV_NO_HEADER;
}

/* Pushes the list of columns, or nil. */
static void check_columns(lua_State *L, int options) {
  int type = lsq_lua_option_value(L, options, "columns");
  if (type == LUA_TNIL)
    return;
  if (type != LUA_TTABLE)
    luaL_error(L, "option 'columns': a list of names or numbers expected, got %s",
               luaL_typename(L, -1));
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  if (count == 0)
    luaL_error(L, "option 'columns': the list is empty");
  for (lua_Integer k = 1; k <= count; k++) {
    int whole = lua_rawgeti(L, -1, k) == LUA_TSTRING;
    if (!whole && lua_type(L, -1) != LUA_TNUMBER)
      luaL_error(L, "option 'columns': entry %I: a name or a number expected, got %s", k,
                 luaL_typename(L, -1));
    if (!whole && (lua_tointegerx(L, -1, &whole) < 1 || !whole))
      luaL_error(L, "option 'columns': entry %I: columns are numbered from 1, got %s", k,
                 lsq_lua_number(L, lua_tonumber(L, -1)));
    lua_pop(L, 1);
  }
}

/* Pushes the list of the header's names, or nil without a header. */
static void push_names(lua_State *L, const lsq_csv *csv) {
  const char *cursor = csv->header;
  if (csv->header == NULL) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, 0, 0);
  for (size_t j = 0; j < csv->columns; j++) {
    bool quoted;
    lsq_text name = lsq_csv_next_name(csv, &cursor, &quoted);
    if (quoted) {
      luaL_Buffer buffer;
      size_t length = lsq_csv_unquote(name, luaL_buffinitsize(L, &buffer, name.length));
      luaL_pushresultsize(&buffer, length);
    } else
      lua_pushlstring(L, name.bytes, name.length);
    lua_rawseti(L, -2, (lua_Integer)j + 1);
  }
}

/* How many columns bear the name on top of the stack; *column gets the first, from 0. */
static size_t count_named(lua_State *L, int names, size_t columns, size_t *column) {
  size_t count = 0;
  for (size_t j = columns; j-- > 0;) {
    lua_rawgeti(L, names, (lua_Integer)j + 1);
    if (lua_rawequal(L, -1, -2)) {
      *column = j;
      count++;
    }
    lua_pop(L, 1);
  }
  return count;
}

/* The name on top of the stack is none of the header's. */
static lsq_status unknown_name(lua_State *L, const lsq_csv *csv, int names, lsq_error *error) {
  const char *wanted = lua_tostring(L, -1);
  char hint[96];
  const char **known = lsq_lua_block(L, csv->columns * sizeof *known);
  for (size_t j = 0; j < csv->columns; j++) {
    lua_rawgeti(L, names, (lua_Integer)j + 1);
    known[j] = lua_tostring(L, -1); /* which the table keeps */
    lua_pop(L, 1);
  }
  lsq_lua_suggest(wanted, known, csv->columns, hint, sizeof hint);
  return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: no column is named '%.100s'%s", csv->path, wanted,
                  hint);
}

/* The file's column (from 0) that the entry on top of the stack means. */
static lsq_status find_column(lua_State *L, const lsq_csv *csv, int names, size_t *column,
                              lsq_error *error) {
  if (lua_type(L, -1) == LUA_TNUMBER) {
    lua_Integer number = lua_tointeger(L, -1);
    if ((lua_Unsigned)number > csv->columns)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: column %lld wanted, the file has %zu",
                      csv->path, (long long)number, csv->columns);
    *column = (size_t)number - 1;
    return LSQ_OK;
  }
  const char *name = lua_tostring(L, -1);
  if (csv->header == NULL)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: column '%.100s' wanted, but there is no header",
                    csv->path, name);
  size_t count = count_named(L, names, csv->columns, column);
  if (count > 1)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %zu columns are named '%.100s'", csv->path,
                    count, name);
  return count == 1 ? LSQ_OK : unknown_name(L, csv, names, error);
}

/* Pushes a block that says for each column of the file where it goes, and the list of the
   chosen names (or nil). `columns` and `names` are stack indices. NULL on failure. */
static size_t *choose_columns(lua_State *L, const lsq_csv *csv, int columns, int names,
                              lsq_error *error) {
  size_t *target = lsq_lua_block(L, csv->columns * sizeof *target);
  lua_Integer count = (lua_Integer)lua_rawlen(L, columns);
  for (size_t j = 0; j < csv->columns; j++)
    target[j] = SIZE_MAX;
  if (csv->header != NULL)
    lua_newtable(L);
  else
    lua_pushnil(L);
  int chosen = lua_gettop(L);
  for (lua_Integer k = 1; k <= count; k++) {
    size_t column = 0;
    lua_rawgeti(L, columns, k);
    if (find_column(L, csv, names, &column, error) != LSQ_OK)
      return NULL;
    if (target[column] != SIZE_MAX)
      luaL_error(L, "option 'columns': entry %I is column %I again", k, (lua_Integer)column + 1);
    target[column] = (size_t)k - 1;
    if (csv->header != NULL) {
      lua_rawgeti(L, names, (lua_Integer)column + 1);
      lua_rawseti(L, chosen, k);
    }
    lua_pop(L, 1);
  }
  return target;
}

/*** Reads a matrix from delimited text (CSV).

Numbers are read exactly, whatever the locale: decimal, with an optional exponent; `nan`, `inf`
and `infinity` in any case are read as they are, and what exceeds the largest double becomes
infinite. Fields may have blanks around them or stand in double quotes. Lines may end with CR
LF; blank lines are skipped, also in a file of one column; a UTF-8 byte order mark is skipped.
Every row must have as many fields as the first line. A file of nothing but a header gives a
matrix of 0 rows.
@function lsqnet.matrix.read_csv
@tparam string path
@tparam[opt] table options `header`: whether the first line holds names (default: if one of its
fields is neither a number nor empty); `separator`: one character, default `","`, where `" "`
means any run of blanks and tabs; `columns`: a list of names or 1-based numbers: only these
columns are read, in this order, and the others may hold anything
@treturn[1] matrix rows x columns
@treturn[1] table names of the columns, or nil without a header
@treturn[2] nil
@treturn[2] string message, with the line and the column of what cannot be read, such as
`data.csv:17: column 3: 'abc' is not a number`
@treturn[2] string `"no_file"`, `"bad_format"` or `"too_large"`
@raise for an unknown option or an option of the wrong type
*/
static int read_csv(lua_State *L) {
  lsq_error error;
  lsq_csv csv;
  size_t size, *target = NULL;
  lua_settop(L, 2);
  const char *path = lsq_lua_check_path(L, 1);
  check_options(L, 2, read_csv_options);
  char separator = check_separator(L, 2);
  lsq_csv_header header = check_header(L, 2);
  check_columns(L, 2);
  int columns = lua_gettop(L);
  const char *text = lsq_lua_read_file(L, path, &size, &error);
  if (text == NULL || lsq_csv_begin(&csv, path, text, size, separator, header, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  push_names(L, &csv);
  size_t cols = csv.columns;
  if (!lua_isnil(L, columns)) {
    target = choose_columns(L, &csv, columns, lua_gettop(L), &error);
    if (target == NULL)
      return lsq_lua_failure(L, &error);
    cols = lua_rawlen(L, columns);
  }
  lsq_matrix *m = lsq_lua_new_matrix(L, lsq_csv_count_rows(&csv), cols);
  if (lsq_csv_read(&csv, target, m, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lua_insert(L, -2);
  return 2;
}

/*** Reads a matrix from a NumPy file (.npy, versions 1.0 to 3.0) of floating-point numbers of 4
or 8 bytes, integers or booleans, in either byte order, row by row or column by column. An array
of one axis becomes a column, one of none 1 x 1. Integers beyond 2^53 are rounded.
@function lsqnet.matrix.read_npy
@tparam string path
@treturn[1] matrix
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"no_file"`, `"bad_format"` (also for other types and more axes) or
`"too_large"`
*/
static int read_npy(lua_State *L) {
  lsq_error error;
  lsq_npy npy;
  size_t size;
  const char *path = lsq_lua_check_path(L, 1);
  const void *block = lsq_lua_read_file(L, path, &size, &error);
  if (block == NULL || lsq_npy_open(&npy, path, block, size, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_npy_read(&npy, lsq_lua_new_matrix(L, npy.rows, npy.cols));
  return 1;
}

/*** Reads a grey image (PGM, binary P5 or plain P2) as a matrix, one element a pixel.
@function lsqnet.matrix.read_pgm
@tparam string path
@treturn[1] matrix height x width; values as they stand in the file, from 0 (black) to the
file's largest value (white), mostly 255
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"no_file"`, `"bad_format"` or `"too_large"`
*/
static int read_pgm(lua_State *L) {
  lsq_error error;
  lsq_pgm pgm;
  size_t size;
  const char *path = lsq_lua_check_path(L, 1);
  const char *block = lsq_lua_read_file(L, path, &size, &error);
  if (block == NULL || lsq_pgm_open(&pgm, path, block, size, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  lsq_matrix *m = lsq_lua_new_matrix(L, pgm.rows, pgm.cols);
  return lsq_pgm_read(&pgm, m, &error) == LSQ_OK ? 1 : lsq_lua_failure(L, &error);
}

/* Pushes a block with the names of the option `header`; NULL without one. The strings stay
   alive in the list, which is pushed before. */
static const lsq_text *check_names(lua_State *L, int options, size_t cols) {
  int type = lsq_lua_option_value(L, options, "header");
  if (type == LUA_TNIL)
    return NULL;
  if (type != LUA_TTABLE)
    luaL_error(L, "option 'header': a list of names expected, got %s", luaL_typename(L, -1));
  int list = lua_gettop(L);
  if (lua_rawlen(L, list) != cols)
    luaL_error(L, "option 'header': %I names expected, got %I", (lua_Integer)cols,
               (lua_Integer)lua_rawlen(L, list));
  lsq_text *names = lsq_lua_block(L, cols * sizeof *names);
  for (size_t j = 0; j < cols; j++) {
    if (lua_rawgeti(L, list, (lua_Integer)j + 1) != LUA_TSTRING)
      luaL_error(L, "option 'header': entry %I: a string expected, got %s", (lua_Integer)j + 1,
                 luaL_typename(L, -1));
    names[j].bytes = lua_tolstring(L, -1, &names[j].length);
    lua_pop(L, 1);
    if (memchr(names[j].bytes, '\0', names[j].length) != NULL)
      luaL_error(L, "option 'header': entry %I contains a zero byte", (lua_Integer)j + 1);
  }
  return names;
}

/*** Writes the matrix as delimited text (CSV), each number with the fewest of 15, 16, 17
digits that read back equal, the decimal point whatever the locale. The file is written beside
its place and renamed: a failed save leaves an old file as it was.
@function matrix:write_csv
@tparam string path
@tparam[opt] table options `header`: list of names, one a column, for the first line (default:
none); `separator`: one character, default `","`
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"no_write"`
@raise for an unknown option or an option of the wrong type
*/
static int write_csv(lua_State *L) {
  lsq_error error;
  lua_settop(L, 3);
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const char *path = lsq_lua_check_path(L, 2);
  check_options(L, 3, write_csv_options);
  char separator = check_separator(L, 3);
  const lsq_text *names = check_names(L, 3, m->cols);
  lsq_writer *writer = lsq_lua_new_writer(L);
  return lsq_lua_saved(L, lsq_csv_write(writer, path, m, names, separator, &error), &error);
}

/*** Writes the matrix as a NumPy file (.npy version 1.0, float64, row by row). The file is
written beside its place and renamed: a failed save leaves an old file as it was.
@function matrix:write_npy
@tparam string path
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"no_write"`
*/
static int write_npy(lua_State *L) {
  lsq_error error;
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const char *path = lsq_lua_check_path(L, 2);
  lsq_writer *writer = lsq_lua_new_writer(L);
  return lsq_lua_saved(L, lsq_npy_write(writer, path, m, &error), &error);
}

/*** Writes the matrix as a grey image (binary PGM, largest value 255), one pixel an element,
rounded to the nearest integer. The file is written beside its place and renamed: a failed save
leaves an old file as it was.
@function matrix:write_pgm
@tparam string path
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"no_write"`, or `"bad_format"` for a matrix without elements or with one
that does not round to 0..255; the message names its row and column
*/
static int write_pgm(lua_State *L) {
  lsq_error error;
  const lsq_matrix *m = lsq_lua_check_matrix(L, 1);
  const char *path = lsq_lua_check_path(L, 2);
  lsq_writer *writer = lsq_lua_new_writer(L);
  return lsq_lua_saved(L, lsq_pgm_write(writer, path, m, &error), &error);
}

void lsq_lua_open_matrix_io(lua_State *L) {
  static const luaL_Reg readers[] = {
      {"read_csv", read_csv}, {"read_npy", read_npy}, {"read_pgm", read_pgm}, {NULL, NULL}};
  static const luaL_Reg writers[] = {
      {"write_csv", write_csv}, {"write_npy", write_npy}, {"write_pgm", write_pgm}, {NULL, NULL}};
  lua_getfield(L, -1, "matrix");
  luaL_setfuncs(L, readers, 0);
  lua_pop(L, 1);
  lsq_lua_push_matrix_methods(L);
  luaL_setfuncs(L, writers, 0);
  lua_pop(L, 1);
}
