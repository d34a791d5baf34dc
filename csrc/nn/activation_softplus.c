/* ln(1 + exp(z)). */
#include <math.h>

#include "nn/activation.h"
#include "nn/inverse.h"

static void forward(double alpha, double *z, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++)
    z[i] = (z[i] > 0 ? z[i] : 0) + log1p(exp(-fabs(z[i])));
}

/* 1 / (1 + exp(-z)) = 1 - exp(-a). */
static void backward(double alpha, const double *z, const double *a, double *delta, size_t count) {
  (void)alpha, (void)z;
  for (size_t i = 0; i < count; i++)
    delta[i] *= -expm1(-a[i]);
}

/* ln(exp(a) - 1). */
static void inverse(double alpha, double low, double high, double *values, size_t count) {
  (void)alpha;
  for (size_t i = 0; i < count; i++) {
    const double a = lsq_clip(values[i], low, high);
    values[i] = a < 1 ? log(expm1(a)) : a + log1p(-exp(-a));
  }
}

const lsq_activation lsq_activation_softplus = {.name = "softplus",
                                                .forward = forward,
                                                .backward = backward,
                                                .inverse = inverse,
                                                .invertible = true,
                                                .low = 0,
                                                .high = HUGE_VAL};
