/* Factorisation of matrices with few columns, for which a LAPACK call costs more than its
   arithmetic. */
#ifndef LSQ_LINALG_NARROW_H
#define LSQ_LINALG_NARROW_H

#include "base/matrix.h"

enum { LSQ_NARROW = 16 }; /* columns, at most */

/* a (m x n, n <= LSQ_NARROW, m >= n, kept) = q' r by Gram-Schmidt, done twice: orthogonal to
   rounding, like Householder's. q (n x m, contiguous) holds the columns as rows, r (n x n,
   contiguous) is upper triangular. False where a column depends on those before it up to
   about 1e-5, or is not finite: then q and r are of no use. */
bool lsq_narrow_qr(const lsq_matrix *a, double *q, double *r);

/* x (n x k) = the least-squares solution of a x = b (m x k), by the factors of a. False where
   it is not finite. */
bool lsq_narrow_solve(const double *q, const double *r, size_t n, const lsq_matrix *b,
                      const lsq_matrix *x);

#endif
