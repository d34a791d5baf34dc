/* Rows that are not in memory: the samples of a data set that is asked for in blocks, pass after
   pass. */
#ifndef LSQ_BASE_ROW_SOURCE_H
#define LSQ_BASE_ROW_SOURCE_H

#include "base/matrix.h"
#include "base/status.h"

typedef struct lsq_row_source lsq_row_source;

struct lsq_row_source {
  /* Fills x (and y, unless NULL), of the same number of rows, from row `first` on. May be called
     from several threads at once. */
  lsq_status (*read)(const lsq_row_source *self, size_t first, const lsq_matrix *x,
                     const lsq_matrix *y, lsq_error *error);
};

#endif
