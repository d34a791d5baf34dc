/* The output layer of a net with identity output and squared error, solved in closed form: the
   refit of its weights and biases b, and what the normal equations of all parameters (a, b) become
   once b is eliminated (Kaufman 1975, variable projection). */
#ifndef LSQ_TRAIN_REFIT_H
#define LSQ_TRAIN_REFIT_H

#include "nn/network.h"
#include "train/sweep.h"

typedef struct {
  size_t inputs, outputs; /* h + 1 and c */
  size_t before;          /* parameters of a */
  lsq_matrix block;       /* inputs x inputs: H_bb of one output, then its factor */
  lsq_matrix mixed;       /* inputs x (outputs times before): H_ba, then L^-1 of it */
  lsq_matrix right;       /* inputs x outputs: g_b, then L^-1 of it */
} lsq_refit;

void lsq_refit_place(lsq_refit *self, lsq_arena *arena, const lsq_network *net);

/* The output layer in `parameters` <- B of (S'W S + ridge I) B = S'W Y, from an OUTPUT sweep, which
   is overwritten; ridge is raised to 1e-13 of the largest diagonal entry. */
lsq_status lsq_refit_solve(const lsq_refit *self, const lsq_sweep *sweep, double ridge,
                           double *parameters, lsq_error *error);

/* schur (before x before, lower) <- H_aa - H_ab H_bb^-1 H_ba and gradient (before) <- g_a - H_ab
   H_bb^-1 g_b, where H = scale matrix + lambda I, to the block of which that belongs to b 1e-12
   max(scale matrix_ii, floor) is added. */
lsq_status lsq_refit_eliminate(lsq_refit *self, const lsq_matrix *matrix, double scale,
                               double lambda, double floor, const double *full_gradient,
                               const lsq_matrix *schur, double *gradient, lsq_error *error);

#endif
