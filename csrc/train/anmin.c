/* ANMIN (Barbu 2023, "Training a Two Layer ReLU Network Analytically", Algorithm 1). */
#include <math.h>
#include <string.h>

#include "train/hidden_cg.h"
#include "train/hidden_system.h"
#include "train/trainer.h"
#include "train/two_layer.h"

enum { KEEP_BEST, KEEP_LAST };
enum { DEGENERATE_SVD, DEGENERATE_RESTART, DEGENERATE_STOP };
enum { SOLVER_CHOLESKY, SOLVER_CG, SOLVER_AUTO };
enum { STEP_FULL, STEP_DAMPED };

typedef struct {
  int64_t iterations;
  double lambda;
  int keep;
  int degenerate;
  double log_determinant_threshold;
  bool condition;
  int solver;
  int preconditioner;
  double cg_tolerance;
  int64_t cg_iterations;
  int step;
  int64_t inputs_per_neuron;
} anmin_options;

static const char *const keep_names[] = {"best", "last", NULL};
static const char *const degenerate_names[] = {"svd", "restart", "stop", NULL};
static const char *const solver_names[] = {"cholesky", "cg", "auto", NULL};
static const char *const preconditioner_names[] = {"kronecker", "block", NULL};
static const char *const step_names[] = {"full", "damped", NULL};

static const lsq_option option_table[] = {
    {.name = "iterations",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(anmin_options, iterations),
     .standard = 30,
     .minimum = 0,
     .maximum = 1e9,
     .text = "how many times both layers are solved"},
    {.name = "lambda",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(anmin_options, lambda),
     .standard = 1e-3,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "ridge penalty of all weights and biases (Eq. 1)"},
    {.name = "keep",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(anmin_options, keep),
     .standard = KEEP_BEST,
     .choices = keep_names,
     .text = "which iterate the net is left at: the one of the lowest objective, or the last"},
    {.name = "degenerate",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(anmin_options, degenerate),
     .standard = DEGENERATE_SVD,
     .choices = degenerate_names,
     .text = "answer to a degenerate hidden-layer system: floor its eigenvalues at 1e-4, draw the "
             "hidden layer anew, or stop"},
    {.name = "log_determinant_threshold",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(anmin_options, log_determinant_threshold),
     .standard = -HUGE_VAL,
     .minimum = -HUGE_VAL,
     .maximum = HUGE_VAL,
     .text = "a system is degenerate when ln|M + lambda I| + (d+1)h ln N is not above this"},
    {.name = "condition",
     .type = LSQ_OPTION_BOOLEAN,
     .offset = offsetof(anmin_options, condition),
     .text = "record the 2-norm condition number of each hidden-layer system (slow)"},
    {.name = "solver",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(anmin_options, solver),
     .standard = SOLVER_CHOLESKY,
     .choices = solver_names,
     .text =
         "how the hidden layer is solved: by a Cholesky factor, by conjugate gradients that never "
         "form its matrix, or by what a cost model says is faster"},
    {.name = "preconditioner",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(anmin_options, preconditioner),
     .standard = LSQ_KRONECKER,
     .choices = preconditioner_names,
     .text = "of the conjugate gradients"},
    {.name = "cg_tolerance",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(anmin_options, cg_tolerance),
     .standard = 1e-2,
     .minimum = 0,
     .maximum = 1,
     .text = "residual, relative to the right-hand side, at which the conjugate gradients end"},
    {.name = "cg_iterations",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(anmin_options, cg_iterations),
     .standard = 100,
     .minimum = 1,
     .maximum = 1e9,
     .text = "conjugate-gradient iterations of one hidden-layer solve, at most"},
    {.name = "step",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(anmin_options, step),
     .standard = STEP_FULL,
     .choices = step_names,
     .text =
         "take each new hidden layer in full, or halve the way to it until the objective falls"},
    {.name = "connections",
     .type = LSQ_OPTION_VALUE,
     .text = "d x h matrix of 0 and 1: which inputs each hidden unit sees; default: all"},
    {.name = "inputs_per_neuron",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(anmin_options, inputs_per_neuron),
     .standard = 0,
     .minimum = 0,
     .maximum = 1e9,
     .text = "inputs, drawn at random, that each hidden unit sees; 0: all"},
    {.name = NULL}};

static const double EIGENVALUE_FLOOR = 1e-4; /* Algorithm 1, line 11 */

enum { MOST_HALVINGS = 30 };

/* FIT ends by solving the output layer (Eq. 4), TRY compares the objective of a damped step,
   EVALUATE ends the iteration, SOLVE solves the hidden layer (Eq. 9), ITERATE does so by
   conjugate gradients. */
typedef enum { FIT, TRY, EVALUATE, SOLVE, ITERATE } training_phase;

typedef struct {
  const lsq_problem *problem;
  const anmin_options *options;
  training_phase phase;
  int64_t iteration;
  lsq_two_layer layers; /* the passes, over the iterate being computed */
  bool matrix_free;
  lsq_hidden_system system; /* unless matrix_free */
  lsq_hidden_cg cg;         /* if matrix_free */
  size_t hidden_count;      /* (d+1) h: where the hidden layer ends in the flat vector */
  double *mask;             /* hidden_count: 0 where there is no connection; NULL: all are there */
  size_t *order;            /* d: to draw inputs from */
  double *before, *after;   /* the ends of a damped step; NULL without */
  double length;            /* of the damped step being tried */
  int halvings;
  double objective;
  double log_determinant, condition; /* of the system behind this iterate */
  size_t degenerate_systems, singular_outputs;
} anmin;

/* Multiplications of one iteration either way, at four sums of the Gram kernel for one, and
   what a matrix may take. On the data sets of docs/large.md a solve took 1 to 4 iterations at the
   default tolerance and 15 to 45 at 1e-3; 30 are assumed. */
static bool is_matrix_free(const lsq_problem *problem, const anmin_options *options) {
  static const double MOST_BYTES = 2e9;
  const double n = (double)problem->rows.x->rows, h = (double)problem->net->layers[0].weight.cols;
  const double m = (double)problem->rows.x->cols + 1, order = m * h;
  if (options->solver != SOLVER_AUTO)
    return options->solver == SOLVER_CG;
  const double gram = n * h * (h + 1) / 2 * m * (m + 1) / 2 / 6 / 4;
  const double cholesky = gram + order * order * order / 6;
  const double cg = 30 * n * 2 * order;
  return cg < cholesky || 12 * order * order > MOST_BYTES;
}

static bool is_sparse(const lsq_problem *problem, const anmin_options *options) {
  return problem->connections != NULL || options->inputs_per_neuron > 0;
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *memory) {
  const anmin_options *options = memory;
  const lsq_network *net = problem->net;
  anmin measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  *self = (anmin){.problem = problem, .options = options};
  self->matrix_free = is_matrix_free(problem, options);
  if (self->matrix_free) {
    lsq_two_layer_place_matrix_free(&self->layers, arena, net, &problem->rows);
    lsq_hidden_cg_place(&self->cg, arena, &self->layers,
                        (lsq_preconditioner)options->preconditioner);
  } else {
    lsq_two_layer_place(&self->layers, arena, net, &problem->rows);
    lsq_hidden_system_place(&self->system, arena, self->layers.h, self->layers.d + 1,
                            options->condition, options->degenerate == DEGENERATE_SVD);
  }
  self->hidden_count = (self->layers.d + 1) * self->layers.h;
  if (is_sparse(problem, options)) {
    self->mask = lsq_arena_doubles(arena, self->hidden_count);
    self->order = lsq_arena_take(arena, self->layers.d, sizeof *self->order);
  }
  if (options->step == STEP_DAMPED) {
    self->before = lsq_arena_doubles(arena, self->hidden_count);
    self->after = lsq_arena_doubles(arena, self->hidden_count);
  }
}

static lsq_status check(const lsq_problem *problem, const void *options, lsq_error *error) {
  const anmin_options *given = options;
  if (given->condition && given->solver != SOLVER_CHOLESKY)
    return lsq_fail(error, LSQ_MISUSE,
                    "anmin forms the matrix whose condition is asked for with "
                    "solver='cholesky' alone");
  if (given->inputs_per_neuron > (int64_t)lsq_network_inputs(problem->net))
    return lsq_fail(error, LSQ_MISUSE, "anmin's inputs_per_neuron is beyond the net's %zu inputs",
                    lsq_network_inputs(problem->net));
  if (given->inputs_per_neuron > 0 && problem->connections != NULL)
    return lsq_fail(error, LSQ_MISUSE,
                    "anmin takes either connections or inputs_per_neuron, got both");
  return LSQ_OK;
}

static void begin_fit(anmin *self) {
  lsq_two_layer_begin_fit(&self->layers);
  self->phase = FIT;
}

/* The last iterate needs no system. */
static void begin_evaluate(anmin *self) {
  const bool last = self->iteration == self->options->iterations;
  if (self->matrix_free && !last)
    lsq_two_layer_begin_firing(&self->layers, LSQ_CENTRED_TARGETS, self->cg.firing);
  else
    lsq_two_layer_begin_evaluate(&self->layers, LSQ_CENTRED_TARGETS,
                                 last ? NULL : &self->system.gram);
  self->phase = EVALUATE;
}

static void begin_try(anmin *self) {
  lsq_two_layer_begin_evaluate(&self->layers, LSQ_CENTRED_TARGETS, NULL);
  self->phase = TRY;
}

/* mask: 1 at the biases and where a unit sees an input. */
static void draw_connections(anmin *self) {
  const size_t d = self->layers.d, h = self->layers.h;
  const lsq_matrix *given = self->problem->connections;
  for (size_t k = 0; k < self->hidden_count; k++)
    self->mask[k] = k >= d * h || (given != NULL && lsq_matrix_row(given, k / h)[k % h] != 0);
  for (size_t j = 0; given == NULL && j < h; j++) {
    lsq_random_permutation(self->problem->drawing.random, self->order, d);
    for (size_t k = 0; k < lsq_size_of(self->options->inputs_per_neuron); k++)
      self->mask[self->order[k] * h + j] = 1;
  }
}

static void apply_mask(anmin *self) {
  for (size_t k = 0; self->mask != NULL && k < self->hidden_count; k++)
    self->layers.net.parameters[k] *= self->mask[k];
}

static lsq_status start(void *memory, lsq_error *error) {
  (void)error;
  anmin *self = memory;
  const lsq_problem *problem = self->problem;
  lsq_two_layer_start(&self->layers, problem->net);
  if (self->mask != NULL)
    draw_connections(self);
  apply_mask(self);
  if (self->matrix_free)
    lsq_hidden_cg_start(&self->cg, self->options->lambda, self->options->cg_tolerance,
                        lsq_size_of(self->options->cg_iterations), self->mask);
  else
    lsq_hidden_system_start(&self->system, lsq_two_layer_alpha(problem->net), &self->layers.moment);
  self->objective = HUGE_VAL;
  self->log_determinant = self->condition = NAN;
  self->length = 1;
  begin_fit(self);
  return LSQ_OK;
}

static lsq_status solve_output(anmin *self, lsq_error *error) {
  bool singular;
  lsq_status status = lsq_two_layer_solve_output(&self->layers, 1 / self->layers.weight,
                                                 self->options->lambda, &singular, error);
  self->singular_outputs += singular;
  return status;
}

/* The matrix of Eq. 9 and its right-hand side. */
static void assemble_hidden(anmin *self) {
  const double scale = 1 / self->layers.weight;
  lsq_hidden_system_assemble(&self->system, &self->layers.net.layers[1].weight, scale,
                             self->options->lambda);
  lsq_two_layer_sum_right(&self->layers, scale, self->system.right);
  if (self->mask != NULL)
    lsq_hidden_system_shrink(&self->system, self->mask);
}

static void set_hidden(anmin *self) {
  if (self->mask != NULL)
    lsq_hidden_system_expand(&self->system, self->mask);
  memcpy(self->layers.net.parameters, self->system.right, self->hidden_count * sizeof(double));
}

/* "restart": A drawn anew from N(0, 1), as the paper draws its start. */
static void redraw_hidden(anmin *self) {
  const lsq_layer *hidden = &self->layers.net.layers[0];
  for (size_t i = 0; i < self->layers.d; i++)
    for (size_t j = 0; j < self->layers.h; j++)
      lsq_matrix_row(&hidden->weight, i)[j] = lsq_random_normal(self->problem->drawing.random);
  for (size_t j = 0; j < self->layers.h; j++)
    hidden->bias[j] = lsq_random_normal(self->problem->drawing.random);
  apply_mask(self);
}

static lsq_status answer_degenerate(anmin *self, lsq_stop *stop, lsq_error *error) {
  self->degenerate_systems++;
  switch (self->options->degenerate) {
  case DEGENERATE_RESTART:
    redraw_hidden(self);
    return LSQ_OK;
  case DEGENERATE_STOP:
    *stop = LSQ_STOPPED_DEGENERATE;
    return LSQ_OK;
  default:
    break;
  }
  assemble_hidden(self);
  lsq_status status = lsq_hidden_system_solve_floored(&self->system, EIGENVALUE_FLOOR, error);
  if (status == LSQ_OK)
    set_hidden(self);
  return status;
}

/* Eq. 9, and the answer to a degenerate system (Algorithm 1, lines 7-13). */
static lsq_status solve_hidden(anmin *self, lsq_stop *stop, lsq_error *error) {
  const double to_papers_scale = (double)self->system.order * log(self->layers.weight);
  lsq_status status = LSQ_OK;
  if (self->options->condition) {
    assemble_hidden(self);
    status = lsq_hidden_system_condition(&self->system, &self->condition, error);
    if (status != LSQ_OK)
      return status;
  }
  assemble_hidden(self);
  status = lsq_hidden_system_solve(&self->system, &self->log_determinant, error);
  if (status == LSQ_NOT_POSITIVE_DEFINITE)
    self->log_determinant = -HUGE_VAL;
  else if (status != LSQ_OK)
    return status;
  if (self->log_determinant + to_papers_scale <= self->options->log_determinant_threshold)
    return answer_degenerate(self, stop, error);
  set_hidden(self);
  return LSQ_OK;
}

static double squared_norm(const double *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += values[i] * values[i];
  return sum;
}

/* Eq. 1, at the end of a pass that evaluates. */
static double objective_of(const anmin *self, double sum) {
  return sum / self->layers.weight +
         self->options->lambda *
             squared_norm(self->layers.net.parameters, self->layers.net.parameter_count);
}

/* A point on the way from the old hidden layer to the solved one. */
static void move_hidden(anmin *self) {
  for (size_t k = 0; k < self->hidden_count; k++)
    self->layers.net.parameters[k] =
        self->before[k] + self->length * (self->after[k] - self->before[k]);
  begin_fit(self);
}

/* Ends a trial of the damped step: takes it, or halves it. With the output layer refitted the
   objective falls for short enough steps, so that none left means a stationary point. */
static lsq_stop judge_step(anmin *self) {
  if (objective_of(self, lsq_two_layer_squared_error(&self->layers)) < self->objective) {
    begin_evaluate(self);
    return LSQ_RUNNING;
  }
  if (++self->halvings > MOST_HALVINGS)
    return LSQ_STOPPED_TOLERANCE;
  self->length /= 2;
  move_hidden(self);
  return LSQ_RUNNING;
}

/* Where the solved hidden layer, now the layers', is on trial or in use. */
static void begin_iterate(anmin *self) {
  self->length = 1;
  self->halvings = 0;
  if (self->before != NULL) {
    const size_t bytes = self->hidden_count * sizeof(double);
    memcpy(self->before, self->problem->net->parameters, bytes);
    memcpy(self->after, self->layers.net.parameters, bytes);
  }
  begin_fit(self);
}

/* Eq. 1 and the plain mean squared error of the iterate, which becomes the net's. */
static void complete_iteration(anmin *self, lsq_progress *progress) {
  const size_t count = self->layers.net.parameter_count;
  const double sum = lsq_two_layer_squared_error(&self->layers);
  const double objective = objective_of(self, sum);
  if (!isfinite(objective)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return;
  }
  self->objective = objective;
  memcpy(self->problem->net->parameters, self->layers.net.parameters, count * sizeof(double));
  progress->iteration_done = true;
  progress->iteration = (size_t)self->iteration;
  progress->loss = sum / self->layers.weight / (double)self->layers.c;
  progress->score = self->objective;
  progress->measures[0] = self->objective;
  progress->measures[1] = self->log_determinant;
  progress->measures[2] = self->condition;
  const bool solved = self->matrix_free && self->iteration > 0;
  progress->measures[3] = solved ? (double)self->cg.iterations : NAN;
  progress->measures[4] = solved ? self->cg.residual_norm : NAN;
  progress->measures[5] = self->before != NULL && self->iteration > 0 ? self->length : NAN;
  if (self->iteration == self->options->iterations)
    progress->stop = LSQ_STOPPED_ITERATIONS;
}

/* An overflow inside the linear algebra is a training that diverged, not a failure. */
static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  anmin *self = memory;
  lsq_status status = LSQ_OK;
  bool done;
  switch (self->phase) {
  case FIT:
    if (!lsq_two_layer_advance(&self->layers))
      break;
    if ((status = lsq_two_layer_status(&self->layers, error)) != LSQ_OK)
      return status;
    if ((status = solve_output(self, error)) != LSQ_OK)
      break;
    if (self->before != NULL && self->iteration > 0)
      begin_try(self);
    else
      begin_evaluate(self);
    break;
  case TRY:
  case EVALUATE:
    if (!lsq_two_layer_advance(&self->layers))
      break;
    if ((status = lsq_two_layer_status(&self->layers, error)) != LSQ_OK)
      return status;
    if (self->phase == TRY) {
      progress->stop = judge_step(self);
      break;
    }
    complete_iteration(self, progress);
    self->phase = SOLVE;
    break;
  case SOLVE:
    self->iteration++;
    if (self->matrix_free) {
      lsq_hidden_cg_begin(&self->cg);
      self->phase = ITERATE;
    } else if ((status = solve_hidden(self, &progress->stop, error)) == LSQ_OK)
      begin_iterate(self);
    break;
  case ITERATE:
    status = lsq_hidden_cg_advance(&self->cg, &done, error);
    if (status != LSQ_OK || !done)
      break;
    memcpy(self->layers.net.parameters, self->cg.solution.data,
           self->hidden_count * sizeof(double));
    begin_iterate(self);
    break;
  }
  if (status != LSQ_NON_FINITE)
    return status;
  progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

static void finish(void *memory, lsq_result *result) {
  const anmin *self = memory;
  result->keep_last = self->options->keep == KEEP_LAST;
  result->totals[0] = (double)self->degenerate_systems;
  if (self->singular_outputs > 0)
    lsq_warn(result, "the output layer was singular in %zu solves: minimum-norm solution taken",
             self->singular_outputs);
}

static const char *const measures[] = {
    "objective", "log_determinant", "condition", "inner_iterations",
    "residual",  "step_length",     NULL};
static const char *const totals[] = {"degenerate_systems", NULL};

static const char *const activations[] = {"relu", "leaky_relu", NULL};
static const char *const output_activations[] = {"identity", NULL};
static const char *const losses[] = {"mse", NULL};

/***
@submodule lsqnet
*/

/*** ANMIN: trains a two-layer ReLU net by solving each layer in closed form in turn, with the
activation pattern frozen while the hidden layer is solved. Barbu (2023), "Training a Two Layer
ReLU Network Analytically", Algorithm 1. The objective is Eq. 1: the squared error summed over
outputs, mean over rows, plus `lambda` times the squared norm of all weights and biases. The
output layer is refitted before the first iteration.

Memory is O((d+1)^2 h^2), whatever N is; an iteration costs O(N (d+1)^2 h^2 + ((d+1) h)^3). With
`solver="cg"` the system is never formed: memory is O((d+1) h + (d+1)^2) and a bit for each row
and unit, an iteration O(N (d+1) h) for each conjugate-gradient iteration, usually 1 to 4 at the
default tolerance. docs/large.md has the numbers.
@function anmin
@tparam network net layers {d, h, c}, relu or leaky_relu, identity output, biases, mse; changed
in place. The paper draws its start from N(0, 1): `init="normal"`
@tparam matrix X N x d; the paper's protocol has columns of mean 0 and deviation 1. Or a `stream`:
then Y is nil, and no more than some blocks of rows are held
@tparam matrix Y N x c; the paper's protocol centres it
@tparam[opt] table options beside the common ones:
`iterations=30`;
`lambda=1e-3` (the authors' code sums where the paper averages: its tables are reproduced with
1e-3/N);
`keep="best"` (of the objective) or "last";
`degenerate="svd"` (raise eigenvalues below 1e-4 to it), "restart" (draw the hidden layer from
N(0, 1), counted as an iteration) or "stop" (`stopped="degenerate"`): the answer to a hidden-layer
system that Cholesky cannot factor, or for which ln|M + lambda I| + (d+1) h ln N is not above
`log_determinant_threshold=-math.huge` (on which scale the authors use -10000);
`condition=false`: whether to record the system's 2-norm condition number, which takes its
eigenvalues each iteration (with the Cholesky solver alone);
`solver="cholesky"`, "cg" (conjugate gradients, from the current hidden layer; `degenerate` and its
threshold have no effect) or "auto" (by multiplications, 30 conjugate-gradient iterations assumed,
and never a system of more than 2 GB);
`preconditioner="kronecker"`, (B B' o G'G/N) (x) X'X/N + lambda I by eigenvectors, or "block", the
diagonal blocks by Cholesky; `cg_tolerance=1e-2`, of the residual relative to the right-hand side;
`cg_iterations=100` a solve at most; one is made at least;
`step="full"`, or "damped": halve the way to the new hidden layer until the objective falls, so that
training is monotone (`stopped="tolerance"` when 30 halvings do not help);
`connections`, a d x h matrix of 0 and 1, or `inputs_per_neuron=k`, drawn at random: which inputs
each hidden unit sees. The other weights of the net are set to 0, and the system has no place for
them;
`restarts=K`: with no callback, validation, `verbose` or `target_loss` to serve in between, the
restarts run side by side, one thread each, and the seconds of the history are those at the end
@treturn[1] table report; the history adds `objective` (Eq. 1), `log_determinant` (of M + lambda I;
-math.huge when Cholesky failed; none with conjugate gradients) and `condition`, or
`inner_iterations` and `residual` of conjugate gradients, and `step_length` of a damped step; the
report adds `degenerate_systems`, how many
there were
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "no_convergence" of an eigenvalue computation, or "no_file" of a
stream
@raise when the net is of another kind, shapes do not match or an option is wrong
*/
const lsq_trainer lsq_anmin = {.name = "anmin",
                               .text = "alternating closed-form solves of a two-layer ReLU net",
                               .options_size = sizeof(anmin_options),
                               .options = option_table,
                               .measures = measures,
                               .totals = totals,
                               .restarts = LSQ_TRAININGS,
                               .accepts = {.least_layers = 2,
                                           .most_layers = 2,
                                           .activations = activations,
                                           .output_activations = output_activations,
                                           .losses = losses,
                                           .needs_biases = true},
                               .takes = LSQ_NEEDS_SCALE | LSQ_TAKES_STREAM | LSQ_TAKES_INIT |
                                        LSQ_TAKES_CONNECTIONS | LSQ_TAKES_LOSS | LSQ_TAKES_WEIGHTS,
                               .check = check,
                               .place = place,
                               .start = start,
                               .step = step,
                               .finish = finish};
