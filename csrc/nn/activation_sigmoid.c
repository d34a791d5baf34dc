#include <math.h>

#include "nn/activation.h"
#include "nn/inverse.h"

/* exp of a negative number only: no overflow, and full relative precision at both ends. */
static void forward(double alpha, double *z, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++) {
    const double e = exp(-fabs(z[i]));
    z[i] = (z[i] < 0 ? e : 1) / (1 + e);
  }
}

static LSQ_CLONES void backward(double alpha, const double *z, const double *a, double *delta,
                                size_t count) {
  (void)alpha, (void)z;
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= a[i] * (1 - a[i]);
}

static LSQ_CLONES void inverse(double alpha, double low, double high, double *values,
                               size_t count) {
  (void)alpha;
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    const double a = lsq_clip(values[i], low, high);
    values[i] = 2 * lsq_half_log_ratio(a, 1 - a, 2 * a - 1);
  }
}

const lsq_activation lsq_activation_sigmoid = {.name = "sigmoid",
                                               .forward = forward,
                                               .backward = backward,
                                               .inverse = inverse,
                                               .invertible = true,
                                               .low = 0,
                                               .high = 1};
