/* ANMIN (Barbu 2023, "Training a Two Layer ReLU Network Analytically", Algorithm 1). */
#ifndef LSQ_TRAIN_ANMIN_H
#define LSQ_TRAIN_ANMIN_H

#include "train/trainer.h"

extern const lsq_trainer lsq_anmin;

#endif
