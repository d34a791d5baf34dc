#include "train/row_reader.h"

void lsq_row_reader_place(lsq_row_reader *reader, lsq_arena *arena, const lsq_matrix *x,
                          const lsq_matrix *y, const lsq_row_source *source, size_t rows) {
  reader->x = x;
  reader->y = y;
  reader->source = source;
  reader->status = LSQ_OK;
  if (source == NULL)
    return;
  reader->x_block = lsq_arena_matrix(arena, rows, x->cols);
  reader->y_block = lsq_arena_matrix(arena, rows, y->cols);
}

bool lsq_row_reader_get(lsq_row_reader *reader, size_t first, size_t count, lsq_matrix *x,
                        lsq_matrix *y) {
  if (reader->source == NULL) {
    *x = lsq_matrix_rows(reader->x, first, count);
    if (y != NULL)
      *y = lsq_matrix_rows(reader->y, first, count);
    return true;
  }
  *x = lsq_matrix_rows(&reader->x_block, 0, count);
  if (y != NULL)
    *y = lsq_matrix_rows(&reader->y_block, 0, count);
  if (reader->status == LSQ_OK && count > 0)
    reader->status = reader->source->read(reader->source, first, x, y, &reader->error);
  return reader->status == LSQ_OK;
}
