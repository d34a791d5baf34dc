/* Levenberg-Marquardt. With g and H the gradient and the Gauss-Newton matrix of f / 2,
   f = loss + lambda |parameters|^2, an iteration solves

     (H + mu diag D) s = -g,

   D the running maximum of the diagonal of H, mu led by the gain of the step: the decrease of f
   over the one that the model predicted (Nielsen 1999). In the joint form s moves all parameters;
   in the refit form those before the output layer, which is solved anew behind every step, and H
   and g are what is left when it is eliminated (Kaufman 1975). docs/gauss_newton.md has the
   measurements behind the constants. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "linalg/linalg.h"
#include "train/gauss_newton_options.h"
#include "train/normal_matrix.h"
#include "train/refit.h"
#include "train/sweep.h"
#include "train/warm_up.h"

static const double FLOOR = 0.1; /* of D, in units of the largest diagonal entry */
static const double LEAST_DAMPING = 1e-15, MOST_DAMPING = 1e10;
static const double LEAST_GAIN = 1e-4;
static const double REDUCTION = 1e-8; /* of f in a step, actual and predicted: no more to gain */
static const double SUBSAMPLE_GAIN = 1e-3; /* of f in a step: then J'J is summed over all rows */
enum { PATIENCE = 3 };                     /* steps in a row */
static const double LONGEST_STEP = 0.1;    /* seconds, of what can be cut */
enum { COLUMNS = 192 };                    /* of the factor at a time */

/* WARM_UP, then for every point: REFIT and EVALUATE a trial, CURVATURE where it is accepted,
   FACTOR the damped system and step to the next trial. RECHECK evaluates the accepted point again,
   after a trial that is not finite. */
typedef enum { WARM_UP, REFIT, EVALUATE, RECHECK, CURVATURE, FACTOR } training_phase;

typedef struct {
  const lsq_problem *problem;
  const lsq_gauss_newton_options *options;
  size_t count, free; /* parameters, and those that a step is solved for: the first of them */
  bool refits;
  double scale; /* of sums over all rows: 1 / (N c) for the squared error */
  training_phase phase;
  int64_t iteration;
  size_t accepted, evaluations;

  /* the accepted point */
  bool has_point;
  double *point, *gradient;
  double loss, objective;
  double scaled_gradient;

  /* its curvature */
  lsq_normal_matrix normal; /* J'J */
  double *diagonal;         /* of H */
  double *damped;           /* D */
  double largest;           /* diagonal entry of scale J'J */

  /* the step */
  lsq_refit refit;
  lsq_matrix schur;  /* free x free, lower: H without the output layer; of the joint form H */
  lsq_matrix factor; /* P x P */
  double *reduced;   /* g of it */
  double *step;
  size_t column;
  double damping, growth, predicted, gain;
  bool is_anew;          /* the damping has been set back once */
  size_t small, smaller; /* accepted steps in a row with a small gain */

  lsq_sweep sweep;
  double *trial;
  lsq_warm_up warm_up;
} gauss_newton;

/* --- placing ------------------------------------------------------------------------------- */

static void place(lsq_arena *arena, const lsq_problem *problem, const void *memory) {
  const lsq_gauss_newton_options *options = memory;
  gauss_newton measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_network *net = problem->net;
  const size_t count = net->parameter_count;
  *self = (gauss_newton){.problem = problem, .options = options, .count = count, .free = count};
  self->refits = lsq_gauss_newton_refits(problem, options);
  self->point = lsq_arena_doubles(arena, count);
  self->gradient = lsq_arena_doubles(arena, count);
  self->diagonal = lsq_arena_doubles(arena, count);
  self->damped = lsq_arena_doubles(arena, count);
  self->reduced = lsq_arena_doubles(arena, count);
  self->step = lsq_arena_doubles(arena, count);
  self->trial = lsq_arena_doubles(arena, count);
  self->factor = lsq_arena_matrix(arena, count, count);
  if (self->refits) {
    lsq_refit_place(&self->refit, arena, net);
    self->free = self->refit.before;
    self->schur = lsq_arena_matrix(arena, self->free, self->free);
  }
  lsq_normal_matrix_place(&self->normal, arena, net, &problem->rows, problem->mask,
                          lsq_gauss_newton_way(problem, options),
                          lsq_gauss_newton_rows(problem, options), &self->factor);
  lsq_sweep_place(&self->sweep, arena, net, &problem->rows, self->refits);
  if (options->warm_start == LSQ_WARM_ADAM)
    lsq_warm_up_place(&self->warm_up, arena, problem);
}

/* --- a trial, evaluated -------------------------------------------------------------------- */

static void begin_trial(gauss_newton *self) {
  self->phase = self->refits ? REFIT : EVALUATE;
  lsq_sweep_begin(&self->sweep, self->refits ? LSQ_SWEEP_OUTPUT : LSQ_SWEEP_GRADIENT, self->trial);
}

static void begin(gauss_newton *self) {
  const lsq_problem *p = self->problem;
  self->scale = 1 / (lsq_loss_count(p->net->loss, lsq_rows_weight(&p->rows), p->rows.y->cols));
  self->loss = self->objective = HUGE_VAL;
  self->scaled_gradient = self->gain = NAN;
  self->damping = fmax(self->options->damping, LEAST_DAMPING);
  self->growth = 2;
  lsq_normal_matrix_start(&self->normal, p->drawing.random);
  memset(self->damped, 0, self->count * sizeof(double));
  memcpy(self->trial, p->net->parameters, self->count * sizeof(double));
  if (self->options->warm_start == LSQ_WARM_ADAM) {
    self->phase = WARM_UP;
    lsq_warm_up_start(&self->warm_up, p->drawing.random);
  } else
    begin_trial(self);
}

static double objective_of(const gauss_newton *self, double loss, const double *parameters) {
  double sum = 0;
  for (size_t i = 0; i < self->count; i++)
    sum += parameters[i] * parameters[i];
  return loss + self->options->lambda * sum;
}

static bool is_finite(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += 0 * values[i];
  return sum == 0;
}

static bool sweep_is_finite(const gauss_newton *self) {
  return isfinite(self->sweep.loss) && is_finite(self->sweep.gradient, self->count);
}

static void report(const gauss_newton *self, lsq_progress *progress) {
  progress->iteration_done = true;
  progress->iteration = (size_t)self->iteration;
  progress->loss = self->loss;
  progress->score = self->objective;
  progress->measures[0] = self->objective;
  progress->measures[1] = self->damping;
  if (self->objective == 0)
    progress->stop = LSQ_STOPPED_TOLERANCE;
  else if (self->iteration == self->options->iterations)
    progress->stop = LSQ_STOPPED_ITERATIONS;
}

/* --- the curvature at the accepted point --------------------------------------------------- */

static void begin_curvature(gauss_newton *self) {
  self->phase = CURVATURE;
  lsq_normal_matrix_begin(&self->normal, self->point);
}

static void raise_damped(gauss_newton *self) {
  for (size_t i = 0; i < self->count; i++)
    self->damped[i] = fmax(self->damped[i], fmax(self->diagonal[i], FLOOR * self->largest));
}

static void measure_gradient(gauss_newton *self) {
  self->scaled_gradient = 0;
  for (size_t i = 0; i < self->count; i++)
    if (self->diagonal[i] > 0)
      self->scaled_gradient =
          fmax(self->scaled_gradient,
               fabs(self->gradient[i]) / sqrt(self->diagonal[i] * self->objective));
}

/* schur, reduced <- H and g of the parameters that a step moves. */
static lsq_status reduce(gauss_newton *self, lsq_error *error) {
  const double lambda = self->options->lambda;
  if (self->refits)
    return lsq_refit_eliminate(&self->refit, &self->normal.matrix, self->scale, lambda,
                               FLOOR * self->largest, self->gradient, &self->schur, self->reduced,
                               error);
  memcpy(self->reduced, self->gradient, self->count * sizeof(double));
  return LSQ_OK;
}

/* factor <- H + mu diag D, and its Cholesky factorisation begins. */
static void begin_factor(gauss_newton *self) {
  const double scale = self->refits ? 1 : self->scale;
  const double lambda = self->refits ? 0 : self->options->lambda;
  const lsq_matrix *from = self->refits ? &self->schur : &self->normal.matrix;
  for (size_t i = 0; i < self->free; i++) {
    const double *row = lsq_matrix_row(from, i);
    double *to = lsq_matrix_row(&self->factor, i);
    for (size_t j = 0; j <= i; j++)
      to[j] = scale * row[j];
    to[i] += lambda + self->damping * self->damped[i];
  }
  self->iteration++;
  self->column = 0;
  self->phase = FACTOR;
}

static lsq_status take_curvature(gauss_newton *self, lsq_progress *progress, lsq_error *error) {
  self->largest = 0;
  for (size_t i = 0; i < self->count; i++) {
    const double value = self->scale * lsq_matrix_row(&self->normal.matrix, i)[i];
    self->diagonal[i] = value + self->options->lambda;
    self->largest = fmax(self->largest, value);
  }
  if (!is_finite(self->diagonal, self->count))
    return lsq_fail(error, LSQ_NON_FINITE, "the normal matrix is not finite");
  raise_damped(self);
  measure_gradient(self);
  if (self->scaled_gradient <= self->options->gradient_tolerance) {
    progress->stop = LSQ_STOPPED_TOLERANCE;
    return LSQ_OK;
  }
  const lsq_status status = reduce(self, error);
  begin_factor(self);
  return status;
}

/* --- acceptance ---------------------------------------------------------------------------- */

/* The damping has become so large that no step counts: once everything about it is set back. */
static void give_up(gauss_newton *self, lsq_progress *progress) {
  if (self->is_anew) {
    progress->stop = LSQ_STOPPED_STALLED;
    return;
  }
  self->is_anew = true;
  self->damping = fmax(self->options->damping, LEAST_DAMPING);
  self->growth = 2;
  memset(self->damped, 0, self->count * sizeof(double));
  lsq_normal_matrix_use_all(&self->normal);
  begin_curvature(self);
}

static void reject(gauss_newton *self, lsq_progress *progress) {
  self->damping = fmax(self->damping, LEAST_DAMPING) * self->growth;
  self->growth *= 2;
  report(self, progress);
  if (progress->stop != LSQ_RUNNING)
    return;
  if (self->damping > MOST_DAMPING)
    give_up(self, progress);
  else
    begin_factor(self);
}

/* The sweep's net becomes the accepted point. */
static void take_point(gauss_newton *self, double loss, double objective) {
  const double *mask = self->problem->mask;
  self->loss = loss;
  self->objective = objective;
  self->has_point = true;
  memcpy(self->point, self->trial, self->count * sizeof(double));
  memcpy(self->problem->net->parameters, self->trial, self->count * sizeof(double));
  for (size_t i = 0; i < self->count; i++) {
    /* half the derivative of the loss: J'r of the squared error */
    const double g =
        0.5 * self->scale * self->sweep.gradient[i] + self->options->lambda * self->point[i];
    self->gradient[i] = mask != NULL && mask[i] == 0 ? 0 : g;
  }
}

/* Nothing more to gain, by what happened and by the model, several times running. */
static bool has_settled(gauss_newton *self, double reduction) {
  const double expected = 2 * self->predicted;
  const bool is_small = reduction <= REDUCTION * self->objective &&
                        expected <= REDUCTION * self->objective && !self->normal.samples;
  self->smaller = is_small ? self->smaller + 1 : 0;
  self->small = reduction < SUBSAMPLE_GAIN * self->objective ? self->small + 1 : 0;
  if (self->normal.samples && self->small == PATIENCE)
    lsq_normal_matrix_use_all(&self->normal);
  return self->smaller == PATIENCE;
}

static void accept(gauss_newton *self, double loss, double objective, lsq_progress *progress) {
  const double turn = 2 * fmin(self->gain, 1) - 1;
  const bool settled = has_settled(self, self->objective - objective);
  self->accepted++;
  self->damping = fmax(self->damping * fmax(1.0 / 3, 1 - turn * turn * turn), LEAST_DAMPING);
  self->growth = 2;
  take_point(self, loss, objective);
  report(self, progress);
  if (progress->stop == LSQ_RUNNING && settled)
    progress->stop = LSQ_STOPPED_TOLERANCE;
  if (progress->stop == LSQ_RUNNING)
    begin_curvature(self);
}

/* A trial that is not finite is too far out, unless the data have changed. */
static void refuse(gauss_newton *self, lsq_progress *progress) {
  if (!self->has_point) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return;
  }
  self->gain = NAN;
  self->phase = RECHECK;
  lsq_sweep_begin(&self->sweep, LSQ_SWEEP_GRADIENT, self->point);
}

static void judge(gauss_newton *self, lsq_progress *progress) {
  const double loss = self->scale * self->sweep.loss;
  const double objective = objective_of(self, loss, self->trial);
  self->evaluations++;
  if (!sweep_is_finite(self) || !isfinite(objective)) {
    refuse(self, progress);
    return;
  }
  if (!self->has_point) {
    take_point(self, loss, objective);
    report(self, progress);
    if (progress->stop == LSQ_RUNNING)
      begin_curvature(self);
    return;
  }
  self->gain = 0.5 * (self->objective - objective) / self->predicted;
  if (objective < self->objective && self->gain > LEAST_GAIN)
    accept(self, loss, objective, progress);
  else
    reject(self, progress);
}

/* --- phases -------------------------------------------------------------------------------- */

/* The system is factored: the step, and the decrease of f / 2 that the model promises. */
static void solve(gauss_newton *self, lsq_progress *progress) {
  const lsq_matrix factor = {self->factor.data, self->free, self->free, self->count};
  const lsq_matrix step = lsq_matrix_over(self->step, self->free, 1);
  memcpy(self->step, self->reduced, self->free * sizeof(double));
  lsq_cholesky_solve(&factor, &step);
  memcpy(self->trial, self->point, self->count * sizeof(double));
  self->predicted = 0;
  for (size_t i = 0; i < self->free; i++) {
    const double s = -self->step[i];
    self->predicted += 0.5 * s * (self->damping * self->damped[i] * s - self->reduced[i]);
    self->trial[i] += s;
  }
  if (self->predicted > 0)
    begin_trial(self);
  else
    reject(self, progress);
}

static lsq_status advance_factor(gauss_newton *self, lsq_progress *progress, lsq_error *error) {
  const lsq_matrix factor = {self->factor.data, self->free, self->free, self->count};
  const size_t columns = lsq_size_min(COLUMNS, self->free - self->column);
  const lsq_status status = lsq_cholesky_columns(&factor, self->column, columns, error);
  if (status == LSQ_NOT_POSITIVE_DEFINITE) {
    reject(self, progress);
    return LSQ_OK;
  }
  self->column += columns;
  if (status == LSQ_OK && self->column == self->free)
    solve(self, progress);
  return status;
}

static lsq_status advance_refit(gauss_newton *self, lsq_progress *progress, lsq_error *error) {
  if (!lsq_sweep_advance(&self->sweep))
    return LSQ_OK;
  lsq_status status = lsq_sweep_status(&self->sweep, error);
  if (status != LSQ_OK)
    return status;
  /* lambda |B|^2 beside a mean over N c entries is lambda / scale beside their sum */
  status = lsq_refit_solve(&self->refit, &self->sweep, self->options->lambda / self->scale,
                           self->trial, error);
  if (status == LSQ_NON_FINITE || status == LSQ_NOT_POSITIVE_DEFINITE) {
    refuse(self, progress);
    return LSQ_OK;
  }
  self->phase = EVALUATE;
  lsq_sweep_begin(&self->sweep, LSQ_SWEEP_GRADIENT, self->trial);
  return status;
}

static lsq_status advance_evaluation(gauss_newton *self, lsq_progress *progress, lsq_error *error) {
  if (!lsq_sweep_advance(&self->sweep))
    return LSQ_OK;
  const lsq_status status = lsq_sweep_status(&self->sweep, error);
  if (status != LSQ_OK)
    return status;
  if (self->phase == EVALUATE)
    judge(self, progress);
  else if (sweep_is_finite(self))
    reject(self, progress);
  else
    progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

static lsq_status advance_curvature(gauss_newton *self, lsq_progress *progress, lsq_error *error) {
  if (!lsq_normal_matrix_advance(&self->normal))
    return LSQ_OK;
  const lsq_status status = lsq_curvature_status(&self->normal.curvature, error);
  return status == LSQ_OK ? take_curvature(self, progress, error) : status;
}

static lsq_status advance_warm_up(gauss_newton *self, lsq_error *error) {
  if (!lsq_warm_up_advance(&self->warm_up))
    return LSQ_OK;
  const lsq_row_reader *reader = &self->warm_up.reader;
  if (reader->status != LSQ_OK) {
    *error = reader->error;
    return reader->status;
  }
  memcpy(self->trial, self->warm_up.parameters, self->count * sizeof(double));
  begin_trial(self);
  return LSQ_OK;
}

static lsq_status advance(gauss_newton *self, lsq_progress *progress, lsq_error *error) {
  switch (self->phase) {
  case WARM_UP:
    return advance_warm_up(self, error);
  case REFIT:
    return advance_refit(self, progress, error);
  case EVALUATE:
  case RECHECK:
    return advance_evaluation(self, progress, error);
  case CURVATURE:
    return advance_curvature(self, progress, error);
  default:
    return advance_factor(self, progress, error);
  }
}

/* --- the trainer --------------------------------------------------------------------------- */

static lsq_status start(void *memory, lsq_error *error) {
  (void)error;
  begin(memory);
  return LSQ_OK;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  gauss_newton *self = memory;
  const double until = fmin(progress->until, lsq_clock_seconds() + LONGEST_STEP);
  lsq_status status = LSQ_OK;
  while (status == LSQ_OK && !progress->iteration_done && progress->stop == LSQ_RUNNING) {
    status = advance(self, progress, error);
    if (lsq_clock_seconds() >= until)
      break;
  }
  if (status != LSQ_NON_FINITE)
    return status;
  progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

/* The objective only falls: the engine keeps the last iterate, which is the best. */
static void finish(void *memory, lsq_result *result) {
  const gauss_newton *self = memory;
  result->totals[0] = self->scaled_gradient;
  result->totals[1] = self->gain;
  result->totals[2] = (double)self->accepted;
  result->totals[3] = (double)self->evaluations;
}

static const char *const measures[] = {"objective", "damping", NULL};
static const char *const totals[] = {"scaled_gradient", "gain", "accepted", "evaluations", NULL};

/***
@submodule lsqnet
*/

/*** Levenberg-Marquardt for small nets of any depth: minimises f = loss + `lambda` times the
squared norm of all parameters, the loss being the mse or any with a curvature. Each iteration tries
a step
-(H + mu diag D)^-1 g, g and H the gradient and the Gauss-Newton matrix of f/2, D the running
maximum of H's diagonal with a floor; the damping mu follows the gain of the step (Nielsen 1999).

`form`: "refit" steps with all parameters but the output layer, which is solved in closed form
behind every step (variable projection by Kaufman 1975); it needs the mse, an identity output,
biases and no mask there. "joint" steps with all. "auto" refits with one hidden layer, and with
more where `gram_rows` are not all and there are several outputs.

H takes most of the time. It is summed in the way that costs least (`gram`): from the
activation-pattern Gram kernel ("pattern", two-layer relu and leaky_relu), from products of layers
("kronecker"), or from row blocks of the Jacobian ("jacobian"). With many rows it is summed over
some of them only, others after each accepted step, and averaged (`gram_rows`: their number, 0 for
all, or "auto": parameters / outputs where there are 8 times as many rows and H would take most of
the time), until three accepted steps in a row gain less than 1e-3 of f; loss and gradient are
always those of all rows. `warm_start="adam"` makes 25 epochs of Adam first, which pays with ten
thousand rows and more.

It stops with "tolerance" where f is 0, where no |g_i| / sqrt(H_ii f) is above
`gradient_tolerance`, or where three accepted steps in a row lower f by at most 1e-8 of it and
promised no more; with "stalled" where no step lowers f any more, as at a kink, and a fresh damping
did not help; with "diverged" where the data have become non-finite: the net is then the best
finite one.

It fits the training data harder than anything else here, noise included: give it `lambda`, or
`validation` and `patience`. Memory is O(P^2) for P parameters. docs/gauss_newton.md has the
algorithm and measurements.
@function gauss_newton
@tparam network net changed in place
@tparam matrix X N x inputs, or a stream
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones: `iterations=50` (steps tried, rejected ones
included); `damping=1e-3`, the first; `lambda=0`; `gradient_tolerance=1e-6`; `form="auto"`;
`gram="auto"`; `gram_rows="auto"`; `warm_start="none"`; `patience` (see `sgd`)
@treturn[1] table report; it adds `scaled_gradient` (the largest |g_i| / sqrt(H_ii f) where H was
last taken), `gain` (of the last step: the decrease of f over the promised one), `accepted` (steps)
and `evaluations` (of f with its gradient); the history adds `objective` and `damping`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise when the loss has no curvature, shapes do not match, an option is wrong or does not go with
the net
*/
const lsq_trainer lsq_gauss_newton = {.name = "gauss_newton",
                                      .text = "Levenberg-Marquardt for small nets",
                                      .options_size = sizeof(lsq_gauss_newton_options),
                                      .options = lsq_gauss_newton_option_table,
                                      .measures = measures,
                                      .totals = totals,
                                      .restarts = LSQ_TRAININGS,
                                      .takes = LSQ_NEEDS_SCALE | LSQ_TAKES_MASK | LSQ_TAKES_STREAM |
                                               LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT | LSQ_TAKES_LOSS,
                                      .check = lsq_gauss_newton_check,
                                      .place = place,
                                      .start = start,
                                      .step = step,
                                      .finish = finish};
