#include "train/run/scale.h"

#include <math.h>

#include "base/point.h"

/* Starts have weights of about 1 / sqrt(inputs), so that sums of columns of deviation 1 are about 1
   too: beyond 10 tanh is flat and the kinks of relu lie on one side of the data; below 1/100 a
   column has no say. A year of mean 2005 and deviation 9 stopped Adam at an R2 of -55. */
static const double MOST = 10, LEAST = 0.01;
enum { BLOCK_ROWS = 1024 };

struct lsq_scale {
  lsq_row_reader reader;
  double *mean, *square; /* of the columns of X, then Y; the sum of squared deviations */
};

void lsq_scale_place(lsq_run *run, lsq_arena *arena) {
  const lsq_rows *rows = &run->problem.rows;
  const size_t columns = rows->x->cols + rows->y->cols;
  if ((run->trainer->takes & LSQ_NEEDS_SCALE) == 0)
    return;
  lsq_scale measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  lsq_row_reader_place(&self->reader, arena, rows, lsq_size_min(rows->x->rows, BLOCK_ROWS));
  self->mean = lsq_arena_doubles(arena, columns);
  self->square = lsq_arena_doubles(arena, columns);
  run->scale = arena->base == NULL ? NULL : self;
}

/* Welford's update by one row, of which `total` counts all weights so far, this one's included. */
static void add_row(const lsq_matrix *m, size_t row, double weight, double total, double *mean,
                    double *square) {
  for (size_t j = 0; j < m->cols && total > 0; j++) {
    const double from = lsq_matrix_row(m, row)[j] - mean[j];
    mean[j] += from * weight / total;
    square[j] += weight * from * (lsq_matrix_row(m, row)[j] - mean[j]);
  }
}

/* The sum of the weights; 0 when rows cannot be read any more. */
static double gather(lsq_scale *self) {
  const lsq_rows *rows = self->reader.rows;
  const size_t d = rows->x->cols, columns = d + rows->y->cols, count = rows->x->rows;
  double total = 0;
  for (size_t j = 0; j < columns; j++)
    self->mean[j] = self->square[j] = 0;
  for (size_t first = 0; first < count; first += BLOCK_ROWS) {
    const size_t in_block = lsq_size_min(BLOCK_ROWS, count - first);
    lsq_row_block block;
    if (!lsq_row_reader_get(&self->reader, first, in_block, &block))
      return 0;
    for (size_t i = 0; i < in_block; i++) {
      const double weight = block.weights == NULL ? 1 : block.weights[i];
      total += weight;
      add_row(&block.x, i, weight, total, self->mean, self->square);
      add_row(&block.y, i, weight, total, self->mean + d, self->square + d);
    }
  }
  return total;
}

/* How far from standardised, 1 at the limit; 0 for a constant, which does no harm but by its mean.
 */
static double distance(double mean, double deviation) {
  const double large = fmax(fabs(mean), deviation) / MOST;
  return deviation > 0 ? fmax(large, LEAST / deviation) : large;
}

static void warn(const char *name, const double *mean, const double *square, size_t columns,
                 double total, lsq_result *result) {
  size_t worst = 0, count = 0;
  double furthest = 0, deviation_of_worst = 0;
  for (size_t j = 0; j < columns; j++) {
    const double deviation = sqrt(square[j] / total), far = distance(mean[j], deviation);
    count += far > 1;
    if (!(far > furthest))
      continue;
    worst = j;
    furthest = far;
    deviation_of_worst = deviation;
  }
  if (count == 0)
    return;
  char mean_text[LSQ_POINT_SIZE], deviation_text[LSQ_POINT_SIZE];
  lsq_warn(
      result,
      "column %zu of %s has mean %s and deviation %s%s: training depends on scale, standardise "
      "first (lsqnet.data.standardize)",
      worst + 1, name, lsq_number_text(mean[worst], 4, mean_text),
      lsq_number_text(deviation_of_worst, 3, deviation_text),
      count > 1 ? ", and others are far off" : "");
}

void lsq_scale_warn(const lsq_run *run, lsq_result *result) {
  lsq_scale *self = run->scale;
  const lsq_rows *rows = &run->problem.rows;
  if (self == NULL)
    return;
  const double total = gather(self);
  if (!(total > 0))
    return;
  warn("X", self->mean, self->square, rows->x->cols, total, result);
  if (run->problem.net->loss->per_entry)
    warn("Y", self->mean + rows->x->cols, self->square + rows->x->cols, rows->y->cols, total,
         result);
}
