/* The best regression of y on a line with one kink in u. With a = min(u - k, 0) and
   b = max(u - k, 0) it is that on {1, a, b}, {1, a} or {1, b}; its error at any knot k takes a
   search among the sorted points and a few sums over those on either side. */
#ifndef LSQ_TRAIN_ONE_KNOT_H
#define LSQ_TRAIN_ONE_KNOT_H

#include "base/arena.h"

typedef struct {
  double u, y, weight;
} lsq_knot_point;

typedef enum { LSQ_LEFT_SIDE = 1, LSQ_RIGHT_SIDE = 2, LSQ_BOTH_SIDES = 3 } lsq_knot_sides;

typedef struct {
  double place, error; /* k, and the sum of squared errors there */
  lsq_knot_sides sides;
} lsq_knot;

/* Over the points before one, by their weights: of 1, u, u^2, y, u y, y less its mean. */
typedef struct {
  double weight, u, uu, y, uy;
} lsq_knot_sums;

typedef struct {
  const lsq_knot_point *points;
  size_t count;
  lsq_knot_sums *before; /* count + 1 */
  double mean, square;   /* of y; sum of (y - mean)^2, by the weights */
} lsq_one_knot;

/* By ascending u. */
void lsq_knot_points_sort(lsq_knot_point *points, size_t count);

void lsq_one_knot_place(lsq_one_knot *self, lsq_arena *arena, size_t count);

/* points: sorted, at least one, all weights positive, u about 0 and of deviation about 1. */
void lsq_one_knot_start(lsq_one_knot *self, const lsq_knot_point *points, size_t count);

/* Tries `tries` quantiles of u, then refines by golden section about each local minimum. */
lsq_knot lsq_one_knot_find(const lsq_one_knot *self, lsq_knot_sides sides, size_t tries);

#endif
