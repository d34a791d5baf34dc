/* Ordinary least squares with an intercept, as a network of one identity layer. */
#ifndef LSQ_TRAIN_LINEAR_REGRESSION_H
#define LSQ_TRAIN_LINEAR_REGRESSION_H

#include "nn/network.h"

size_t lsq_linear_regression_workspace(size_t rows, size_t inputs, size_t outputs);

/* Fits net (depth 1, with a bias) to x, y: finite, the same number of rows, at least one. Of
   several solutions the one whose weights have the smallest norm is taken; singular values of
   the centred x at most rcond times the largest count as zero. rank gets the rank of the
   centred x, loss the mean squared error. */
lsq_status lsq_linear_regression(lsq_network *net, const lsq_matrix *x, const lsq_matrix *y,
                                 double rcond, size_t *rank, double *loss, void *workspace,
                                 lsq_error *error);

#endif
