#include "nn/network.h"

#include <string.h>

static size_t count_parameters(size_t depth, const size_t *widths, const bool *bias, bool skip) {
  size_t count = skip ? lsq_size_multiply(widths[0], widths[depth]) : 0;
  for (size_t k = 0; k < depth; k++) {
    count = lsq_size_add(count, lsq_size_multiply(widths[k], widths[k + 1]));
    if (bias[k])
      count = lsq_size_add(count, widths[k + 1]);
  }
  return count;
}

void lsq_network_place(lsq_network *net, lsq_arena *arena, size_t depth, const size_t *widths,
                       const bool *bias, bool skip) {
  *net = (lsq_network){.depth = depth,
                       .activation = &lsq_activation_relu,
                       .output_activation = &lsq_activation_identity,
                       .alpha = 0.1,
                       .loss = &lsq_loss_mse,
                       .init = {.kind = LSQ_INIT_KAIMING},
                       .parameter_count = count_parameters(depth, widths, bias, skip)};
  net->layers = lsq_arena_take(arena, depth, sizeof *net->layers);
  net->parameters = lsq_arena_doubles(arena, net->parameter_count);
  if (arena->base == NULL)
    return;
  for (size_t k = 0; k < depth; k++) {
    net->layers[k].weight = lsq_matrix_over(net->parameters, widths[k], widths[k + 1]);
    net->layers[k].bias = bias[k] ? net->parameters : NULL;
  }
  if (skip)
    net->skip = lsq_matrix_over(net->parameters, widths[0], widths[depth]);
  lsq_network_point(net, net->parameters);
}

void lsq_network_place_like(lsq_network *net, lsq_arena *arena, const lsq_network *model) {
  *net = *model;
  net->layers = lsq_arena_take(arena, model->depth, sizeof *net->layers);
  net->parameters = lsq_arena_doubles(arena, model->parameter_count);
  if (arena->base == NULL)
    return;
  memcpy(net->layers, model->layers, model->depth * sizeof *net->layers);
  lsq_network_point(net, net->parameters);
}

void lsq_network_point(lsq_network *net, double *parameters) {
  net->parameters = parameters;
  for (size_t k = 0; k < net->depth; k++) {
    lsq_layer *layer = &net->layers[k];
    layer->weight.data = parameters;
    parameters += layer->weight.rows * layer->weight.cols;
    if (layer->bias != NULL) {
      layer->bias = parameters;
      parameters += layer->weight.cols;
    }
  }
  if (net->skip.data != NULL)
    net->skip.data = parameters;
}
