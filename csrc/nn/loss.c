#include "nn/loss.h"

#define RECORD(name) &lsq_loss_##name,
const lsq_loss *const lsq_losses[] = {LSQ_LOSSES(RECORD) NULL};

#define NAME(name) #name,
const char *const lsq_loss_names[] = {LSQ_LOSSES(NAME) NULL};

double lsq_loss_sum(const lsq_loss *loss, double parameter, const lsq_matrix *output,
                    const lsq_matrix *y, const double *weights) {
  if (weights == NULL && lsq_matrix_is_contiguous(output) && lsq_matrix_is_contiguous(y))
    return loss->value(parameter, output->data, y->data, output->rows, output->cols);
  double sum = 0;
  for (size_t i = 0; i < output->rows; i++) {
    const double weight = weights == NULL ? 1 : weights[i];
    sum += weight *
           loss->value(parameter, lsq_matrix_row(output, i), lsq_matrix_row(y, i), 1, output->cols);
  }
  return sum;
}

double lsq_loss_backward(const lsq_loss *loss, double parameter, const lsq_matrix *output,
                         const lsq_matrix *y, const double *weights, double scale) {
  if (weights == NULL && lsq_matrix_is_contiguous(output) && lsq_matrix_is_contiguous(y))
    return loss->gradient(parameter, output->data, y->data, output->rows, output->cols, scale);
  double sum = 0;
  for (size_t i = 0; i < output->rows; i++) {
    const double weight = weights == NULL ? 1 : weights[i];
    sum += weight * loss->gradient(parameter, lsq_matrix_row(output, i), lsq_matrix_row(y, i), 1,
                                   output->cols, weight * scale);
  }
  return sum;
}

double lsq_loss_count(const lsq_loss *loss, double weight, size_t cols) {
  return loss->per_entry ? weight * (double)cols : weight;
}

void lsq_loss_mean(const lsq_loss *loss, const lsq_matrix *output) {
  for (size_t i = 0; loss->mean != NULL && i < output->rows; i++)
    loss->mean(lsq_matrix_row(output, i), output->cols);
}

bool lsq_loss_accepts(const lsq_loss *loss, const lsq_matrix *y, size_t *row) {
  for (size_t i = 0; loss->accepts != NULL && i < y->rows; i++)
    if (!loss->accepts(lsq_matrix_row(y, i), y->cols)) {
      *row = i;
      return false;
    }
  return true;
}
