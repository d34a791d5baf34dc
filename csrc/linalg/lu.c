#include <float.h>

#include "base/arena.h"
#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/threading.h"

typedef struct {
  lsq_matrix factor; /* n x n, by columns or by rows as the caller filled it */
  lsq_matrix right;  /* k x n: the right-hand sides by columns */
  int *pivots;
  double *work; /* of dgecon, 4n */
  int *iwork;
} lu_work;

typedef enum { LU_REGULAR, LU_ZERO_PIVOT, LU_ROUNDING } lu_outcome;

static bool fits(size_t n, size_t k) {
  return lsq_fits_blas(n) && lsq_fits_blas(k);
}

static void layout(lu_work *w, lsq_arena *arena, size_t n, size_t k) {
  w->factor = lsq_arena_matrix(arena, n, n);
  w->right = lsq_arena_matrix(arena, k, n);
  w->pivots = lsq_arena_take(arena, n, sizeof *w->pivots);
  w->work = lsq_arena_doubles(arena, lsq_size_multiply(4, n));
  w->iwork = lsq_arena_take(arena, n, sizeof *w->iwork);
}

size_t lsq_solve_workspace(size_t n, size_t k) {
  lu_work w;
  lsq_arena arena = lsq_arena_measure();
  if (fits(n, k))
    layout(&w, &arena, n, k);
  return arena.used;
}

/* The largest sum of absolute values down a column of LAPACK's. */
static double one_norm(const lsq_matrix *by_columns) {
  double norm = 0;
  for (size_t j = 0; j < by_columns->rows; j++) {
    double sum = 0;
    for (size_t i = 0; i < by_columns->cols; i++)
      sum += fabs(lsq_matrix_row(by_columns, j)[i]);
    norm = fmax(norm, sum);
  }
  return fmin(norm, DBL_MAX);
}

/* Factors w->factor. Whether a pivot comes out as 0 or as rounding depends on the order of sums, so
   on library and machine; so does not, but for a matrix at the very limit, whether the reciprocal
   condition number is below 2^-52. *pivot gets the 1-based pivot that is 0. */
static lsq_status factor(lu_work *w, lu_outcome *outcome, int *pivot, lsq_error *error) {
  const int n = (int)w->factor.rows;
  const double norm = one_norm(&w->factor);
  const int before = lsq_routine_enter(LSQ_DGETRF, (double)n * n * n / 3);
  double rcond = 0;
  int info = 0, condition_info = 0;
  dgetrf_(&n, &n, w->factor.data, &n, w->pivots, &info);
  if (info == 0 && lsq_matrix_is_finite(&w->factor, NULL, NULL))
    dgecon_("1", &n, w->factor.data, &n, &norm, &rcond, w->work, w->iwork, &condition_info, 1);
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused("dgetrf", info, error);
  if (condition_info < 0)
    return lsq_lapack_misused("dgecon", condition_info, error);
  *pivot = info;
  *outcome = info > 0 ? LU_ZERO_PIVOT : rcond >= 0x1p-52 ? LU_REGULAR : LU_ROUNDING;
  return LSQ_OK;
}

static lsq_status singular(lu_outcome outcome, int pivot, int n, lsq_error *error) {
  if (outcome == LU_ROUNDING)
    return lsq_fail(error, LSQ_SINGULAR,
                    "the matrix is singular to working precision: its reciprocal condition number "
                    "is below 2^-52");
  return lsq_fail(error, LSQ_SINGULAR,
                  "the matrix is singular: pivot %d of %d is exactly 0, so that column %d depends "
                  "on those before it",
                  pivot, n, pivot);
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
  lu_outcome outcome;
  int pivot, info = 0;
  lsq_transpose(a, &w.factor);
  lsq_transpose(b, &w.right);
  status = factor(&w, &outcome, &pivot, error);
  if (status != LSQ_OK)
    return status;
  if (outcome != LU_REGULAR)
    return singular(outcome, pivot, n, error);
  const int before = lsq_routine_enter(LSQ_DGETRS, (double)n * n * k);
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

/* The power of two that brings count numbers, step apart, to a largest of 1/2 to 1; 0 for zeros. */
static int exponent_of(const double *values, size_t count, size_t step) {
  double largest = 0;
  int exponent;
  for (size_t i = 0; i < count; i++)
    largest = fmax(largest, fabs(values[i * step]));
  frexp(largest, &exponent);
  return exponent;
}

static void scale(double *values, size_t count, size_t step, int exponent) {
  for (size_t i = 0; i < count; i++)
    values[i * step] = ldexp(values[i * step], -exponent);
}

/* Rows, then columns, by powers of two: a determinant does not depend on the units of either, so
   whether it is 0 but for rounding must not. Returns the sum of the exponents. */
static double equilibrate(const lsq_matrix *m) {
  double sum = 0;
  for (size_t i = 0; i < m->rows; i++) {
    const int exponent = exponent_of(lsq_matrix_row(m, i), m->cols, 1);
    scale(lsq_matrix_row(m, i), m->cols, 1, exponent);
    sum += exponent;
  }
  for (size_t j = 0; j < m->cols; j++) {
    const int exponent = exponent_of(m->data + j, m->rows, m->stride);
    scale(m->data + j, m->rows, m->stride, exponent);
    sum += exponent;
  }
  return sum;
}

lsq_status lsq_log_determinant(const lsq_matrix *a, double *logarithm, int *sign, void *workspace,
                               lsq_error *error) {
  *logarithm = 0;
  *sign = 1;
  if (!fits(a->rows, 0))
    return lsq_too_large(a->rows, a->cols, error);
  lsq_status status = lsq_require_finite(a, "the matrix", error);
  if (status != LSQ_OK || a->rows == 0)
    return status;
  lu_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&w, &arena, a->rows, 0);
  const int n = (int)a->rows;
  lu_outcome outcome;
  int zero;
  lsq_matrix_copy(a, &w.factor); /* the transpose has the same determinant */
  const double exponents = equilibrate(&w.factor);
  status = factor(&w, &outcome, &zero, error);
  if (status != LSQ_OK)
    return status;
  if (outcome != LU_REGULAR) {
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
  *logarithm += exponents * log(2);
  return LSQ_OK;
}
