/* The rows of a pair of .npy files as a source: read block by block with pread, so that any
   number of threads may read at once and nothing but the block is held. Files of doubles, lowest
   byte first, row by row, as NumPy and matrix:write_npy make them. */
#ifndef LSQ_IO_NPY_ROWS_H
#define LSQ_IO_NPY_ROWS_H

#include "base/row_source.h"

typedef struct {
  lsq_row_source source; /* first, so that a pointer to it is one to the whole */
  int descriptor[2];     /* of X and Y; -1 when closed */
  size_t offset[2];      /* of the data in each file */
  lsq_matrix x, y;       /* shapes alone, data NULL */
} lsq_npy_rows;

/* Both files closed, so that closing is safe whatever happens next. */
void lsq_npy_rows_initialise(lsq_npy_rows *rows);

/* LSQ_NO_FILE, LSQ_BAD_FORMAT. `rows` is initialised and stays closable on failure. */
lsq_status lsq_npy_rows_open(lsq_npy_rows *rows, const char *x_path, const char *y_path,
                             lsq_error *error);
void lsq_npy_rows_close(lsq_npy_rows *rows);

#endif
