#include "train/varpro_warm.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "train/descent.h"

enum { BATCH = 256, MEASURED_BATCHES = 16, TIMED_BATCHES = 25 };
static const double FIRST_RATE = 0.03, LAST_RATE = 3e-4;
static const double PI = 3.14159265358979323846;

static size_t hidden_count(const lsq_network *net) {
  return (lsq_network_inputs(net) + 1) * net->layers[0].weight.cols;
}

void lsq_varpro_warm_place(lsq_varpro_warm *self, lsq_arena *arena, const lsq_network *net,
                           lsq_shuffled_rows *rows) {
  const size_t n = rows->rows->x->rows, count = net->parameter_count;
  *self = (lsq_varpro_warm){.net = net, .rows = rows, .batch = lsq_size_min(BATCH, n)};
  self->x = lsq_arena_matrix(arena, self->batch, lsq_network_inputs(net));
  self->y = lsq_arena_matrix(arena, self->batch, lsq_network_outputs(net));
  self->gradient = lsq_arena_doubles(arena, count);
  self->hidden_moments = lsq_arena_doubles(arena, 2 * hidden_count(net));
  self->output_moments = lsq_arena_doubles(arena, 2 * (count - hidden_count(net)));
  self->former = lsq_arena_doubles(arena, count);
  self->weights = lsq_arena_doubles(arena, self->batch);
  const lsq_rows batch = lsq_rows_over(&self->x, &self->y);
  self->work = lsq_gradient_take(arena, net, &batch, (size_t)lsq_threads());
}

void lsq_varpro_warm_start(lsq_varpro_warm *self, size_t steps) {
  const size_t hidden = hidden_count(self->net), count = self->net->parameter_count;
  memset(self->hidden_moments, 0, 2 * hidden * sizeof(double));
  memset(self->output_moments, 0, 2 * (count - hidden) * sizeof(double));
  self->batches = (self->rows->count + self->batch - 1) / self->batch;
  self->steps = steps;
  self->step = 0;
  self->squared_error = self->seen = 0;
}

lsq_status lsq_varpro_warm_measure(lsq_varpro_warm *self, lsq_error *error) {
  const size_t c = self->y.cols;
  const size_t batches = lsq_size_min(MEASURED_BATCHES, self->rows->count / self->batch);
  double variance = 0;
  for (size_t k = 0; k < c; k++) {
    double sum = 0, square = 0, origin = 0, rows = 0;
    for (size_t b = 0; b < batches; b++) {
      const lsq_status status =
          lsq_shuffled_rows_read(self->rows, b * self->batch, &self->x, &self->y, NULL, error);
      if (status != LSQ_OK)
        return status;
      origin = b == 0 ? self->y.data[k] : origin;
      for (size_t i = 0; i < self->batch; i++) {
        const double off = lsq_matrix_row(&self->y, i)[k] - origin;
        sum += off;
        square += off * off;
      }
      rows += (double)self->batch;
    }
    variance += rows == 0 ? 0 : fmax(0, square / rows - sum / rows * (sum / rows));
  }
  self->target_deviation = variance > 0 && isfinite(variance) ? sqrt(variance / (double)c) : 1;
  return LSQ_OK;
}

static double rate_of(const lsq_varpro_warm *self) {
  const double done = (double)self->step / (double)self->steps;
  return LAST_RATE + (FIRST_RATE - LAST_RATE) * (1 + cos(PI * done)) / 2;
}

/* Adam does not know how large a parameter is: those of the output layer are as large as the
   targets, which need not have deviation 1. */
static void update(lsq_varpro_warm *self) {
  const size_t hidden = hidden_count(self->net), count = self->net->parameter_count;
  lsq_descent_update part = {.parameters = self->net->parameters,
                             .gradient = self->gradient,
                             .moments = self->hidden_moments,
                             .count = hidden,
                             .step = (double)self->step + 1,
                             .learning_rate = rate_of(self)};
  lsq_adam_update(&part);
  part.parameters += hidden;
  part.gradient += hidden;
  part.moments = self->output_moments;
  part.count = count - hidden;
  part.learning_rate *= self->target_deviation;
  lsq_adam_update(&part);
}

lsq_status lsq_varpro_warm_step(lsq_varpro_warm *self, lsq_error *error) {
  const size_t in_pass = self->step % self->batches, first = in_pass * self->batch;
  const size_t rows = lsq_size_min(self->batch, self->rows->count - first);
  const lsq_matrix x = lsq_matrix_rows(&self->x, 0, rows), y = lsq_matrix_rows(&self->y, 0, rows);
  if (in_pass == 0 && self->step > 0)
    lsq_shuffled_rows_shuffle(self->rows, self->random);
  const lsq_status status = lsq_shuffled_rows_read(self->rows, first, &x, &y, self->weights, error);
  if (status != LSQ_OK)
    return status;
  lsq_rows batch = lsq_rows_over(&x, &y);
  batch.weights = self->weights;
  const double weight = lsq_rows_weight(&batch);
  if (weight == 0) { /* of a stream */
    self->step++;
    return LSQ_OK;
  }
  const double loss = lsq_network_gradient(self->net, &batch, self->gradient, self->work);
  if (!isfinite(loss))
    return lsq_fail(error, LSQ_NON_FINITE, "the loss is not finite");
  self->squared_error += loss * weight;
  self->seen += weight;
  update(self);
  self->step++;
  return LSQ_OK;
}

bool lsq_varpro_warm_pass_ended(lsq_varpro_warm *self, double *loss) {
  if (self->step < self->steps && self->step % self->batches != 0)
    return false;
  *loss = self->seen > 0 ? self->squared_error / self->seen : 0;
  self->squared_error = self->seen = 0;
  return true;
}

static void sort(double *values, size_t count) {
  for (size_t i = 1; i < count; i++)
    for (size_t k = i; k > 0 && values[k] < values[k - 1]; k--) {
      const double larger = values[k - 1];
      values[k - 1] = values[k];
      values[k] = larger;
    }
}

lsq_status lsq_varpro_warm_time(lsq_varpro_warm *self, double *seconds, lsq_error *error) {
  const size_t bytes = self->net->parameter_count * sizeof(double);
  double each[TIMED_BATCHES];
  size_t count = (self->rows->count + self->batch - 1) / self->batch;
  count = lsq_size_min(count, TIMED_BATCHES); /* the order of the rows stays */
  lsq_varpro_warm_start(self, count);
  memcpy(self->former, self->net->parameters, bytes);
  for (size_t k = 0; k < count; k++) {
    const double began = lsq_clock_seconds();
    const lsq_status status = lsq_varpro_warm_step(self, error);
    if (status != LSQ_OK)
      return status;
    each[k] = lsq_clock_seconds() - began;
  }
  memcpy(self->net->parameters, self->former, bytes);
  sort(each, count);
  *seconds = each[count / 2];
  return LSQ_OK;
}
