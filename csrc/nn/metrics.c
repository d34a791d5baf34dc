#include "nn/metrics.h"

#include <float.h>
#include <math.h>

#include "nn/loss.h"

static double weight_of(const double *weights, size_t row) {
  return weights == NULL ? 1 : weights[row];
}

static double total_weight(const double *weights, size_t rows) {
  if (weights == NULL)
    return (double)rows;
  double sum = 0;
  for (size_t i = 0; i < rows; i++)
    sum += weights[i];
  return sum;
}

/* So that a difference of two numbers is finite: 1/4 where one of them is near the largest that
   there are. */
static double room_for_differences(const lsq_matrix *y, const lsq_matrix *prediction) {
  double largest = 0;
  for (size_t i = 0; i < y->rows; i++)
    for (size_t j = 0; j < y->cols; j++)
      largest = fmax(largest,
                     fmax(fabs(lsq_matrix_row(y, i)[j]), fabs(lsq_matrix_row(prediction, i)[j])));
  return largest > 0x1p1000 ? 0.25 : 1;
}

/* The exponent of a power of two: numbers divided by it are at most 1, the largest at least 1/2,
   and their squares neither overflow nor vanish together. */
static int exponent_of(double largest) {
  int exponent;
  frexp(largest, &exponent);
  return exponent;
}

/* sum * 4^exponent. */
static double unscaled(double sum, int exponent) {
  return ldexp(sum, 2 * exponent);
}

double lsq_metric_mse(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights) {
  const double room = room_for_differences(y, prediction);
  double largest = 0, sum = 0;
  for (size_t i = 0; i < y->rows; i++)
    for (size_t j = 0; j < y->cols && weight_of(weights, i) > 0; j++)
      largest = fmax(
          largest, fabs(room * lsq_matrix_row(y, i)[j] - room * lsq_matrix_row(prediction, i)[j]));
  const int exponent = exponent_of(largest);
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *p = lsq_matrix_row(prediction, i);
    for (size_t j = 0; j < y->cols && weight_of(weights, i) > 0; j++) {
      const double error = ldexp(room * target[j] - room * p[j], -exponent);
      sum += weight_of(weights, i) * (error * error);
    }
  }
  return unscaled(sum / (total_weight(weights, y->rows) * (double)y->cols), exponent) /
         (room * room);
}

double lsq_metric_mae(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights) {
  double sum = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *p = lsq_matrix_row(prediction, i);
    for (size_t j = 0; j < y->cols; j++)
      sum += weight_of(weights, i) * fabs(target[j] - p[j]);
  }
  return sum / (total_weight(weights, y->rows) * (double)y->cols);
}

/* A column of targets that count: where it starts, how far it goes from there and from its mean. */
typedef struct {
  double first, offset; /* offset: the mean of y - first */
  double largest;       /* |y - first| */
  double largest_error;
} column;

static column survey(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                     size_t j, double room) {
  const double total = total_weight(weights, y->rows);
  column c = {0};
  bool begun = false;
  for (size_t i = 0; i < y->rows; i++) {
    const double value = room * lsq_matrix_row(y, i)[j];
    if (!(weight_of(weights, i) > 0))
      continue;
    if (!begun)
      c.first = value;
    begun = true;
    c.offset += weight_of(weights, i) * (value - c.first) / total;
    c.largest = fmax(c.largest, fabs(value - c.first));
    c.largest_error = fmax(c.largest_error, fabs(value - room * lsq_matrix_row(prediction, i)[j]));
  }
  return c;
}

/* That a column is constant is seen by comparing: its mean may be off by a rounding, and the
   sum of squares about it then be anything small. */
static double column_r2(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                        size_t j, double room) {
  const column c = survey(y, prediction, weights, j, room);
  const int spread = exponent_of(c.largest), error = exponent_of(c.largest_error);
  double residual = 0, total = 0;
  if (c.largest == 0 || c.largest_error == 0)
    return c.largest_error == 0 ? 1 : 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double weight = weight_of(weights, i), value = room * lsq_matrix_row(y, i)[j];
    if (!(weight > 0))
      continue;
    const double off = ldexp(value - room * lsq_matrix_row(prediction, i)[j], -error);
    const double deviation = ldexp((value - c.first) - c.offset, -spread);
    residual += weight * (off * off);
    total += weight * (deviation * deviation);
  }
  return 1 - unscaled(residual / total, error - spread);
}

double lsq_metric_r2(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights) {
  const double room = room_for_differences(y, prediction);
  double sum = 0;
  for (size_t j = 0; j < y->cols; j++)
    sum += column_r2(y, prediction, weights, j, room);
  return sum / (double)y->cols;
}

static size_t greatest(const double *values, size_t count) {
  size_t best = 0;
  for (size_t j = 1; j < count; j++)
    if (values[j] > values[best])
      best = j;
  return best;
}

double lsq_metric_accuracy(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                           double threshold) {
  double right = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *p = lsq_matrix_row(prediction, i);
    const bool hit = y->cols == 1 ? (*target > 0.5) == (*p > threshold)
                                  : greatest(target, y->cols) == greatest(p, y->cols);
    right += hit ? weight_of(weights, i) : 0;
  }
  return right / total_weight(weights, y->rows);
}

/* -y ln p, and 0 for y = 0. */
static double surprise(double y, double p) {
  return y == 0 ? 0 : -y * log(p > DBL_EPSILON ? p : DBL_EPSILON);
}

double lsq_metric_cross_entropy(const lsq_matrix *y, const lsq_matrix *probability,
                                const double *weights) {
  double sum = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *p = lsq_matrix_row(probability, i);
    double row = 0;
    if (y->cols == 1)
      row = surprise(*target, *p) + surprise(1 - *target, 1 - *p);
    else
      for (size_t j = 0; j < y->cols; j++)
        row += surprise(target[j], p[j]);
    sum += weight_of(weights, i) * row;
  }
  return sum / total_weight(weights, y->rows);
}

bool lsq_metric_accepts(const lsq_matrix *probability, size_t *row) {
  if (probability->cols > 1)
    return lsq_loss_accepts(&lsq_loss_cross_entropy, probability, row);
  for (size_t i = 0; i < probability->rows; i++) {
    const double p = lsq_matrix_row(probability, i)[0];
    if (p >= 0 && p <= 1)
      continue;
    *row = i;
    return false;
  }
  return true;
}
