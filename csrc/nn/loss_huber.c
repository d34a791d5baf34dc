/* Squares of small errors, e^2 / 2, and from delta on delta (|e| - delta / 2): rows far out pull no
   harder than those at delta. Huber (1964), "Robust Estimation of a Location Parameter"; as
   torch.nn.HuberLoss. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/loss.h"

static double huber(double delta, double error) {
  const double size = fabs(error);
  return size > delta ? delta * (size - delta / 2) : size * size / 2;
}

static double value(double delta, const double *z, const double *y, size_t rows, size_t cols) {
  double sum = 0;
  for (size_t i = 0; i < rows * cols; i++)
    sum += huber(delta, z[i] - y[i]);
  return sum;
}

static double gradient(double delta, double *z, const double *y, size_t rows, size_t cols,
                       double scale) {
  double sum = 0;
  for (size_t i = 0; i < rows * cols; i++) {
    const double error = z[i] - y[i];
    sum += huber(delta, error);
    z[i] = scale * (fabs(error) > delta ? copysign(delta, error) : error);
  }
  return sum;
}

/* Beyond delta the second derivative is 0, and a step by it would have no end. In its place is the
   weight of the square that touches the loss from above, delta / |e|: iteratively reweighted least
   squares, Holland and Welsch (1977). */
static void curvature(double delta, const double *z, const double *y, size_t cols, double *factor) {
  memset(factor, 0, cols * cols * sizeof *factor);
  for (size_t j = 0; j < cols; j++) {
    const double size = fabs(z[j] - y[j]);
    factor[j * cols + j] = size > delta ? sqrt(delta / size) : 1;
  }
}

const lsq_loss lsq_loss_huber = {.name = "huber",
                                 .parameter = "delta",
                                 .parameter_text =
                                     "of the loss huber: the error from which it is linear",
                                 .standard = 1,
                                 .minimum = DBL_MIN,
                                 .maximum = DBL_MAX,
                                 .value = value,
                                 .gradient = gradient,
                                 .curvature = curvature,
                                 .score = &lsq_score_r2,
                                 .per_entry = true};
