/* Linstorch: every layer of a ReLU net solved by linear regression (Khanov and Akbas). */
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "nn/dense.h"
#include "train/layer_solver.h"
#include "train/trainer.h"

enum { BACKWARD_FIRST, FORWARD_FIRST };
enum { KEEP_LAST, KEEP_BEST };

typedef struct {
  int order, form, keep;
  int64_t solves;
  bool trace;
  double rcond;
} linstorch_options;

static const char *const order_names[] = {"backward_first", "forward_first", NULL};
static const char *const form_names[] = {"affine", "paper", NULL};
static const char *const keep_names[] = {"last", "best", NULL};

static const lsq_option linstorch_table[] = {
    {.name = "order",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(linstorch_options, order),
     .standard = BACKWARD_FIRST,
     .choices = order_names,
     .text = "a solve goes from the last layer to the first and back, or the other way"},
    {.name = "solves",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(linstorch_options, solves),
     .standard = 1,
     .minimum = 0,
     .maximum = 1e9,
     .text = "how many times the layers are gone through to and fro"},
    {.name = "form",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(linstorch_options, form),
     .standard = LSQ_AFFINE_BACKWARD,
     .choices = form_names,
     .text = "how targets are taken back: affine, or the paper's homogeneous matrices; they differ "
             "where "
             "a layer is narrower than Y"},
    {.name = "keep",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(linstorch_options, keep),
     .standard = KEEP_LAST,
     .choices = keep_names,
     .text = "the net behind the last layer solve, or the best of all"},
    {.name = "trace",
     .type = LSQ_OPTION_BOOLEAN,
     .offset = offsetof(linstorch_options, trace),
     .text = "report.trace: the mse behind each layer solve"},
    {.name = "rcond",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(linstorch_options, rcond),
     .standard = 0,
     .minimum = 0,
     .maximum = 1,
     .text = "singular values at most this share of the largest count as zero; 0: max(rows, "
             "columns) * 2^-52"},
    {.name = NULL}};

/* All lanes together; with less, fewer draws are solved at a time. */
static const size_t LANES_MEMORY = (size_t)256 << 20;

/* Below this share of its deviation Y is not explained by X at all, but for rounding. */
static const double EXPLAINS_NOTHING = 1e-10;

/* step counts the layer solves done. A lane solves one net at a time on one thread; the first
   one also serves the training that is told step by step. */
typedef struct {
  const lsq_problem *problem;
  linstorch_options options;
  int64_t steps; /* layer solves of one training */
  lsq_layer_data data;
  size_t lanes;
  lsq_layer_solver *lane;
  void *workspace;
  bool explains_nothing; /* the first-layer regression is constant */
  bool started;
  int64_t step;
} linstorch;

static size_t count_lanes(const lsq_problem *problem) {
  lsq_layer_solver probe;
  lsq_arena measure = lsq_arena_measure();
  lsq_layer_solver_place(&probe, &measure, problem->net, &problem->rows);
  const size_t fitting = lsq_size_max(1, LANES_MEMORY / lsq_size_max(1, measure.used));
  return lsq_size_min(fitting, problem->drawing.lanes);
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  linstorch measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const linstorch_options *chosen = options;
  const lsq_network *net = problem->net;
  *self = (linstorch){
      .problem = problem, .options = *chosen, .steps = 2 * (int64_t)net->depth * chosen->solves};
  lsq_layer_data_place(&self->data, arena, net, &problem->rows);
  self->lanes = count_lanes(problem);
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_layer_solver probe;
    lsq_layer_solver_place(self->lane == NULL ? &probe : &self->lane[k], arena, net,
                           &problem->rows);
  }
  self->workspace = lsq_arena_take(arena, lsq_layer_data_workspace(net, &problem->rows), 1);
}

/* Of the columns of m, one value a row, together. */
static double variance(const lsq_rows *rows, const lsq_matrix *m) {
  const double weight = lsq_rows_weight(rows);
  double sum = 0;
  for (size_t j = 0; j < m->cols; j++) {
    double mean = 0;
    for (size_t i = 0; i < m->rows; i++)
      mean += lsq_rows_share(rows, i, weight) * lsq_matrix_row(m, i)[j];
    for (size_t i = 0; i < m->rows; i++) {
      const double deviation = lsq_matrix_row(m, i)[j] - mean;
      sum += lsq_rows_share(rows, i, weight) * deviation * deviation;
    }
  }
  return sum;
}

/* Whether linear regression predicts a constant: then so will the net. */
static bool explains_nothing(const linstorch *self) {
  const lsq_rows *rows = &self->problem->rows;
  const lsq_matrix *x = rows->x, *y = rows->y;
  const lsq_matrix *first = &self->data.first, output = self->lane[0].output;
  const lsq_matrix weight = {first->data, x->cols, y->cols, first->stride};
  lsq_dense_forward(x, &weight, NULL, &output);
  const double whole = variance(rows, y);
  return isfinite(whole) && variance(rows, &output) <= EXPLAINS_NOTHING * EXPLAINS_NOTHING * whole;
}

static lsq_status prepare(void *memory, lsq_error *error) {
  linstorch *self = memory;
  const lsq_status status = lsq_layer_data_start(&self->data, self->problem->net,
                                                 self->options.rcond, self->workspace, error);
  if (status != LSQ_OK)
    return status;
  for (size_t k = 0; k < self->lanes; k++)
    lsq_layer_solver_start(&self->lane[k], &self->data);
  self->explains_nothing = explains_nothing(self);
  return LSQ_OK;
}

static lsq_status start(void *memory, lsq_error *error) {
  linstorch *self = memory;
  const lsq_problem *problem = self->problem;
  (void)error;
  memcpy(self->lane[0].net.parameters, problem->net->parameters,
         problem->net->parameter_count * sizeof(double));
  lsq_layer_solver_reset(&self->lane[0]);
  self->started = false;
  self->step = 0;
  return LSQ_OK;
}

/* The layer, from 0, that layer solve `step`, from 0, is about (Algorithm 4). */
static size_t layer_of(const linstorch *self, int64_t step) {
  const size_t depth = self->problem->net->depth;
  const size_t place = (size_t)(step % (2 * (int64_t)depth));
  const size_t up = place < depth ? place : 2 * depth - 1 - place;
  return self->options.order == FORWARD_FIRST ? up : depth - 1 - up;
}

/* One layer solve. The same layer again is the same regression again: its weights do not enter
   it. */
static lsq_status solve_step(const linstorch *self, lsq_layer_solver *lane, int64_t step,
                             lsq_error *error) {
  const size_t layer = layer_of(self, step);
  if (step > 0 && layer_of(self, step - 1) == layer)
    return LSQ_OK;
  return lsq_layer_solver_solve(lane, layer, (lsq_backward)self->options.form, error);
}

static void complete_step(linstorch *self, lsq_progress *progress) {
  const lsq_network *net = self->problem->net;
  const size_t bytes = net->parameter_count * sizeof(double);
  const double loss = lsq_layer_solver_loss(&self->lane[0]);
  if (!isfinite(loss)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return;
  }
  memcpy(net->parameters, self->lane[0].net.parameters, bytes);
  progress->iteration_done = true;
  progress->iteration = (size_t)self->step;
  progress->loss = progress->score = loss;
  progress->measures[0] = self->step == 0 ? NAN : (double)layer_of(self, self->step - 1) + 1;
  progress->midway = self->options.keep == KEEP_LAST && self->step < self->steps;
  if (self->step == self->steps)
    progress->stop = LSQ_STOPPED_ITERATIONS;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  linstorch *self = memory;
  if (self->started) {
    const lsq_status status = solve_step(self, &self->lane[0], self->step, error);
    if (status == LSQ_INTERNAL)
      return status;
    if (status != LSQ_OK) {
      progress->stop = LSQ_STOPPED_DIVERGED;
      return LSQ_OK;
    }
    self->step++;
  }
  self->started = true;
  complete_step(self, progress);
  return LSQ_OK;
}

/* What `finish` would call the score of a training from this draw; infinite when it diverges. */
static double score_draw(const linstorch *self, lsq_layer_solver *lane, lsq_random random) {
  const bool keep_best = self->options.keep == KEEP_BEST;
  double score = HUGE_VAL, loss;
  lsq_error error;
  lsq_network_initialise(&lane->net, self->problem->drawing.init, &random);
  lsq_layer_solver_reset(lane);
  for (int64_t s = 0; s <= self->steps; s++) {
    if (s > 0 && solve_step(self, lane, s - 1, &error) != LSQ_OK)
      return score;
    if (!keep_best && s < self->steps)
      continue;
    loss = lsq_layer_solver_loss(lane);
    if (!isfinite(loss))
      return score;
    score = fmin(score, loss);
  }
  return score;
}

static void score(void *memory, const lsq_random *generators, size_t count, double *scores) {
  linstorch *self = memory;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)self->lanes) if (count > 1)
  for (size_t k = 0; k < count; k++)
    scores[k] = score_draw(self, &self->lane[lsq_thread_number()], generators[k]);
}

static void warn_of_rows(const linstorch *self, lsq_result *result) {
  const lsq_network *net = self->problem->net;
  const size_t rows = lsq_rows_counted(&self->problem->rows);
  for (size_t k = 0; k < net->depth; k++) {
    const size_t unknowns = net->layers[k].weight.rows + (net->layers[k].bias != NULL);
    if (rows > unknowns)
      continue;
    lsq_warn(result,
             "layer %zu has %zu unknowns per unit for %zu rows: it fits the training data whatever "
             "they are",
             k + 1, unknowns, rows);
    return;
  }
}

static void warn_of_widths(const linstorch *self, lsq_result *result) {
  const lsq_network *net = self->problem->net;
  for (size_t k = 0; k + 1 < net->depth; k++) {
    const size_t width = net->layers[k].weight.cols, outputs = lsq_network_outputs(net);
    if (width >= outputs)
      continue;
    lsq_warn(result,
             "layer %zu has %zu units for %zu outputs: the net may be worse than linear "
             "regression, and the two forms differ",
             k + 1, width, outputs);
    return;
  }
}

static void finish(void *memory, lsq_result *result) {
  const linstorch *self = memory;
  const lsq_network *net = self->problem->net;
  result->keep_last = self->options.keep == KEEP_LAST;
  warn_of_rows(self, result);
  warn_of_widths(self, result);
  if (self->explains_nothing && net->depth > 1)
    lsq_warn(result, "the linear regression of Y on X is constant, and so is the net: it depends "
                     "on X through that alone");
}

static const lsq_draw_hooks draws = {.prepare = prepare, .score = score};
static const char *const measures[] = {"layer", NULL};
static const char *const relu[] = {"relu", NULL};
static const char *const output_activations[] = {"identity", "relu", NULL};
static const char *const losses[] = {"mse", NULL};

/***
@submodule lsqnet
*/

/*** Linstorch: solves every layer of a ReLU net by linear regression, the ReLUs behind it ignored.
Khanov and Akbas, "Approximating Dense ReLU Networks Using Linear Regression", Algorithms 1 to 4.
The net that results depends on X through the linear regression of Y on X alone.
@function linstorch
@tparam network net relu, of any depth, mse, identity or relu output (the latter is ignored while
targets are taken back); changed in place
@tparam matrix X N x inputs
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones: `order="backward_first"` or "forward_first";
`solves=1`; `form="affine"` or "paper" (homogeneous matrices); `keep="last"` or "best";
`trace=false`; `rcond=0` (0: max(rows, columns) * 2^-52); `restarts` are solved on all cores unless
somebody watches them (`on_iteration`, `verbose`, `validation`); `target_loss` is held against
finished nets
@treturn[1] table report; one history entry a layer solve, with the `layer`; with `trace=true`,
`trace`, the list of the mse behind each layer solve
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise when the net is of another kind, shapes do not match or an option is wrong
*/
const lsq_trainer lsq_linstorch = {
    .name = "linstorch",
    .text = "every layer of a ReLU net by linear regression",
    .options_size = sizeof(linstorch_options),
    .options = linstorch_table,
    .measures = measures,
    .restarts = LSQ_DRAWS,
    .accepts = {.activations = relu, .output_activations = output_activations, .losses = losses},
    .takes = LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT | LSQ_TAKES_LOSS,
    .place = place,
    .start = start,
    .step = step,
    .finish = finish,
    .draws = &draws};
