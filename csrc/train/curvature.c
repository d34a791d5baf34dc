#include "train/curvature.h"

#include <string.h>

#include "nn/blocks.h"
#include "nn/dense.h"
#include "nn/loss.h"
#include "train/kronecker_gram.h"

enum {
  MOST_LANES = 8,
  MOST_BLOCK = 256,
  LEAST_BLOCK = 8,
  LEAST_SHARE = 256,           /* rows of a lane, unless there are fewer */
  SCRATCH_DOUBLES = 96 * 1024, /* of a block, within a second-level cache */
  PATTERN_BLOCK = 2048,        /* rows that the pattern kernel is given at a time, at most */
  PARALLEL_COST = 50 * 1000    /* nanoseconds below which one thread does it all */
};
static const size_t LANES_MEMORY = (size_t)64 << 20; /* bytes, for all lanes' sums together */
static const double STEP_COST = 3e7;                 /* nanoseconds, as reckoned below */

struct lsq_curvature_lane {
  lsq_row_reader reader;
  lsq_matrix x, y;         /* block_rows x d and x c: the rows of a block in `order` */
  double *weights;         /* block_rows, of these rows */
  lsq_matrix *activations; /* depth + 1 of them, x the first: block_rows x width */
  lsq_matrix *slopes;      /* depth: of the activations, of the same shapes */
  lsq_matrix *deltas;      /* depth: c times block_rows x width, output by output */
  double *z;               /* block_rows x the widest layer: one before its activation */
  double *factor;          /* c x c: of the loss's curvature in a row */
  double *left, *right;    /* KRONECKER: block_rows x the factors of a row */
  lsq_matrix jacobian;     /* JACOBIAN: block_rows x P, of one output */
  double *sums;            /* KRONECKER: all pairs; JACOBIAN: P x P, lower */
};

static bool is_plain(const lsq_network *net) {
  return net->loss->squares && lsq_activation_is_linear(net->output_activation);
}

bool lsq_curvature_takes(const lsq_network *net, lsq_curvature_way way) {
  return way != LSQ_BY_PATTERN ||
         (is_plain(net) && net->depth == 2 && net->layers[0].bias != NULL &&
          net->layers[1].bias != NULL && lsq_activation_has_kink(net->activation));
}

/* Nanoseconds, one thread of an AVX2 machine, fitted to nets of 25 to 2817 parameters: one of the
   P^2 of a row in J'J's lower triangle and of the P numbers made for it; a multiplication of a
   Kronecker product and a number of its factors; a pair of products in the pattern kernel's tables,
   of a row and, once, put into the matrix. The ratios alone matter. */
static const double SQUARE = 0.02, JACOBIAN = 1.2, PRODUCT = 0.05, FACTOR = 0.7, PAIR = 0.03;
static const double PAIR_FILLED = 15;

static double kronecker_cost(const lsq_network *net) {
  const lsq_kronecker_size size = lsq_kronecker_size_of(net, is_plain(net));
  return PRODUCT * size.products + FACTOR * size.factors;
}

static double jacobian_cost(const lsq_network *net) {
  const double count = (double)net->parameter_count;
  return (double)lsq_network_outputs(net) * (SQUARE * count * count + JACOBIAN * count);
}

static double pattern_cost(const lsq_network *net) {
  const double h = (double)net->layers[0].weight.cols, m = (double)lsq_network_inputs(net) + 1;
  return PAIR * h * (h + 1) / 2 * m * (m + 1) / 2;
}

double lsq_curvature_cost(const lsq_network *net, lsq_curvature_way way) {
  switch (way) {
  case LSQ_BY_PATTERN:
    return pattern_cost(net);
  case LSQ_BY_KRONECKER:
    return kronecker_cost(net);
  default:
    return jacobian_cost(net);
  }
}

lsq_curvature_way lsq_curvature_cheapest(const lsq_network *net, size_t rows) {
  const double kronecker = kronecker_cost(net), jacobian = jacobian_cost(net);
  if (lsq_curvature_takes(net, LSQ_BY_PATTERN) &&
      pattern_cost(net) * (1 + PAIR_FILLED / PAIR / (double)rows) < fmin(kronecker, jacobian))
    return LSQ_BY_PATTERN;
  return kronecker < jacobian ? LSQ_BY_KRONECKER : LSQ_BY_JACOBIAN;
}

static lsq_matrix *place_layers(lsq_arena *arena, const lsq_network *net, size_t rows) {
  lsq_matrix *layers = lsq_arena_take(arena, net->depth, sizeof *layers);
  for (size_t k = 0; k < net->depth; k++) {
    const lsq_matrix layer = lsq_arena_matrix(arena, rows, net->layers[k].weight.cols);
    if (layers != NULL)
      layers[k] = layer;
  }
  return layers;
}

static void place_lane(lsq_curvature_lane *lane, lsq_arena *arena, const lsq_curvature *self,
                       const lsq_network *net) {
  const size_t rows = self->block_rows, c = lsq_network_outputs(net);
  lsq_row_reader_place(&lane->reader, arena, self->rows, rows);
  lane->x = lsq_arena_matrix(arena, rows, lsq_network_inputs(net));
  lane->y = lsq_arena_matrix(arena, rows, c);
  lane->weights = lsq_arena_doubles(arena, rows);
  if (self->way == LSQ_BY_PATTERN)
    return;
  lsq_matrix *inputs = lsq_arena_take(arena, net->depth + 1, sizeof *inputs);
  lsq_matrix *activations = place_layers(arena, net, rows);
  if (inputs != NULL)
    memcpy(inputs + 1, activations, net->depth * sizeof *inputs);
  lane->activations = inputs;
  lane->slopes = place_layers(arena, net, rows);
  lane->deltas = place_layers(arena, net, lsq_size_multiply(rows, c));
  lane->z = lsq_arena_doubles(arena, lsq_size_multiply(rows, lsq_network_widest(net)));
  lane->factor = lsq_arena_doubles(arena, lsq_size_multiply(c, c));
  if (self->way == LSQ_BY_JACOBIAN)
    lane->jacobian = lsq_arena_matrix(arena, rows, net->parameter_count);
  else {
    const lsq_kronecker_size size = lsq_kronecker_size_of(net, self->is_plain);
    lane->left = lsq_arena_doubles(arena, lsq_size_multiply(rows, size.left));
    lane->right = lsq_arena_doubles(arena, lsq_size_multiply(rows, size.right));
  }
  lane->sums = lsq_arena_doubles(arena, self->length);
}

static size_t block_of(const lsq_curvature *self, const lsq_network *net) {
  const size_t all = (self->rows->x->rows + 7) / 8 * 8;
  if (self->way == LSQ_BY_PATTERN) {
    const double rows = STEP_COST / pattern_cost(net);
    return lsq_size_min(rows < 64 ? 64 : rows > PATTERN_BLOCK ? PATTERN_BLOCK : (size_t)rows, all);
  }
  const lsq_kronecker_size size = lsq_kronecker_size_of(net, self->is_plain);
  const size_t row =
      self->way == LSQ_BY_JACOBIAN ? net->parameter_count : lsq_size_add(size.left, size.right);
  const size_t fitting = lsq_size_min(SCRATCH_DOUBLES / row, MOST_BLOCK) / 8 * 8;
  return lsq_size_min(lsq_size_max(fitting, LEAST_BLOCK), all);
}

void lsq_curvature_place(lsq_curvature *self, lsq_arena *arena, const lsq_network *net,
                         const lsq_rows *rows, lsq_curvature_way way) {
  const size_t count = net->parameter_count;
  *self = (lsq_curvature){.rows = rows, .way = way, .is_plain = is_plain(net)};
  lsq_network_place_like(&self->net, arena, net);
  self->block_rows = block_of(self, net);
  self->length = way == LSQ_BY_JACOBIAN    ? lsq_size_multiply(count, count)
                 : way == LSQ_BY_KRONECKER ? lsq_kronecker_size_of(net, self->is_plain).sums
                                           : 1;
  const size_t fitting = LANES_MEMORY / lsq_size_multiply(self->length, sizeof(double));
  const size_t shares = (rows->x->rows + LEAST_SHARE - 1) / LEAST_SHARE;
  self->lanes = lsq_size_max(lsq_size_min(lsq_size_min(fitting, MOST_LANES), shares), 1);
  if (way == LSQ_BY_PATTERN) {
    self->lanes = 1;
    lsq_pattern_curvature_place(&self->pattern, arena, net, self->block_rows);
  }
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_curvature_lane measured;
    place_lane(self->lane == NULL ? &measured : &self->lane[k], arena, self, net);
  }
}

void lsq_curvature_begin(lsq_curvature *self, const double *parameters, const size_t *order,
                         size_t first, size_t count) {
  memcpy(self->net.parameters, parameters, self->net.parameter_count * sizeof *parameters);
  self->order = order;
  self->first = first;
  self->count = count;
  self->done = 0;
  const size_t shares = (count + LEAST_SHARE - 1) / LEAST_SHARE;
  self->used = lsq_size_max(lsq_size_min(self->lanes, shares), 1);
  self->each = (count + self->used - 1) / self->used;
  if (self->way == LSQ_BY_PATTERN) {
    lsq_pattern_curvature_begin(&self->pattern, &self->net);
    return;
  }
  for (size_t k = 0; k < self->used; k++)
    memset(self->lane[k].sums, 0, self->length * sizeof(double));
}

/* `count` rows from number `at` of the sum's on: as they lie, or one by one in `order`. */
static bool get_rows(const lsq_curvature *self, lsq_curvature_lane *lane, size_t at, size_t count,
                     lsq_row_block *block) {
  if (self->order == NULL)
    return lsq_row_reader_get(&lane->reader, self->first + at, count, block);
  for (size_t i = 0; i < count; i++) {
    const size_t row = self->order[(self->first + at + i) % self->rows->x->rows];
    lsq_row_block one;
    if (!lsq_row_reader_get(&lane->reader, row, 1, &one))
      return false;
    memcpy(lsq_matrix_row(&lane->x, i), one.x.data, one.x.cols * sizeof(double));
    memcpy(lsq_matrix_row(&lane->y, i), one.y.data, one.y.cols * sizeof(double));
    lane->weights[i] = one.weights == NULL ? 1 : *one.weights;
  }
  block->x = lsq_matrix_rows(&lane->x, 0, count);
  block->y = lsq_matrix_rows(&lane->y, 0, count);
  block->weights = lane->weights;
  return true;
}

static void forward(const lsq_network *net, lsq_curvature_lane *lane, const lsq_matrix *x) {
  lane->activations[0] = *x;
  for (size_t k = 0; k < net->depth; k++) {
    const lsq_layer *layer = &net->layers[k];
    const lsq_matrix in = lsq_matrix_rows(&lane->activations[k], 0, x->rows);
    const lsq_matrix out = lsq_matrix_rows(&lane->activations[k + 1], 0, x->rows);
    const lsq_matrix slopes = lsq_matrix_rows(&lane->slopes[k], 0, x->rows);
    const lsq_matrix z = lsq_matrix_over(lane->z, x->rows, out.cols);
    const lsq_activation *activation = lsq_network_activation(net, k);
    lsq_dense_forward(&in, &layer->weight, layer->bias, &out);
    if (activation->needs_z)
      lsq_matrix_copy(&out, &z);
    lsq_activate(activation, net->alpha, &out);
    lsq_matrix_fill(&slopes, 1);
    lsq_activation_backward(activation, net->alpha, &z, &out, &slopes);
  }
}

/* Row i of the deltas of all outputs, where they are those of the loss: R' sqrt(w / 2), R R' the
   curvature of the loss; of the squared error it is 2. */
static void loss_factor(const lsq_network *net, const lsq_curvature_lane *lane,
                        const lsq_matrix *deltas, size_t rows, size_t i, const double *y,
                        double weight) {
  const lsq_loss *loss = net->loss;
  const size_t c = deltas->cols;
  const double scale = sqrt(loss->squares ? weight : weight / 2);
  const double *output = lsq_matrix_row(&lane->activations[net->depth], i);
  if (!loss->squares)
    loss->curvature(net->loss_parameter, output, y, c, lane->factor);
  for (size_t o = 0; o < c; o++) {
    double *row = lsq_matrix_row(deltas, o * rows + i);
    for (size_t j = 0; j < c; j++)
      row[j] = scale * (loss->squares ? o == j : lane->factor[j * c + o]);
  }
}

/* The last layer's deltas, and from them those of the layers before. */
static void backward(const lsq_network *net, lsq_curvature_lane *lane, const lsq_row_block *block) {
  const size_t rows = block->x.rows, c = lsq_network_outputs(net);
  const lsq_matrix last = lsq_matrix_rows(&lane->deltas[net->depth - 1], 0, rows * c);
  for (size_t i = 0; i < rows; i++)
    loss_factor(net, lane, &last, rows, i, lsq_matrix_row(&block->y, i),
                block->weights == NULL ? 1 : block->weights[i]);
  for (size_t k = net->depth; k-- > 0;) {
    const lsq_matrix slopes = lsq_matrix_rows(&lane->slopes[k], 0, rows);
    for (size_t o = 0; o < c; o++) {
      const lsq_matrix delta = lsq_matrix_rows(&lane->deltas[k], o * rows, rows);
      if (k + 1 < net->depth) {
        const lsq_matrix above = lsq_matrix_rows(&lane->deltas[k + 1], o * rows, rows);
        lsq_dense_backward(&above, &net->layers[k + 1].weight, &delta);
      }
      for (size_t i = 0; i < rows * delta.cols; i++)
        delta.data[i] *= slopes.data[i];
    }
  }
}

/* The columns of J that belong to one layer, row by row a~ (x) delta. */
static void fill_layer(const lsq_network *net, const lsq_layer *layer, const lsq_matrix *in,
                       const lsq_matrix *delta, const lsq_matrix *jacobian) {
  const size_t outputs = layer->weight.cols;
  for (size_t i = 0; i < in->rows; i++) {
    const double *taken = lsq_matrix_row(in, i), *slope = lsq_matrix_row(delta, i);
    double *row = lsq_matrix_row(jacobian, i) + (layer->weight.data - net->parameters);
    for (size_t p = 0; p < in->cols; p++, row += outputs)
      for (size_t q = 0; q < outputs; q++)
        row[q] = taken[p] * slope[q];
    if (layer->bias != NULL)
      memcpy(row, slope, outputs * sizeof *row);
  }
}

static void add_jacobian(const lsq_network *net, lsq_curvature_lane *lane, size_t rows) {
  const lsq_matrix jacobian = lsq_matrix_rows(&lane->jacobian, 0, rows);
  const lsq_matrix sum = lsq_matrix_over(lane->sums, net->parameter_count, net->parameter_count);
  for (size_t o = 0; o < lsq_network_outputs(net); o++) {
    for (size_t k = 0; k < net->depth; k++) {
      const lsq_matrix in = lsq_matrix_rows(&lane->activations[k], 0, rows);
      const lsq_matrix delta = lsq_matrix_rows(&lane->deltas[k], o * rows, rows);
      fill_layer(net, &net->layers[k], &in, &delta, &jacobian);
    }
    lsq_dense_gram(&jacobian, &sum);
  }
}

static void add_block(lsq_curvature *self, lsq_curvature_lane *lane, const lsq_row_block *block) {
  if (self->way == LSQ_BY_PATTERN) {
    lsq_pattern_curvature_add(&self->pattern, &self->net, &block->x, block->weights);
    return;
  }
  forward(&self->net, lane, &block->x);
  backward(&self->net, lane, block);
  if (self->way == LSQ_BY_JACOBIAN) {
    add_jacobian(&self->net, lane, block->x.rows);
    return;
  }
  const lsq_row_factors factors = {&self->net, block->x.rows, lane->activations, lane->deltas,
                                   self->is_plain};
  lsq_kronecker_add(&factors, lane->sums, lane->left, lane->right);
}

/* Rows `from` .. `to` of each lane's share. */
static void add_share(lsq_curvature *self, size_t k, size_t from, size_t to) {
  const size_t end = lsq_size_min(k * self->each + lsq_size_min(to, self->each), self->count);
  for (size_t at = k * self->each + from, count; at < end; at += count) {
    lsq_row_block block;
    count = lsq_size_min(self->block_rows, end - at);
    if (!get_rows(self, &self->lane[k], at, count, &block))
      return;
    add_block(self, &self->lane[k], &block);
  }
}

bool lsq_curvature_advance(lsq_curvature *self) {
  const double cost = lsq_curvature_cost(&self->net, self->way) * (double)self->used;
  const double blocks = fmax(1, floor(STEP_COST / cost / (double)self->block_rows));
  const size_t most = blocks > (double)self->each ? self->each : (size_t)blocks * self->block_rows;
  const size_t rows = lsq_size_min(most, self->each - self->done);
  const bool pays = self->used > 1 && cost * (double)rows >= PARALLEL_COST;
#pragma omp parallel for schedule(static, 1) if (pays)
  for (size_t k = 0; k < self->used; k++)
    add_share(self, k, self->done, self->done + rows);
  self->done += rows;
  return self->done == self->each || lsq_curvature_status(self, NULL) != LSQ_OK;
}

static void add(double *sum, const double *term, size_t count) {
  for (size_t i = 0; i < count; i++)
    sum[i] += term[i];
}

/* The lanes' sums are added in their order. */
void lsq_curvature_finish(lsq_curvature *self, const lsq_matrix *matrix) {
  const size_t count = self->net.parameter_count;
  if (self->way == LSQ_BY_PATTERN) {
    lsq_pattern_curvature_finish(&self->pattern, &self->net, matrix);
    return;
  }
  for (size_t k = 1; k < self->used; k++)
    add(self->lane[0].sums, self->lane[k].sums, self->length);
  if (self->way == LSQ_BY_KRONECKER) {
    lsq_kronecker_expand(&self->net, self->is_plain, self->lane[0].sums, matrix);
    return;
  }
  for (size_t i = 0; i < count; i++)
    memcpy(lsq_matrix_row(matrix, i), self->lane[0].sums + i * count, (i + 1) * sizeof(double));
}

lsq_status lsq_curvature_status(const lsq_curvature *self, lsq_error *error) {
  for (size_t k = 0; k < self->lanes; k++)
    if (self->lane[k].reader.status != LSQ_OK) {
      if (error != NULL)
        *error = self->lane[k].reader.error;
      return self->lane[k].reader.status;
    }
  return LSQ_OK;
}
