/* Backpropagation. The blocks are dealt to chunks, whose number depends on the shapes alone;
   each chunk sums its own gradient, and the chunks are added in their order. */
#include <string.h>

#include "base/simd.h"
#include "base/threads.h"
#include "nn/blocks.h"
#include "nn/dense.h"
#include "nn/forward.h"

enum {
  MOST_CHUNKS = 32,
  CHUNK_DOUBLES = 4 * 1024 * 1024 /* of all chunks' gradients together, 32 MiB */
};

typedef struct {
  lsq_blocks blocks;
  size_t chunks, threads;
  size_t activations; /* doubles of a block's activations, of all layers */
  size_t delta;       /* doubles of one of a block's two deltas */
  size_t stride;      /* doubles from one thread's buffers to the next's */
  double *buffers;
  size_t gradient;   /* doubles from one chunk's gradient to the next's */
  double *gradients; /* of all chunks but the first, which sums where the caller wants it */
  double *sums;      /* the loss of each chunk */
} gradient_work;

static void layout(gradient_work *work, lsq_arena *arena, const lsq_network *net, size_t rows) {
  const size_t widest = lsq_network_widest(net);
  size_t widths = 0;
  for (size_t k = 0; k < net->depth; k++)
    widths = lsq_size_add(widths, net->layers[k].weight.cols);
  work->blocks = lsq_blocks_of(rows, lsq_size_add(widths, 2 * widest));
  const size_t affordable = lsq_size_max(CHUNK_DOUBLES / net->parameter_count, 1);
  work->chunks = lsq_size_min(work->blocks.count, lsq_size_min(affordable, MOST_CHUNKS));
  work->threads = lsq_blocks_threads(net, rows, work->chunks, (size_t)lsq_threads());
  work->activations = lsq_size_multiply(work->blocks.size, widths);
  work->delta = lsq_size_multiply(work->blocks.size, widest);
  work->stride = lsq_size_add(work->activations, lsq_size_multiply(work->delta, 2));
  work->buffers = lsq_arena_doubles(arena, lsq_size_multiply(work->threads, work->stride));
  work->gradient = lsq_size_add(net->parameter_count, 7) / 8 * 8;
  const size_t others = work->chunks == 0 ? 0 : work->chunks - 1;
  work->gradients = lsq_arena_doubles(arena, lsq_size_multiply(others, work->gradient));
  work->sums = lsq_arena_doubles(arena, work->chunks);
}

size_t lsq_gradient_workspace(const lsq_network *net, size_t rows) {
  gradient_work work;
  lsq_arena arena = lsq_arena_measure();
  layout(&work, &arena, net, rows);
  return arena.used;
}

/* Where layer k's activations of a block of `rows` rows are. */
static lsq_matrix activations_of(const lsq_network *net, size_t k, double *buffers, size_t rows) {
  size_t before = 0;
  for (size_t l = 0; l < k; l++)
    before += net->layers[l].weight.cols;
  return lsq_matrix_over(buffers + before * rows, rows, net->layers[k].weight.cols);
}

/* Adds a block's gradient of scale * (sum of the loss) to `gradient`; returns the sum. */
static double gradient_block(const lsq_network *net, const lsq_loss *loss, const lsq_matrix *x,
                             const lsq_matrix *y, double scale, const gradient_work *work,
                             double *buffers, double *gradient) {
  const size_t rows = x->rows;
  lsq_matrix in = *x;
  for (size_t k = 0; k < net->depth; k++) {
    const lsq_layer *dense = &net->layers[k];
    const lsq_matrix a = activations_of(net, k, buffers, rows);
    lsq_dense_forward(&in, &dense->weight, dense->bias, &a);
    lsq_activate(lsq_network_activation(net, k), net->alpha, &a);
    in = a;
  }

  double *deltas = buffers + work->activations;
  lsq_matrix delta = lsq_matrix_over(deltas + net->depth % 2 * work->delta, rows, in.cols);
  lsq_matrix_copy(&in, &delta);
  const double sum = lsq_loss_backward(loss, net->loss_parameter, &delta, y, NULL, scale);
  for (size_t k = net->depth; k-- > 0;) {
    const lsq_layer *dense = &net->layers[k];
    const lsq_matrix a = activations_of(net, k, buffers, rows);
    lsq_activation_backward(lsq_network_activation(net, k), net->alpha, NULL, &a, &delta);

    lsq_matrix weight = dense->weight;
    weight.data = gradient + (dense->weight.data - net->parameters);
    double *bias = dense->bias == NULL ? NULL : gradient + (dense->bias - net->parameters);
    in = k == 0 ? *x : activations_of(net, k - 1, buffers, rows);
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

double lsq_network_gradient(const lsq_network *net, const lsq_loss *loss, const lsq_matrix *x,
                            const lsq_matrix *y, double *gradient, void *workspace) {
  gradient_work work;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&work, &arena, net, x->rows);
  const double count = lsq_loss_count(loss, (double)y->rows, y->cols);
  const size_t bytes = net->parameter_count * sizeof *gradient;
  if (work.chunks == 0)
    memset(gradient, 0, bytes);

#pragma omp parallel for schedule(dynamic) num_threads((int)work.threads) if (work.threads > 1)
  for (size_t c = 0; c < work.chunks; c++) {
    double *buffers = work.buffers + (size_t)lsq_thread_number() * work.stride;
    double *into = c == 0 ? gradient : work.gradients + (c - 1) * work.gradient;
    const size_t end = (c + 1) * work.blocks.count / work.chunks;
    memset(into, 0, bytes);
    work.sums[c] = 0;
    for (size_t b = c * work.blocks.count / work.chunks; b < end; b++) {
      const size_t first = lsq_blocks_first(&work.blocks, b);
      const size_t rows = lsq_blocks_rows(&work.blocks, b);
      const lsq_matrix x_block = lsq_matrix_rows(x, first, rows);
      const lsq_matrix y_block = lsq_matrix_rows(y, first, rows);
      work.sums[c] +=
          gradient_block(net, loss, &x_block, &y_block, 1 / count, &work, buffers, into);
    }
  }

  double sum = 0;
  for (size_t c = 0; c < work.chunks; c++) {
    sum += work.sums[c];
    if (c > 0)
      add(gradient, work.gradients + (c - 1) * work.gradient, net->parameter_count);
  }
  return sum / count;
}
