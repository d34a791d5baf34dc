#include "train/sweep.h"

#include <string.h>

#include "base/threads.h"
#include "nn/blocks.h"
#include "nn/dense.h"
#include "nn/loss.h"

enum { MOST_BLOCK = 256, LEAST_BLOCK = 16 };

struct lsq_sweep_lane {
  lsq_row_reader reader;
  lsq_matrix *activations;    /* depth of them; the last hidden one has room for a column of ones */
  double **z;                 /* depth: the same before activation; NULL where nobody needs it */
  lsq_matrix deltas[2];       /* block_rows x the widest layer */
  lsq_matrix scaled, targets; /* of weighted OUTPUT sweeps: sqrt(w) S and sqrt(w) Y */
  double *sum;                /* of a chunk */
};

static size_t output_length(const lsq_sweep *self) {
  return lsq_size_multiply(self->gram.rows, lsq_size_add(self->gram.rows, self->cross.cols));
}

static void place_lane(lsq_sweep_lane *lane, lsq_arena *arena, const lsq_sweep *self,
                       const lsq_network *net, size_t length) {
  const size_t rows = self->block_rows, widest = lsq_network_widest(net);
  lsq_row_reader_place(&lane->reader, arena, self->rows, rows);
  lane->activations = lsq_arena_take(arena, net->depth, sizeof *lane->activations);
  lane->z = lsq_arena_take(arena, net->depth, sizeof *lane->z);
  for (size_t k = 0; k < net->depth; k++) {
    const size_t width = net->layers[k].weight.cols + (k + 2 == net->depth);
    const lsq_matrix a = lsq_arena_matrix(arena, rows, width);
    double *z =
        lsq_network_activation(net, k)->needs_z ? lsq_arena_doubles(arena, rows * width) : NULL;
    if (lane->activations != NULL) {
      lane->activations[k] = a;
      lane->z[k] = z;
    }
  }
  for (int k = 0; k < 2; k++)
    lane->deltas[k] = lsq_arena_matrix(arena, rows, widest);
  if (self->rows->weights != NULL) {
    lane->scaled = lsq_arena_matrix(arena, rows, self->gram.rows);
    lane->targets = lsq_arena_matrix(arena, rows, self->cross.cols);
  }
  lane->sum = lsq_arena_doubles(arena, length);
}

void lsq_sweep_place(lsq_sweep *self, lsq_arena *arena, const lsq_network *net,
                     const lsq_rows *rows, bool with_output) {
  const size_t outputs = lsq_network_outputs(net), count = net->parameter_count;
  size_t widths = 2 * lsq_network_widest(net);
  *self = (lsq_sweep){.rows = rows, .chunks = lsq_chunks_of(rows->x->rows)};
  lsq_network_place_like(&self->net, arena, net);
  for (size_t k = 0; k < net->depth; k++)
    widths += net->layers[k].weight.cols;
  self->block_rows = lsq_size_min(LSQ_BLOCK_DOUBLES / widths, MOST_BLOCK) / 8 * 8;
  self->block_rows = lsq_size_max(self->block_rows, LEAST_BLOCK);
  self->block_rows = lsq_size_min(self->block_rows, (rows->x->rows + 7) / 8 * 8);
  self->gradient = lsq_arena_doubles(arena, lsq_size_add(count, 1));
  lsq_tree_place(&self->gradient_tree, arena, lsq_size_add(count, 1), self->chunks.count);
  if (with_output) {
    const size_t inputs = net->layers[net->depth - 1].weight.rows + 1;
    self->gram = lsq_arena_matrix(arena, inputs, inputs + outputs);
    self->gram.cols = inputs;
    self->cross = (lsq_matrix){NULL, inputs, outputs, outputs};
    lsq_tree_place(&self->output_tree, arena, output_length(self), self->chunks.count);
  }
  const size_t threads = (size_t)lsq_threads();
  self->lanes = lsq_size_max(lsq_size_min(self->chunks.count, threads), 1);
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_sweep_lane measured;
    place_lane(self->lane == NULL ? &measured : &self->lane[k], arena, self, net,
               lsq_size_max(count + 1, output_length(self)));
  }
}

/* The output sums stand in one piece: gram row by row, contiguous, and cross behind it. */
static void point_output(lsq_sweep *self) {
  const size_t n = self->gram.rows;
  self->gram.stride = n;
  self->cross.data = self->gram.data + n * n;
}

void lsq_sweep_begin(lsq_sweep *self, lsq_sweep_kind kind, const double *parameters) {
  memcpy(self->net.parameters, parameters, self->net.parameter_count * sizeof *parameters);
  self->kind = kind;
  self->chunk = 0;
  lsq_tree_clear(kind == LSQ_SWEEP_GRADIENT ? &self->gradient_tree : &self->output_tree);
}

double lsq_sweep_work(const lsq_sweep *self) {
  const double h = (double)self->gram.rows;
  const double row = self->kind == LSQ_SWEEP_GRADIENT
                         ? 3 * (double)self->net.parameter_count
                         : (double)self->net.parameter_count + h * h / 2;
  return row * (double)self->chunks.size * (double)self->lanes;
}

/* The activations of layers 1 .. layers of a block; of each its own columns alone. */
static void forward(const lsq_network *net, const lsq_sweep_lane *lane, lsq_matrix in,
                    size_t layers) {
  for (size_t k = 0; k < layers; k++) {
    const lsq_layer *layer = &net->layers[k];
    lsq_matrix out = lsq_matrix_rows(&lane->activations[k], 0, in.rows);
    out.cols = layer->weight.cols;
    lsq_dense_forward(&in, &layer->weight, layer->bias, &out);
    if (lane->z[k] != NULL) {
      const lsq_matrix z = lsq_matrix_over(lane->z[k], in.rows, out.cols);
      lsq_matrix_copy(&out, &z);
    }
    lsq_activate(lsq_network_activation(net, k), net->alpha, &out);
    in = out;
  }
}

static lsq_matrix activations_of(const lsq_network *net, const lsq_sweep_lane *lane, size_t k,
                                 size_t rows) {
  lsq_matrix a = lsq_matrix_rows(&lane->activations[k], 0, rows);
  a.cols = net->layers[k].weight.cols;
  return a;
}

static void add_gradient(const lsq_network *net, lsq_sweep_lane *lane, const lsq_row_block *block) {
  const size_t rows = block->x.rows, depth = net->depth;
  forward(net, lane, block->x, depth);
  const lsq_matrix output = activations_of(net, lane, depth - 1, rows);
  lsq_matrix delta = lsq_matrix_over(lane->deltas[depth % 2].data, rows, output.cols);
  lsq_matrix_copy(&output, &delta);
  lane->sum[net->parameter_count] +=
      lsq_loss_backward(net->loss, net->loss_parameter, &delta, &block->y, block->weights, 1);
  for (size_t k = depth; k-- > 0;) {
    const lsq_layer *layer = &net->layers[k];
    const lsq_matrix a = activations_of(net, lane, k, rows);
    const lsq_matrix in = k == 0 ? block->x : activations_of(net, lane, k - 1, rows);
    lsq_matrix weight = layer->weight;
    weight.data = lane->sum + (layer->weight.data - net->parameters);
    double *bias = layer->bias == NULL ? NULL : lane->sum + (layer->bias - net->parameters);
    const lsq_activation *activation = lsq_network_activation(net, k);
    const lsq_matrix z = lsq_matrix_over(lane->z[k], rows, a.cols);
    lsq_activation_backward(activation, net->alpha, activation->needs_z ? &z : NULL, &a, &delta);
    lsq_dense_gradient(&in, &delta, &weight, bias);
    if (k == 0)
      break;
    const lsq_matrix below = lsq_matrix_over(lane->deltas[k % 2].data, rows, in.cols);
    lsq_dense_backward(&delta, &layer->weight, &below);
    delta = below;
  }
}

static void scale_rows(const lsq_matrix *from, const double *weights, const lsq_matrix *to) {
  for (size_t i = 0; i < from->rows; i++) {
    const double *row = lsq_matrix_row(from, i), factor = sqrt(weights[i]);
    double *scaled = lsq_matrix_row(to, i);
    for (size_t j = 0; j < from->cols; j++)
      scaled[j] = factor * row[j];
  }
}

static void add_output(const lsq_sweep *self, lsq_sweep_lane *lane, const lsq_row_block *block) {
  const lsq_network *net = &self->net;
  const size_t rows = block->x.rows, n = self->gram.rows;
  const lsq_matrix gram = lsq_matrix_over(lane->sum, n, n);
  const lsq_matrix cross = lsq_matrix_over(lane->sum + n * n, n, self->cross.cols);
  forward(net, lane, block->x, net->depth - 1);
  lsq_matrix s = lsq_matrix_rows(&lane->activations[net->depth - 2], 0, rows), y = block->y;
  for (size_t i = 0; i < rows; i++)
    lsq_matrix_row(&s, i)[n - 1] = 1;
  if (block->weights != NULL) {
    const lsq_matrix scaled = lsq_matrix_rows(&lane->scaled, 0, rows);
    const lsq_matrix targets = lsq_matrix_rows(&lane->targets, 0, rows);
    scale_rows(&s, block->weights, &scaled);
    scale_rows(&y, block->weights, &targets);
    s = scaled;
    y = targets;
  }
  lsq_dense_gram(&s, &gram);
  lsq_dense_gradient(&s, &y, &cross, NULL);
}

static void sum_chunk(const lsq_sweep *self, lsq_sweep_lane *lane, size_t chunk, size_t length) {
  const size_t end = lsq_chunks_first(&self->chunks, chunk) + lsq_chunks_rows(&self->chunks, chunk);
  size_t first = lsq_chunks_first(&self->chunks, chunk);
  memset(lane->sum, 0, length * sizeof *lane->sum);
  for (size_t count; first < end; first += count) {
    lsq_row_block block;
    count = lsq_size_min(self->block_rows, end - first);
    if (!lsq_row_reader_get(&lane->reader, first, count, &block))
      return;
    if (self->kind == LSQ_SWEEP_GRADIENT)
      add_gradient(&self->net, lane, &block);
    else
      add_output(self, lane, &block);
  }
}

bool lsq_sweep_advance(lsq_sweep *self) {
  const bool is_gradient = self->kind == LSQ_SWEEP_GRADIENT;
  const size_t count = self->net.parameter_count;
  const size_t length = is_gradient ? count + 1 : output_length(self);
  const size_t chunks = lsq_size_min(self->lanes, self->chunks.count - self->chunk);
  lsq_tree *tree = is_gradient ? &self->gradient_tree : &self->output_tree;
  const bool pays = chunks > 1 && lsq_sweep_work(self) >= LSQ_PARALLEL_WORK;
#pragma omp parallel for schedule(static, 1) num_threads((int)self->lanes) if (pays)
  for (size_t k = 0; k < chunks; k++)
    sum_chunk(self, &self->lane[k], self->chunk + k, length);
  for (size_t k = 0; k < chunks; k++)
    lsq_tree_add(tree, self->lane[k].sum);
  self->chunk += chunks;
  if (self->chunk < self->chunks.count && lsq_sweep_status(self, NULL) == LSQ_OK)
    return false;
  if (!is_gradient)
    point_output(self);
  lsq_tree_root(tree, is_gradient ? self->gradient : self->gram.data);
  self->loss = is_gradient ? self->gradient[count] : self->loss;
  return true;
}

lsq_status lsq_sweep_status(const lsq_sweep *self, lsq_error *error) {
  for (size_t k = 0; k < self->lanes; k++)
    if (self->lane[k].reader.status != LSQ_OK) {
      if (error != NULL)
        *error = self->lane[k].reader.error;
      return self->lane[k].reader.status;
    }
  return LSQ_OK;
}
