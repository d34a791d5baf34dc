#include <string.h>

#include "io/csv_field.h"
#include "io/number.h"
#include "io/table.h"

/* --- numbers --- */

enum { LONGEST_NUMBER = 120 }; /* of those that need a change before they can be parsed */

LSQ_INLINE bool is_digit(char c) {
  return (unsigned char)(c - '0') < 10;
}

/* Whether a thousands character at p stands between a digit and just three more. */
static bool separates_thousands(const char *begin, const char *p, const char *end) {
  return p > begin && is_digit(p[-1]) && end - p > 3 && is_digit(p[1]) && is_digit(p[2]) &&
         is_digit(p[3]) && !(end - p > 4 && is_digit(p[4]));
}

/* Parses a copy without thousands characters, and with a point for the decimal character. */
static bool parse_changed(const lsq_table_text *text, const char *begin, const char *end,
                          double *value) {
  char copy[LONGEST_NUMBER + LSQ_FILE_PADDING] = {0};
  size_t length = 0;
  bool fraction = false;
  if (end - begin > LONGEST_NUMBER)
    return false;
  for (const char *p = begin; p < end; p++) {
    if (*p == text->decimal) {
      fraction = true;
      copy[length++] = '.';
    } else if (*p == text->thousands && text->thousands != '\0') {
      if (fraction || !separates_thousands(begin, p, end))
        return false;
    } else if (*p == '.')
      return false;
    else
      copy[length++] = *p;
  }
  const char *last = lsq_number_parse(copy, value);
  return length > 0 && last == copy + length;
}

bool lsq_table_number(const lsq_table_text *text, const char *begin, const char *end,
                      double *value) {
  const char *last = lsq_number_parse(begin, value);
  if (last == end && begin < end &&
      (text->decimal == '.' || memchr(begin, '.', (size_t)(end - begin)) == NULL))
    return true;
  if (text->decimal == '.' && text->thousands == '\0')
    return false;
  return begin < end && parse_changed(text, begin, end, value);
}

/* --- cells --- */

/* A number, or missing where it is nan or listed as missing. */
LSQ_INLINE void put_number(const lsq_table_text *text, double value, double *cell) {
  *cell = value;
  bool missing = value != value;
  for (size_t i = 0; i < text->missing_numbers_count; i++)
    missing |= value == text->missing_numbers[i];
  if (missing)
    lsq_cell_put_missing(cell);
}

/* What a field may begin with: bytes that begin a number, and those of words for missing values. */
typedef struct {
  bool number[256], missing[256];
} first_bytes;

static void find_first_bytes(const lsq_table_text *text, first_bytes *first) {
  memset(first, 0, sizeof *first);
  for (const char *p = "0123456789+-.iInN"; *p != '\0'; p++)
    first->number[(unsigned char)*p] = true;
  first->number[(unsigned char)text->decimal] = true;
  for (size_t i = 0; i < text->missing_words_count; i++)
    if (text->missing_words[i].length > 0)
      first->missing[(unsigned char)text->missing_words[i].bytes[0]] = true;
}

static bool is_missing_word(const lsq_table_text *text, const char *begin, const char *end) {
  size_t length = (size_t)(end - begin);
  for (size_t i = 0; i < text->missing_words_count; i++)
    if (text->missing_words[i].length == length &&
        memcmp(text->missing_words[i].bytes, begin, length) == 0)
      return true;
  return length == 0;
}

static void trim(const char **begin, const char **end) {
  *begin = lsq_csv_skip_blanks(*begin, ',');
  while (*end > *begin && lsq_csv_is_blank((*end)[-1], ','))
    --*end;
}

/* --- recent texts --- */

/* The first eight bytes of a text, zeros behind its end. */
static uint64_t head_of(const char *begin, size_t length) {
  uint64_t word;
  memcpy(&word, begin, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return length >= sizeof word ? word : word & ((UINT64_C(1) << 8 * length) - 1);
#else
  return length >= sizeof word ? word : word >> 8 * (sizeof word - length);
#endif
}

/* Puts into a cell where the same text stood lately in the column, so that coding a column of few
   levels (table_levels.c) seldom has to look at the block again; false where it did not. The slot
   that the text has is told. */
LSQ_INLINE bool put_recent(const lsq_table_text *text, const lsq_csv_field *f, uint64_t head,
                           const lsq_table_recent *recent, size_t *slot, double *cell) {
  const size_t length = (size_t)(f->end - f->begin);
  *slot = (size_t)((head ^ length) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - LSQ_TABLE_RECENT_BITS));
  const double *kept = recent->cell + *slot;
  const bool quoted = (lsq_cell_bits(kept) & LSQ_CELL_QUOTED) != 0;
  if (recent->head[*slot] != head || lsq_cell_length(kept) != length || length == 0 ||
      quoted != f->quoted)
    return false;
  if (length > sizeof head && memcmp(text->block + lsq_cell_offset(kept), f->begin, length) != 0)
    return false;
  lsq_cell_put(cell, lsq_cell_bits(kept));
  return true;
}

/* The field at p, which the fast way did not understand; NULL where its quotes are wrong. */
static const char *read_odd_cell(const lsq_table_text *text, const first_bytes *first,
                                 lsq_table_recent *recent, const char *p, double *cell) {
  lsq_csv_field f = lsq_csv_find_field(&text->csv, p);
  double value;
  if (f.trouble != NULL)
    return NULL;
  if (f.quoted)
    trim(&f.begin, &f.end);
  const unsigned char byte = (unsigned char)*f.begin;
  const uint64_t head = head_of(f.begin, (size_t)(f.end - f.begin));
  size_t slot;
  if (put_recent(text, &f, head, recent, &slot, cell))
    return f.after;
  if (f.begin == f.end || (first->missing[byte] && is_missing_word(text, f.begin, f.end)))
    lsq_cell_put_missing(cell);
  else if (first->number[byte] && lsq_table_number(text, f.begin, f.end, &value))
    put_number(text, value, cell);
  else {
    lsq_cell_put_text(cell, (size_t)(f.begin - text->block), (size_t)(f.end - f.begin), f.quoted);
    recent->head[slot] = head;
    lsq_cell_put(recent->cell + slot, lsq_cell_bits(cell));
  }
  return f.after;
}

LSQ_INLINE const char *read_cell(const lsq_table_text *text, const first_bytes *first,
                                 lsq_table_recent *recent, const char *p, char separator,
                                 double *cell) {
  const char *begin = lsq_csv_skip_blanks(p, separator);
  double value;
  if (*begin == separator || lsq_csv_is_line_end(begin)) {
    lsq_cell_put_missing(cell);
    return begin;
  }
  if (text->decimal == '.' && first->number[(unsigned char)*begin]) {
    const char *end = lsq_number_parse(begin, &value);
    if (end != NULL) {
      const char *after = lsq_csv_skip_blanks(end, separator);
      if (lsq_csv_is_field_end(end, after, separator)) {
        put_number(text, value, cell);
        return after;
      }
    }
  }
  return read_odd_cell(text, first, recent, begin, cell);
}

/* --- rows --- */

/* The row at p; returns the first byte of the next line, or NULL where it is wrong. */
LSQ_INLINE const char *read_row(const lsq_table_text *text, const first_bytes *first,
                                lsq_table_recent *recent, const char *p, char separator,
                                size_t begin, double *row) {
  const size_t columns = text->csv.columns;
  for (size_t j = begin;; j++) {
    double beyond; /* fields beyond the last column have to be empty */
    p = read_cell(text, first, recent + lsq_size_min(j, columns - 1), p, separator,
                  j < columns ? row + j : &beyond);
    if (p == NULL || (j >= columns && lsq_cell_kind_of(&beyond) != LSQ_CELL_MISSING))
      return NULL;
    if (!lsq_csv_step(separator, &p))
      return lsq_csv_is_line_end(p) && j + 1 >= columns ? lsq_csv_next_line(p) : NULL;
  }
}

/* Whether the line at p is separators and blanks alone. */
static bool is_empty_row(const char *p, char separator) {
  while (*p == separator || lsq_csv_is_blank(*p, separator))
    p++;
  return lsq_csv_is_line_end(p);
}

size_t lsq_table_fields(const lsq_table_text *text, size_t offset, const char **trouble) {
  const char *p = text->block + offset;
  size_t count = 0;
  *trouble = NULL;
  do {
    lsq_csv_field f = lsq_csv_find_field(&text->csv, p);
    count++;
    if (f.trouble != NULL) {
      *trouble = f.trouble;
      return count;
    }
    p = f.after;
  } while (lsq_csv_step(text->csv.separator, &p));
  return count;
}

/* Marks a row of a wrong number of fields and returns its next line; NULL, and an error, where
   a quote is never closed. */
static const char *mark_wrong(const lsq_table_text *text, const char *begin, double *row,
                              lsq_error *error) {
  const lsq_csv *csv = &text->csv;
  const char *p = begin;
  size_t column = 0;
  for (;;) {
    lsq_csv_field f = lsq_csv_find_field(csv, p);
    column++;
    if (f.trouble != NULL && f.after == csv->end) {
      lsq_fail(error, LSQ_BAD_FORMAT, "%.200s:%zu: column %zu: %s", csv->path,
               lsq_table_line(text, (size_t)(begin - text->block)), column, f.trouble);
      return NULL;
    }
    p = f.after;
    if (f.trouble != NULL || !lsq_csv_step(csv->separator, &p))
      break;
  }
  p = memchr(p, '\n', (size_t)(csv->end - p));
  for (size_t j = 0; j < csv->columns; j++)
    lsq_cell_put_wrong(row + j, (size_t)(begin - text->block));
  return p == NULL ? csv->end : p + 1;
}

size_t lsq_table_line_of_row(const lsq_table_text *text, size_t row) {
  const lsq_csv *csv = &text->csv;
  const char *p = csv->position;
  size_t line = csv->line;
  while (lsq_csv_skip_blank_lines(csv, &p, &line)) {
    const bool empty = csv->columns > 1 && is_empty_row(p, csv->separator);
    if (!empty && row-- == 0)
      return line;
    const char *end = lsq_csv_row_end(csv, p);
    line += lsq_csv_count_lines(p, end) + 1;
    p = *end == '\0' ? end : end + 1;
  }
  return line;
}

lsq_status lsq_table_read(const lsq_table_text *text, lsq_table_recent *recent, const lsq_matrix *m,
                          size_t *rows, size_t *empty, lsq_error *error) {
  const lsq_csv *csv = &text->csv;
  lsq_number_locale locale;
  first_bytes first;
  const char *p = csv->position;
  size_t line = 0, i = 0;
  find_first_bytes(text, &first);
  memset(recent, 0, csv->columns * sizeof *recent);
  if (!lsq_number_enter(&locale, error))
    return error->status;
  for (*empty = 0; i < m->rows && lsq_csv_skip_blank_lines(csv, &p, &line);) {
    const char *begin = p;
    double *row = lsq_matrix_row(m, i);
    const size_t column = i == 0 && text->short_first;
    lsq_cell_put_missing(row);
    /* The separator as a constant spares the common case its comparisons. */
    p = csv->separator == ',' ? read_row(text, &first, recent, begin, ',', column, row)
                              : read_row(text, &first, recent, begin, csv->separator, column, row);
    if (p != NULL && isnan(row[0]) && csv->columns > 1 && is_empty_row(begin, csv->separator)) {
      ++*empty;
      continue;
    }
    if (p == NULL)
      p = mark_wrong(text, begin, row, error);
    if (p == NULL)
      break;
    i++;
  }
  lsq_number_leave(&locale);
  *rows = i;
  if (p == NULL)
    return error->status;
  if (lsq_csv_skip_blank_lines(csv, &p, &line))
    return lsq_fail(error, LSQ_INTERNAL, "%.200s: more rows than were counted", csv->path);
  return LSQ_OK;
}
