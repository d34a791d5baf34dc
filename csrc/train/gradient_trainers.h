/* The trainers that follow the gradient of the loss. */
#ifndef LSQ_TRAIN_GRADIENT_TRAINERS_H
#define LSQ_TRAIN_GRADIENT_TRAINERS_H

#include "train/descent.h"

/* One update by Adam with its standard decays (0.9, 0.999) and epsilon (1e-8). */
void lsq_adam_update(const lsq_descent_update *update);

extern const lsq_trainer lsq_sgd, lsq_adam, lsq_adagrad, lsq_lbfgs;

#endif
