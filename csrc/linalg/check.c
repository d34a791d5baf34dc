#include "linalg/blas.h"
#include "linalg/linalg.h"

static lsq_status not_finite(const char *name, double value, size_t row, size_t col,
                             lsq_error *error) {
  const char *what = isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
  return lsq_fail(error, LSQ_NON_FINITE, "%s is not finite: %s in row %zu, column %zu", name, what,
                  row + 1, col + 1);
}

lsq_status lsq_require_finite(const lsq_matrix *m, const char *name, lsq_error *error) {
  size_t row, col;
  if (lsq_matrix_is_finite(m, &row, &col))
    return LSQ_OK;
  return not_finite(name, lsq_matrix_row(m, row)[col], row, col, error);
}

lsq_status lsq_require_finite_lower(const lsq_matrix *a, lsq_error *error) {
  for (size_t i = 0; i < a->rows; i++) {
    size_t first, col;
    const lsq_matrix part = lsq_matrix_over(lsq_matrix_row(a, i), 1, i + 1);
    if (!lsq_matrix_is_finite(&part, &first, &col))
      return not_finite("the matrix", part.data[col], i, col, error);
  }
  return LSQ_OK;
}

lsq_status lsq_lapack_misused(const char *routine, int info, lsq_error *error) {
  return lsq_fail(error, LSQ_INTERNAL, "%s refuses its argument %d: this is a bug in lsqnet",
                  routine, -info);
}

lsq_status lsq_too_large(size_t rows, size_t cols, lsq_error *error) {
  return lsq_fail(
      error, LSQ_TOO_LARGE,
      "a %zu x %zu matrix is too large for this factorisation: LAPACK counts in 32 bits", rows,
      cols);
}
