/* Extreme learning machine: the output layer by linear regression, the hidden ones as drawn.

   With G = [f(X), 1] the last hidden activations of the N rows, the output layer is pinv(G) Y; rows
   of weights are multiplied by their roots. Few rows are one block, which is solved as it is; of
   more rows, in memory or streamed, [G Y] goes block by block into its triangular factor, which has
   the same solution. */
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "linalg/linalg.h"
#include "linalg/row_factor.h"
#include "nn/dense.h"
#include "nn/forward.h"
#include "train/trainer.h"

typedef struct {
  double rcond;
} elm_options;

static const lsq_option option_table[] = {
    {.name = "rcond",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(elm_options, rcond),
     .standard = 0,
     .minimum = 0,
     .maximum = 1,
     .text = "singular values at most this share of the largest count as zero; 0: max(rows, "
             "columns) * 2^-52"},
    {.name = NULL}};

/* All lanes together; with less, fewer draws are solved at a time. */
static const size_t LANES_MEMORY = (size_t)256 << 20;

enum {
  FEW_ROWS = 256,         /* one block in any case: what a factor takes at a time */
  FEW_DOUBLES = 64 * 1024 /* of [G Y]: what is solved fastest as it is */
};

/* One net at a time, on one thread; the first one also serves the training that is told step by
   step. */
typedef struct {
  lsq_network net; /* over parameters of its own */
  lsq_row_reader reader;
  lsq_row_block block;
  lsq_matrix features; /* a block's G */
  double *buffers;     /* two of a block's activations */
  lsq_matrix solution; /* [weights; biases] of the output layer */
  void *solver;
  lsq_matrix weighted, targets; /* of one block: G and Y times the roots, where there are any */
  lsq_matrix output;            /* of one block */
  lsq_row_factor factor;        /* of several: that of [G Y] times the roots */
  lsq_matrix triangle, right;   /* n x n and n x c: its parts */
  lsq_forward_work *loss_work;  /* of several */
} elm_lane;

typedef struct {
  const lsq_problem *problem;
  double rcond;
  size_t units, order, outputs; /* n, the order: hidden units, and one for a bias; c */
  bool is_one_block;
  size_t height; /* rows of a block, at most */
  size_t buffer; /* doubles */
  size_t lanes;
  elm_lane *lane;
  bool started, solved;
  size_t row; /* the next of the pass */
} elm;

static void measure_shapes(elm *self) {
  const lsq_problem *problem = self->problem;
  const lsq_layer *output = &problem->net->layers[problem->net->depth - 1];
  const size_t rows = problem->rows.x->rows;
  self->units = output->weight.rows;
  self->order = self->units + (output->bias != NULL);
  self->outputs = output->weight.cols;
  const size_t width = self->order + self->outputs, few = lsq_size_max(FEW_ROWS, width);
  self->is_one_block = rows <= few || lsq_size_multiply(rows, width) <= FEW_DOUBLES;
  self->height = self->is_one_block ? rows : few;
  self->buffer = lsq_size_multiply((self->height + 7) / 8 * 8, lsq_network_widest(problem->net));
}

static void place_one_block(const elm *self, elm_lane *lane, lsq_arena *arena) {
  const size_t weighted = self->problem->rows.weights == NULL ? 0 : self->height;
  lane->weighted = lsq_arena_matrix(arena, weighted, self->order);
  lane->targets = lsq_arena_matrix(arena, weighted, self->outputs);
  lane->output = lsq_arena_matrix(arena, self->height, self->outputs);
}

static void place_factor(const elm *self, elm_lane *lane, lsq_arena *arena, size_t threads) {
  lsq_row_factor_place(&lane->factor, arena, self->order + self->outputs);
  lane->triangle = lsq_arena_matrix(arena, self->order, self->order);
  lane->right = lsq_arena_matrix(arena, self->order, self->outputs);
  lane->loss_work = lsq_forward_take(arena, self->problem->net, &self->problem->rows, threads);
}

static void place_lane(const elm *self, elm_lane *lane, lsq_arena *arena, size_t threads) {
  const size_t solved = self->is_one_block ? self->height : self->order;
  lsq_network_place_like(&lane->net, arena, self->problem->net);
  lsq_row_reader_place(&lane->reader, arena, &self->problem->rows, self->height);
  lane->features = lsq_arena_matrix(arena, self->height, self->order);
  lane->buffers = lsq_arena_doubles(arena, lsq_size_multiply(2, self->buffer));
  lane->solution = lsq_arena_matrix(arena, self->order, self->outputs);
  lane->solver = lsq_arena_take(
      arena, lsq_small_least_squares_workspace(solved, self->order, self->outputs), 1);
  if (self->is_one_block)
    place_one_block(self, lane, arena);
  else
    place_factor(self, lane, arena, threads);
}

static size_t count_lanes(const elm *self) {
  elm_lane probe;
  lsq_arena measure = lsq_arena_measure();
  place_lane(self, &probe, &measure, 1);
  const size_t fitting = lsq_size_max(1, LANES_MEMORY / lsq_size_max(1, measure.used));
  return lsq_size_min(fitting, self->problem->drawing.lanes);
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  elm measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const elm_options *chosen = options;
  *self = (elm){.problem = problem, .rcond = chosen->rcond};
  measure_shapes(self);
  self->lanes = count_lanes(self);
  /* lanes work side by side, a single one within its rows */
  const size_t threads = self->lanes > 1 ? 1 : (size_t)lsq_threads();
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    elm_lane probe;
    place_lane(self, self->lane == NULL ? &probe : &self->lane[k], arena, threads);
  }
}

/* G's last column is 1 once and for all. */
static lsq_status prepare(void *memory, lsq_error *error) {
  const elm *self = memory;
  (void)error;
  for (size_t k = 0; self->units < self->order && k < self->lanes; k++)
    for (size_t i = 0; i < self->height; i++)
      lsq_matrix_row(&self->lane[k].features, i)[self->units] = 1;
  return LSQ_OK;
}

static lsq_status start(void *memory, lsq_error *error) {
  elm *self = memory;
  const lsq_network *net = self->problem->net;
  (void)error;
  memcpy(self->lane[0].net.parameters, net->parameters, net->parameter_count * sizeof(double));
  self->started = self->solved = false;
  return LSQ_OK;
}

/* Reads rows from `first` on, as many as make a block, and fills their G. */
static lsq_status forward(const elm *self, elm_lane *lane, size_t first, lsq_error *error) {
  const size_t rows = lsq_size_min(self->height, self->problem->rows.x->rows - first);
  const lsq_matrix hidden = {lane->features.data, rows, self->units, self->order};
  const size_t layer = lane->net.depth - 1;
  if (!lsq_row_reader_get(&lane->reader, first, rows, &lane->block)) {
    *error = lane->reader.error;
    return lane->reader.status;
  }
  if (layer == 0)
    lsq_matrix_copy(&lane->block.x, &hidden);
  else
    lsq_forward_block(&lane->net, &lane->block.x, layer, &hidden, lane->buffers, self->buffer);
  return LSQ_OK;
}

static void weigh(const lsq_matrix *from, const double *weights, const lsq_matrix *to) {
  for (size_t i = 0; i < from->rows; i++) {
    const double root = sqrt(weights[i]);
    for (size_t j = 0; j < from->cols; j++)
      lsq_matrix_row(to, i)[j] = root * lsq_matrix_row(from, i)[j];
  }
}

/* Rows of m times the roots of their weights into the factor's block, from its row `at` on. */
static void load(const elm_lane *lane, const lsq_matrix *m, size_t at) {
  const double *weights = lane->block.weights;
  for (size_t j = 0; j < m->cols; j++) {
    double *to = lsq_matrix_row(&lane->factor.block, at + j);
    for (size_t i = 0; i < m->rows; i++)
      to[i] = lsq_matrix_row(m, i)[j] * (weights == NULL ? 1 : sqrt(weights[i]));
  }
}

static void begin_pass(const elm *self, elm_lane *lane) {
  if (!self->is_one_block)
    lsq_row_factor_clear(&lane->factor);
}

/* A block of the pass, from row `first` on. */
static lsq_status gather(const elm *self, elm_lane *lane, size_t first, lsq_error *error) {
  const lsq_status status = forward(self, lane, first, error);
  if (status != LSQ_OK || self->is_one_block)
    return status;
  const lsq_matrix features = lsq_matrix_rows(&lane->features, 0, lane->block.x.rows);
  load(lane, &features, 0);
  load(lane, &lane->block.y, self->order);
  return lsq_row_factor_add(&lane->factor, features.rows, error);
}

/* What is solved when all rows are gathered: a (G, or n x n) and b, both times the roots. */
static void equations(const elm *self, elm_lane *lane, lsq_matrix *a, lsq_matrix *b) {
  const double *weights = lane->block.weights;
  if (self->is_one_block && weights == NULL) {
    *a = lane->features;
    *b = lane->block.y;
  } else if (self->is_one_block) {
    *a = lane->weighted;
    *b = lane->targets;
    weigh(&lane->features, weights, a);
    weigh(&lane->block.y, weights, b);
  } else {
    const lsq_matrix factor = lane->factor.factor; /* by columns */
    const lsq_matrix left = {factor.data, self->order, self->order, factor.stride};
    const lsq_matrix behind = {lsq_matrix_row(&factor, self->order), self->outputs, self->order,
                               factor.stride};
    *a = lane->triangle;
    *b = lane->right;
    lsq_transpose(&left, a);
    lsq_transpose(&behind, b);
  }
}

static lsq_status solve(const elm *self, elm_lane *lane, lsq_error *error) {
  const lsq_layer *layer = &lane->net.layers[lane->net.depth - 1];
  const double rcond =
      self->rcond > 0 ? self->rcond : lsq_default_rcond(self->problem->rows.x->rows, self->order);
  lsq_matrix a, b;
  equations(self, lane, &a, &b);
  const lsq_status status =
      lsq_small_least_squares(&a, &b, rcond, &lane->solution, lane->solver, error);
  if (status != LSQ_OK)
    return status;
  const lsq_matrix weights = lsq_matrix_rows(&lane->solution, 0, self->units);
  lsq_matrix_copy(&weights, &layer->weight);
  if (layer->bias != NULL)
    memcpy(layer->bias, lsq_matrix_row(&lane->solution, self->units),
           self->outputs * sizeof(double));
  return LSQ_OK;
}

/* Of one block from its G, which has been filled; of several in a pass. */
static double loss_of(const elm *self, elm_lane *lane) {
  const lsq_network *net = &lane->net;
  const lsq_rows *rows = &self->problem->rows;
  if (!self->is_one_block) {
    const double loss = lsq_network_loss(net, rows, lane->loss_work);
    lane->reader.status = lsq_forward_status(lane->loss_work, &lane->reader.error);
    return loss;
  }
  const lsq_layer *layer = &net->layers[net->depth - 1];
  const lsq_matrix hidden = {lane->features.data, self->height, self->units, self->order};
  lsq_dense_forward(&hidden, &layer->weight, layer->bias, &lane->output);
  lsq_activate(net->output_activation, net->alpha, &lane->output);
  return lsq_loss_sum(net->loss, net->loss_parameter, &lane->output, &lane->block.y,
                      rows->weights) /
         lsq_loss_count(net->loss, lsq_rows_weight(rows), self->outputs);
}

static lsq_status read_status(const elm *self, lsq_error *error) {
  for (size_t k = 0; k < self->lanes; k++)
    if (self->lane[k].reader.status != LSQ_OK) {
      *error = self->lane[k].reader.error;
      return self->lane[k].reader.status;
    }
  return LSQ_OK;
}

static lsq_status complete_step(elm *self, lsq_progress *progress, lsq_error *error) {
  const lsq_network *net = self->problem->net;
  const double loss = loss_of(self, &self->lane[0]);
  const lsq_status status = read_status(self, error);
  if (status != LSQ_OK)
    return status;
  if (!isfinite(loss)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return LSQ_OK;
  }
  memcpy(net->parameters, self->lane[0].net.parameters, net->parameter_count * sizeof(double));
  progress->iteration_done = true;
  progress->iteration = self->solved;
  progress->loss = progress->score = loss;
  progress->measures[0] = self->solved ? (double)net->depth : NAN;
  progress->midway = !self->solved;
  if (self->solved)
    progress->stop = LSQ_STOPPED_ITERATIONS;
  return LSQ_OK;
}

/* The loss of the net as it is. */
static lsq_status first_step(elm *self, lsq_progress *progress, lsq_error *error) {
  elm_lane *lane = &self->lane[0];
  lsq_status status = read_status(self, error); /* of the draws that were scored */
  if (status == LSQ_OK && self->is_one_block)
    status = forward(self, lane, 0, error);
  if (status != LSQ_OK)
    return status;
  begin_pass(self, lane);
  self->row = 0;
  self->started = true;
  return complete_step(self, progress, error);
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  elm *self = memory;
  elm_lane *lane = &self->lane[0];
  const size_t rows = self->problem->rows.x->rows;
  if (!self->started)
    return first_step(self, progress, error);
  lsq_status status = gather(self, lane, self->row, error);
  if (status != LSQ_OK)
    return status;
  self->row += lane->block.x.rows;
  if (self->row < rows)
    return LSQ_OK;
  status = solve(self, lane, error);
  if (status == LSQ_INTERNAL)
    return status;
  if (status != LSQ_OK) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return LSQ_OK;
  }
  self->solved = true;
  return complete_step(self, progress, error);
}

/* The loss a training from this draw ends with; infinite when it diverges. */
static double score_draw(const elm *self, elm_lane *lane, lsq_random random) {
  const size_t rows = self->problem->rows.x->rows;
  lsq_error error;
  lsq_network_initialise(&lane->net, self->problem->drawing.init, &random);
  begin_pass(self, lane);
  for (size_t first = 0; first < rows; first += self->height)
    if (gather(self, lane, first, &error) != LSQ_OK)
      return HUGE_VAL;
  if (solve(self, lane, &error) != LSQ_OK)
    return HUGE_VAL;
  const double loss = loss_of(self, lane);
  return isfinite(loss) ? loss : HUGE_VAL;
}

static void score(void *memory, const lsq_random *generators, size_t count, double *scores) {
  elm *self = memory;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)self->lanes) if (count > 1)
  for (size_t k = 0; k < count; k++)
    scores[k] = score_draw(self, &self->lane[lsq_thread_number()], generators[k]);
}

static void finish(void *memory, lsq_result *result) {
  const elm *self = memory;
  const size_t rows = lsq_rows_counted(&self->problem->rows);
  result->keep_last = true;
  if (rows <= self->order)
    lsq_warn(result,
             "layer %zu has %zu unknowns per unit for %zu rows: it fits the training data whatever "
             "they are",
             self->problem->net->depth, self->order, rows);
}

static const lsq_draw_hooks draws = {.prepare = prepare, .score = score};
static const char *const measures[] = {"layer", NULL};
static const char *const output_activations[] = {"identity", "relu", NULL};
static const char *const losses[] = {"mse", NULL};

/***
@submodule lsqnet
*/

/*** Extreme learning machine: the output layer by linear regression, the hidden ones as drawn. Of
many rows G = [f(X), 1] and Y go block by block into a triangular factor (TSQR, see
`linear_regression`), so that memory does not grow with N; streams are read once for each restart,
and once more for its loss.
@function elm
@tparam network net of any depth and hidden activation, mse, identity or relu output; its output
layer is changed in place, with `restarts` the others too
@tparam matrix|stream X N x inputs, or a stream (`lsqnet.stream`) of X and Y
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones: `rcond=0`, as of `linstorch`
@treturn[1] table report
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", or "no_file" of a stream
@raise as `linstorch`
*/
const lsq_trainer lsq_elm = {
    .name = "elm",
    .text = "the output layer by linear regression on random layers",
    .options_size = sizeof(elm_options),
    .options = option_table,
    .measures = measures,
    .restarts = LSQ_DRAWS,
    .accepts = {.output_activations = output_activations, .losses = losses},
    .takes =
        LSQ_NEEDS_SCALE | LSQ_TAKES_STREAM | LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT | LSQ_TAKES_LOSS,
    .place = place,
    .start = start,
    .step = step,
    .finish = finish,
    .draws = &draws};
