/* Levenberg-Marquardt for the squared error of small nets. */
#ifndef LSQ_TRAIN_GAUSS_NEWTON_H
#define LSQ_TRAIN_GAUSS_NEWTON_H

#include "train/trainer.h"

extern const lsq_trainer lsq_gauss_newton;

#endif
