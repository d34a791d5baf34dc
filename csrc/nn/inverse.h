/* The inverses of the activation functions, elementwise over a matrix. */
#ifndef LSQ_NN_INVERSE_H
#define LSQ_NN_INVERSE_H

#include "nn/activation.h"

/* Whether there is one: of all but relu, and leaky_relu with alpha = 0. */
bool lsq_activation_invertible(lsq_activation activation, double alpha);

/* Values are brought into the open range of the activation, at least `margin` from its ends:
   tanh (-1, 1), sigmoid (0, 1), elu above -1; the others take any value. */
void lsq_activation_clip(lsq_activation activation, double margin, const lsq_matrix *values);

/* values <- sigma^-1(clipped values), to 4 units in the last place (sigmoid: of max(|result|, 1));
   values stay what they are where there is no inverse. */
void lsq_activation_invert(lsq_activation activation, double alpha, double margin,
                           const lsq_matrix *values);

#endif
