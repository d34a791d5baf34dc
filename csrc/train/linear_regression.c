#include "train/linear_regression.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

typedef struct {
  lsq_matrix x, y;         /* centred copies */
  double *x_mean, *y_mean; /* of the columns */
  void *solver;
} scratch;

static void place(scratch *s, lsq_arena *arena, size_t rows, size_t inputs, size_t outputs) {
  s->x = lsq_arena_matrix(arena, rows, inputs);
  s->y = lsq_arena_matrix(arena, rows, outputs);
  s->x_mean = lsq_arena_doubles(arena, inputs);
  s->y_mean = lsq_arena_doubles(arena, outputs);
  s->solver = lsq_arena_take(arena, lsq_least_squares_workspace(rows, inputs, outputs), 1);
}

size_t lsq_linear_regression_workspace(size_t rows, size_t inputs, size_t outputs) {
  scratch measured;
  lsq_arena arena = lsq_arena_measure();
  place(&measured, &arena, rows, inputs, outputs);
  return arena.used;
}

static void add_row(double *sum, const double *row, double scale, size_t count) {
  for (size_t j = 0; j < count; j++)
    sum[j] += scale * row[j];
}

/* centred <- m minus its column means. */
static void centre(const lsq_matrix *m, const lsq_matrix *centred, double *mean) {
  memset(mean, 0, m->cols * sizeof *mean);
  for (size_t i = 0; i < m->rows; i++)
    add_row(mean, lsq_matrix_row(m, i), 1 / (double)m->rows, m->cols);
  lsq_matrix_copy(m, centred);
  for (size_t i = 0; i < m->rows; i++)
    add_row(lsq_matrix_row(centred, i), mean, -1, m->cols);
}

/* A constant column leaves the rounding of its mean behind, which must not pass for data. */
static void clear_constant_columns(const lsq_matrix *centred, const double *mean) {
  for (size_t j = 0; j < centred->cols; j++) {
    double largest = 0;
    for (size_t i = 0; i < centred->rows; i++)
      largest = fmax(largest, fabs(lsq_matrix_row(centred, i)[j]));
    if (largest > (double)centred->rows * 0x1p-52 * fabs(mean[j]))
      continue;
    for (size_t i = 0; i < centred->rows; i++)
      lsq_matrix_row(centred, i)[j] = 0;
  }
}

static double residual(const scratch *s, const lsq_matrix *weight) {
  double sum = 0;
  lsq_multiply(-1, &s->x, false, weight, false, 1, &s->y);
  for (size_t i = 0; i < s->y.rows * s->y.cols; i++)
    sum += s->y.data[i] * s->y.data[i];
  return sum / (double)s->y.rows / (double)s->y.cols;
}

lsq_status lsq_linear_regression(lsq_network *net, const lsq_matrix *x, const lsq_matrix *y,
                                 double rcond, size_t *rank, double *loss, void *workspace,
                                 lsq_error *error) {
  scratch s;
  lsq_arena arena = lsq_arena_over(workspace);
  place(&s, &arena, x->rows, x->cols, y->cols);
  centre(x, &s.x, s.x_mean);
  centre(y, &s.y, s.y_mean);
  clear_constant_columns(&s.x, s.x_mean);
  const lsq_layer *layer = &net->layers[0];
  lsq_status status = lsq_least_squares(&s.x, &s.y, rcond, &layer->weight, rank, s.solver, error);
  if (status != LSQ_OK)
    return status;
  lsq_matrix mean = lsq_matrix_over(s.x_mean, 1, x->cols);
  lsq_matrix bias = lsq_matrix_over(layer->bias, 1, y->cols);
  memcpy(layer->bias, s.y_mean, y->cols * sizeof(double));
  lsq_multiply(-1, &mean, false, &layer->weight, false, 1, &bias);
  *loss = residual(&s, &layer->weight);
  return LSQ_OK;
}
