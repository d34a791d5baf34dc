/* ILLS, iterative linear least squares: Khadilkar, "Using Linear Regression for Iteratively
   Training Neural Networks" (arXiv 2307.05189), and a guarded form of it. */
#ifndef LSQ_TRAIN_ILLS_H
#define LSQ_TRAIN_ILLS_H

#include "train/trainer.h"

extern const lsq_trainer lsq_ills;

#endif
