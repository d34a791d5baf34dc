/* Backpropagation. The blocks are dealt to chunks, whose number depends on the shapes alone;
   each chunk sums its own gradient, and the chunks are added in their order. */
#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "base/threads.h"
#include "nn/dense.h"
#include "nn/forward.h"
#include "nn/skip.h"

enum {
  MOST_CHUNKS = 32,
  CHUNK_DOUBLES = 4 * 1024 * 1024 /* of all chunks' gradients together, 32 MiB */
};

/* Numbers that a row of a block takes: its activations, what they were made of where their
   derivative needs it, and two deltas. */
typedef struct {
  size_t activations, kept, delta;
} row_doubles;

static row_doubles doubles_of(const lsq_network *net) {
  row_doubles row = {0, 0, lsq_network_widest(net)};
  for (size_t k = 0; k < net->depth; k++) {
    const size_t width = net->layers[k].weight.cols;
    row.activations = lsq_size_add(row.activations, width);
    if (lsq_network_activation(net, k)->needs_z)
      row.kept = lsq_size_add(row.kept, width);
  }
  return row;
}

static size_t all_doubles(row_doubles row) {
  return lsq_size_add(lsq_size_add(row.activations, row.kept), lsq_size_multiply(row.delta, 2));
}

static size_t chunks_of(const lsq_network *net, size_t blocks) {
  const size_t affordable = lsq_size_max(CHUNK_DOUBLES / net->parameter_count, 1);
  return lsq_size_min(blocks, lsq_size_min(affordable, MOST_CHUNKS));
}

void lsq_gradient_place(lsq_gradient_work *work, lsq_arena *arena, const lsq_network *net,
                        const lsq_rows *rows, size_t threads) {
  const row_doubles row = doubles_of(net);
  const lsq_blocks most = lsq_blocks_bound(rows->x->rows, all_doubles(row));
  const size_t chunks = chunks_of(net, most.count);
  work->threads = lsq_blocks_threads(net, rows->x->rows, chunks, threads);
  work->activations = lsq_size_multiply(most.size, row.activations);
  work->kept = lsq_size_multiply(most.size, row.kept);
  work->delta = lsq_size_multiply(most.size, row.delta);
  work->stride = lsq_size_multiply(most.size, all_doubles(row));
  work->buffers = lsq_arena_doubles(arena, lsq_size_multiply(work->threads, work->stride));
  work->gradient = lsq_size_add(net->parameter_count, 7) / 8 * 8;
  work->gradients = lsq_arena_doubles(arena, lsq_size_multiply(chunks - 1, work->gradient));
  work->sums = lsq_arena_doubles(arena, chunks);
  lsq_readers_place(&work->readers, arena, rows, work->threads, most.size);
}

lsq_gradient_work *lsq_gradient_take(lsq_arena *arena, const lsq_network *net, const lsq_rows *rows,
                                     size_t threads) {
  lsq_gradient_work measured, *work = lsq_arena_take(arena, 1, sizeof *work);
  lsq_gradient_place(work == NULL ? &measured : work, arena, net, rows, threads);
  return work;
}

/* Where layer k's activations of a block of `rows` rows are. */
static lsq_matrix activations_of(const lsq_network *net, size_t k, double *buffers, size_t rows) {
  size_t before = 0;
  for (size_t l = 0; l < k; l++)
    before += net->layers[l].weight.cols;
  return lsq_matrix_over(buffers + before * rows, rows, net->layers[k].weight.cols);
}

/* Where what they were made of is kept; only of layers whose derivative needs it. */
static lsq_matrix kept_of(const lsq_network *net, size_t k, double *kept, size_t rows) {
  size_t before = 0;
  for (size_t l = 0; l < k; l++)
    if (lsq_network_activation(net, l)->needs_z)
      before += net->layers[l].weight.cols;
  return lsq_matrix_over(kept + before * rows, rows, net->layers[k].weight.cols);
}

/* All layers' activations of a block; returns the last's. */
static lsq_matrix forward_block(const lsq_network *net, const lsq_matrix *x,
                                const lsq_gradient_work *work, double *buffers) {
  lsq_matrix in = *x;
  for (size_t k = 0; k < net->depth; k++) {
    const lsq_layer *dense = &net->layers[k];
    const lsq_activation *activation = lsq_network_activation(net, k);
    const lsq_matrix a = activations_of(net, k, buffers, x->rows);
    lsq_dense_forward(&in, &dense->weight, dense->bias, &a);
    if (k + 1 == net->depth)
      lsq_skip_forward(net, x, buffers + work->activations + work->kept, &a);
    if (activation->needs_z) {
      const lsq_matrix z = kept_of(net, k, buffers + work->activations, x->rows);
      lsq_matrix_copy(&a, &z);
    }
    lsq_activate(activation, net->alpha, &a);
    in = a;
  }
  return in;
}

/* delta <- delta * sigma'(z) of layer k. */
static void times_slope(const lsq_network *net, size_t k, const lsq_gradient_work *work,
                        double *buffers, const lsq_matrix *delta) {
  const lsq_activation *activation = lsq_network_activation(net, k);
  const lsq_matrix a = activations_of(net, k, buffers, delta->rows);
  const lsq_matrix z = kept_of(net, k, buffers + work->activations, delta->rows);
  lsq_activation_backward(activation, net->alpha, activation->needs_z ? &z : NULL, &a, delta);
}

/* Adds a block's gradient of scale * (sum of the loss) to `gradient`; returns the sum. */
static double gradient_block(const lsq_network *net, const lsq_row_block *block, double scale,
                             const lsq_gradient_work *work, double *buffers, double *gradient) {
  const size_t rows = block->x.rows;
  lsq_matrix in = forward_block(net, &block->x, work, buffers);
  double *deltas = buffers + work->activations + work->kept;
  lsq_matrix delta = lsq_matrix_over(deltas + net->depth % 2 * work->delta, rows, in.cols);
  lsq_matrix_copy(&in, &delta);
  const double sum =
      lsq_loss_backward(net->loss, net->loss_parameter, &delta, &block->y, block->weights, scale);
  for (size_t k = net->depth; k-- > 0;) {
    const lsq_layer *dense = &net->layers[k];
    times_slope(net, k, work, buffers, &delta);
    if (k + 1 == net->depth)
      lsq_skip_gradient(net, &block->x, &delta, gradient);
    lsq_matrix weight = dense->weight;
    weight.data = gradient + (dense->weight.data - net->parameters);
    double *bias = dense->bias == NULL ? NULL : gradient + (dense->bias - net->parameters);
    in = k == 0 ? block->x : activations_of(net, k - 1, buffers, rows);
    lsq_dense_gradient(&in, &delta, &weight, bias);
    if (k > 0) {
      const lsq_matrix below = lsq_matrix_over(deltas + k % 2 * work->delta, rows, in.cols);
      lsq_dense_backward(&delta, &dense->weight, &below);
      delta = below;
    }
  }
  return sum;
}

static LSQ_CLONES void add(double *restrict sum, const double *restrict term, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    sum[i] += term[i];
}

/* The gradient of the blocks of chunk c of so many. */
static void run_chunk(const lsq_network *net, lsq_gradient_work *work, const lsq_blocks *blocks,
                      size_t c, size_t chunks, double scale, double *gradient) {
  const size_t thread = (size_t)lsq_thread_number();
  const size_t end = (c + 1) * blocks->count / chunks;
  lsq_row_block block;
  memset(gradient, 0, net->parameter_count * sizeof *gradient);
  work->sums[c] = 0;
  for (size_t b = c * blocks->count / chunks; b < end; b++) {
    if (!lsq_row_reader_get(&work->readers.each[thread], lsq_blocks_first(blocks, b),
                            lsq_blocks_rows(blocks, b), &block))
      return;
    work->sums[c] +=
        gradient_block(net, &block, scale, work, work->buffers + thread * work->stride, gradient);
  }
}

double lsq_network_gradient(const lsq_network *net, const lsq_rows *rows, double *gradient,
                            lsq_gradient_work *work) {
  lsq_error error;
  const lsq_blocks blocks = lsq_blocks_of(rows->x->rows, all_doubles(doubles_of(net)));
  const size_t chunks = chunks_of(net, blocks.count);
  const size_t threads = lsq_blocks_threads(net, rows->x->rows, chunks, work->threads);
  const double count = lsq_loss_count(net->loss, lsq_rows_weight(rows), lsq_network_outputs(net));
  lsq_readers_start(&work->readers, rows);
  if (chunks == 0)
    memset(gradient, 0, net->parameter_count * sizeof *gradient);
#pragma omp parallel for schedule(dynamic) num_threads((int)threads) if (threads > 1)
  for (size_t c = 0; c < chunks; c++)
    run_chunk(net, work, &blocks, c, chunks, 1 / count,
              c == 0 ? gradient : work->gradients + (c - 1) * work->gradient);
  if (lsq_gradient_status(work, &error) != LSQ_OK)
    return NAN;

  double sum = 0;
  for (size_t c = 0; c < chunks; c++) {
    sum += work->sums[c];
    if (c > 0)
      add(gradient, work->gradients + (c - 1) * work->gradient, net->parameter_count);
  }
  return sum / count;
}
