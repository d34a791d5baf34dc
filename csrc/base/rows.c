#include "base/rows.h"

lsq_rows lsq_rows_over(const lsq_matrix *x, const lsq_matrix *y) {
  return (lsq_rows){.x = x, .y = y, .total = x->rows};
}

double lsq_rows_weight(const lsq_rows *rows) {
  if (rows->weights == NULL)
    return (double)rows->x->rows;
  double sum = 0;
  for (size_t i = 0; i < rows->x->rows; i++)
    sum += rows->weights[i];
  return sum;
}

size_t lsq_rows_counted(const lsq_rows *rows) {
  size_t count = rows->weights == NULL ? rows->x->rows : 0;
  for (size_t i = 0; rows->weights != NULL && i < rows->x->rows; i++)
    count += rows->weights[i] > 0;
  return count;
}

void lsq_row_reader_place(lsq_row_reader *reader, lsq_arena *arena, const lsq_rows *rows,
                          size_t most) {
  reader->rows = rows;
  reader->status = LSQ_OK;
  if (rows->source == NULL)
    return;
  reader->x_buffer = lsq_arena_matrix(arena, most, rows->x->cols);
  if (rows->y != NULL)
    reader->y_buffer = lsq_arena_matrix(arena, most, rows->y->cols);
}

bool lsq_row_reader_get(lsq_row_reader *reader, size_t first, size_t count, lsq_row_block *block) {
  const lsq_rows *rows = reader->rows;
  block->weights = rows->weights == NULL ? NULL : rows->weights + first;
  if (rows->source == NULL) {
    block->x = lsq_matrix_rows(rows->x, first, count);
    if (rows->y != NULL)
      block->y = lsq_matrix_rows(rows->y, first, count);
    return true;
  }
  block->x = lsq_matrix_rows(&reader->x_buffer, 0, count);
  if (rows->y != NULL)
    block->y = lsq_matrix_rows(&reader->y_buffer, 0, count);
  if (reader->status == LSQ_OK && count > 0)
    reader->status = rows->source->read(rows->source, first, &block->x,
                                        rows->y == NULL ? NULL : &block->y, &reader->error);
  return reader->status == LSQ_OK;
}
