#include "io/csv.h"

#include <string.h>

#include "io/number.h"

/* A name in quotes where it would otherwise be read as something else. */
static void write_name(lsq_writer *writer, lsq_text name, char separator) {
  bool plain = name.length > 0;
  for (size_t i = 0; i < name.length && plain; i++)
    plain = name.bytes[i] != separator && strchr("\"\r\n\t ", name.bytes[i]) == NULL;
  if (plain) {
    lsq_writer_bytes(writer, name.bytes, name.length);
    return;
  }
  lsq_writer_text(writer, "\"");
  for (size_t i = 0; i < name.length; i++)
    lsq_writer_bytes(writer, name.bytes[i] == '"' ? "\"\"" : name.bytes + i,
                     name.bytes[i] == '"' ? 2 : 1);
  lsq_writer_text(writer, "\"");
}

static void write_row(lsq_writer *writer, const double *row, size_t cols, char separator) {
  for (size_t j = 0; j < cols; j++) {
    char *room = (char *)lsq_writer_room(writer, LSQ_NUMBER_SIZE + 1);
    size_t length = lsq_number_format(row[j], room);
    room[length++] = j + 1 < cols ? separator : '\n';
    lsq_writer_filled(writer, length);
  }
  if (cols == 0)
    lsq_writer_text(writer, "\n");
}

lsq_status lsq_csv_write(lsq_writer *writer, const char *path, const lsq_matrix *m,
                         const lsq_text *names, char separator, lsq_error *error) {
  lsq_number_locale locale;
  lsq_status status = lsq_writer_open(writer, path, error);
  if (status != LSQ_OK)
    return status;
  if (!lsq_number_enter(&locale, error)) {
    lsq_writer_abandon(writer);
    return error->status;
  }
  for (size_t j = 0; names != NULL && j < m->cols; j++) {
    write_name(writer, names[j], separator);
    lsq_writer_bytes(writer, j + 1 < m->cols ? &separator : "\n", 1);
  }
  for (size_t i = 0; i < m->rows; i++)
    write_row(writer, lsq_matrix_row(m, i), m->cols, separator);
  lsq_number_leave(&locale);
  return lsq_writer_save(writer, error);
}
