#include "train/triangle.h"

#include <string.h>

#include "base/threads.h"
#include "linalg/linalg.h"
#include "nn/fold.h"
#include "nn/forward.h"
#include "train/descent.h"

typedef enum { AUTO, ADDED, SUBTRACTED } sign_choice;
typedef enum { ADAM, LEAST_SQUARES, NONE } pretrain_choice;

static const char *const signs[] = {"auto", "added", "subtracted", NULL};
static const char *const pretrains[] = {"adam", "least_squares", "none", NULL};
const char *const lsq_triangle_finishes[] = {"adam", "lbfgs", "gauss_newton", "none", NULL};
static const char *const finish_weights[] = {"dense", "block_diagonal", NULL};

const lsq_trainer *lsq_triangle_finish(int choice) {
  return lsq_trainer_named(lsq_triangle_finishes[choice]);
}

typedef struct {
  int sign, pretrain, finish, finish_weights;
  int64_t epochs;
  double learning_rate, clamp;
  bool scale;
} triangle_options;

static const lsq_option option_table[] = {
    {.name = "sign",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(triangle_options, sign),
     .standard = AUTO,
     .choices = signs,
     .text = "whether the waves are added (concave curves) or subtracted (convex ones); auto: by "
             "the sign "
             "of mean(y - x) of the scaled data"},
    {.name = "pretrain",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(triangle_options, pretrain),
     .standard = ADAM,
     .choices = pretrains,
     .text = "how the peaks are trained; least_squares: bounded Levenberg-Marquardt"},
    {.name = "epochs",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(triangle_options, epochs),
     .standard = 1000,
     .minimum = 0,
     .maximum = 1e9,
     .text = "of the pretraining, and of finish=\"adam\" unless finish_options say otherwise"},
    {.name = "learning_rate",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(triangle_options, learning_rate),
     .standard = 1e-3,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text =
         "of Adam in the pretraining, and of finish=\"adam\" unless finish_options say otherwise"},
    {.name = "clamp",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(triangle_options, clamp),
     .standard = 0.02,
     .minimum = 1e-6,
     .maximum = 0.49,
     .text = "peaks are kept within [clamp, 1 - clamp]"},
    {.name = "scale",
     .type = LSQ_OPTION_BOOLEAN,
     .offset = offsetof(triangle_options, scale),
     .standard = 1,
     .text =
         "scale X to [0, 1] and Y to 0 and 1 at its ends while training, then fold that into the "
         "network; of no effect on blocks"},
    {.name = "finish",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(triangle_options, finish),
     .choices = lsq_triangle_finishes,
     .text = "the trainer of the raw weights of the equal dense net"},
    {.name = "finish_options",
     .type = LSQ_OPTION_VALUE,
     .text = "table: that trainer's own options"},
    {.name = "finish_weights",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(triangle_options, finish_weights),
     .choices = finish_weights,
     .text = "which raw weights are trained: all, or of blocks only those within a block"},
    {.name = NULL}};

/* The bounded Levenberg-Marquardt of the peaks. */
static const double FIRST_DAMPING = 1e-3, MOST_DAMPING = 1e15, LEAST_DECREASE = 1e-13;

typedef enum { UNSTARTED, FIRST_LOSS, PRETRAIN, START_FINISH, FINISH } training_phase;

typedef struct {
  const lsq_problem *problem;
  const triangle_options *options;
  lsq_triangle_model *model;
  double *parameters; /* of the model */
  size_t count;
  training_phase phase;
  lsq_matrix x, y;        /* the data, scaled where the options say so */
  double place[4];        /* x = place[0] + place[1] scaled x; the same of y */
  size_t iteration;       /* completed */
  double loss, best_loss; /* scaled */
  double *best, *gradient, *moments, *trial;
  lsq_matrix normal, factor; /* of least_squares */
  double *step;
  double damping;
  void *workspace;        /* of the model */
  lsq_forward_work *work; /* of the dense net's loss */
  lsq_network net;        /* of the second phase, for scaled data */
  lsq_problem finish_problem;
  void *finish_memory;
  bool told_of_finish; /* an iteration of the second phase */
} triangle_training;

static size_t model_count(const lsq_triangle_model *model) {
  return model->triangle != NULL ? model->triangle->parameter_count
                                 : model->blocks->parameter_count;
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *memory) {
  const triangle_options *options = memory;
  triangle_training measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  lsq_triangle_model *model = (lsq_triangle_model *)problem->model;
  const size_t rows = problem->rows.x->rows, count = model_count(model);
  const size_t square = options->pretrain == LEAST_SQUARES ? count : 0;
  *self =
      (triangle_training){.problem = problem, .options = options, .model = model, .count = count};
  self->parameters =
      model->triangle != NULL ? model->triangle->parameters : model->blocks->parameters;
  self->x = lsq_arena_matrix(arena, rows, problem->rows.x->cols);
  self->y = lsq_arena_matrix(arena, rows, problem->rows.y->cols);
  self->best = lsq_arena_doubles(arena, count);
  self->gradient = lsq_arena_doubles(arena, count);
  self->moments = lsq_arena_doubles(arena, 2 * count);
  self->trial = lsq_arena_doubles(arena, count);
  self->step = lsq_arena_doubles(arena, count);
  self->normal = lsq_arena_matrix(arena, square, square);
  self->factor = lsq_arena_matrix(arena, square, square);
  if (model->blocks != NULL)
    self->workspace = lsq_arena_take(arena, lsq_triangle_blocks_workspace(model->blocks, rows), 1);
  self->work = lsq_forward_take(arena, problem->net, &problem->rows, (size_t)lsq_threads());
  lsq_network_place_like(&self->net, arena, problem->net);
  if (model->finish == NULL)
    return;
  self->finish_problem = *problem;
  self->finish_problem.rows = problem->rows;
  self->finish_problem.rows.x = &self->x;
  self->finish_problem.rows.y = &self->y;
  self->finish_problem.mask = model->mask;
  self->finish_problem.learning_rates = NULL;
  lsq_arena measure = lsq_arena_measure();
  model->finish->place(&measure, &self->finish_problem, model->finish_options);
  self->finish_memory = lsq_arena_take(arena, measure.used, 1);
}

static lsq_status check(const lsq_problem *problem, const void *memory, lsq_error *error) {
  const triangle_options *options = memory;
  const lsq_triangle_model *model = (const lsq_triangle_model *)problem->model;
  if (model->blocks != NULL && options->sign != AUTO)
    return lsq_fail(error, LSQ_MISUSE, "option 'sign': blocks have theirs from their construction");
  if (model->blocks != NULL && options->pretrain == LEAST_SQUARES)
    return lsq_fail(error, LSQ_MISUSE,
                    "option 'pretrain': \"least_squares\" is for a single triangle network");
  if (model->triangle != NULL && model->triangle->free_scales && options->pretrain == LEAST_SQUARES)
    return lsq_fail(error, LSQ_MISUSE,
                    "option 'pretrain': \"least_squares\" needs enforced scales");
  if (model->triangle != NULL && options->finish_weights != 0)
    return lsq_fail(error, LSQ_MISUSE,
                    "option 'finish_weights': \"block_diagonal\" is for a network of blocks");
  if (model->finish == NULL)
    return LSQ_OK;
  const lsq_status status = lsq_trainer_accepts(model->finish, problem->net, error);
  if (status != LSQ_OK || model->finish->check == NULL)
    return status;
  return model->finish->check(problem, model->finish_options, error);
}

/* --- start: scaling, sign, fresh peaks ----------------------------------------------------- */

/* The first row that counts. */
static size_t first_row(const lsq_rows *rows) {
  size_t i = 0;
  while (rows->weights != NULL && rows->weights[i] == 0)
    i++;
  return i;
}

/* Fills `place` from the ends of X among the rows that count; false where they have no two ends. */
static bool find_scaling(triangle_training *self) {
  const lsq_matrix *x = self->problem->rows.x, *y = self->problem->rows.y;
  const double *weights = self->problem->rows.weights;
  size_t low = first_row(&self->problem->rows), high = low;
  for (size_t i = low + 1; i < x->rows; i++) {
    if (weights != NULL && weights[i] == 0)
      continue;
    if (*lsq_matrix_row(x, i) < *lsq_matrix_row(x, low))
      low = i;
    if (*lsq_matrix_row(x, i) > *lsq_matrix_row(x, high))
      high = i;
  }
  self->place[0] = *lsq_matrix_row(x, low);
  self->place[1] = *lsq_matrix_row(x, high) - self->place[0];
  self->place[2] = *lsq_matrix_row(y, low);
  self->place[3] = *lsq_matrix_row(y, high) - self->place[2];
  for (int k = 0; k < 4; k++)
    if (!isfinite(self->place[k]) || (k % 2 == 1 && !isfinite(1 / self->place[k])))
      return false;
  return true;
}

static void scale_data(triangle_training *self) {
  const lsq_problem *p = self->problem;
  lsq_matrix_copy(p->rows.x, &self->x);
  lsq_matrix_copy(p->rows.y, &self->y);
  if (self->model->blocks != NULL)
    return;
  for (size_t i = 0; i < self->x.rows; i++) {
    self->x.data[i] = (self->x.data[i] - self->place[0]) / self->place[1];
    self->y.data[i] = (self->y.data[i] - self->place[2]) / self->place[3];
  }
}

static bool choose_subtracted(const triangle_training *self) {
  const double *weights = self->problem->rows.weights;
  double sum = 0;
  if (self->options->sign != AUTO)
    return self->options->sign == SUBTRACTED;
  for (size_t i = 0; i < self->x.rows; i++)
    sum += (weights == NULL ? 1 : weights[i]) * (self->y.data[i] - self->x.data[i]);
  return !(sum > 0);
}

static void clamp_peaks(const triangle_training *self, double *parameters) {
  const double low = self->options->clamp, high = 1 - low;
  const lsq_triangle_blocks *blocks = self->model->blocks;
  if (blocks == NULL) {
    for (size_t i = 0; i <= self->model->triangle->depth; i++)
      parameters[i] = fmin(fmax(parameters[i], low), high);
    return;
  }
  for (size_t l = 0; l < blocks->layers; l++) {
    const lsq_matrix *peaks = &blocks->layer[l].peaks;
    double *values = parameters + (peaks->data - blocks->parameters);
    for (size_t i = 0; i < peaks->rows * peaks->cols; i++)
      values[i] = fmin(fmax(values[i], low), high);
  }
}

static void prepare_model(triangle_training *self) {
  const lsq_triangle_model *model = self->model;
  const bool fresh = model->is_fresh;
  if (model->blocks != NULL) {
    model->blocks->loss = self->problem->net->loss;
    if (fresh)
      lsq_triangle_blocks_draw(model->blocks, &self->x, self->problem->rows.weights,
                               self->problem->drawing.random, self->workspace);
    return;
  }
  lsq_triangle *triangle = model->triangle;
  const bool subtracted = choose_subtracted(self);
  if (triangle->free_scales && subtracted != triangle->subtracted)
    lsq_triangle_enforced(triangle->depth, subtracted, triangle->parameters,
                          triangle->parameters + triangle->depth + 1);
  triangle->subtracted = subtracted;
  if (fresh)
    lsq_triangle_draw(triangle, self->problem->drawing.random);
}

/* The dense net of the model, for scaled data. */
static void set_weights(const triangle_training *self, lsq_network *net) {
  if (self->model->triangle != NULL)
    lsq_triangle_set_weights(self->model->triangle, net);
  else
    lsq_triangle_blocks_set_weights(self->model->blocks, net);
}

/* The problem's net becomes the current iterate, for the data as they are. */
static void publish(const triangle_training *self) {
  lsq_network *net = self->problem->net;
  double values[4];
  if (self->phase == FINISH)
    memcpy(net->parameters, self->net.parameters, net->parameter_count * sizeof(double));
  else
    set_weights(self, net);
  if (self->model->blocks != NULL || !self->options->scale)
    return;
  memcpy(values, self->place, sizeof values);
  const lsq_matrix mean_x = lsq_matrix_over(&values[0], 1, 1);
  const lsq_matrix scale_x = lsq_matrix_over(&values[1], 1, 1);
  const lsq_matrix mean_y = lsq_matrix_over(&values[2], 1, 1);
  const lsq_matrix scale_y = lsq_matrix_over(&values[3], 1, 1);
  lsq_network_fold_inputs(net, &(lsq_scaling){&mean_x, &scale_x});
  lsq_network_fold_outputs(net, &(lsq_scaling){&mean_y, &scale_y});
}

static lsq_status start(void *memory, lsq_error *error) {
  triangle_training *self = memory;
  const double unit[4] = {0, 1, 0, 1};
  memcpy(self->place, unit, sizeof unit);
  if (self->options->scale && self->model->blocks == NULL && !find_scaling(self))
    return lsq_fail(error, LSQ_SINGULAR,
                    "the data cannot be scaled: X is constant, or Y is the same at both ends of X");
  scale_data(self);
  prepare_model(self);
  clamp_peaks(self, self->parameters);
  memset(self->moments, 0, 2 * self->count * sizeof(double));
  self->best_loss = HUGE_VAL;
  self->damping = FIRST_DAMPING;
  self->phase = FIRST_LOSS;
  publish(self);
  return LSQ_OK;
}

/* --- the first phase ----------------------------------------------------------------------- */

static double model_gradient(triangle_training *self, double *gradient) {
  const double *weights = self->problem->rows.weights;
  if (self->model->triangle != NULL)
    return lsq_triangle_gradient(self->model->triangle, &self->x, &self->y, weights, gradient);
  return lsq_triangle_blocks_gradient(self->model->blocks, &self->x, &self->y, weights, gradient,
                                      self->workspace);
}

static void report(triangle_training *self, double loss, double phase, lsq_progress *progress) {
  progress->iteration_done = true;
  progress->iteration = self->iteration;
  progress->loss = loss * self->place[3] * self->place[3];
  progress->measures[0] = phase;
  publish(self);
}

/* The next phase, or the end where there is none. */
static void end_pretraining(triangle_training *self, lsq_stop stop, lsq_progress *progress) {
  if (self->model->finish == NULL)
    progress->stop = stop;
  else
    self->phase = START_FINISH;
}

static void diverge(triangle_training *self, lsq_progress *progress) {
  progress->stop = LSQ_STOPPED_DIVERGED;
  if (self->best_loss < HUGE_VAL)
    memcpy(self->parameters, self->best, self->count * sizeof(double));
  publish(self);
}

static void remember(triangle_training *self) {
  if (!(self->loss < self->best_loss))
    return;
  self->best_loss = self->loss;
  memcpy(self->best, self->parameters, self->count * sizeof(double));
}

static void first_loss(triangle_training *self, lsq_progress *progress) {
  self->loss = model_gradient(self, NULL);
  if (!isfinite(self->loss)) {
    diverge(self, progress);
    return;
  }
  remember(self);
  report(self, self->loss, 1, progress);
  self->phase = PRETRAIN;
  if (self->options->pretrain == NONE || self->options->epochs == 0)
    end_pretraining(self, LSQ_STOPPED_ITERATIONS, progress);
}

/* The loss of the history is the epoch's as it was seen, before its update. */
static void descend(triangle_training *self, lsq_progress *progress) {
  self->loss = model_gradient(self, self->gradient);
  if (!isfinite(self->loss)) {
    diverge(self, progress);
    return;
  }
  remember(self);
  self->iteration++;
  const lsq_descent_update update = {.parameters = self->parameters,
                                     .gradient = self->gradient,
                                     .moments = self->moments,
                                     .count = self->count,
                                     .step = (double)self->iteration,
                                     .learning_rate = self->options->learning_rate};
  lsq_adam_update(&update);
  clamp_peaks(self, self->parameters);
  report(self, self->loss, 1, progress);
}

/* Whether peak i sits at a bound that descent would push it through. */
static bool is_held(const triangle_training *self, size_t i) {
  const double a = self->parameters[i], low = self->options->clamp;
  return (a <= low && self->gradient[i] > 0) || (a >= 1 - low && self->gradient[i] < 0);
}

/* factor <- the damped normal matrix, held peaks taken out; step <- minus their gradient. */
static void damp(triangle_training *self) {
  double largest = 0;
  for (size_t i = 0; i < self->count; i++)
    largest = fmax(largest, lsq_matrix_row(&self->normal, i)[i]);
  lsq_matrix_copy(&self->normal, &self->factor);
  for (size_t i = 0; i < self->count; i++) {
    double *row = lsq_matrix_row(&self->factor, i);
    row[i] += self->damping * (row[i] + 1e-9 * largest);
    self->step[i] = -self->gradient[i];
    if (!is_held(self, i))
      continue;
    for (size_t j = 0; j < self->count; j++)
      row[j] = lsq_matrix_row(&self->factor, j)[i] = j == i ? 1 : 0;
    self->step[i] = 0;
  }
}

/* One trial of the bounded Levenberg-Marquardt: a damped step, cut at the bounds. */
static lsq_status solve_peaks(triangle_training *self, lsq_progress *progress, lsq_error *error) {
  const size_t bytes = self->count * sizeof(double);
  lsq_matrix step = lsq_matrix_over(self->step, self->count, 1);
  lsq_matrix_fill(&self->normal, 0);
  memset(self->gradient, 0, bytes);
  lsq_triangle_normal(self->model->triangle, &self->x, &self->y, self->problem->rows.weights,
                      &self->normal, self->gradient);
  damp(self);
  lsq_status status = lsq_cholesky(&self->factor, error);
  if (status != LSQ_OK && status != LSQ_NOT_POSITIVE_DEFINITE)
    return status;
  memcpy(self->trial, self->parameters, bytes);
  if (status == LSQ_OK) {
    lsq_cholesky_solve(&self->factor, &step);
    for (size_t i = 0; i < self->count; i++)
      self->parameters[i] += self->step[i];
    clamp_peaks(self, self->parameters);
  }
  const double before = self->loss, loss = model_gradient(self, NULL);
  self->iteration++;
  if (status == LSQ_OK && loss < before) {
    self->loss = loss;
    self->damping /= 3;
  } else {
    memcpy(self->parameters, self->trial, bytes);
    self->damping *= 4;
  }
  remember(self);
  report(self, self->loss, 1, progress);
  const bool settled = self->loss < before && before - self->loss <= LEAST_DECREASE * before;
  if (settled || self->damping > MOST_DAMPING)
    end_pretraining(self, LSQ_STOPPED_TOLERANCE, progress);
  return LSQ_OK;
}

/* --- the second phase ---------------------------------------------------------------------- */

static lsq_status start_finish(triangle_training *self, lsq_error *error) {
  const lsq_triangle_model *model = self->model;
  self->net.loss = self->problem->net->loss;
  set_weights(self, &self->net);
  self->finish_problem.net = &self->net;
  self->phase = FINISH;
  lsq_arena arena = lsq_arena_over(self->finish_memory);
  model->finish->place(&arena, &self->finish_problem, model->finish_options);
  return model->finish->start(self->finish_memory, error);
}

/* Its iteration 0 is the last one of the first phase. */
static lsq_status step_finish(triangle_training *self, lsq_progress *progress, lsq_error *error) {
  const lsq_status status = self->model->finish->step(self->finish_memory, progress, error);
  if (status != LSQ_OK || !progress->iteration_done)
    return status;
  for (int k = 0; k < LSQ_MEASURES; k++)
    progress->measures[k] = NAN;
  progress->iteration_done = progress->iteration > 0;
  if (!progress->iteration_done)
    return LSQ_OK;
  self->told_of_finish = true;
  self->iteration++;
  report(self, progress->loss, 2, progress);
  return LSQ_OK;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  triangle_training *self = memory;
  lsq_status status = LSQ_OK;
  switch (self->phase) {
  case UNSTARTED:
    break;
  case FIRST_LOSS:
    first_loss(self, progress);
    break;
  case PRETRAIN:
    if (self->options->pretrain == ADAM)
      descend(self, progress);
    else
      status = solve_peaks(self, progress, error);
    if (self->phase == PRETRAIN && progress->stop == LSQ_RUNNING &&
        self->iteration == lsq_size_of(self->options->epochs))
      end_pretraining(self, LSQ_STOPPED_ITERATIONS, progress);
    break;
  case START_FINISH:
    status = start_finish(self, error);
    break;
  case FINISH:
    status = step_finish(self, progress, error);
    break;
  }
  return status;
}

/* Its second phase chooses by its own trainer's rules among the nets of scaled data. */
static void finish(void *memory, lsq_result *result) {
  triangle_training *self = memory;
  const lsq_problem *p = self->problem;
  if (self->phase == UNSTARTED)
    return;
  if (self->phase == FINISH) {
    self->model->finish->finish(self->finish_memory, result);
    if (isnan(result->score) && self->told_of_finish)
      return;
  }
  publish(self);
  result->loss = lsq_network_loss(p->net, &p->rows, self->work);
  result->score = result->loss;
}

static const char *const measures[] = {"phase", NULL};

/***
@submodule lsqnet
*/

/*** Triangle pretraining: trains the peaks of a triangle network, which keeps its 2^d linear
pieces, and then the raw weights of the equal dense net, which is what gets accurate. *Compelling
ReLU Networks to Exhibit Exponentially Many Linear Regions at Initialization and During Training*,
A.1 (anonymous, under review).

For curves of one variable: X is scaled to [0, 1], Y to 0 and 1 at the ends of X, and the scaling
is folded into the first and the last layer of the result. The pretraining can only fit curves that
are flat at one end; the second phase goes on from there. Of blocks (`lsqnet.triangle.blocks`) the
data stay as they are.

The least-squares pretraining is a Levenberg-Marquardt iteration on the d + 1 peaks, bounded by
`clamp`: some milliseconds. `finish="gauss_newton"` is by far the most accurate; give that its time
after the paper's two phases: train, then `lsqnet.gauss_newton(report.network, X, Y)`.
@function triangle
@tparam triangle net changed in place: its peaks (and scales, or blocks) get those the pretraining
ended with, its sign the one chosen
@tparam matrix X N x inputs
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones (of which `init`, `loss`, `mask` and `state` are
not for it; fresh draws of `restarts` have peaks uniform in [0.2, 0.8)):
`sign="auto"`: by the sign of mean(y - x) of the scaled data; or "added", "subtracted";
`pretrain="adam"`, "least_squares" or "none"; `epochs=1000` and `learning_rate=1e-3` of it;
`clamp=0.02`: peaks stay within [clamp, 1 - clamp];
`scale=true`: whether the data are scaled;
`finish="adam"` (full batches, `epochs` and `learning_rate` as above), "lbfgs" (1000 iterations),
"gauss_newton" (200 iterations) or "none"; `finish_options`: a table of that trainer's own options;
`finish_weights="dense"`, or "block_diagonal": of blocks, the second phase leaves out weights
between two blocks
@treturn[1] table report; `network` is the finished dense net; the history adds `phase` (1 or 2).
The history's loss is that of the data as given; with Adam that of each epoch before its update
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", or "singular": X is constant, or Y the same at both ends of X
@raise when net is no triangle network, shapes do not match or an option is wrong
*/
const lsq_trainer lsq_triangle_trainer = {.name = "triangle",
                                          .text = "triangle pretraining of 2^d linear pieces",
                                          .options_size = sizeof(triangle_options),
                                          .options = option_table,
                                          .measures = measures,
                                          .restarts = LSQ_TRAININGS,
                                          .takes = LSQ_TAKES_WEIGHTS,
                                          .check = check,
                                          .place = place,
                                          .start = start,
                                          .step = step,
                                          .finish = finish};
