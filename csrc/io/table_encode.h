/* Columns of a table as inputs of a net: gaps filled, categories spread over columns. */
#ifndef LSQ_IO_TABLE_ENCODE_H
#define LSQ_IO_TABLE_ENCODE_H

#include <stdint.h>

#include "base/matrix.h"

/* What the finite values of a column are. */
typedef struct {
  size_t finite, missing, infinite;
  double least, largest, median; /* of the finite ones; 0 without any */
  bool integers;                 /* whether all of them are */
} lsq_column_summary;

/* `scratch` has room for column->rows. */
void lsq_table_summarise(const lsq_matrix *column, double *scratch, lsq_column_summary *summary);

/* Whether the values are first, first + 1, ... in the order of the rows. */
bool lsq_table_counts_from(const lsq_matrix *column, double first);

/* Column `to` of x becomes the column, or `value` where it is not finite; column `flag` becomes
   1 there and 0 elsewhere, unless it is SIZE_MAX, as `to` may be too. */
void lsq_table_fill(const lsq_matrix *column, double value, const lsq_matrix *x, size_t to,
                    size_t flag);

/* Sets 1 in the column of x that the code of each row has: to[code - 1], or to[levels] where it is
   missing; none where that is SIZE_MAX. The columns are 0 before. */
void lsq_table_spread(const lsq_matrix *codes, const size_t *to, size_t levels,
                      const lsq_matrix *x);

/* How often each code occurs, and, last, how many are missing. */
void lsq_table_tally(const lsq_matrix *codes, size_t *counts, size_t levels);

#endif
