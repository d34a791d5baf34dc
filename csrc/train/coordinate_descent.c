/* Coordinate descent on the output layer: the smallest useful trainer, and the one to copy from.

   With S = [f(X), 1] the last hidden activations of the N rows, B and b0 the output layer's weights
   and biases, it minimises |Y - S B|^2 / (N c) + lambda |B|^2 over one entry of B after another.
   G = S'S and C = S'Y are summed once, in one pass over the rows. */
#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "nn/dense.h"
#include "nn/forward.h"
#include "train/trainer.h"

enum { BLOCK_ROWS = 1024 };

typedef struct {
  int64_t iterations;
  double lambda, tolerance;
} coordinate_descent_options;

static const lsq_option option_table[] = {
    {.name = "iterations",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(coordinate_descent_options, iterations),
     .standard = 100,
     .minimum = 0,
     .maximum = 1e9,
     .text = "sweeps over the output layer's parameters"},
    {.name = "lambda",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(coordinate_descent_options, lambda),
     .standard = 0,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "ridge penalty of the output layer's weights and biases"},
    {.name = "tolerance",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(coordinate_descent_options, tolerance),
     .standard = 1e-12,
     .minimum = 0,
     .maximum = 1,
     .text = "stops where a sweep lowers the objective by less, as a share of it; 0: never"},
    {.name = NULL}};

typedef struct {
  const lsq_problem *problem;
  const coordinate_descent_options *options;
  size_t order; /* n: hidden units, and one for a bias */
  lsq_row_reader reader;
  lsq_matrix features, targets; /* BLOCK_ROWS x n and x c: S and Y of a block, by root weights */
  lsq_matrix gram, cross; /* n x n and n x c: G, of which the lower triangle is summed, and C */
  lsq_forward_work *block_work, *loss_work;
  size_t row; /* the next of the pass */
  size_t iteration;
  double objective;
} coordinate_descent;

static const lsq_layer *output_layer(const coordinate_descent *self) {
  const lsq_network *net = self->problem->net;
  return &net->layers[net->depth - 1];
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  coordinate_descent measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_network *net = problem->net;
  *self = (coordinate_descent){.problem = problem, .options = options, .objective = HUGE_VAL};
  const lsq_layer *output = output_layer(self);
  const size_t rows = lsq_size_min(problem->rows.x->rows, BLOCK_ROWS), c = output->weight.cols;
  const lsq_matrix block = {NULL, rows, problem->rows.x->cols, problem->rows.x->cols};
  const lsq_rows block_rows = lsq_rows_over(&block, NULL);
  self->order = output->weight.rows + (output->bias != NULL);
  lsq_row_reader_place(&self->reader, arena, &problem->rows, rows);
  self->features = lsq_arena_matrix(arena, rows, self->order);
  self->targets = lsq_arena_matrix(arena, rows, c);
  self->gram = lsq_arena_matrix(arena, self->order, self->order);
  self->cross = lsq_arena_matrix(arena, self->order, c);
  self->block_work = lsq_forward_take(arena, net, &block_rows, (size_t)lsq_threads());
  self->loss_work = lsq_forward_take(arena, net, &problem->rows, (size_t)lsq_threads());
}

static lsq_status start(void *memory, lsq_error *error) {
  coordinate_descent *self = memory;
  (void)error;
  lsq_matrix_fill(&self->gram, 0);
  lsq_matrix_fill(&self->cross, 0);
  return LSQ_OK;
}

/* Rows of a block times the roots of their weights. */
static void weigh(const lsq_row_block *block, const lsq_matrix *m) {
  for (size_t i = 0; block->weights != NULL && i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++)
      lsq_matrix_row(m, i)[j] *= sqrt(block->weights[i]);
}

/* Adds a block to G and C. */
static lsq_status gather(coordinate_descent *self, lsq_error *error) {
  const lsq_problem *p = self->problem;
  const size_t units = output_layer(self)->weight.rows;
  const size_t rows = lsq_size_min(p->rows.x->rows - self->row, self->features.rows);
  const lsq_matrix features = lsq_matrix_rows(&self->features, 0, rows);
  const lsq_matrix targets = lsq_matrix_rows(&self->targets, 0, rows);
  const lsq_matrix hidden = {features.data, rows, units, features.stride};
  lsq_row_block block;
  if (!lsq_row_reader_get(&self->reader, self->row, rows, &block)) {
    *error = self->reader.error;
    return self->reader.status;
  }
  const lsq_rows inputs = lsq_rows_over(&block.x, NULL);
  const lsq_status status =
      lsq_forward(p->net, &inputs, p->net->depth - 1, &hidden, self->block_work, error);
  if (status != LSQ_OK)
    return status;
  for (size_t i = 0; units < self->order && i < rows; i++)
    lsq_matrix_row(&features, i)[units] = 1;
  lsq_matrix_copy(&block.y, &targets);
  weigh(&block, &features);
  weigh(&block, &targets);
  lsq_dense_gram(&features, &self->gram);
  lsq_dense_gradient(&features, &targets, &self->cross, NULL);
  self->row += rows;
  return LSQ_OK;
}

static void mirror(const lsq_matrix *gram) {
  for (size_t i = 0; i < gram->rows; i++)
    for (size_t j = 0; j < i; j++)
      lsq_matrix_row(gram, j)[i] = lsq_matrix_row(gram, i)[j];
}

/* The weights' rows and then the biases: they lie behind each other in the flat vector. */
static lsq_matrix output_parameters(const coordinate_descent *self) {
  const lsq_layer *output = output_layer(self);
  return lsq_matrix_over(output->weight.data, self->order, output->weight.cols);
}

/* Each entry goes to where the objective is lowest along it. */
static void sweep(const coordinate_descent *self) {
  const lsq_matrix parameters = output_parameters(self);
  const double penalty =
      self->options->lambda * lsq_rows_weight(&self->problem->rows) * (double)parameters.cols;
  for (size_t j = 0; j < self->order; j++) {
    const double *gram = lsq_matrix_row(&self->gram, j);
    for (size_t q = 0; q < parameters.cols && gram[j] + penalty > 0; q++) {
      double rest = lsq_matrix_row(&self->cross, j)[q];
      for (size_t k = 0; k < self->order; k++)
        rest -= k == j ? 0 : gram[k] * lsq_matrix_row(&parameters, k)[q];
      lsq_matrix_row(&parameters, j)[q] = rest / (gram[j] + penalty);
    }
  }
}

static double squared_norm(const lsq_matrix *m) {
  double sum = 0;
  for (size_t i = 0; i < m->rows * m->cols; i++)
    sum += m->data[i] * m->data[i];
  return sum;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  coordinate_descent *self = memory;
  const lsq_problem *p = self->problem;
  if (self->row < p->rows.x->rows)
    return gather(self, error);
  if (self->iteration == 0)
    mirror(&self->gram);
  else
    sweep(self);
  const lsq_matrix parameters = output_parameters(self);
  const double before = self->objective, loss = lsq_network_loss(p->net, &p->rows, self->loss_work);
  self->objective = loss + self->options->lambda * squared_norm(&parameters);
  progress->iteration_done = true;
  progress->iteration = self->iteration;
  progress->loss = loss;
  progress->score = progress->measures[0] = self->objective;
  const double tolerance = self->options->tolerance;
  if (tolerance > 0 && self->iteration > 0 && before - self->objective <= tolerance * before)
    progress->stop = LSQ_STOPPED_TOLERANCE;
  else if (self->iteration == (size_t)self->options->iterations)
    progress->stop = LSQ_STOPPED_ITERATIONS;
  self->iteration++;
  return lsq_forward_status(self->loss_work, error);
}

static void finish(void *memory, lsq_result *result) {
  (void)memory;
  (void)result;
}

static const char *const measures[] = {"objective", NULL};
static const char *const output_activations[] = {"identity", NULL};
static const char *const losses[] = {"mse", NULL};

/***
@submodule lsqnet
*/

/*** Coordinate descent on the output layer, the hidden layers as they are: with tanh units drawn at
random an extreme learning machine by sweeps, or the refit of a net on new rows. A sweep costs
O(n^2 c) for n hidden units and c outputs, whatever N is; the rows are passed over once, and for
the loss of each iteration.
@function coordinate_descent
@tparam network net of any depth and hidden activation, mse, identity output; its output layer is
changed in place
@tparam matrix X N x inputs, or a `stream`; then Y is nil
@tparam matrix Y N x outputs
@tparam[opt] table options beside the common ones: `iterations=100` sweeps; `lambda=0`, of mse +
lambda |B|^2 over the output layer's weights and biases; `tolerance=1e-12` (0: never)
@treturn[1] table report; the history adds `objective`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", or "no_file" of a stream
@raise when the net is of another kind, shapes do not match or an option is wrong
*/
const lsq_trainer lsq_coordinate_descent = {
    .name = "coordinate_descent",
    .text = "the output layer, one parameter after another",
    .options_size = sizeof(coordinate_descent_options),
    .options = option_table,
    .measures = measures,
    .restarts = LSQ_TRAININGS,
    .accepts = {.output_activations = output_activations, .losses = losses},
    .takes = LSQ_TAKES_STREAM | LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT | LSQ_TAKES_LOSS,
    .place = place,
    .start = start,
    .step = step,
    .finish = finish};
