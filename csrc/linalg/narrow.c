#include "linalg/narrow.h"

#include "base/simd.h"

static const double INDEPENDENT = 1e-5;

LSQ_INLINE double dot(const double *restrict a, const double *restrict b, size_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; i++)
    sum += a[i] * b[i];
  return sum;
}

LSQ_INLINE void subtract(double factor, const double *restrict from, double *restrict to,
                         size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    to[i] -= factor * from[i];
}

static LSQ_CLONES bool factor_columns(double *q, size_t m, size_t n, double *r) {
  for (size_t j = 0; j < n; j++) {
    double *column = q + j * m;
    const double before = sqrt(dot(column, column, m));
    for (size_t i = 0; i < n; i++)
      r[i * n + j] = 0;
    for (int twice = 0; twice < 2; twice++)
      for (size_t i = 0; i < j; i++) {
        const double part = dot(q + i * m, column, m);
        subtract(part, q + i * m, column, m);
        r[i * n + j] += part;
      }
    const double left = sqrt(dot(column, column, m));
    if (!(left > INDEPENDENT * before && left < HUGE_VAL))
      return false;
    r[j * n + j] = left;
    const double inverse = 1 / left;
#pragma omp simd
    for (size_t i = 0; i < m; i++)
      column[i] *= inverse;
  }
  return true;
}

bool lsq_narrow_qr(const lsq_matrix *a, double *q, double *r) {
  double largest = 0, smallest = HUGE_VAL;
  for (size_t i = 0; i < a->rows; i++)
    for (size_t j = 0; j < a->cols; j++)
      q[j * a->rows + i] = a->data[i * a->stride + j];
  if (!factor_columns(q, a->rows, a->cols, r))
    return false;
  for (size_t j = 0; j < a->cols; j++) {
    const double entry = r[j * a->cols + j];
    largest = entry > largest ? entry : largest;
    smallest = entry < smallest ? entry : smallest;
  }
  /* Squares must not have vanished or overflowed. */
  return smallest > INDEPENDENT * largest && smallest > 0x1p-400 && largest < 0x1p400;
}

static LSQ_CLONES void project(const double *q, size_t n, const lsq_matrix *b,
                               const lsq_matrix *x) {
  for (size_t i = 0; i < n; i++) {
    const double *column = q + i * b->rows;
    for (size_t k = 0; k < b->cols; k++) {
      const double *value = b->data + k;
      double sum = 0;
#pragma omp simd reduction(+ : sum)
      for (size_t row = 0; row < b->rows; row++)
        sum += column[row] * value[row * b->stride];
      x->data[i * x->stride + k] = sum;
    }
  }
}

bool lsq_narrow_solve(const double *q, const double *r, size_t n, const lsq_matrix *b,
                      const lsq_matrix *x) {
  project(q, n, b, x);
  for (size_t i = n; i-- > 0;)
    for (size_t k = 0; k < b->cols; k++) {
      double sum = x->data[i * x->stride + k];
      for (size_t j = i + 1; j < n; j++)
        sum -= r[i * n + j] * x->data[j * x->stride + k];
      x->data[i * x->stride + k] = sum / r[i * n + i];
    }
  return lsq_matrix_is_finite(x, NULL, NULL);
}
