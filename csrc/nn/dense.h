/* The products of a dense layer, as kernels of our own: for the small widths this library is
   for, a BLAS spends more on packing and threading than on arithmetic, and the reference BLAS
   has no vector code at all. They run on the calling thread (callers split rows among threads),
   call no BLAS, and add in an order that depends on the shapes alone. Any size may be 0;
   results overlap no input. */
#ifndef LSQ_NN_DENSE_H
#define LSQ_NN_DENSE_H

#include "base/matrix.h"

/* z (n x outputs) = x (n x inputs) W (inputs x outputs) + bias (outputs; NULL: none). */
void lsq_dense_forward(const lsq_matrix *x, const lsq_matrix *weight, const double *bias,
                       const lsq_matrix *z);

/* gradient_weight (inputs x outputs) += x' delta, gradient_bias (outputs, may be NULL) += the
   column sums of delta; x n x inputs, delta n x outputs. */
void lsq_dense_gradient(const lsq_matrix *x, const lsq_matrix *delta,
                        const lsq_matrix *gradient_weight, double *gradient_bias);

/* out (n x inputs) = delta (n x outputs) W' . */
void lsq_dense_backward(const lsq_matrix *delta, const lsq_matrix *weight, const lsq_matrix *out);

/* The lower triangle of sum (n x n), diagonal included, += that of s' s, with s rows x n; what
   is above the diagonal is neither read nor written. */
void lsq_dense_gram(const lsq_matrix *s, const lsq_matrix *sum);

#endif
