/* J'J along a training: of all rows at every point, or of some rows a point, others every time,
   averaged so that late points weigh more:

     matrix <- (1 - 1/w) matrix + (N / n) J_n'J_n / w,   w = 1 at first, then 0.7 w + 1.

   The rows come from a fixed permutation, cyclic. */
#ifndef LSQ_TRAIN_NORMAL_MATRIX_H
#define LSQ_TRAIN_NORMAL_MATRIX_H

#include "train/curvature.h"

typedef struct {
  lsq_curvature curvature;
  const double *mask; /* 0 for unknowns that stay and tell the others nothing; NULL: none do */
  size_t count, rows; /* unknowns P; rows in all, N */
  lsq_matrix matrix;  /* P x P, lower */
  lsq_matrix scratch; /* P x P, the caller's: free while the matrix is formed */
  size_t sample;      /* rows a point, n; N: all */
  size_t *order;      /* N: the permutation; NULL where all rows are taken */
  size_t cursor;
  double weight;
  bool samples; /* still */
} lsq_normal_matrix;

void lsq_normal_matrix_place(lsq_normal_matrix *self, lsq_arena *arena, const lsq_network *net,
                             const lsq_rows *rows, const double *mask, lsq_curvature_way way,
                             size_t sample, const lsq_matrix *scratch);
void lsq_normal_matrix_start(lsq_normal_matrix *self, lsq_random *random);

/* From the next point on, all rows. */
void lsq_normal_matrix_use_all(lsq_normal_matrix *self);

/* The matrix at the given parameters, in steps; true when it is there, which a failed read makes
   it. */
void lsq_normal_matrix_begin(lsq_normal_matrix *self, const double *parameters);
bool lsq_normal_matrix_advance(lsq_normal_matrix *self);

#endif
