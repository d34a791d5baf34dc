/* NumPy's .npy format, versions 1.0 to 3.0 (numpy.lib.format), over a block that holds the
   whole file: open, then find the memory, then read. */
#ifndef LSQ_IO_NPY_H
#define LSQ_IO_NPY_H

#include "base/matrix.h"
#include "base/status.h"
#include "io/file.h"

typedef struct {
  size_t rows, cols; /* an array of one axis is a column, one of none 1 x 1 */
  char kind;         /* 'f', 'i', 'u' or 'b' */
  size_t item_size;  /* bytes */
  bool big_endian;
  bool fortran_order; /* column by column */
  const unsigned char *data;
} lsq_npy;

/* Reads the header and checks it against the size. LSQ_BAD_FORMAT, also for arrays that no
   matrix of doubles can hold (three axes, complex numbers, text ...). */
lsq_status lsq_npy_open(lsq_npy *npy, const char *path, const void *block, size_t size,
                        lsq_error *error);

/* m has npy's rows and cols. Integers beyond 2^53 are rounded to the nearest double. */
void lsq_npy_read(const lsq_npy *npy, const lsq_matrix *m);

/* Writes version 1.0, '<f8', row by row, the data aligned to 64 bytes as NumPy does. */
lsq_status lsq_npy_write(lsq_writer *writer, const char *path, const lsq_matrix *m,
                         lsq_error *error);

#endif
