#include "linalg/row_factor.h"

#include "linalg/blas.h"
#include "linalg/threading.h"

enum {
  BLOCK = 256, /* rows at a time, at least */
  PANEL = 32   /* columns of dtpqrt's inner blocks, at most */
};

void lsq_row_factor_place(lsq_row_factor *self, lsq_arena *arena, size_t width) {
  self->factor = lsq_arena_matrix(arena, width, width);
  self->block = lsq_arena_matrix(arena, width, lsq_size_max(BLOCK, width));
  self->panels = lsq_arena_doubles(arena, lsq_size_multiply(PANEL, width));
  self->work = lsq_arena_doubles(arena, lsq_size_multiply(PANEL, width));
}

void lsq_row_factor_clear(lsq_row_factor *self) {
  lsq_matrix_fill(&self->factor, 0);
}

lsq_status lsq_row_factor_add(lsq_row_factor *self, size_t count, lsq_error *error) {
  const int m = (int)count, width = (int)self->factor.rows, panel = width < PANEL ? width : PANEL;
  const int none = 0, height = (int)self->block.cols;
  int info = 0;
  const int before = lsq_routine_enter(LSQ_DTPQRT, (double)m * width * width);
  dtpqrt_(&m, &width, &none, &panel, self->factor.data, &width, self->block.data, &height,
          self->panels, &panel, self->work, &info);
  lsq_threads_leave(before);
  return info < 0 ? lsq_lapack_misused("dtpqrt", info, error) : LSQ_OK;
}
