#include "train/descent.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "nn/forward.h"

/* Multiplications of a step of the trainer, about 0.05 s: many batches, and no more. */
static const double STEP_WORK = 2e8;

enum { STATE_SCALARS = 2 }; /* epochs done, updates done */

typedef struct {
  const lsq_problem *problem;
  const lsq_descent_options *options;
  const lsq_descent_rule *rule;
  size_t batch;
  size_t *order;   /* of the rows in this epoch */
  lsq_matrix x, y; /* a batch gathered in that order */
  double *gradient, *moments;
  double *former;                   /* parameters at the beginning of this epoch */
  double *best;                     /* those of the epoch with the lowest loss */
  lsq_gradient_work *gradient_work; /* of a batch */
  lsq_forward_work *forward_work;   /* of all rows */
  double best_loss, seen;           /* seen: sum of row-weighted batch losses of this epoch */
  double final_loss;                /* of the net after the last epoch; NaN before */
  double epochs_before, updates;
  size_t epoch, row;
  bool started, diverged;
} descent;

void lsq_descent_place(lsq_arena *arena, const lsq_problem *problem, const void *memory,
                       const lsq_descent_rule *rule) {
  const lsq_descent_options *options = memory;
  descent measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_network *net = problem->net;
  const size_t rows = problem->rows.x->rows, count = net->parameter_count;
  *self = (descent){.problem = problem, .options = options, .rule = rule};
  self->batch = (uint64_t)options->batch_size < rows ? (size_t)options->batch_size : rows;
  self->order = lsq_arena_take(arena, rows, sizeof *self->order);
  self->x = lsq_arena_matrix(arena, self->batch, problem->rows.x->cols);
  self->y = lsq_arena_matrix(arena, self->batch, problem->rows.y->cols);
  self->gradient = lsq_arena_doubles(arena, count);
  self->moments = lsq_arena_doubles(arena, lsq_size_multiply(rule->moments, count));
  self->former = lsq_arena_doubles(arena, count);
  self->best = lsq_arena_doubles(arena, count);
  const lsq_rows batch = lsq_rows_over(&self->x, &self->y);
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
  if (self->options->shuffle)
    lsq_random_permutation(self->problem->drawing.random, self->order, self->problem->rows.x->rows);
}

lsq_status lsq_descent_start(void *memory, lsq_error *error) {
  (void)error;
  descent *self = memory;
  const size_t count = self->problem->net->parameter_count;
  memset(self->moments, 0, self->rule->moments * count * sizeof(double));
  self->best_loss = HUGE_VAL;
  self->final_loss = NAN;
  return LSQ_OK;
}

/* The next rows of the epoch, as views where their order is the data's own. */
static void take_batch(descent *self, lsq_matrix *x, lsq_matrix *y) {
  const lsq_problem *p = self->problem;
  const size_t rows = lsq_size_min(self->batch, p->rows.x->rows - self->row);
  if (!self->options->shuffle) {
    *x = lsq_matrix_rows(p->rows.x, self->row, rows);
    *y = lsq_matrix_rows(p->rows.y, self->row, rows);
    return;
  }
  *x = lsq_matrix_rows(&self->x, 0, rows);
  *y = lsq_matrix_rows(&self->y, 0, rows);
  for (size_t i = 0; i < rows; i++) {
    const size_t from = self->order[self->row + i];
    memcpy(lsq_matrix_row(x, i), lsq_matrix_row(p->rows.x, from), x->cols * sizeof(double));
    memcpy(lsq_matrix_row(y, i), lsq_matrix_row(p->rows.y, from), y->cols * sizeof(double));
  }
}

/* Parameters that the mask holds go back to what they were, as in `former`: all epoch long. */
static void hold(const descent *self) {
  const lsq_network *net = self->problem->net;
  for (size_t i = 0; i < net->parameter_count; i++)
    if (self->problem->mask[i] == 0)
      net->parameters[i] = self->former[i];
}

/* False when the loss of the batch is not finite; the parameters are left then. */
static bool descend(descent *self) {
  const lsq_network *net = self->problem->net;
  lsq_matrix x, y;
  take_batch(self, &x, &y);
  const lsq_rows batch = lsq_rows_over(&x, &y);
  const double loss = lsq_network_gradient(net, &batch, self->gradient, self->gradient_work);
  if (!isfinite(loss))
    return false;
  self->seen += loss * (double)x.rows;
  self->row += x.rows;
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
  return true;
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
  (void)error;
  descent *self = memory;
  const size_t rows = self->problem->rows.x->rows;
  if (!self->started) {
    self->started = true;
    const double loss = full_loss(self);
    if (isfinite(loss))
      report_epoch(self, loss, progress);
    else
      diverge(self, progress);
    return LSQ_OK;
  }
  if (self->row == 0)
    begin_epoch(self); /* not before: a training that stops here goes on with the same draw */
  const double batch_work = 6.0 * (double)self->batch * (double)self->problem->net->parameter_count;
  double work = 0;
  do {
    if (!descend(self)) {
      diverge(self, progress);
      return LSQ_OK;
    }
    work += batch_work;
  } while (work < STEP_WORK && self->row < rows && lsq_clock_seconds() < progress->until);
  if (self->row < rows)
    return LSQ_OK;
  self->epoch++;
  report_epoch(self, self->seen / (double)rows, progress);
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
