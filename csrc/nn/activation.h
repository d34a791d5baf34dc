/* The activation functions, elementwise over a matrix. */
#ifndef LSQ_NN_ACTIVATION_H
#define LSQ_NN_ACTIVATION_H

#include "base/matrix.h"

typedef enum {
  LSQ_IDENTITY,
  LSQ_RELU,
  LSQ_LEAKY_RELU, /* alpha x for x < 0 */
  LSQ_ELU,        /* exp(x) - 1 for x < 0 */
  LSQ_TANH,
  LSQ_SIGMOID,
  LSQ_ACTIVATIONS /* how many there are */
} lsq_activation;

/* Their names in Lua and in files, in the order of the enumeration, NULL after the last. */
extern const char *const lsq_activation_names[LSQ_ACTIVATIONS + 1];

/* z <- sigma(z). */
void lsq_activate(lsq_activation activation, double alpha, const lsq_matrix *z);

/* delta <- delta * sigma'(z), given a = sigma(z) of the same shape: each derivative here is
   a function of the activation's own value. At the kink of relu and leaky_relu the
   derivative is the left one (0 and alpha), as in PyTorch. */
void lsq_activation_backward(lsq_activation activation, double alpha, const lsq_matrix *a,
                             const lsq_matrix *delta);

#endif
