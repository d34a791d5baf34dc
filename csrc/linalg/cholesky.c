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

double lsq_cholesky_log_determinant(const lsq_matrix *factor) {
  double sum = 0;
  for (size_t i = 0; i < factor->rows; i++)
    sum += log(lsq_matrix_row(factor, i)[i]);
  return 2 * sum;
}
