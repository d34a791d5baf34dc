/* What the inverses of several activations are made of. */
#ifndef LSQ_NN_INVERSE_H
#define LSQ_NN_INVERSE_H

#include "base/simd.h"

/* The value brought into [low, high]; NaN stays. */
LSQ_INLINE double lsq_clip(double value, double low, double high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}

/* log(a / b) / 2 of positive normal numbers, to 2 or 3 units in the last place where a - b is
   given that well: without a call or a branch, so that the compiler can do several at a time. It
   is k ln 2 / 2 + artanh(s) with s = (a - 2^k b) / (a + 2^k b). The exponents and leading bits
   tell k to within 0.09, so that |s| < 0.2005, and 11 terms of the series are enough. */
LSQ_INLINE double lsq_half_log_ratio(double a, double b, double difference) {
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

#endif
