/* Delimited text to a matrix and back. The reader works on a block of whole lines that ends
   with LSQ_FILE_PADDING zero bytes (io/file.h), in three steps: begin, count, read. Between
   them the caller finds the memory. The locale plays no part.

   Fields may have blanks around them and may stand in double quotes, within which separators,
   line ends and doubled quotes are text. Lines end with LF or CR LF; blank lines are skipped;
   a UTF-8 byte order mark is skipped. nan and inf are numbers, an empty field is an error. */
#ifndef LSQ_IO_CSV_H
#define LSQ_IO_CSV_H

#include "base/matrix.h"
#include "base/status.h"
#include "io/file.h"
#include "io/text.h"

typedef enum {
  LSQ_CSV_DECIDE, /* a header if a field of the first line is neither empty nor a number */
  LSQ_CSV_HEADER,
  LSQ_CSV_NO_HEADER
} lsq_csv_header;

typedef struct {
  const char *path; /* for messages */
  char separator;   /* ' ': any run of blanks and tabs */
  char comment;     /* lines that begin with it are skipped; '\0': none */
  const char *position, *end;
  size_t line;        /* that position is on, from 1 */
  size_t columns;     /* fields of the first line */
  const char *header; /* the line with the names, or NULL */
  bool quotes;        /* whether the block has a quote at all */
} lsq_csv;

/* Whether a byte may separate fields: none that a number or a quoted field is made of. */
bool lsq_csv_is_separator(char byte);

/* The reading of a block, behind a byte order mark; a zero byte is LSQ_BAD_FORMAT. */
lsq_status lsq_csv_open(lsq_csv *csv, const char *path, const char *block, size_t size,
                        char separator, lsq_error *error);

/* Counts the columns, decides on the header and moves past it. */
lsq_status lsq_csv_begin(lsq_csv *csv, const char *path, const char *block, size_t size,
                         char separator, lsq_csv_header header, lsq_error *error);

/* Rows from the position on: its lines that are not blank. */
size_t lsq_csv_count_rows(const lsq_csv *csv);

/* The line end of the row that begins at p. */
const char *lsq_csv_row_end(const lsq_csv *csv, const char *p);

/* The next field of a header line, as it is written there, without blanks and quotes around
   it; *cursor starts at csv->header. Its text has doubled quotes still doubled when `quoted`. */
lsq_text lsq_csv_next_name(const lsq_csv *csv, const char **cursor, bool *quoted);

/* Halves doubled quotes; `out` has room for the field's length. Returns the new length. */
size_t lsq_csv_unquote(lsq_text field, char *out);

/* Fills m, of as many rows as counted. Column j of the file goes to column target[j] of m,
   nowhere if that is SIZE_MAX; NULL keeps all columns in their order. */
lsq_status lsq_csv_read(lsq_csv *csv, const size_t *target, const lsq_matrix *m, lsq_error *error);

/* Writes a header, unless names (m->cols of them) is NULL, and a line a row to `path`, each
   number with the fewest of 15, 16, 17 digits that read back equal. */
lsq_status lsq_csv_write(lsq_writer *writer, const char *path, const lsq_matrix *m,
                         const lsq_text *names, char separator, lsq_error *error);

#endif
