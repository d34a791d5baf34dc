/* The piecewise linear ones. */
#include <math.h>

#include "base/simd.h"
#include "nn/activation.h"

const lsq_activation lsq_activation_identity = {.name = "identity",
                                                .invertible = true,
                                                .low = -HUGE_VAL,
                                                .high = HUGE_VAL,
                                                .piecewise_linear = true,
                                                .below = 1};

static LSQ_CLONES void relu(double alpha, double *z, size_t count) {
  (void)alpha;
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    z[i] = z[i] < 0 ? 0 : z[i];
}

static LSQ_CLONES void leaky_relu(double alpha, double *z, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    z[i] = z[i] < 0 ? alpha * z[i] : z[i];
}

static LSQ_CLONES void leaky_relu_backward(double alpha, const double *z, const double *a,
                                           double *delta, size_t count) {
  (void)z;
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= a[i] > 0 ? 1 : alpha;
}

static void relu_backward(double alpha, const double *z, const double *a, double *delta,
                          size_t count) {
  (void)alpha;
  leaky_relu_backward(0, z, a, delta, count);
}

/* Its values are not clipped: they may be anything. */
static LSQ_CLONES void invert_leaky_relu(double alpha, double low, double high, double *values,
                                         size_t count) {
  (void)low, (void)high;
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    values[i] = values[i] < 0 && alpha > 0 ? values[i] / alpha : values[i];
}

const lsq_activation lsq_activation_relu = {.name = "relu",
                                            .forward = relu,
                                            .backward = relu_backward,
                                            .low = -HUGE_VAL,
                                            .high = HUGE_VAL,
                                            .piecewise_linear = true};

const lsq_activation lsq_activation_leaky_relu = {.name = "leaky_relu",
                                                  .forward = leaky_relu,
                                                  .backward = leaky_relu_backward,
                                                  .inverse = invert_leaky_relu,
                                                  .invertible = true,
                                                  .low = -HUGE_VAL,
                                                  .high = HUGE_VAL,
                                                  .piecewise_linear = true,
                                                  .below_alpha = 1};
