#include "train/pattern_curvature.h"

#include <string.h>

#include "linalg/linalg.h"
#include "nn/dense.h"

enum { PARALLEL_FILL = 512 * 1024 }; /* numbers of the matrix below which one thread fills it */

void lsq_pattern_curvature_place(lsq_pattern_curvature *self, lsq_arena *arena,
                                 const lsq_network *net, size_t block_rows) {
  const size_t h = net->layers[0].weight.cols, m = lsq_network_inputs(net) + 1;
  *self = (lsq_pattern_curvature){.units = h, .features = m};
  lsq_pattern_gram_place(&self->gram, arena, h, m);
  self->moment = lsq_arena_doubles(arena, self->gram.products);
  self->scaled = lsq_arena_matrix(arena, block_rows, m);
  self->z = lsq_arena_matrix(arena, block_rows, h);
  self->product = lsq_arena_matrix(arena, h, h);
  self->incoming = lsq_arena_matrix(arena, h, m);
  self->activity = lsq_arena_matrix(arena, h + 1, h + 1);
}

void lsq_pattern_curvature_begin(lsq_pattern_curvature *self, const lsq_network *net) {
  const lsq_layer *hidden = &net->layers[0];
  const lsq_matrix weights = {self->incoming.data, self->units, self->features - 1, self->features};
  self->alpha = lsq_activation_slope(net->activation, net->alpha);
  self->weight = 0;
  lsq_pattern_gram_clear(&self->gram);
  memset(self->moment, 0, self->gram.products * sizeof *self->moment);
  lsq_transpose(&hidden->weight, &weights);
  for (size_t j = 0; j < self->units; j++)
    lsq_matrix_row(&self->incoming, j)[self->features - 1] = hidden->bias[j];
}

static void add_moment(lsq_pattern_curvature *self, const double *x) {
  double *product = self->moment;
  for (size_t p = 0; p < self->features; p++)
    for (size_t q = p; q < self->features; q++)
      *product++ += x[p] * x[q];
}

void lsq_pattern_curvature_add(lsq_pattern_curvature *self, const lsq_network *net,
                               const lsq_matrix *x, const double *weights) {
  const lsq_matrix scaled = lsq_matrix_rows(&self->scaled, 0, x->rows);
  const lsq_matrix z = lsq_matrix_rows(&self->z, 0, x->rows);
  lsq_dense_forward(x, &net->layers[0].weight, net->layers[0].bias, &z);
  for (size_t i = 0; i < x->rows; i++) {
    const double weight = weights == NULL ? 1 : weights[i], root = sqrt(weight);
    const double *from = lsq_matrix_row(x, i);
    double *to = lsq_matrix_row(&scaled, i);
    for (size_t p = 0; p < x->cols; p++)
      to[p] = root * from[p];
    to[x->cols] = root;
    self->weight += weight;
    if (self->alpha != 0)
      add_moment(self, to);
  }
  lsq_pattern_gram_add(&self->gram, &scaled, &z);
}

/* The packed sums over the rows in which both units fire. */
static const double *fired(const lsq_pattern_curvature *self, size_t j, size_t l) {
  const size_t pair = lsq_pattern_pair(self->units, lsq_size_min(j, l), lsq_size_max(j, l));
  return self->gram.sums + pair * self->gram.stride;
}

/* Entry (p, q) of U_jl. With V_j and V_l the sums over the rows in which each fires, and T those
   over all rows,

     U_jl = alpha^2 T + alpha (1 - alpha) (V_j + V_l) + (1 - alpha)^2 U^F_jl. */
static double pair_sum(const lsq_pattern_curvature *self, size_t j, size_t l, size_t p, size_t q) {
  const size_t at = lsq_pattern_pair(self->features, lsq_size_min(p, q), lsq_size_max(p, q));
  const double alpha = self->alpha, both = fired(self, j, l)[at];
  if (alpha == 0)
    return both;
  const double each = fired(self, j, j)[at] + fired(self, l, l)[at];
  return (1 - alpha) * (1 - alpha) * both + alpha * (1 - alpha) * each +
         alpha * alpha * self->moment[at];
}

/* Entry p of sum_i w_i G_ij x~_i. */
static double unit_sum(const lsq_pattern_curvature *self, size_t j, size_t p) {
  const size_t at = lsq_pattern_pair(self->features, p, self->features - 1);
  const double alpha = self->alpha;
  return (1 - alpha) * fired(self, j, j)[at] + (alpha == 0 ? 0 : alpha * self->moment[at]);
}

/* The rows of hidden unit j: with all units of the features before p, and those l <= j of p. */
static void fill_hidden(const lsq_pattern_curvature *self, size_t j, const lsq_matrix *matrix) {
  const size_t m = self->features, h = self->units;
  for (size_t p = 0; p < m; p++) {
    double *row = lsq_matrix_row(matrix, p * h + j);
    for (size_t q = 0; q <= p; q++)
      for (size_t l = 0; l < (q < p ? h : j + 1); l++) {
        const double *weights = lsq_matrix_row(&self->product, lsq_size_max(j, l));
        row[q * h + l] = weights[lsq_size_min(j, l)] * pair_sum(self, j, l, p, q);
      }
  }
}

/* The output's weights of unit l, or its biases (l = h), with the weight p of hidden unit j. */
static double mixed_sum(const lsq_pattern_curvature *self, size_t l, size_t j, size_t p) {
  if (l == self->units)
    return unit_sum(self, j, p);
  const double *a = lsq_matrix_row(&self->incoming, l);
  double sum = 0;
  for (size_t q = 0; q < self->features; q++)
    sum += pair_sum(self, j, l, p, q) * a[q];
  return sum;
}

/* The output layer with hidden unit j, and S'W S of unit j with the units l >= j. */
static void fill_mixed(const lsq_pattern_curvature *self, const lsq_network *net, size_t j,
                       const lsq_matrix *matrix) {
  const size_t m = self->features, h = self->units, c = lsq_network_outputs(net);
  const double *outgoing = lsq_matrix_row(&net->layers[1].weight, j);
  const double *incoming = lsq_matrix_row(&self->incoming, j);
  for (size_t l = 0; l <= h; l++) {
    double activity = 0;
    for (size_t p = 0; p < m; p++) {
      const double sum = mixed_sum(self, l, j, p);
      activity += incoming[p] * sum;
      for (size_t k = 0; k < c; k++)
        lsq_matrix_row(matrix, m * h + l * c + k)[p * h + j] = outgoing[k] * sum;
    }
    if (l >= j)
      lsq_matrix_row(&self->activity, l)[j] = activity;
  }
}

/* S'W S for each output. */
static void fill_output(const lsq_pattern_curvature *self, size_t c, const lsq_matrix *matrix) {
  const size_t first = self->units * self->features;
  for (size_t l = 0; l <= self->units; l++)
    for (size_t k = 0; k < c; k++) {
      double *row = lsq_matrix_row(matrix, first + l * c + k) + first;
      for (size_t i = 0; i <= l; i++)
        for (size_t other = 0; other < (i < l ? c : k + 1); other++)
          row[i * c + other] = k == other ? lsq_matrix_row(&self->activity, l)[i] : 0;
    }
}

void lsq_pattern_curvature_finish(lsq_pattern_curvature *self, const lsq_network *net,
                                  const lsq_matrix *matrix) {
  const lsq_matrix *outgoing = &net->layers[1].weight;
  lsq_multiply(1, outgoing, false, outgoing, true, 0, &self->product);
  lsq_matrix_row(&self->activity, self->units)[self->units] = self->weight;
  const size_t order = self->units * self->features;
#pragma omp parallel for schedule(dynamic, 1) if (order * order / 2 >= PARALLEL_FILL)
  for (size_t j = 0; j < self->units; j++) {
    fill_hidden(self, j, matrix);
    fill_mixed(self, net, j, matrix);
  }
  fill_output(self, outgoing->cols, matrix);
}
