/* The rows that varpro takes the curvature of in a step: the next ones of a random order, as many
   as twice the unknowns, added to the tables block by block. */
#ifndef LSQ_TRAIN_VARPRO_TABLES_H
#define LSQ_TRAIN_VARPRO_TABLES_H

#include "train/shuffled_rows.h"
#include "train/varpro_system.h"

typedef struct {
  const lsq_shuffled_rows *order;
  lsq_varpro_system *system;
  size_t rows, row; /* of the tables, and those done */
  size_t offset;    /* of the first in the order */
  double weight;    /* of those done */
  lsq_matrix x, y;  /* a block of them */
  double *weights;
} lsq_varpro_tables;

/* For a system that is placed already. */
void lsq_varpro_tables_place(lsq_varpro_tables *self, lsq_arena *arena,
                             const lsq_shuffled_rows *order, lsq_varpro_system *system);

/* Empties the tables; goes on behind the rows of the tables before. */
void lsq_varpro_tables_begin(lsq_varpro_tables *self);

/* The next block, at the net; true when it was the last. */
lsq_status lsq_varpro_tables_add(lsq_varpro_tables *self, const lsq_network *net, bool *done,
                                 lsq_error *error);

/* Seconds that tables, Sigma and a solve take, estimated from a block and from a part of a factor.
   The system is as after its start afterwards, and the tables begin with the first row. */
lsq_status lsq_varpro_tables_time(lsq_varpro_tables *self, const lsq_network *net, double lambda,
                                  const double *gradient, double *seconds, lsq_error *error);

#endif
