#include "train/anmin.h"

#include <math.h>
#include <string.h>

#include "train/hidden_system.h"
#include "train/two_layer.h"

enum { KEEP_BEST, KEEP_LAST };
enum { DEGENERATE_SVD, DEGENERATE_RESTART, DEGENERATE_STOP };

typedef struct {
  int64_t iterations;
  double lambda;
  int keep;
  int degenerate;
  double log_determinant_threshold;
  bool condition;
} anmin_options;

static const char *const keep_names[] = {"best", "last", NULL};
static const char *const degenerate_names[] = {"svd", "restart", "stop", NULL};

static const lsq_option option_table[] = {
    {"iterations", LSQ_OPTION_INTEGER, offsetof(anmin_options, iterations), 30, 0, 1e9, NULL,
     "how many times both layers are solved"},
    {"lambda", LSQ_OPTION_NUMBER, offsetof(anmin_options, lambda), 1e-3, 0, HUGE_VAL, NULL,
     "ridge penalty of all weights and biases (Eq. 1)"},
    {"keep", LSQ_OPTION_CHOICE, offsetof(anmin_options, keep), KEEP_BEST, 0, 0, keep_names,
     "which iterate the net is left at: the one of the lowest objective, or the last"},
    {"degenerate", LSQ_OPTION_CHOICE, offsetof(anmin_options, degenerate), DEGENERATE_SVD, 0, 0,
     degenerate_names,
     "answer to a degenerate hidden-layer system: floor its eigenvalues at 1e-4, draw the "
     "hidden layer anew, or stop"},
    {"log_determinant_threshold", LSQ_OPTION_NUMBER,
     offsetof(anmin_options, log_determinant_threshold), -HUGE_VAL, -HUGE_VAL, HUGE_VAL, NULL,
     "a system is degenerate when ln|M + lambda I| + (d+1)h ln N is not above this"},
    {"condition", LSQ_OPTION_BOOLEAN, offsetof(anmin_options, condition), 0, 0, 0, NULL,
     "record the 2-norm condition number of each hidden-layer system (slow)"},
    {NULL, LSQ_OPTION_VALUE, 0, 0, 0, 0, NULL, NULL}};

static const double EIGENVALUE_FLOOR = 1e-4; /* Algorithm 1, line 11 */

/* FIT ends by solving the output layer (Eq. 4), EVALUATE ends the iteration, SOLVE solves the
   hidden layer (Eq. 9). */
typedef enum { FIT, EVALUATE, SOLVE } training_phase;

typedef struct {
  const lsq_problem *problem;
  const anmin_options *options;
  training_phase phase;
  int64_t iteration;
  lsq_two_layer layers; /* the passes, over the iterate being computed */
  lsq_hidden_system system;
  double *best;
  double loss, objective, best_loss, best_objective;
  double log_determinant, condition; /* of the system behind this iterate */
  size_t degenerate_systems, singular_outputs;
} anmin;

static void place(anmin *self, lsq_arena *arena, const lsq_problem *problem,
                  const anmin_options *options) {
  const lsq_network *net = problem->net;
  *self = (anmin){.problem = problem, .options = options};
  lsq_two_layer_place(&self->layers, arena, net, problem->x, problem->y);
  lsq_hidden_system_place(&self->system, arena, self->layers.h, self->layers.d + 1,
                          options->condition, options->degenerate == DEGENERATE_SVD);
  self->best = lsq_arena_doubles(arena, net->parameter_count);
}

static lsq_status check(const lsq_problem *problem, const void *options, lsq_error *error) {
  (void)options;
  return lsq_two_layer_check(problem->net, "anmin", error);
}

static size_t size(const lsq_problem *problem, const void *options) {
  anmin measured;
  lsq_arena arena = lsq_arena_measure();
  lsq_arena_take(&arena, 1, sizeof measured);
  place(&measured, &arena, problem, options);
  return arena.used;
}

static void begin_fit(anmin *self) {
  lsq_two_layer_begin_fit(&self->layers);
  self->phase = FIT;
}

/* The last iterate needs no system. */
static void begin_evaluate(anmin *self) {
  const bool last = self->iteration == self->options->iterations;
  lsq_two_layer_begin_evaluate(&self->layers, LSQ_CENTRED_TARGETS,
                               last ? NULL : &self->system.gram);
  self->phase = EVALUATE;
}

static lsq_status start(void *memory, const lsq_problem *problem, const void *options,
                        lsq_error *error) {
  (void)error;
  anmin *self = memory;
  lsq_arena arena = lsq_arena_over(memory);
  lsq_arena_take(&arena, 1, sizeof *self);
  place(self, &arena, problem, options);
  lsq_two_layer_start(&self->layers, problem->net);
  lsq_hidden_system_start(&self->system, lsq_two_layer_alpha(problem->net), problem->x);
  self->best_loss = self->best_objective = self->loss = self->objective = HUGE_VAL;
  self->log_determinant = self->condition = NAN;
  begin_fit(self);
  return LSQ_OK;
}

static lsq_status solve_output(anmin *self, lsq_error *error) {
  bool singular;
  lsq_status status = lsq_two_layer_solve_output(&self->layers, 1 / (double)self->layers.rows,
                                                 self->options->lambda, &singular, error);
  self->singular_outputs += singular;
  return status;
}

/* The matrix of Eq. 9 and its right-hand side. */
static void assemble_hidden(anmin *self) {
  const double scale = 1 / (double)self->layers.rows;
  lsq_hidden_system_assemble(&self->system, &self->layers.net.layers[1].weight, scale,
                             self->options->lambda);
  lsq_two_layer_sum_right(&self->layers, scale, self->system.right);
}

static void set_hidden(anmin *self) {
  lsq_two_layer_set_hidden(&self->layers.net, self->system.right);
}

/* "restart": A drawn anew from N(0, 1), as the paper draws its start. */
static void redraw_hidden(anmin *self) {
  const lsq_layer *hidden = &self->layers.net.layers[0];
  for (size_t i = 0; i < self->layers.d; i++)
    for (size_t j = 0; j < self->layers.h; j++)
      lsq_matrix_row(&hidden->weight, i)[j] = lsq_random_normal(self->problem->random);
  for (size_t j = 0; j < self->layers.h; j++)
    hidden->bias[j] = lsq_random_normal(self->problem->random);
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
  const double to_papers_scale = (double)self->system.order * log((double)self->layers.rows);
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

/* Eq. 1 and the plain mean squared error of the iterate, which becomes the net's. */
static void complete_iteration(anmin *self, lsq_progress *progress) {
  const size_t count = self->layers.net.parameter_count;
  const double sum = lsq_two_layer_squared_error(&self->layers);
  const double objective = sum / (double)self->layers.rows +
                           self->options->lambda * squared_norm(self->layers.net.parameters, count);
  if (!isfinite(objective)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return;
  }
  self->loss = sum / (double)self->layers.rows / (double)self->layers.c;
  self->objective = objective;
  memcpy(self->problem->net->parameters, self->layers.net.parameters, count * sizeof(double));
  if (objective < self->best_objective) {
    self->best_objective = objective;
    self->best_loss = self->loss;
    memcpy(self->best, self->layers.net.parameters, count * sizeof(double));
  }
  progress->iteration_done = true;
  progress->iteration = (size_t)self->iteration;
  progress->loss = self->loss;
  progress->measures[0] = self->objective;
  progress->measures[1] = self->log_determinant;
  progress->measures[2] = self->condition;
  if (self->iteration == self->options->iterations)
    progress->stop = LSQ_STOPPED_ITERATIONS;
}

/* An overflow inside the linear algebra is a training that diverged, not a failure. */
static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  anmin *self = memory;
  lsq_status status = LSQ_OK;
  switch (self->phase) {
  case FIT:
    if (lsq_two_layer_advance(&self->layers) && (status = solve_output(self, error)) == LSQ_OK)
      begin_evaluate(self);
    break;
  case EVALUATE:
    if (lsq_two_layer_advance(&self->layers)) {
      complete_iteration(self, progress);
      self->phase = SOLVE;
    }
    break;
  case SOLVE:
    self->iteration++;
    if ((status = solve_hidden(self, &progress->stop, error)) == LSQ_OK)
      begin_fit(self);
    break;
  }
  if (status != LSQ_NON_FINITE)
    return status;
  progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

static void finish(void *memory, bool keep_current, lsq_result *result) {
  anmin *self = memory;
  const lsq_network *net = self->problem->net;
  const bool keep_best = self->options->keep == KEEP_BEST && !keep_current;
  if (keep_best && self->best_objective < HUGE_VAL)
    memcpy(net->parameters, self->best, net->parameter_count * sizeof(double));
  result->loss = keep_best ? self->best_loss : self->loss;
  result->score = keep_best ? self->best_objective : self->objective;
  result->totals[0] = (double)self->degenerate_systems;
  if (self->singular_outputs > 0)
    lsq_warn(result, "the output layer was singular in %zu solves: minimum-norm solution taken",
             self->singular_outputs);
}

static const char *const measures[] = {"objective", "log_determinant", "condition", NULL};
static const char *const totals[] = {"degenerate_systems", NULL};

const lsq_trainer lsq_anmin = {.name = "anmin",
                               .text = "alternating closed-form solves of a two-layer ReLU net",
                               .options_size = sizeof(anmin_options),
                               .options = option_table,
                               .measures = measures,
                               .totals = totals,
                               .check = check,
                               .size = size,
                               .start = start,
                               .step = step,
                               .finish = finish};
