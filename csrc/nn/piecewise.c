#include "nn/piecewise.h"

#include <stdlib.h>

static size_t first_knot(const lsq_piecewise *map, size_t column) {
  return (size_t)map->first.data[column];
}

static int ascending(const void *a, const void *b) {
  const double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

/* Mean and deviation of a column, that of a constant one being 1. */
static void moments(const lsq_matrix *x, size_t j, double *mean, double *deviation) {
  const double count = (double)x->rows, value = x->data[j];
  double sum = 0, squares = 0;
  bool constant = true;
  for (size_t i = 0; i < x->rows; i++) {
    sum += lsq_matrix_row(x, i)[j] / count;
    constant &= lsq_matrix_row(x, i)[j] == value;
  }
  for (size_t i = 0; i < x->rows; i++) {
    const double off = lsq_matrix_row(x, i)[j] - sum;
    squares += off * off / count;
  }
  *mean = constant ? value : sum; /* the sum is rounded */
  *deviation = !constant && squares > 0 ? sqrt(squares) : 1;
}

/* The distinct ones of sorted values, at most `most` of them; most + 1 when there are more. */
static size_t distinct(const double *sorted, size_t count, size_t most, double *out) {
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    if (i > 0 && sorted[i] == sorted[i - 1])
      continue;
    if (found == most)
      return most + 1;
    out[found++] = sorted[i];
  }
  return found;
}

/* Quantiles i / bins of sorted values, interpolated, each once. */
static size_t quantiles(const double *sorted, size_t count, size_t bins, double *out) {
  size_t found = 0;
  for (size_t i = 0; i <= bins; i++) {
    const double at = (double)(count - 1) * (double)i / (double)bins;
    const size_t below = (size_t)at;
    const double upper = sorted[below + 1 < count ? below + 1 : below];
    const double value = sorted[below] + (at - (double)below) * (upper - sorted[below]);
    if (found == 0 || value > out[found - 1])
      out[found++] = value;
  }
  return found;
}

static size_t place_knots(const lsq_matrix *x, size_t j, size_t bins, double *sorted, double *out) {
  if (bins == 0)
    return 0;
  for (size_t i = 0; i < x->rows; i++)
    sorted[i] = lsq_matrix_row(x, i)[j];
  qsort(sorted, x->rows, sizeof *sorted, ascending);
  const size_t found = distinct(sorted, x->rows, bins + 1, out);
  return found <= bins + 1 ? found : quantiles(sorted, x->rows, bins, out);
}

/* How much of the bin behind a knot lies below a value. */
static double filled(const lsq_piecewise *map, size_t knot, double value) {
  const double from = map->knots.data[knot], to = map->knots.data[knot + 1];
  return fmin(1, fmax(0, (value - from) / (to - from)));
}

/* The mean of a bin's values over the rows of x, LSQ_NO_BIN where they hardly vary. */
static double bin_centre(const lsq_piecewise *map, const lsq_matrix *x, size_t j, size_t knot) {
  static const double least_deviation = .02;
  const double count = (double)x->rows;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < x->rows; i++) {
    const double value = 2 * filled(map, knot, lsq_matrix_row(x, i)[j]) - 1;
    sum += value;
    squares += value * value;
  }
  const double mean = sum / count;
  return squares / count - mean * mean > least_deviation * least_deviation ? mean : LSQ_NO_BIN;
}

void lsq_piecewise_fit(lsq_piecewise *map, const lsq_matrix *x, size_t bins, double *scratch) {
  size_t knots = 0;
  for (size_t j = 0; j < x->cols; j++) {
    moments(x, j, map->mean.data + j, map->deviation.data + j);
    map->first.data[j] = (double)knots;
    knots += place_knots(x, j, bins, scratch, map->knots.data + knots);
  }
  map->first.data[x->cols] = (double)knots;
  for (size_t j = 0; j < x->cols; j++)
    for (size_t k = first_knot(map, j); k < first_knot(map, j + 1); k++)
      map->centre.data[k] = k + 1 == first_knot(map, j + 1) ? LSQ_NO_BIN : bin_centre(map, x, j, k);
  map->knots.rows = map->centre.rows = knots;
}

size_t lsq_piecewise_width(const lsq_piecewise *map) {
  size_t width = map->mean.cols;
  for (size_t k = 0; k < map->centre.rows; k++)
    width += map->centre.data[k] != LSQ_NO_BIN;
  return width;
}

static double standardised(const lsq_piecewise *map, size_t j, double value) {
  return (value - map->mean.data[j]) / map->deviation.data[j];
}

lsq_piecewise_place lsq_piecewise_locate(const lsq_piecewise *map, size_t column, double value) {
  const size_t first = first_knot(map, column), end = first_knot(map, column + 1);
  const double *knots = map->knots.data;
  if (first == end)
    return (lsq_piecewise_place){first, 0, standardised(map, column, value)};
  const double deviation = map->deviation.data[column];
  if (value <= knots[first] || end - first == 1)
    return (lsq_piecewise_place){first, 0, (value - knots[first]) / deviation};
  size_t below = first, above = end - 1;
  if (value >= knots[above])
    return (lsq_piecewise_place){above - 1, 1, (value - knots[above]) / deviation};
  while (above - below > 1) {
    const size_t middle = below + (above - below) / 2;
    if (knots[middle] <= value)
      below = middle;
    else
      above = middle;
  }
  return (lsq_piecewise_place){below, (value - knots[below]) / (knots[above] - knots[below]), 0};
}

void lsq_piecewise_expand(const lsq_piecewise *map, const lsq_matrix *x, const lsq_matrix *f) {
  const size_t d = x->cols;
  for (size_t i = 0; i < x->rows; i++) {
    const double *row = lsq_matrix_row(x, i);
    double *out = lsq_matrix_row(f, i), *bin = out + d;
    for (size_t j = 0; j < d; j++) {
      out[j] = standardised(map, j, row[j]);
      for (size_t k = first_knot(map, j); k < first_knot(map, j + 1); k++)
        if (map->centre.data[k] != LSQ_NO_BIN)
          *bin++ = 2 * filled(map, k, row[j]) - 1 - map->centre.data[k];
    }
  }
}

/* to = from + slope w: one row of a table from the one before it. */
static void next_row(double *to, const double *from, double slope, const double *w, size_t count) {
  for (size_t u = 0; u < count; u++)
    to[u] = from[u] + slope * w[u];
}

static void add_row(double *to, double factor, const double *w, size_t count) {
  for (size_t u = 0; u < count; u++)
    to[u] += factor * w[u];
}

void lsq_piecewise_tables(const lsq_piecewise *map, const lsq_matrix *w, const lsq_matrix *tables,
                          double *base) {
  const size_t d = map->mean.cols, h = w->cols;
  size_t bin = d;
  lsq_matrix first_row = lsq_matrix_over(base, 1, h);
  lsq_matrix_fill(&first_row, 0);
  for (size_t j = 0; j < d; j++) {
    const size_t first = first_knot(map, j), end = first_knot(map, j + 1);
    if (first == end)
      continue;
    const double *column = lsq_matrix_row(w, j), *knots = map->knots.data;
    add_row(base, standardised(map, j, knots[first]), column, h);
    first_row = lsq_matrix_rows(tables, first, 1);
    lsq_matrix_fill(&first_row, 0);
    for (size_t k = first; k + 1 < end; k++) {
      double *next = lsq_matrix_row(tables, k + 1);
      next_row(next, lsq_matrix_row(tables, k), (knots[k + 1] - knots[k]) / map->deviation.data[j],
               column, h);
      if (map->centre.data[k] == LSQ_NO_BIN)
        continue;
      const double *step = lsq_matrix_row(w, bin++);
      add_row(next, 2, step, h);
      add_row(base, -1 - map->centre.data[k], step, h);
    }
  }
}
