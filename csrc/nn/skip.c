#include "nn/skip.h"

#include "nn/dense.h"

void lsq_skip_forward(const lsq_network *net, const lsq_matrix *x, double *scratch,
                      const lsq_matrix *z) {
  if (!lsq_network_skips(net))
    return;
  const lsq_matrix product = lsq_matrix_over(scratch, z->rows, z->cols);
  lsq_dense_forward(x, &net->skip, NULL, &product);
  for (size_t i = 0; i < z->rows; i++) {
    const double *from = lsq_matrix_row(&product, i);
    double *to = lsq_matrix_row(z, i);
    for (size_t j = 0; j < z->cols; j++)
      to[j] += from[j];
  }
}

void lsq_skip_gradient(const lsq_network *net, const lsq_matrix *x, const lsq_matrix *delta,
                       double *gradient) {
  if (!lsq_network_skips(net))
    return;
  lsq_matrix into = net->skip;
  into.data = gradient + (net->skip.data - net->parameters);
  lsq_dense_gradient(x, delta, &into, NULL);
}
