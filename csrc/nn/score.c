#include "nn/score.h"

#include <math.h>

/* Of one column. Squares are of numbers divided by `scale`, a power of two near the largest: none
   overflows, and none that counts underflows. That a column is constant is seen by comparing: its
   mean may be off by a rounding, and the sum of squares about it then be anything small. */
typedef struct {
  double weight;
  double first;   /* value of the first row that counts */
  double varies;  /* 1: another row has another */
  double offset;  /* mean of y - first */
  double scale;   /* 0: all are 0 */
  double total;   /* squares about the mean */
  double squares; /* of the errors */
  double unused;
} column_sums;

static double weight_of(const double *weights, size_t i) {
  return weights == NULL ? 1 : weights[i];
}

/* A power of two that is at least the number and has an inverse. */
static double power_above(double number) {
  int exponent;
  if (number == 0 || !isfinite(number))
    return number;
  frexp(number, &exponent);
  return ldexp(1, exponent < -1000 ? -1000 : exponent);
}

/* The greater of two; NaN stays. */
static double greater(double a, double b) {
  return isnan(a) || b <= a ? a : b;
}

/* First value, weight, and the scale of a column; false when no row counts. */
static bool begin_column(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                         size_t j, column_sums *sums) {
  double most = 0;
  *sums = (column_sums){0};
  for (size_t i = 0; i < y->rows; i++) {
    const double weight = weight_of(weights, i), value = lsq_matrix_row(y, i)[j];
    if (weight == 0)
      continue;
    if (sums->weight == 0)
      sums->first = value;
    sums->weight += weight;
    if (value != sums->first)
      sums->varies = 1;
    most = greater(most, fabs(value - sums->first));
    most = greater(most, fabs(value - lsq_matrix_row(prediction, i)[j]));
  }
  sums->scale = power_above(most);
  return sums->weight > 0;
}

static void measure_column(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                           size_t j, column_sums *sums) {
  if (!begin_column(y, prediction, weights, j, sums) || sums->scale == 0)
    return;
  for (size_t i = 0; i < y->rows; i++) {
    const double weight = weight_of(weights, i);
    if (weight > 0)
      sums->offset += weight * (lsq_matrix_row(y, i)[j] - sums->first) / sums->weight;
  }
  for (size_t i = 0; i < y->rows; i++) {
    const double weight = weight_of(weights, i), value = lsq_matrix_row(y, i)[j];
    if (weight == 0)
      continue;
    const double error = (value - lsq_matrix_row(prediction, i)[j]) / sums->scale;
    const double deviation = ((value - sums->first) - sums->offset) / sums->scale;
    sums->squares += weight * (error * error);
    sums->total += weight * (deviation * deviation);
  }
}

static void measure_r2(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                       double *sums) {
  column_sums *column = (column_sums *)sums;
  for (size_t j = 0; j < y->cols; j++)
    measure_column(y, prediction, weights, j, &column[j]);
}

static void rescale(column_sums *sums, double scale) {
  const double factor = sums->scale / scale;
  sums->total *= factor * factor;
  sums->squares *= factor * factor;
  sums->scale = scale;
}

/* Sums of squares about two means, about the mean of both: Chan, Golub and LeVeque (1983). */
static void merge_column(column_sums *sums, column_sums more) {
  if (more.weight == 0)
    return;
  if (sums->weight == 0) {
    *sums = more;
    return;
  }
  const double apart = more.first - sums->first;
  const double gap = apart + (more.offset - sums->offset);
  if (apart != 0 || more.varies > 0)
    sums->varies = 1;
  const double scale = fmax(fmax(sums->scale, more.scale), power_above(fabs(gap)));
  const double weight = sums->weight + more.weight, share = more.weight / weight;
  if (scale > 0) {
    rescale(sums, scale);
    rescale(&more, scale);
    sums->squares += more.squares;
    sums->total += more.total + (gap / scale) * (gap / scale) * sums->weight * share;
  }
  sums->offset += share * gap;
  sums->weight = weight;
}

static void merge_r2(double *sums, const double *more, size_t cols) {
  column_sums *column = (column_sums *)sums;
  for (size_t j = 0; j < cols; j++)
    merge_column(&column[j], ((const column_sums *)more)[j]);
}

static double value_r2(const double *sums, size_t cols) {
  const column_sums *column = (const column_sums *)sums;
  double sum = 0;
  for (size_t j = 0; j < cols; j++)
    if (column[j].varies > 0)
      sum += 1 - column[j].squares / column[j].total;
    else
      sum += column[j].squares == 0 ? 1 : 0;
  return sum / (double)cols;
}

const lsq_score lsq_score_r2 = {.measure = measure_r2, .merge = merge_r2, .value = value_r2};

static size_t greatest(const double *values, size_t count) {
  size_t best = 0;
  for (size_t j = 1; j < count; j++)
    if (values[j] > values[best])
      best = j;
  return best;
}

/* The weight of all rows and of the right ones. A logit of 0 is a half. */
static void measure_accuracy(const lsq_matrix *y, const lsq_matrix *logits, const double *weights,
                             double *sums) {
  sums[0] = sums[1] = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *z = lsq_matrix_row(logits, i);
    const double weight = weight_of(weights, i);
    const bool right = y->cols == 1 ? (*target > 0.5) == (*z > 0)
                                    : greatest(target, y->cols) == greatest(z, y->cols);
    sums[0] += weight;
    sums[1] += right ? weight : 0;
  }
}

static void merge_accuracy(double *sums, const double *more, size_t cols) {
  (void)cols;
  sums[0] += more[0];
  sums[1] += more[1];
}

static double value_accuracy(const double *sums, size_t cols) {
  (void)cols;
  return sums[1] / sums[0];
}

const lsq_score lsq_score_accuracy = {
    .measure = measure_accuracy, .merge = merge_accuracy, .value = value_accuracy, .raw = true};
