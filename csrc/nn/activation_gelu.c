/* z Phi(z), with Phi the distribution function of N(0, 1): the exact form, torch.nn.GELU's
   default. Hendrycks and Gimpel (2016), "Gaussian Error Linear Units". */
#include <math.h>

#include "nn/activation.h"

/* By erfc, so that the left tail keeps its digits. */
static double normal_distribution(double z) {
  return 0.5 * erfc(-z * 0.70710678118654752440);
}

static double normal_density(double z) {
  return 0.39894228040143267794 * exp(-0.5 * z * z);
}

static void forward(double alpha, double *z, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++)
    z[i] *= normal_distribution(z[i]);
}

static void backward(double alpha, const double *z, const double *a, double *delta, size_t count) {
  (void)alpha, (void)a;
  for (size_t i = 0; i < count; i++)
    delta[i] *= normal_distribution(z[i]) + z[i] * normal_density(z[i]);
}

const lsq_activation lsq_activation_gelu = {.name = "gelu",
                                            .forward = forward,
                                            .backward = backward,
                                            .needs_z = true,
                                            .low = -HUGE_VAL,
                                            .high = HUGE_VAL};
