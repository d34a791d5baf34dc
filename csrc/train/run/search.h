/* Draws whose scores are computed many at a time, where nobody watches. */
#ifndef LSQ_TRAIN_RUN_SEARCH_H
#define LSQ_TRAIN_RUN_SEARCH_H

#include "train/run/run.h"

void lsq_search_place(lsq_run *run, lsq_arena *arena);

/* From the run's next draw on. */
void lsq_search_begin(lsq_run *run);

/* A round of draws. At their end the best is trained where it is better than the best so far. */
lsq_status lsq_search_advance(lsq_run *run, double until, lsq_error *error);

/* Of draws that are iterations: tells of the next one scored, and keeps it where it is better. */
void lsq_search_tell(lsq_run *run, lsq_event *event);

#endif
