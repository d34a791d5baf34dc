#include "base/size.h"
#include "linalg/linalg.h"

enum { TILE = 16 }; /* 16 x 16 doubles: two tiles of 2 KiB stay in the first-level cache */

void lsq_transpose(const lsq_matrix *a, const lsq_matrix *out) {
  for (size_t i0 = 0; i0 < a->rows; i0 += TILE) {
    const size_t i1 = lsq_size_min(i0 + TILE, a->rows);
    for (size_t j0 = 0; j0 < a->cols; j0 += TILE) {
      const size_t j1 = lsq_size_min(j0 + TILE, a->cols);
      for (size_t j = j0; j < j1; j++) {
        double *to = lsq_matrix_row(out, j);
        const double *from = a->data + j;
        for (size_t i = i0; i < i1; i++)
          to[i] = from[i * a->stride];
      }
    }
  }
}
