/* K nets of one ReLU layer on the piecewise-linear inputs of a table, by Adam, side by side: one
   for each fold, which it does not see. Judged are averages of the weights, by the rows that were
   held out, of all nets together; that decides for all when to stop and which step is kept. In
   single precision: the batches' noise is far above its rounding, and it halves the time. */
#ifndef LSQ_TRAIN_ENSEMBLE_H
#define LSQ_TRAIN_ENSEMBLE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/random.h"
#include "nn/piecewise.h"

typedef struct {
  size_t nets, units;
  double decay, rate; /* decoupled decay of the weights; Adam's learning rate */
  size_t most_steps, first_check;
  uint64_t seed;
  bool classes; /* cross-entropy of a softmax, y one-hot; otherwise mean squares */
} lsq_ensemble_options;

typedef struct {
  uint32_t at; /* row of the tables */
  float fraction;
} lsq_ensemble_entry;

/* The arrays of all nets, one net after the other. */
typedef struct {
  lsq_random random;
  size_t *order; /* of the rows that train it */
  size_t rows;
} lsq_ensemble_net;

typedef struct {
  lsq_ensemble_options options;
  const lsq_piecewise *map;
  const lsq_matrix *x, *y;
  const double *fold; /* n: the net, from 1, that does not see a row; 0: all see it */
  size_t width, knots, parameters, batch, fewest, position, step, next_check, worse;
  double best;      /* the lowest held-out loss */
  size_t best_step; /* 0 before the first check */
  size_t *start;    /* n + 1: a row's entries */
  lsq_ensemble_entry *entries;
  lsq_ensemble_net *nets;
  float *now, *momentum, *square, *average, *kept, *gradient; /* K, or 1, times parameters */
  float *tables, *table_gradient, *base, *z, *out, *delta;
  lsq_matrix held_out; /* n x c, of the best step: outputs, before a softmax */
  lsq_matrix trial;
} lsq_ensemble;

void lsq_ensemble_place(lsq_ensemble *e, lsq_arena *arena);
void lsq_ensemble_start(lsq_ensemble *e);

/* One step of every net, and a check where one is due. False when the training has ended. */
bool lsq_ensemble_step(lsq_ensemble *e);

/* A check now, for a training that ends before its next one. False after three checks without a
   loss .05 % lower. */
bool lsq_ensemble_check(lsq_ensemble *e);

/* The nets of the best step as one, whose output is the mean of theirs: weight (width x K h), bias
   (1 x K h), output (K h x c), offset (1 x c). */
void lsq_ensemble_join(const lsq_ensemble *e, const lsq_matrix *weight, const lsq_matrix *bias,
                       const lsq_matrix *output, const lsq_matrix *offset);

#endif
