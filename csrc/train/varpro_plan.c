#include "train/varpro_plan.h"

#include <math.h>

static const double EARLY_SHARE = 0.7; /* of the Gauss-Newton phase, before all rows are taken */
static const double LEAST_WARM = 0.1, MOST_WARM = 0.9;
static const double ENOUGH_STEPS = 72; /* Gauss-Newton steps that need no help of Adam's */
enum { LOOKS = 5, EARLY_LOOKS = 3 };   /* at all rows in a phase, and among the early steps */

static double clip(double value, double least, double most) {
  return fmin(fmax(value, least), most);
}

static size_t count_of(double value) {
  return value < 1 ? 0 : value > 1e15 ? (size_t)1e15 : (size_t)value;
}

void lsq_varpro_plan_counts(lsq_varpro_plan *plan, size_t iterations, int64_t warm,
                            size_t batches) {
  const double share = isnan(plan->share) ? LEAST_WARM : plan->share;
  size_t passes = count_of(share * (double)iterations + 0.5);
  if (warm >= 0)
    passes = ((size_t)warm + batches - 1) / batches;
  if (passes > iterations)
    passes = iterations;
  const size_t steps = iterations - passes, most = passes * batches;
  plan->warm = warm >= 0 && (size_t)warm < most ? (size_t)warm : most;
  plan->early = count_of(EARLY_SHARE * (double)steps + 0.5);
  plan->full = steps - plan->early;
  plan->until = HUGE_VAL;
}

void lsq_varpro_plan_warm(lsq_varpro_plan *plan, const lsq_varpro_costs *costs, double now) {
  const double total = plan->until - plan->started;
  const double rule = clip(1 - total / (ENOUGH_STEPS * costs->step), LEAST_WARM, MOST_WARM);
  const double share = isnan(plan->share) ? rule : plan->share;
  const double most = plan->until - now - costs->step - 2 * costs->all_rows;
  plan->warm = count_of(fmin(share * total, most) / costs->batch);
}

void lsq_varpro_plan_early(lsq_varpro_plan *plan, const lsq_varpro_costs *costs, double began,
                           double now) {
  const double left = plan->until - began, looks = EARLY_LOOKS * (costs->all_rows - costs->part);
  const double fitting = floor((EARLY_SHARE * left - looks) / (now - began) + 0.5);
  plan->early = fitting < 1 ? 1 : count_of(fitting);
}

void lsq_varpro_plan_full(lsq_varpro_plan *plan, const lsq_varpro_costs *costs, double began,
                          double now) {
  const double more = costs->all_rows - costs->part;
  const double early = (now - began - EARLY_LOOKS * more) / (double)plan->early;
  const double step = fmax(early, costs->part) + more;
  plan->full = count_of((plan->until - now - costs->all_rows) / step);
}

double lsq_varpro_plan_fraction(const lsq_varpro_plan *plan, size_t k) {
  if (k == 0)
    return 0;
  if (k < plan->early)
    return EARLY_SHARE * (double)k / (double)plan->early;
  return EARLY_SHARE + (1 - EARLY_SHARE) * (double)(k - plan->early) / (double)plan->full;
}

bool lsq_varpro_plan_is_full(const lsq_varpro_plan *plan, size_t k) {
  if (k == 0)
    return false;
  return k >= plan->early || floor(LOOKS * lsq_varpro_plan_fraction(plan, k)) >
                                 floor(LOOKS * lsq_varpro_plan_fraction(plan, k - 1));
}
