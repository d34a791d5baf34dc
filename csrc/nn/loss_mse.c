/* The mean squared error. */
#include <math.h>
#include <string.h>

#include "nn/loss.h"

/* Four sums at a time: a vector's worth, and less rounding than one long sum. */
static double value(double parameter, const double *z, const double *y, size_t rows, size_t cols) {
  double sum[4] = {0, 0, 0, 0};
  const size_t count = rows * cols;
  size_t j = 0;
  (void)parameter;
  for (; j + 4 <= count; j += 4)
    for (size_t k = 0; k < 4; k++) {
      const double error = z[j + k] - y[j + k];
      sum[k] += error * error;
    }
  for (; j < count; j++) {
    const double error = z[j] - y[j];
    sum[j % 4] += error * error;
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double gradient(double parameter, double *z, const double *y, size_t rows, size_t cols,
                       double scale) {
  const double sum = value(parameter, z, y, rows, cols);
  for (size_t i = 0; i < rows * cols; i++)
    z[i] = 2 * scale * (z[i] - y[i]);
  return sum;
}

static void curvature(double parameter, const double *z, const double *y, size_t cols,
                      double *factor) {
  (void)parameter, (void)z, (void)y;
  memset(factor, 0, cols * cols * sizeof *factor);
  for (size_t j = 0; j < cols; j++)
    factor[j * cols + j] = sqrt(2);
}

const lsq_loss lsq_loss_mse = {.name = "mse",
                               .value = value,
                               .gradient = gradient,
                               .curvature = curvature,
                               .score = &lsq_score_r2,
                               .per_entry = true,
                               .squares = true};
