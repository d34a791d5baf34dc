/* Our lower triangle, read by columns, is LAPACK's upper one: L L' = U' U with U = L'. */
#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/threading.h"

lsq_status lsq_cholesky(const lsq_matrix *a, lsq_error *error) {
  if (a->rows == 0)
    return LSQ_OK;
  if (!lsq_fits_blas(a->rows) || !lsq_fits_blas(a->stride))
    return lsq_too_large(a->rows, a->cols, error);
  const lsq_status status = lsq_require_finite_lower(a, error);
  if (status != LSQ_OK)
    return status;
  const int n = (int)a->rows, lda = lsq_leading(a->stride);
  int info = 0;
  const int before = lsq_routine_enter(LSQ_DPOTRF, (double)n * n * n / 6);
  dpotrf_("U", &n, a->data, &lda, &info, 1);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dpotrf", info, error);
  if (info > 0)
    return lsq_fail(error, LSQ_NOT_POSITIVE_DEFINITE,
                    "the matrix is not positive definite: its leading %d x %d part is not", info,
                    info);
  return LSQ_OK;
}

/* Left-looking: what the columns before take away, the block on the diagonal, what is below. */
lsq_status lsq_cholesky_columns(const lsq_matrix *a, size_t first, size_t count, lsq_error *error) {
  const size_t below = a->rows - first - count, end = first + count;
  if (!lsq_fits_blas(a->rows) || !lsq_fits_blas(a->stride))
    return lsq_too_large(a->rows, a->cols, error);
  const lsq_matrix done = {lsq_matrix_row(a, first), a->rows - first, first, a->stride};
  const lsq_matrix beside = {done.data, count, first, a->stride};
  const lsq_matrix columns = {done.data + first, done.rows, count, a->stride};
  if (first > 0)
    lsq_multiply(-1, &done, false, &beside, true, 1, &columns);
  const lsq_matrix block = lsq_matrix_rows(&columns, 0, count);
  const lsq_status status = lsq_cholesky(&block, error);
  if (status != LSQ_OK || below == 0)
    return status;
  const int n = (int)count, k = (int)below, lda = lsq_leading(a->stride);
  const double one = 1;
  const int before = lsq_routine_enter(LSQ_DTRSM, (double)n * n * k / 2);
  dtrsm_("L", "U", "T", "N", &n, &k, &one, block.data, &lda, lsq_matrix_row(a, end) + first, &lda,
         1, 1, 1, 1);
  lsq_threads_leave(before);
  return LSQ_OK;
}

void lsq_cholesky_forward(const lsq_matrix *factor, const lsq_matrix *b) {
  const int n = (int)factor->rows, k = (int)b->cols;
  const int lda = lsq_leading(factor->stride), ldb = lsq_leading(b->stride);
  const double one = 1;
  if (n == 0 || k == 0)
    return;
  const lsq_routine routine = k == 1 ? LSQ_DTRSV : LSQ_DTRSM;
  const int before = lsq_routine_enter(routine, (double)n * n * k / 2);
  if (k == 1)
    dtrsv_("U", "T", "N", &n, factor->data, &lda, b->data, &ldb, 1, 1, 1);
  else
    dtrsm_("R", "U", "N", "N", &k, &n, &one, factor->data, &lda, b->data, &ldb, 1, 1, 1, 1);
  lsq_threads_leave(before);
}

void lsq_cholesky_solve(const lsq_matrix *factor, const lsq_matrix *b) {
  const int n = (int)factor->rows, k = (int)b->cols;
  const int lda = lsq_leading(factor->stride), ldb = lsq_leading(b->stride);
  const double one = 1;
  if (n == 0 || k == 0)
    return;
  const lsq_routine routine = k == 1 ? LSQ_DTRSV : LSQ_DTRSM;
  const int before = lsq_routine_enter(routine, (double)n * n * k / 2);
  if (k == 1) {
    dtrsv_("U", "T", "N", &n, factor->data, &lda, b->data, &ldb, 1, 1, 1);
    dtrsv_("U", "N", "N", &n, factor->data, &lda, b->data, &ldb, 1, 1, 1);
  } else { /* b is b' by columns: b' <- b' (U' U)^-1 */
    dtrsm_("R", "U", "N", "N", &k, &n, &one, factor->data, &lda, b->data, &ldb, 1, 1, 1, 1);
    dtrsm_("R", "U", "T", "N", &k, &n, &one, factor->data, &lda, b->data, &ldb, 1, 1, 1, 1);
  }
  lsq_threads_leave(before);
}

void lsq_cholesky_inverse_diagonal(const lsq_matrix *factor, const lsq_matrix *scratch,
                                   double *diagonal) {
  lsq_matrix_fill(scratch, 0);
  for (size_t i = 0; i < factor->rows; i++) {
    lsq_matrix_row(scratch, i)[i] = 1;
    diagonal[i] = 0;
  }
  lsq_cholesky_forward(factor, scratch);
  for (size_t k = 0; k < factor->rows; k++) /* (L L')^-1 = L^-T L^-1 */
    for (size_t i = 0; i <= k; i++)
      diagonal[i] += lsq_matrix_row(scratch, k)[i] * lsq_matrix_row(scratch, k)[i];
}

double lsq_cholesky_log_determinant(const lsq_matrix *factor) {
  double sum = 0;
  for (size_t i = 0; i < factor->rows; i++)
    sum += log(lsq_matrix_row(factor, i)[i]);
  return 2 * sum;
}
