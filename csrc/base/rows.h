/* The one door to the samples of a data set: every pass asks it for blocks of rows. In memory
   they are views, streamed they are read. */
#ifndef LSQ_BASE_ROWS_H
#define LSQ_BASE_ROWS_H

#include "base/arena.h"
#include "base/row_source.h"

/* Processes that add their sums; none are built yet (team.h will say what it holds). */
typedef struct lsq_team lsq_team;

typedef struct {
  const lsq_matrix *x, *y;      /* N x d and N x c; with a source their shapes alone, data NULL */
  const double *weights;        /* N, finite, not negative, positive sum; NULL: all 1 */
  const lsq_row_source *source; /* NULL: x and y are in memory */
  const lsq_team *team;         /* NULL: one process */
  size_t first, total;          /* where these rows lie in the whole data */
} lsq_rows;

/* Rows in memory, all of weight 1. y may be NULL where none are asked for. */
lsq_rows lsq_rows_over(const lsq_matrix *x, const lsq_matrix *y);

/* N, or the sum of the weights: what means over rows are divided by. */
double lsq_rows_weight(const lsq_rows *rows);

/* How many have a weight above 0. */
size_t lsq_rows_counted(const lsq_rows *rows);

/* What row i of rows in memory counts in a mean; `weight` is lsq_rows_weight. */
static inline double lsq_rows_share(const lsq_rows *rows, size_t i, double weight) {
  return (rows->weights == NULL ? 1 : rows->weights[i]) / weight;
}

/* Some consecutive rows. */
typedef struct {
  lsq_matrix x, y;
  const double *weights; /* of these rows; NULL: all 1 */
} lsq_row_block;

/* One lane's access: its buffers where rows are streamed, and how reading went. */
typedef struct {
  const lsq_rows *rows;
  lsq_matrix x_buffer, y_buffer;
  lsq_status status; /* of the first read that failed, and what it said */
  lsq_error error;
} lsq_row_reader;

/* For blocks of up to `most` rows; buffers are placed only for a source, and for y only where it
   is asked for. */
void lsq_row_reader_place(lsq_row_reader *reader, lsq_arena *arena, const lsq_rows *rows,
                          size_t most);

/* Rows first .. first + count - 1 of these rows. False, and status set, when reading fails. */
bool lsq_row_reader_get(lsq_row_reader *reader, size_t first, size_t count, lsq_row_block *block);

#endif
