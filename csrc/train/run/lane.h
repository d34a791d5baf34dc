/* One training within a run, and what it would leave. */
#ifndef LSQ_TRAIN_RUN_LANE_H
#define LSQ_TRAIN_RUN_LANE_H

#include "train/run/run.h"

struct lsq_told {
  lsq_progress progress;
  double seconds;
};

struct lsq_lane {
  lsq_problem problem; /* the run's; its net and generator are the lane's own */
  lsq_network net;     /* over parameters of its own, where lanes work side by side */
  lsq_random random;
  void *memory;          /* of the trainer */
  size_t restart;        /* 0: idle */
  size_t iterations;     /* told of */
  double *last, *lowest; /* parameters of the last iterate and of the lowest score */
  double last_loss, last_score, lowest_loss, lowest_score;
  double *validated; /* those of the lowest validation loss; NULL without patience */
  double validation_loss;
  size_t waited;     /* iterations since it was seen */
  lsq_told *history; /* `history_limit`; NULL where each iteration is told of at once */
  size_t history_limit;
  lsq_stop stop;
  lsq_status status;
  lsq_error error;
};

/* beside: with a net and a history of its own. */
void lsq_lane_place(lsq_lane *lane, lsq_arena *arena, const lsq_run *run, bool beside);

/* Takes the run's next restart: the start as given, or a fresh draw. */
lsq_status lsq_lane_begin(lsq_lane *lane, lsq_run *run, lsq_error *error);

/* The same from a draw already made, which is restart `restart`. */
lsq_status lsq_lane_begin_draw(lsq_lane *lane, lsq_run *run, size_t restart, const lsq_random *draw,
                               lsq_error *error);

/* One step; where it completes an iteration, the lane remembers what it may have to keep. */
lsq_status lsq_lane_step(lsq_lane *lane, const lsq_run *run, double until, lsq_progress *progress,
                         lsq_error *error);

/* Ends the training, leaves its net as the trainer and the run's options mean to, and keeps it
   where it is the best so far, which it says. */
bool lsq_lane_close(lsq_lane *lane, lsq_run *run);

#endif
