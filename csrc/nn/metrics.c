#include "nn/metrics.h"

#include <float.h>
#include <math.h>

#include "nn/loss.h"

double lsq_metric_mse(const lsq_matrix *y, const lsq_matrix *prediction) {
  return lsq_loss_sum(&lsq_loss_mse, 0, prediction, y, NULL) /
         lsq_loss_count(&lsq_loss_mse, (double)y->rows, y->cols);
}

double lsq_metric_mae(const lsq_matrix *y, const lsq_matrix *prediction) {
  double sum = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *p = lsq_matrix_row(prediction, i);
    for (size_t j = 0; j < y->cols; j++)
      sum += fabs(target[j] - p[j]);
  }
  return sum / ((double)y->rows * (double)y->cols);
}

/* That a column is constant is seen by comparing: its mean may be off by a rounding, and the
   sum of squares about it then be anything small. */
static double column_r2(const lsq_matrix *y, const lsq_matrix *prediction, size_t j) {
  const double first = y->data[j];
  bool constant = true;
  double offset = 0; /* mean of y - first */
  for (size_t i = 0; i < y->rows; i++) {
    const double value = lsq_matrix_row(y, i)[j];
    constant = constant && value == first;
    offset += (value - first) / (double)y->rows;
  }
  double residual = 0, total = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double value = lsq_matrix_row(y, i)[j];
    const double error = value - lsq_matrix_row(prediction, i)[j];
    const double deviation = (value - first) - offset;
    residual += error * error;
    total += deviation * deviation;
  }
  if (constant)
    return residual == 0 ? 1 : 0;
  return 1 - residual / total;
}

double lsq_metric_r2(const lsq_matrix *y, const lsq_matrix *prediction) {
  double sum = 0;
  for (size_t j = 0; j < y->cols; j++)
    sum += column_r2(y, prediction, j);
  return sum / (double)y->cols;
}

static size_t greatest(const double *values, size_t count) {
  size_t best = 0;
  for (size_t j = 1; j < count; j++)
    if (values[j] > values[best])
      best = j;
  return best;
}

double lsq_metric_accuracy(const lsq_matrix *y, const lsq_matrix *prediction, double threshold) {
  size_t right = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *p = lsq_matrix_row(prediction, i);
    if (y->cols == 1)
      right += (*target > 0.5) == (*p > threshold);
    else
      right += greatest(target, y->cols) == greatest(p, y->cols);
  }
  return (double)right / (double)y->rows;
}

/* -y ln p, and 0 for y = 0. */
static double surprise(double y, double p) {
  return y == 0 ? 0 : -y * log(p > DBL_EPSILON ? p : DBL_EPSILON);
}

double lsq_metric_cross_entropy(const lsq_matrix *y, const lsq_matrix *probability) {
  double sum = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *p = lsq_matrix_row(probability, i);
    if (y->cols == 1)
      sum += surprise(*target, *p) + surprise(1 - *target, 1 - *p);
    else
      for (size_t j = 0; j < y->cols; j++)
        sum += surprise(target[j], p[j]);
  }
  return sum / (double)y->rows;
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
