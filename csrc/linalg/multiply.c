#include "linalg/blas.h"
#include "linalg/linalg.h"
#include "linalg/threading.h"

/* op(a), as steps between rows and between columns. */
typedef struct {
  const double *data;
  size_t row_step, col_step;
} operand;

static operand operand_of(const lsq_matrix *m, bool transpose) {
  return transpose ? (operand){m->data, 1, m->stride} : (operand){m->data, m->stride, 1};
}

static void scale(double beta, const lsq_matrix *c) {
  if (beta == 0) { /* what c holds may be anything, also NaN */
    lsq_matrix_fill(c, 0);
    return;
  }
  if (beta == 1)
    return;
  for (size_t i = 0; i < c->rows; i++) {
    double *row = lsq_matrix_row(c, i);
    for (size_t j = 0; j < c->cols; j++)
      row[j] *= beta;
  }
}

/* For sizes beyond BLAS's integers. For small ones loops do not pay: from 2 x 2 to 24 x 24 they
   were never faster than OpenBLAS's dgemm, and at best 1.5 times as fast as the reference's. */
static void multiply_by_loops(double alpha, operand a, operand b, size_t inner,
                              const lsq_matrix *c) {
  for (size_t i = 0; i < c->rows; i++) {
    double *row = lsq_matrix_row(c, i);
    for (size_t k = 0; k < inner; k++) {
      const double factor = alpha * a.data[i * a.row_step + k * a.col_step];
      const double *from = b.data + k * b.row_step;
      for (size_t j = 0; j < c->cols; j++)
        row[j] += factor * from[j * b.col_step];
    }
  }
}

static bool fits(const lsq_matrix *m) {
  return lsq_fits_blas(m->rows) && lsq_fits_blas(m->cols) && lsq_fits_blas(m->stride);
}

/* y = alpha op(m') x + beta y: read by columns, our memory holds m'. The reference's dgemm runs
   over a single row or column several times slower than its dgemv. */
static void multiply_vector(double alpha, const lsq_matrix *m, bool transpose, const double *x,
                            size_t x_step, double beta, double *y, size_t y_step) {
  const int rows = (int)m->cols, cols = (int)m->rows, lda = lsq_leading(m->stride);
  const int incx = (int)x_step, incy = (int)y_step;
  const int before = lsq_routine_enter(LSQ_DGEMV, (double)rows * cols);
  dgemv_(transpose ? "T" : "N", &rows, &cols, &alpha, m->data, &lda, x, &incx, &beta, y, &incy, 1);
  lsq_threads_leave(before);
}

/* c' = op(b)' op(a)'. */
static void multiply_matrices(double alpha, const lsq_matrix *a, bool transpose_a,
                              const lsq_matrix *b, bool transpose_b, double beta,
                              const lsq_matrix *c) {
  const int m = (int)c->cols, n = (int)c->rows, k = (int)(transpose_a ? a->rows : a->cols);
  const int lda = lsq_leading(b->stride), ldb = lsq_leading(a->stride);
  const int ldc = lsq_leading(c->stride);
  const int before = lsq_routine_enter(LSQ_DGEMM, (double)m * n * k);
  dgemm_(transpose_b ? "T" : "N", transpose_a ? "T" : "N", &m, &n, &k, &alpha, b->data, &lda,
         a->data, &ldb, &beta, c->data, &ldc, 1, 1);
  lsq_threads_leave(before);
}

void lsq_multiply(double alpha, const lsq_matrix *a, bool transpose_a, const lsq_matrix *b,
                  bool transpose_b, double beta, const lsq_matrix *c) {
  const size_t inner = transpose_a ? a->rows : a->cols;
  if (c->rows == 0 || c->cols == 0)
    return;
  if (inner == 0 || !fits(a) || !fits(b) || !fits(c)) {
    scale(beta, c);
    multiply_by_loops(alpha, operand_of(a, transpose_a), operand_of(b, transpose_b), inner, c);
    return;
  }
  if (beta == 0 && (c->cols == 1 || c->rows == 1))
    scale(0, c); /* some dgemv multiply what is there by 0, which keeps a NaN */
  if (c->cols == 1)
    multiply_vector(alpha, a, !transpose_a, b->data, transpose_b ? 1 : b->stride, beta, c->data,
                    c->stride);
  else if (c->rows == 1)
    multiply_vector(alpha, b, transpose_b, a->data, transpose_a ? a->stride : 1, beta, c->data, 1);
  else
    multiply_matrices(alpha, a, transpose_a, b, transpose_b, beta, c);
}
