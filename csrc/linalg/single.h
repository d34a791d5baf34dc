/* The little that is done in single precision: factors of matrices that are averages anyway.
   Everything runs on the calling thread, so that the bits do not depend on the number of
   threads. */
#ifndef LSQ_LINALG_SINGLE_H
#define LSQ_LINALG_SINGLE_H

#include "base/arena.h"
#include "base/status.h"

/* A row-major view. */
typedef struct {
  float *data;
  size_t rows, cols;
  size_t stride; /* floats from one row to the next */
} lsq_single;

static inline lsq_single lsq_arena_single(lsq_arena *arena, size_t rows, size_t cols) {
  const size_t count = lsq_size_multiply(rows, cols);
  return (lsq_single){(float *)lsq_arena_take(arena, count, sizeof(float)), rows, cols, cols};
}

static inline float *lsq_single_row(const lsq_single *m, size_t row) {
  return m->data + row * m->stride;
}

/* The lower triangle of a (n x n) -= that of z z', z n x k. */
void lsq_single_subtract_products(const lsq_single *z, const lsq_single *a);

/* Columns first .. first + count - 1 of the lower Cholesky factor of a (n x n, symmetric, lower
   triangle read), over a, when all columns before are done: a factorisation that can be cut. What
   is above the diagonal may be overwritten. LSQ_NOT_POSITIVE_DEFINITE, LSQ_NON_FINITE. */
lsq_status lsq_single_cholesky_columns(const lsq_single *a, size_t first, size_t count,
                                       lsq_error *error);

/* Each row of b (k x n) <- L^-1 times it, L (n x n) the lower triangle of `factor`. */
void lsq_single_forward_rows(const lsq_single *factor, const lsq_single *b);

/* b (n) <- (L L')^-1 b. */
void lsq_single_cholesky_solve(const lsq_single *factor, float *b);

#endif
