#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "train/trainer.h"
#include "train/two_layer.h"
#include "train/varpro_plan.h"
#include "train/varpro_tables.h"
#include "train/varpro_warm.h"

typedef struct {
  int64_t iterations, warm_steps, full_steps;
  double lambda, warm_share, momentum;
} varpro_options;

static const lsq_option option_table[] = {
    {.name = "iterations",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(varpro_options, iterations),
     .maximum = 1e9,
     .text = "passes of Adam's over the rows and Gauss-Newton steps together; 0: what fits "
             "time_limit, without one 300"},
    {.name = "lambda",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(varpro_options, lambda),
     .standard = NAN,
     .maximum = HUGE_VAL,
     .text = "ridge penalty of all weights and biases; default: 1e-3/N"},
    {.name = "warm_share",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(varpro_options, warm_share),
     .standard = NAN,
     .maximum = 1,
     .text = "share of Adam's phase; default: by the number of Gauss-Newton steps that fit "
             "time_limit, 0.1 of iterations"},
    {.name = "momentum",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(varpro_options, momentum),
     .standard = 0.8,
     .maximum = 1,
     .text = "share of the former Gauss-Newton step that is kept"},
    {.name = "warm_steps",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(varpro_options, warm_steps),
     .standard = -1,
     .minimum = -1,
     .maximum = 1e9,
     .text = "batches of Adam's phase, in place of its share; -1: by the share"},
    {.name = "full_steps",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(varpro_options, full_steps),
     .standard = -1,
     .minimum = -1,
     .maximum = 1e9,
     .text = "Gauss-Newton steps at the end that take all rows; -1: three tenths"},
    {.name = NULL}};

static const double FIRST_DAMPING = 0.03, LAST_DAMPING = 1e-4;
static const double DECAY = 0.9;         /* of the average of the curvature, a step */
static const double FAILED_DAMPING = 3;  /* all damping grows by this where Cholesky fails */
static const double STEP_SECONDS = 0.05; /* of batches, tables: a part of a step */
static const double TIME_KEPT = 0.02;    /* of the time limit, for what cannot be foreseen */
enum {
  ITERATIONS = 300,
  LEAST_GRADIENT_ROWS = 4096,
  GRADIENT_ROWS = 16, /* times the unknowns of the hidden layer */
};

/* FIT ends by solving the output layer, EVALUATE has the loss and the gradient of the hidden layer
   at it; MEASURE looks at the clock, WARM is Adam's; TABLES sums the curvature, SOLVE steps. */
typedef enum { FIT, EVALUATE, MEASURE, WARM, TABLES, SOLVE } training_phase;

/* What the passes over the rows are for. */
typedef enum { AT_START, OF_STEP, AT_END } pass_purpose;

typedef struct {
  const lsq_problem *problem;
  const varpro_options *options;
  double lambda;
  training_phase phase;
  pass_purpose purpose;
  size_t iteration; /* told of */
  size_t step;      /* Gauss-Newton steps begun, from 0 */
  lsq_varpro_plan plan;
  lsq_varpro_costs costs;
  double began;            /* the clock at the first Gauss-Newton step */
  double row_seconds[2];   /* of a row in FIT and EVALUATE, at best */
  double passes_began;     /* the clock at the passes under way */
  lsq_network net;         /* the iterate, over parameters of its own */
  lsq_shuffled_rows order; /* of the rows */
  lsq_row_window window;   /* those that the next early step takes */
  bool has_window;         /* or all rows are taken always */
  lsq_two_layer all, part; /* passes over all rows and over the window */
  lsq_two_layer *passes;   /* the one under way */
  double all_weight;       /* of all rows */
  lsq_varpro_warm warm;
  lsq_varpro_system system;
  lsq_varpro_tables tables;
  double *gradient, *velocity; /* of the hidden layer */
  double damping_factor;
  bool is_scored; /* the iterate told of last: its loss was that of all rows */
  double lowest;  /* of such losses */
  size_t singular_outputs;
} varpro;

static bool takes_window(size_t rows, size_t gradient_rows) {
  return (double)gradient_rows < (double)rows / 1.5;
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  varpro measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_rows *rows = &problem->rows;
  const size_t n = rows->x->rows, d = rows->x->cols;
  const size_t hidden = lsq_size_multiply(d + 1, problem->net->layers[0].weight.cols);
  *self = (varpro){.problem = problem, .options = options};
  lsq_network_place_like(&self->net, arena, problem->net);
  lsq_shuffled_rows_place(&self->order, arena, rows);
  lsq_two_layer_place_matrix_free(&self->all, arena, problem->net, rows);
  const size_t wanted = lsq_size_max(LEAST_GRADIENT_ROWS, lsq_size_multiply(GRADIENT_ROWS, hidden));
  self->has_window = takes_window(n, wanted);
  if (self->has_window) {
    lsq_row_window_place(&self->window, arena, &self->order, wanted);
    lsq_two_layer_place_matrix_free(&self->part, arena, problem->net, &self->window.rows);
  }
  lsq_varpro_warm_place(&self->warm, arena, problem->net, &self->order);
  self->warm.net = &self->net;
  lsq_varpro_system_place(&self->system, arena, problem->net);
  lsq_varpro_tables_place(&self->tables, arena, &self->order, &self->system);
  self->gradient = lsq_arena_doubles(arena, hidden);
  self->velocity = lsq_arena_doubles(arena, hidden);
}

static size_t batches_of(const varpro *self) {
  return (self->order.count + self->warm.batch - 1) / self->warm.batch;
}

static bool is_timed(const varpro *self) {
  return self->options->iterations == 0 && self->problem->seconds < HUGE_VAL;
}

/* The counts that the options give; those of a time are found on the way. */
static void plan(varpro *self) {
  const varpro_options *options = self->options;
  self->plan = (lsq_varpro_plan){.share = options->warm_share, .started = lsq_clock_seconds()};
  if (is_timed(self)) {
    self->plan.until = self->plan.started + (1 - TIME_KEPT) * self->problem->seconds;
    return;
  }
  const size_t iterations = options->iterations == 0 ? ITERATIONS : (size_t)options->iterations;
  lsq_varpro_plan_counts(&self->plan, iterations, options->warm_steps, batches_of(self));
  const size_t steps = self->plan.early + self->plan.full;
  if (options->full_steps >= 0) {
    self->plan.full = lsq_size_min(steps, (size_t)options->full_steps);
    self->plan.early = steps - self->plan.full;
  }
}

/* Passes for `purpose`, over all rows or over those of the window. */
static void begin_passes(varpro *self, pass_purpose purpose, bool all) {
  self->purpose = purpose;
  self->passes = all || !self->has_window ? &self->all : &self->part;
  lsq_two_layer_start(self->passes, &self->net);
  lsq_two_layer_begin_fit(self->passes);
  self->passes_began = lsq_clock_seconds();
  self->phase = FIT;
}

static double pass_weight(const varpro *self) {
  return self->passes == &self->all ? self->all_weight : self->window.weight;
}

static lsq_status start(void *memory, lsq_error *error) {
  (void)error;
  varpro *self = memory;
  const lsq_problem *problem = self->problem;
  memcpy(self->net.parameters, problem->net->parameters,
         problem->net->parameter_count * sizeof(double));
  self->all_weight = lsq_rows_weight(&problem->rows);
  self->lambda = isnan(self->options->lambda) ? 1e-3 / self->all_weight : self->options->lambda;
  self->warm.random = problem->drawing.random;
  self->lowest = HUGE_VAL;
  self->damping_factor = 1;
  self->row_seconds[FIT] = self->row_seconds[EVALUATE] = HUGE_VAL;
  lsq_shuffled_rows_shuffle(&self->order, problem->drawing.random);
  if (self->has_window)
    lsq_row_window_move(&self->window, 0);
  plan(self);
  lsq_varpro_system_start(&self->system, &self->net);
  memset(self->velocity, 0, self->system.order * sizeof(double));
  begin_passes(self, AT_START, false);
  return LSQ_OK;
}

/* The iterate becomes the net's. It has a score where its loss is that of all rows. */
static void tell(varpro *self, double loss, bool is_of_all, lsq_progress *progress) {
  if (!isfinite(loss)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return;
  }
  memcpy(self->problem->net->parameters, self->net.parameters,
         self->net.parameter_count * sizeof(double));
  self->is_scored = is_of_all;
  if (is_of_all)
    self->lowest = fmin(self->lowest, loss);
  progress->iteration_done = true;
  progress->iteration = self->iteration++;
  progress->loss = loss;
  progress->score = is_of_all ? loss : NAN;
  progress->midway = !is_of_all;
}

static lsq_status solve_output(varpro *self, lsq_error *error) {
  bool singular;
  const lsq_status status = lsq_two_layer_solve_output(self->passes, 1 / pass_weight(self),
                                                       self->lambda, &singular, error);
  self->singular_outputs += singular;
  if (status == LSQ_OK) {
    memcpy(self->net.parameters, self->passes->net.parameters,
           self->net.parameter_count * sizeof(double));
    lsq_two_layer_begin_gradient(self->passes);
    self->phase = EVALUATE;
  }
  return status;
}

/* Of (mse/2 summed over the outputs) + lambda/2 |a|^2. */
static void take_gradient(varpro *self) {
  lsq_two_layer_sum_right(self->passes, 1 / pass_weight(self), self->gradient);
  for (size_t k = 0; k < self->system.order; k++)
    self->gradient[k] += self->lambda * self->net.parameters[k];
}

static void begin_step(varpro *self) {
  lsq_varpro_plan *p = &self->plan;
  const bool timed = p->until < HUGE_VAL;
  const double now = timed ? lsq_clock_seconds() : 0;
  if (timed && self->step == 0)
    self->began = now;
  if (timed && self->step == 1)
    lsq_varpro_plan_early(p, &self->costs, self->began, now);
  if (timed && self->step > 0 && self->step == p->early)
    lsq_varpro_plan_full(p, &self->costs, self->began, now);
  const bool more = timed && self->step == 0 ? now < p->until : self->step < p->early + p->full;
  if (!more) {
    begin_passes(self, AT_END, true);
    return;
  }
  if (self->has_window)
    lsq_row_window_move(&self->window, self->step * self->window.x.rows);
  begin_passes(self, OF_STEP, lsq_varpro_plan_is_full(p, self->step));
}

static void begin_steps(varpro *self) {
  lsq_shuffled_rows_shuffle(&self->order, self->problem->drawing.random);
  self->step = 0;
  begin_step(self);
}

static double damping(const varpro *self) {
  const double r = lsq_varpro_plan_fraction(&self->plan, self->step);
  return self->damping_factor * FIRST_DAMPING * pow(LAST_DAMPING / FIRST_DAMPING, r);
}

static void begin_tables(varpro *self) {
  lsq_varpro_tables_begin(&self->tables);
  self->phase = TABLES;
}

/* Blocks of rows, and what follows the last. */
static lsq_status add_tables(varpro *self, double until, lsq_error *error) {
  until = fmin(until, lsq_clock_seconds() + STEP_SECONDS);
  bool done = false;
  while (!done) {
    const lsq_status status = lsq_varpro_tables_add(&self->tables, &self->net, &done, error);
    if (status != LSQ_OK || (!done && lsq_clock_seconds() >= until))
      return status;
  }
  const lsq_status status = lsq_varpro_system_project(&self->system, &self->net,
                                                      self->tables.weight, self->lambda, error);
  if (status == LSQ_OK)
    lsq_varpro_system_average(&self->system, DECAY);
  else if (status != LSQ_NOT_POSITIVE_DEFINITE) /* then the average stands as it is */
    return status;
  lsq_varpro_system_begin_solve(&self->system, damping(self), self->lambda, self->gradient);
  self->phase = SOLVE;
  return LSQ_OK;
}

/* v <- momentum v + delta, a <- a + v. */
static void move(varpro *self) {
  for (size_t k = 0; k < self->system.order; k++) {
    self->velocity[k] = self->options->momentum * self->velocity[k] + (double)self->system.step[k];
    self->net.parameters[k] += self->velocity[k];
  }
}

static lsq_status solve(varpro *self, lsq_error *error) {
  bool done;
  const lsq_status status = lsq_varpro_system_solve(&self->system, &done, error);
  if (status == LSQ_NOT_POSITIVE_DEFINITE)
    self->damping_factor *= FAILED_DAMPING;
  else if (status != LSQ_OK || !done)
    return status;
  else
    move(self);
  self->step++;
  begin_step(self);
  return LSQ_OK;
}

/* What a time has room for, from the passes at the start and from steps that leave nothing
   behind. */
static lsq_status measure(varpro *self, lsq_error *error) {
  const double seconds = self->row_seconds[FIT] + self->row_seconds[EVALUATE];
  self->costs.part = seconds * (double)self->passes->row_count;
  self->costs.all_rows = seconds * (double)self->all.row_count;
  lsq_status status = lsq_varpro_warm_time(&self->warm, &self->costs.batch, error);
  if (status == LSQ_OK)
    status = lsq_varpro_tables_time(&self->tables, &self->net, self->lambda, self->gradient,
                                    &self->costs.step, error);
  self->costs.step += self->costs.part;
  if (status == LSQ_OK)
    lsq_varpro_plan_warm(&self->plan, &self->costs, lsq_clock_seconds());
  return status;
}

static lsq_status begin_warm(varpro *self, lsq_error *error) {
  lsq_status status = lsq_varpro_warm_measure(&self->warm, error);
  if (status == LSQ_OK && is_timed(self))
    status = measure(self, error);
  lsq_varpro_warm_start(&self->warm, self->plan.warm);
  if (self->plan.warm == 0)
    begin_steps(self);
  else
    self->phase = WARM;
  return status;
}

static lsq_status run_batches(varpro *self, lsq_progress *progress, lsq_error *error) {
  const double until = fmin(progress->until, lsq_clock_seconds() + STEP_SECONDS);
  double loss;
  do {
    const lsq_status status = lsq_varpro_warm_step(&self->warm, error);
    if (status != LSQ_OK)
      return status;
    if (lsq_varpro_warm_pass_ended(&self->warm, &loss)) {
      tell(self, loss, false, progress);
      break;
    }
  } while (lsq_clock_seconds() < until);
  if (self->warm.step == self->warm.steps)
    begin_steps(self);
  return LSQ_OK;
}

/* What the passes just made took. */
static void time_passes(varpro *self) {
  const double seconds = lsq_clock_seconds() - self->passes_began;
  if (self->passes == &self->all)
    self->costs.all_rows = seconds;
  if (self->passes == &self->part || !self->has_window)
    self->costs.part = seconds;
}

/* The next rows of the passes; the fastest so far tell what later ones will take. */
static bool advance(varpro *self) {
  double *seconds = &self->row_seconds[self->phase];
  const double began = lsq_clock_seconds();
  const double rows = (double)lsq_chunk_walk_step(&self->passes->walk);
  const bool over = lsq_two_layer_advance(self->passes);
  *seconds = fmin(*seconds, (lsq_clock_seconds() - began) / rows);
  return over;
}

/* The passes are over: the loss, and the gradient for what comes next. */
static void evaluated(varpro *self, lsq_progress *progress) {
  const double loss =
      lsq_two_layer_squared_error(self->passes) / pass_weight(self) / (double)self->all.c;
  if (self->purpose == OF_STEP)
    time_passes(self);
  take_gradient(self);
  if (self->purpose != OF_STEP || self->step > 0) /* the first has moved nothing yet */
    tell(self, loss, self->passes == &self->all, progress);
  else if (!isfinite(loss))
    progress->stop = LSQ_STOPPED_DIVERGED;
  if (progress->stop != LSQ_RUNNING)
    return;
  if (self->purpose == AT_END)
    progress->stop = LSQ_STOPPED_ITERATIONS;
  else if (self->purpose == AT_START)
    self->phase = MEASURE;
  else
    begin_tables(self);
}

/* An overflow inside the linear algebra is a training that diverged, not a failure. */
static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  varpro *self = memory;
  lsq_status status = LSQ_OK;
  switch (self->phase) {
  case FIT:
  case EVALUATE:
    if (!advance(self))
      break;
    if ((status = lsq_two_layer_status(self->passes, error)) != LSQ_OK)
      return status;
    if (self->phase == FIT)
      status = solve_output(self, error);
    else
      evaluated(self, progress);
    break;
  case MEASURE:
    status = begin_warm(self, error);
    break;
  case WARM:
    status = run_batches(self, progress, error);
    break;
  case TABLES:
    status = add_tables(self, progress->until, error);
    break;
  case SOLVE:
    status = solve(self, error);
    break;
  }
  if (status != LSQ_NON_FINITE)
    return status;
  progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

/* Loss of the last iterate, which a training that was stopped may not have seen on all rows. */
static double last_loss(varpro *self) {
  lsq_two_layer_start(&self->all, self->problem->net);
  lsq_two_layer_begin_evaluate(&self->all, LSQ_RESIDUALS, NULL);
  while (!lsq_two_layer_advance(&self->all))
    ;
  return lsq_two_layer_status(&self->all, NULL) != LSQ_OK
             ? NAN
             : lsq_two_layer_squared_error(&self->all) / self->all_weight / (double)self->all.c;
}

static void finish(void *memory, lsq_result *result) {
  varpro *self = memory;
  if (self->iteration > 0 && !self->is_scored) {
    const double loss = last_loss(self);
    if (loss < self->lowest || self->lowest == HUGE_VAL)
      result->loss = result->score = loss;
  }
  result->totals[0] = (double)self->plan.warm;
  result->totals[1] = (double)(self->plan.early + self->plan.full);
  result->totals[2] = (double)self->plan.full;
  if (self->singular_outputs > 0)
    lsq_warn(result, "the output layer was singular in %zu solves: minimum-norm solution taken",
             self->singular_outputs);
}

static const char *const totals[] = {"warm_steps", "steps", "full_steps", NULL};

static const char *const activations[] = {"relu", "leaky_relu", NULL};
static const char *const output_activations[] = {"identity", NULL};
static const char *const losses[] = {"mse", NULL};

/***
@submodule lsqnet
*/

/*** varpro: trains a two-layer ReLU net by annealed Gauss-Newton steps on the hidden layer, the
output layer in closed form at each (the variable projection of Golub and Pereyra 1973, in Kaufman's
form of 1975). The firing pattern is frozen in a step, as in ANMIN, but the steps are small: damped,
along an average of the curvatures of a few rows each, with momentum, and never rejected. A phase of
Adam's comes first. docs/varpro.md has the algorithm and a race against the other trainers.

It fits the training data harder than any other: give it `validation` and `patience`, or a larger
`lambda`, where the data are few or noisy. The objective is `anmin`'s: the squared error summed over
outputs, mean over rows, plus `lambda` times the squared norm of all weights and biases. X should be
standardised; the unit of Y is of no account.

Memory is O((d+1)^2 h^2), whatever N is; a step costs O(N (d+1) h + h (d+1)^3 h^2 + ((d+1) h)^3) at
most. Without `iterations` it takes the steps that fit `time_limit`: their numbers are decided by
the clock while it runs, are in the report, and give the same net again, up to `stopped="time"`
where the machine has become slower in between.
@function varpro
@tparam network net layers {d, h, c}, relu or leaky_relu, identity output, biases, mse; changed
in place. Starts of `init="kaiming"` suit it
@tparam matrix X N x d, columns of mean 0 and deviation 1; or a `stream`: then Y is nil, and rows
are shuffled in units of 256
@tparam matrix Y N x c
@tparam[opt] table options beside the common ones:
`iterations=0`: passes of Adam's and Gauss-Newton steps together; 0: what fits `time_limit`, without
one 300;
`lambda=1e-3/N`;
`warm_share`, of Adam's phase: by default 0.1 of `iterations`, and of a time the more, the fewer
Gauss-Newton steps fit it, 0.1 to 0.9;
`momentum=0.8`, of the Gauss-Newton steps;
`warm_steps`, batches of Adam's phase, and `full_steps`, the last of the Gauss-Newton steps, which
take all rows: in place of the shares; -1: by these
@treturn[1] table report, which adds `warm_steps`, `steps` (all of the Gauss-Newton ones) and
`full_steps`, as planned. `iterations`, `warm_steps` and `full_steps` of a report, given as options,
lead to the same net. `loss` in the history is the mean over batches as they were seen in Adam's
phase, then that over the rows a step takes: 4096 or 16 (d+1) h, whichever is more, or all
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", or "no_file" of a stream
@raise when the net is of another kind, shapes do not match or an option is wrong
*/
const lsq_trainer lsq_varpro = {.name = "varpro",
                                .text = "annealed Gauss-Newton steps of a two-layer ReLU net",
                                .options_size = sizeof(varpro_options),
                                .options = option_table,
                                .totals = totals,
                                .restarts = LSQ_TRAININGS,
                                .accepts = {.least_layers = 2,
                                            .most_layers = 2,
                                            .activations = activations,
                                            .output_activations = output_activations,
                                            .losses = losses,
                                            .needs_biases = true},
                                .takes = LSQ_TAKES_STREAM | LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT |
                                         LSQ_TAKES_LOSS,
                                .place = place,
                                .start = start,
                                .step = step,
                                .finish = finish};
