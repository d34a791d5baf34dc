/* Direct connections from a network's inputs to its outputs: net->skip, inputs x outputs, whose
   product is added to the last layer before its activation. */
#ifndef LSQ_NN_SKIP_H
#define LSQ_NN_SKIP_H

#include "nn/network.h"

static inline bool lsq_network_skips(const lsq_network *net) {
  return net->skip.data != NULL;
}

/* z (rows x outputs) += x (rows x inputs) skip, where there are such connections; scratch: rows x
   outputs doubles. */
void lsq_skip_forward(const lsq_network *net, const lsq_matrix *x, double *scratch,
                      const lsq_matrix *z);

/* gradient, a flat vector, += x' delta where skip lies; delta rows x outputs. */
void lsq_skip_gradient(const lsq_network *net, const lsq_matrix *x, const lsq_matrix *delta,
                       double *gradient);

#endif
