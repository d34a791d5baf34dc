/* Portable grey maps (netpbm), binary P5 and plain P2, over a block that holds the whole
   file: open, then find the memory, then read. */
#ifndef LSQ_IO_PGM_H
#define LSQ_IO_PGM_H

#include "base/matrix.h"
#include "base/status.h"
#include "io/file.h"

typedef struct {
  const char *path;
  size_t rows, cols;
  unsigned maximum; /* white, 1..65535 */
  bool plain;       /* P2 */
  const char *data, *end;
} lsq_pgm;

/* Reads the header and checks it against the size. LSQ_BAD_FORMAT. */
lsq_status lsq_pgm_open(lsq_pgm *pgm, const char *path, const char *block, size_t size,
                        lsq_error *error);

/* m has the image's rows and cols; its values are 0..maximum, as they stand in the file. */
lsq_status lsq_pgm_read(const lsq_pgm *pgm, const lsq_matrix *m, lsq_error *error);

/* Writes P5 with maximum 255. Values are rounded; one that is not within 0..255 then, or an
   image without pixels, is LSQ_BAD_FORMAT, and no file is touched. */
lsq_status lsq_pgm_write(lsq_writer *writer, const char *path, const lsq_matrix *m,
                         lsq_error *error);

#endif
