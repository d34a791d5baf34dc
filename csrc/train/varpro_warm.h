/* The first phase of varpro: Adam on small batches, its rate annealed to the end of the phase. It
   is better than Gauss-Newton steps as long as few of those fit the time. */
#ifndef LSQ_TRAIN_VARPRO_WARM_H
#define LSQ_TRAIN_VARPRO_WARM_H

#include "nn/forward.h"
#include "train/shuffled_rows.h"

typedef struct {
  const lsq_network *net; /* trained in place; placed for one like it */
  lsq_shuffled_rows *rows;
  lsq_random *random;
  size_t batch, batches;      /* rows of a batch; batches of a pass over the rows */
  size_t step, steps;         /* batches done and to do */
  double target_deviation;    /* what output parameters are measured in */
  double squared_error, seen; /* of the batches of this pass: sum of weighted losses, weight */
  lsq_matrix x, y;
  double *gradient;
  double *hidden_moments, *output_moments;
  double *former;  /* parameters, while batches are timed */
  double *weights; /* of a batch */
  lsq_gradient_work *work;
} lsq_varpro_warm;

void lsq_varpro_warm_place(lsq_varpro_warm *self, lsq_arena *arena, const lsq_network *net,
                           lsq_shuffled_rows *rows);

/* Begins a phase of `steps` batches from the net as it stands. */
void lsq_varpro_warm_start(lsq_varpro_warm *self, size_t steps);

/* The deviation of the targets, from the first rows of the order. */
lsq_status lsq_varpro_warm_measure(lsq_varpro_warm *self, lsq_error *error);

/* One batch. LSQ_NON_FINITE where its loss is not finite; the net is left then. */
lsq_status lsq_varpro_warm_step(lsq_varpro_warm *self, lsq_error *error);

/* Whether a pass over the rows, or the phase, has just ended; then *loss is the mean of the batches
   as they were seen. */
bool lsq_varpro_warm_pass_ended(lsq_varpro_warm *self, double *loss);

/* Seconds of a batch, the median of some that leave nothing behind; a phase has to be started. */
lsq_status lsq_varpro_warm_time(lsq_varpro_warm *self, double *seconds, lsq_error *error);

#endif
