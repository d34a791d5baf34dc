/* The reader of tables (io/table.h) as an object, for lua/lsqnet/table: it decides what the
   columns are, and this file does what has to be done to every row. */
#include <string.h>

#include "io/number.h"
#include "io/table.h"
#include "lua/file.h"

#define TEXT_TYPE "lsqnet.table_text"

enum { BLOCK = 1, WORDS, NAME, USER_VALUES = NAME };

typedef struct {
  lsq_table_text text;
  lsq_table_encoding encoding;
  bool carriage_returns; /* lines ended with CR alone */
} reader;

static reader *check_reader(lua_State *L) {
  return luaL_checkudata(L, 1, TEXT_TYPE);
}

/* The matrix at an argument: of one column unless `any`. */
static lsq_matrix *check_cells(lua_State *L, int arg, bool any) {
  lsq_matrix *m = lsq_lua_check_matrix(L, arg);
  luaL_argcheck(L, any || m->cols == 1, arg, "one column expected");
  return m;
}

static double *check_cell(lua_State *L, lsq_matrix *column) {
  lua_Integer row = luaL_checkinteger(L, 3);
  luaL_argcheck(L, row >= 1 && (lua_Unsigned)row <= column->rows, 3, "no such row");
  return lsq_matrix_row(column, (size_t)row - 1);
}

/* --- opening --- */

/* Pushes a block with the strings of the list at `index` one behind the other, and padding. */
static void *join(lua_State *L, int index, size_t *size) {
  size_t length, at = 0;
  lua_Integer count = (lua_Integer)lua_rawlen(L, index);
  *size = 0;
  for (lua_Integer k = 1; k <= count; k++) {
    luaL_argcheck(L, lua_rawgeti(L, index, k) == LUA_TSTRING, index, "a list of strings expected");
    lua_tolstring(L, -1, &length);
    *size += length;
    lua_pop(L, 1);
  }
  char *block = lsq_lua_block(L, lsq_size_add(*size, LSQ_FILE_PADDING));
  for (lua_Integer k = 1; k <= count; k++) {
    lua_rawgeti(L, index, k);
    const char *piece = lua_tolstring(L, -1, &length);
    memcpy(block + at, piece, length);
    at += length;
    lua_pop(L, 1);
  }
  memset(block + at, 0, LSQ_FILE_PADDING);
  return block;
}

/* Replaces the block on top of the stack by one in UTF-8, where it is not yet. */
static unsigned char *decode(lua_State *L, reader *r, unsigned char *block, size_t *size) {
  size_t converted;
  r->encoding = lsq_table_bytes_encoding(block, *size, &converted);
  if (r->encoding != LSQ_TABLE_UTF8) {
    unsigned char *other = lsq_lua_block(L, lsq_size_add(converted, LSQ_FILE_PADDING));
    lsq_table_bytes_convert(block, *size, r->encoding, other);
    lua_remove(L, -2);
    block = other;
    *size = converted;
  }
  r->carriage_returns = lsq_table_bytes_end_lines(block, *size);
  return block;
}

static char check_character(lua_State *L, int arg) {
  const char *text = luaL_optstring(L, arg, "");
  return text[0];
}

/* open(name, pieces or nil, separator or nil, comment or nil): the text of a file, or of the
   strings that are its content. */
static int open_text(lua_State *L) {
  lsq_error error;
  size_t size;
  lua_settop(L, 4);
  const char *name = lsq_lua_check_path(L, 1);
  char separator = check_character(L, 3), comment = check_character(L, 4);
  reader *r = lua_newuserdatauv(L, sizeof *r, USER_VALUES);
  *r = (reader){.text = {.block = ""}};
  luaL_setmetatable(L, TEXT_TYPE);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, 5, NAME);
  const void *raw =
      lua_istable(L, 2) ? join(L, 2, &size) : lsq_lua_read_file(L, name, &size, &error);
  if (raw == NULL)
    return lsq_lua_failure(L, &error);
  /* The block that was just made is ours to change. */
  unsigned char *block = decode(L, r, (unsigned char *)(uintptr_t)raw, &size);
  lua_setiuservalue(L, 5, BLOCK);
  if (lsq_table_open(&r->text, name, (const char *)block, size, separator, comment, &error) !=
      LSQ_OK)
    return lsq_lua_failure(L, &error);
  return 1;
}

static void set_character(lua_State *L, char c, const char *field) {
  if (c == '\0')
    return;
  lua_pushlstring(L, &c, 1);
  lua_setfield(L, -2, field);
}

/* text:info(): what was found out when it was opened. */
static int info(lua_State *L) {
  static const char *const encodings[] = {"UTF-8", "UTF-16", "UTF-16", "Latin-1"};
  const reader *r = check_reader(L);
  lua_createtable(L, 0, 8);
  lua_pushstring(L, encodings[r->encoding]);
  lua_setfield(L, -2, "encoding");
  set_character(L, r->text.csv.separator, "separator");
  set_character(L, r->text.csv.comment, "comment");
  lua_pushinteger(L, (lua_Integer)r->text.csv.columns);
  lua_setfield(L, -2, "columns");
  lua_pushboolean(L, r->carriage_returns);
  lua_setfield(L, -2, "carriage_returns");
  lua_pushboolean(L, r->text.separator_line);
  lua_setfield(L, -2, "separator_line");
  lua_pushboolean(L, r->text.short_first);
  lua_setfield(L, -2, "short_first");
  return 1;
}

/* --- reading --- */

/* Keeps the words and numbers for missing fields, the lists at 4 and 5, in the reader. */
static void set_missing(lua_State *L, reader *r) {
  size_t words = lua_rawlen(L, 4), numbers = lua_rawlen(L, 5);
  lua_createtable(L, (int)words + 1, 0);
  lsq_arena arena = lsq_arena_over(
      lsq_lua_block(L, words * sizeof(lsq_text) + numbers * sizeof(double) + 2 * LSQ_ALIGNMENT));
  lsq_text *word = lsq_arena_take(&arena, words, sizeof *word);
  double *number = lsq_arena_doubles(&arena, numbers);
  lua_rawseti(L, -2, (lua_Integer)words + 1);
  for (size_t i = 0; i < words; i++) {
    lua_rawgeti(L, 4, (lua_Integer)i + 1);
    word[i].bytes = luaL_checklstring(L, -1, &word[i].length);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  for (size_t i = 0; i < numbers; i++) {
    lua_rawgeti(L, 5, (lua_Integer)i + 1);
    number[i] = luaL_checknumber(L, -1);
    lua_pop(L, 1);
  }
  lua_setiuservalue(L, 1, WORDS);
  r->text.missing_words = word;
  r->text.missing_words_count = words;
  r->text.missing_numbers = number;
  r->text.missing_numbers_count = numbers;
}

/* text:read(decimal, thousands or nil, words, numbers): the cells, a matrix of all rows with the
   first line as its first, and how many rows of separators alone were left out. */
static int read_cells(lua_State *L) {
  lsq_error error;
  size_t rows, empty;
  lua_settop(L, 5);
  reader *r = check_reader(L);
  luaL_checktype(L, 4, LUA_TTABLE);
  luaL_checktype(L, 5, LUA_TTABLE);
  r->text.decimal = *luaL_checkstring(L, 2);
  r->text.thousands = check_character(L, 3);
  set_missing(L, r);
  const size_t columns = r->text.csv.columns;
  lsq_table_recent *recent = lsq_lua_block(L, lsq_size_multiply(columns, sizeof *recent));
  lsq_matrix *m = lsq_lua_new_matrix(L, lsq_csv_count_rows(&r->text.csv), columns);
  if (lsq_table_read(&r->text, recent, m, &rows, &empty, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  if (rows < m->rows)
    lsq_lua_push_view(L, lsq_matrix_rows(m, 0, rows), lua_gettop(L));
  lua_pushinteger(L, (lua_Integer)empty);
  return 2;
}

static void set_count(lua_State *L, size_t count, const char *field) {
  lua_pushinteger(L, (lua_Integer)count);
  lua_setfield(L, -2, field);
}

/* count(m): for each column how many cells are numbers, missing, texts, of wrong rows; and how
   many of the numbers are no integers. */
static int count(lua_State *L) {
  const lsq_matrix *m = check_cells(L, 1, true);
  lsq_table_counts *counts = lsq_lua_block(L, m->cols * sizeof *counts);
  lsq_table_count(m, counts);
  lua_createtable(L, (int)lsq_size_min(m->cols, 1 << 20), 0);
  for (size_t j = 0; j < m->cols; j++) {
    lua_createtable(L, 0, 5);
    set_count(L, counts[j].numbers, "numbers");
    set_count(L, counts[j].missing, "missing");
    set_count(L, counts[j].texts, "texts");
    set_count(L, counts[j].wrong, "wrong");
    set_count(L, counts[j].fractions, "fractions");
    lua_rawseti(L, -2, (lua_Integer)j + 1);
  }
  return 1;
}

static void push_text(lua_State *L, lsq_cell_text t) {
  luaL_Buffer buffer;
  if (!t.doubled) {
    lua_pushlstring(L, t.begin, (size_t)(t.end - t.begin));
    return;
  }
  luaL_buffinit(L, &buffer);
  for (int byte; (byte = lsq_cell_text_next(&t)) >= 0;)
    luaL_addchar(&buffer, (char)byte);
  luaL_pushresult(&buffer);
}

/* text:cell(column, row): a string or a number, or nil where it is missing; of wrong rows nil, the
   line, the number of fields, and what is wrong with quotes. */
static int cell(lua_State *L) {
  const reader *r = check_reader(L);
  const double *value = check_cell(L, check_cells(L, 2, false));
  const char *trouble;
  lsq_cell_kind kind = lsq_cell_kind_of(value);
  if (kind == LSQ_CELL_NUMBER)
    lua_pushnumber(L, *value);
  else if (kind == LSQ_CELL_TEXT)
    push_text(L, lsq_table_text_of(&r->text, value));
  else
    lua_pushnil(L);
  if (kind == LSQ_CELL_WRONG) {
    lua_pushinteger(L, (lua_Integer)lsq_table_line(&r->text, lsq_cell_offset(value)));
    lua_pushinteger(L, (lua_Integer)lsq_table_fields(&r->text, lsq_cell_offset(value), &trouble));
    lua_pushstring(L, trouble);
    return 4;
  }
  return 1;
}

/* text:line(row): the line of a row, the first line's row being 1. */
static int line(lua_State *L) {
  const reader *r = check_reader(L);
  lua_Integer row = luaL_checkinteger(L, 2);
  luaL_argcheck(L, row >= 1, 2, "no such row");
  lua_pushinteger(L, (lua_Integer)lsq_table_line_of_row(&r->text, (size_t)row - 1));
  return 1;
}

/* text:first_line(): its fields as they are written, and the line that it is on. */
static int first_line(lua_State *L) {
  const lsq_csv *csv = &check_reader(L)->text.csv;
  const char *cursor = csv->position;
  lua_newtable(L);
  for (size_t j = check_reader(L)->text.short_first; j < csv->columns; j++) {
    bool quoted;
    lsq_text name = lsq_csv_next_name(csv, &cursor, &quoted);
    bool doubled = quoted && memchr(name.bytes, '"', name.length) != NULL;
    push_text(L, (lsq_cell_text){name.bytes, name.bytes + name.length, doubled});
    lua_rawseti(L, -2, (lua_Integer)j + 1);
  }
  if (check_reader(L)->text.short_first) {
    lua_pushliteral(L, "");
    lua_rawseti(L, -2, 1);
  }
  lua_pushinteger(L, (lua_Integer)csv->line);
  return 2;
}

/* next(column, row, kind): the first row from `row` on that is a "text" or "wrong", or nil. */
static int next_cell(lua_State *L) {
  static const char *const kinds[] = {"number", "missing", "text", "wrong", NULL};
  const lsq_matrix *column = check_cells(L, 1, false);
  lua_Integer first = luaL_checkinteger(L, 2);
  lsq_cell_kind kind = (lsq_cell_kind)luaL_checkoption(L, 3, NULL, kinds);
  luaL_argcheck(L, first >= 1, 2, "no such row");
  for (size_t i = (size_t)first - 1; i < column->rows; i++)
    if (lsq_cell_kind_of(lsq_matrix_row(column, i)) == kind) {
      lua_pushinteger(L, (lua_Integer)i + 1);
      return 1;
    }
  lua_pushnil(L);
  return 1;
}

/* text:other_decimal(column): how many texts are numbers with the other decimal character. */
static int other_decimal(lua_State *L) {
  lsq_error error;
  lsq_number_locale locale;
  const reader *r = check_reader(L);
  const lsq_matrix *column = check_cells(L, 2, false);
  if (!lsq_number_enter(&locale, &error))
    return lsq_lua_failure(L, &error);
  size_t found = lsq_table_count_other_decimal(&r->text, column);
  lsq_number_leave(&locale);
  lua_pushinteger(L, (lua_Integer)found);
  return 1;
}

/* text:first_repeats(m): whether a text of the first row stands below itself again. */
static int first_repeats(lua_State *L) {
  const reader *r = check_reader(L);
  lua_pushboolean(L, lsq_table_first_repeats(&r->text, check_cells(L, 2, true)));
  return 1;
}

/* text:code(column, limit): the levels in the order of their bytes, the column's cells being
   codes from 1 from now on; nil where there are more than the limit, and nothing changes. */
static int code(lua_State *L) {
  lsq_error error;
  lsq_number_locale locale;
  lsq_table_levels levels;
  const reader *r = check_reader(L);
  const lsq_matrix *column = check_cells(L, 2, false);
  lua_Integer limit = luaL_checkinteger(L, 3);
  luaL_argcheck(L, limit >= 1 && limit < INT32_MAX, 3, "a limit from 1 to 2^31 - 2 expected");
  size_t most = lsq_size_max(lsq_size_min((size_t)limit, column->rows), 1);
  lsq_arena arena = lsq_arena_measure();
  lsq_table_levels_place(&levels, most, &arena);
  arena = lsq_arena_over(lsq_lua_block(L, arena.used));
  lsq_table_levels_place(&levels, most, &arena);
  if (!lsq_number_enter(&locale, &error))
    return lsq_lua_failure(L, &error);
  bool coded = lsq_table_code(&r->text, column, &levels);
  lsq_number_leave(&locale);
  if (!coded) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, (int)levels.count, 0);
  for (size_t i = 0; i < levels.count; i++) {
    push_text(L, lsq_table_level_text(&r->text, levels.level + levels.order[i]));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static const char *const formats[] = {"iso", "dmy", "mdy", "time", NULL};

/* text:dates(column): how many texts are dates, by format. */
static int dates(lua_State *L) {
  size_t fits[LSQ_DATE_FORMATS];
  const reader *r = check_reader(L);
  lsq_table_count_dates(&r->text, check_cells(L, 2, false), fits);
  lua_createtable(L, 0, LSQ_DATE_FORMATS);
  for (int i = 0; i < LSQ_DATE_FORMATS; i++)
    set_count(L, fits[i], formats[i]);
  return 1;
}

/* text:convert(column, format): texts to days since 1970-01-01, or to hours; what does not fit
   stays. */
static int convert(lua_State *L) {
  const reader *r = check_reader(L);
  const lsq_matrix *column = check_cells(L, 2, false);
  lsq_table_convert_dates(&r->text, column, (lsq_date_format)luaL_checkoption(L, 3, NULL, formats));
  return 0;
}

/* parse_date(string, format): days or hours, or nil. */
static int parse_date(lua_State *L) {
  size_t length;
  double value;
  const char *text = luaL_checklstring(L, 1, &length);
  lsq_date_format format = (lsq_date_format)luaL_checkoption(L, 2, NULL, formats);
  if (lsq_date_parse(text, text + length, format, &value))
    lua_pushnumber(L, value);
  else
    lua_pushnil(L);
  return 1;
}

/* save(path, pieces): the strings of a list as a file, by way of a temporary one. */
static int save(lua_State *L) {
  lsq_error error;
  const char *path = lsq_lua_check_path(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer pieces = (lua_Integer)lua_rawlen(L, 2);
  for (lua_Integer k = 1; k <= pieces; k++) {
    luaL_argcheck(L, lua_rawgeti(L, 2, k) == LUA_TSTRING, 2, "a list of strings expected");
    lua_pop(L, 1);
  }
  lsq_writer *writer = lsq_lua_new_writer(L);
  if (lsq_writer_open(writer, path, &error) != LSQ_OK)
    return lsq_lua_failure(L, &error);
  for (lua_Integer k = 1; k <= pieces; k++) {
    size_t length;
    lua_rawgeti(L, 2, k);
    const char *piece = lua_tolstring(L, -1, &length);
    lsq_writer_bytes(writer, piece, length);
    lua_pop(L, 1);
  }
  return lsq_lua_saved(L, lsq_writer_save(writer, &error), &error);
}

void lsq_lua_open_table(lua_State *L) {
  static const luaL_Reg methods[] = {{"info", info},
                                     {"read", read_cells},
                                     {"cell", cell},
                                     {"line", line},
                                     {"first_line", first_line},
                                     {"other_decimal", other_decimal},
                                     {"first_repeats", first_repeats},
                                     {"code", code},
                                     {"dates", dates},
                                     {"convert", convert},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", open_text}, {"count", count},
                                       {"next", next_cell}, {"parse_date", parse_date},
                                       {"save", save},      {NULL, NULL}};
  luaL_newmetatable(L, TEXT_TYPE);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "table");
}
