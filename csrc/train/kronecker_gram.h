/* J'J of a block of rows, pair of layers by pair of layers, from what the layers take and the
   derivatives by what they put out (see curvature.h). */
#ifndef LSQ_TRAIN_KRONECKER_GRAM_H
#define LSQ_TRAIN_KRONECKER_GRAM_H

#include "nn/network.h"

/* What a block of rows brings. */
typedef struct {
  const lsq_network *net;
  size_t rows;
  const lsq_matrix *inputs; /* of each layer: rows x its inputs */
  const lsq_matrix *deltas; /* of each layer: c times rows x its outputs, output by output */
  bool is_plain;            /* the last layer's deltas are multiples of unit vectors */
} lsq_row_factors;

/* Doubles of the sums of all pairs, of the two factors of a row at most, and multiplications of a
   row: in products, and in making the factors. */
typedef struct {
  size_t sums, left, right;
  double products, factors;
} lsq_kronecker_size;

lsq_kronecker_size lsq_kronecker_size_of(const lsq_network *net, bool is_plain);

/* sums += those of the block; left and right are scratch of rows x size.left and size.right. */
void lsq_kronecker_add(const lsq_row_factors *block, double *sums, double *left, double *right);

/* The lower triangle of matrix (P x P) <- what the sums say. */
void lsq_kronecker_expand(const lsq_network *net, bool is_plain, const double *sums,
                          const lsq_matrix *matrix);

#endif
