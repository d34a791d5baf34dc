/* Measures of a prediction against the targets y of the same shape, at least 1 x 1. weights (one a
   row, not negative, positive sum; NULL: all 1): a row of weight k counts k times. Sums of squares
   are scaled: they neither overflow nor vanish unless the result does. */
#ifndef LSQ_NN_METRICS_H
#define LSQ_NN_METRICS_H

#include "base/matrix.h"

/* Means over all entries of the squared and of the absolute error. */
double lsq_metric_mse(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights);
double lsq_metric_mae(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights);

/* Mean over the columns of 1 - (sum of squared errors) / (sum of squares about the mean); a
   constant column counts 1 where it is predicted exactly, otherwise 0. */
double lsq_metric_r2(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights);

/* Share of the rows in the right class: the greatest entry's column (the first of several),
   or, for one column, whether y is above 0.5 and the prediction above `threshold`. */
double lsq_metric_accuracy(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                           double threshold);

/* Mean over the rows of -sum_j y_j ln p_j; for one column -y ln p - (1 - y) ln(1 - p).
   Probabilities below 2^-52 count as 2^-52, so that no row costs more than 36.05. */
double lsq_metric_cross_entropy(const lsq_matrix *y, const lsq_matrix *probability,
                                const double *weights);

/* Whether every row holds probabilities: entries in [0, 1] that sum to 1 (one column: in
   [0, 1]); when not, *row is the first (0-based) that does not. */
bool lsq_metric_accepts(const lsq_matrix *probability, size_t *row);

#endif
