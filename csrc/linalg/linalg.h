/* The only callers of BLAS and LAPACK. Everything outside this folder is row-major; that
   LAPACK is column-major is known here alone. Every function that hands data to LAPACK first
   checks that they are finite (a NaN ends the process in reference dgelsd). Sizes beyond a
   LAPACK integer give LSQ_TOO_LARGE. Workspace is in bytes, asked for beforehand. */
#ifndef LSQ_LINALG_H
#define LSQ_LINALG_H

#include "base/matrix.h"
#include "base/status.h"

/* c = alpha op(a) op(b) + beta c, op the transpose where asked for. c overlaps neither. */
void lsq_multiply(double alpha, const lsq_matrix *a, bool transpose_a, const lsq_matrix *b,
                  bool transpose_b, double beta, const lsq_matrix *c);

/* a (n x n, symmetric; its lower triangle is read) <- its lower Cholesky factor in the lower
   triangle; what is above the diagonal is left alone. LSQ_NOT_POSITIVE_DEFINITE. */
lsq_status lsq_cholesky(const lsq_matrix *a, lsq_error *error);

/* b (n x k) <- (L L')^-1 b, with L in the lower triangle of `factor`. */
void lsq_cholesky_solve(const lsq_matrix *factor, const lsq_matrix *b);

/* ln |L L'|, from the diagonal of the factor. */
double lsq_cholesky_log_determinant(const lsq_matrix *factor);

/* a (n x n, symmetric; lower triangle read) is overwritten: values (n) get the eigenvalues,
   ascending; with vectors, row-major COLUMNS of a become the eigenvectors, in that order. */
size_t lsq_eigh_workspace(size_t n, bool vectors);
lsq_status lsq_eigh(const lsq_matrix *a, double *values, bool vectors, void *workspace,
                    lsq_error *error);

/* x (n x k) = the minimum-norm least-squares solution of a x = b by the SVD, singular values
   at most rcond times the largest counting as zero; a (m x n) and b (m x k) are kept.
   rank may be NULL. Any m, n, also 0. */
size_t lsq_least_squares_workspace(size_t m, size_t n, size_t k);
lsq_status lsq_least_squares(const lsq_matrix *a, const lsq_matrix *b, double rcond,
                             const lsq_matrix *x, size_t *rank, void *workspace,
                             lsq_error *error);

#endif
