#include "nn/blend_part.h"

#include <string.h>

#include "base/simd.h"

double lsq_unit_value(lsq_unit unit, double z, double *slope) {
  double value = z, derivative = 1;
  if (unit == LSQ_UNIT_RELU) {
    derivative = z > 0;
    value = z > 0 ? z : 0;
  } else if (unit == LSQ_UNIT_TANH) {
    value = tanh(z);
    derivative = 1 - value * value;
  } else if (unit == LSQ_UNIT_SILU) {
    const double gate = 1 / (1 + exp(-z));
    value = z * gate;
    derivative = gate * (1 + z * (1 - gate));
  }
  if (slope != NULL)
    *slope = derivative;
  return value;
}

void lsq_blend_part_place(lsq_blend_part *part, lsq_arena *arena) {
  const size_t h = part->weight->cols;
  part->tables = lsq_arena_matrix(arena, part->map->knots.rows, h);
  part->base = lsq_arena_doubles(arena, h);
  part->hidden = lsq_arena_doubles(arena, h);
}

void lsq_blend_part_prepare(lsq_blend_part *part) {
  lsq_piecewise_tables(part->map, part->weight, &part->tables, part->base);
  for (size_t u = 0; u < part->weight->cols; u++)
    part->base[u] += part->bias->data[u];
}

LSQ_CLONES static void add_between(double *z, const double *at, double fraction, size_t count) {
  const double rest = 1 - fraction, *next = at + count;
#pragma omp simd
  for (size_t u = 0; u < count; u++)
    z[u] += rest * at[u] + fraction * next[u];
}

LSQ_CLONES static void add_scaled(double *z, double factor, const double *w, size_t count) {
#pragma omp simd
  for (size_t u = 0; u < count; u++)
    z[u] += factor * w[u];
}

/* z = what the units, or the outputs, get from a row. */
static void weigh(const lsq_blend_part *part, const double *row, double *z) {
  const size_t d = part->map->mean.cols, h = part->weight->cols;
  memcpy(z, part->base, h * sizeof *z);
  for (size_t j = 0; j < d; j++) {
    const lsq_piecewise_place place = lsq_piecewise_locate(part->map, j, row[j]);
    if (place.fraction != 0)
      add_between(z, lsq_matrix_row(&part->tables, place.knot), place.fraction, h);
    else if (place.knot != (size_t)part->map->first.data[j])
      add_scaled(z, 1, lsq_matrix_row(&part->tables, place.knot), h);
    if (place.beyond != 0)
      add_scaled(z, place.beyond, lsq_matrix_row(part->weight, j), h);
  }
}

static void predict_row(const lsq_blend_part *part, const double *row, double *out) {
  if (part->unit == LSQ_UNIT_NONE) {
    weigh(part, row, out);
    return;
  }
  const size_t outputs = part->output->cols;
  weigh(part, row, part->hidden);
  memcpy(out, part->offset->data, outputs * sizeof *out);
  for (size_t u = 0; u < part->weight->cols; u++) {
    const double value = lsq_unit_value(part->unit, part->hidden[u], NULL);
    if (value != 0)
      for (size_t c = 0; c < outputs; c++)
        out[c] += value * lsq_matrix_row(part->output, u)[c];
  }
  if (part->skip == NULL)
    return;
  for (size_t j = 0; j < part->skip->rows; j++) {
    const double s = (row[j] - part->map->mean.data[j]) / part->map->deviation.data[j];
    add_scaled(out, s, lsq_matrix_row(part->skip, j), outputs);
  }
}

void lsq_blend_part_predict(const lsq_blend_part *part, const lsq_matrix *x,
                            const lsq_matrix *out) {
  for (size_t i = 0; i < x->rows; i++)
    predict_row(part, lsq_matrix_row(x, i), lsq_matrix_row(out, i));
}
