/* How a pass over the rows is cut into blocks: by the shapes alone, so that no result depends
   on the number of threads. */
#ifndef LSQ_NN_BLOCKS_H
#define LSQ_NN_BLOCKS_H

#include "base/rows.h"
#include "nn/network.h"

enum {
  /* A block's activations: 192 KiB, well within a second-level cache. */
  LSQ_BLOCK_DOUBLES = 24 * 1024,
  /* Rows, however wide the network: its weights are read once a block. */
  LSQ_BLOCK_LEAST = 16,
  /* Rows below which a block is not split further to give more threads work. */
  LSQ_BLOCK_WORTH_SPLITTING = 64,
  /* Multiplications below which a parallel region does not pay: a second thread gains a minibatch
     a tenth on a calm machine, and loses it a hundredfold on a busy one, waiting at its end. */
  LSQ_PARALLEL_WORK = 1024 * 1024
};

typedef struct {
  size_t rows;  /* of all blocks together */
  size_t size;  /* rows of each block; the last may have fewer */
  size_t count; /* blocks */
} lsq_blocks;

/* Blocks of equal size, whose rows take row_doubles each in the caches. */
static inline lsq_blocks lsq_blocks_of(size_t rows, size_t row_doubles) {
  size_t most = lsq_size_max(LSQ_BLOCK_DOUBLES / row_doubles, LSQ_BLOCK_LEAST);
  most = lsq_size_min(most, lsq_size_max(rows / 16, LSQ_BLOCK_WORTH_SPLITTING));
  size_t count = rows / most + (rows % most != 0);
  size_t size = count == 0 ? 0 : (rows + count - 1) / count;
  size = (size + 7) / 8 * 8; /* whole SIMD tiles */
  return (lsq_blocks){rows, size, size == 0 ? 0 : (rows + size - 1) / size};
}

/* No smaller number of rows is cut into larger or more blocks than these. */
static inline lsq_blocks lsq_blocks_bound(size_t rows, size_t row_doubles) {
  const size_t fit = lsq_size_max(LSQ_BLOCK_DOUBLES / row_doubles, LSQ_BLOCK_LEAST);
  const size_t most = lsq_size_min(fit, lsq_size_max(rows / 16, LSQ_BLOCK_WORTH_SPLITTING));
  const size_t least = lsq_size_min(fit, LSQ_BLOCK_WORTH_SPLITTING);
  const size_t count = lsq_size_min(rows / least + 1, lsq_size_max(rows / fit + 1, 17));
  return (lsq_blocks){rows, (lsq_size_min(most, rows) + 7) / 8 * 8, count};
}

static inline size_t lsq_blocks_first(const lsq_blocks *blocks, size_t block) {
  return block * blocks->size;
}

static inline size_t lsq_blocks_rows(const lsq_blocks *blocks, size_t block) {
  return lsq_size_min(blocks->size, blocks->rows - block * blocks->size);
}

/* Threads for `tasks` tasks over all rows, at most `available`. */
static inline size_t lsq_blocks_threads(const lsq_network *net, size_t rows, size_t tasks,
                                        size_t available) {
  const bool pays = lsq_size_multiply(rows, net->parameter_count) >= LSQ_PARALLEL_WORK;
  return pays ? lsq_size_max(lsq_size_min(tasks, available), 1) : 1;
}

/* Each thread's access to the rows of a pass. */
typedef struct {
  size_t count;
  lsq_row_reader *each;
} lsq_readers;

static inline void lsq_readers_place(lsq_readers *readers, lsq_arena *arena, const lsq_rows *rows,
                                     size_t count, size_t most) {
  readers->count = count;
  readers->each = lsq_arena_take(arena, count, sizeof *readers->each);
  for (size_t k = 0; k < count; k++) {
    lsq_row_reader measured;
    lsq_row_reader_place(readers->each == NULL ? &measured : &readers->each[k], arena, rows, most);
  }
}

/* Before a pass over rows like those they were placed for. */
static inline void lsq_readers_start(lsq_readers *readers, const lsq_rows *rows) {
  for (size_t k = 0; k < readers->count; k++) {
    readers->each[k].rows = rows;
    readers->each[k].status = LSQ_OK;
  }
}

/* After it: whether all rows were read. */
static inline lsq_status lsq_readers_status(const lsq_readers *readers, lsq_error *error) {
  for (size_t k = 0; k < readers->count; k++)
    if (readers->each[k].status != LSQ_OK) {
      *error = readers->each[k].error;
      return readers->each[k].status;
    }
  return LSQ_OK;
}

/* The widest layer's outputs. */
static inline size_t lsq_network_widest(const lsq_network *net) {
  size_t widest = 0;
  for (size_t k = 0; k < net->depth; k++)
    widest = lsq_size_max(widest, net->layers[k].weight.cols);
  return widest;
}

#endif
