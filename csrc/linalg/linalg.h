/* The only callers of BLAS and LAPACK. Everything outside this folder is row-major; that
   LAPACK is column-major is known here alone. Every function that hands data to LAPACK first
   checks that they are finite (a NaN ends the process in reference dgelsd). Sizes beyond a
   LAPACK integer give LSQ_TOO_LARGE. Workspace is in bytes, asked for beforehand. Shapes may
   be 0 and strides anything wherever nothing else is said. */
#ifndef LSQ_LINALG_H
#define LSQ_LINALG_H

#include "base/matrix.h"
#include "base/status.h"

/* LSQ_NON_FINITE, naming the first row and column (from 1) that is not, unless all of m is
   finite. `name` begins the message: "the matrix", "the right-hand side". */
lsq_status lsq_require_finite(const lsq_matrix *m, const char *name, lsq_error *error);

/* out (n x m) = a' for a (m x n); they must not overlap. */
void lsq_transpose(const lsq_matrix *a, const lsq_matrix *out);

/* c = alpha op(a) op(b) + beta c, op the transpose where asked for. c overlaps neither. */
void lsq_multiply(double alpha, const lsq_matrix *a, bool transpose_a, const lsq_matrix *b,
                  bool transpose_b, double beta, const lsq_matrix *c);

/* a (n x n, symmetric; its lower triangle is read) <- its lower Cholesky factor in the lower
   triangle; what is above the diagonal is left alone. LSQ_NOT_POSITIVE_DEFINITE. */
lsq_status lsq_cholesky(const lsq_matrix *a, lsq_error *error);

/* b (n x k) <- (L L')^-1 b, with L in the lower triangle of `factor`. */
void lsq_cholesky_solve(const lsq_matrix *factor, const lsq_matrix *b);

/* b (n x k) <- L^-1 b. */
void lsq_cholesky_forward(const lsq_matrix *factor, const lsq_matrix *b);

/* The same factor in pieces, for those that have to stop in between: columns first .. first +
   count - 1 of it, when all columns before are done. What is above the diagonal of these columns'
   own block may be overwritten. */
lsq_status lsq_cholesky_columns(const lsq_matrix *a, size_t first, size_t count, lsq_error *error);

/* The diagonal of (L L')^-1; scratch is n x n. */
void lsq_cholesky_inverse_diagonal(const lsq_matrix *factor, const lsq_matrix *scratch,
                                   double *diagonal);

/* ln |L L'|, from the diagonal of the factor. */
double lsq_cholesky_log_determinant(const lsq_matrix *factor);

/* a (n x n, symmetric; lower triangle read) is overwritten: values (n) get the eigenvalues,
   ascending; with vectors, row-major COLUMNS of a become the eigenvectors, in that order. */
size_t lsq_eigh_workspace(size_t n, bool vectors);
lsq_status lsq_eigh(const lsq_matrix *a, double *values, bool vectors, void *workspace,
                    lsq_error *error);

/* Thin singular value decomposition a = u diag(values) v', k = min(m, n): a (m x n) is kept,
   u m x k, values k, descending, v n x k. By dgesdd, and by dgesvd where that does not
   converge. */
size_t lsq_svd_workspace(size_t m, size_t n);
lsq_status lsq_svd(const lsq_matrix *a, const lsq_matrix *u, double *values, const lsq_matrix *v,
                   void *workspace, lsq_error *error);

/* The singular values alone, descending. */
size_t lsq_singular_values_workspace(size_t m, size_t n);
lsq_status lsq_singular_values(const lsq_matrix *a, double *values, void *workspace,
                               lsq_error *error);

/* max(rows, cols) * 2^-52: below it, relative to the largest, a singular value is rounding. */
double lsq_default_rcond(size_t rows, size_t cols);

/* How many of count descending values are above rcond times the first. */
size_t lsq_numerical_rank(const double *values, size_t count, double rcond);

/* The first over the last of count descending values: infinite when the last is 0, 0 when there
   are none. */
double lsq_condition_number(const double *values, size_t count);

/* out (n x m) = the Moore-Penrose pseudoinverse of a (m x n), which is kept; singular values
   at most rcond times the largest count as zero. */
size_t lsq_pseudoinverse_workspace(size_t m, size_t n);
lsq_status lsq_pseudoinverse(const lsq_matrix *a, double rcond, const lsq_matrix *out,
                             void *workspace, lsq_error *error);

/* Thin a = q r by Householder reflections, k = min(m, n): a (m x n) is kept, q m x k, r k x n
   upper triangular (trapezoidal for m < n); the diagonal of r may be negative. */
size_t lsq_qr_workspace(size_t m, size_t n);
lsq_status lsq_qr(const lsq_matrix *a, const lsq_matrix *q, const lsq_matrix *r, void *workspace,
                  lsq_error *error);

/* b (n x k) <- a^-1 b by LU with partial pivoting; a (n x n) is kept. LSQ_SINGULAR for a
   reciprocal condition number (dgecon's, in the 1-norm) below 2^-52, and for a solution that
   overflows. */
size_t lsq_solve_workspace(size_t n, size_t k);
lsq_status lsq_solve(const lsq_matrix *a, const lsq_matrix *b, void *workspace, lsq_error *error);

/* ln |det a| and the sign of det a: -1, 0 (then the logarithm is -infinity) or 1; 0 where the
   reciprocal condition number of a, rows and columns scaled, is below 2^-52. */
size_t lsq_log_determinant_workspace(size_t n);
lsq_status lsq_log_determinant(const lsq_matrix *a, double *logarithm, int *sign, void *workspace,
                               lsq_error *error);

/* x (n x k) = the minimum-norm least-squares solution of a x = b by the SVD, singular values
   at most rcond times the largest counting as zero; a (m x n) and b (m x k) are kept.
   rank may be NULL. Any m, n, also 0. Workspace for m >= n does not grow with m. */
size_t lsq_least_squares_workspace(size_t m, size_t n, size_t k);
lsq_status lsq_least_squares(const lsq_matrix *a, const lsq_matrix *b, double rcond,
                             const lsq_matrix *x, size_t *rank, void *workspace, lsq_error *error);

/* The same for problems that are solved by the thousand: on the calling thread, and several
   times as fast where a and b fit a second-level cache. Workspace as for both. */
size_t lsq_small_least_squares_workspace(size_t m, size_t n, size_t k);
lsq_status lsq_small_least_squares(const lsq_matrix *a, const lsq_matrix *b, double rcond,
                                   const lsq_matrix *x, void *workspace, lsq_error *error);

#endif
