/* Samples in a random order, and a window that moves over them: a few consecutive ones, after the
   last the first, which passes over rows see as a data set of its own. No row is copied before it
   is asked for. Streamed rows are kept together in units, so that they can be read. */
#ifndef LSQ_TRAIN_SHUFFLED_ROWS_H
#define LSQ_TRAIN_SHUFFLED_ROWS_H

#include "base/random.h"
#include "base/rows.h"

typedef struct {
  const lsq_rows *rows; /* the data */
  size_t unit;          /* consecutive rows that stay together: 1 in memory */
  size_t units, count;  /* count: rows in this order. Those of weight 0 are left out in memory */
  size_t *order;        /* of the units */
} lsq_shuffled_rows;

void lsq_shuffled_rows_place(lsq_shuffled_rows *self, lsq_arena *arena, const lsq_rows *rows);

/* A new order. */
void lsq_shuffled_rows_shuffle(lsq_shuffled_rows *self, lsq_random *random);

/* Rows `first` and on of this order, cyclic. weights may be NULL. */
lsq_status lsq_shuffled_rows_read(const lsq_shuffled_rows *self, size_t first, const lsq_matrix *x,
                                  const lsq_matrix *y, double *weights, lsq_error *error);

typedef struct {
  lsq_row_source source; /* whose `read` finds the window around it */
  const lsq_shuffled_rows *from;
  size_t offset; /* of its first row in that order */
  lsq_matrix x, y;
  double *weights; /* of its rows; NULL without weights */
  double weight;   /* their sum */
  lsq_rows rows;   /* the window as a data set */
} lsq_row_window;

/* `self` must stay where it is: rows.source points into it. */
void lsq_row_window_place(lsq_row_window *self, lsq_arena *arena, const lsq_shuffled_rows *from,
                          size_t count);

/* Begins at this row of the order. */
void lsq_row_window_move(lsq_row_window *self, size_t offset);

#endif
