#include "train/varpro_system.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "linalg/linalg.h"
#include "nn/dense.h"
#include "train/two_layer.h"

static const double OUTPUT_FLOOR = 1e-6;  /* of the largest diagonal entry of S'S, its ridge */
static const double DIAGONAL_FLOOR = 0.1; /* of the largest entry of D, its smallest */
enum { SAMPLE = 384 /* order of the part that is timed */ };
static const double SOLVE_WORK = 2e9; /* operations of a part of a solve, some 0.05 s */

void lsq_varpro_system_place(lsq_varpro_system *self, lsq_arena *arena, const lsq_network *net) {
  const size_t m = lsq_network_inputs(net) + 1, h = net->layers[0].weight.cols;
  const size_t order = lsq_size_multiply(m, h);
  *self = (lsq_varpro_system){.features = m, .units = h, .order = order};
  lsq_pattern_gram_place(&self->gram, arena, h, m);
  self->second = lsq_arena_matrix(arena, m, m);
  self->z = lsq_arena_matrix(arena, LSQ_VARPRO_BLOCK, h);
  self->features_of = lsq_arena_matrix(arena, LSQ_VARPRO_BLOCK, m);
  self->hidden = lsq_arena_matrix(arena, h, m);
  self->product = lsq_arena_doubles(arena, m);
  self->cross = lsq_arena_single(arena, order, h + 1);
  self->outputs = lsq_arena_matrix(arena, h + 1, h + 1);
  self->output_factor = lsq_arena_single(arena, h + 1, h + 1);
  self->pairs = lsq_arena_matrix(arena, h, h);
  self->matrix = lsq_arena_single(arena, order, order);
  self->mean = lsq_arena_single(arena, order, order);
  self->product_diagonal = lsq_arena_doubles(arena, order);
  self->diagonal = lsq_arena_doubles(arena, order);
  self->step = lsq_arena_take(arena, order, sizeof *self->step);
}

void lsq_varpro_system_start(lsq_varpro_system *self, const lsq_network *net) {
  self->alpha = lsq_activation_slope(net->activation, net->alpha);
  self->weight = 0;
  memset(self->mean.data, 0, self->order * self->order * sizeof(float));
  memset(self->matrix.data, 0, self->order * self->order * sizeof(float)); /* its pages: timing */
  memset(self->diagonal, 0, self->order * sizeof(double));
}

void lsq_varpro_system_clear(lsq_varpro_system *self) {
  lsq_pattern_gram_clear(&self->gram);
  lsq_matrix_fill(&self->second, 0);
}

void lsq_varpro_system_add(lsq_varpro_system *self, const lsq_network *net, const lsq_matrix *x,
                           const double *weights) {
  const lsq_layer *hidden = &net->layers[0];
  const lsq_matrix z = lsq_matrix_rows(&self->z, 0, x->rows);
  const lsq_matrix features = lsq_matrix_rows(&self->features_of, 0, x->rows);
  lsq_dense_forward(x, &hidden->weight, hidden->bias, &z);
  lsq_two_layer_fill_features(x, weights, &features);
  lsq_pattern_gram_add(&self->gram, &features, &z);
  if (self->alpha != 0)
    lsq_dense_gram(&features, &self->second);
}

static double *sums_of(const lsq_varpro_system *self, size_t j, size_t l) {
  return self->gram.sums + lsq_pattern_pair(self->units, j, l) * self->gram.stride;
}

/* Number of the product (p, q), p <= q, among those of a pair. */
static size_t product_of(const lsq_varpro_system *self, size_t p, size_t q) {
  return lsq_pattern_pair(self->features, p, q);
}

/* sums /= total; K of the column of ones: 1/W sum_i w_i G_ij x~_ip. */
static void scale_sums(lsq_varpro_system *self, double total) {
  const size_t m = self->features, h = self->units;
  const double alpha = self->alpha, scale = 1 / total;
  for (size_t k = 0; k < self->gram.pairs * self->gram.stride; k++)
    self->gram.sums[k] *= scale;
  for (size_t k = 0; k < m * m; k++)
    self->second.data[k] *= scale;
  for (size_t p = 0; p < m; p++) {
    const double all = alpha * lsq_matrix_row(&self->second, m - 1)[p];
    for (size_t j = 0; j < h; j++)
      lsq_single_row(&self->cross, p * h + j)[h] =
          (float)(all + (1 - alpha) * sums_of(self, j, j)[product_of(self, p, m - 1)]);
  }
}

/* U of the slopes from U of the bits, with V_j = U_jj of the bits and T = X~'X~:
   alpha^2 T + alpha (1 - alpha) (V_j + V_l) + (1 - alpha)^2 U_jl. The diagonal comes last. */
static void leak(lsq_varpro_system *self) {
  const size_t m = self->features, h = self->units;
  const double alpha = self->alpha, rest = 1 - alpha;
  for (size_t pass = 0; pass < 2; pass++)
    for (size_t j = 0; j < h; j++)
      for (size_t l = pass == 0 ? j + 1 : j; l < (pass == 0 ? h : j + 1); l++) {
        double *sums = sums_of(self, j, l);
        const double *left = sums_of(self, j, j), *right = sums_of(self, l, l);
        for (size_t p = 0, k = 0; p < m; p++)
          for (size_t q = p; q < m; q++, k++)
            sums[k] = alpha * alpha * lsq_matrix_row(&self->second, q)[p] +
                      alpha * rest * (left[k] + right[k]) + rest * rest * sums[k];
      }
}

/* out = u a, u symmetric, its upper triangle row by row. */
LSQ_INLINE void multiply_packed(const double *restrict u, const double *restrict a,
                                double *restrict out, size_t m) {
  for (size_t p = 0; p < m; p++)
    out[p] = 0;
  for (size_t p = 0; p < m; p++, u += m - p + 1) {
    double sum = u[0] * a[p];
    const double factor = a[p];
#pragma omp simd reduction(+ : sum)
    for (size_t k = 1; k < m - p; k++) {
      sum += u[k] * a[p + k];
      out[p + k] += u[k] * factor;
    }
    out[p] += sum;
  }
}

/* K_jl and (S'S)_jl, of all units. */
static LSQ_CLONES void cross_units(lsq_varpro_system *self) {
  const size_t m = self->features, h = self->units;
  for (size_t j = 0; j < h; j++)
    for (size_t l = j; l < h; l++) {
      const double *u = sums_of(self, j, l), *a_j = lsq_matrix_row(&self->hidden, j);
      double both = 0;
      multiply_packed(u, lsq_matrix_row(&self->hidden, l), self->product, m);
      for (size_t p = 0; p < m; p++) {
        both += a_j[p] * self->product[p];
        lsq_single_row(&self->cross, p * h + j)[l] = (float)self->product[p];
      }
      lsq_matrix_row(&self->outputs, l)[j] = both;
      if (l == j)
        continue;
      multiply_packed(u, a_j, self->product, m);
      for (size_t p = 0; p < m; p++)
        lsq_single_row(&self->cross, p * h + l)[j] = (float)self->product[p];
    }
}

/* (S'S) of the column of ones, and the ridge. */
static void finish_outputs(lsq_varpro_system *self, double lambda) {
  const size_t m = self->features, h = self->units;
  double largest = 1;
  for (size_t j = 0; j < h; j++) {
    double sum = 0;
    for (size_t p = 0; p < m; p++)
      sum +=
          lsq_matrix_row(&self->hidden, j)[p] * (double)lsq_single_row(&self->cross, p * h + j)[h];
    lsq_matrix_row(&self->outputs, h)[j] = sum;
    largest = fmax(largest, lsq_matrix_row(&self->outputs, j)[j]);
  }
  lsq_matrix_row(&self->outputs, h)[h] = 1;
  for (size_t j = 0; j <= h; j++)
    lsq_matrix_row(&self->outputs, j)[j] += lambda + OUTPUT_FLOOR * largest;
}

static void copy_hidden(lsq_varpro_system *self, const lsq_network *net) {
  const lsq_layer *hidden = &net->layers[0];
  lsq_transpose(&hidden->weight,
                &(lsq_matrix){self->hidden.data, self->units, self->features - 1, self->features});
  for (size_t j = 0; j < self->units; j++)
    lsq_matrix_row(&self->hidden, j)[self->features - 1] = hidden->bias[j];
}

/* The lower triangle of `matrix` <- U. */
static LSQ_CLONES void spread(lsq_varpro_system *self) {
  const size_t m = self->features, h = self->units, stride = self->gram.stride;
  for (size_t p = 0; p < m; p++)
    for (size_t q = p; q < m; q++) {
      const double *from = self->gram.sums + product_of(self, p, q);
      for (size_t j = 0; j < h; j++) {
        float *row_j = lsq_single_row(&self->matrix, q * h + j) + p * h;
        for (size_t l = j; l < h; l++, from += stride) {
          const float value = (float)*from;
          lsq_single_row(&self->matrix, q * h + l)[p * h + j] = value;
          row_j[l] = value;
        }
      }
    }
}

lsq_status lsq_varpro_system_project(lsq_varpro_system *self, const lsq_network *net, double total,
                                     double lambda, lsq_error *error) {
  const lsq_matrix *output = &net->layers[1].weight;
  scale_sums(self, total);
  if (self->alpha != 0)
    leak(self);
  copy_hidden(self, net);
  cross_units(self);
  finish_outputs(self, lambda);
  const lsq_status status = lsq_cholesky(&self->outputs, error);
  if (status != LSQ_OK)
    return status;
  for (size_t j = 0; j <= self->units; j++)
    for (size_t l = 0; l <= j; l++)
      lsq_single_row(&self->output_factor, j)[l] = (float)lsq_matrix_row(&self->outputs, j)[l];
  lsq_single_forward_rows(&self->output_factor, &self->cross);
  spread(self);
  lsq_multiply(1, output, false, output, true, 0, &self->pairs);
  for (size_t p = 0; p < self->features; p++)
    for (size_t j = 0; j < self->units; j++) {
      const size_t k = p * self->units + j;
      self->product_diagonal[k] =
          lsq_matrix_row(&self->pairs, j)[j] * (double)lsq_single_row(&self->matrix, k)[k];
    }
  lsq_single_subtract_products(&self->cross, &self->matrix);
  return LSQ_OK;
}

/* to += (pairs * from - to) / weight, over a block row of units. */
LSQ_INLINE void average_row(const double *restrict pairs, const float *restrict from,
                            float *restrict to, float share, size_t count) {
#pragma omp simd
  for (size_t j = 0; j < count; j++)
    to[j] += ((float)pairs[j] * from[j] - to[j]) * share;
}

static LSQ_CLONES void average_matrix(lsq_varpro_system *self, float share) {
  const size_t h = self->units;
  for (size_t k = 0; k < self->order; k++) {
    const double *pairs = lsq_matrix_row(&self->pairs, k % h);
    const float *from = lsq_single_row(&self->matrix, k);
    float *to = lsq_single_row(&self->mean, k);
    for (size_t p = 0; p <= k / h; p++)
      average_row(pairs, from + p * h, to + p * h, share, h);
  }
}

void lsq_varpro_system_average(lsq_varpro_system *self, double decay) {
  self->weight = decay * self->weight + 1;
  average_matrix(self, (float)(1 / self->weight));
  for (size_t k = 0; k < self->order; k++)
    self->diagonal[k] += (self->product_diagonal[k] - self->diagonal[k]) / self->weight;
}

void lsq_varpro_system_begin_solve(lsq_varpro_system *self, double damping, double lambda,
                                   const double *gradient) {
  double largest = 0;
  for (size_t k = 0; k < self->order; k++)
    largest = fmax(largest, self->diagonal[k]);
  for (size_t k = 0; k < self->order; k++) {
    float *row = lsq_single_row(&self->matrix, k);
    memcpy(row, lsq_single_row(&self->mean, k), (k + 1) * sizeof *row);
    row[k] += (float)(lambda + damping * fmax(self->diagonal[k], DIAGONAL_FLOOR * largest));
    self->step[k] = (float)-gradient[k];
  }
  self->column = 0;
}

/* Columns whose part of the factor takes about SOLVE_WORK; all where that is not much more. */
static size_t columns_of(const lsq_varpro_system *self) {
  const double order = (double)self->order, first = (double)self->column;
  if (order * order * order / 3 < SOLVE_WORK)
    return self->order;
  const double count = SOLVE_WORK / (2 * (order - first) * (first + 256));
  return lsq_size_min(count < 64 ? 64 : (size_t)count, self->order - self->column);
}

lsq_status lsq_varpro_system_solve(lsq_varpro_system *self, bool *done, lsq_error *error) {
  const size_t count = columns_of(self);
  const lsq_status status = lsq_single_cholesky_columns(&self->matrix, self->column, count, error);
  self->column += count;
  *done = status == LSQ_OK && self->column == self->order;
  if (*done)
    lsq_single_cholesky_solve(&self->matrix, self->step);
  return status;
}

double lsq_varpro_system_sample(lsq_varpro_system *self, const double *gradient) {
  const size_t part = lsq_size_min(self->order, SAMPLE);
  const lsq_single leading = {self->matrix.data, part, part, self->matrix.stride};
  lsq_error error;
  lsq_varpro_system_begin_solve(self, 1, 1, gradient);
  lsq_single_cholesky_columns(&leading, 0, part, &error);
  return pow((double)self->order / (double)part, 3);
}
