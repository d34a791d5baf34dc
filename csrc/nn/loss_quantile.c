/* The pinball loss: outputs tend to the quantile tau of y. Koenker and Bassett (1978), "Regression
   Quantiles". */
#include "nn/loss.h"

static double pinball(double tau, double z, double y) {
  return y > z ? tau * (y - z) : (1 - tau) * (z - y);
}

static double value(double tau, const double *z, const double *y, size_t rows, size_t cols) {
  double sum = 0;
  for (size_t i = 0; i < rows * cols; i++)
    sum += pinball(tau, z[i], y[i]);
  return sum;
}

/* At the kink, an error of 0, the slope is 0. */
static double gradient(double tau, double *z, const double *y, size_t rows, size_t cols,
                       double scale) {
  double sum = 0;
  for (size_t i = 0; i < rows * cols; i++) {
    sum += pinball(tau, z[i], y[i]);
    z[i] = z[i] < y[i] ? -scale * tau : z[i] > y[i] ? scale * (1 - tau) : 0;
  }
  return sum;
}

const lsq_loss lsq_loss_quantile = {.name = "quantile",
                                    .parameter = "tau",
                                    .parameter_text = "of the loss quantile: which one, in (0, 1)",
                                    .standard = 0.5,
                                    .minimum = 1e-6,
                                    .maximum = 1 - 1e-6,
                                    .value = value,
                                    .gradient = gradient,
                                    .score = &lsq_score_r2,
                                    .per_entry = true};
