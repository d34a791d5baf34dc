/* The mean absolute error: outputs tend to the median of y. */
#include <math.h>

#include "nn/loss.h"

static double value(double parameter, const double *z, const double *y, size_t rows, size_t cols) {
  double sum = 0;
  (void)parameter;
  for (size_t i = 0; i < rows * cols; i++)
    sum += fabs(z[i] - y[i]);
  return sum;
}

/* At the kink, an error of 0, the slope is 0. */
static double gradient(double parameter, double *z, const double *y, size_t rows, size_t cols,
                       double scale) {
  double sum = 0;
  (void)parameter;
  for (size_t i = 0; i < rows * cols; i++) {
    const double error = z[i] - y[i];
    sum += fabs(error);
    z[i] = error == 0 ? 0 : copysign(scale, error);
  }
  return sum;
}

const lsq_loss lsq_loss_absolute = {.name = "absolute",
                                    .value = value,
                                    .gradient = gradient,
                                    .score = &lsq_score_r2,
                                    .per_entry = true};
