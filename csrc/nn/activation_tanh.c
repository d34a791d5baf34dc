#include <math.h>

#include "nn/activation.h"
#include "nn/inverse.h"

/* -expm1(-2|z|) / (2 + expm1(-2|z|)) to 2 or 3 units in the last place, without a call or a
   branch, so that the compiler can do several at a time. With -2|z| = n ln 2 + r, expm1 is
   2^n expm1(r) + (2^n - 1). */
LSQ_INLINE double vector_tanh(double z) {
  static const double SHIFT = 0x1.8p52; /* adding it rounds; n is left in its lowest bits */
  const double magnitude = fabs(z), x = -2 * (magnitude > 22 ? 22 : magnitude);
  union {
    double number;
    uint64_t bits;
  } power = {x * 0x1.71547652b82fep0 + SHIFT};
  const double n = power.number - SHIFT;
  const double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
  power.bits = (power.bits + 1023) << 52;
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  const double part = r + r * r * p;
  const double e = power.number * part + (power.number - 1);
  return copysign(-e / (2 + e), z);
}

static LSQ_CLONES void forward(double alpha, double *z, size_t count) {
  (void)alpha;
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    z[i] = vector_tanh(z[i]);
}

static LSQ_CLONES void backward(double alpha, const double *z, const double *a, double *delta,
                                size_t count) {
  (void)alpha, (void)z;
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= (1 - a[i]) * (1 + a[i]);
}

static LSQ_CLONES void inverse(double alpha, double low, double high, double *values,
                               size_t count) {
  (void)alpha;
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    const double a = lsq_clip(values[i], low, high);
    values[i] = lsq_half_log_ratio(1 + a, 1 - a, 2 * a);
  }
}

const lsq_activation lsq_activation_tanh = {.name = "tanh",
                                            .forward = forward,
                                            .backward = backward,
                                            .inverse = inverse,
                                            .invertible = true,
                                            .low = -1,
                                            .high = 1};
