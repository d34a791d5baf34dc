#include "linalg/elementwise.h"

bool lsq_operand_spread(const lsq_matrix *m, size_t rows, size_t cols, lsq_operand *operand) {
  const bool whole = m->rows == rows && m->cols == cols;
  const bool row = m->rows == 1 && m->cols == cols;
  const bool column = m->cols == 1 && m->rows == rows;
  *operand = (lsq_operand){m->data, whole || column ? m->stride : 0, whole || row ? 1 : 0};
  return whole || row || column;
}

/* One loop for each operation and each pair of column steps, so that the compiler sees steps
   of 0 and 1 and vectorises. */
#define LOOP(name, operator)                                                                       \
  static void name(const double *a, size_t a_step, const double *b, size_t b_step, double *out,    \
                   size_t count) {                                                                 \
    if (a_step == 1 && b_step == 1)                                                                \
      for (size_t j = 0; j < count; j++)                                                           \
        out[j] = a[j] operator b[j];                                                               \
    else if (a_step == 1)                                                                          \
      for (size_t j = 0, same = 0; j < count; j++)                                                 \
        out[j] = a[j] operator b[same];                                                            \
    else                                                                                           \
      for (size_t j = 0; j < count; j++)                                                           \
        out[j] = a[0] operator b[j * b_step];                                                      \
  }

LOOP(add, +)
LOOP(subtract, -)
LOOP(multiply, *)
LOOP(divide, /)

void lsq_elementwise(lsq_operation operation, lsq_operand a, lsq_operand b, const lsq_matrix *out) {
  static void (*const loops[])(const double *, size_t, const double *, size_t, double *, size_t) = {
      [LSQ_ADD] = add, [LSQ_SUBTRACT] = subtract, [LSQ_MULTIPLY] = multiply, [LSQ_DIVIDE] = divide};
  for (size_t i = 0; i < out->rows; i++)
    loops[operation](a.data + i * a.row_step, a.col_step, b.data + i * b.row_step, b.col_step,
                     lsq_matrix_row(out, i), out->cols);
}

bool lsq_equal(const lsq_matrix *a, const lsq_matrix *b) {
  for (size_t i = 0; i < a->rows; i++) {
    const double *p = lsq_matrix_row(a, i), *q = lsq_matrix_row(b, i);
    for (size_t j = 0; j < a->cols; j++)
      if (!(p[j] == q[j]))
        return false;
  }
  return true;
}

static bool is_close(double a, double b, double relative, double absolute) {
  if (isinf(a) || isinf(b))
    return a == b;
  return fabs(a - b) <= absolute + relative * fabs(b);
}

bool lsq_all_close(const lsq_matrix *a, const lsq_matrix *b, double relative, double absolute) {
  for (size_t i = 0; i < a->rows; i++) {
    const double *p = lsq_matrix_row(a, i), *q = lsq_matrix_row(b, i);
    for (size_t j = 0; j < a->cols; j++)
      if (!is_close(p[j], q[j], relative, absolute))
        return false;
  }
  return true;
}

void lsq_fill_identity(const lsq_matrix *m) {
  lsq_matrix_fill(m, 0);
  for (size_t i = 0; i < m->rows && i < m->cols; i++)
    lsq_matrix_row(m, i)[i] = 1;
}

void lsq_clear_above_diagonal(const lsq_matrix *m) {
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = i + 1; j < m->cols; j++)
      lsq_matrix_row(m, i)[j] = 0;
}

/* Each half is counted from its own end: symmetric ends give symmetric numbers. */
void lsq_fill_linspace(const lsq_matrix *m, double first, double last) {
  const size_t n = m->rows;
  const double step = n < 2 ? 0 : last / (double)(n - 1) - first / (double)(n - 1);
  for (size_t i = 0; i < n; i++) {
    const size_t left = n - 1 - i;
    *lsq_matrix_row(m, i) = i <= left ? first + (double)i * step : last - (double)left * step;
  }
}

void lsq_fill_uniform(const lsq_matrix *m, lsq_random *random) {
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++)
      lsq_matrix_row(m, i)[j] = lsq_random_uniform(random);
}

void lsq_fill_normal(const lsq_matrix *m, lsq_random *random) {
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++)
      lsq_matrix_row(m, i)[j] = lsq_random_normal(random);
}
