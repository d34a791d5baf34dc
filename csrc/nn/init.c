#include <math.h>

#include "nn/skip.h"

const char *const lsq_init_names[] = {"kaiming", "xavier", "normal", "uniform",
                                      "zeros",   "raai",   NULL};

static void draw_uniform(double *values, size_t count, double low, double high,
                         lsq_random *random) {
  for (size_t i = 0; i < count; i++)
    values[i] = low + (high - low) * lsq_random_uniform(random);
}

static void draw_normal(double *values, size_t count, double mean, double deviation,
                        lsq_random *random) {
  for (size_t i = 0; i < count; i++)
    values[i] = mean + deviation * lsq_random_normal(random);
}

static void set_zero(double *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    values[i] = 0;
}

/* Randomised asymmetric anti-correlated initialisation (Singh and Sreejith 2021), which
   extends the randomised asymmetric one (Lu, Shin, Su and Karniadakis 2020). Per neuron: its
   incoming weights and its bias are N(0, 0.6007^2 / inputs); the mean of the weights is
   subtracted from them (correlation strength k = 1), where there is more than one; then one
   entry, bias included, is replaced by a draw from Beta(2, 1), which is the square root of a
   uniform one.

   Uncertain, as the source formula was not at hand: whether 0.6007 is to be used unchanged
   beside the anti-correlation, and whether the bias takes part in it (here it does not). */
static void draw_raai(const lsq_layer *layer, lsq_random *random) {
  const size_t inputs = layer->weight.rows, outputs = layer->weight.cols;
  const double deviation = 0.6007 / sqrt((double)inputs);
  double *weight = layer->weight.data;
  for (size_t j = 0; j < outputs; j++) {
    double sum = 0;
    for (size_t i = 0; i < inputs; i++) {
      weight[i * outputs + j] = deviation * lsq_random_normal(random);
      sum += weight[i * outputs + j];
    }
    if (inputs > 1)
      for (size_t i = 0; i < inputs; i++)
        weight[i * outputs + j] -= sum / (double)inputs;
    if (layer->bias != NULL)
      layer->bias[j] = deviation * lsq_random_normal(random);
    const size_t entries = inputs + (layer->bias != NULL);
    const size_t chosen = (size_t)lsq_random_below(random, entries);
    double *entry = chosen < inputs ? &weight[chosen * outputs + j] : &layer->bias[j];
    *entry = sqrt(lsq_random_uniform(random));
  }
}

static void draw_layer(const lsq_layer *layer, const lsq_init *init, lsq_random *random) {
  const size_t inputs = layer->weight.rows, outputs = layer->weight.cols;
  const size_t weights = inputs * outputs;
  const size_t all = weights + (layer->bias != NULL ? outputs : 0); /* the bias follows */
  double *values = layer->weight.data;
  switch (init->kind) {
  case LSQ_INIT_KAIMING: {
    const double bound = 1 / sqrt((double)inputs);
    draw_uniform(values, all, -bound, bound, random);
    break;
  }
  case LSQ_INIT_XAVIER: {
    const double bound = sqrt(6 / ((double)inputs + (double)outputs));
    draw_uniform(values, weights, -bound, bound, random);
    set_zero(values + weights, all - weights);
    break;
  }
  case LSQ_INIT_NORMAL:
    draw_normal(values, all, 0, 1, random);
    break;
  case LSQ_INIT_UNIFORM:
    draw_uniform(values, all, 0, 1, random);
    break;
  case LSQ_INIT_RAAI:
    draw_raai(layer, random);
    break;
  case LSQ_INIT_UNIFORM_RANGE:
    draw_uniform(values, all, init->first, init->second, random);
    break;
  case LSQ_INIT_NORMAL_RANGE:
    draw_normal(values, all, init->first, init->second, random);
    break;
  case LSQ_INIT_ZEROS:
  case LSQ_INITS:
    set_zero(values, all);
    break;
  }
}

void lsq_network_initialise(lsq_network *net, const lsq_init *init, lsq_random *random) {
  for (size_t k = 0; k < net->depth; k++)
    draw_layer(&net->layers[k], init, random);
  if (lsq_network_skips(net))
    draw_layer(&(lsq_layer){.weight = net->skip}, init, random);
}
