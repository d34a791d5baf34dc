/* z / (1 + exp(-z)). */
#include <math.h>

#include "nn/activation.h"

/* exp of a negative number only: no overflow. */
static double logistic(double z) {
  const double e = exp(-fabs(z));
  return (z < 0 ? e : 1) / (1 + e);
}

static void forward(double alpha, double *z, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++)
    z[i] *= logistic(z[i]);
}

static void backward(double alpha, const double *z, const double *a, double *delta, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++)
    delta[i] *= logistic(z[i]) + a[i] * logistic(-z[i]);
}

const lsq_activation lsq_activation_silu = {.name = "silu",
                                            .forward = forward,
                                            .backward = backward,
                                            .needs_z = true,
                                            .low = -HUGE_VAL,
                                            .high = HUGE_VAL};
