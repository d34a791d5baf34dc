#include "base/matrix.h"

#include <string.h>

enum { WORTH_A_CALL = 8 }; /* doubles, of a memcpy */

void lsq_matrix_copy(const lsq_matrix *from, const lsq_matrix *to) {
  if (from->rows == 0 || from->cols == 0)
    return;
  if (lsq_matrix_is_contiguous(from) && lsq_matrix_is_contiguous(to)) {
    memcpy(to->data, from->data, from->rows * from->cols * sizeof(double));
    return;
  }
  for (size_t i = 0; i < from->rows; i++) {
    const double *source = lsq_matrix_row(from, i);
    double *target = lsq_matrix_row(to, i);
    if (from->cols < WORTH_A_CALL)
      for (size_t j = 0; j < from->cols; j++)
        target[j] = source[j];
    else
      memcpy(target, source, from->cols * sizeof(double));
  }
}

void lsq_matrix_fill(const lsq_matrix *m, double value) {
  for (size_t i = 0; i < m->rows; i++) {
    double *row = lsq_matrix_row(m, i);
    for (size_t j = 0; j < m->cols; j++)
      row[j] = value;
  }
}

/* x - x is 0 for a finite x and NaN otherwise, so that one sum, which the compiler can
   vectorise, decides for a whole row. */
static bool is_finite_row(const double *row, size_t count) {
  double sum[4] = {0, 0, 0, 0};
  size_t j = 0;
  for (; j + 4 <= count; j += 4)
    for (size_t k = 0; k < 4; k++)
      sum[k] += row[j + k] - row[j + k];
  for (; j < count; j++)
    sum[0] += row[j] - row[j];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]) == 0;
}

bool lsq_matrix_is_finite(const lsq_matrix *m, size_t *row, size_t *col) {
  for (size_t i = 0; i < m->rows; i++) {
    const double *values = lsq_matrix_row(m, i);
    if (is_finite_row(values, m->cols))
      continue;
    if (row != NULL && col != NULL) {
      size_t j = 0;
      while (isfinite(values[j]))
        j++;
      *row = i;
      *col = j;
    }
    return false;
  }
  return true;
}
