/* What the cells of a table are, once all are read. */
#include <string.h>

#include "io/csv_field.h"
#include "io/table.h"

/* One whose length is not in its cell. */
static const char *find_end(const lsq_table_text *text, const char *begin, bool quoted) {
  lsq_csv_field f =
      quoted ? lsq_csv_find_quoted(&text->csv, begin) : lsq_csv_find_field(&text->csv, begin);
  while (quoted && f.end > f.begin && lsq_csv_is_blank(f.end[-1], ','))
    f.end--;
  return f.end;
}

lsq_cell_text lsq_table_text_of(const lsq_table_text *text, const double *cell) {
  const char *begin = text->block + lsq_cell_offset(cell);
  const bool quoted = (lsq_cell_bits(cell) & LSQ_CELL_QUOTED) != 0;
  const size_t length = lsq_cell_length(cell);
  const char *end = length > 0 ? begin + length : find_end(text, begin, quoted);
  bool doubled = quoted && memchr(begin, '"', (size_t)(end - begin)) != NULL;
  return (lsq_cell_text){begin, end, doubled};
}

size_t lsq_table_line(const lsq_table_text *text, size_t offset) {
  return lsq_csv_count_lines(text->block, text->block + offset) + 1;
}

/* Whether a number is no integer; those from 2^52 on are. */
static bool has_fraction(double value) {
  return fabs(value) < 0x1p52 && value != (double)(int64_t)value;
}

void lsq_table_count(const lsq_matrix *m, lsq_table_counts *counts) {
  memset(counts, 0, m->cols * sizeof *counts);
  for (size_t i = 0; i < m->rows; i++) {
    const double *row = lsq_matrix_row(m, i);
    for (size_t j = 0; j < m->cols; j++) {
      if (!isnan(row[j])) {
        counts[j].fractions += has_fraction(row[j]);
        continue;
      }
      lsq_cell_kind kind = lsq_cell_kind_of(row + j);
      counts[j].missing += kind == LSQ_CELL_MISSING;
      counts[j].texts += kind == LSQ_CELL_TEXT;
      counts[j].wrong += kind == LSQ_CELL_WRONG;
    }
  }
  for (size_t j = 0; j < m->cols; j++)
    counts[j].numbers = m->rows - counts[j].missing - counts[j].texts - counts[j].wrong;
}

size_t lsq_table_count_other_decimal(const lsq_table_text *text, const lsq_matrix *column) {
  lsq_table_text other = *text;
  size_t count = 0;
  other.decimal = text->decimal == '.' ? ',' : '.';
  for (size_t i = 0; i < column->rows; i++) {
    const double *cell = lsq_matrix_row(column, i);
    double ignored;
    if (lsq_cell_kind_of(cell) != LSQ_CELL_TEXT)
      continue;
    lsq_cell_text t = lsq_table_text_of(text, cell);
    count += lsq_table_number(&other, t.begin, t.end, &ignored);
  }
  return count;
}

static bool same_text(lsq_cell_text a, lsq_cell_text b) {
  int byte;
  while ((byte = lsq_cell_text_next(&a)) == lsq_cell_text_next(&b))
    if (byte < 0)
      return true;
  return false;
}

bool lsq_table_first_repeats(const lsq_table_text *text, const lsq_matrix *m) {
  for (size_t j = 0; j < m->cols; j++) {
    const double *first = lsq_matrix_row(m, 0) + j;
    if (lsq_cell_kind_of(first) != LSQ_CELL_TEXT)
      continue;
    lsq_cell_text name = lsq_table_text_of(text, first);
    for (size_t i = 1; i < m->rows; i++) {
      const double *cell = lsq_matrix_row(m, i) + j;
      if (lsq_cell_kind_of(cell) == LSQ_CELL_TEXT && same_text(name, lsq_table_text_of(text, cell)))
        return true;
    }
  }
  return false;
}
