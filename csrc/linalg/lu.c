#include "base/arena.h"
#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/threading.h"

typedef struct {
  lsq_matrix factor; /* n x n, by columns or by rows as the caller filled it */
  lsq_matrix right;  /* k x n: the right-hand sides by columns */
  int *pivots;
} lu_work;

static bool fits(size_t n, size_t k) {
  return lsq_fits_blas(n) && lsq_fits_blas(k);
}

static void layout(lu_work *w, lsq_arena *arena, size_t n, size_t k) {
  w->factor = lsq_arena_matrix(arena, n, n);
  w->right = lsq_arena_matrix(arena, k, n);
  w->pivots = lsq_arena_take(arena, n, sizeof *w->pivots);
}

size_t lsq_solve_workspace(size_t n, size_t k) {
  lu_work w;
  lsq_arena arena = lsq_arena_measure();
  if (fits(n, k))
    layout(&w, &arena, n, k);
  return arena.used;
}

lsq_status lsq_solve(const lsq_matrix *a, const lsq_matrix *b, void *workspace, lsq_error *error) {
  if (!fits(a->rows, b->cols))
    return lsq_too_large(a->rows, a->cols, error);
  lsq_status status = lsq_require_finite(a, "the matrix", error);
  if (status == LSQ_OK)
    status = lsq_require_finite(b, "the right-hand side", error);
  if (status != LSQ_OK || a->rows == 0)
    return status;
  lu_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&w, &arena, a->rows, b->cols);
  const int n = (int)a->rows, k = (int)b->cols;
  int info = 0;
  lsq_transpose(a, &w.factor);
  lsq_transpose(b, &w.right);
  int before = lsq_routine_enter(LSQ_DGETRF, (double)n * n * n / 3);
  dgetrf_(&n, &n, w.factor.data, &n, w.pivots, &info);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dgetrf", info, error);
  if (info > 0)
    return lsq_fail(
        error, LSQ_SINGULAR,
        "the matrix is singular: pivot %d of %d is exactly 0, so that column %d depends "
        "on those before it",
        info, n, info);
  before = lsq_routine_enter(LSQ_DGETRS, (double)n * n * k);
  dgetrs_("N", &n, &k, w.factor.data, &n, w.pivots, w.right.data, &n, &info, 1);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dgetrs", info, error);
  if (!lsq_matrix_is_finite(&w.right, NULL, NULL))
    return lsq_fail(error, LSQ_SINGULAR,
                    "the matrix is singular to working precision: the solution overflows");
  lsq_transpose(&w.right, b);
  return LSQ_OK;
}

size_t lsq_log_determinant_workspace(size_t n) {
  return lsq_solve_workspace(n, 0);
}

lsq_status lsq_log_determinant(const lsq_matrix *a, double *logarithm, int *sign, void *workspace,
                               lsq_error *error) {
  *logarithm = 0;
  *sign = 1;
  if (!fits(a->rows, 0))
    return lsq_too_large(a->rows, a->cols, error);
  const lsq_status status = lsq_require_finite(a, "the matrix", error);
  if (status != LSQ_OK || a->rows == 0)
    return status;
  lu_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&w, &arena, a->rows, 0);
  const int n = (int)a->rows;
  int info = 0;
  lsq_matrix_copy(a, &w.factor); /* the transpose has the same determinant */
  const int before = lsq_routine_enter(LSQ_DGETRF, (double)n * n * n / 3);
  dgetrf_(&n, &n, w.factor.data, &n, w.pivots, &info);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dgetrf", info, error);
  if (info > 0) {
    *logarithm = -INFINITY;
    *sign = 0;
    return LSQ_OK;
  }
  for (int i = 0; i < n; i++) {
    const double pivot = lsq_matrix_row(&w.factor, (size_t)i)[i];
    *logarithm += log(fabs(pivot));
    if ((pivot < 0) != (w.pivots[i] != i + 1))
      *sign = -*sign;
  }
  return LSQ_OK;
}
