/* A dense feed-forward network: layer k = 1..depth maps inputs to outputs by
   sigma(x W + b), with W inputs x outputs. All weights and biases live in one flat vector,
   weight(1) row by row, bias(1), weight(2), ..., at last the direct connections, and the layers
   are views into it. */
#ifndef LSQ_NN_NETWORK_H
#define LSQ_NN_NETWORK_H

#include "base/arena.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status.h"
#include "nn/activation.h"
#include "nn/loss.h"

/* The initialisations of API.md. */
typedef enum {
  LSQ_INIT_KAIMING, /* weights and biases U(+-1/sqrt(inputs)), as torch.nn.Linear */
  LSQ_INIT_XAVIER,  /* weights U(+-sqrt(6/(inputs+outputs))), biases 0 */
  LSQ_INIT_NORMAL,  /* all N(0, 1) */
  LSQ_INIT_UNIFORM, /* all U(0, 1) */
  LSQ_INIT_ZEROS,
  LSQ_INIT_RAAI,          /* randomised asymmetric anti-correlated: see init.c */
  LSQ_INIT_UNIFORM_RANGE, /* all U(first, second) */
  LSQ_INIT_NORMAL_RANGE,  /* all N(first, second^2) */
  LSQ_INITS
} lsq_init_kind;

typedef struct {
  lsq_init_kind kind;
  double first, second; /* of the last two kinds */
} lsq_init;

/* Of the kinds that take no numbers, NULL after the last. */
extern const char *const lsq_init_names[LSQ_INIT_RAAI + 2];

typedef struct {
  lsq_matrix weight; /* inputs x outputs */
  double *bias;      /* outputs; NULL where the layer has none */
} lsq_layer;

typedef struct {
  size_t depth; /* layers with weights, at least 1 */
  lsq_layer *layers;
  lsq_matrix skip; /* inputs x outputs: direct connections (nn/skip.h); data NULL: none */
  const lsq_activation *activation, *output_activation;
  double alpha; /* slope of leaky_relu */
  const lsq_loss *loss;
  double loss_parameter; /* of losses that have one */
  lsq_init init;         /* the net's own scheme: fresh draws use it unless told otherwise */
  double *parameters;
  size_t parameter_count;
} lsq_network;

/* Places a network of the given shape over the arena: widths has depth+1 entries, bias
   depth. Parameters are not initialised; activation, alpha, loss and init get their
   defaults (relu, identity, 0.1, mse, kaiming). Measures with a measuring arena. */
void lsq_network_place(lsq_network *net, lsq_arena *arena, size_t depth, const size_t *widths,
                       const bool *bias, bool skip);

/* Places a network of the shape and the kind of `model`; its parameters are not copied. */
void lsq_network_place_like(lsq_network *net, lsq_arena *arena, const lsq_network *model);

/* Points the layers' weights and biases of `net`, whose `layers` already have their shapes,
   into another flat vector of the same layout (a gradient, a saved copy). */
void lsq_network_point(lsq_network *net, double *parameters);

static inline size_t lsq_network_inputs(const lsq_network *net) {
  return net->layers[0].weight.rows;
}

static inline size_t lsq_network_outputs(const lsq_network *net) {
  return net->layers[net->depth - 1].weight.cols;
}

/* The net's loss becomes this one; with another one its parameter is the default. */
static inline void lsq_network_set_loss(lsq_network *net, const lsq_loss *loss) {
  if (net->loss != loss)
    net->loss_parameter = loss->standard;
  net->loss = loss;
}

/* The activation of layer k = 0..depth-1. */
static inline const lsq_activation *lsq_network_activation(const lsq_network *net, size_t k) {
  return k + 1 == net->depth ? net->output_activation : net->activation;
}

/* Draws every parameter anew, layer by layer in the order of the flat vector (raai: neuron by
   neuron), direct connections as a layer without biases. net->init is left as it is. */
void lsq_network_initialise(lsq_network *net, const lsq_init *init, lsq_random *random);

#endif
