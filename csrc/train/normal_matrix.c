#include "train/normal_matrix.h"

static const double FORGETTING = 0.7;

void lsq_normal_matrix_place(lsq_normal_matrix *self, lsq_arena *arena, const lsq_network *net,
                             const lsq_rows *rows, const double *mask, lsq_curvature_way way,
                             size_t sample, const lsq_matrix *scratch) {
  const size_t count = net->parameter_count;
  *self = (lsq_normal_matrix){
      .mask = mask, .count = count, .rows = rows->x->rows, .sample = sample, .scratch = *scratch};
  self->matrix = lsq_arena_matrix(arena, count, count);
  if (sample < self->rows)
    self->order = lsq_arena_take(arena, self->rows, sizeof *self->order);
  lsq_curvature_place(&self->curvature, arena, net, rows, way);
}

void lsq_normal_matrix_start(lsq_normal_matrix *self, lsq_random *random) {
  self->samples = self->sample < self->rows;
  self->cursor = 0;
  self->weight = 0;
  if (self->samples)
    lsq_random_permutation(random, self->order, self->rows);
}

void lsq_normal_matrix_use_all(lsq_normal_matrix *self) {
  self->samples = false;
}

void lsq_normal_matrix_begin(lsq_normal_matrix *self, const double *parameters) {
  if (self->samples)
    lsq_curvature_begin(&self->curvature, parameters, self->order, self->cursor, self->sample);
  else
    lsq_curvature_begin(&self->curvature, parameters, NULL, 0, self->rows);
  self->cursor = (self->cursor + self->sample) % self->rows;
}

static void average(lsq_normal_matrix *self) {
  self->weight = FORGETTING * self->weight + 1;
  const double share = 1 / self->weight, scale = (double)self->rows / (double)self->sample;
  lsq_curvature_finish(&self->curvature, &self->scratch);
  for (size_t i = 0; i < self->count; i++) {
    double *mean = lsq_matrix_row(&self->matrix, i);
    const double *sum = lsq_matrix_row(&self->scratch, i);
    for (size_t j = 0; j <= i; j++)
      mean[j] = (share == 1 ? 0 : (1 - share) * mean[j]) + share * scale * sum[j];
  }
}

static void hold(const lsq_normal_matrix *self) {
  for (size_t i = 0; self->mask != NULL && i < self->count; i++) {
    double *row = lsq_matrix_row(&self->matrix, i);
    for (size_t j = 0; j <= i; j++)
      if (self->mask[i] == 0 || self->mask[j] == 0)
        row[j] = 0;
  }
}

bool lsq_normal_matrix_advance(lsq_normal_matrix *self) {
  if (!lsq_curvature_advance(&self->curvature))
    return false;
  if (lsq_curvature_status(&self->curvature, NULL) != LSQ_OK)
    return true;
  if (self->samples)
    average(self);
  else
    lsq_curvature_finish(&self->curvature, &self->matrix);
  hold(self);
  return true;
}
