/* Ordinary least squares with an intercept, as a network of one identity layer. */
#ifndef LSQ_TRAIN_LINEAR_REGRESSION_H
#define LSQ_TRAIN_LINEAR_REGRESSION_H

#include "base/rows.h"
#include "nn/network.h"

size_t lsq_linear_regression_workspace(const lsq_rows *rows);

/* Fits net (depth 1, with a bias) to at least one row, in two passes. The columns of x are centred
   and scaled to the same norm before singular values at most rcond times the largest count as zero,
   so that no unit decides the rank; of several solutions the one whose weights have the smallest
   norm is taken. rank gets the rank of the centred x, loss the mean squared error.
   LSQ_NON_FINITE, LSQ_NO_CONVERGENCE, LSQ_TOO_LARGE, or what reading gives. */
lsq_status lsq_linear_regression(lsq_network *net, const lsq_rows *rows, double rcond, size_t *rank,
                                 double *loss, void *workspace, lsq_error *error);

#endif
