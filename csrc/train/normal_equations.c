#include "train/normal_equations.h"

#include <string.h>

#include "linalg/linalg.h"
#include "nn/dense.h"

enum {
  MOST_LANES = 16,
  JACOBIAN_DOUBLES = 64 * 1024, /* of a block: 512 KiB, within a second-level cache */
  LEAST_BLOCK = 8,
  PARALLEL_WORK = 4 * 1024 * 1024 /* multiplications below which one thread does it all */
};
static const size_t LANES_MEMORY = (size_t)64 << 20; /* bytes, for all lanes together */
static const double STEP_WORK = 4e8;                 /* multiplications: about 0.1 s */

struct lsq_jacobian_lane {
  lsq_matrix *activations; /* depth of them: block_rows x width of the layer */
  lsq_matrix deltas[2];    /* block_rows x the widest layer */
  lsq_matrix jacobian;     /* block_rows x count, of one output */
  lsq_matrix residual;     /* block_rows x 1, of that output */
  lsq_matrix matrix;       /* count x count, lower: this lane's J'J */
  lsq_matrix gradient;     /* count x 1: this lane's J'r */
  double squared_error;
};

static void place_lane(lsq_jacobian_lane *lane, lsq_arena *arena, const lsq_normal_equations *self,
                       const lsq_network *net) {
  size_t widest = 0;
  lane->activations = lsq_arena_take(arena, net->depth, sizeof *lane->activations);
  for (size_t k = 0; k < net->depth; k++) {
    const size_t width = net->layers[k].weight.cols;
    const lsq_matrix a = lsq_arena_matrix(arena, self->block_rows, width);
    if (lane->activations != NULL)
      lane->activations[k] = a;
    widest = lsq_size_max(widest, width);
  }
  for (int k = 0; k < 2; k++)
    lane->deltas[k] = lsq_arena_matrix(arena, self->block_rows, widest);
  lane->jacobian = lsq_arena_matrix(arena, self->block_rows, self->count);
  lane->residual = lsq_arena_matrix(arena, self->block_rows, 1);
  lane->matrix = lsq_arena_matrix(arena, self->count, self->count);
  lane->gradient = lsq_arena_matrix(arena, self->count, 1);
}

static void place_lanes(lsq_normal_equations *self, lsq_arena *arena, const lsq_network *net) {
  lsq_jacobian_lane probe;
  lsq_arena measure = lsq_arena_measure();
  const size_t count = self->count;
  self->block_rows = lsq_size_max(lsq_size_min(JACOBIAN_DOUBLES / count, 256), LEAST_BLOCK);
  place_lane(&probe, &measure, self, net);
  self->lanes = lsq_size_max(1, lsq_size_min(LANES_MEMORY / measure.used, MOST_LANES));
  const double row_work = (double)lsq_network_outputs(net) * (double)count * (double)count / 2;
  const double rows = STEP_WORK / row_work;
  const size_t blocks = (size_t)(rows / (double)(self->block_rows * self->lanes));
  self->step_rows = self->block_rows * self->lanes * lsq_size_max(1, lsq_size_min(blocks, 64));
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++)
    place_lane(self->lane == NULL ? &probe : &self->lane[k], arena, self, net);
}

void lsq_normal_equations_place(lsq_normal_equations *self, lsq_arena *arena,
                                const lsq_network *net, const lsq_rows *rows, bool may_use_kernel) {
  lsq_error no_two_layer_net;
  const size_t count = net->parameter_count;
  *self = (lsq_normal_equations){.rows = rows, .count = count};
  lsq_network_place_like(&self->net, arena, net);
  self->matrix = lsq_arena_matrix(arena, count, count);
  self->gradient = lsq_arena_doubles(arena, count);
  self->is_two_layer = may_use_kernel && lsq_two_layer_check(net, "", &no_two_layer_net) == LSQ_OK;
  if (!self->is_two_layer) {
    place_lanes(self, arena, net);
    return;
  }
  lsq_two_layer_place(&self->layers, arena, net, rows);
  lsq_hidden_system_place(&self->system, arena, self->layers.h, self->layers.d + 1, false, false);
}

void lsq_normal_equations_start(lsq_normal_equations *self) {
  if (self->is_two_layer)
    lsq_hidden_system_start(&self->system, lsq_two_layer_alpha(&self->net), &self->layers.moment);
}

void lsq_normal_equations_begin(lsq_normal_equations *self, const double *parameters) {
  memcpy(self->net.parameters, parameters, self->count * sizeof *parameters);
  self->row = 0;
  if (self->is_two_layer) {
    lsq_two_layer_start(&self->layers, &self->net);
    lsq_two_layer_begin_fit(&self->layers);
    return;
  }
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_matrix_fill(&self->lane[k].matrix, 0);
    lsq_matrix_fill(&self->lane[k].gradient, 0);
    self->lane[k].squared_error = 0;
  }
}

static void forward(const lsq_network *net, lsq_jacobian_lane *lane, lsq_matrix in) {
  for (size_t k = 0; k < net->depth; k++) {
    const lsq_matrix out = lsq_matrix_rows(&lane->activations[k], 0, in.rows);
    lsq_dense_forward(&in, &net->layers[k].weight, net->layers[k].bias, &out);
    lsq_activate(lsq_network_activation(net, k), net->alpha, &out);
    in = out;
  }
}

/* The columns of J that belong to one layer: row by row the outer product of what the layer
   takes (n x inputs) and d prediction / d its output before activation (n x outputs). */
static void fill_layer(const lsq_network *net, const lsq_layer *layer, const lsq_matrix *in,
                       const lsq_matrix *delta, const lsq_matrix *jacobian) {
  const size_t outputs = layer->weight.cols;
  for (size_t i = 0; i < in->rows; i++) {
    const double *taken = lsq_matrix_row(in, i), *slope = lsq_matrix_row(delta, i);
    double *row = lsq_matrix_row(jacobian, i) + (layer->weight.data - net->parameters);
    for (size_t p = 0; p < in->cols; p++)
      for (size_t q = 0; q < outputs; q++)
        *row++ = taken[p] * slope[q];
    if (layer->bias != NULL)
      memcpy(row, slope, outputs * sizeof *row);
  }
}

/* jacobian <- d(output k) / d(parameters) of the rows that went forward, by backpropagation of
   a unit vector. */
static void fill_jacobian(const lsq_network *net, lsq_jacobian_lane *lane, const lsq_matrix *x,
                          size_t output, const lsq_matrix *jacobian) {
  const size_t rows = x->rows, outputs = lsq_network_outputs(net);
  lsq_matrix delta = lsq_matrix_over(lane->deltas[0].data, rows, outputs);
  lsq_matrix_fill(&delta, 0);
  for (size_t i = 0; i < rows; i++)
    lsq_matrix_row(&delta, i)[output] = 1;
  for (size_t k = net->depth; k-- > 0;) {
    const lsq_layer *layer = &net->layers[k];
    const lsq_matrix a = lsq_matrix_rows(&lane->activations[k], 0, rows);
    lsq_activation_backward(lsq_network_activation(net, k), net->alpha, NULL, &a, &delta);
    const lsq_matrix in = k == 0 ? *x : lsq_matrix_rows(&lane->activations[k - 1], 0, rows);
    fill_layer(net, layer, &in, &delta, jacobian);
    if (k == 0)
      break;
    const lsq_matrix below =
        lsq_matrix_over(lane->deltas[(net->depth - k) % 2].data, rows, in.cols);
    lsq_dense_backward(&delta, &layer->weight, &below);
    delta = below;
  }
}

static void add_block(const lsq_normal_equations *self, lsq_jacobian_lane *lane,
                      const lsq_matrix *x, const lsq_matrix *y) {
  const lsq_network *net = &self->net;
  const lsq_matrix jacobian = lsq_matrix_rows(&lane->jacobian, 0, x->rows);
  const lsq_matrix residual = lsq_matrix_rows(&lane->residual, 0, x->rows);
  const lsq_matrix *output = &lane->activations[net->depth - 1];
  forward(net, lane, *x);
  for (size_t k = 0; k < y->cols; k++) {
    for (size_t i = 0; i < x->rows; i++) {
      const double r = lsq_matrix_row(output, i)[k] - lsq_matrix_row(y, i)[k];
      residual.data[i] = r;
      lane->squared_error += r * r;
    }
    fill_jacobian(net, lane, x, k, &jacobian);
    lsq_dense_gram(&jacobian, &lane->matrix);
    lsq_dense_gradient(&jacobian, &residual, &lane->gradient, NULL);
  }
}

/* The lanes' sums, in their order. */
static void sum_lanes(lsq_normal_equations *self) {
  lsq_matrix gradient = lsq_matrix_over(self->gradient, self->count, 1);
  self->squared_error = 0;
  lsq_matrix_fill(&self->matrix, 0);
  lsq_matrix_fill(&gradient, 0);
  for (size_t k = 0; k < self->lanes; k++) {
    const lsq_jacobian_lane *lane = &self->lane[k];
    self->squared_error += lane->squared_error;
    for (size_t i = 0; i < self->count; i++) {
      double *sum = lsq_matrix_row(&self->matrix, i);
      const double *term = lsq_matrix_row(&lane->matrix, i);
      for (size_t j = 0; j <= i; j++)
        sum[j] += term[j];
      self->gradient[i] += lane->gradient.data[i];
    }
  }
}

static bool advance_any(lsq_normal_equations *self) {
  const size_t rows = lsq_size_min(self->step_rows, self->rows->x->rows - self->row);
  const size_t each = (rows + self->lanes - 1) / self->lanes;
  const bool pays = rows * self->count * self->count >= PARALLEL_WORK;
#pragma omp parallel for schedule(static, 1) if (pays)
  for (size_t k = 0; k < self->lanes; k++) {
    const size_t end = self->row + lsq_size_min((k + 1) * each, rows);
    size_t first = self->row + lsq_size_min(k * each, rows);
    for (size_t count; first < end; first += count) {
      count = lsq_size_min(self->block_rows, end - first);
      const lsq_matrix x = lsq_matrix_rows(self->rows->x, first, count);
      const lsq_matrix y = lsq_matrix_rows(self->rows->y, first, count);
      add_block(self, &self->lane[k], &x, &y);
    }
  }
  self->row += rows;
  if (self->row < self->rows->x->rows)
    return false;
  sum_lanes(self);
  return true;
}

static void put(const lsq_matrix *lower, size_t a, size_t b, double value) {
  lsq_matrix_row(lower, lsq_size_max(a, b))[lsq_size_min(a, b)] = value;
}

/* J'J of the hidden layer with itself: ANMIN's matrix, with no scale and no ridge. */
static void fill_hidden(lsq_normal_equations *self) {
  lsq_hidden_system_assemble(&self->system, &self->net.layers[1].weight, 1, 0);
  for (size_t row = 0; row < self->system.order; row++)
    memcpy(lsq_matrix_row(&self->matrix, row), lsq_matrix_row(&self->system.matrix, row),
           (row + 1) * sizeof(double));
}

/* J'J of the output layer with the hidden one. For weight (l, k) and unit j it is
   B_jk U_jl a_l, S_l being G_l o (X~ a_l); for the bias, S being 1, B_jk sum_i G_ij x~_i. */
static void fill_mixed(lsq_normal_equations *self) {
  const lsq_two_layer *layers = &self->layers;
  const lsq_hidden_system *system = &self->system;
  const size_t h = layers->h, c = layers->c, m = layers->d + 1, first = m * h;
  for (size_t j = 0; j < h; j++)
    for (size_t p = 0; p < m; p++)
      for (size_t l = 0; l <= h; l++) {
        double sum = l == h ? lsq_hidden_system_unit_moment(system, j, p) : 0;
        for (size_t q = 0; l < h && q < m; q++)
          sum +=
              lsq_hidden_system_pair_moment(system, j, l, p, q) * self->net.parameters[q * h + l];
        const double *weights = lsq_matrix_row(&self->net.layers[1].weight, j);
        for (size_t k = 0; k < c; k++)
          put(&self->matrix, first + l * c + k, p * h + j, weights[k] * sum);
      }
}

/* J'J of the output layer with itself, S'S for each output, and its J'r, S'(S [B; b0] - Y). */
static void fill_output(lsq_normal_equations *self) {
  lsq_two_layer *layers = &self->layers;
  const size_t h = layers->h, c = layers->c, first = (layers->d + 1) * h;
  const double *flat = self->net.parameters + first; /* [B; b0], (h+1) x c */
  for (size_t l = 0; l <= h; l++)
    for (size_t k = 0; k < c; k++) {
      double sum = -lsq_matrix_row(&layers->cross, l)[k];
      for (size_t i = 0; i <= h; i++) {
        const double value = lsq_matrix_row(&layers->gram, lsq_size_max(i, l))[lsq_size_min(i, l)];
        sum += value * flat[i * c + k];
        for (size_t other = 0; i <= l && other < c; other++)
          put(&self->matrix, first + l * c + k, first + i * c + other, other == k ? value : 0);
      }
      self->gradient[first + l * c + k] = sum;
    }
}

static bool advance_two_layer(lsq_normal_equations *self) {
  lsq_two_layer *layers = &self->layers;
  if (!lsq_two_layer_advance(layers))
    return false;
  if (layers->pass == LSQ_FIT_PASS) {
    lsq_two_layer_sum_fit(layers, 1);
    lsq_two_layer_begin_evaluate(layers, LSQ_RESIDUALS, &self->system.gram);
    return false;
  }
  self->squared_error = lsq_two_layer_squared_error(layers);
  fill_hidden(self);
  fill_mixed(self);
  fill_output(self);
  lsq_two_layer_sum_right(layers, 1, self->gradient);
  return true;
}

bool lsq_normal_equations_advance(lsq_normal_equations *self) {
  return self->is_two_layer ? advance_two_layer(self) : advance_any(self);
}
