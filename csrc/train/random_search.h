/* Random search: draws nets, solves nothing, keeps the best. */
#ifndef LSQ_TRAIN_RANDOM_SEARCH_H
#define LSQ_TRAIN_RANDOM_SEARCH_H

#include "train/trainer.h"

extern const lsq_trainer lsq_random_search;

#endif
