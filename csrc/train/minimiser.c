#include "train/minimiser.h"

#include <math.h>
#include <string.h>

const char *const lsq_line_searches[] = {"strong_wolfe", "fixed", NULL};
const char *const lsq_minimiser_keeps[] = {"best", "last", NULL};

const lsq_option lsq_minimiser_option_table[] = {LSQ_MINIMISER_OPTIONS, {.name = NULL}};

enum { START, BRACKET, ZOOM, FIXED };
enum { MOST_SEARCH_EVALUATIONS = 25 };

static const double SUFFICIENT_DECREASE = 1e-4; /* c1 of Nocedal and Wright, (3.7a) */
static const double CURVATURE = 0.9;            /* c2, (3.7b) */

void lsq_minimiser_place(lsq_minimiser *m, lsq_arena *arena, size_t count,
                         const lsq_minimiser_options *options) {
  const size_t memory = lsq_size_of(options->memory);
  *m = (lsq_minimiser){.options = options, .count = count};
  m->trial = lsq_arena_doubles(arena, count);
  m->point = lsq_arena_doubles(arena, count);
  m->gradient = lsq_arena_doubles(arena, count);
  m->best = lsq_arena_doubles(arena, count);
  m->direction = lsq_arena_doubles(arena, count);
  m->low_gradient = lsq_arena_doubles(arena, count);
  m->steps = lsq_arena_doubles(arena, lsq_size_multiply(memory, count));
  m->changes = lsq_arena_doubles(arena, lsq_size_multiply(memory, count));
  m->curvature = lsq_arena_doubles(arena, memory);
  m->share = lsq_arena_doubles(arena, memory);
}

void lsq_minimiser_start(lsq_minimiser *m) {
  m->phase = START;
  m->stored = m->next = 0;
  m->iteration = m->evaluations = 0;
  m->iterations_before = 0;
  m->scale = 1;
  m->best_value = HUGE_VAL;
}

static double dot(const double *a, const double *b, size_t count) {
  double sum[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= count; i += 4)
    for (size_t k = 0; k < 4; k++)
      sum[k] += a[i + k] * b[i + k];
  for (; i < count; i++)
    sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void add_scaled(double *sum, double scale, const double *term, size_t count) {
  for (size_t i = 0; i < count; i++)
    sum[i] += scale * term[i];
}

static double largest(const double *values, size_t count) {
  double most = 0;
  for (size_t i = 0; i < count; i++)
    most = fmax(most, fabs(values[i]));
  return most;
}

static bool is_finite(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += 0 * values[i];
  return sum == 0;
}

static double absolute_sum(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += fabs(values[i]);
  return sum;
}

static void set_trial(lsq_minimiser *m, double step) {
  m->step = step;
  for (size_t i = 0; i < m->count; i++)
    m->trial[i] = m->point[i] + step * m->direction[i];
}

/* direction <- -H gradient by the two-loop recursion (Algorithm 7.4), newest pair first. */
static void set_direction(lsq_minimiser *m) {
  const size_t memory = (size_t)m->options->memory, n = m->count;
  double *d = m->direction;
  for (size_t i = 0; i < n; i++)
    d[i] = -m->gradient[i];
  for (size_t k = 1; k <= m->stored; k++) {
    const size_t pair = (m->next + memory - k) % memory;
    m->share[pair] = dot(m->steps + pair * n, d, n) / m->curvature[pair];
    add_scaled(d, -m->share[pair], m->changes + pair * n, n);
  }
  for (size_t i = 0; i < n; i++)
    d[i] *= m->scale;
  for (size_t k = m->stored; k >= 1; k--) {
    const size_t pair = (m->next + memory - k) % memory;
    const double beta = dot(m->changes + pair * n, d, n) / m->curvature[pair];
    add_scaled(d, m->share[pair] - beta, m->steps + pair * n, n);
  }
  m->slope = dot(m->gradient, d, n);
}

static void forget(lsq_minimiser *m) {
  m->stored = m->next = 0;
  m->scale = 1;
}

/* Starts along a new direction from `point`. */
static lsq_minimiser_event begin_search(lsq_minimiser *m, lsq_minimiser_event event) {
  const bool fixed = m->options->line_search == LSQ_FIXED_STEP;
  set_direction(m);
  if (!fixed && !(m->slope < 0)) {
    forget(m);
    set_direction(m);
  }
  if (fixed ? m->slope > -m->options->loss_tolerance : !(m->slope < 0))
    return LSQ_MINIMISER_CONVERGED;
  double step = m->options->learning_rate;
  if (fixed ? (double)m->iteration + m->iterations_before == 0 : m->stored == 0)
    step *= fmin(1, 1 / (fixed ? absolute_sum(m->gradient, m->count) /* PyTorch's */
                               : sqrt(dot(m->gradient, m->gradient, m->count))));
  m->phase = fixed ? FIXED : BRACKET;
  m->low = (lsq_line_point){0, m->value, m->slope};
  m->search_evaluations = 0;
  set_trial(m, step);
  return event;
}

/* The pair of an accepted step. Where the curvature is not positive, H would not stay so. */
static void remember(lsq_minimiser *m, const double *point, const double *gradient) {
  const size_t memory = (size_t)m->options->memory, n = m->count;
  double *step = m->steps + m->next * n, *change = m->changes + m->next * n;
  for (size_t i = 0; i < n; i++) {
    step[i] = point[i] - m->point[i];
    change[i] = gradient[i] - m->gradient[i];
  }
  const double product = dot(step, change, n), norm = dot(change, change, n);
  const bool fixed = m->options->line_search == LSQ_FIXED_STEP;
  if (!(fixed ? product > 1e-10 : product > 0x1p-52 * norm)) /* PyTorch's guard, and ours */
    return;
  m->curvature[m->next] = product;
  m->scale = product / norm;
  m->next = (m->next + 1) % memory;
  if (m->stored < memory)
    m->stored++;
}

static size_t most_evaluations(const lsq_minimiser *m) {
  const size_t asked = (size_t)m->options->max_evaluations;
  const size_t iterations = (size_t)m->options->iterations;
  return asked > 0 ? asked : lsq_size_max(iterations * 5 / 4, iterations + 1);
}

/* `trial` becomes the iterate, and a new direction is begun unless it is good enough. */
static lsq_minimiser_event accept(lsq_minimiser *m, double value, const double *gradient) {
  const size_t bytes = m->count * sizeof(double);
  const double change = fabs(value - m->value);
  const double moved = m->step * largest(m->direction, m->count);
  remember(m, m->trial, gradient);
  memcpy(m->point, m->trial, bytes);
  memcpy(m->gradient, gradient, bytes);
  m->value = value;
  m->iteration++;
  if (largest(gradient, m->count) <= m->options->gradient_tolerance ||
      change < m->options->loss_tolerance ||
      (m->options->line_search == LSQ_FIXED_STEP && moved <= m->options->loss_tolerance))
    return LSQ_MINIMISER_CONVERGED;
  if (m->iteration >= (size_t)m->options->iterations || m->evaluations >= most_evaluations(m))
    return LSQ_MINIMISER_LIMIT;
  return begin_search(m, LSQ_MINIMISER_ITERATE);
}

/* Minimum of the cubic through two points with slopes (3.59), NaN where it has none. */
static double cubic_minimum(const lsq_line_point *a, const lsq_line_point *b) {
  const double d1 = a->slope + b->slope - 3 * (a->value - b->value) / (a->step - b->step);
  const double square = d1 * d1 - a->slope * b->slope;
  if (!(square >= 0))
    return NAN;
  const double d2 = copysign(sqrt(square), b->step - a->step);
  return b->step - (b->step - a->step) * (b->slope + d2 - d1) / (b->slope - a->slope + 2 * d2);
}

/* The next trial inside the bracket: the cubic's minimum where it is well inside and the
   bracket has been shrinking, otherwise the middle. */
static double inside(lsq_minimiser *m) {
  const double low = m->low.step, high = m->high.step, width = fabs(high - low);
  const double middle = low + 0.5 * (high - low);
  const bool slow = m->widths[1] > 0 && width > 0.66 * m->widths[1];
  m->widths[1] = m->widths[0];
  m->widths[0] = width;
  if (slow || !isfinite(m->high.value) || !isfinite(m->high.slope))
    return middle;
  const double step = cubic_minimum(&m->low, &m->high);
  const double margin = 0.1 * width;
  return fabs(step - low) >= margin && fabs(step - high) >= margin && fmin(low, high) < step &&
                 step < fmax(low, high)
             ? step
             : middle;
}

/* The search found no point that meets both conditions: the lowest seen has to do, and where
   there is none lower, steepest descent gets a try before the iterate counts as a minimum. */
static lsq_minimiser_event give_up(lsq_minimiser *m) {
  if (m->low.step > 0) {
    set_trial(m, m->low.step);
    return accept(m, m->low.value, m->low_gradient);
  }
  if (m->stored == 0)
    return LSQ_MINIMISER_CONVERGED;
  forget(m);
  return begin_search(m, LSQ_MINIMISER_TRIAL);
}

static lsq_minimiser_event zoom(lsq_minimiser *m) {
  const double width = fabs(m->high.step - m->low.step) * largest(m->direction, m->count);
  if (m->search_evaluations >= MOST_SEARCH_EVALUATIONS ||
      width <= 0x1p-52 * fmax(1, largest(m->point, m->count)))
    return give_up(m);
  m->phase = ZOOM;
  set_trial(m, inside(m));
  return LSQ_MINIMISER_TRIAL;
}

static void set_low(lsq_minimiser *m, const lsq_line_point *trial, const double *gradient) {
  m->low = *trial;
  memcpy(m->low_gradient, gradient, m->count * sizeof(double));
}

/* Algorithms 3.5 and 3.6. A trial that is not finite is a step too long. */
static lsq_minimiser_event search(lsq_minimiser *m, double value, const double *gradient) {
  const lsq_line_point trial = {m->step, value, dot(gradient, m->direction, m->count)};
  const bool finite = isfinite(value) && isfinite(trial.slope);
  m->search_evaluations++;
  const bool too_high = !finite || value > m->value + SUFFICIENT_DECREASE * trial.step * m->slope ||
                        (m->low.step > 0 && value >= m->low.value);
  if (!too_high && fabs(trial.slope) <= -CURVATURE * m->slope)
    return accept(m, value, gradient);
  if (m->phase == BRACKET) {
    m->widths[0] = m->widths[1] = 0;
    if (!too_high && trial.slope < 0) {
      set_low(m, &trial, gradient);
      if (m->search_evaluations >= MOST_SEARCH_EVALUATIONS)
        return give_up(m);
      set_trial(m, 2 * trial.step);
      return LSQ_MINIMISER_TRIAL;
    }
    if (too_high)
      m->high = trial;
    else {
      m->high = m->low;
      set_low(m, &trial, gradient);
    }
    if (!finite)
      m->high.value = HUGE_VAL;
    return zoom(m);
  }
  if (too_high) {
    m->high = trial;
    if (!finite)
      m->high.value = HUGE_VAL;
  } else {
    if (trial.slope * (m->high.step - m->low.step) >= 0)
      m->high = m->low;
    set_low(m, &trial, gradient);
  }
  return zoom(m);
}

static lsq_minimiser_event begin(lsq_minimiser *m, double value, const double *gradient) {
  const size_t bytes = m->count * sizeof(double);
  memcpy(m->point, m->trial, bytes);
  memcpy(m->gradient, gradient, bytes);
  m->value = value;
  if (!isfinite(value) || !is_finite(gradient, m->count))
    return LSQ_MINIMISER_DIVERGED;
  if (largest(gradient, m->count) <= m->options->gradient_tolerance)
    return LSQ_MINIMISER_CONVERGED;
  if (m->options->iterations == 0 || m->evaluations >= most_evaluations(m))
    return LSQ_MINIMISER_LIMIT;
  return begin_search(m, LSQ_MINIMISER_ITERATE);
}

lsq_minimiser_event lsq_minimiser_tell(lsq_minimiser *m, double value, const double *gradient) {
  m->evaluations++;
  if (isfinite(value) && value < m->best_value) {
    m->best_value = value;
    memcpy(m->best, m->trial, m->count * sizeof(double));
  }
  if (m->phase == START)
    return begin(m, value, gradient);
  if (m->phase == FIXED)
    return isfinite(value) && is_finite(gradient, m->count) ? accept(m, value, gradient)
                                                            : LSQ_MINIMISER_DIVERGED;
  lsq_minimiser_event event = search(m, value, gradient);
  if (event == LSQ_MINIMISER_TRIAL && m->evaluations >= most_evaluations(m))
    return LSQ_MINIMISER_LIMIT;
  return event;
}

bool lsq_minimiser_keeps_best(const lsq_minimiser *m) {
  const int keep = m->options->keep;
  return keep < 0 ? m->options->line_search != LSQ_FIXED_STEP : keep == 0;
}

enum { STATE_ITERATIONS, STATE_STORED, STATE_NEXT, STATE_SCALE, STATE_SCALARS };

size_t lsq_minimiser_state_size(size_t count, const lsq_minimiser_options *options) {
  return STATE_SCALARS + lsq_size_of(options->memory) * (2 * count + 1);
}

void lsq_minimiser_save_state(const lsq_minimiser *m, double *state) {
  const size_t memory = (size_t)m->options->memory, n = m->count;
  memset(state, 0, lsq_minimiser_state_size(n, m->options) * sizeof *state);
  state[STATE_ITERATIONS] = m->iterations_before + (double)m->iteration;
  state[STATE_STORED] = (double)m->stored;
  state[STATE_NEXT] = (double)m->next;
  state[STATE_SCALE] = m->scale;
  double *curvature = state + STATE_SCALARS, *steps = curvature + memory;
  double *changes = steps + memory * n;
  memcpy(curvature, m->curvature, m->stored * sizeof *state);
  memcpy(steps, m->steps, m->stored * n * sizeof *state);
  memcpy(changes, m->changes, m->stored * n * sizeof *state);
}

/* A state may have been edited: a pair outside the rings would be read otherwise. */
void lsq_minimiser_restore_state(lsq_minimiser *m, const double *state) {
  const size_t memory = (size_t)m->options->memory, n = m->count;
  const double stored = state[STATE_STORED], next = state[STATE_NEXT];
  if (!(stored >= 0 && stored <= (double)memory && next >= 0 && next < (double)memory))
    return;
  m->iterations_before = state[STATE_ITERATIONS];
  m->stored = (size_t)stored;
  m->next = (size_t)next;
  m->scale = state[STATE_SCALE];
  const double *curvature = state + STATE_SCALARS, *steps = curvature + memory;
  memcpy(m->curvature, curvature, memory * sizeof *state);
  memcpy(m->steps, steps, memory * n * sizeof *state);
  memcpy(m->changes, steps + memory * n, memory * n * sizeof *state);
}
