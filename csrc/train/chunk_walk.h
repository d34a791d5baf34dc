/* A pass over the chunks of a data set in steps of bounded work. A few chunks are summed side by
   side, each by a lane of its own; a step takes a piece of rows of each. Neither the chunks nor
   the pieces depend on the number of threads that run the lanes. */
#ifndef LSQ_TRAIN_CHUNK_WALK_H
#define LSQ_TRAIN_CHUNK_WALK_H

#include "base/chunks.h"

enum {
  LSQ_MOST_LANES = 16, /* a power of two */
  LSQ_LANE_ROWS = 128  /* rows that a lane works on at a time; a piece is whole times as many */
};

typedef struct {
  lsq_chunks chunks;
  size_t side;  /* chunks side by side, a power of two */
  size_t lanes; /* as many, or as there are chunks */
  size_t piece; /* rows of each chunk that a step takes, at most */
  size_t chunk; /* the first of those under way */
  size_t done;  /* rows of each of them that were taken */
} lsq_chunk_walk;

/* At most `lanes` lanes, at least one; about step_rows rows a step. */
lsq_chunk_walk lsq_chunk_walk_of(size_t rows, size_t lanes, size_t step_rows);

/* Lanes of lane_bytes each that fit into 64 MB, at most LSQ_MOST_LANES. */
size_t lsq_chunk_walk_fitting(size_t lane_bytes);

void lsq_chunk_walk_begin(lsq_chunk_walk *walk);

/* Rows that a lane takes in this step, and the first of them. Those of all lanes, one after the
   other, are lane * rows of lane 0 apart where there are any. */
size_t lsq_chunk_walk_rows(const lsq_chunk_walk *walk, size_t lane, size_t *first);

/* Rows of all lanes in this step. */
size_t lsq_chunk_walk_step(const lsq_chunk_walk *walk);

/* Ends a step. Returns how many chunks it ended: 0, or all that were under way. */
size_t lsq_chunk_walk_advance(lsq_chunk_walk *walk);

static inline bool lsq_chunk_walk_is_over(const lsq_chunk_walk *walk) {
  return walk->chunk >= walk->chunks.count;
}

/* Whether the step begins new chunks. */
static inline bool lsq_chunk_walk_begins(const lsq_chunk_walk *walk) {
  return walk->done == 0;
}

#endif
