/* The cells of a table while it is read, eight bytes each: a number is itself; all others are
   NaNs that tell each other apart by their payload, which is where the text stands. So the
   pass over the file needs no memory but the matrix it fills. */
#ifndef LSQ_IO_TABLE_CELL_H
#define LSQ_IO_TABLE_CELL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum {
  LSQ_CELL_NUMBER,
  LSQ_CELL_MISSING, /* payload 0 */
  LSQ_CELL_TEXT,    /* payload: offset of the text in the block, plus 1, its length, or 0 where
                       that is too large, and whether it is in quotes */
  LSQ_CELL_WRONG    /* likewise, of the row's begin: its number of fields is wrong */
} lsq_cell_kind;

#define LSQ_CELL_QUIET UINT64_C(0x7ff8000000000000)
#define LSQ_CELL_SIGN UINT64_C(0x8000000000000000)
#define LSQ_CELL_QUOTED UINT64_C(0x0004000000000000)
#define LSQ_CELL_OFFSET UINT64_C(0x00000fffffffffff) /* 16 terabytes */
#define LSQ_CELL_LENGTH_SHIFT 44
#define LSQ_CELL_LENGTH UINT64_C(63)

static inline uint64_t lsq_cell_bits(const double *cell) {
  uint64_t bits;
  memcpy(&bits, cell, sizeof bits);
  return bits;
}

static inline void lsq_cell_put(double *cell, uint64_t bits) {
  memcpy(cell, &bits, sizeof bits);
}

static inline void lsq_cell_put_missing(double *cell) {
  lsq_cell_put(cell, LSQ_CELL_QUIET);
}

static inline void lsq_cell_put_text(double *cell, size_t offset, size_t length, bool quoted) {
  uint64_t flag = quoted ? LSQ_CELL_QUOTED : 0;
  uint64_t kept = length <= LSQ_CELL_LENGTH ? (uint64_t)length << LSQ_CELL_LENGTH_SHIFT : 0;
  lsq_cell_put(cell, LSQ_CELL_QUIET | flag | kept | ((uint64_t)offset + 1));
}

/* Of a text; 0 where it has to be found again. */
static inline size_t lsq_cell_length(const double *cell) {
  return (size_t)(lsq_cell_bits(cell) >> LSQ_CELL_LENGTH_SHIFT & LSQ_CELL_LENGTH);
}

static inline void lsq_cell_put_wrong(double *cell, size_t offset) {
  lsq_cell_put(cell, LSQ_CELL_SIGN | LSQ_CELL_QUIET | ((uint64_t)offset + 1));
}

static inline lsq_cell_kind lsq_cell_kind_of(const double *cell) {
  if (!isnan(*cell))
    return LSQ_CELL_NUMBER;
  uint64_t bits = lsq_cell_bits(cell);
  if ((bits & LSQ_CELL_OFFSET) == 0)
    return LSQ_CELL_MISSING;
  return (bits & LSQ_CELL_SIGN) != 0 ? LSQ_CELL_WRONG : LSQ_CELL_TEXT;
}

/* Of a text or a wrong row. */
static inline size_t lsq_cell_offset(const double *cell) {
  return (size_t)((lsq_cell_bits(cell) & LSQ_CELL_OFFSET) - 1);
}

#endif
