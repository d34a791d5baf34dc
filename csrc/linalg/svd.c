/* Our m x n matrix, read by columns, is its transpose: a' = v diag(values) u', so that
   LAPACK's left vectors are our v and its right ones, transposed, our u. */
#include "base/arena.h"
#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/threading.h"

typedef struct {
  lsq_matrix copy; /* m x n: what LAPACK destroys */
  double *left;    /* v by columns, n x k */
  double *work;
  int *iwork;
  int lwork;
} svd_work;

/* What LAPACK itself computes in its integers while it looks for its workspace. */
static bool fits(size_t m, size_t n) {
  const double small = (double)lsq_size_min(m, n), large = (double)lsq_size_max(m, n);
  return 5 * small * small + 12 * small + 64 * large <= INT_MAX;
}

/* The larger workspace of dgesdd and dgesvd for an m x n matrix of ours; `vectors` or not. */
static int query(size_t rows, size_t cols, bool vectors) {
  const int m = (int)cols, n = (int)rows, k = m < n ? m : n, ask = -1;
  const char *job = vectors ? "S" : "N";
  double first = 1, second = 1, none = 0;
  int info = 0, integer = 0;
  dgesdd_(job, &m, &n, &none, &m, &none, &none, &m, &none, &k, &first, &ask, &integer, &info, 1);
  dgesvd_(job, job, &m, &n, &none, &m, &none, &none, &m, &none, &k, &second, &ask, &info, 1, 1);
  return (int)(first > second ? first : second);
}

static void layout(svd_work *w, lsq_arena *arena, size_t m, size_t n, bool vectors) {
  const size_t k = lsq_size_min(m, n);
  w->lwork = query(m, n, vectors);
  w->copy = lsq_arena_matrix(arena, m, n);
  w->left = lsq_arena_doubles(arena, vectors ? lsq_size_multiply(n, k) : 0);
  w->work = lsq_arena_doubles(arena, (size_t)w->lwork);
  w->iwork = lsq_arena_take(arena, lsq_size_multiply(8, k), sizeof *w->iwork);
}

static size_t workspace_size(size_t m, size_t n, bool vectors) {
  svd_work w;
  lsq_arena arena = lsq_arena_measure();
  if (m != 0 && n != 0 && fits(m, n))
    layout(&w, &arena, m, n, vectors);
  return arena.used;
}

size_t lsq_svd_workspace(size_t m, size_t n) {
  return workspace_size(m, n, true);
}

size_t lsq_singular_values_workspace(size_t m, size_t n) {
  return workspace_size(m, n, false);
}

/* u may be NULL: values alone. */
static lsq_status call(svd_work *w, const lsq_matrix *a, const lsq_matrix *u, double *values,
                       lsq_error *error) {
  const int m = (int)a->cols, n = (int)a->rows, k = m < n ? m : n;
  const int ldvt = u == NULL ? k : lsq_leading(u->stride);
  double none, *right = u == NULL ? &none : u->data;
  const char *job = u == NULL ? "N" : "S";
  int info = 0;
  lsq_matrix_copy(a, &w->copy);
  dgesdd_(job, &m, &n, w->copy.data, &m, values, w->left, &m, right, &ldvt, w->work, &w->lwork,
          w->iwork, &info, 1);
  if (info < 0)
    return lsq_lapack_misused("dgesdd", info, error);
  if (info == 0)
    return LSQ_OK;
  lsq_matrix_copy(a, &w->copy);
  dgesvd_(job, job, &m, &n, w->copy.data, &m, values, w->left, &m, right, &ldvt, w->work, &w->lwork,
          &info, 1, 1);
  if (info < 0)
    return lsq_lapack_misused("dgesvd", info, error);
  if (info > 0)
    return lsq_fail(error, LSQ_NO_CONVERGENCE,
                    "the singular values of the %zu x %zu matrix did not converge", a->rows,
                    a->cols);
  return LSQ_OK;
}

static lsq_status decompose(svd_work *w, const lsq_matrix *a, const lsq_matrix *u, double *values,
                            lsq_error *error) {
  const double multiplications =
      (double)a->rows * (double)a->cols * (double)lsq_size_min(a->rows, a->cols);
  const int before = lsq_routine_enter(LSQ_DGESDD, multiplications);
  const lsq_status status = call(w, a, u, values, error);
  lsq_threads_leave(before);
  return status;
}

static lsq_status check(const lsq_matrix *a, lsq_error *error) {
  if (!fits(a->rows, a->cols))
    return lsq_too_large(a->rows, a->cols, error);
  return lsq_require_finite(a, "the matrix", error);
}

lsq_status lsq_svd(const lsq_matrix *a, const lsq_matrix *u, double *values, const lsq_matrix *v,
                   void *workspace, lsq_error *error) {
  if (a->rows == 0 || a->cols == 0)
    return LSQ_OK;
  lsq_status status =
      lsq_fits_blas(u->stride) ? check(a, error) : lsq_too_large(a->rows, a->cols, error);
  if (status != LSQ_OK)
    return status;
  svd_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&w, &arena, a->rows, a->cols, true);
  status = decompose(&w, a, u, values, error);
  if (status != LSQ_OK)
    return status;
  const lsq_matrix by_columns = lsq_matrix_over(w.left, v->cols, v->rows);
  lsq_transpose(&by_columns, v);
  return LSQ_OK;
}

lsq_status lsq_singular_values(const lsq_matrix *a, double *values, void *workspace,
                               lsq_error *error) {
  if (a->rows == 0 || a->cols == 0)
    return LSQ_OK;
  const lsq_status status = check(a, error);
  if (status != LSQ_OK)
    return status;
  svd_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&w, &arena, a->rows, a->cols, false);
  return decompose(&w, a, NULL, values, error);
}

double lsq_default_rcond(size_t rows, size_t cols) {
  return (double)lsq_size_max(rows, cols) * 0x1p-52;
}

size_t lsq_numerical_rank(const double *values, size_t count, double rcond) {
  size_t rank = 0;
  while (rank < count && values[rank] > rcond * values[0])
    rank++;
  return rank;
}

double lsq_condition_number(const double *values, size_t count) {
  if (count == 0)
    return 0;
  return values[count - 1] == 0 ? INFINITY : values[0] / values[count - 1];
}

typedef struct {
  lsq_matrix u, v;
  double *values;
  void *svd;
} pinv_work;

static void pinv_layout(pinv_work *w, lsq_arena *arena, size_t m, size_t n) {
  const size_t k = lsq_size_min(m, n);
  w->u = lsq_arena_matrix(arena, m, k);
  w->v = lsq_arena_matrix(arena, n, k);
  w->values = lsq_arena_doubles(arena, k);
  w->svd = lsq_arena_take(arena, lsq_svd_workspace(m, n), 1);
}

size_t lsq_pseudoinverse_workspace(size_t m, size_t n) {
  pinv_work w;
  lsq_arena arena = lsq_arena_measure();
  pinv_layout(&w, &arena, m, n);
  return arena.used;
}

/* out = v_r diag(1 / values_r) u_r' over the r columns that count. */
lsq_status lsq_pseudoinverse(const lsq_matrix *a, double rcond, const lsq_matrix *out,
                             void *workspace, lsq_error *error) {
  pinv_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  pinv_layout(&w, &arena, a->rows, a->cols);
  const lsq_status status = lsq_svd(a, &w.u, w.values, &w.v, w.svd, error);
  if (status != LSQ_OK)
    return status;
  const size_t rank = lsq_numerical_rank(w.values, w.u.cols, rcond);
  for (size_t i = 0; i < w.v.rows; i++)
    for (size_t j = 0; j < rank; j++)
      lsq_matrix_row(&w.v, i)[j] /= w.values[j];
  w.u.cols = w.v.cols = rank;
  lsq_multiply(1, &w.v, false, &w.u, true, 0, out);
  return LSQ_OK;
}
