/* Tables as people have them: columns of numbers, texts and dates, with gaps. The reader works
   on a block of UTF-8 that ends with LSQ_FILE_PADDING zero bytes, in these steps, between which
   the caller finds the memory and decides what the columns are:

     lsq_table_bytes_*   what the bytes are, as UTF-8 with line ends of LF or CR LF
     lsq_table_open      where the lines begin, by what fields are separated, how many there are
     lsq_table_read      one pass to a matrix of cells (table_cell.h)
     lsq_table_count     what the cells of each column are
     lsq_table_code, lsq_table_convert_dates   texts to numbers, in place */
#ifndef LSQ_IO_TABLE_H
#define LSQ_IO_TABLE_H

#include "base/arena.h"
#include "io/csv.h"
#include "io/number.h"
#include "io/table_cell.h"

typedef enum {
  LSQ_TABLE_UTF8,
  LSQ_TABLE_UTF16_LITTLE,
  LSQ_TABLE_UTF16_BIG,
  LSQ_TABLE_LATIN1
} lsq_table_encoding;

/* What the bytes are: UTF-16 by its byte order mark, UTF-8 where it is in order, else Latin-1.
 *size_as_utf8 is what lsq_table_bytes_convert needs, without the padding. */
lsq_table_encoding lsq_table_bytes_encoding(const unsigned char *block, size_t size,
                                            size_t *size_as_utf8);

/* To UTF-8, into another block; sets the padding. A half of a surrogate pair alone becomes
   U+FFFD. */
void lsq_table_bytes_convert(const unsigned char *block, size_t size, lsq_table_encoding encoding,
                             unsigned char *out);

/* Where a block has CR alone and no LF, each CR becomes LF; returns whether it did. */
bool lsq_table_bytes_end_lines(unsigned char *block, size_t size);

typedef struct {
  lsq_csv csv;                   /* at the first line of the table */
  const char *block;             /* where offsets count from */
  bool separator_line;           /* whether a line `sep=;` came first */
  bool short_first;              /* the first line has one field less than the others: row names */
  char decimal;                  /* '.' or ',' */
  char thousands;                /* '\0': none */
  const lsq_text *missing_words; /* beside the empty field */
  size_t missing_words_count;
  const double *missing_numbers;
  size_t missing_numbers_count;
} lsq_table_text;

/* Finds the first line, the separator ('\0': sniffs it), the comment character ('\0': '#' where
   the first line begins with it) and the number of columns. LSQ_BAD_FORMAT. */
lsq_status lsq_table_open(lsq_table_text *text, const char *path, const char *block, size_t size,
                          char separator, char comment, lsq_error *error);

/* The separator that gives the same number of fields, above 1, in most of the first lines. */
char lsq_table_sniff_separator(const lsq_csv *csv);

/* Sets csv.columns: the most frequent number of fields in the first lines, or that of the first
   one without its empty fields at the end, whichever is more; and short_first. */
void lsq_table_sniff_columns(lsq_table_text *text);

/* Texts that stood lately in a column, by their first bytes: workspace of lsq_table_read, one a
   column. */
enum { LSQ_TABLE_RECENT_BITS = 6 };
typedef struct {
  uint64_t head[1 << LSQ_TABLE_RECENT_BITS];
  double cell[1 << LSQ_TABLE_RECENT_BITS];
} lsq_table_recent;

/* Fills m, of as many rows as lsq_csv_count_rows gives, with the cells, the first line in row 0;
   *rows gets how many rows there are without those of separators alone, *empty how many of
   these. LSQ_BAD_FORMAT where a quote is never closed. */
lsq_status lsq_table_read(const lsq_table_text *text, lsq_table_recent *recent, const lsq_matrix *m,
                          size_t *rows, size_t *empty, lsq_error *error);

/* The line of a row of m, both the first line's being the first. */
size_t lsq_table_line_of_row(const lsq_table_text *text, size_t row);

/* Whether the bytes between begin and end are a number, by the decimal and thousands characters. */
bool lsq_table_number(const lsq_table_text *text, const char *begin, const char *end,
                      double *value);

/* The text of a cell, without blanks and quotes around it; where `doubled` quotes within it
   stand twice. */
typedef struct {
  const char *begin, *end;
  bool doubled;
} lsq_cell_text;

lsq_cell_text lsq_table_text_of(const lsq_table_text *text, const double *cell);

/* Byte after byte, of doubled quotes one: -1 at the end. */
static inline int lsq_cell_text_next(lsq_cell_text *t) {
  if (t->begin >= t->end)
    return -1;
  unsigned char byte = (unsigned char)*t->begin++;
  if (byte == '"' && t->doubled && t->begin < t->end && *t->begin == '"')
    t->begin++;
  return byte;
}

/* The line that an offset is on, from 1. That of a text may be another one of the same text. */
size_t lsq_table_line(const lsq_table_text *text, size_t offset);

/* What is wrong with the row at an offset: its number of fields, or *trouble with its quotes. */
size_t lsq_table_fields(const lsq_table_text *text, size_t offset, const char **trouble);

typedef struct {
  size_t numbers, missing, texts, wrong;
  size_t fractions; /* numbers that are no integers */
} lsq_table_counts;

void lsq_table_count(const lsq_matrix *m, lsq_table_counts *counts); /* m->cols of them */

/* Texts of a column that are numbers with the other decimal character. Needs lsq_number_enter. */
size_t lsq_table_count_other_decimal(const lsq_table_text *text, const lsq_matrix *column);

/* Whether a text of row 0 stands below itself again, in any column. */
bool lsq_table_first_repeats(const lsq_table_text *text, const lsq_matrix *m);

/* --- levels (table_levels.c) --- */

/* A level while its column is coded: its text, or that of a number. */
typedef struct {
  double cell;
  char number[LSQ_NUMBER_SIZE]; /* "" where the cell is a text */
} lsq_table_level;

/* Workspace for the levels of a column, at most `limit`, below 2^31. */
typedef struct {
  lsq_table_level *level; /* in the order of their appearance */
  uint32_t *order;        /* of the levels, by their bytes */
  uint32_t *spare;
  uint32_t *slots; /* an open hash table of codes from 1, 0 for none */
  uint64_t *known; /* cells whose codes were found lately, and these codes */
  uint32_t *known_code;
  size_t count, limit, mask;
} lsq_table_levels;

void lsq_table_levels_place(lsq_table_levels *levels, size_t limit, lsq_arena *arena);

/* Replaces the cells of a column by codes from 1 of its levels, in the order of their bytes;
   missing ones stay. False, and the column is as before, where there are more than the limit.
   Needs lsq_number_enter. */
bool lsq_table_code(const lsq_table_text *text, const lsq_matrix *column, lsq_table_levels *levels);

lsq_cell_text lsq_table_level_text(const lsq_table_text *text, const lsq_table_level *level);

/* --- dates (table_date.c) --- */

typedef enum {
  LSQ_DATE_ISO,
  LSQ_DATE_DMY,
  LSQ_DATE_MDY,
  LSQ_DATE_TIME, /* of day */
  LSQ_DATE_FORMATS
} lsq_date_format;

/* Days since 1970-01-01, of LSQ_DATE_TIME hours since midnight; value may be NULL. */
bool lsq_date_parse(const char *begin, const char *end, lsq_date_format format, double *value);

/* How many texts of a column each format fits; of one that none of the first hundred fits, none. */
void lsq_table_count_dates(const lsq_table_text *text, const lsq_matrix *column,
                           size_t fits[LSQ_DATE_FORMATS]);

/* Replaces the texts of a column by their values; those that do not fit stay. */
void lsq_table_convert_dates(const lsq_table_text *text, const lsq_matrix *column,
                             lsq_date_format format);

#endif
