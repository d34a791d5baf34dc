/* exp(z) - 1 for z < 0. */
#include <math.h>

#include "nn/activation.h"
#include "nn/inverse.h"

static void forward(double alpha, double *z, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++)
    z[i] = z[i] < 0 ? expm1(z[i]) : z[i];
}

static LSQ_CLONES void backward(double alpha, const double *z, const double *a, double *delta,
                                size_t count) {
  (void)alpha, (void)z;
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= a[i] < 0 ? a[i] + 1 : 1;
}

static void inverse(double alpha, double low, double high, double *values, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++)
    values[i] = values[i] < 0 ? log1p(lsq_clip(values[i], low, high)) : values[i];
}

const lsq_activation lsq_activation_elu = {.name = "elu",
                                           .forward = forward,
                                           .backward = backward,
                                           .inverse = inverse,
                                           .invertible = true,
                                           .low = -1,
                                           .high = HUGE_VAL};
