/* Counts and rates: the output is the logarithm of the expected y. Minus the logarithm of the
   probability without the part that y alone decides, exp(z) - y z, as torch.nn.PoissonNLLLoss. */
#include <math.h>
#include <string.h>

#include "nn/loss.h"

static double value(double parameter, const double *z, const double *y, size_t rows, size_t cols) {
  double sum = 0;
  (void)parameter;
  for (size_t i = 0; i < rows * cols; i++)
    sum += exp(z[i]) - y[i] * z[i];
  return sum;
}

static double gradient(double parameter, double *z, const double *y, size_t rows, size_t cols,
                       double scale) {
  double sum = 0;
  (void)parameter;
  for (size_t i = 0; i < rows * cols; i++) {
    const double mean = exp(z[i]);
    sum += mean - y[i] * z[i];
    z[i] = scale * (mean - y[i]);
  }
  return sum;
}

/* diag(exp z). */
static void curvature(double parameter, const double *z, const double *y, size_t cols,
                      double *factor) {
  (void)parameter, (void)y;
  memset(factor, 0, cols * cols * sizeof *factor);
  for (size_t j = 0; j < cols; j++)
    factor[j * cols + j] = exp(z[j] / 2);
}

static void mean(double *z, size_t cols) {
  for (size_t j = 0; j < cols; j++)
    z[j] = exp(z[j]);
}

static bool accepts(const double *y, size_t cols) {
  for (size_t j = 0; j < cols; j++)
    if (!(y[j] >= 0))
      return false;
  return true;
}

const lsq_loss lsq_loss_poisson = {.name = "poisson",
                                   .value = value,
                                   .gradient = gradient,
                                   .curvature = curvature,
                                   .mean = mean,
                                   .score = &lsq_score_r2,
                                   .accepts = accepts,
                                   .targets = {"a number of at least 0", "numbers of at least 0"},
                                   .per_entry = true};
