/* The deviation system of ILLS: how the parameters of hidden layers, D, have to move so that
   what lies above them gets the residual R, to first order:

     sum over (j, i) of G_k[n, j] P[n, i] D[i, j] = R[n, k]      for row n and output k

   with P the layer's inputs (the column of ones included) and G_k = d z_k / d z of the layer,
   z_k being what R is the residual of. Rows are taken in blocks, dealt to fixed lanes whose
   sums are added in order: no result depends on the number of threads, and no matrix here
   grows with N but the projection's q and R. */
#ifndef LSQ_TRAIN_DEVIATION_H
#define LSQ_TRAIN_DEVIATION_H

#include "train/ills_point.h"

typedef struct lsq_deviation_lane lsq_deviation_lane;

typedef struct {
  const lsq_ills_settings *settings;
  const lsq_ills_point *base; /* where it is linearised; its output layer is fitted */
  const lsq_network *above;   /* of a lower local layer: the net whose layer l + 1 is W */
  lsq_ills_scale scale;       /* of the rows of A and of R */

  size_t lowest, highest; /* hidden layers solved for at once */
  bool local;             /* R is the residual of layer `highest` + 1, not of the output */
  bool projected;
  bool filled;            /* the only lane holds A as it was before the projection */
  size_t unknowns, sides; /* columns of the system; columns of R */

  lsq_matrix residual; /* N x sides */
  lsq_matrix targets;  /* N x width, of lsq_deviation_targets */
  lsq_matrix *q;       /* of each output (without a weighting the first serves all): N x rank */
  size_t q_count;
  lsq_matrix q_triangle;  /* of their factorisation */
  lsq_matrix *projection; /* Q_k' A_k of each output */

  size_t rows, block_rows, lanes;
  lsq_deviation_lane *lane;
  lsq_matrix matrix;  /* unknowns x unknowns */
  double *right;      /* unknowns */
  double *deviation;  /* unknowns: D of each layer from the lowest, row by row */
  lsq_matrix stacked; /* of the orthogonal route: its triangle above a block of rows */
  lsq_matrix orthogonal;
  lsq_matrix triangle;
  void *qr, *least_squares, *q_workspace;
} lsq_deviation_system;

void lsq_deviation_place(lsq_deviation_system *self, lsq_arena *arena, const lsq_network *net,
                         const lsq_ills_settings *settings, size_t rows);

/* residual <- its rows scaled. */
void lsq_deviation_scale_residual(lsq_deviation_system *self);

/* The subspaces that the joint projection removes, from the scaled inputs of the output
   layer. */
lsq_status lsq_deviation_project(lsq_deviation_system *self, lsq_ills_output *output,
                                 const lsq_ills_point *base, lsq_error *error);

/* deviation <- the solution: damped, relative to the mean of the diagonal of A'A, by Cholesky
   of A'A, or at minimum norm by orthogonal transformations where damping is 0 or Cholesky
   fails. */
lsq_status lsq_deviation_solve(lsq_deviation_system *self, double damping, lsq_error *error);

/* targets <- what layer l should give before activation after a step of the given size, and,
   for the chain, residual -= what the full step of the layer takes away. */
void lsq_deviation_targets(lsq_deviation_system *self, size_t l, double step_size);

/* D of layer l: inputs x width. */
lsq_matrix lsq_deviation_of(const lsq_deviation_system *self, size_t l);

#endif
