#include "train/anmin.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "nn/dense.h"
#include "train/hidden_system.h"

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

/* The rows of one step are dealt to a fixed number of lanes, each with its own sums, so that
   the result does not depend on how many threads run the lanes. */
enum { MOST_LANES = 16, LANE_ROWS = 128 };
static const size_t LANES_MEMORY = (size_t)64 << 20; /* bytes, for all lanes together */
static const double STEP_WORK = 4e8; /* elementary operations: about 0.1 s on one thread */

/* Multiplications below which the lanes run on one thread: waking a second one costs as much,
   and on a machine that is busy otherwise far more. */
enum { PARALLEL_WORK = 64 * 1024 };

typedef struct {
  lsq_matrix activations; /* rows x (h+1): S = [sigma(X~ A), 1] */
  lsq_matrix output;      /* rows x c */
  lsq_matrix back;        /* rows x h: ((Y - b0) B') o G */
  lsq_matrix gram;        /* (h+1) x (h+1): S'S, lower */
  lsq_matrix cross;       /* (h+1) x c: S'Y */
  lsq_matrix right;       /* (d+1) x h: X~' back */
  double squared_error;
} row_lane;

/* FIT sums S'S and S'Y over the rows and ends by solving the output layer (Eq. 4); EVALUATE
   sums the squared error and the hidden layer's system and ends the iteration; SOLVE solves
   that system (Eq. 9). */
typedef enum { FIT, EVALUATE, SOLVE } training_phase;

typedef struct {
  const lsq_problem *problem;
  const anmin_options *options;
  size_t d, h, c, rows;
  training_phase phase;
  size_t row; /* the next row of the pass */
  int64_t iteration;
  lsq_network net; /* the iterate being computed, over `parameters` */
  double *best;
  double loss, objective, best_loss, best_objective;
  double log_determinant, condition; /* of the system behind this iterate */
  size_t degenerate_systems, singular_outputs;
  size_t step_rows, lanes;
  row_lane *lane;
  lsq_matrix z, features; /* step_rows x h and x (d+1): X~ A and X~ of the step's rows */
  lsq_matrix gram, cross; /* sums over the lanes; the factor and the solution */
  lsq_hidden_system system;
  double *eigenvalues; /* h+1 */
  lsq_matrix rotated;  /* (h+1) x c */
  void *eigen_workspace;
} anmin;

static size_t step_rows(const anmin *self) {
  const double h = (double)self->h, m = (double)self->d + 1, c = (double)self->c;
  const double gram = h * (h + 1) / 2 * m * (m + 1) / 2 / 6; /* six rows a table look-up */
  const double per_row = gram + h * h + 4 * h * (m + c);
  const double rows = STEP_WORK / per_row;
  return rows < 64 ? 64 : rows > MOST_LANES * LANE_ROWS ? MOST_LANES * LANE_ROWS : (size_t)rows;
}

static void place_lane(row_lane *lane, lsq_arena *arena, const anmin *self, size_t rows) {
  lane->activations = lsq_arena_matrix(arena, rows, self->h + 1);
  lane->output = lsq_arena_matrix(arena, rows, self->c);
  lane->back = lsq_arena_matrix(arena, rows, self->h);
  lane->gram = lsq_arena_matrix(arena, self->h + 1, self->h + 1);
  lane->cross = lsq_arena_matrix(arena, self->h + 1, self->c);
  lane->right = lsq_arena_matrix(arena, self->d + 1, self->h);
}

/* Rows of a step that one lane gets, at most. */
static size_t lane_rows(const anmin *self) {
  return (self->step_rows + self->lanes - 1) / self->lanes;
}

static size_t count_lanes(const anmin *self) {
  row_lane probe;
  lsq_arena measure = lsq_arena_measure();
  place_lane(&probe, &measure, self, LANE_ROWS);
  size_t fitting = LANES_MEMORY / measure.used;
  return lsq_size_max(1, lsq_size_min(fitting, MOST_LANES));
}

static void place_lanes(anmin *self, lsq_arena *arena) {
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    row_lane measured;
    place_lane(self->lane == NULL ? &measured : &self->lane[k], arena, self, lane_rows(self));
  }
}

static void place(anmin *self, lsq_arena *arena, const lsq_problem *problem,
                  const anmin_options *options) {
  const lsq_network *net = problem->net;
  *self = (anmin){.problem = problem,
                  .options = options,
                  .d = lsq_network_inputs(net),
                  .h = net->layers[0].weight.cols,
                  .c = lsq_network_outputs(net),
                  .rows = problem->x->rows};
  const size_t widths[] = {self->d, self->h, self->c};
  const bool bias[] = {true, true};
  lsq_network_place(&self->net, arena, 2, widths, bias);
  self->best = lsq_arena_doubles(arena, net->parameter_count);
  self->step_rows = step_rows(self);
  self->lanes = count_lanes(self);
  place_lanes(self, arena);
  self->z = lsq_arena_matrix(arena, self->step_rows, self->h);
  self->features = lsq_arena_matrix(arena, self->step_rows, self->d + 1);
  self->gram = lsq_arena_matrix(arena, self->h + 1, self->h + 1);
  self->cross = lsq_arena_matrix(arena, self->h + 1, self->c);
  self->eigenvalues = lsq_arena_doubles(arena, self->h + 1);
  self->rotated = lsq_arena_matrix(arena, self->h + 1, self->c);
  self->eigen_workspace = lsq_arena_take(arena, lsq_eigh_workspace(self->h + 1, true), 1);
  lsq_hidden_system_place(&self->system, arena, self->h, self->d + 1, options->condition,
                          options->degenerate == DEGENERATE_SVD);
}

static lsq_status check(const lsq_problem *problem, const void *options, lsq_error *error) {
  (void)options;
  const lsq_network *net = problem->net;
  if (net->depth != 2)
    return lsq_fail(error, LSQ_MISUSE, "anmin trains a net with one hidden layer, this has %zu",
                    net->depth - 1);
  if (net->activation != LSQ_RELU && net->activation != LSQ_LEAKY_RELU)
    return lsq_fail(error, LSQ_MISUSE, "anmin trains a relu or leaky_relu net, this is %s",
                    lsq_activation_names[net->activation]);
  if (net->output_activation != LSQ_IDENTITY)
    return lsq_fail(error, LSQ_MISUSE,
                    "anmin trains a net whose output activation is identity, this has %s",
                    lsq_activation_names[net->output_activation]);
  if (net->layers[0].bias == NULL || net->layers[1].bias == NULL)
    return lsq_fail(error, LSQ_MISUSE, "anmin trains a net with biases in both layers");
  if (net->loss != LSQ_MSE)
    return lsq_fail(error, LSQ_MISUSE, "anmin minimises the mse, the net's loss is %s",
                    lsq_loss_names[net->loss]);
  return LSQ_OK;
}

static size_t size(const lsq_problem *problem, const void *options) {
  anmin measured;
  lsq_arena arena = lsq_arena_measure();
  lsq_arena_take(&arena, 1, sizeof measured);
  place(&measured, &arena, problem, options);
  return arena.used;
}

static void begin_pass(anmin *self, training_phase phase) {
  self->phase = phase;
  self->row = 0;
  for (size_t k = 0; k < self->lanes; k++) {
    row_lane *lane = &self->lane[k];
    lsq_matrix_fill(phase == FIT ? &lane->gram : &lane->right, 0);
    lsq_matrix_fill(&lane->cross, 0);
    lane->squared_error = 0;
  }
  if (phase == EVALUATE)
    lsq_pattern_gram_clear(&self->system.gram);
}

/* sum_i x~_i x~_i', which a leaky activation needs, once for all iterations. */
static void sum_moment(anmin *self) {
  const size_t m = self->d + 1;
  double *moment = self->system.moment;
  memset(moment, 0, self->system.gram.products * sizeof *moment);
  for (size_t i = 0; i < self->rows; i++) {
    const double *x = lsq_matrix_row(self->problem->x, i);
    double *product = moment;
    for (size_t p = 0; p < m; p++) {
      const double left = p == 0 ? 1 : x[p - 1];
      *product++ += p == 0 ? 1 : left * left;
      for (size_t q = p + 1; q < m; q++)
        *product++ += left * x[q - 1];
    }
  }
}

static lsq_status start(void *memory, const lsq_problem *problem, const void *options,
                        lsq_error *error) {
  (void)error;
  anmin *self = memory;
  lsq_arena arena = lsq_arena_over(memory);
  lsq_arena_take(&arena, 1, sizeof *self);
  place(self, &arena, problem, options);
  const lsq_network *net = problem->net;
  self->net.activation = net->activation;
  self->net.alpha = net->alpha;
  memcpy(self->net.parameters, net->parameters, net->parameter_count * sizeof(double));
  self->system.alpha = net->activation == LSQ_LEAKY_RELU ? net->alpha : 0;
  if (self->system.alpha != 0)
    sum_moment(self);
  self->best_loss = self->best_objective = self->loss = self->objective = HUGE_VAL;
  self->log_determinant = self->condition = NAN;
  begin_pass(self, FIT);
  return LSQ_OK;
}

static lsq_matrix first_columns(const lsq_matrix *m, size_t rows, size_t cols) {
  return (lsq_matrix){m->data, rows, cols, m->stride};
}

/* S'S and S'Y of the rows of one lane. */
static void fit_lane(anmin *self, row_lane *lane, const lsq_matrix *x, const lsq_matrix *y) {
  const lsq_layer *hidden = &self->net.layers[0];
  lsq_matrix s = first_columns(&lane->activations, x->rows, self->h + 1);
  lsq_matrix units = first_columns(&s, x->rows, self->h);
  lsq_dense_forward(x, &hidden->weight, hidden->bias, &units);
  lsq_activate(self->net.activation, self->net.alpha, &units);
  for (size_t i = 0; i < s.rows; i++)
    lsq_matrix_row(&s, i)[self->h] = 1;
  lsq_dense_gram(&s, &lane->gram);
  lsq_dense_gradient(&s, y, &lane->cross, NULL);
}

static double squared_error(const lsq_matrix *y, const lsq_matrix *prediction) {
  double sum = 0;
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i), *value = lsq_matrix_row(prediction, i);
    for (size_t k = 0; k < y->cols; k++)
      sum += (target[k] - value[k]) * (target[k] - value[k]);
  }
  return sum;
}

/* c's sums (Eq. 8) over the rows of one lane: X~' (((Y - b0) B') o G). */
static void gather_right(anmin *self, row_lane *lane, const lsq_matrix *features,
                         const lsq_matrix *y, const lsq_matrix *units) {
  const lsq_layer *output = &self->net.layers[1];
  lsq_matrix centred = first_columns(&lane->output, y->rows, self->c);
  lsq_matrix back = first_columns(&lane->back, y->rows, self->h);
  for (size_t i = 0; i < y->rows; i++)
    for (size_t k = 0; k < self->c; k++)
      lsq_matrix_row(&centred, i)[k] = lsq_matrix_row(y, i)[k] - output->bias[k];
  lsq_dense_backward(&centred, &output->weight, &back);
  lsq_activation_backward(self->net.activation, self->net.alpha, units, &back);
  lsq_dense_gradient(features, &back, &lane->right, NULL);
}

static void evaluate_lane(anmin *self, row_lane *lane, const lsq_matrix *x, const lsq_matrix *y,
                          const lsq_matrix *z, const lsq_matrix *features) {
  const lsq_layer *hidden = &self->net.layers[0], *output = &self->net.layers[1];
  lsq_matrix units = first_columns(&lane->activations, x->rows, self->h);
  lsq_matrix prediction = first_columns(&lane->output, x->rows, self->c);
  lsq_dense_forward(x, &hidden->weight, hidden->bias, z);
  lsq_matrix_copy(z, &units);
  lsq_activate(self->net.activation, self->net.alpha, &units);
  lsq_dense_forward(&units, &output->weight, output->bias, &prediction);
  lane->squared_error += squared_error(y, &prediction);
  for (size_t i = 0; i < x->rows; i++) {
    double *row = lsq_matrix_row(features, i);
    row[0] = 1;
    memcpy(row + 1, lsq_matrix_row(x, i), self->d * sizeof *row);
  }
  gather_right(self, lane, features, y, &units);
}

/* One step of a pass: the next rows, dealt to the lanes. True when the pass is over. */
static bool advance(anmin *self) {
  const size_t rows = lsq_size_min(self->step_rows, self->rows - self->row);
  const size_t each = (rows + self->lanes - 1) / self->lanes;
  const bool pays = rows * self->net.parameter_count >= PARALLEL_WORK;
#pragma omp parallel for schedule(static, 1) if (pays)
  for (size_t k = 0; k < self->lanes; k++) {
    const size_t first = lsq_size_min(k * each, rows);
    const size_t count = lsq_size_min(each, rows - first);
    lsq_matrix x = lsq_matrix_rows(self->problem->x, self->row + first, count);
    lsq_matrix y = lsq_matrix_rows(self->problem->y, self->row + first, count);
    lsq_matrix z = lsq_matrix_rows(&self->z, first, count);
    lsq_matrix features = lsq_matrix_rows(&self->features, first, count);
    if (self->phase == FIT)
      fit_lane(self, &self->lane[k], &x, &y);
    else
      evaluate_lane(self, &self->lane[k], &x, &y, &z, &features);
  }
  if (self->phase == EVALUATE && self->iteration < self->options->iterations) {
    lsq_matrix z = lsq_matrix_rows(&self->z, 0, rows);
    lsq_matrix features = lsq_matrix_rows(&self->features, 0, rows);
    lsq_pattern_gram_add(&self->system.gram, &features, &z);
  }
  self->row += rows;
  return self->row == self->rows;
}

static void sum_lanes(anmin *self, double lambda) {
  const double scale = 1 / (double)self->rows;
  const size_t n = self->h + 1;
  lsq_matrix_fill(&self->gram, 0);
  lsq_matrix_fill(&self->cross, 0);
  for (size_t k = 0; k < self->lanes; k++) {
    for (size_t i = 0; i < n * n; i++)
      self->gram.data[i] += scale * self->lane[k].gram.data[i];
    for (size_t i = 0; i < n * self->c; i++)
      self->cross.data[i] += scale * self->lane[k].cross.data[i];
  }
  for (size_t i = 0; i < n; i++)
    lsq_matrix_row(&self->gram, i)[i] += lambda;
}

/* The minimum-norm solution of a singular output layer: lambda = 0 and a dead unit, say. */
static lsq_status solve_singular_output(anmin *self, lsq_error *error) {
  const size_t n = self->h + 1;
  sum_lanes(self, self->options->lambda);
  lsq_status status = lsq_eigh(&self->gram, self->eigenvalues, true, self->eigen_workspace, error);
  if (status != LSQ_OK)
    return status;
  const double cut = (double)n * 0x1p-52 * self->eigenvalues[n - 1];
  lsq_multiply(1, &self->gram, true, &self->cross, false, 0, &self->rotated);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < self->c; k++)
      lsq_matrix_row(&self->rotated, i)[k] *=
          self->eigenvalues[i] > cut ? 1 / self->eigenvalues[i] : 0;
  lsq_multiply(1, &self->gram, false, &self->rotated, false, 0, &self->cross);
  self->singular_outputs++;
  return LSQ_OK;
}

/* Eq. 4 with its 1/N: (S'S/N + lambda I) [B; b0] = S'Y/N. */
static lsq_status solve_output(anmin *self, lsq_error *error) {
  const lsq_layer *output = &self->net.layers[1];
  sum_lanes(self, self->options->lambda);
  lsq_status status = lsq_cholesky(&self->gram, error);
  if (status == LSQ_OK)
    lsq_cholesky_solve(&self->gram, &self->cross);
  else if (status == LSQ_NOT_POSITIVE_DEFINITE)
    status = solve_singular_output(self, error);
  if (status != LSQ_OK)
    return status;
  lsq_matrix weight = lsq_matrix_rows(&self->cross, 0, self->h);
  lsq_matrix_copy(&weight, &output->weight);
  memcpy(output->bias, lsq_matrix_row(&self->cross, self->h), self->c * sizeof(double));
  return LSQ_OK;
}

static void assemble_hidden(anmin *self) {
  lsq_hidden_system_assemble(&self->system, &self->net.layers[1].weight, self->rows,
                             self->options->lambda);
}

/* c from the lanes' sums, which are (d+1) x h, into the order of the stacked columns of A. */
static void sum_right(anmin *self) {
  const size_t m = self->d + 1;
  for (size_t j = 0; j < self->h; j++)
    for (size_t p = 0; p < m; p++) {
      double sum = 0;
      for (size_t k = 0; k < self->lanes; k++)
        sum += lsq_matrix_row(&self->lane[k].right, p)[j];
      self->system.right[j * m + p] = sum / (double)self->rows;
    }
}

static void set_hidden(anmin *self) {
  const lsq_layer *hidden = &self->net.layers[0];
  const size_t m = self->d + 1;
  for (size_t j = 0; j < self->h; j++) {
    hidden->bias[j] = self->system.right[j * m];
    for (size_t p = 1; p < m; p++)
      lsq_matrix_row(&hidden->weight, p - 1)[j] = self->system.right[j * m + p];
  }
}

/* "restart": A drawn anew from N(0, 1), as the paper draws its start. */
static void redraw_hidden(anmin *self) {
  const lsq_layer *hidden = &self->net.layers[0];
  for (size_t i = 0; i < self->d; i++)
    for (size_t j = 0; j < self->h; j++)
      lsq_matrix_row(&hidden->weight, i)[j] = lsq_random_normal(self->problem->random);
  for (size_t j = 0; j < self->h; j++)
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
  sum_right(self);
  lsq_status status = lsq_hidden_system_solve_floored(&self->system, EIGENVALUE_FLOOR, error);
  if (status == LSQ_OK)
    set_hidden(self);
  return status;
}

/* Eq. 9, and the answer to a degenerate system (Algorithm 1, lines 7-13). */
static lsq_status solve_hidden(anmin *self, lsq_stop *stop, lsq_error *error) {
  const double to_papers_scale = (double)self->system.order * log((double)self->rows);
  lsq_status status = LSQ_OK;
  if (self->options->condition) {
    assemble_hidden(self);
    status = lsq_hidden_system_condition(&self->system, &self->condition, error);
    if (status != LSQ_OK)
      return status;
  }
  assemble_hidden(self);
  sum_right(self);
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
  const size_t count = self->net.parameter_count;
  double sum = 0;
  for (size_t k = 0; k < self->lanes; k++)
    sum += self->lane[k].squared_error;
  const double objective =
      sum / (double)self->rows + self->options->lambda * squared_norm(self->net.parameters, count);
  if (!isfinite(objective)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return;
  }
  self->loss = sum / (double)self->rows / (double)self->c;
  self->objective = objective;
  memcpy(self->problem->net->parameters, self->net.parameters, count * sizeof(double));
  if (objective < self->best_objective) {
    self->best_objective = objective;
    self->best_loss = self->loss;
    memcpy(self->best, self->net.parameters, count * sizeof(double));
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
    if (advance(self) && (status = solve_output(self, error)) == LSQ_OK)
      begin_pass(self, EVALUATE);
    break;
  case EVALUATE:
    if (advance(self)) {
      complete_iteration(self, progress);
      self->phase = SOLVE;
    }
    break;
  case SOLVE:
    self->iteration++;
    if ((status = solve_hidden(self, &progress->stop, error)) == LSQ_OK)
      begin_pass(self, FIT);
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
