#include "train/varpro_tables.h"

#include <math.h>

#include "base/clock.h"

enum {
  TABLE_ROWS = 2, /* times the unknowns */
  TIMES = 3       /* that a part of a step is timed */
};

void lsq_varpro_tables_place(lsq_varpro_tables *self, lsq_arena *arena,
                             const lsq_shuffled_rows *order, lsq_varpro_system *system) {
  const lsq_rows *rows = order->rows;
  *self = (lsq_varpro_tables){.order = order, .system = system};
  self->rows = lsq_size_min(rows->x->rows, lsq_size_multiply(TABLE_ROWS, system->order));
  self->x = lsq_arena_matrix(arena, LSQ_VARPRO_BLOCK, rows->x->cols);
  self->y = lsq_arena_matrix(arena, LSQ_VARPRO_BLOCK, rows->y->cols);
  self->weights = lsq_arena_doubles(arena, LSQ_VARPRO_BLOCK);
}

void lsq_varpro_tables_begin(lsq_varpro_tables *self) {
  lsq_varpro_system_clear(self->system);
  self->offset = (self->offset + self->row) % self->order->count;
  self->rows = lsq_size_min(self->rows, self->order->count);
  self->row = 0;
  self->weight = 0;
}

lsq_status lsq_varpro_tables_add(lsq_varpro_tables *self, const lsq_network *net, bool *done,
                                 lsq_error *error) {
  const size_t count = lsq_size_min(LSQ_VARPRO_BLOCK, self->rows - self->row);
  const lsq_matrix x = lsq_matrix_rows(&self->x, 0, count);
  const lsq_matrix y = lsq_matrix_rows(&self->y, 0, count);
  const lsq_status status =
      lsq_shuffled_rows_read(self->order, self->offset + self->row, &x, &y, self->weights, error);
  if (status != LSQ_OK)
    return status;
  lsq_varpro_system_add(self->system, net, &x, self->weights);
  for (size_t i = 0; i < count; i++)
    self->weight += self->weights[i];
  self->row += count;
  *done = self->row == self->rows;
  return LSQ_OK;
}

/* Of one block, and of what follows all blocks: each the fastest of some times. */
static lsq_status time_parts(lsq_varpro_tables *self, const lsq_network *net, double lambda,
                             const double *gradient, double *block, double *rest,
                             lsq_error *error) {
  lsq_varpro_system *system = self->system;
  bool done;
  lsq_varpro_tables_begin(self);
  const double began = lsq_clock_seconds();
  lsq_status status = lsq_varpro_tables_add(self, net, &done, error);
  const double added = lsq_clock_seconds();
  if (status == LSQ_OK)
    status = lsq_varpro_system_project(system, net, self->weight, lambda, error);
  if (status != LSQ_OK && status != LSQ_NOT_POSITIVE_DEFINITE)
    return status;
  lsq_varpro_system_average(system, 0);
  const double projected = lsq_clock_seconds();
  const double factors = lsq_varpro_system_sample(system, gradient);
  *block = fmin(*block, added - began);
  *rest = fmin(*rest, projected - added + factors * (lsq_clock_seconds() - projected));
  return LSQ_OK;
}

lsq_status lsq_varpro_tables_time(lsq_varpro_tables *self, const lsq_network *net, double lambda,
                                  const double *gradient, double *seconds, lsq_error *error) {
  double block = HUGE_VAL, rest = HUGE_VAL;
  lsq_status status = LSQ_OK;
  for (int k = 0; k < TIMES && status == LSQ_OK; k++)
    status = time_parts(self, net, lambda, gradient, &block, &rest, error);
  const double blocks = (double)self->rows / (double)lsq_size_max(self->row, 1);
  *seconds = blocks * block + rest;
  lsq_varpro_system_start(self->system, net);
  self->offset = self->row = 0;
  return status;
}
