/* The cross-entropy of logits: of a softmax over two and more columns, of a logistic function
   over one. */
#include <math.h>

#include "nn/loss.h"

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

/* -y ln p - (1 - y) ln(1 - p), p = 1 / (1 + exp(-z)), without ever forming p. */
static double logistic_loss(double z, double y) {
  return (z > 0 ? z : 0) - z * y + log1p(exp(-fabs(z)));
}

static double logistic(double z) {
  const double e = exp(-fabs(z));
  return (z < 0 ? e : 1) / (1 + e);
}

static double value(double parameter, const double *z, const double *y, size_t rows, size_t cols) {
  double sum = 0;
  (void)parameter;
  for (size_t i = 0; i < rows; i++, z += cols, y += cols)
    sum += cols == 1 ? logistic_loss(*z, *y) : softmax_loss(z, y, cols);
  return sum;
}

static double gradient(double parameter, double *z, const double *y, size_t rows, size_t cols,
                       double scale) {
  double sum = 0;
  (void)parameter;
  for (size_t i = 0; i < rows; i++, z += cols, y += cols) {
    if (cols > 1) {
      sum += softmax_loss_backward(z, y, cols, scale);
      continue;
    }
    sum += logistic_loss(*z, *y);
    *z = scale * (logistic(*z) - *y);
  }
  return sum;
}

static void mean(double *z, size_t cols) {
  if (cols == 1)
    *z = logistic(*z);
  else
    softmax(z, cols);
}

/* s (diag(p) - p p') with s the sum of y: R = sqrt(s) (diag(sqrt p) - p sqrt(p)'), since the sum
   of p is 1; of one column p (1 - p). */
static void curvature(double parameter, const double *z, const double *y, size_t cols,
                      double *factor) {
  (void)parameter;
  if (cols == 1) {
    const double e = exp(-fabs(*z)); /* p (1 - p) without rounding 1 - p to 0 */
    *factor = sqrt(e) / (1 + e);
    return;
  }
  const double most = greatest(z, cols);
  double total = 0, weight = 0;
  for (size_t j = 0; j < cols; j++) {
    total += exp(z[j] - most);
    weight += y[j];
  }
  for (size_t i = 0; i < cols; i++)
    for (size_t j = 0; j < cols; j++) {
      const double p = exp(z[i] - most) / total, root = sqrt(exp(z[j] - most) / total);
      factor[i * cols + j] = sqrt(weight) * ((i == j ? root : 0) - p * root);
    }
}

static bool accepts(const double *y, size_t cols) {
  double total = 0;
  if (cols == 1)
    return *y == 0 || *y == 1;
  for (size_t j = 0; j < cols; j++) {
    if (!(y[j] >= 0 && y[j] <= 1))
      return false;
    total += y[j];
  }
  return fabs(total - 1) <= LSQ_PROBABILITY_SLACK;
}

const lsq_loss lsq_loss_cross_entropy = {
    .name = "cross_entropy",
    .value = value,
    .gradient = gradient,
    .curvature = curvature,
    .mean = mean,
    .score = &lsq_score_accuracy,
    .accepts = accepts,
    .targets = {"0 or 1", "probabilities in [0, 1] that sum to 1"}};
