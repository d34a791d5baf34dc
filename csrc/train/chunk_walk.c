#include "train/chunk_walk.h"

static const size_t LANES_MEMORY = (size_t)64 << 20; /* bytes, for all lanes together */

size_t lsq_chunk_walk_fitting(size_t lane_bytes) {
  return lsq_size_min(LANES_MEMORY / lane_bytes, LSQ_MOST_LANES);
}

lsq_chunk_walk lsq_chunk_walk_of(size_t rows, size_t lanes, size_t step_rows) {
  lsq_chunk_walk walk = {.chunks = lsq_chunks_of(rows), .side = 1};
  while (2 * walk.side <= lsq_size_min(lanes, LSQ_MOST_LANES))
    walk.side *= 2;
  walk.lanes = lsq_size_max(1, lsq_size_min(walk.side, walk.chunks.count));
  const size_t most = (walk.chunks.size + LSQ_LANE_ROWS - 1) / LSQ_LANE_ROWS;
  const size_t wanted = lsq_size_max(1, step_rows / walk.lanes / LSQ_LANE_ROWS);
  walk.piece = lsq_size_min(wanted, most) * LSQ_LANE_ROWS;
  return walk;
}

void lsq_chunk_walk_begin(lsq_chunk_walk *walk) {
  walk->chunk = walk->done = 0;
}

size_t lsq_chunk_walk_rows(const lsq_chunk_walk *walk, size_t lane, size_t *first) {
  const size_t chunk = walk->chunk + lane;
  if (lane >= walk->side || chunk >= walk->chunks.count)
    return 0;
  const size_t rows = lsq_chunks_rows(&walk->chunks, chunk);
  *first = lsq_chunks_first(&walk->chunks, chunk) + walk->done;
  return walk->done >= rows ? 0 : lsq_size_min(walk->piece, rows - walk->done);
}

size_t lsq_chunk_walk_step(const lsq_chunk_walk *walk) {
  size_t sum = 0, first;
  for (size_t lane = 0; lane < walk->lanes; lane++)
    sum += lsq_chunk_walk_rows(walk, lane, &first);
  return sum;
}

size_t lsq_chunk_walk_advance(lsq_chunk_walk *walk) {
  if (lsq_chunk_walk_is_over(walk))
    return 0;
  walk->done += walk->piece;
  if (walk->done < lsq_chunks_rows(&walk->chunks, walk->chunk)) /* no chunk has more */
    return 0;
  const size_t ended = lsq_size_min(walk->side, walk->chunks.count - walk->chunk);
  walk->chunk += ended;
  walk->done = 0;
  return ended;
}
