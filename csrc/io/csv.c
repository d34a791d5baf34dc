#include "io/csv.h"

#include <stdint.h>
#include <string.h>

#include "io/csv_field.h"
#include "io/number.h"

bool lsq_csv_is_separator(char byte) {
  unsigned char lower = (unsigned char)byte | 0x20;
  bool alphanumeric = (lower >= 'a' && lower <= 'z') || (byte >= '0' && byte <= '9');
  return byte != '\0' && !alphanumeric && strchr("\r\n\"+-.", byte) == NULL;
}

const char *lsq_csv_row_end(const lsq_csv *csv, const char *p) {
  const char *end = memchr(p, '\n', (size_t)(csv->end - p));
  if (end == NULL)
    end = csv->end;
  if (!csv->quotes || memchr(p, '"', (size_t)(end - p)) == NULL)
    return end;
  do
    p = lsq_csv_find_field(csv, p).after;
  while (lsq_csv_step(csv->separator, &p));
  end = memchr(p, '\n', (size_t)(csv->end - p));
  return end == NULL ? csv->end : end;
}

static bool is_number(const lsq_csv_field *f) {
  double ignored;
  const char *begin = f->quoted ? lsq_csv_skip_blanks(f->begin, ',') : f->begin;
  const char *end = lsq_number_parse(begin, &ignored);
  return end != NULL && (f->quoted ? lsq_csv_skip_blanks(end, ',') : end) == f->end;
}

/* What a message shows of a text from the file: not all of a long one, nothing that moves a
   terminal's cursor. */
typedef struct {
  char text[48];
} excerpt;

static excerpt show(const char *begin, const char *end) {
  enum { LONGEST = 40 };
  excerpt shown;
  size_t length = (size_t)(end - begin), kept = length > LONGEST ? LONGEST : length;
  while (kept < length && kept > 0 && ((unsigned char)begin[kept] & 0xc0) == 0x80)
    kept--; /* not within a character of UTF-8 */
  for (size_t i = 0; i < kept; i++)
    shown.text[i] = (unsigned char)begin[i] < ' ' || begin[i] == 0x7f ? '?' : begin[i];
  strcpy(shown.text + kept, kept < length ? "..." : "");
  return shown;
}

/* A guess at why a text is no number; "" when there is none. */
static const char *hint(const lsq_csv *csv, const lsq_csv_field *f) {
  size_t commas = 0, others = 0, separators = 0;
  for (const char *p = f->begin; p < f->end; p++) {
    commas += *p == ',';
    separators += *p == ';' || *p == '\t' || *p == '|' || *p == ' ';
    others += *p != ',' && strchr("0123456789+-eE", *p) == NULL;
  }
  if (csv->columns == 1 && separators > 0)
    return " (is another separator meant?)";
  if (commas == 1 && others == 0 && csv->separator != ',')
    return " (the decimal point must be '.')";
  return "";
}

/* "column 3", and its name where there is a header. */
static excerpt show_name(const lsq_csv *csv, size_t column) {
  excerpt name = {""};
  if (csv->header == NULL)
    return name;
  const char *cursor = csv->header;
  lsq_text text = {"", 0};
  bool quoted;
  for (size_t j = 0; j <= column; j++)
    text = lsq_csv_next_name(csv, &cursor, &quoted);
  excerpt shown = show(text.bytes, text.bytes + text.length);
  memcpy(name.text, " (", 2);
  memcpy(name.text + 2, shown.text, strlen(shown.text));
  strcpy(name.text + 2 + strlen(shown.text), ")");
  return name;
}

/* Says what is wrong with the row at csv->position, which the fast way could not read. */
static lsq_status explain(const lsq_csv *csv, const size_t *target, lsq_error *error) {
  const char *p = csv->position;
  size_t line = csv->line, column = 0, bad_column = SIZE_MAX, bad_line = 0;
  lsq_csv_field bad = {0};
  for (bool more = true; more; column++) {
    lsq_csv_field f = lsq_csv_find_field(csv, p);
    if (f.trouble != NULL)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s:%zu: column %zu: %s", csv->path, line,
                      column + 1, f.trouble);
    bool wanted = target == NULL || (column < csv->columns && target[column] != SIZE_MAX);
    p = f.after;
    more = lsq_csv_step(csv->separator, &p);
    if (bad_column == SIZE_MAX && wanted && !is_number(&f)) {
      bad_column = column;
      bad_line = line;
      bad = f;
    }
    line += f.quoted ? lsq_csv_count_lines(f.begin, f.end) : 0;
  }
  if (column != csv->columns)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s:%zu: %zu column%s expected, got %zu", csv->path,
                    csv->line, csv->columns, csv->columns == 1 ? "" : "s", column);
  if (bad_column == SIZE_MAX)
    return lsq_fail(error, LSQ_INTERNAL, "%.200s:%zu: cannot be read", csv->path, csv->line);
  excerpt name = show_name(csv, bad_column), text = show(bad.begin, bad.end);
  if (bad.begin == bad.end)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s:%zu: column %zu%s: empty field", csv->path,
                    bad_line, bad_column + 1, name.text);
  return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s:%zu: column %zu%s: '%s' is not a number%s",
                  csv->path, bad_line, bad_column + 1, name.text, text.text, hint(csv, &bad));
}

/* Counts the fields of the first line and decides whether they are names. */
static lsq_status read_first_line(lsq_csv *csv, lsq_csv_header header, lsq_error *error) {
  const char *p = csv->position;
  size_t line = csv->line;
  bool names = header == LSQ_CSV_HEADER, more;
  csv->columns = 0;
  do {
    lsq_csv_field f = lsq_csv_find_field(csv, p);
    csv->columns++;
    if (f.trouble != NULL)
      return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s:%zu: column %zu: %s", csv->path, line,
                      csv->columns, f.trouble);
    p = f.after;
    more = lsq_csv_step(csv->separator, &p);
    if (header == LSQ_CSV_DECIDE && f.begin < f.end && !is_number(&f))
      names = true;
    line += f.quoted ? lsq_csv_count_lines(f.begin, f.end) : 0;
  } while (more);
  if (names) {
    csv->header = csv->position;
    csv->line = line + 1;
    csv->position = lsq_csv_next_line(p);
  }
  return LSQ_OK;
}

lsq_status lsq_csv_open(lsq_csv *csv, const char *path, const char *block, size_t size,
                        char separator, lsq_error *error) {
  *csv = (lsq_csv){.path = path, .separator = separator, .position = block, .line = 1};
  csv->end = block + size;
  csv->quotes = memchr(block, '"', size) != NULL;
  const char *zero = memchr(block, '\0', size);
  if (zero != NULL)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s:%zu: a zero byte; this is not a text file", path,
                    lsq_csv_count_lines(block, zero) + 1);
  if (size >= 3 && memcmp(block, "\xef\xbb\xbf", 3) == 0)
    csv->position += 3;
  return LSQ_OK;
}

lsq_status lsq_csv_begin(lsq_csv *csv, const char *path, const char *block, size_t size,
                         char separator, lsq_csv_header header, lsq_error *error) {
  lsq_status status = lsq_csv_open(csv, path, block, size, separator, error);
  if (status != LSQ_OK)
    return status;
  if (!lsq_csv_skip_blank_lines(csv, &csv->position, &csv->line))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: the file is empty", path);
  lsq_number_locale locale;
  if (!lsq_number_enter(&locale, error))
    return error->status;
  status = read_first_line(csv, header, error);
  lsq_number_leave(&locale);
  return status;
}

size_t lsq_csv_count_rows(const lsq_csv *csv) {
  const char *p = csv->position;
  size_t rows = 0, line = 0;
  for (; lsq_csv_skip_blank_lines(csv, &p, &line); rows++) {
    p = lsq_csv_row_end(csv, p);
    p += *p == '\n';
  }
  return rows;
}

lsq_text lsq_csv_next_name(const lsq_csv *csv, const char **cursor, bool *quoted) {
  lsq_csv_field f = lsq_csv_find_field(csv, *cursor);
  *cursor = f.after;
  lsq_csv_step(csv->separator, cursor);
  *quoted = f.quoted;
  return (lsq_text){f.begin, (size_t)(f.end - f.begin)};
}

size_t lsq_csv_unquote(lsq_text name, char *out) {
  size_t length = 0;
  for (size_t i = 0; i < name.length; i++) {
    out[length++] = name.bytes[i];
    if (name.bytes[i] == '"')
      i++;
  }
  return length;
}

/* Reads a field that the fast way does not understand: one in quotes, or one not wanted.
   Returns the first byte behind it, or NULL where it is wrong. */
static const char *read_odd_field(lsq_csv *csv, const char *p, double *value) {
  lsq_csv_field f = lsq_csv_find_field(csv, p);
  if (f.trouble != NULL)
    return NULL;
  if (f.quoted)
    csv->line += lsq_csv_count_lines(f.begin, f.end);
  if (value != NULL) {
    if (!is_number(&f))
      return NULL;
    lsq_number_parse(lsq_csv_skip_blanks(f.begin, ','), value);
  }
  return f.after;
}

/* Reads the row at p; returns the first byte of the next line, or NULL where it is wrong. */
LSQ_INLINE const char *read_row(lsq_csv *csv, const char *p, char separator, const size_t *target,
                                double *row) {
  for (size_t j = 0;;) {
    const size_t to = target == NULL ? j : target[j];
    const char *begin = lsq_csv_skip_blanks(p, separator);
    const char *end = to == SIZE_MAX ? NULL : lsq_number_parse(begin, row + to);
    p = end == NULL ? read_odd_field(csv, begin, to == SIZE_MAX ? NULL : row + to)
                    : lsq_csv_skip_blanks(end, separator);
    if (p == NULL || (separator == ' ' && p == end && !lsq_csv_is_line_end(p)))
      return NULL;
    if (++j == csv->columns)
      return lsq_csv_is_line_end(p) ? lsq_csv_next_line(p) : NULL;
    if (!lsq_csv_step(separator, &p))
      return NULL;
  }
}

static lsq_status read_rows(lsq_csv *csv, const size_t *target, const lsq_matrix *m,
                            lsq_error *error) {
  const char *p = csv->position;
  for (size_t i = 0; i < m->rows; i++) {
    lsq_csv_skip_blank_lines(csv, &p, &csv->line);
    csv->position = p;
    const size_t line = csv->line;
    double *row = lsq_matrix_row(m, i);
    /* The separator as a constant spares the common case its comparisons. */
    p = csv->separator == ',' ? read_row(csv, p, ',', target, row)
                              : read_row(csv, p, csv->separator, target, row);
    if (p == NULL) {
      csv->line = line;
      return explain(csv, target, error);
    }
    csv->line++;
  }
  csv->position = p;
  return LSQ_OK;
}

lsq_status lsq_csv_read(lsq_csv *csv, const size_t *target, const lsq_matrix *m, lsq_error *error) {
  lsq_number_locale locale;
  if (!lsq_number_enter(&locale, error))
    return error->status;
  lsq_status status = read_rows(csv, target, m, error);
  lsq_number_leave(&locale);
  return status;
}
