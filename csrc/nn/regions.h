/* The linear pieces of a network of one input and piecewise linear activations (identity,
   relu, leaky_relu) on an interval. Nothing is sampled: on an interval where a layer's inputs
   are linear, each unit's kink is a root of its own line, so the interval is cut at the
   kinks, first layer first, and the cuts are walked from left to right, depth first. Memory
   is O(sum of widths), whatever the number of pieces. */
#ifndef LSQ_NN_REGIONS_H
#define LSQ_NN_REGIONS_H

#include "nn/network.h"

typedef struct lsq_regions lsq_regions;

/* Whether the network's pieces can be counted: one input, activations as above. */
bool lsq_regions_countable(const lsq_network *net);

/* Bytes of an lsq_regions, which is aligned to LSQ_ALIGNMENT. */
size_t lsq_regions_size(const lsq_network *net);

/* Sets up the count on [low, high]; finite, low < high. Two neighbouring pieces count as one
   where each output's slopes differ by at most `tolerance` times the sum of the absolute
   terms that the greater of them is made of: exactly redundant kinks differ by rounding. Kinks
   closer than 1e-12 max(|low|, |high|) to each other or to an end are one. */
lsq_regions *lsq_regions_start(void *memory, const lsq_network *net, double low, double high,
                               double tolerance);

/* Walks on, over some thousand intervals at most; returns false when all is counted. */
bool lsq_regions_step(lsq_regions *regions);

/* Pieces counted so far, at least 1. */
size_t lsq_regions_count(const lsq_regions *regions);

#endif
