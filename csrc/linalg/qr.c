/* Our m x n matrix, read by columns, is its transpose, whose LQ factorisation a' = l q~ is our
   a = q r with r = l' and q = q~': no transposition is needed. */
#include <string.h>

#include "base/arena.h"
#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/threading.h"

typedef struct {
  lsq_matrix copy; /* m x n */
  double *tau;     /* min(m, n) */
  double *work;
  int lwork;
} qr_work;

static bool fits(size_t m, size_t n) {
  return 64 * (double)lsq_size_max(m, n) <= INT_MAX; /* blocks of up to 64 columns */
}

static void layout(qr_work *w, lsq_arena *arena, size_t rows, size_t cols) {
  const int m = (int)cols, n = (int)rows, k = m < n ? m : n, ask = -1;
  double none = 0, first = 1, second = 1;
  int info = 0;
  dgelqf_(&m, &n, &none, &m, &none, &first, &ask, &info);
  dorglq_(&k, &n, &k, &none, &m, &none, &second, &ask, &info);
  w->lwork = (int)(first > second ? first : second);
  w->copy = lsq_arena_matrix(arena, rows, cols);
  w->tau = lsq_arena_doubles(arena, (size_t)k);
  w->work = lsq_arena_doubles(arena, (size_t)w->lwork);
}

size_t lsq_qr_workspace(size_t m, size_t n) {
  qr_work w;
  lsq_arena arena = lsq_arena_measure();
  if (m != 0 && n != 0 && fits(m, n))
    layout(&w, &arena, m, n);
  return arena.used;
}

/* l by columns lies as r by rows with stride m, so row j of r begins at its diagonal. */
static void copy_r(const double *l, size_t m, const lsq_matrix *r) {
  for (size_t j = 0; j < r->rows; j++) {
    double *row = lsq_matrix_row(r, j);
    memset(row, 0, j * sizeof *row);
    memcpy(row + j, l + j * m + j, (r->cols - j) * sizeof *row);
  }
}

lsq_status lsq_qr(const lsq_matrix *a, const lsq_matrix *q, const lsq_matrix *r, void *workspace,
                  lsq_error *error) {
  if (a->rows == 0 || a->cols == 0)
    return LSQ_OK;
  if (!fits(a->rows, a->cols))
    return lsq_too_large(a->rows, a->cols, error);
  const lsq_status status = lsq_require_finite(a, "the matrix", error);
  if (status != LSQ_OK)
    return status;
  qr_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&w, &arena, a->rows, a->cols);
  const int m = (int)a->cols, n = (int)a->rows, k = m < n ? m : n;
  const char *routine = "dgelqf";
  int info = 0;
  lsq_matrix_copy(a, &w.copy);
  const int before = lsq_routine_enter(LSQ_DGEQRF, (double)m * n * k);
  dgelqf_(&m, &n, w.copy.data, &m, w.tau, w.work, &w.lwork, &info);
  if (info == 0) {
    copy_r(w.copy.data, a->cols, r);
    routine = "dorglq";
    dorglq_(&k, &n, &k, w.copy.data, &m, w.tau, w.work, &w.lwork, &info);
  }
  lsq_threads_leave(before);
  if (info < 0)
    return lsq_lapack_misused(routine, info, error);
  w.copy.cols = (size_t)k;
  lsq_matrix_copy(&w.copy, q);
  return LSQ_OK;
}
