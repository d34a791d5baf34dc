#include "train/one_knot.h"

#include <math.h>
#include <stdlib.h>

enum { REFINEMENTS = 40 }; /* each to 0.618 of the interval: to 4e-9 of it */

static int by_place(const void *a, const void *b) {
  const lsq_knot_point *p = a, *q = b;
  return p->u != q->u ? (p->u > q->u) - (p->u < q->u) : (p->y > q->y) - (p->y < q->y);
}

void lsq_knot_points_sort(lsq_knot_point *points, size_t count) {
  qsort(points, count, sizeof *points, by_place);
}

void lsq_one_knot_place(lsq_one_knot *self, lsq_arena *arena, size_t count) {
  *self = (lsq_one_knot){.count = count};
  self->before = lsq_arena_take(arena, count + 1, sizeof *self->before);
}

void lsq_one_knot_start(lsq_one_knot *self, const lsq_knot_point *points, size_t count) {
  lsq_knot_sums sums = {0};
  double weight = 0;
  self->points = points;
  self->count = count;
  self->mean = self->square = 0;
  for (size_t i = 0; i < count; i++)
    weight += points[i].weight;
  for (size_t i = 0; i < count; i++)
    self->mean += points[i].weight / weight * points[i].y;
  for (size_t i = 0; i < count; i++) {
    const double u = points[i].u, y = points[i].y - self->mean, w = points[i].weight;
    self->before[i] = sums;
    sums.weight += w;
    sums.u += w * u;
    sums.uu += w * u * u;
    sums.y += w * y;
    sums.uy += w * u * y;
    self->square += w * y * y;
  }
  self->before[count] = sums;
}

/* How many points are at most k. */
static size_t points_up_to(const lsq_one_knot *self, double k) {
  size_t low = 0, high = self->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (self->points[middle].u <= k)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Regression on the side's variable v = u - k alone, and its share in the intercept's equation
   once v is eliminated. */
typedef struct {
  double explained, diagonal, right;
} side;

static side side_of(double k, lsq_knot_sums s) {
  const double v = s.u - k * s.weight;
  const double vv = s.uu - 2 * k * s.u + k * k * s.weight;
  const double vy = s.uy - k * s.y;
  if (!(vv > 1e-12 * (s.uu + k * k * s.weight)))
    return (side){0, 0, 0};
  return (side){vy * vy / vv, v * v / vv, v * vy / vv};
}

/* The sum of y is 0. */
static double error_at(const lsq_one_knot *self, lsq_knot_sides sides, double k) {
  const size_t split = points_up_to(self, k);
  const lsq_knot_sums below = self->before[split], all = self->before[self->count];
  const lsq_knot_sums above = {all.weight - below.weight, all.u - below.u, all.uu - below.uu,
                               all.y - below.y, all.uy - below.uy};
  const double n = all.weight;
  double explained = 0, diagonal = n, right = all.y;
  for (int s = LSQ_LEFT_SIDE; s <= LSQ_RIGHT_SIDE; s++) {
    if (((int)sides & s) == 0)
      continue;
    const side part = side_of(k, s == LSQ_LEFT_SIDE ? below : above);
    explained += part.explained;
    diagonal -= part.diagonal;
    right -= part.right;
  }
  if (diagonal > 1e-10 * n)
    explained += right * right / diagonal;
  return fmax(self->square - explained, 0);
}

/* The last point with at most so much weight before it. */
static size_t point_behind(const lsq_one_knot *self, double weight) {
  size_t low = 0, high = self->count;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    if (self->before[middle].weight <= weight)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* The value at a share of the sorted points, linear in between. A point of weight k stands for k
   points; where weights are smaller than 1 on average, that average stands for one. */
static double quantile(const lsq_one_knot *self, double share) {
  const double all = self->before[self->count].weight;
  const double one = fmin(1, all / (double)self->count), place = share * fmax(all - one, 0);
  const size_t at = point_behind(self, place), next = lsq_size_min(at + 1, self->count - 1);
  const double rest = fmin(fmax((place - self->before[at + 1].weight) / one + 1, 0), 1);
  return self->points[at].u + rest * (self->points[next].u - self->points[at].u);
}

static void take_better(const lsq_one_knot *self, double k, lsq_knot *best) {
  const double error = error_at(self, best->sides, k);
  if (error < best->error) {
    best->error = error;
    best->place = k;
  }
}

static void refine(const lsq_one_knot *self, double low, double high, lsq_knot *best) {
  const double ratio = 0.5 * (sqrt(5) - 1);
  double left = high - ratio * (high - low), right = low + ratio * (high - low);
  for (int i = 0; i < REFINEMENTS; i++) {
    const double left_error = error_at(self, best->sides, left);
    const double right_error = error_at(self, best->sides, right);
    if (left_error < right_error)
      high = right;
    else
      low = left;
    left = high - ratio * (high - low);
    right = low + ratio * (high - low);
  }
  take_better(self, 0.5 * (low + high), best);
}

lsq_knot lsq_one_knot_find(const lsq_one_knot *self, lsq_knot_sides sides, size_t tries) {
  lsq_knot best = {self->points[0].u, HUGE_VAL, sides};
  double places[3] = {0}, errors[3] = {0};
  const double share = 1 / ((double)tries + 1);
  /* try 0 and tries + 1 are the ends: there is a line in between. */
  for (size_t t = 0; t <= tries + 1; t++) {
    for (int i = 0; i < 2; i++) {
      places[i] = places[i + 1];
      errors[i] = errors[i + 1];
    }
    places[2] = quantile(self, fmin((double)t * share, 1));
    errors[2] = error_at(self, sides, places[2]);
    if (errors[2] < best.error) {
      best.error = errors[2];
      best.place = places[2];
    }
    if (t >= 2 && errors[1] <= errors[0] && errors[1] <= errors[2])
      refine(self, places[0], places[2], &best);
  }
  return best;
}
