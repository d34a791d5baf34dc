/* The activation-pattern Gram matrix (ANMIN, Eq. 6, for binary G):

     U[j,l][p,q] = sum_i F_ij F_il x_ip x_iq,   j <= l < units, p <= q < features

   F binary, rows x units; x rows x features, whose first column ANMIN sets to one. Memory is
   O(units^2 features^2), whatever the number of rows; rows are added block by block. */
#ifndef LSQ_NN_PATTERN_GRAM_H
#define LSQ_NN_PATTERN_GRAM_H

#include "base/arena.h"

typedef struct {
  size_t units, features;
  size_t pairs;    /* units (units + 1) / 2 unordered pairs (j, l), j <= l */
  size_t products; /* features (features + 1) / 2 products (p, q), p <= q */
  size_t stride;   /* doubles from one pair's products to the next's: products, padded */
  double *sums;    /* pairs x stride; U[j,l][p,q] at sums[pair * stride + product] */
  void *scratch;   /* of lsq_pattern_gram_add */
} lsq_pattern_gram;

/* Index of the pair j <= l: row by row of the upper triangle. */
static inline size_t lsq_pattern_pair(size_t units, size_t j, size_t l) {
  return j * units - j * (j + 1) / 2 + l;
}

/* Places an accumulator; measures with a measuring arena. Ask and use it under the same
   thread count. Sums are not initialised. */
void lsq_pattern_gram_place(lsq_pattern_gram *gram, lsq_arena *arena, size_t units,
                            size_t features);

void lsq_pattern_gram_clear(lsq_pattern_gram *gram);

/* Adds rows. z (n x units): unit j fires in row i where z[i][j] > 0; x (n x features). */
void lsq_pattern_gram_add(lsq_pattern_gram *gram, const lsq_matrix *x, const lsq_matrix *z);

#endif
