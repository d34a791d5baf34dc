/* Restarts of a trainer, several at a time: each lane runs one training from a net of its own,
   on one thread, and takes the next start when it is done. The starts are drawn before anything
   else, in their order, and the best is found by score and then by number, so that the result
   depends on no thread count. */
#ifndef LSQ_TRAIN_RESTARTS_H
#define LSQ_TRAIN_RESTARTS_H

#include "train/trainer.h"

typedef struct lsq_restart_lane lsq_restart_lane;

typedef struct {
  const lsq_trainer *trainer; /* whose functions run in the lanes */
  const lsq_problem *problem;
  const void *options;
  size_t lanes, next;   /* next: the start that no lane has taken yet */
  size_t history_limit; /* iterations of a training, the first included, at most */
  lsq_restart_lane *lane;
  double *starts;              /* problem->restarts x parameters */
  lsq_random *randoms;         /* of each training */
  double *best;                /* parameters of the best one */
  lsq_progress *best_history;  /* history_limit */
  size_t best_count, replayed; /* iterations of the best, and those told of so far */
  size_t best_start;           /* from 0; problem->restarts: none yet */
  lsq_stop best_stop;
  lsq_result best_result;
} lsq_restarts;

void lsq_restarts_place(lsq_restarts *self, lsq_arena *arena, const lsq_trainer *trainer,
                        const lsq_problem *problem, const void *options, size_t history_limit);

/* Draws the starts, the first being problem->net as it stands. */
void lsq_restarts_start(lsq_restarts *self);

/* A tenth of a second or so of all lanes. When the last training is over, each step tells of one
   iteration of the best one. */
lsq_status lsq_restarts_step(lsq_restarts *self, lsq_progress *progress, lsq_error *error);

/* Leaves problem->net as the best training left its own. May be called after any step. */
void lsq_restarts_finish(lsq_restarts *self, lsq_result *result);

#endif
