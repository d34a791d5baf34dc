#include "nn/activation.h"

#include "nn/inverse.h"

#define RECORD(name) &lsq_activation_##name,
const lsq_activation *const lsq_activations[] = {LSQ_ACTIVATIONS(RECORD) NULL};

#define NAME(name) #name,
const char *const lsq_activation_names[] = {LSQ_ACTIVATIONS(NAME) NULL};

void lsq_activate(const lsq_activation *activation, double alpha, const lsq_matrix *z) {
  if (activation->forward == NULL)
    return;
  if (lsq_matrix_is_contiguous(z)) {
    activation->forward(alpha, z->data, z->rows * z->cols);
    return;
  }
  for (size_t i = 0; i < z->rows; i++)
    activation->forward(alpha, lsq_matrix_row(z, i), z->cols);
}

void lsq_activation_backward(const lsq_activation *activation, double alpha, const lsq_matrix *z,
                             const lsq_matrix *a, const lsq_matrix *delta) {
  if (activation->backward == NULL)
    return;
  if (lsq_matrix_is_contiguous(a) && lsq_matrix_is_contiguous(delta) &&
      (z == NULL || lsq_matrix_is_contiguous(z))) {
    activation->backward(alpha, z == NULL ? NULL : z->data, a->data, delta->data,
                         a->rows * a->cols);
    return;
  }
  for (size_t i = 0; i < a->rows; i++)
    activation->backward(alpha, z == NULL ? NULL : lsq_matrix_row(z, i), lsq_matrix_row(a, i),
                         lsq_matrix_row(delta, i), a->cols);
}

bool lsq_activation_is_invertible(const lsq_activation *activation, double alpha) {
  return activation->invertible &&
         (!activation->piecewise_linear || lsq_activation_slope(activation, alpha) > 0);
}

static LSQ_CLONES void clip_values(double *values, size_t count, double low, double high) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    values[i] = lsq_clip(values[i], low, high);
}

void lsq_activation_clip(const lsq_activation *activation, double margin,
                         const lsq_matrix *values) {
  const double low = activation->low + margin, high = activation->high - margin;
  for (size_t i = 0; i < values->rows; i++)
    clip_values(lsq_matrix_row(values, i), values->cols, low, high);
}

void lsq_activation_invert(const lsq_activation *activation, double alpha, double margin,
                           const lsq_matrix *values) {
  const double low = activation->low + margin, high = activation->high - margin;
  if (activation->inverse == NULL)
    return;
  if (lsq_matrix_is_contiguous(values)) {
    activation->inverse(alpha, low, high, values->data, values->rows * values->cols);
    return;
  }
  for (size_t i = 0; i < values->rows; i++)
    activation->inverse(alpha, low, high, lsq_matrix_row(values, i), values->cols);
}
