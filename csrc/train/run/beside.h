/* Trainings side by side, one thread each, where nobody watches: the same draws and the same
   result as one by one. */
#ifndef LSQ_TRAIN_RUN_BESIDE_H
#define LSQ_TRAIN_RUN_BESIDE_H

#include "train/run/run.h"

/* Iterations of a training that are kept until the best is known, the start included, at most. */
enum { LSQ_BESIDE_HISTORY = 10001 };

/* How many at a time pay and may be, of a race all; 1: one by one. */
size_t lsq_beside_lanes(const lsq_run *run);

/* Goes on with all of them for a while; a training that has ended is told of. */
lsq_status lsq_beside_advance(lsq_run *run, double until, lsq_event *event, lsq_error *error);

/* Ends one where it stands: it is kept where it is the best so far. */
void lsq_beside_close_lane(lsq_run *run, lsq_lane *lane);

/* Ends all of them where they stand. */
void lsq_beside_close(lsq_run *run);

/* Tells of the best one, iteration by iteration, and then of its end. */
void lsq_beside_tell(lsq_run *run, lsq_event *event);

#endif
