/* Running a network forwards and backwards, in row blocks spread over threads. Results do
   not depend on the number of threads. Workspace is in bytes; ask with the thread count
   that the call will run under (base/threads.h). */
#ifndef LSQ_NN_FORWARD_H
#define LSQ_NN_FORWARD_H

#include "nn/network.h"

size_t lsq_forward_workspace(const lsq_network *net, size_t rows);

/* out (rows x width of layer `layer`) = the activations after layer `layer`, 0..depth: 0 is
   x itself. layer = depth is the network's output as it is (logits for cross-entropy). */
void lsq_forward(const lsq_network *net, const lsq_matrix *x, size_t layer, const lsq_matrix *out,
                 void *workspace);

/* The mean loss over all rows (mse: over all entries) of the network on x, y. */
double lsq_network_loss(const lsq_network *net, const lsq_loss *loss, const lsq_matrix *x,
                        const lsq_matrix *y, void *workspace);

size_t lsq_gradient_workspace(const lsq_network *net, size_t rows);

/* gradient (parameter_count) = d loss / d parameters; returns the loss. */
double lsq_network_gradient(const lsq_network *net, const lsq_loss *loss, const lsq_matrix *x,
                            const lsq_matrix *y, double *gradient, void *workspace);

#endif
