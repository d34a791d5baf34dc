#include "train/descent.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "nn/forward.h"

/* Multiplications of a step of the trainer, about 0.05 s: many batches, and no more. */
static const double STEP_WORK = 2e8;

enum {
  STATE_SCALARS = 2, /* epochs done, updates done */
  STREAM_ROWS = 8192 /* that are read at a time and shuffled, about */
};

typedef struct {
  const lsq_problem *problem;
  const lsq_descent_options *options;
  const lsq_descent_rule *rule;
  size_t batch;
  bool whole;            /* a batch is a whole stream, which is not gathered */
  size_t block_rows;     /* rows are taken by blocks: a single one in memory */
  size_t *block_order;   /* of the blocks in this epoch */
  size_t *order;         /* of the rows of the block */
  lsq_row_reader reader; /* of a block */
  lsq_row_block block;
  size_t blocks, place; /* blocks taken in this epoch; rows taken of the last of them */
  lsq_matrix x, y, w;   /* a batch gathered in that order, with its weights */
  double mean_weight;   /* of all rows */
  double *gradient, *moments;
  double *former;                   /* parameters at the beginning of this epoch */
  double *best;                     /* those of the epoch with the lowest loss */
  lsq_gradient_work *gradient_work; /* of a batch */
  lsq_forward_work *forward_work;   /* of all rows */
  double best_loss, seen;           /* seen: sum of the losses of this epoch's rows */
  double final_loss;                /* of the net after the last epoch; NaN before */
  double epochs_before, updates;
  size_t epoch, row;
  bool started, diverged;
} descent;

static size_t count_blocks(const descent *self) {
  return (self->problem->rows.x->rows + self->block_rows - 1) / self->block_rows;
}

/* What batches are made of: blocks of whole batches where rows are streamed. */
static void place_rows(descent *self, lsq_arena *arena) {
  const lsq_rows *rows = &self->problem->rows;
  const size_t count = rows->x->rows, batches = lsq_size_max(STREAM_ROWS / self->batch, 1);
  self->whole = rows->source != NULL && self->batch == count;
  self->block_rows = rows->source == NULL ? count : lsq_size_multiply(batches, self->batch);
  self->block_rows = lsq_size_min(self->block_rows, count);
  if (self->whole)
    return;
  self->block_order = lsq_arena_take(arena, count_blocks(self), sizeof *self->block_order);
  self->order = lsq_arena_take(arena, self->block_rows, sizeof *self->order);
  lsq_row_reader_place(&self->reader, arena, rows, self->block_rows);
  self->x = lsq_arena_matrix(arena, self->batch, rows->x->cols);
  self->y = lsq_arena_matrix(arena, self->batch, rows->y->cols);
  self->w = lsq_arena_matrix(arena, rows->weights == NULL ? 0 : self->batch, 1);
}

void lsq_descent_place(lsq_arena *arena, const lsq_problem *problem, const void *memory,
                       const lsq_descent_rule *rule) {
  const lsq_descent_options *options = memory;
  descent measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_network *net = problem->net;
  const size_t rows = problem->rows.x->rows, count = net->parameter_count;
  *self = (descent){.problem = problem, .options = options, .rule = rule};
  self->batch = (uint64_t)options->batch_size < rows ? (size_t)options->batch_size : rows;
  place_rows(self, arena);
  self->gradient = lsq_arena_doubles(arena, count);
  self->moments = lsq_arena_doubles(arena, lsq_size_multiply(rule->moments, count));
  self->former = lsq_arena_doubles(arena, count);
  self->best = lsq_arena_doubles(arena, count);
  const lsq_rows batch = self->whole ? problem->rows : lsq_rows_over(&self->x, &self->y);
  self->gradient_work = lsq_gradient_take(arena, net, &batch, (size_t)lsq_threads());
  self->forward_work = lsq_forward_take(arena, net, &problem->rows, (size_t)lsq_threads());
}

static double full_loss(const descent *self) {
  const lsq_problem *p = self->problem;
  return lsq_network_loss(p->net, &p->rows, self->forward_work);
}

static void begin_epoch(descent *self) {
  const lsq_network *net = self->problem->net;
  memcpy(self->former, net->parameters, net->parameter_count * sizeof(double));
  self->seen = 0;
  self->blocks = self->place = self->block.x.rows = 0;
  if (self->options->shuffle && !self->whole)
    lsq_random_permutation(self->problem->drawing.random, self->block_order, count_blocks(self));
}

lsq_status lsq_descent_start(void *memory, lsq_error *error) {
  (void)error;
  descent *self = memory;
  const size_t count = self->problem->net->parameter_count;
  memset(self->moments, 0, self->rule->moments * count * sizeof(double));
  self->mean_weight = lsq_rows_weight(&self->problem->rows) / (double)self->problem->rows.x->rows;
  self->best_loss = HUGE_VAL;
  self->final_loss = NAN;
  return LSQ_OK;
}

/* The next block of the epoch, with the order of its rows. */
static lsq_status take_block(descent *self, lsq_error *error) {
  const bool shuffle = self->options->shuffle;
  const size_t number = shuffle ? self->block_order[self->blocks] : self->blocks;
  const size_t first = number * self->block_rows;
  const size_t rows = lsq_size_min(self->block_rows, self->problem->rows.x->rows - first);
  if (!lsq_row_reader_get(&self->reader, first, rows, &self->block)) {
    *error = self->reader.error;
    return self->reader.status;
  }
  self->blocks++;
  self->place = 0;
  if (shuffle)
    lsq_random_permutation(self->problem->drawing.random, self->order, rows);
  return LSQ_OK;
}

static void gather(const descent *self, const lsq_row_block *batch) {
  const lsq_row_block *block = &self->block;
  for (size_t i = 0; i < batch->x.rows; i++) {
    const size_t from = self->order[self->place + i];
    memcpy(lsq_matrix_row(&batch->x, i), lsq_matrix_row(&block->x, from),
           batch->x.cols * sizeof(double));
    memcpy(lsq_matrix_row(&batch->y, i), lsq_matrix_row(&block->y, from),
           batch->y.cols * sizeof(double));
    if (batch->weights != NULL)
      self->w.data[i] = block->weights[from];
  }
}

/* The next rows of the epoch, as views where their order is the data's own. */
static lsq_status take_batch(descent *self, lsq_row_block *batch, lsq_error *error) {
  lsq_row_block *block = &self->block;
  if (self->place == block->x.rows) {
    const lsq_status status = take_block(self, error);
    if (status != LSQ_OK)
      return status;
  }
  const size_t rows = lsq_size_min(self->batch, block->x.rows - self->place);
  if (self->options->shuffle) {
    batch->x = lsq_matrix_rows(&self->x, 0, rows);
    batch->y = lsq_matrix_rows(&self->y, 0, rows);
    batch->weights = block->weights == NULL ? NULL : self->w.data;
    gather(self, batch);
  } else {
    batch->x = lsq_matrix_rows(&block->x, self->place, rows);
    batch->y = lsq_matrix_rows(&block->y, self->place, rows);
    batch->weights = block->weights == NULL ? NULL : block->weights + self->place;
  }
  self->place += rows;
  return LSQ_OK;
}

/* The gradient of the sum of the rows' losses, by their weights, over the mean weight of all data
   and the number of these rows: of all batches together in expectation that of the whole loss.
   Returns the sum of the losses. */
static double find_gradient(descent *self, const lsq_rows *batch) {
  const lsq_network *net = self->problem->net;
  const double weight = lsq_rows_weight(batch);
  const size_t count = net->parameter_count;
  if (weight == 0) {
    memset(self->gradient, 0, count * sizeof(double));
    return 0;
  }
  const double loss = lsq_network_gradient(net, batch, self->gradient, self->gradient_work);
  const double scale = weight / (self->mean_weight * (double)batch->x->rows);
  for (size_t i = 0; batch->weights != NULL && i < count; i++)
    self->gradient[i] *= scale;
  return loss * weight;
}

/* Parameters that the mask holds go back to what they were, as in `former`: all epoch long. */
static void hold(const descent *self) {
  const lsq_network *net = self->problem->net;
  for (size_t i = 0; i < net->parameter_count; i++)
    if (self->problem->mask[i] == 0)
      net->parameters[i] = self->former[i];
}

/* LSQ_NON_FINITE when the loss of the batch is not; the parameters are left then. */
static lsq_status descend(descent *self, lsq_error *error) {
  const lsq_network *net = self->problem->net;
  lsq_row_block taken;
  lsq_rows batch = self->problem->rows;
  if (!self->whole) {
    const lsq_status status = take_batch(self, &taken, error);
    if (status != LSQ_OK)
      return status;
    batch = lsq_rows_over(&taken.x, &taken.y);
    batch.weights = taken.weights;
  }
  const double loss = find_gradient(self, &batch);
  if (!isfinite(loss)) {
    const lsq_status status = lsq_gradient_status(self->gradient_work, error);
    return status != LSQ_OK ? status : LSQ_NON_FINITE;
  }
  self->seen += loss;
  self->row += batch.x->rows;
  self->updates++;
  const double *rates = self->problem->learning_rates;
  const lsq_descent_update update = {.parameters = net->parameters,
                                     .gradient = self->gradient,
                                     .moments = self->moments,
                                     .count = net->parameter_count,
                                     .step = self->updates,
                                     .learning_rate = rates == NULL ? self->options->learning_rate
                                                                    : rates[self->epoch],
                                     .weight_decay = self->options->weight_decay};
  self->rule->update(&update, self->options);
  if (self->problem->mask != NULL)
    hold(self);
  return LSQ_OK;
}

static void diverge(descent *self, lsq_progress *progress) {
  self->diverged = true;
  progress->stop = LSQ_STOPPED_DIVERGED;
}

/* The loss is the start's, or the mean over an epoch as it was seen, which says more of the
   parameters it began with than of those it left: the best are kept by it. */
static void report_epoch(descent *self, double loss, lsq_progress *progress) {
  const lsq_network *net = self->problem->net;
  progress->iteration_done = true;
  progress->iteration = self->epoch;
  progress->loss = loss;
  if (self->epoch == 0)
    memcpy(self->former, net->parameters, net->parameter_count * sizeof(double));
  if (loss < self->best_loss) {
    double *freed = self->best;
    self->best_loss = loss;
    self->best = self->former;
    self->former = freed;
  }
  self->row = 0;
  if (self->epoch < lsq_size_of(self->options->epochs))
    return;
  progress->stop = LSQ_STOPPED_ITERATIONS;
  self->final_loss = self->epoch == 0 ? loss : full_loss(self);
  if (!isfinite(self->final_loss)) /* by the last update, which no batch has seen */
    diverge(self, progress);
}

lsq_status lsq_descent_step(void *memory, lsq_progress *progress, lsq_error *error) {
  descent *self = memory;
  const size_t rows = self->problem->rows.x->rows;
  if (!self->started) {
    self->started = true;
    const double loss = full_loss(self);
    if (isfinite(loss))
      report_epoch(self, loss, progress);
    else
      diverge(self, progress);
    return lsq_forward_status(self->forward_work, error);
  }
  if (self->row == 0)
    begin_epoch(self); /* not before: a training that stops here goes on with the same draw */
  const double batch_work = 6.0 * (double)self->batch * (double)self->problem->net->parameter_count;
  double work = 0;
  do {
    const lsq_status status = descend(self, error);
    if (status == LSQ_NON_FINITE)
      diverge(self, progress);
    if (status != LSQ_OK)
      return status == LSQ_NON_FINITE ? LSQ_OK : status;
    work += batch_work;
  } while (work < STEP_WORK && self->row < rows && lsq_clock_seconds() < progress->until);
  if (self->row < rows)
    return LSQ_OK;
  self->epoch++;
  report_epoch(self, self->seen / lsq_rows_weight(&self->problem->rows), progress);
  return LSQ_OK;
}

void lsq_descent_finish(void *memory, lsq_result *result) {
  descent *self = memory;
  const lsq_network *net = self->problem->net;
  self->final_loss = full_loss(self); /* again: a callback may have changed the net since */
  if ((self->diverged || !isfinite(self->final_loss)) && self->best_loss < HUGE_VAL) {
    memcpy(net->parameters, self->best, net->parameter_count * sizeof(double));
    self->final_loss = full_loss(self);
  }
  result->loss = result->score = self->final_loss;
}

size_t lsq_descent_state_size(const lsq_problem *problem, const lsq_descent_rule *rule) {
  return STATE_SCALARS + rule->moments * problem->net->parameter_count;
}

void lsq_descent_save_state(const void *memory, double *state) {
  const descent *self = memory;
  const size_t count = self->rule->moments * self->problem->net->parameter_count;
  state[0] = self->epochs_before + (double)self->epoch;
  state[1] = self->updates;
  memcpy(state + STATE_SCALARS, self->moments, count * sizeof *state);
}

void lsq_descent_restore_state(void *memory, const double *state) {
  descent *self = memory;
  const size_t count = self->rule->moments * self->problem->net->parameter_count;
  self->epochs_before = state[0];
  self->updates = state[1];
  memcpy(self->moments, state + STATE_SCALARS, count * sizeof *state);
}
