/* The activation-pattern Gram matrix (ANMIN, Eq. 6, for binary G):

     U[j,l][p,q] = sum_i F_ij F_il x_ip x_iq,   j <= l < units, p <= q < features

   F binary, rows x units; x rows x features, whose last column ANMIN sets to one. Memory is
   O(units^2 features^2), whatever the number of rows; rows are added block by block. */
#ifndef LSQ_NN_PATTERN_GRAM_H
#define LSQ_NN_PATTERN_GRAM_H

#include <stdint.h>

#include "base/arena.h"

/* Scratch of lsq_pattern_gram_add. A slot holds one distinct firing pattern (a row of F) and
   the summed products x_ip x_iq of the rows that show it. */
typedef struct {
  size_t threads;    /* that the tables are placed for */
  size_t words;      /* 64-bit words of one firing pattern */
  size_t batch;      /* rows packed at a time */
  size_t capacity;   /* slots; a multiple of the slots of a pass */
  size_t used;       /* slots filled */
  unsigned hash_log; /* log2 of the entries of hash */
  uint64_t *packed;  /* batch x words: the firing patterns of the rows being added */
  uint32_t *slot_of; /* batch: the slot of each of those rows */
  uint32_t *hash;    /* 2^hash_log: 1 + a slot, 0 where empty */
  uint64_t *pattern; /* capacity x words: the firing pattern of each slot */
  double *products;  /* capacity x stride: the summed products of each slot */
  uint64_t *columns; /* passes x units: bit r is set where the unit fires in slot r of the pass */
  double *tables;    /* threads x one pass's subset sums */
} lsq_pattern_scratch;

enum { LSQ_PATTERN_LEVELS = 2, LSQ_MOST_PATTERN_LEAVES = 4 };

/* The leaves that are complete. Level k holds, where bit k of `added` is set, the table of 2^k. */
typedef struct {
  double *own; /* where the sums were placed */
  double *lent[LSQ_PATTERN_LEVELS];
  double *level[LSQ_PATTERN_LEVELS];
  size_t added;
} lsq_pattern_leaves;

typedef struct {
  size_t units, features;
  size_t pairs;    /* units (units + 1) / 2 unordered pairs (j, l), j <= l */
  size_t products; /* features (features + 1) / 2 products (p, q), p <= q */
  size_t stride;   /* doubles from one pair's products to the next's: products, padded */
  double *sums;    /* pairs x stride; U[j,l][p,q] at sums[pair * stride + product] */
  lsq_pattern_leaves leaves;
  lsq_pattern_scratch scratch;
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

/* Adds rows. z (n x units): unit j fires in row i where z[i][j] > 0, so that neither 0 nor NaN
   fires; x (n x features). The same calls give the same bits under any number of threads.
   Splitting the rows among calls differently changes the order of summation, and so the last
   bits. A row that is not finite spoils the sums of the pairs that fire in it, no others. */
void lsq_pattern_gram_add(lsq_pattern_gram *gram, const lsq_matrix *x, const lsq_matrix *z);

/* The two halves of it: some rows may wait in the slots, where those of later calls join them if
   they show the same patterns, until the sums are asked for. */
void lsq_pattern_gram_gather(lsq_pattern_gram *gram, const lsq_matrix *x, const lsq_matrix *z);
void lsq_pattern_gram_flush(lsq_pattern_gram *gram);

/* Sums of several leaves of rows, at most LSQ_MOST_PATTERN_LEAVES, added along a binary tree over
   their numbers: what lies between two calls of end_leaf is one. The tables of those that wait lie
   in memory that is lent, of lsq_pattern_gram_length doubles each, aligned as an arena's. It is the
   lender's again after the last leaf, when gram->sums, where they were placed, is the sum of all;
   before that it is the leaf under way. Of one leaf nothing needs to be lent, and end_leaf does no
   more than lsq_pattern_gram_flush. */
size_t lsq_pattern_gram_length(const lsq_pattern_gram *gram);
void lsq_pattern_gram_lend(lsq_pattern_gram *gram, double *const lent[LSQ_PATTERN_LEVELS]);
void lsq_pattern_gram_end_leaf(lsq_pattern_gram *gram, bool last);

#endif
