/* A dense row-major matrix as a view: it never owns its elements. */
#ifndef LSQ_BASE_MATRIX_H
#define LSQ_BASE_MATRIX_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
  double *data;
  size_t rows, cols;
  size_t stride; /* doubles from one row to the next, at least cols */
} lsq_matrix;

/* rows x cols over contiguous memory. */
static inline lsq_matrix lsq_matrix_over(double *data, size_t rows, size_t cols) {
  return (lsq_matrix){data, rows, cols, cols};
}

static inline double *lsq_matrix_row(const lsq_matrix *m, size_t row) {
  return m->data + row * m->stride;
}

/* View of `count` rows from `first`. */
static inline lsq_matrix lsq_matrix_rows(const lsq_matrix *m, size_t first, size_t count) {
  return (lsq_matrix){m->data + first * m->stride, count, m->cols, m->stride};
}

static inline bool lsq_matrix_same_shape(const lsq_matrix *a, const lsq_matrix *b) {
  return a->rows == b->rows && a->cols == b->cols;
}

static inline bool lsq_matrix_is_contiguous(const lsq_matrix *m) {
  return m->stride == m->cols || m->rows <= 1;
}

/* from -> to, of the same shape; they must not overlap. */
void lsq_matrix_copy(const lsq_matrix *from, const lsq_matrix *to);

void lsq_matrix_fill(const lsq_matrix *m, double value);

/* Whether every element is finite. When not, and row and col are not NULL, they get the
   0-based position of the first that is not. */
bool lsq_matrix_is_finite(const lsq_matrix *m, size_t *row, size_t *col);

#endif
