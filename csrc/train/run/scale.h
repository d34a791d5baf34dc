/* A word on data in raw units, of trainers that depend on scale. */
#ifndef LSQ_TRAIN_RUN_SCALE_H
#define LSQ_TRAIN_RUN_SCALE_H

#include "train/run/run.h"

/* Room for a pass over the rows; placed for trainers that say LSQ_NEEDS_SCALE alone. */
void lsq_scale_place(lsq_run *run, lsq_arena *arena);

/* Adds a warning to the result for X, and one for Y where the loss is of distances, that name the
   column furthest from mean 0 and deviation 1, if it is far. */
void lsq_scale_warn(const lsq_run *run, lsq_result *result);

#endif
