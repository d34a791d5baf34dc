#include "train/warm_up.h"

#include <string.h>

#include "nn/loss.h"
#include "train/descent.h"

enum { EPOCHS = 25, MOST_BATCH = 128 };
static const double LEARNING_RATE = 0.03;
static const double STEP_WORK = 1e8; /* multiplications: about 0.01 s */

void lsq_warm_up_place(lsq_warm_up *self, lsq_arena *arena, const lsq_problem *problem) {
  const lsq_network *net = problem->net;
  const lsq_rows *rows = &problem->rows;
  const size_t batch = lsq_size_min(MOST_BATCH, rows->x->rows), count = net->parameter_count;
  *self = (lsq_warm_up){.problem = problem, .count = count};
  self->parameters = lsq_arena_doubles(arena, count);
  self->gradient = lsq_arena_doubles(arena, count);
  self->moments = lsq_arena_doubles(arena, lsq_size_multiply(count, 2));
  self->order = lsq_arena_take(arena, rows->x->rows, sizeof *self->order);
  lsq_row_reader_place(&self->reader, arena, rows, 1);
  self->x = lsq_arena_matrix(arena, batch, rows->x->cols);
  self->y = lsq_arena_matrix(arena, batch, rows->y->cols);
  self->batch = lsq_rows_over(&self->x, &self->y);
  if (rows->weights != NULL)
    self->batch.weights = self->weights = lsq_arena_doubles(arena, batch);
  lsq_sweep_place(&self->sweep, arena, net, &self->batch, false);
}

void lsq_warm_up_start(lsq_warm_up *self, lsq_random *random) {
  const lsq_rows *rows = &self->problem->rows;
  memcpy(self->parameters, self->problem->net->parameters, self->count * sizeof(double));
  memset(self->moments, 0, 2 * self->count * sizeof(double));
  self->random = random;
  self->mean_weight = lsq_rows_weight(rows) / (double)rows->x->rows;
  self->epoch = self->row = self->steps = 0;
}

static bool take_batch(lsq_warm_up *self) {
  for (size_t i = 0; i < self->x.rows; i++) {
    lsq_row_block one;
    if (!lsq_row_reader_get(&self->reader, self->order[self->row + i], 1, &one))
      return false;
    memcpy(lsq_matrix_row(&self->x, i), one.x.data, self->x.cols * sizeof(double));
    memcpy(lsq_matrix_row(&self->y, i), one.y.data, self->y.cols * sizeof(double));
    if (self->weights != NULL)
      self->weights[i] = *one.weights / self->mean_weight;
  }
  self->row += self->x.rows;
  return true;
}

static void update(lsq_warm_up *self) {
  const double *mask = self->problem->mask;
  const double scale = 1 / lsq_loss_count(self->sweep.net.loss, (double)self->x.rows, self->y.cols);
  for (size_t i = 0; i < self->count; i++)
    self->gradient[i] = mask != NULL && mask[i] == 0 ? 0 : scale * self->sweep.gradient[i];
  const lsq_descent_update adam = {.parameters = self->parameters,
                                   .gradient = self->gradient,
                                   .moments = self->moments,
                                   .count = self->count,
                                   .step = (double)++self->steps,
                                   .learning_rate = LEARNING_RATE};
  lsq_adam_update(&adam);
}

/* The rows that do not fill a batch are left out of an epoch, others in every one. */
bool lsq_warm_up_advance(lsq_warm_up *self) {
  const size_t rows = self->problem->rows.x->rows;
  for (double work = 0; work < STEP_WORK; work += lsq_sweep_work(&self->sweep)) {
    if (self->row == 0)
      lsq_random_permutation(self->random, self->order, rows);
    if (!take_batch(self))
      return true;
    lsq_sweep_begin(&self->sweep, LSQ_SWEEP_GRADIENT, self->parameters);
    while (!lsq_sweep_advance(&self->sweep))
      ;
    update(self);
    if (rows - self->row >= self->x.rows)
      continue;
    self->row = 0;
    if (++self->epoch == EPOCHS)
      return true;
  }
  return false;
}
