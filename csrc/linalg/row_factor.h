/* The triangular factor of a matrix that comes by blocks of rows (sequential TSQR: Demmel, Grigori,
   Hoemmen and Langou 2012, section 4): each block is read once and stays in cache, and memory does
   not grow with the rows. */
#ifndef LSQ_LINALG_ROW_FACTOR_H
#define LSQ_LINALG_ROW_FACTOR_H

#include "base/arena.h"
#include "base/status.h"

typedef struct {
  lsq_matrix factor; /* width x width, row j of it column j of the upper triangular r */
  lsq_matrix block;  /* width x height: rows to be added, row j of it column j of theirs */
  double *panels, *work;
} lsq_row_factor;

/* Blocks have height rows at most: block.cols. The factor of no rows is 0. */
void lsq_row_factor_place(lsq_row_factor *self, lsq_arena *arena, size_t width);
void lsq_row_factor_clear(lsq_row_factor *self);

/* Adds the first `count` rows of the block, which is overwritten. */
lsq_status lsq_row_factor_add(lsq_row_factor *self, size_t count, lsq_error *error);

#endif
