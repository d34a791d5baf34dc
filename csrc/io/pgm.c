#include "io/pgm.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/point.h"
#include "base/size.h"
#include "io/bytes.h"

static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Blanks and comments, which run from # to the end of the line. */
static const char *skip_space(const char *p, const char *end) {
  for (; p < end && (is_space(*p) || *p == '#'); p++)
    if (*p == '#')
      while (p + 1 < end && *p != '\n')
        p++;
  return p;
}

/* A number after blanks, saturating at SIZE_MAX; false when there is none. */
static bool read_number(const char **position, const char *end, size_t *number) {
  const char *p = skip_space(*position, end), *digits = p;
  *number = 0;
  for (; p < end && *p >= '0' && *p <= '9'; p++)
    *number = lsq_size_add(lsq_size_multiply(*number, 10), (size_t)(*p - '0'));
  *position = p;
  return p > digits;
}

lsq_status lsq_pgm_open(lsq_pgm *pgm, const char *path, const char *block, size_t size,
                        lsq_error *error) {
  if (size < 3 || block[0] != 'P' || (block[1] != '2' && block[1] != '5') ||
      !(is_space(block[2]) || block[2] == '#'))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: not a PGM file (P5 or P2)", path);
  *pgm = (lsq_pgm){.path = path, .plain = block[1] == '2', .end = block + size};
  const char *p = block + 2;
  size_t maximum;
  if (!read_number(&p, pgm->end, &pgm->cols) || !read_number(&p, pgm->end, &pgm->rows) ||
      !read_number(&p, pgm->end, &maximum))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: the header lacks a number", path);
  if (pgm->rows == 0 || pgm->cols == 0)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: an image without pixels", path);
  if (maximum < 1 || maximum > 65535)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: the largest value must be 1 to 65535", path);
  if (p == pgm->end || !is_space(*p))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: no blank after the header", path);
  pgm->maximum = (unsigned)maximum;
  pgm->data = p + 1;
  size_t pixels = lsq_size_multiply(pgm->rows, pgm->cols), got = (size_t)(pgm->end - pgm->data);
  size_t wanted = lsq_size_multiply(pixels, maximum > 255 ? 2 : 1);
  if (pgm->plain) /* at least a digit each, and a blank between two */
    wanted = lsq_size_multiply(pixels, 2) - 1;
  if (got < wanted)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %zu bytes of pixels expected, got %zu", path,
                    wanted, got);
  return LSQ_OK;
}

static lsq_status read_pixel(const lsq_pgm *pgm, const char **p, size_t row, size_t col,
                             double *pixel, lsq_error *error) {
  size_t value;
  if (!pgm->plain) {
    size_t bytes = pgm->maximum > 255 ? 2 : 1;
    value = (size_t)lsq_big_endian((const unsigned char *)*p, bytes);
    *p += bytes;
  } else if (!read_number(p, pgm->end, &value))
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: row %zu, column %zu: a number expected",
                    pgm->path, row + 1, col + 1);
  if (value > pgm->maximum)
    return lsq_fail(error, LSQ_BAD_FORMAT,
                    "%.200s: row %zu, column %zu: %zu is above the largest value %u", pgm->path,
                    row + 1, col + 1, value, pgm->maximum);
  *pixel = (double)value;
  return LSQ_OK;
}

lsq_status lsq_pgm_read(const lsq_pgm *pgm, const lsq_matrix *m, lsq_error *error) {
  const char *p = pgm->data;
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++)
      if (read_pixel(pgm, &p, i, j, lsq_matrix_row(m, i) + j, error) != LSQ_OK)
        return error->status;
  /* A file may hold several images; all but the first would be lost in silence. */
  while (p < pgm->end && is_space(*p))
    p++;
  if (p < pgm->end)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %zu bytes behind the image", pgm->path,
                    (size_t)(pgm->end - p));
  return LSQ_OK;
}

lsq_status lsq_pgm_write(lsq_writer *writer, const char *path, const lsq_matrix *m,
                         lsq_error *error) {
  char text[LSQ_POINT_SIZE];
  if (m->rows == 0 || m->cols == 0)
    return lsq_fail(error, LSQ_BAD_FORMAT, "an image needs at least one row and one column");
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++) {
      double value = lsq_matrix_row(m, i)[j];
      if (!(value >= -0.5 && value < 255.5))
        return lsq_fail(error, LSQ_BAD_FORMAT,
                        "row %zu, column %zu: %s is no grey value (0 to 255)", i + 1, j + 1,
                        lsq_number_text(value, 6, text));
    }
  lsq_status status = lsq_writer_open(writer, path, error);
  if (status != LSQ_OK)
    return status;
  char header[64];
  snprintf(header, sizeof header, "P5\n%zu %zu\n255\n", m->cols, m->rows);
  lsq_writer_text(writer, header);
  for (size_t i = 0; i < m->rows; i++)
    for (size_t j = 0; j < m->cols; j++) {
      unsigned char pixel = (unsigned char)(lsq_matrix_row(m, i)[j] + 0.5);
      lsq_writer_bytes(writer, &pixel, 1);
    }
  return lsq_writer_save(writer, error);
}
