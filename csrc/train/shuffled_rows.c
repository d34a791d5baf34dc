#include "train/shuffled_rows.h"

#include <string.h>

enum { STREAMED_UNIT = 256 /* rows */ };

void lsq_shuffled_rows_place(lsq_shuffled_rows *self, lsq_arena *arena, const lsq_rows *rows) {
  const size_t n = rows->x->rows;
  *self = (lsq_shuffled_rows){.rows = rows};
  self->unit = rows->source == NULL ? 1 : lsq_size_min(STREAMED_UNIT, n);
  self->units = (n + self->unit - 1) / self->unit;
  self->order = lsq_arena_take(arena, self->units, sizeof *self->order);
}

void lsq_shuffled_rows_shuffle(lsq_shuffled_rows *self, lsq_random *random) {
  const size_t n = self->rows->x->rows, all = (n + self->unit - 1) / self->unit;
  lsq_random_permutation(random, self->order, all);
  self->units = all;
  if (self->rows->source == NULL && self->rows->weights != NULL) {
    self->units = 0;
    for (size_t k = 0; k < all; k++)
      if (self->rows->weights[self->order[k]] > 0)
        self->order[self->units++] = self->order[k];
  }
  self->count = self->units * self->unit;
}

typedef struct {
  size_t first, count;
} run_of_rows;

/* Row i of the order, and the rows of its unit from there on. The last unit ends with the data:
   it may begin within the one before. */
static run_of_rows find(const lsq_shuffled_rows *self, size_t i) {
  const size_t unit = self->order[i / self->unit], at = i % self->unit;
  const size_t first = lsq_size_min(unit * self->unit, self->rows->x->rows - self->unit);
  return (run_of_rows){first + at, self->unit - at};
}

static void copy_row(const lsq_shuffled_rows *self, size_t from, const lsq_matrix *x,
                     const lsq_matrix *y, size_t to) {
  const lsq_rows *rows = self->rows;
  memcpy(lsq_matrix_row(x, to), lsq_matrix_row(rows->x, from), x->cols * sizeof(double));
  memcpy(lsq_matrix_row(y, to), lsq_matrix_row(rows->y, from), y->cols * sizeof(double));
}

lsq_status lsq_shuffled_rows_read(const lsq_shuffled_rows *self, size_t first, const lsq_matrix *x,
                                  const lsq_matrix *y, double *weights, lsq_error *error) {
  const lsq_rows *rows = self->rows;
  size_t at = first % self->count;
  for (size_t i = 0; i < x->rows;) {
    const run_of_rows run = find(self, at);
    const size_t count = lsq_size_min(run.count, x->rows - i);
    for (size_t k = 0; k < count && weights != NULL; k++)
      weights[i + k] = rows->weights == NULL ? 1 : rows->weights[run.first + k];
    if (rows->source == NULL)
      copy_row(self, run.first, x, y, i);
    else {
      const lsq_matrix x_part = lsq_matrix_rows(x, i, count), y_part = lsq_matrix_rows(y, i, count);
      const lsq_status status =
          rows->source->read(rows->source, run.first, &x_part, &y_part, error);
      if (status != LSQ_OK)
        return status;
    }
    i += count;
    at = at + count == self->count ? 0 : at + count;
  }
  return LSQ_OK;
}

static lsq_status read_window(const lsq_row_source *source, size_t first, const lsq_matrix *x,
                              const lsq_matrix *y, lsq_error *error) {
  const lsq_row_window *self = (const lsq_row_window *)(const void *)source;
  return lsq_shuffled_rows_read(self->from, self->offset + first, x, y, NULL, error);
}

void lsq_row_window_place(lsq_row_window *self, lsq_arena *arena, const lsq_shuffled_rows *from,
                          size_t count) {
  const lsq_rows *rows = from->rows;
  *self = (lsq_row_window){.source = {read_window},
                           .from = from,
                           .x = {NULL, count, rows->x->cols, rows->x->cols},
                           .y = {NULL, count, rows->y->cols, rows->y->cols},
                           .weight = (double)count};
  if (rows->weights != NULL)
    self->weights = lsq_arena_doubles(arena, count);
  self->rows = (lsq_rows){.x = &self->x,
                          .y = &self->y,
                          .weights = self->weights,
                          .source = &self->source,
                          .total = count};
}

void lsq_row_window_move(lsq_row_window *self, size_t offset) {
  const lsq_shuffled_rows *from = self->from;
  self->offset = offset % from->count;
  if (from->rows->weights == NULL)
    return;
  self->weight = 0;
  for (size_t i = 0; i < self->x.rows; i++) {
    const run_of_rows run = find(from, (self->offset + i) % from->count);
    self->weights[i] = from->rows->weights[run.first];
    self->weight += self->weights[i];
  }
}
