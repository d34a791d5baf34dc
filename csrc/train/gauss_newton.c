/* Levenberg-Marquardt for the squared error of small nets. */
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "linalg/linalg.h"
#include "nn/forward.h"
#include "train/normal_equations.h"
#include "train/trainer.h"

typedef struct {
  int64_t iterations;
  double damping, lambda, gradient_tolerance;
} gauss_newton_options;

static const lsq_option option_table[] = {
    {.name = "iterations",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(gauss_newton_options, iterations),
     .standard = 50,
     .minimum = 0,
     .maximum = 1e9,
     .text = "steps tried, those that are rejected included"},
    {.name = "damping",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(gauss_newton_options, damping),
     .standard = 1e-3,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text =
         "first multiple of the diagonal added to the normal matrix; adapted by the gain ratio"},
    {.name = "lambda",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(gauss_newton_options, lambda),
     .standard = 0,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "ridge penalty of all weights and biases"},
    {.name = "gradient_tolerance",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(gauss_newton_options, gradient_tolerance),
     .standard = 1e-9,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "stop when no entry of the objective's gradient is larger"},
    {.name = NULL}};

/* A damped unknown moves even where the data say nothing of it. */
static const double LEAST_DIAGONAL = 1e-10; /* of the largest diagonal entry */
static const double MOST_DAMPING = 1e20;

/* EQUATIONS forms them at the iterate, SOLVE takes a step, REFIT solves the output layer of a
   two-layer net in closed form behind it, EVALUATE accepts the step or does not. */
typedef enum { EQUATIONS, SOLVE, REFIT, EVALUATE } training_phase;

/* Minimises F = mse + lambda |parameters|^2, in terms of F/2:
   gradient J'r / (N c) + lambda parameters, normal matrix J'J / (N c) + lambda I. */
typedef struct {
  const lsq_problem *problem;
  const gauss_newton_options *options;
  lsq_normal_equations equations;
  training_phase phase;
  int64_t iteration;
  size_t count;
  double scale; /* 1 / (N c) */
  double loss, objective;
  double damping, growth; /* Nielsen 1999: growth of the next rejection */
  double predicted;       /* decrease of F/2 by the quadratic model */
  lsq_network trial;
  double *gradient, *diagonal, *step;
  lsq_matrix factor;
  lsq_forward_work *work;
  size_t singular_outputs;
} gauss_newton;

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  gauss_newton measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_network *net = problem->net;
  const size_t count = net->parameter_count;
  *self = (gauss_newton){.problem = problem, .options = options, .count = count};
  lsq_normal_equations_place(&self->equations, arena, net, &problem->rows, problem->mask == NULL);
  lsq_network_place_like(&self->trial, arena, net);
  self->gradient = lsq_arena_doubles(arena, count);
  self->diagonal = lsq_arena_doubles(arena, count);
  self->step = lsq_arena_doubles(arena, count);
  self->factor = lsq_arena_matrix(arena, count, count);
  self->work = lsq_forward_take(arena, net, &problem->rows, (size_t)lsq_threads());
}

static lsq_status start(void *memory, lsq_error *error) {
  (void)error;
  gauss_newton *self = memory;
  const lsq_problem *problem = self->problem;
  self->scale = 1 / (double)problem->rows.y->rows / (double)problem->rows.y->cols;
  self->loss = self->objective = HUGE_VAL;
  self->damping = self->options->damping;
  self->growth = 2;
  lsq_normal_equations_start(&self->equations);
  lsq_normal_equations_begin(&self->equations, problem->net->parameters);
  return LSQ_OK;
}

static double objective_of(const gauss_newton *self, double loss, const double *parameters) {
  double sum = 0;
  for (size_t i = 0; i < self->count; i++)
    sum += parameters[i] * parameters[i];
  return loss + self->options->lambda * sum;
}

static void report(const gauss_newton *self, lsq_progress *progress) {
  progress->iteration_done = true;
  progress->iteration = (size_t)self->iteration;
  progress->loss = self->loss;
  progress->score = self->objective;
  progress->measures[0] = self->objective;
  progress->measures[1] = self->damping;
  if (self->iteration == self->options->iterations)
    progress->stop = LSQ_STOPPED_ITERATIONS;
}

/* Unknowns that the mask holds stay, and tell the others nothing. */
static bool is_held(const gauss_newton *self, size_t i) {
  return self->problem->mask != NULL && self->problem->mask[i] == 0;
}

static void hold(gauss_newton *self) {
  lsq_matrix *matrix = &self->equations.matrix;
  for (size_t i = 0; i < self->count && self->problem->mask != NULL; i++) {
    double *row = lsq_matrix_row(matrix, i);
    for (size_t j = 0; j < i; j++)
      if (is_held(self, i) || is_held(self, j))
        row[j] = 0;
    if (!is_held(self, i))
      continue;
    row[i] = 0;
    self->gradient[i] = 0;
  }
}

/* The equations are complete: the gradient and the diagonal at the iterate. */
static void take_equations(gauss_newton *self, lsq_progress *progress) {
  const double *parameters = self->problem->net->parameters, lambda = self->options->lambda;
  double largest = 0, steepest = 0;
  for (size_t i = 0; i < self->count; i++) {
    self->gradient[i] = self->scale * self->equations.gradient[i] + lambda * parameters[i];
  }
  hold(self);
  for (size_t i = 0; i < self->count; i++) {
    self->diagonal[i] = self->scale * lsq_matrix_row(&self->equations.matrix, i)[i] + lambda;
    largest = fmax(largest, self->diagonal[i]);
    steepest = fmax(steepest, fabs(self->gradient[i]));
  }
  for (size_t i = 0; i < self->count; i++)
    self->diagonal[i] = fmax(self->diagonal[i], LEAST_DIAGONAL * largest);
  if (self->iteration == 0) {
    self->loss = self->equations.squared_error * self->scale;
    self->objective = objective_of(self, self->loss, parameters);
    if (!isfinite(self->objective)) {
      progress->stop = LSQ_STOPPED_DIVERGED;
      return;
    }
    report(self, progress);
  }
  if (progress->stop == LSQ_RUNNING && 2 * steepest <= self->options->gradient_tolerance)
    progress->stop = LSQ_STOPPED_TOLERANCE;
  self->phase = SOLVE;
}

/* Nielsen, "Damping parameter in Marquardt's method" (1999), (2.9). */
static void reject(gauss_newton *self, lsq_progress *progress) {
  self->damping *= self->growth;
  self->growth *= 2;
  report(self, progress);
  if (progress->stop == LSQ_RUNNING && self->damping > MOST_DAMPING)
    progress->stop = LSQ_STOPPED_TOLERANCE;
  self->phase = SOLVE;
}

static void accept(gauss_newton *self, double loss, double objective, lsq_progress *progress) {
  double *parameters = self->problem->net->parameters;
  const double gain = 0.5 * (self->objective - objective) / self->predicted;
  const double turn = 2 * fmin(gain, 1) - 1;
  self->damping *= fmax(1.0 / 3, 1 - turn * turn * turn);
  self->growth = 2;
  self->loss = loss;
  self->objective = objective;
  memcpy(parameters, self->trial.parameters, self->count * sizeof *parameters);
  report(self, progress);
  if (progress->stop == LSQ_RUNNING)
    lsq_normal_equations_begin(&self->equations, parameters);
  self->phase = EQUATIONS;
}

/* factor <- normal matrix + damping * diagonal, lower. */
static void damp(gauss_newton *self) {
  for (size_t i = 0; i < self->count; i++) {
    const double *from = lsq_matrix_row(&self->equations.matrix, i);
    double *to = lsq_matrix_row(&self->factor, i);
    for (size_t j = 0; j < i; j++)
      to[j] = self->scale * from[j];
    to[i] = self->scale * from[i] + self->options->lambda + self->damping * self->diagonal[i];
  }
}

/* A step that does not move the parameters any more ends the training. */
static bool moves(const gauss_newton *self) {
  const double *parameters = self->problem->net->parameters;
  for (size_t i = 0; i < self->count; i++)
    if (fabs(self->step[i]) > 0x1p-52 * fabs(parameters[i]))
      return true;
  return false;
}

static lsq_status solve(gauss_newton *self, lsq_progress *progress, lsq_error *error) {
  const double *parameters = self->problem->net->parameters;
  self->iteration++;
  damp(self);
  lsq_status status = lsq_cholesky(&self->factor, error);
  if (status == LSQ_NOT_POSITIVE_DEFINITE) {
    self->damping = fmax(self->damping, 0x1p-52);
    reject(self, progress);
    return LSQ_OK;
  }
  if (status != LSQ_OK)
    return status;
  lsq_matrix step = lsq_matrix_over(self->step, self->count, 1);
  memcpy(self->step, self->gradient, self->count * sizeof *self->step);
  lsq_cholesky_solve(&self->factor, &step);
  self->predicted = 0;
  for (size_t i = 0; i < self->count; i++) {
    const double s = -self->step[i];
    self->step[i] = s;
    self->predicted += 0.5 * s * (self->damping * self->diagonal[i] * s - self->gradient[i]);
    self->trial.parameters[i] = parameters[i] + s;
  }
  if (!moves(self)) {
    progress->stop = LSQ_STOPPED_TOLERANCE;
    report(self, progress);
    return LSQ_OK;
  }
  self->phase = EVALUATE;
  if (self->equations.is_two_layer) {
    lsq_two_layer_start(&self->equations.layers, &self->trial);
    lsq_two_layer_begin_fit(&self->equations.layers);
    self->phase = REFIT;
  }
  return LSQ_OK;
}

static lsq_status refit(gauss_newton *self, lsq_error *error) {
  lsq_two_layer *layers = &self->equations.layers;
  bool singular;
  if (!lsq_two_layer_advance(layers))
    return LSQ_OK;
  lsq_status status =
      lsq_two_layer_solve_output(layers, self->scale, self->options->lambda, &singular, error);
  self->singular_outputs += singular;
  memcpy(self->trial.parameters, layers->net.parameters, self->count * sizeof(double));
  self->phase = EVALUATE;
  return status;
}

static void evaluate(gauss_newton *self, lsq_progress *progress) {
  const lsq_problem *p = self->problem;
  const double loss = lsq_network_loss(&self->trial, &p->rows, self->work);
  const double objective = objective_of(self, loss, self->trial.parameters);
  if (objective < self->objective)
    accept(self, loss, objective, progress);
  else
    reject(self, progress);
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  gauss_newton *self = memory;
  lsq_status status = LSQ_OK;
  switch (self->phase) {
  case EQUATIONS:
    if (lsq_normal_equations_advance(&self->equations))
      take_equations(self, progress);
    break;
  case SOLVE:
    status = solve(self, progress, error);
    break;
  case REFIT:
    status = refit(self, error);
    if (status == LSQ_NON_FINITE) { /* the trial is too far out */
      reject(self, progress);
      status = LSQ_OK;
    }
    break;
  case EVALUATE:
    evaluate(self, progress);
    break;
  }
  if (status != LSQ_NON_FINITE)
    return status;
  progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

/* The objective only falls: the last iterate is the best. */
static void finish(void *memory, lsq_result *result) {
  const gauss_newton *self = memory;
  if (self->singular_outputs > 0)
    lsq_warn(result, "the output layer was singular in %zu solves: minimum-norm solution taken",
             self->singular_outputs);
}

static const char *const measures[] = {"objective", "damping", NULL};

static const char *const activations[] = {"identity", "relu",    "leaky_relu", "elu",
                                          "tanh",     "sigmoid", NULL};
static const char *const losses[] = {"mse", NULL};

/***
@submodule lsqnet
*/

/*** Levenberg-Marquardt for small nets: minimises the mse plus `lambda` times the squared norm of
all parameters. Each iteration tries a step (J'J / (N c) + lambda I + damping D)^-1 gradient, D
the diagonal; the damping follows the gain ratio (Nielsen 1999). Of a two-layer ReLU or leaky-ReLU
net with identity output J'J comes from the activation-pattern Gram kernel, the pattern frozen,
and the output layer is refitted in closed form behind each step; of other nets the Jacobian is
formed in row blocks.

It fits the training data harder than anything else here, noise included: give it `lambda`, or
`validation` and `patience`. Memory is O(P^2) for P parameters, time O(N P^2 + P^3) an iteration.
@function gauss_newton
@tparam network net with mse loss; changed in place
@tparam matrix X N x inputs
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones: `iterations=50` (steps tried, rejected ones
included); `damping=1e-3`, the first; `lambda=0`; `gradient_tolerance=1e-9`; `patience` (see `sgd`)
@treturn[1] table report; the history adds `objective` and `damping`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise when the net's loss is not mse, shapes do not match or an option is wrong
*/
const lsq_trainer lsq_gauss_newton = {
    .name = "gauss_newton",
    .text = "Levenberg-Marquardt for small nets",
    .options_size = sizeof(gauss_newton_options),
    .options = option_table,
    .measures = measures,
    .restarts = LSQ_TRAININGS,
    .accepts = {.activations = activations, .output_activations = activations, .losses = losses},
    .takes = LSQ_TAKES_MASK | LSQ_TAKES_INIT | LSQ_TAKES_LOSS,
    .place = place,
    .start = start,
    .step = step,
    .finish = finish};
