/* Size arithmetic that saturates at SIZE_MAX instead of wrapping: a saturated size is
   refused by whoever allocates, so that no sum along the way needs its own check. */
#ifndef LSQ_BASE_SIZE_H
#define LSQ_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest count that fits; a build with 2^32 - 1 shows on any machine what a 32-bit one does.
 */
#ifndef LSQ_SIZE_LIMIT
#define LSQ_SIZE_LIMIT SIZE_MAX
#endif

/* Whether a count from Lua or a file, in 64 bits, is one that this machine can hold. */
static inline bool lsq_size_fits(uint64_t count) {
  return count <= LSQ_SIZE_LIMIT;
}

/* A count that is not negative, cut to the largest one: of iterations and the like. */
static inline size_t lsq_size_of(int64_t count) {
  return lsq_size_fits((uint64_t)count) ? (size_t)count : LSQ_SIZE_LIMIT;
}

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
