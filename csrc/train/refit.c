#include "train/refit.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "nn/dense.h"

static const double LEAST_RIDGE = 1e-13; /* of the largest diagonal entry of S'S */
static const double ELIMINATION = 1e-12; /* of the diagonal, added where b is eliminated */

void lsq_refit_place(lsq_refit *self, lsq_arena *arena, const lsq_network *net) {
  const lsq_layer *output = &net->layers[net->depth - 1];
  const size_t n = output->weight.rows + 1, c = output->weight.cols;
  *self = (lsq_refit){.inputs = n, .outputs = c, .before = net->parameter_count - n * c};
  self->block = lsq_arena_matrix(arena, n, n);
  self->mixed = lsq_arena_matrix(arena, n, lsq_size_multiply(c, self->before));
  self->right = lsq_arena_matrix(arena, n, c);
}

lsq_status lsq_refit_solve(const lsq_refit *self, const lsq_sweep *sweep, double ridge,
                           double *parameters, lsq_error *error) {
  double largest = 0;
  for (size_t i = 0; i < self->inputs; i++)
    largest = fmax(largest, lsq_matrix_row(&sweep->gram, i)[i]);
  for (size_t i = 0; i < self->inputs; i++)
    lsq_matrix_row(&sweep->gram, i)[i] += fmax(ridge, LEAST_RIDGE * largest);
  lsq_status status = lsq_cholesky(&sweep->gram, error);
  if (status != LSQ_OK)
    return status;
  lsq_cholesky_solve(&sweep->gram, &sweep->cross);
  status = lsq_require_finite(&sweep->cross, "the output layer", error);
  if (status == LSQ_OK)
    memcpy(parameters + self->before, sweep->cross.data,
           self->inputs * self->outputs * sizeof *parameters);
  return status;
}

/* Parameter (l, o) of b is number l c + o of it, and H_bb the same for every output. */
static void fill(lsq_refit *self, const lsq_matrix *matrix, double scale, double lambda,
                 double floor, const double *gradient) {
  const size_t n = self->inputs, c = self->outputs, first = self->before;
  for (size_t l = 0; l < n; l++) {
    const double *row = lsq_matrix_row(matrix, first + l * c) + first;
    double *block = lsq_matrix_row(&self->block, l);
    for (size_t i = 0; i <= l; i++)
      block[i] = scale * row[i * c];
    block[l] += lambda + ELIMINATION * fmax(scale * row[l * c], floor);
  }
  memcpy(self->right.data, gradient + first, n * c * sizeof *gradient);
  for (size_t k = 0; k < n * c; k++) {
    const double *row = lsq_matrix_row(matrix, first + k);
    double *mixed = self->mixed.data + k * first;
    for (size_t j = 0; j < first; j++)
      mixed[j] = scale * row[j];
  }
}

lsq_status lsq_refit_eliminate(lsq_refit *self, const lsq_matrix *matrix, double scale,
                               double lambda, double floor, const double *full_gradient,
                               const lsq_matrix *schur, double *gradient, lsq_error *error) {
  fill(self, matrix, scale, lambda, floor, full_gradient);
  const lsq_status status = lsq_cholesky(&self->block, error);
  if (status != LSQ_OK)
    return status;
  lsq_cholesky_forward(&self->block, &self->mixed);
  lsq_cholesky_forward(&self->block, &self->right);
  const size_t rows = self->inputs * self->outputs, count = self->before;
  const lsq_matrix v = lsq_matrix_over(self->mixed.data, rows, count);
  lsq_matrix_fill(schur, 0);
  lsq_dense_gram(&v, schur);
  for (size_t i = 0; i < count; i++) {
    const double *from = lsq_matrix_row(matrix, i);
    double *to = lsq_matrix_row(schur, i);
    for (size_t j = 0; j <= i; j++)
      to[j] = scale * from[j] - to[j];
    to[i] += lambda;
  }
  const lsq_matrix u = lsq_matrix_over(self->right.data, rows, 1);
  const lsq_matrix reduced = lsq_matrix_over(gradient, count, 1);
  memcpy(gradient, full_gradient, count * sizeof *gradient);
  lsq_multiply(-1, &v, true, &u, false, 1, &reduced);
  return LSQ_OK;
}
