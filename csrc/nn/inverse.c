#include "nn/inverse.h"

#include <math.h>

#include "base/simd.h"

bool lsq_activation_invertible(lsq_activation activation, double alpha) {
  return activation != LSQ_RELU && (activation != LSQ_LEAKY_RELU || alpha > 0);
}

/* The ends of the values that are inverted. */
typedef struct {
  double low, high;
} range;

static range range_of(lsq_activation activation, double margin) {
  range r = {-HUGE_VAL, HUGE_VAL};
  if (activation == LSQ_TANH || activation == LSQ_ELU)
    r.low = -1 + margin;
  if (activation == LSQ_SIGMOID)
    r.low = margin;
  if (activation == LSQ_TANH || activation == LSQ_SIGMOID)
    r.high = 1 - margin;
  return r;
}

LSQ_INLINE double clip(double value, range r) {
  value = value < r.low ? r.low : value; /* NaN stays */
  return value > r.high ? r.high : value;
}

static LSQ_CLONES void clip_values(double *v, size_t count, range r) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    v[i] = clip(v[i], r);
}

/* log(a / b) / 2 of positive normal numbers, to 2 or 3 units in the last place where a - b is
   given that well: without a call or a branch, so that the compiler can do several at a time. It
   is k ln 2 / 2 + artanh(s) with s = (a - 2^k b) / (a + 2^k b). The exponents and leading bits
   tell k to within 0.09, so that |s| < 0.2005, and 11 terms of the series are enough. */
LSQ_INLINE double half_log_ratio(double a, double b, double difference) {
  typedef union {
    double number;
    uint64_t bits;
  } word;
  const word top = {a}, bottom = {b};
  const uint64_t biased = /* k + 1024 */
      (top.bits - bottom.bits + ((uint64_t)1024 << 52) + ((uint64_t)1 << 51)) >> 52;
  const word power = {.bits = (biased - 1) << 52};
  const word shifted = {.bits = biased | (uint64_t)0x433 << 52}; /* 2^52 + biased */
  const double k = shifted.number - (0x1p52 + 1024), scaled = power.number * b;
  const double s = (k == 0 ? difference : a - scaled) / (a + scaled), t = s * s;
  double p = 1.0 / 21;
  p = p * t + 1.0 / 19;
  p = p * t + 1.0 / 17;
  p = p * t + 1.0 / 15;
  p = p * t + 1.0 / 13;
  p = p * t + 1.0 / 11;
  p = p * t + 1.0 / 9;
  p = p * t + 1.0 / 7;
  p = p * t + 1.0 / 5;
  p = p * t + 1.0 / 3;
  return k * 0x1.62e42feep-2 + (k * 0x1.a39ef35793c76p-34 + (s + s * t * p));
}

static LSQ_CLONES void invert_tanh(double *v, size_t count, range r) {
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    const double a = clip(v[i], r);
    v[i] = half_log_ratio(1 + a, 1 - a, 2 * a);
  }
}

static LSQ_CLONES void invert_sigmoid(double *v, size_t count, range r) {
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    const double a = clip(v[i], r);
    v[i] = 2 * half_log_ratio(a, 1 - a, 2 * a - 1);
  }
}

static void invert_elu(double *v, size_t count, range r) {
  for (size_t i = 0; i < count; i++)
    v[i] = v[i] < 0 ? log1p(clip(v[i], r)) : v[i];
}

static LSQ_CLONES void invert_leaky_relu(double *v, size_t count, double alpha) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    v[i] = v[i] < 0 && alpha > 0 ? v[i] / alpha : v[i];
}

static void invert(lsq_activation activation, double alpha, range r, double *v, size_t count) {
  switch (activation) {
  case LSQ_TANH:
    invert_tanh(v, count, r);
    break;
  case LSQ_SIGMOID:
    invert_sigmoid(v, count, r);
    break;
  case LSQ_ELU:
    invert_elu(v, count, r);
    break;
  case LSQ_LEAKY_RELU:
    invert_leaky_relu(v, count, alpha);
    break;
  case LSQ_IDENTITY:
  case LSQ_RELU:
  case LSQ_ACTIVATIONS:
    break;
  }
}

void lsq_activation_clip(lsq_activation activation, double margin, const lsq_matrix *values) {
  const range r = range_of(activation, margin);
  for (size_t i = 0; i < values->rows; i++)
    clip_values(lsq_matrix_row(values, i), values->cols, r);
}

void lsq_activation_invert(lsq_activation activation, double alpha, double margin,
                           const lsq_matrix *values) {
  const range r = range_of(activation, margin);
  if (lsq_matrix_is_contiguous(values)) {
    invert(activation, alpha, r, values->data, values->rows * values->cols);
    return;
  }
  for (size_t i = 0; i < values->rows; i++)
    invert(activation, alpha, r, lsq_matrix_row(values, i), values->cols);
}
