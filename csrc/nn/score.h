/* How good predictions are: measures that are made of sums over rows, so that they can be
   gathered block by block, in any number of processes. */
#ifndef LSQ_NN_SCORE_H
#define LSQ_NN_SCORE_H

#include "base/matrix.h"

enum { LSQ_SCORE_DOUBLES = 8 }; /* that the sums of one column take */

typedef struct {
  /* sums (LSQ_SCORE_DOUBLES a column) = those of these rows, each times its weight; weights NULL:
     all 1. */
  void (*measure)(const lsq_matrix *y, const lsq_matrix *prediction, const double *weights,
                  double *sums);
  /* sums += more, of rows that follow. */
  void (*merge)(double *sums, const double *more, size_t cols);
  double (*value)(const double *sums, size_t cols);
  bool raw; /* of a net's raw output, not of what is expected of y */
} lsq_score;

/* Mean over the columns of 1 - (sum of squared errors) / (sum of squares about the mean); a
   constant column counts 1 where it is predicted exactly, otherwise 0. */
extern const lsq_score lsq_score_r2;

/* Share of the rows in the right class, of logits: the greatest entry's column (the first of
   several), or, for one column, whether y is above 0.5 and the logit above 0. */
extern const lsq_score lsq_score_accuracy;

#endif
