/* Least squares in few unknowns, for which LAPACK calls cost more than their arithmetic: a sweep of
   ILLS on 200 rows of 2-2-1, three fits in 3 to 6 unknowns, took 44 us with dgelqf, dtpqrt and
   dgesdd for those that are nearly dependent, and takes 10 us with this. Of these 10 the fits
   are 4 (Jacobi's rotations 1.8, Gram-Schmidt 1.6), activations and inverses 1.2, products 1. */
#ifndef LSQ_LINALG_NARROW_H
#define LSQ_LINALG_NARROW_H

#include "base/matrix.h"

enum { LSQ_NARROW = 16 }; /* columns, at most */

/* a (m x n, n <= LSQ_NARROW, m >= n) = q' r by Gram-Schmidt, done twice: orthogonal to rounding,
   like Householder's. q (n x m, contiguous) holds the columns as rows, r (n x n, contiguous) is
   upper triangular. Of a column that depends on those before it up to about 1e-13 the row of q
   and of r is 0. False where numbers are not finite, or so large or small that squares overflow
   or vanish: then q and r are of no use. */
bool lsq_narrow_qr(const lsq_matrix *a, double *q, double *r);

/* Whether the columns of a are independent: q has a unit vector for each. */
bool lsq_narrow_full_rank(const double *r, size_t n);

/* x (n x k) = the minimum-norm least-squares solution of a x = b (m x k), by the
   factors of a; singular values at most rcond times the largest count as zero. False where it
   is not finite. */
bool lsq_narrow_solve(const double *q, const double *r, size_t n, double rcond, const lsq_matrix *b,
                      const lsq_matrix *x);

#endif
