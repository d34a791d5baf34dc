#include "nn/forward.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "nn/dense.h"
#include "nn/skip.h"

static lsq_blocks blocks_of(const lsq_network *net, size_t rows) {
  return lsq_blocks_of(rows, 2 * lsq_network_widest(net));
}

void lsq_forward_place(lsq_forward_work *work, lsq_arena *arena, const lsq_network *net,
                       const lsq_rows *rows, size_t threads) {
  const size_t widest = lsq_network_widest(net), outputs = lsq_network_outputs(net);
  const lsq_blocks most = lsq_blocks_bound(rows->x->rows, 2 * widest);
  work->threads = lsq_blocks_threads(net, rows->x->rows, most.count, threads);
  work->buffer = lsq_size_multiply(most.size, widest);
  work->stride = lsq_size_multiply(work->buffer, 2); /* sizes are multiples of 8: aligned */
  work->buffers = lsq_arena_doubles(arena, lsq_size_multiply(work->threads, work->stride));
  work->sums = lsq_arena_doubles(arena, most.count);
  work->scores = lsq_arena_doubles(
      arena, lsq_size_multiply(most.count, lsq_size_multiply(outputs, LSQ_SCORE_DOUBLES)));
  lsq_readers_place(&work->readers, arena, rows, work->threads, most.size);
}

lsq_forward_work *lsq_forward_take(lsq_arena *arena, const lsq_network *net, const lsq_rows *rows,
                                   size_t threads) {
  lsq_forward_work measured, *work = lsq_arena_take(arena, 1, sizeof *work);
  lsq_forward_place(work == NULL ? &measured : work, arena, net, rows, threads);
  return work;
}

lsq_matrix lsq_forward_block(const lsq_network *net, const lsq_matrix *x, size_t layer,
                             const lsq_matrix *out, double *buffers, size_t buffer) {
  lsq_matrix in = *x;
  for (size_t k = 0; k < layer; k++) {
    const lsq_layer *dense = &net->layers[k];
    lsq_matrix z = lsq_matrix_over(buffers + k % 2 * buffer, x->rows, dense->weight.cols);
    if (k + 1 == layer && out != NULL)
      z = *out;
    lsq_dense_forward(&in, &dense->weight, dense->bias, &z);
    if (k + 1 == net->depth) /* in is not needed any more */
      lsq_skip_forward(net, x, buffers + (k + 1) % 2 * buffer, &z);
    lsq_activate(lsq_network_activation(net, k), net->alpha, &z);
    in = z;
  }
  return in;
}

/* What a pass does with a block. */
typedef struct {
  const lsq_network *net;
  lsq_forward_work *work;
  size_t layer;
  const lsq_matrix *out; /* of all rows; NULL: none is wanted */
  void (*take)(const lsq_network *net, lsq_forward_work *work, size_t block,
               const lsq_row_block *rows, const lsq_matrix *output);
} pass;

static void run_block(const pass *p, const lsq_blocks *blocks, size_t b) {
  lsq_forward_work *work = p->work;
  const size_t thread = (size_t)lsq_thread_number();
  const size_t first = lsq_blocks_first(blocks, b), count = lsq_blocks_rows(blocks, b);
  lsq_row_block rows;
  lsq_matrix out;
  if (!lsq_row_reader_get(&work->readers.each[thread], first, count, &rows))
    return;
  if (p->out != NULL)
    out = lsq_matrix_rows(p->out, first, count);
  const lsq_matrix output =
      lsq_forward_block(p->net, &rows.x, p->layer, p->out == NULL ? NULL : &out,
                        work->buffers + thread * work->stride, work->buffer);
  if (p->take != NULL)
    p->take(p->net, work, b, &rows, &output);
}

/* False when some rows could not be read. */
static bool run(const pass *p, const lsq_rows *rows) {
  lsq_forward_work *work = p->work;
  lsq_error error;
  const lsq_blocks blocks = blocks_of(p->net, rows->x->rows);
  const size_t threads = lsq_blocks_threads(p->net, rows->x->rows, blocks.count, work->threads);
  lsq_readers_start(&work->readers, rows);
#pragma omp parallel for schedule(dynamic) num_threads((int)threads) if (threads > 1)
  for (size_t b = 0; b < blocks.count; b++)
    run_block(p, &blocks, b);
  return lsq_forward_status(work, &error) == LSQ_OK;
}

/* Layer 0. */
static void copy_rows(const lsq_rows *rows, const lsq_matrix *out, lsq_forward_work *work) {
  const lsq_blocks blocks = lsq_blocks_of(rows->x->rows, work->buffer);
  lsq_row_block block;
  lsq_readers_start(&work->readers, rows);
  for (size_t b = 0; b < blocks.count; b++) {
    const size_t first = lsq_blocks_first(&blocks, b), count = lsq_blocks_rows(&blocks, b);
    const lsq_matrix to = lsq_matrix_rows(out, first, count);
    if (!lsq_row_reader_get(work->readers.each, first, count, &block))
      return;
    lsq_matrix_copy(&block.x, &to);
  }
}

lsq_status lsq_forward(const lsq_network *net, const lsq_rows *rows, size_t layer,
                       const lsq_matrix *out, lsq_forward_work *work, lsq_error *error) {
  if (layer == 0)
    copy_rows(rows, out, work);
  else
    run(&(pass){.net = net, .work = work, .layer = layer, .out = out}, rows);
  return lsq_forward_status(work, error);
}

static void take_loss(const lsq_network *net, lsq_forward_work *work, size_t block,
                      const lsq_row_block *rows, const lsq_matrix *output) {
  work->sums[block] = lsq_loss_sum(net->loss, net->loss_parameter, output, &rows->y, rows->weights);
}

double lsq_network_loss(const lsq_network *net, const lsq_rows *rows, lsq_forward_work *work) {
  const size_t blocks = blocks_of(net, rows->x->rows).count;
  if (!run(&(pass){.net = net, .work = work, .layer = net->depth, .take = take_loss}, rows))
    return NAN;
  double sum = 0;
  for (size_t b = 0; b < blocks; b++)
    sum += work->sums[b];
  return sum / lsq_loss_count(net->loss, lsq_rows_weight(rows), lsq_network_outputs(net));
}

static double *score_of(const lsq_network *net, const lsq_forward_work *work, size_t block) {
  return work->scores + block * lsq_network_outputs(net) * LSQ_SCORE_DOUBLES;
}

static void take_score(const lsq_network *net, lsq_forward_work *work, size_t block,
                       const lsq_row_block *rows, const lsq_matrix *output) {
  if (!net->loss->score->raw)
    lsq_loss_mean(net->loss, output);
  net->loss->score->measure(&rows->y, output, rows->weights, score_of(net, work, block));
}

double lsq_network_score(const lsq_network *net, const lsq_rows *rows, lsq_forward_work *work) {
  const size_t blocks = blocks_of(net, rows->x->rows).count, outputs = lsq_network_outputs(net);
  if (!run(&(pass){.net = net, .work = work, .layer = net->depth, .take = take_score}, rows))
    return NAN;
  for (size_t b = 1; b < blocks; b++)
    net->loss->score->merge(work->scores, score_of(net, work, b), outputs);
  return net->loss->score->value(work->scores, outputs);
}
