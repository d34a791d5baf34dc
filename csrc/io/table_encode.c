#include "io/table_encode.h"

#include <string.h>

static void swap(double *a, double *b) {
  double kept = *a;
  *a = *b;
  *b = kept;
}

/* The value that stands at `rank` when all are sorted; those before it are not larger then, those
   behind it not smaller. Hoare's selection, with the middle of three as pivot. */
static double select_rank(double *values, size_t count, size_t rank) {
  size_t first = 0, last = count - 1;
  while (first < last) {
    size_t middle = first + (last - first) / 2;
    if (values[middle] < values[first])
      swap(values + middle, values + first);
    if (values[last] < values[first])
      swap(values + last, values + first);
    if (values[last] < values[middle])
      swap(values + last, values + middle);
    const double pivot = values[middle];
    size_t i = first, j = last;
    for (;;) {
      while (values[i] < pivot)
        i++;
      while (values[j] > pivot)
        j--;
      if (i >= j)
        break;
      swap(values + i++, values + j--);
    }
    if (rank <= j)
      last = j;
    else
      first = j + 1;
  }
  return values[rank];
}

static double median_of(double *values, size_t count) {
  double upper = select_rank(values, count, count / 2);
  if (count % 2 == 1)
    return upper;
  double lower = values[0];
  for (size_t i = 1; i < count / 2; i++)
    lower = fmax(lower, values[i]);
  return lower + (upper - lower) / 2;
}

void lsq_table_summarise(const lsq_matrix *column, double *scratch, lsq_column_summary *summary) {
  *summary = (lsq_column_summary){.least = HUGE_VAL, .largest = -HUGE_VAL, .integers = true};
  for (size_t i = 0; i < column->rows; i++) {
    const double value = *lsq_matrix_row(column, i);
    if (!isfinite(value)) {
      if (isnan(value))
        summary->missing++;
      else
        summary->infinite++;
      continue;
    }
    scratch[summary->finite++] = value;
    summary->least = fmin(summary->least, value);
    summary->largest = fmax(summary->largest, value);
    summary->integers &= value == trunc(value);
  }
  if (summary->finite == 0)
    summary->least = summary->largest = 0;
  else
    summary->median = median_of(scratch, summary->finite);
}

bool lsq_table_counts_from(const lsq_matrix *column, double first) {
  for (size_t i = 0; i < column->rows; i++)
    if (*lsq_matrix_row(column, i) != first + (double)i)
      return false;
  return true;
}

void lsq_table_fill(const lsq_matrix *column, double value, const lsq_matrix *x, size_t to,
                    size_t flag) {
  for (size_t i = 0; i < column->rows; i++) {
    const double given = *lsq_matrix_row(column, i);
    const bool gap = !isfinite(given);
    double *row = lsq_matrix_row(x, i);
    if (to != SIZE_MAX)
      row[to] = gap ? value : given;
    if (flag != SIZE_MAX)
      row[flag] = gap;
  }
}

/* The place of a code among `levels` of them; the last for what is missing. */
static size_t place_of(double code, size_t levels) {
  return isnan(code) ? levels : (size_t)code - 1;
}

void lsq_table_spread(const lsq_matrix *codes, const size_t *to, size_t levels,
                      const lsq_matrix *x) {
  for (size_t i = 0; i < codes->rows; i++) {
    size_t column = to[place_of(*lsq_matrix_row(codes, i), levels)];
    if (column != SIZE_MAX)
      lsq_matrix_row(x, i)[column] = 1;
  }
}

void lsq_table_tally(const lsq_matrix *codes, size_t *counts, size_t levels) {
  memset(counts, 0, (levels + 1) * sizeof *counts);
  for (size_t i = 0; i < codes->rows; i++)
    counts[place_of(*lsq_matrix_row(codes, i), levels)]++;
}
