/* Each reduction is one kernel that runs down the columns of a strip, at most STRIP wide, with
   an accumulator for each column. A single row is seen as a strip too, LANES elements wide,
   whose accumulators are merged at the end. */
#include "linalg/reduce.h"

#include "base/simd.h"
#include "base/size.h"

enum { STRIP = 64, LANES = 8 };

typedef struct {
  double value[STRIP];                /* the sum, or the extreme, so far */
  double error[STRIP];                /* of a sum: what rounding has dropped */
  double shift[STRIP], center[STRIP]; /* deviations: (x - shift) - center */
  double scale[STRIP];                /* of deviations before they are squared */
} accumulator;

typedef void kernel(accumulator *acc, const double *data, size_t rows, size_t stride, size_t width);

/* Knuth's two-sum: value + x = new value + rounding, exactly. */
LSQ_INLINE void add_exactly(double *value, double *error, double x) {
  const double total = *value + x;
  const double moved = total - *value;
  *error += (*value - (total - moved)) + (x - moved);
  *value = total;
}

LSQ_CLONES static void add_values(accumulator *acc, const double *data, size_t rows, size_t stride,
                                  size_t width) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++)
      add_exactly(&acc->value[j], &acc->error[j], data[i * stride + j]);
}

LSQ_CLONES static void add_deviations(accumulator *acc, const double *data, size_t rows,
                                      size_t stride, size_t width) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++)
      add_exactly(&acc->value[j], &acc->error[j], data[i * stride + j] - acc->shift[j]);
}

LSQ_CLONES static void add_squares(accumulator *acc, const double *data, size_t rows, size_t stride,
                                   size_t width) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++) {
      const double x = ((data[i * stride + j] - acc->shift[j]) - acc->center[j]) * acc->scale[j];
      add_exactly(&acc->value[j], &acc->error[j], x * x);
    }
}

/* A NaN is taken and never left. */
LSQ_CLONES static void find_minimum(accumulator *acc, const double *data, size_t rows,
                                    size_t stride, size_t width) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++) {
      const double x = data[i * stride + j];
      acc->value[j] = x < acc->value[j] || x != x ? x : acc->value[j];
    }
}

LSQ_CLONES static void find_maximum(accumulator *acc, const double *data, size_t rows,
                                    size_t stride, size_t width) {
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < width; j++) {
      const double x = data[i * stride + j];
      acc->value[j] = x > acc->value[j] || x != x ? x : acc->value[j];
    }
}

static void set(double *values, double value, size_t count) {
  for (size_t j = 0; j < count; j++)
    values[j] = value;
}

static void clear(accumulator *acc, size_t width) {
  set(acc->value, 0, width);
  set(acc->error, 0, width);
}

/* An infinite sum leaves a NaN in its error. */
static double rounded_sum(const accumulator *acc, size_t j) {
  return isfinite(acc->error[j]) ? acc->value[j] + acc->error[j] : acc->value[j];
}

/* The mean of equal numbers is that number: their quotient is off by half a unit in its last
   place at most, which the second rounding takes back. */
static double mean_of_sum(const accumulator *acc, size_t j, size_t count) {
  const double n = (double)count, quotient = acc->value[j] / n;
  return isfinite(acc->error[j]) ? quotient + acc->error[j] / n : quotient;
}

/* Whether all of m is seen as one strip of its own columns, and not as lines of lanes. */
static bool is_strip(const lsq_matrix *m) {
  return !lsq_matrix_is_contiguous(m) && m->cols <= STRIP;
}

/* How many accumulators the elements of m are spread over. */
static size_t lanes_of(const lsq_matrix *m) {
  return is_strip(m) ? m->cols : LANES;
}

static void run_over(kernel *run, accumulator *acc, const lsq_matrix *m) {
  if (is_strip(m)) {
    run(acc, m->data, m->rows, m->stride, m->cols);
    return;
  }
  const bool in_one = lsq_matrix_is_contiguous(m);
  const size_t lines = in_one ? 1 : m->rows, length = in_one ? m->rows * m->cols : m->cols;
  for (size_t i = 0; i < lines; i++) {
    const double *line = lsq_matrix_row(m, i);
    const size_t full = length / LANES;
    run(acc, line, full, LANES, LANES);
    run(acc, line + full * LANES, 1, LANES, length % LANES);
  }
}

/* The sum over all of m ends in the first accumulator; shift, center and scale are the
   caller's. */
static void sum_over(kernel *run, accumulator *acc, const lsq_matrix *m) {
  const size_t lanes = lanes_of(m);
  clear(acc, lanes);
  run_over(run, acc, m);
  for (size_t j = 1; j < lanes; j++) {
    add_exactly(&acc->value[0], &acc->error[0], acc->value[j]);
    acc->error[0] += acc->error[j];
  }
}

static double extreme_over(kernel *run, accumulator *acc, const lsq_matrix *m) {
  const size_t lanes = lanes_of(m);
  set(acc->value, m->data[0], lanes);
  run_over(run, acc, m);
  run(acc, acc->value, lanes, 1, 1);
  return acc->value[0];
}

/* Squares that have neither overflowed nor vanished. */
static bool is_safe(double squares) {
  return squares > 0x1p-900 && squares < INFINITY;
}

/* sqrt of the sum of ((x - shift) - center)^2; the deviations are scaled by a power of two
   where their squares need it. */
static double root_of_squares(accumulator *acc, const lsq_matrix *m, double shift, double center) {
  const size_t lanes = lanes_of(m);
  set(acc->shift, shift, lanes);
  set(acc->center, center, lanes);
  set(acc->scale, 1, lanes);
  sum_over(add_squares, acc, m);
  const double squares = rounded_sum(acc, 0);
  if (is_safe(squares) || isnan(squares))
    return sqrt(squares);
  const double above = extreme_over(find_maximum, acc, m) - shift - center;
  const double below = shift + center - extreme_over(find_minimum, acc, m);
  const double largest = fmax(above, below);
  if (largest == 0 || isinf(largest))
    return largest;
  int exponent;
  frexp(largest, &exponent);
  exponent = exponent > 1000 ? 1000 : exponent < -1000 ? -1000 : exponent;
  set(acc->scale, ldexp(1, -exponent), lanes);
  sum_over(add_squares, acc, m);
  return ldexp(sqrt(rounded_sum(acc, 0)), exponent);
}

double lsq_norm(const lsq_matrix *m) {
  accumulator acc;
  return m->rows == 0 || m->cols == 0 ? 0 : root_of_squares(&acc, m, 0, 0);
}

/* The first element is the shift: the deviations of equal numbers are exactly 0, and the
   rounding of the rest is relative to their spread, not to their mean. */
static double deviation_over(accumulator *acc, const lsq_matrix *m) {
  const size_t count = m->rows * m->cols;
  const double shift = m->data[0];
  set(acc->shift, shift, lanes_of(m));
  sum_over(add_deviations, acc, m);
  return root_of_squares(acc, m, shift, mean_of_sum(acc, 0, count)) / sqrt((double)count - 1);
}

static double reduce_all(lsq_reduction reduction, const lsq_matrix *m) {
  accumulator acc;
  switch (reduction) {
  case LSQ_SUM:
    sum_over(add_values, &acc, m);
    return rounded_sum(&acc, 0);
  case LSQ_MEAN:
    sum_over(add_values, &acc, m);
    return mean_of_sum(&acc, 0, m->rows * m->cols);
  case LSQ_STD:
    return deviation_over(&acc, m);
  case LSQ_MIN:
    return extreme_over(find_minimum, &acc, m);
  case LSQ_MAX:
    return extreme_over(find_maximum, &acc, m);
  }
  return NAN;
}

static void deviation_down(accumulator *acc, const lsq_matrix *strip, double *out) {
  const size_t count = strip->rows, width = strip->cols;
  for (size_t j = 0; j < width; j++)
    acc->shift[j] = strip->data[j];
  clear(acc, width);
  add_deviations(acc, strip->data, count, strip->stride, width);
  for (size_t j = 0; j < width; j++)
    acc->center[j] = mean_of_sum(acc, j, count);
  clear(acc, width);
  set(acc->scale, 1, width);
  add_squares(acc, strip->data, count, strip->stride, width);
  for (size_t j = 0; j < width; j++) {
    const double squares = rounded_sum(acc, j);
    const lsq_matrix column = {strip->data + j, count, 1, strip->stride};
    out[j] =
        is_safe(squares) ? sqrt(squares) / sqrt((double)count - 1) : reduce_all(LSQ_STD, &column);
  }
}

/* out[j] = the reduction of column j of a strip. */
static void reduce_down(lsq_reduction reduction, const lsq_matrix *strip, double *out) {
  accumulator acc;
  const size_t rows = strip->rows, stride = strip->stride, width = strip->cols;
  if (reduction == LSQ_STD) {
    deviation_down(&acc, strip, out);
    return;
  }
  if (reduction == LSQ_MIN || reduction == LSQ_MAX) {
    for (size_t j = 0; j < width; j++)
      acc.value[j] = strip->data[j];
    (reduction == LSQ_MIN ? find_minimum : find_maximum)(&acc, strip->data, rows, stride, width);
    for (size_t j = 0; j < width; j++)
      out[j] = acc.value[j];
    return;
  }
  clear(&acc, width);
  add_values(&acc, strip->data, rows, stride, width);
  for (size_t j = 0; j < width; j++)
    out[j] = reduction == LSQ_SUM ? rounded_sum(&acc, j) : mean_of_sum(&acc, j, rows);
}

size_t lsq_reduction_count(const lsq_matrix *m, lsq_axis axis) {
  return axis == LSQ_WHOLE ? m->rows * m->cols : axis == LSQ_DOWN_ROWS ? m->rows : m->cols;
}

void lsq_reduce(lsq_reduction reduction, const lsq_matrix *m, lsq_axis axis,
                const lsq_matrix *out) {
  if (out->rows == 0 || out->cols == 0)
    return;
  if (lsq_reduction_count(m, axis) == 0) {
    lsq_matrix_fill(out, reduction == LSQ_SUM ? 0 : NAN);
    return;
  }
  if (axis == LSQ_WHOLE) {
    out->data[0] = reduce_all(reduction, m);
  } else if (axis == LSQ_ALONG_COLS) {
    for (size_t i = 0; i < m->rows; i++) {
      const lsq_matrix row = lsq_matrix_rows(m, i, 1);
      *lsq_matrix_row(out, i) = reduce_all(reduction, &row);
    }
  } else {
    for (size_t j = 0; j < m->cols; j += STRIP) {
      const lsq_matrix strip = {m->data + j, m->rows, lsq_size_min(STRIP, m->cols - j), m->stride};
      reduce_down(reduction, &strip, out->data + j);
    }
  }
}
