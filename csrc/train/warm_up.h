/* Some epochs of Adam before another method begins. */
#ifndef LSQ_TRAIN_WARM_UP_H
#define LSQ_TRAIN_WARM_UP_H

#include "train/sweep.h"
#include "train/trainer.h"

typedef struct {
  const lsq_problem *problem;
  lsq_random *random;
  double *parameters, *gradient, *moments;
  size_t count;  /* of parameters */
  size_t *order; /* of the rows, drawn anew for every epoch */
  lsq_row_reader reader;
  lsq_matrix x, y; /* a batch, */
  double *weights; /* with its weights, of mean 1 in the whole data */
  lsq_rows batch;
  lsq_sweep sweep; /* over it */
  double mean_weight;
  size_t epoch, row, steps; /* row: of the epoch, that the next batch begins with */
} lsq_warm_up;

void lsq_warm_up_place(lsq_warm_up *self, lsq_arena *arena, const lsq_problem *problem);
void lsq_warm_up_start(lsq_warm_up *self, lsq_random *random);

/* Some batches; true when all epochs are over, which a failed read makes them: `parameters` are
   what came of it. */
bool lsq_warm_up_advance(lsq_warm_up *self);

#endif
