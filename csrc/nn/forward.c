#include "nn/forward.h"

#include "base/threads.h"
#include "nn/blocks.h"
#include "nn/dense.h"

typedef struct {
  lsq_blocks blocks;
  size_t threads;
  size_t buffer; /* doubles of one buffer; each thread has two, which layers use in turn */
  size_t stride; /* doubles from one thread's buffers to the next's */
  double *buffers;
  double *sums; /* the loss of each block */
} forward_work;

static void layout(forward_work *work, lsq_arena *arena, const lsq_network *net, size_t rows) {
  const size_t widest = lsq_network_widest(net);
  work->blocks = lsq_blocks_of(rows, 2 * widest);
  work->threads = lsq_blocks_threads(net, rows, work->blocks.count, (size_t)lsq_threads());
  work->buffer = lsq_size_multiply(work->blocks.size, widest);
  work->stride = lsq_size_multiply(work->buffer, 2); /* sizes are multiples of 8: aligned */
  work->buffers = lsq_arena_doubles(arena, lsq_size_multiply(work->threads, work->stride));
  work->sums = lsq_arena_doubles(arena, work->blocks.count);
}

size_t lsq_forward_workspace(const lsq_network *net, size_t rows) {
  forward_work work;
  lsq_arena arena = lsq_arena_measure();
  layout(&work, &arena, net, rows);
  return arena.used;
}

/* Activations of layer `layer` >= 1 for a block: into `out`, or, where that is NULL, into one
   of the two buffers. Returns where they are. */
static lsq_matrix forward_block(const lsq_network *net, const lsq_matrix *x, size_t layer,
                                const lsq_matrix *out, double *buffers, size_t buffer) {
  lsq_matrix in = *x;
  for (size_t k = 0; k < layer; k++) {
    const lsq_layer *dense = &net->layers[k];
    lsq_matrix z = lsq_matrix_over(buffers + k % 2 * buffer, x->rows, dense->weight.cols);
    if (k + 1 == layer && out != NULL)
      z = *out;
    lsq_dense_forward(&in, &dense->weight, dense->bias, &z);
    lsq_activate(lsq_network_activation(net, k), net->alpha, &z);
    in = z;
  }
  return in;
}

void lsq_forward(const lsq_network *net, const lsq_matrix *x, size_t layer, const lsq_matrix *out,
                 void *workspace) {
  if (layer == 0) {
    lsq_matrix_copy(x, out);
    return;
  }
  forward_work work;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&work, &arena, net, x->rows);
#pragma omp parallel for schedule(dynamic) num_threads((int)work.threads) if (work.threads > 1)
  for (size_t b = 0; b < work.blocks.count; b++) {
    const size_t first = lsq_blocks_first(&work.blocks, b);
    const size_t rows = lsq_blocks_rows(&work.blocks, b);
    const lsq_matrix x_block = lsq_matrix_rows(x, first, rows);
    const lsq_matrix out_block = lsq_matrix_rows(out, first, rows);
    double *buffers = work.buffers + (size_t)lsq_thread_number() * work.stride;
    forward_block(net, &x_block, layer, &out_block, buffers, work.buffer);
  }
}

double lsq_network_loss(const lsq_network *net, const lsq_loss *loss, const lsq_matrix *x,
                        const lsq_matrix *y, void *workspace) {
  forward_work work;
  lsq_arena arena = lsq_arena_over(workspace);
  layout(&work, &arena, net, x->rows);
#pragma omp parallel for schedule(dynamic) num_threads((int)work.threads) if (work.threads > 1)
  for (size_t b = 0; b < work.blocks.count; b++) {
    const size_t first = lsq_blocks_first(&work.blocks, b);
    const size_t rows = lsq_blocks_rows(&work.blocks, b);
    const lsq_matrix x_block = lsq_matrix_rows(x, first, rows);
    const lsq_matrix y_block = lsq_matrix_rows(y, first, rows);
    double *buffers = work.buffers + (size_t)lsq_thread_number() * work.stride;
    const lsq_matrix output = forward_block(net, &x_block, net->depth, NULL, buffers, work.buffer);
    work.sums[b] = lsq_loss_sum(loss, net->loss_parameter, &output, &y_block, NULL);
  }
  double sum = 0;
  for (size_t b = 0; b < work.blocks.count; b++)
    sum += work.sums[b];
  return sum / lsq_loss_count(loss, (double)y->rows, y->cols);
}
