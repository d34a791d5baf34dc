#include "nn/inverse.h"

#include <math.h>

bool lsq_activation_invertible(lsq_activation activation, double alpha) {
  return activation != LSQ_RELU && (activation != LSQ_LEAKY_RELU || alpha > 0);
}

void lsq_activation_clip(lsq_activation activation, double margin, const lsq_matrix *values) {
  double low = -HUGE_VAL, high = HUGE_VAL;
  if (activation == LSQ_TANH || activation == LSQ_ELU)
    low = -1 + margin;
  if (activation == LSQ_SIGMOID)
    low = margin;
  if (activation == LSQ_TANH || activation == LSQ_SIGMOID)
    high = 1 - margin;
  for (size_t i = 0; i < values->rows; i++) {
    double *row = lsq_matrix_row(values, i);
    for (size_t j = 0; j < values->cols; j++) {
      row[j] = row[j] < low ? low : row[j]; /* NaN stays */
      row[j] = row[j] > high ? high : row[j];
    }
  }
}

static double inverse(lsq_activation activation, double alpha, double value) {
  switch (activation) {
  case LSQ_TANH: /* log is several times as fast as atanh */
    return 0.5 * log((1 + value) / (1 - value));
  case LSQ_SIGMOID:
    return log(value / (1 - value));
  case LSQ_ELU:
    return value < 0 ? log1p(value) : value;
  case LSQ_LEAKY_RELU:
    return value < 0 && alpha > 0 ? value / alpha : value;
  case LSQ_IDENTITY:
  case LSQ_RELU:
  case LSQ_ACTIVATIONS:
    break;
  }
  return value;
}

void lsq_activation_invert(lsq_activation activation, double alpha, double margin,
                           const lsq_matrix *values) {
  lsq_activation_clip(activation, margin, values);
  for (size_t i = 0; i < values->rows; i++) {
    double *row = lsq_matrix_row(values, i);
    for (size_t j = 0; j < values->cols; j++)
      row[j] = inverse(activation, alpha, row[j]);
  }
}
