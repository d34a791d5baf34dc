#include "nn/loss.h"

#include <math.h>

/* Four sums at a time: a vector's worth, and less rounding than one long sum. */
static double squared_errors(const double *output, const double *y, size_t count) {
  double sum[4] = {0, 0, 0, 0};
  size_t j = 0;
  for (; j + 4 <= count; j += 4)
    for (size_t k = 0; k < 4; k++) {
      const double error = output[j + k] - y[j + k];
      sum[k] += error * error;
    }
  for (; j < count; j++) {
    const double error = output[j] - y[j];
    sum[j % 4] += error * error;
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double mse_sum(const lsq_matrix *output, const lsq_matrix *y) {
  if (lsq_matrix_is_contiguous(output) && lsq_matrix_is_contiguous(y))
    return squared_errors(output->data, y->data, output->rows * output->cols);
  double sum = 0;
  for (size_t i = 0; i < output->rows; i++)
    sum += squared_errors(lsq_matrix_row(output, i), lsq_matrix_row(y, i), output->cols);
  return sum;
}

static double greatest(const double *values, size_t count) {
  double most = values[0];
  for (size_t j = 1; j < count; j++)
    most = values[j] > most ? values[j] : most;
  return most;
}

/* -sum_j y_j ln softmax(z)_j, as sum_j y_j (ln sum_k exp(z_k - m) + m - z_j), m = max z. */
static double softmax_loss(const double *z, const double *y, size_t count) {
  const double most = greatest(z, count);
  double total = 0, loss = 0;
  for (size_t j = 0; j < count; j++)
    total += exp(z[j] - most);
  const double log_total = log(total);
  for (size_t j = 0; j < count; j++)
    loss += y[j] * (log_total + (most - z[j]));
  return loss;
}

static void softmax(double *z, size_t count) {
  const double most = greatest(z, count);
  double total = 0;
  for (size_t j = 0; j < count; j++)
    total += z[j] = exp(z[j] - most);
  for (size_t j = 0; j < count; j++)
    z[j] /= total;
}

/* -y ln p - (1 - y) ln(1 - p), p = 1 / (1 + exp(-z)), without ever forming p. */
static double logistic_loss(double z, double y) {
  return (z > 0 ? z : 0) - z * y + log1p(exp(-fabs(z)));
}

static double logistic(double z) {
  const double e = exp(-fabs(z));
  return (z < 0 ? e : 1) / (1 + e);
}

double lsq_loss_sum(lsq_loss loss, const lsq_matrix *output, const lsq_matrix *y) {
  if (loss == LSQ_MSE)
    return mse_sum(output, y);
  double sum = 0;
  for (size_t i = 0; i < output->rows; i++) {
    const double *z = lsq_matrix_row(output, i), *target = lsq_matrix_row(y, i);
    sum += output->cols == 1 ? logistic_loss(*z, *target) : softmax_loss(z, target, output->cols);
  }
  return sum;
}

/* z <- scale * d loss / dz = scale * (softmax(z) * sum of y - y); returns softmax_loss. */
static double softmax_loss_backward(double *z, const double *y, size_t count, double scale) {
  const double most = greatest(z, count);
  double weight = 0, below = 0, total = 0;
  for (size_t j = 0; j < count; j++) {
    weight += y[j];
    below += y[j] * (most - z[j]);
    total += z[j] = exp(z[j] - most);
  }
  for (size_t j = 0; j < count; j++)
    z[j] = scale * (weight * z[j] / total - y[j]);
  return below + weight * log(total);
}

static double mse_backward(const lsq_matrix *output, const lsq_matrix *y, double scale) {
  const double sum = mse_sum(output, y);
  for (size_t i = 0; i < output->rows; i++) {
    double *z = lsq_matrix_row(output, i);
    const double *target = lsq_matrix_row(y, i);
    for (size_t j = 0; j < output->cols; j++)
      z[j] = 2 * scale * (z[j] - target[j]);
  }
  return sum;
}

double lsq_loss_backward(lsq_loss loss, const lsq_matrix *output, const lsq_matrix *y,
                         double scale) {
  if (loss == LSQ_MSE)
    return mse_backward(output, y, scale);
  double sum = 0;
  for (size_t i = 0; i < output->rows; i++) {
    double *z = lsq_matrix_row(output, i);
    const double *target = lsq_matrix_row(y, i);
    if (output->cols > 1) {
      sum += softmax_loss_backward(z, target, output->cols, scale);
      continue;
    }
    sum += logistic_loss(*z, *target);
    *z = scale * (logistic(*z) - *target);
  }
  return sum;
}

double lsq_loss_count(lsq_loss loss, size_t rows, size_t cols) {
  return loss == LSQ_MSE ? (double)rows * (double)cols : (double)rows;
}

void lsq_probabilities(const lsq_matrix *logits) {
  for (size_t i = 0; i < logits->rows; i++) {
    double *z = lsq_matrix_row(logits, i);
    if (logits->cols == 1)
      *z = logistic(*z);
    else
      softmax(z, logits->cols);
  }
}

bool lsq_loss_accepts(lsq_loss loss, const lsq_matrix *y, size_t *row) {
  if (loss != LSQ_CROSS_ENTROPY)
    return true;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i);
    bool fits = y->cols > 1 || *target == 0 || *target == 1;
    double total = 0;
    for (size_t j = 0; j < y->cols; j++) {
      fits = fits && target[j] >= 0 && target[j] <= 1;
      total += target[j];
    }
    if (fits && (y->cols == 1 || fabs(total - 1) <= LSQ_PROBABILITY_SLACK))
      continue;
    *row = i;
    return false;
  }
  return true;
}
