/* The trainers that follow the gradient of the loss. */
#ifndef LSQ_TRAIN_GRADIENT_TRAINERS_H
#define LSQ_TRAIN_GRADIENT_TRAINERS_H

#include "train/descent.h"

extern const lsq_trainer lsq_sgd, lsq_adam, lsq_adagrad, lsq_lbfgs;

#endif
