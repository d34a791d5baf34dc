#include "nn/fold.h"

#include <math.h>

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

void lsq_network_fold_inputs(lsq_network *net, const lsq_scaling *scaling) {
  const lsq_layer *layer = &net->layers[0];
  for (size_t i = 0; i < layer->weight.rows; i++) {
    double *weight = lsq_matrix_row(&layer->weight, i);
    for (size_t j = 0; j < layer->weight.cols; j++) {
      weight[j] /= scaling->scale->data[i];
      if (layer->bias != NULL)
        layer->bias[j] -= scaling->mean->data[i] * weight[j];
    }
  }
}

void lsq_network_fold_outputs(lsq_network *net, const lsq_scaling *scaling) {
  const lsq_layer *layer = &net->layers[net->depth - 1];
  const double *mean = scaling->mean->data, *scale = scaling->scale->data;
  for (size_t i = 0; i < layer->weight.rows; i++) {
    double *weight = lsq_matrix_row(&layer->weight, i);
    for (size_t j = 0; j < layer->weight.cols; j++)
      weight[j] *= scale[j];
  }
  for (size_t j = 0; layer->bias != NULL && j < layer->weight.cols; j++)
    layer->bias[j] = layer->bias[j] * scale[j] + mean[j];
}
