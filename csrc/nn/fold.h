/* Moving the scaling of the data into a network's first and last layers. A scaling maps raw
   values to (raw - mean) / scale, column by column; mean and scale are 1 x columns. */
#ifndef LSQ_NN_FOLD_H
#define LSQ_NN_FOLD_H

#include "nn/network.h"

typedef struct {
  const lsq_matrix *mean, *scale;
} lsq_scaling;

/* Whether the numbers can be folded: finite, and no scale 0. `name` stands in the message. */
lsq_status lsq_scaling_check(const lsq_scaling *scaling, const char *name, lsq_error *error);

/* Whether some mean is not 0: a layer without bias cannot take that in. */
bool lsq_scaling_shifts(const lsq_scaling *scaling);

/* The network now takes raw inputs: W_ij / scale_i, b_j - sum_i mean_i W_ij / scale_i; so do direct
   connections, whose means go to the last layer's biases. */
void lsq_network_fold_inputs(lsq_network *net, const lsq_scaling *scaling);

/* The network now gives raw outputs: W_ij scale_j, b_j scale_j + mean_j. Its output
   activation is the identity. */
void lsq_network_fold_outputs(lsq_network *net, const lsq_scaling *scaling);

#endif
