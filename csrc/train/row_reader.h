/* One lane's access to the samples: views where they are in memory, blocks read into a buffer
   where they are streamed. */
#ifndef LSQ_TRAIN_ROW_READER_H
#define LSQ_TRAIN_ROW_READER_H

#include "base/arena.h"
#include "base/row_source.h"

typedef struct {
  const lsq_matrix *x, *y;      /* with a source: their shapes alone */
  const lsq_row_source *source; /* NULL: x and y are in memory */
  lsq_matrix x_block, y_block;
  lsq_status status; /* of the first read that failed, and what it said */
  lsq_error error;
} lsq_row_reader;

/* For blocks of up to `rows`; the buffers are placed only for a source. */
void lsq_row_reader_place(lsq_row_reader *reader, lsq_arena *arena, const lsq_matrix *x,
                          const lsq_matrix *y, const lsq_row_source *source, size_t rows);

/* Rows first .. first + count - 1; y may be NULL. False, and status set, when reading fails. */
bool lsq_row_reader_get(lsq_row_reader *reader, size_t first, size_t count, lsq_matrix *x,
                        lsq_matrix *y);

#endif
