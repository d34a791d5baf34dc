/* Linstorch: every layer of a ReLU net solved by linear regression (Khanov and Akbas). */
#ifndef LSQ_TRAIN_LINSTORCH_H
#define LSQ_TRAIN_LINSTORCH_H

#include "train/trainer.h"

extern const lsq_trainer lsq_linstorch;
extern const lsq_trainer lsq_elm; /* its first step alone: the output layer on random ones */

#endif
