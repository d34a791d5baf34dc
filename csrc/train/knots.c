/* Nets whose hidden units look along the linear regression, as Linstorch's do, with the knots
   placed by hand instead of by chance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/dense.h"
#include "train/layer_solver.h"
#include "train/one_knot.h"
#include "train/trainer.h"

typedef struct {
  double noise;
} spread_options;

typedef struct {
  int64_t knots;
} search_options;

static const lsq_option spread_table[] = {
    {.name = "noise",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(spread_options, noise),
     .standard = 0,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "deviation of a random direction added to each unit, as a share of the regression's"},
    {.name = NULL}};

static const lsq_option search_table[] = {
    {.name = "knots",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(search_options, knots),
     .standard = 256,
     .minimum = 1,
     .maximum = 1e9,
     .text = "quantiles of the regression's prediction that are tried before the best are refined"},
    {.name = NULL}};

/* One column of the regression's prediction: (prediction - mean) / deviation, in ascending
   order of it; a deviation of 0 stands for a constant. */
typedef struct {
  double mean, deviation;
} scaling;

typedef struct {
  const lsq_problem *problem;
  const void *options;
  bool searches; /* knot_search, else spread_net */
  lsq_layer_data data;
  lsq_layer_solver solver;
  void *workspace;
  lsq_matrix prediction;  /* rows x p: U */
  scaling *scalings;      /* p */
  lsq_knot_point *points; /* one column of U, standardised, with Y; in ascending order */
  size_t count;           /* of them: rows that have a weight */
  lsq_one_knot search;
  lsq_matrix direction, along; /* d x 1 and rows x 1: of the noise */
  int64_t iteration;
  double knot;
} knots;

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options,
                  bool searches) {
  knots measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const size_t rows = problem->rows.x->rows, outputs = problem->rows.y->cols;
  *self = (knots){.problem = problem, .options = options, .searches = searches};
  lsq_layer_data_place(&self->data, arena, problem->net, &problem->rows);
  lsq_layer_solver_place(&self->solver, arena, problem->net, &problem->rows);
  self->workspace =
      lsq_arena_take(arena, lsq_layer_data_workspace(problem->net, &problem->rows), 1);
  self->prediction = lsq_arena_matrix(arena, rows, outputs);
  self->scalings = lsq_arena_take(arena, outputs, sizeof *self->scalings);
  self->points = lsq_arena_take(arena, rows, sizeof *self->points);
  lsq_one_knot_place(&self->search, arena, searches ? rows : 0);
  self->direction = lsq_arena_matrix(arena, problem->rows.x->cols, 1);
  self->along = lsq_arena_matrix(arena, rows, 1);
}

static void place_spread(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  place(arena, problem, options, false);
}

static void place_search(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  place(arena, problem, options, true);
}

static lsq_status check_search(const lsq_problem *problem, const void *options, lsq_error *error) {
  const size_t outputs = lsq_network_outputs(problem->net);
  (void)options;
  if (outputs == 1)
    return LSQ_OK;
  return lsq_fail(error, LSQ_MISUSE, "knot_search makes a net with one output, this has %zu",
                  outputs);
}

/* Of a column of m, one value for each of the rows. */
static scaling scaling_of(const lsq_rows *rows, const lsq_matrix *m, size_t column) {
  const double weight = lsq_rows_weight(rows);
  scaling s = {0, 0};
  double square = 0, largest = 0;
  for (size_t i = 0; i < m->rows; i++)
    s.mean += lsq_rows_share(rows, i, weight) * lsq_matrix_row(m, i)[column];
  for (size_t i = 0; i < m->rows; i++) {
    const double share = lsq_rows_share(rows, i, weight);
    const double value = lsq_matrix_row(m, i)[column], deviation = value - s.mean;
    if (share == 0)
      continue;
    square += share * deviation * deviation;
    largest = fmax(largest, fabs(value));
  }
  s.deviation = sqrt(square);
  if (s.deviation <= (double)m->rows * 0x1p-52 * largest) /* a constant, but for rounding */
    s.deviation = 0;
  return s;
}

/* The first regression of two: U, and how each column is scaled. */
static lsq_status start(void *memory, lsq_error *error) {
  knots *self = memory;
  const lsq_problem *problem = self->problem;
  self->knot = NAN;
  const lsq_status status =
      lsq_layer_data_start(&self->data, problem->net, 0, self->workspace, error);
  if (status != LSQ_OK)
    return status;
  lsq_layer_solver_start(&self->solver, &self->data);
  const lsq_matrix *first = &self->data.first;
  const size_t inputs = problem->rows.x->cols;
  const lsq_matrix weight = {first->data, inputs, problem->rows.y->cols, first->stride};
  lsq_dense_forward(problem->rows.x, &weight, lsq_matrix_row(first, inputs), &self->prediction);
  for (size_t q = 0; q < problem->rows.y->cols; q++)
    self->scalings[q] = scaling_of(&problem->rows, &self->prediction, q);
  memcpy(self->solver.net.parameters, problem->net->parameters,
         problem->net->parameter_count * sizeof(double));
  return LSQ_OK;
}

/* Unit j <- sign (U_q - mean - knot * deviation) / deviation, nothing where U_q is constant. */
static void set_unit(const knots *self, size_t unit, size_t q, double sign, double knot) {
  const lsq_layer *hidden = &self->solver.net.layers[0];
  const scaling *s = &self->scalings[q];
  const double factor = s->deviation > 0 ? sign / s->deviation : 0;
  for (size_t i = 0; i < hidden->weight.rows; i++)
    lsq_matrix_row(&hidden->weight, i)[unit] = factor * lsq_matrix_row(&self->data.first, i)[q];
  hidden->bias[unit] =
      factor * (lsq_matrix_row(&self->data.first, hidden->weight.rows)[q] - s->mean) -
      (s->deviation > 0 ? sign * knot : 0);
}

static void load_points(knots *self, size_t q) {
  const scaling *s = &self->scalings[q];
  const lsq_rows *rows = &self->problem->rows;
  self->count = 0;
  for (size_t i = 0; i < self->prediction.rows; i++) {
    const double u = lsq_matrix_row(&self->prediction, i)[q], weight = lsq_rows_share(rows, i, 1);
    if (weight > 0)
      self->points[self->count++] =
          (lsq_knot_point){.u = s->deviation > 0 ? (u - s->mean) / s->deviation : 0,
                           .y = lsq_matrix_row(rows->y, i)[q],
                           .weight = weight};
  }
  lsq_knot_points_sort(self->points, self->count);
}

/* Turns unit j a little: adds a random direction along which X has mean 0 and deviation
   `noise`. */
static void add_noise(knots *self, size_t unit, double noise) {
  const lsq_layer *hidden = &self->solver.net.layers[0];
  for (size_t i = 0; i < self->direction.rows; i++)
    self->direction.data[i] = lsq_random_normal(self->problem->drawing.random);
  lsq_dense_forward(self->problem->rows.x, &self->direction, NULL, &self->along);
  const scaling s = scaling_of(&self->problem->rows, &self->along, 0);
  if (s.deviation == 0)
    return;
  for (size_t i = 0; i < self->direction.rows; i++)
    lsq_matrix_row(&hidden->weight, i)[unit] += noise / s.deviation * self->direction.data[i];
  hidden->bias[unit] -= noise / s.deviation * s.mean;
}

/* Unit j looks along output j mod p, the knots of each output at its quantiles from 0 on: the
   first unit is linear. A row of weight k counts as k rows. */
static void spread(knots *self) {
  const double noise = ((const spread_options *)self->options)->noise;
  const double weight = lsq_rows_weight(&self->problem->rows);
  const size_t outputs = self->prediction.cols;
  const size_t units = self->solver.net.layers[0].weight.cols;
  for (size_t q = 0; q < lsq_size_min(outputs, units); q++) {
    const size_t count = (units - q + outputs - 1) / outputs;
    size_t at = 0;
    double end; /* of the weight up to that point */
    load_points(self, q);
    end = self->points[0].weight;
    for (size_t place = 0; place < count; place++) {
      const size_t unit = q + place * outputs;
      while (at + 1 < self->count && end <= (double)place * weight / (double)count)
        end += self->points[++at].weight;
      set_unit(self, unit, q, 1, self->points[at].u);
      if (noise > 0)
        add_noise(self, unit, noise);
    }
  }
}

/* All units share the best knot and look to both sides of it; a single one to the better. */
static void search(knots *self) {
  const size_t units = self->solver.net.layers[0].weight.cols;
  const size_t count = (size_t)((const search_options *)self->options)->knots;
  load_points(self, 0);
  lsq_one_knot_start(&self->search, self->points, self->count);
  lsq_knot best;
  if (units > 1) {
    best = lsq_one_knot_find(&self->search, LSQ_BOTH_SIDES, count);
  } else {
    const lsq_knot left = lsq_one_knot_find(&self->search, LSQ_LEFT_SIDE, count);
    best = lsq_one_knot_find(&self->search, LSQ_RIGHT_SIDE, count);
    if (left.error < best.error)
      best = left;
  }
  for (size_t unit = 0; unit < units; unit++)
    set_unit(self, unit, 0,
             best.sides == LSQ_LEFT_SIDE || (best.sides == LSQ_BOTH_SIDES && unit % 2 == 1) ? -1
                                                                                            : 1,
             best.place);
  self->knot = self->scalings[0].mean + self->scalings[0].deviation * best.place;
}

static lsq_status make(knots *self, lsq_error *error) {
  if (self->searches)
    search(self);
  else
    spread(self);
  lsq_layer_solver_reset(&self->solver);
  return lsq_layer_solver_solve(&self->solver, 1, LSQ_AFFINE_BACKWARD, error);
}

/* Iteration 0 is the net as given, 1 the net made. */
static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  knots *self = memory;
  const lsq_network *net = self->problem->net;
  lsq_status status = LSQ_OK;
  if (self->iteration == 1 && (status = make(self, error)) == LSQ_INTERNAL)
    return status;
  const double loss = lsq_layer_solver_loss(&self->solver);
  if (status != LSQ_OK || !isfinite(loss)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return LSQ_OK;
  }
  memcpy(net->parameters, self->solver.net.parameters, net->parameter_count * sizeof(double));
  progress->iteration_done = true;
  progress->iteration = (size_t)self->iteration;
  progress->loss = progress->score = loss;
  progress->midway = self->iteration == 0;
  if (self->iteration == 1)
    progress->stop = LSQ_STOPPED_ITERATIONS;
  self->iteration++;
  return LSQ_OK;
}

static void finish(void *memory, lsq_result *result) {
  const knots *self = memory;
  result->keep_last = true;
  result->totals[0] = self->knot;
  for (size_t q = 0; q < self->prediction.cols; q++)
    if (self->scalings[q].deviation == 0) {
      lsq_warn(result,
               "the linear regression of column %zu of Y on X is constant: there is no "
               "direction to place knots along",
               q + 1);
      return;
    }
}

static const char *const search_totals[] = {"knot", NULL};
static const char *const relu[] = {"relu", NULL};
static const char *const identity[] = {"identity", NULL};
static const char *const losses[] = {"mse", NULL};

#define KNOTS                                                                                      \
  .restarts = LSQ_TRAININGS,                                                                       \
  .accepts = {.least_layers = 2,                                                                   \
              .most_layers = 2,                                                                    \
              .activations = relu,                                                                 \
              .output_activations = identity,                                                      \
              .losses = losses,                                                                    \
              .needs_biases = true},                                                               \
  .takes = LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT | LSQ_TAKES_LOSS, .start = start, .step = step,      \
  .finish = finish

/***
@submodule lsqnet
*/

/*** Spreads one knot a unit over the quantiles of the regression's prediction; solves the output.
@function spread_net
@tparam network net layers {d, h, p}, relu, identity output, biases, mse; changed in place
@tparam matrix X N x d
@tparam matrix Y N x p
@tparam[opt] table options beside the common ones: `noise=0`, deviation of a random direction added
to each unit, as a share of the regression's
@treturn[1] table report
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `linstorch`
*/
const lsq_trainer lsq_spread_net = {.name = "spread_net",
                                    .text = "one knot a unit along the linear regression",
                                    .options_size = sizeof(spread_options),
                                    .options = spread_table,
                                    .place = place_spread,
                                    KNOTS};

/*** Finds the best single knot along the linear regression: what restarts of Linstorch look for.
@function knot_search
@tparam network net layers {d, h, 1}, relu, identity output, biases, mse; changed in place
@tparam matrix X N x d
@tparam matrix Y N x 1
@tparam[opt] table options beside the common ones: `knots=256`, quantiles tried before refining
@treturn[1] table report, with `knot`, in units of Y
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `linstorch`
*/
const lsq_trainer lsq_knot_search = {.name = "knot_search",
                                     .text = "the best single knot along the linear regression",
                                     .options_size = sizeof(search_options),
                                     .options = search_table,
                                     .totals = search_totals,
                                     .check = check_search,
                                     .place = place_search,
                                     KNOTS};
