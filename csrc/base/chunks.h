/* Sums over rows that come out the same for any number of threads: the rows are cut into chunks
   by their number alone, each chunk is summed by one thread, and the chunks' sums are added along
   a binary tree over their numbers. */
#ifndef LSQ_BASE_CHUNKS_H
#define LSQ_BASE_CHUNKS_H

#include "base/arena.h"

enum {
  LSQ_MOST_CHUNKS = 64,
  LSQ_CHUNK_ROWS = 256, /* at least, but for the last */
  LSQ_TREE_LEVELS = 7   /* of a binary counter up to LSQ_MOST_CHUNKS */
};

typedef struct {
  size_t total; /* rows of all chunks together */
  size_t size;  /* rows of each chunk; the last may have fewer */
  size_t count;
} lsq_chunks;

static inline lsq_chunks lsq_chunks_of(size_t total) {
  size_t size = (total + LSQ_MOST_CHUNKS - 1) / LSQ_MOST_CHUNKS;
  size = (lsq_size_max(size, LSQ_CHUNK_ROWS) + 7) / 8 * 8; /* whole SIMD tiles */
  return (lsq_chunks){total, size, (total + size - 1) / size};
}

static inline size_t lsq_chunks_first(const lsq_chunks *chunks, size_t chunk) {
  return chunk * chunks->size;
}

static inline size_t lsq_chunks_rows(const lsq_chunks *chunks, size_t chunk) {
  return lsq_size_min(chunks->size, chunks->total - chunk * chunks->size);
}

/* The sum so far: a binary counter whose level k holds, where bit k of `added` is set, the sum of
   2^k chunks. */
typedef struct {
  size_t length; /* doubles of a sum */
  size_t added;  /* chunks */
  double *level[LSQ_TREE_LEVELS];
} lsq_tree;

void lsq_tree_place(lsq_tree *tree, lsq_arena *arena, size_t length, size_t chunks);

static inline void lsq_tree_clear(lsq_tree *tree) {
  tree->added = 0;
}

/* The next chunk's sum. */
void lsq_tree_add(lsq_tree *tree, const double *sum);

/* The sum of all chunks added, zeros where there are none. The tree must be cleared afterwards. */
void lsq_tree_root(lsq_tree *tree, double *sum);

#endif
