/* Restarts by successive halving (Karnin, Koren and Somekh 2013; Jamieson and Talwalkar 2016): all
   starts go a few iterations, the better half goes on twice as far, and so on, until one is left.
   Each round costs about as much as one training. All trainings are held in memory. */
#ifndef LSQ_TRAIN_RUN_RACE_H
#define LSQ_TRAIN_RUN_RACE_H

#include "train/run/run.h"

/* LSQ_MISUSE for a run that cannot be a race. */
lsq_status lsq_race_check(const lsq_trainer *trainer, const void *options,
                          const lsq_run_options *common, lsq_error *error);

/* The iteration to which trainings go in this round; SIZE_MAX where it is no race. */
size_t lsq_race_iterations(const lsq_run *run);

/* Whether all trainings that go on have come so far; never where it is no race. */
bool lsq_race_ends_round(const lsq_run *run);

/* The worse half of the trainings that go on is ended. */
void lsq_race_halve(lsq_run *run);

#endif
