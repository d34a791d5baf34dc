#include "nn/activation.h"

#include "base/simd.h"

const char *const lsq_activation_names[] = {"identity", "relu",    "leaky_relu", "elu",
                                            "tanh",     "sigmoid", NULL};

/* Comparisons are written so that a NaN comes out as NaN. */

static LSQ_CLONES void relu(double *z, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    z[i] = z[i] < 0 ? 0 : z[i];
}

static LSQ_CLONES void leaky_relu(double *z, size_t count, double alpha) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    z[i] = z[i] < 0 ? alpha * z[i] : z[i];
}

static void elu(double *z, size_t count) {
  for (size_t i = 0; i < count; i++)
    z[i] = z[i] < 0 ? expm1(z[i]) : z[i];
}

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

static LSQ_CLONES void hyperbolic_tangent(double *z, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    z[i] = vector_tanh(z[i]);
}

/* exp of a negative number only: no overflow, and full relative precision at both ends. */
static void sigmoid(double *z, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const double e = exp(-fabs(z[i]));
    z[i] = (z[i] < 0 ? e : 1) / (1 + e);
  }
}

static void activate(lsq_activation activation, double alpha, double *z, size_t count) {
  switch (activation) {
  case LSQ_RELU:
    relu(z, count);
    break;
  case LSQ_LEAKY_RELU:
    leaky_relu(z, count, alpha);
    break;
  case LSQ_ELU:
    elu(z, count);
    break;
  case LSQ_TANH:
    hyperbolic_tangent(z, count);
    break;
  case LSQ_SIGMOID:
    sigmoid(z, count);
    break;
  case LSQ_IDENTITY:
  case LSQ_ACTIVATIONS:
    break;
  }
}

void lsq_activate(lsq_activation activation, double alpha, const lsq_matrix *z) {
  if (activation == LSQ_IDENTITY)
    return;
  if (lsq_matrix_is_contiguous(z)) {
    activate(activation, alpha, z->data, z->rows * z->cols);
    return;
  }
  for (size_t i = 0; i < z->rows; i++)
    activate(activation, alpha, lsq_matrix_row(z, i), z->cols);
}

static LSQ_CLONES void leaky_relu_backward(const double *a, double *delta, size_t count,
                                           double alpha) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= a[i] > 0 ? 1 : alpha;
}

static LSQ_CLONES void elu_backward(const double *a, double *delta, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= a[i] < 0 ? a[i] + 1 : 1;
}

static LSQ_CLONES void tanh_backward(const double *a, double *delta, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= (1 - a[i]) * (1 + a[i]);
}

static LSQ_CLONES void sigmoid_backward(const double *a, double *delta, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    delta[i] *= a[i] * (1 - a[i]);
}

static void backward(lsq_activation activation, double alpha, const double *a, double *delta,
                     size_t count) {
  switch (activation) {
  case LSQ_RELU:
    leaky_relu_backward(a, delta, count, 0);
    break;
  case LSQ_LEAKY_RELU:
    leaky_relu_backward(a, delta, count, alpha);
    break;
  case LSQ_ELU:
    elu_backward(a, delta, count);
    break;
  case LSQ_TANH:
    tanh_backward(a, delta, count);
    break;
  case LSQ_SIGMOID:
    sigmoid_backward(a, delta, count);
    break;
  case LSQ_IDENTITY:
  case LSQ_ACTIVATIONS:
    break;
  }
}

void lsq_activation_backward(lsq_activation activation, double alpha, const lsq_matrix *a,
                             const lsq_matrix *delta) {
  if (activation == LSQ_IDENTITY)
    return;
  if (lsq_matrix_is_contiguous(a) && lsq_matrix_is_contiguous(delta)) {
    backward(activation, alpha, a->data, delta->data, a->rows * a->cols);
    return;
  }
  for (size_t i = 0; i < a->rows; i++)
    backward(activation, alpha, lsq_matrix_row(a, i), lsq_matrix_row(delta, i), a->cols);
}
