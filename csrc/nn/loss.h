/* Losses over the raw output of a network. */
#ifndef LSQ_NN_LOSS_H
#define LSQ_NN_LOSS_H

#include "nn/network.h"

/* Sum of the loss over the rows of output (n x c): mse sums squared errors over all entries;
   cross_entropy takes logits (softmax over c >= 2 columns, logistic for 1) and targets that
   are probability rows, or 0/1 for one column. */
double lsq_loss_sum(lsq_loss loss, const lsq_matrix *output, const lsq_matrix *y);

/* The same sum up to rounding, and output becomes scale * d(sum)/d(output). */
double lsq_loss_backward(lsq_loss loss, const lsq_matrix *output, const lsq_matrix *y,
                         double scale);

/* What the sum is divided by: n*c for mse, n for cross-entropy. */
double lsq_loss_count(lsq_loss loss, size_t rows, size_t cols);

/* Rows of logits become probabilities in place: softmax for cols >= 2, logistic for 1. */
void lsq_probabilities(const lsq_matrix *logits);

/* How far a probability row's sum may be from 1: float32 softmaxes end within this. */
#define LSQ_PROBABILITY_SLACK 1e-6

/* Whether y can be the targets of the loss: mse takes any, cross_entropy rows of entries in
   [0, 1] that sum to 1, or 0/1 in one column. When not, *row is the first (0-based) that is
   at fault. */
bool lsq_loss_accepts(lsq_loss loss, const lsq_matrix *y, size_t *row);

#endif
