/* Reductions of a matrix to a number, a row or a column. */
#ifndef LSQ_LINALG_REDUCE_H
#define LSQ_LINALG_REDUCE_H

#include "base/matrix.h"

typedef enum {
  LSQ_SUM,  /* compensated: one rounding, however many terms (Ogita, Rump and Oishi 2005, Sum2) */
  LSQ_MEAN, /* the sum divided by the count */
  LSQ_STD,  /* two passes over deviations, divided by count - 1 (NaN for a count of 1) */
  LSQ_MIN,  /* NaN when there is one among the elements */
  LSQ_MAX
} lsq_reduction;

typedef enum {
  LSQ_WHOLE,     /* to one number: out 1 x 1 */
  LSQ_DOWN_ROWS, /* each column to a number: out 1 x cols */
  LSQ_ALONG_COLS /* each row to a number: out rows x 1 */
} lsq_axis;

/* How many elements one result is made of. */
size_t lsq_reduction_count(const lsq_matrix *m, lsq_axis axis);

/* out must not overlap m. The sum of nothing is 0, everything else of it NaN. */
void lsq_reduce(lsq_reduction reduction, const lsq_matrix *m, lsq_axis axis, const lsq_matrix *out);

/* Frobenius norm; neither overflows nor vanishes unless the norm itself does. */
double lsq_norm(const lsq_matrix *m);

#endif
