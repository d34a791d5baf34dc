#include "linalg/blas.h"
#include "linalg/linalg.h"

/* Below this many multiplications a call of dgemm costs more than the loops. */
enum { SMALL_PRODUCT = 512 };

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

void lsq_multiply(double alpha, const lsq_matrix *a, bool transpose_a, const lsq_matrix *b,
                  bool transpose_b, double beta, const lsq_matrix *c) {
  const size_t inner = transpose_a ? a->rows : a->cols;
  if (c->rows == 0 || c->cols == 0)
    return;
  const double work = (double)c->rows * (double)c->cols * (double)inner;
  if (work <= SMALL_PRODUCT || !fits(a) || !fits(b) || !fits(c)) {
    scale(beta, c);
    multiply_by_loops(alpha, operand_of(a, transpose_a), operand_of(b, transpose_b), inner, c);
    return;
  }
  /* Read by columns, our memory holds transposes: c' = op(b)' op(a)'. */
  const int m = (int)c->cols, n = (int)c->rows, k = (int)inner;
  const int lda = lsq_leading(b->stride), ldb = lsq_leading(a->stride);
  const int ldc = lsq_leading(c->stride);
  dgemm_(transpose_b ? "T" : "N", transpose_a ? "T" : "N", &m, &n, &k, &alpha, b->data, &lda,
         a->data, &ldb, &beta, c->data, &ldc, 1, 1);
}
