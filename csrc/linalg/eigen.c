#include "base/arena.h"
#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/threading.h"

typedef struct {
  double *work;
  int *iwork;
  int lwork, liwork;
} eigh_work;

/* dsyevd's documented minima; with vectors, its 1 + 6n + 2n^2 must fit its integer. */
static bool sizes(eigh_work *w, size_t n, bool vectors) {
  const double doubles = vectors ? 1 + 6.0 * (double)n + 2.0 * (double)n * (double)n
                                 : 1 + (2.0 + 64) * (double)n; /* room for blocks of 64 */
  if (doubles > INT_MAX)
    return false;
  w->lwork = (int)doubles;
  w->liwork = vectors ? 3 + 5 * (int)n : 1;
  return true;
}

static void layout(eigh_work *w, lsq_arena *arena) {
  w->work = lsq_arena_doubles(arena, (size_t)w->lwork);
  w->iwork = lsq_arena_take(arena, (size_t)w->liwork, sizeof *w->iwork);
}

size_t lsq_eigh_workspace(size_t n, bool vectors) {
  eigh_work w;
  lsq_arena arena = lsq_arena_measure();
  if (sizes(&w, n, vectors))
    layout(&w, &arena);
  return arena.used;
}

static void transpose_square(const lsq_matrix *a) {
  for (size_t i = 0; i < a->rows; i++) {
    double *row = lsq_matrix_row(a, i);
    for (size_t j = 0; j < i; j++) {
      double *other = lsq_matrix_row(a, j) + i, kept = row[j];
      row[j] = *other;
      *other = kept;
    }
  }
}

lsq_status lsq_eigh(const lsq_matrix *a, double *values, bool vectors, void *workspace,
                    lsq_error *error) {
  if (a->rows == 0)
    return LSQ_OK;
  eigh_work w;
  if (!lsq_fits_blas(a->stride) || !sizes(&w, a->rows, vectors))
    return lsq_too_large(a->rows, a->cols, error);
  const lsq_status status = lsq_require_finite_lower(a, error);
  if (status != LSQ_OK)
    return status;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&w, &arena);
  const int n = (int)a->rows, lda = lsq_leading(a->stride);
  int info = 0;
  const int before = lsq_routine_enter(LSQ_DSYEVD, (double)n * n * n);
  dsyevd_(vectors ? "V" : "N", "U", &n, a->data, &lda, values, w.work, &w.lwork, w.iwork, &w.liwork,
          &info, 1, 1);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dsyevd", info, error);
  if (info > 0)
    return lsq_fail(error, LSQ_NO_CONVERGENCE,
                    "the eigenvalues of the %zu x %zu matrix did not converge", a->rows, a->cols);
  if (vectors) /* LAPACK's columns are our rows */
    transpose_square(a);
  return LSQ_OK;
}
