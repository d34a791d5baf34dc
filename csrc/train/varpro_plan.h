/* How many steps of each kind varpro takes. The counts alone decide the net: the clock is asked
   for them, where they are to fit a time, before the steps they are of. Behind the warm phase
   there are `early` Gauss-Newton steps, over which the fraction r of the phase goes from 0 to 0.7,
   and `full` ones on all rows, over which it goes on to 1. */
#ifndef LSQ_TRAIN_VARPRO_PLAN_H
#define LSQ_TRAIN_VARPRO_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds, measured or estimated. */
typedef struct {
  double batch;    /* of Adam */
  double step;     /* Gauss-Newton */
  double all_rows; /* a refit and a gradient on all rows */
  double part;     /* the same on the rows of an early step */
} lsq_varpro_costs;

typedef struct {
  size_t warm, early, full;
  double share;   /* of the warm phase; NaN: by the rule */
  double started; /* the clock */
  double until;   /* the clock when the last step should have ended; HUGE_VAL: counts were given */
} lsq_varpro_plan;

/* The same counts whatever the clock says: `iterations` of which the warm phase, counted in passes
   of `batches`, gets its share, or `warm` batches unless that is negative. */
void lsq_varpro_plan_counts(lsq_varpro_plan *plan, size_t iterations, int64_t warm, size_t batches);

/* The warm phase, at its beginning, at the time `now`. */
void lsq_varpro_plan_warm(lsq_varpro_plan *plan, const lsq_varpro_costs *costs, double now);

/* The early steps, when the first is done, which began at `began`; r = 0 for it in any case. */
void lsq_varpro_plan_early(lsq_varpro_plan *plan, const lsq_varpro_costs *costs, double began,
                           double now);

/* The steps on all rows, before the first of them; the early ones began at `began`. */
void lsq_varpro_plan_full(lsq_varpro_plan *plan, const lsq_varpro_costs *costs, double began,
                          double now);

/* r at the beginning of Gauss-Newton step k, from 0. */
double lsq_varpro_plan_fraction(const lsq_varpro_plan *plan, size_t k);

/* Whether step k takes all rows: the last three tenths, and one early step every fifth of the
   phase, to see how good the net is. */
bool lsq_varpro_plan_is_full(const lsq_varpro_plan *plan, size_t k);

#endif
