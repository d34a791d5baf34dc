/* Size arithmetic that saturates at SIZE_MAX instead of wrapping: a saturated size is
   refused by whoever allocates, so that no sum along the way needs its own check. */
#ifndef LSQ_BASE_SIZE_H
#define LSQ_BASE_SIZE_H

#include <stddef.h>
#include <stdint.h>

static inline size_t lsq_size_add(size_t a, size_t b) {
  return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static inline size_t lsq_size_multiply(size_t a, size_t b) {
  return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static inline size_t lsq_size_min(size_t a, size_t b) {
  return a < b ? a : b;
}

static inline size_t lsq_size_max(size_t a, size_t b) {
  return a > b ? a : b;
}

#endif
