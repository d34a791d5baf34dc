/* Nets whose hidden units look along the linear regression, as Linstorch's do, with the knots
   placed by hand instead of by chance. */
#ifndef LSQ_TRAIN_KNOTS_H
#define LSQ_TRAIN_KNOTS_H

#include "train/trainer.h"

extern const lsq_trainer lsq_spread_net;  /* one knot a unit */
extern const lsq_trainer lsq_knot_search; /* one knot, the best there is */

#endif
