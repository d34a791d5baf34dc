/* Minimum-norm least squares: a triangular factor of a first, then the SVD of that factor.
   For m >= n the factor is built block by block of rows; dgelsd would go over all of a once for
   every column. */
#include "base/arena.h"
#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/row_factor.h"
#include "linalg/threading.h"

/* b in the coordinates of the factor's SVD, and the solution there. */
typedef struct {
  lsq_matrix u, v; /* of the triangular factor, n x n */
  double *values;
  lsq_matrix rotated; /* n x k */
  void *svd;
} core_work;

static void core_layout(core_work *w, lsq_arena *arena, size_t n, size_t k) {
  w->u = lsq_arena_matrix(arena, n, n);
  w->v = lsq_arena_matrix(arena, n, n);
  w->values = lsq_arena_doubles(arena, n);
  w->rotated = lsq_arena_matrix(arena, n, k);
  w->svd = lsq_arena_take(arena, lsq_svd_workspace(n, n), 1);
}

/* rotated_r <- diag(1 / values_r) rotated_r for the r rows that count; cuts u, v and rotated
   to them. */
static void divide_by_values(core_work *w, double rcond, size_t *rank) {
  *rank = lsq_numerical_rank(w->values, w->u.cols, rcond);
  w->u.cols = w->v.cols = w->rotated.rows = *rank;
  for (size_t i = 0; i < *rank; i++) {
    double *row = lsq_matrix_row(&w->rotated, i);
    for (size_t j = 0; j < w->rotated.cols; j++)
      row[j] /= w->values[i];
  }
}

/* A power of two that brings the largest element near 1 where squares could overflow or
   vanish, 1 otherwise. */
static double safe_scale(const lsq_matrix *m) {
  double largest = 0;
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++)
      largest = fmax(largest, fabs(lsq_matrix_row(m, i)[j]));
  if (largest == 0 || (largest > 0x1p-400 && largest < 0x1p400))
    return 1;
  int exponent;
  frexp(largest, &exponent);
  if (exponent > 1000) /* so that the inverse is finite */
    exponent = 1000;
  return ldexp(1, exponent < -1000 ? 1000 : -exponent);
}

static void scale_matrix(const lsq_matrix *m, double factor) {
  if (factor == 1)
    return;
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++)
      lsq_matrix_row(m, i)[j] *= factor;
}

typedef struct {
  lsq_row_factor rows; /* of [a b], n + k wide */
  core_work core;
} tall_work;

static void tall_layout(tall_work *w, lsq_arena *arena, size_t n, size_t k) {
  lsq_row_factor_place(&w->rows, arena, lsq_size_add(n, k));
  core_layout(&w->core, arena, n, k);
}

/* Adds rows first .. first + count - 1 of [a b] to the factor. */
static lsq_status add_rows(lsq_row_factor *factor, const lsq_matrix *a, double scale_a,
                           const lsq_matrix *b, double scale_b, size_t first, size_t count,
                           lsq_error *error) {
  const size_t n = a->cols, k = b->cols, height = factor->block.cols;
  const lsq_matrix rows_a = lsq_matrix_rows(a, first, count);
  const lsq_matrix rows_b = lsq_matrix_rows(b, first, count);
  const lsq_matrix left = {factor->block.data, n, count, height};
  const lsq_matrix right = {factor->block.data + n * height, k, count, height};
  lsq_transpose(&rows_a, &left);
  lsq_transpose(&rows_b, &right);
  scale_matrix(&left, scale_a);
  scale_matrix(&right, scale_b);
  return lsq_row_factor_add(factor, count, error);
}

/* r = u diag(values) v' for the transpose of the factor's leading n x n block, as our rows
   have it; so x = u diag(1 / values) v' q'b. */
static lsq_status solve_tall(const lsq_matrix *a, const lsq_matrix *b, double rcond,
                             const lsq_matrix *x, size_t *rank, void *workspace, lsq_error *error) {
  const size_t m = a->rows, n = a->cols, k = b->cols;
  const double scale_a = safe_scale(a), scale_b = safe_scale(b);
  lsq_status status = LSQ_OK;
  tall_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  tall_layout(&w, &arena, n, k);
  const size_t step = w.rows.block.cols;
  lsq_row_factor_clear(&w.rows);
  for (size_t first = 0; first < m && status == LSQ_OK; first += step)
    status = add_rows(&w.rows, a, scale_a, b, scale_b, first, lsq_size_min(step, m - first), error);
  if (status != LSQ_OK)
    return status;
  const lsq_matrix r = {w.rows.factor.data, n, n, n + k};
  const lsq_matrix projected = {w.rows.factor.data + n * (n + k), k, n, n + k}; /* (q'b)' */
  status = lsq_svd(&r, &w.core.u, w.core.values, &w.core.v, w.core.svd, error);
  if (status != LSQ_OK)
    return status;
  lsq_multiply(1, &w.core.v, true, &projected, true, 0, &w.core.rotated);
  divide_by_values(&w.core, rcond, rank);
  lsq_multiply(1, &w.core.u, false, &w.core.rotated, false, 0, x);
  scale_matrix(x, scale_a / scale_b);
  return LSQ_OK;
}

typedef struct {
  lsq_matrix reflectors; /* m x n: a, then by columns the qr of a' (n x m) */
  lsq_matrix factor;     /* m x m: r', lower triangular */
  lsq_matrix right;      /* m x k: b, scaled */
  lsq_matrix solution;   /* k x n: x by columns */
  double *tau, *work;
  int lwork;
  core_work core;
} wide_work;

static void wide_layout(wide_work *w, lsq_arena *arena, size_t m, size_t n, size_t k) {
  const int rows = (int)n, cols = (int)m, sides = (int)k, ask = -1;
  double none = 0, first = 1, second = 1;
  int info = 0;
  dgeqrf_(&rows, &cols, &none, &rows, &none, &first, &ask, &info);
  dormqr_("L", "N", &rows, &sides, &cols, &none, &rows, &none, &none, &rows, &second, &ask, &info,
          1, 1);
  w->lwork = (int)(first > second ? first : second);
  w->reflectors = lsq_arena_matrix(arena, m, n);
  w->factor = lsq_arena_matrix(arena, m, m);
  w->right = lsq_arena_matrix(arena, m, k);
  w->solution = lsq_arena_matrix(arena, k, n);
  w->tau = lsq_arena_doubles(arena, m);
  w->work = lsq_arena_doubles(arena, (size_t)w->lwork);
  core_layout(&w->core, arena, m, k);
}

/* a' = q r, so a = r' q' and x = q (r')^+ b. */
static lsq_status solve_wide(const lsq_matrix *a, const lsq_matrix *b, double rcond,
                             const lsq_matrix *x, size_t *rank, void *workspace, lsq_error *error) {
  const size_t m = a->rows, n = a->cols, k = b->cols;
  const double scale_a = safe_scale(a), scale_b = safe_scale(b);
  wide_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  wide_layout(&w, &arena, m, n, k);
  const int rows = (int)n, cols = (int)m, sides = (int)k;
  int info = 0;
  lsq_matrix_copy(a, &w.reflectors);
  lsq_matrix_copy(b, &w.right);
  scale_matrix(&w.reflectors, scale_a);
  scale_matrix(&w.right, scale_b);
  int before = lsq_routine_enter(LSQ_DGEQRF, (double)rows * cols * cols);
  dgeqrf_(&rows, &cols, w.reflectors.data, &rows, w.tau, w.work, &w.lwork, &info);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dgeqrf", info, error);
  lsq_matrix_fill(&w.factor, 0);
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j <= i; j++)
      lsq_matrix_row(&w.factor, i)[j] = lsq_matrix_row(&w.reflectors, i)[j];
  const lsq_status status =
      lsq_svd(&w.factor, &w.core.u, w.core.values, &w.core.v, w.core.svd, error);
  if (status != LSQ_OK)
    return status;
  lsq_multiply(1, &w.core.u, true, &w.right, false, 0, &w.core.rotated);
  divide_by_values(&w.core, rcond, rank);
  lsq_matrix_fill(&w.solution, 0);
  const lsq_matrix leading = {w.solution.data, k, m, n};
  lsq_multiply(1, &w.core.rotated, true, &w.core.v, true, 0, &leading);
  before = lsq_routine_enter(LSQ_DORMQR, (double)rows * cols * sides);
  dormqr_("L", "N", &rows, &sides, &cols, w.reflectors.data, &rows, w.tau, w.solution.data, &rows,
          w.work, &w.lwork, &info, 1, 1);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dormqr", info, error);
  lsq_transpose(&w.solution, x);
  scale_matrix(x, scale_a / scale_b);
  return LSQ_OK;
}

/* Neither the blocks nor the workspace of dgeqrf and dgesdd may outgrow LAPACK's integer. */
static bool fits(size_t m, size_t n, size_t k) {
  const double width = (double)n + (double)k, small = (double)lsq_size_min(m, n);
  return 64 * width <= INT_MAX && 5 * small * small + 76 * small <= INT_MAX;
}

size_t lsq_least_squares_workspace(size_t m, size_t n, size_t k) {
  lsq_arena arena = lsq_arena_measure();
  tall_work tall;
  wide_work wide;
  if (m == 0 || n == 0 || !fits(m, n, k))
    return 0;
  if (m >= n)
    tall_layout(&tall, &arena, n, k);
  else
    wide_layout(&wide, &arena, m, n, k);
  return arena.used;
}

lsq_status lsq_least_squares(const lsq_matrix *a, const lsq_matrix *b, double rcond,
                             const lsq_matrix *x, size_t *rank, void *workspace, lsq_error *error) {
  size_t ignored;
  if (rank == NULL)
    rank = &ignored;
  *rank = 0;
  if (!fits(a->rows, a->cols, b->cols))
    return lsq_too_large(a->rows, a->cols, error);
  lsq_status status = lsq_require_finite(a, "the matrix", error);
  if (status == LSQ_OK)
    status = lsq_require_finite(b, "the right-hand side", error);
  if (status != LSQ_OK)
    return status;
  lsq_matrix_fill(x, 0);
  if (a->rows == 0 || a->cols == 0)
    return LSQ_OK;
  return a->rows >= a->cols ? solve_tall(a, b, rcond, x, rank, workspace, error)
                            : solve_wide(a, b, rcond, x, rank, workspace, error);
}
