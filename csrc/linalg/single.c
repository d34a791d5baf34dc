/* Our lower triangle, read by columns, is LAPACK's upper one: L L' = U' U with U = L'. */
#include "linalg/single.h"

#include "base/threads.h"
#include "linalg/blas.h"

void lsq_single_subtract_products(const lsq_single *z, const lsq_single *a) {
  const int n = (int)a->rows, k = (int)z->cols;
  const int lda = lsq_leading(z->stride), ldc = lsq_leading(a->stride);
  const float minus = -1, one = 1;
  const int threads = lsq_threads_enter(1);
  if (n > 0 && k > 0)
    ssyrk_("U", "T", &n, &k, &minus, z->data, &lda, &one, a->data, &ldc, 1, 1);
  lsq_threads_leave(threads);
}

/* a (rows below the first) -= what the columns before take away. */
static void subtract_before(const lsq_single *a, size_t first, size_t count) {
  const int m = (int)count, n = (int)(a->rows - first), k = (int)first;
  const int lda = lsq_leading(a->stride);
  const float minus = -1, one = 1;
  float *below = lsq_single_row(a, first);
  sgemm_("T", "N", &m, &n, &k, &minus, below, &lda, below, &lda, &one, below + first, &lda, 1, 1);
}

static bool is_finite_lower(const lsq_single *a, size_t first, size_t count) {
  for (size_t i = first; i < a->rows; i++) {
    const float *row = lsq_single_row(a, i);
    for (size_t j = first; j < lsq_size_min(first + count, i + 1); j++)
      if (!isfinite(row[j]))
        return false;
  }
  return true;
}

/* Left-looking: what the columns before take away, the block on the diagonal, what is below. */
static lsq_status factor_columns(const lsq_single *a, size_t first, size_t count,
                                 lsq_error *error) {
  const int n = (int)count, below = (int)(a->rows - first - count), lda = lsq_leading(a->stride);
  const float one = 1;
  float *block = lsq_single_row(a, first) + first;
  int info = 0;
  if (first > 0)
    subtract_before(a, first, count);
  if (!is_finite_lower(a, first, count))
    return lsq_fail(error, LSQ_NON_FINITE, "the matrix is not finite");
  spotrf_("U", &n, block, &lda, &info, 1);
  if (info < 0)
    return lsq_lapack_misused("spotrf", info, error);
  if (info > 0)
    return lsq_fail(error, LSQ_NOT_POSITIVE_DEFINITE, "the matrix is not positive definite");
  if (below > 0)
    strsm_("L", "U", "T", "N", &n, &below, &one, block, &lda, block + count * a->stride, &lda, 1, 1,
           1, 1);
  return LSQ_OK;
}

lsq_status lsq_single_cholesky_columns(const lsq_single *a, size_t first, size_t count,
                                       lsq_error *error) {
  if (count == 0)
    return LSQ_OK;
  if (!lsq_fits_blas(a->rows) || !lsq_fits_blas(a->stride))
    return lsq_too_large(a->rows, a->cols, error);
  const int threads = lsq_threads_enter(1);
  const lsq_status status = factor_columns(a, first, count, error);
  lsq_threads_leave(threads);
  return status;
}

void lsq_single_forward_rows(const lsq_single *factor, const lsq_single *b) {
  const int n = (int)factor->rows, k = (int)b->rows;
  const int lda = lsq_leading(factor->stride), ldb = lsq_leading(b->stride);
  const float one = 1;
  const int threads = lsq_threads_enter(1);
  if (n > 0 && k > 0)
    strsm_("L", "U", "T", "N", &n, &k, &one, factor->data, &lda, b->data, &ldb, 1, 1, 1, 1);
  lsq_threads_leave(threads);
}

void lsq_single_cholesky_solve(const lsq_single *factor, float *b) {
  const int n = (int)factor->rows, lda = lsq_leading(factor->stride), step = 1;
  const int threads = lsq_threads_enter(1);
  if (n > 0) {
    strsv_("U", "T", "N", &n, factor->data, &lda, b, &step, 1, 1, 1);
    strsv_("U", "N", "N", &n, factor->data, &lda, b, &step, 1, 1, 1);
  }
  lsq_threads_leave(threads);
}
