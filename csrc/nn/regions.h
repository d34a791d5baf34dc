/* Counting the linear pieces of a network of one input. */
#ifndef LSQ_NN_REGIONS_H
#define LSQ_NN_REGIONS_H

#include "nn/network.h"

/* To be completed by whoever writes regions.c. */

#endif
