/* The tokenizer of delimited text, which the reader of matrices (csv.c) and that of tables
   (table_*.c) share. Everything works on a block whose end is a zero byte, the only one. */
#ifndef LSQ_IO_CSV_FIELD_H
#define LSQ_IO_CSV_FIELD_H

#include <string.h>

#include "base/simd.h"
#include "io/csv.h"

LSQ_INLINE bool lsq_csv_is_blank(char c, char separator) {
  return c == ' ' || (c == '\t' && separator != '\t');
}

LSQ_INLINE const char *lsq_csv_skip_blanks(const char *p, char separator) {
  while (lsq_csv_is_blank(*p, separator))
    p++;
  return p;
}

/* The zero byte behind the block is the only one. */
LSQ_INLINE bool lsq_csv_is_line_end(const char *p) {
  return *p == '\n' || *p == '\0' || (*p == '\r' && (p[1] == '\n' || p[1] == '\0'));
}

/* The first byte of the line after the one whose end is at p. */
LSQ_INLINE const char *lsq_csv_next_line(const char *p) {
  if (*p == '\r')
    p++;
  return *p == '\n' ? p + 1 : p;
}

/* Whether a field that ends at `end` ends there for the line too: what follows, behind blanks,
   at `after` is a separator or the line's end. */
LSQ_INLINE bool lsq_csv_is_field_end(const char *end, const char *after, char separator) {
  return (separator == ' ' ? after > end : *after == separator) || lsq_csv_is_line_end(after);
}

typedef struct {
  const char *begin, *end; /* without blanks and quotes around it */
  const char *after;       /* the separator or the line end, unless there is trouble */
  bool quoted;
  const char *trouble; /* what is wrong with its quotes, or NULL */
} lsq_csv_field;

/* The field in quotes whose first byte is p. */
static inline lsq_csv_field lsq_csv_find_quoted(const lsq_csv *csv, const char *p) {
  lsq_csv_field f = {.begin = p, .quoted = true};
  while (p < csv->end && (*p != '"' || p[1] == '"'))
    p += *p == '"' ? 2 : 1;
  f.end = f.after = p;
  if (p == csv->end) {
    f.trouble = "the quote is never closed";
    return f;
  }
  f.after = lsq_csv_skip_blanks(++p, csv->separator);
  if (!lsq_csv_is_field_end(p, f.after, csv->separator))
    f.trouble = "text after the closing quote";
  return f;
}

/* The field at p, wherever in the line p is. */
static inline lsq_csv_field lsq_csv_find_field(const lsq_csv *csv, const char *p) {
  const char separator = csv->separator;
  p = lsq_csv_skip_blanks(p, separator);
  if (*p == '"')
    return lsq_csv_find_quoted(csv, p + 1);
  lsq_csv_field f = {.begin = p};
  while (!lsq_csv_is_line_end(p) && *p != separator &&
         !(separator == ' ' && lsq_csv_is_blank(*p, separator)))
    p++;
  f.end = p;
  while (f.end > f.begin && lsq_csv_is_blank(f.end[-1], separator))
    f.end--;
  f.after = lsq_csv_skip_blanks(p, separator);
  return f;
}

/* Moves *p from behind a field to the next one of its line; false at the line's end. */
LSQ_INLINE bool lsq_csv_step(char separator, const char **p) {
  if (separator == ' ')
    return !lsq_csv_is_line_end(*p);
  if (**p != separator)
    return false;
  ++*p;
  return true;
}

static inline size_t lsq_csv_count_lines(const char *p, const char *end) {
  size_t count = 0;
  while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
    count++;
    p++;
  }
  return count;
}

/* Moves to the next line that is neither blank nor a comment; false at the end. */
static inline bool lsq_csv_skip_blank_lines(const lsq_csv *csv, const char **position,
                                            size_t *line) {
  for (;;) {
    const char *p = lsq_csv_skip_blanks(*position, csv->separator);
    if (csv->comment != '\0' && *p == csv->comment) {
      const char *end = memchr(p, '\n', (size_t)(csv->end - p));
      p = end == NULL ? csv->end : end;
    } else if (!lsq_csv_is_line_end(p))
      return true;
    *position = lsq_csv_next_line(p);
    if (*p == '\0' || **position == '\0')
      return false;
    ++*line;
  }
}

#endif
