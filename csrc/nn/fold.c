#include "nn/fold.h"

#include <math.h>

#include "nn/skip.h"

lsq_status lsq_scaling_check(const lsq_scaling *scaling, const char *name, lsq_error *error) {
  for (size_t j = 0; j < scaling->mean->cols; j++) {
    const double mean = scaling->mean->data[j], scale = scaling->scale->data[j];
    if (!isfinite(mean) || !isfinite(scale))
      return lsq_fail(error, LSQ_NON_FINITE, "%s is not finite at column %zu", name, j + 1);
    if (scale == 0)
      return lsq_fail(error, LSQ_SINGULAR, "%s has scale 0 at column %zu", name, j + 1);
  }
  return LSQ_OK;
}

bool lsq_scaling_shifts(const lsq_scaling *scaling) {
  for (size_t j = 0; j < scaling->mean->cols; j++)
    if (scaling->mean->data[j] != 0)
      return true;
  return false;
}

static void fold_inputs(const lsq_matrix *weights, double *bias, const lsq_scaling *scaling) {
  for (size_t i = 0; i < weights->rows; i++) {
    double *weight = lsq_matrix_row(weights, i);
    for (size_t j = 0; j < weights->cols; j++) {
      weight[j] /= scaling->scale->data[i];
      if (bias != NULL)
        bias[j] -= scaling->mean->data[i] * weight[j];
    }
  }
}

static void fold_outputs(const lsq_matrix *weights, const lsq_scaling *scaling) {
  for (size_t i = 0; i < weights->rows; i++)
    for (size_t j = 0; j < weights->cols; j++)
      lsq_matrix_row(weights, i)[j] *= scaling->scale->data[j];
}

void lsq_network_fold_inputs(lsq_network *net, const lsq_scaling *scaling) {
  fold_inputs(&net->layers[0].weight, net->layers[0].bias, scaling);
  if (lsq_network_skips(net))
    fold_inputs(&net->skip, net->layers[net->depth - 1].bias, scaling);
}

void lsq_network_fold_outputs(lsq_network *net, const lsq_scaling *scaling) {
  const lsq_layer *layer = &net->layers[net->depth - 1];
  const double *mean = scaling->mean->data, *scale = scaling->scale->data;
  fold_outputs(&layer->weight, scaling);
  if (lsq_network_skips(net))
    fold_outputs(&net->skip, scaling);
  for (size_t j = 0; layer->bias != NULL && j < layer->weight.cols; j++)
    layer->bias[j] = layer->bias[j] * scale[j] + mean[j];
}
