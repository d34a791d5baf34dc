#include "io/npy_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/size.h"
#include "io/bytes.h"
#include "io/npy.h"

enum { PREFIX = 4096 }; /* bytes within which a header has to end */

static lsq_status unreadable(const char *path, lsq_error *error) {
  char reason[128] = "";
  if (strerror_r(errno, reason, sizeof reason) != 0)
    reason[0] = '\0';
  return lsq_fail(error, LSQ_NO_FILE, "cannot read '%.200s': %s", path, reason);
}

/* Up to `size` bytes; fewer only at the end of the file. -1 with errno. */
static ssize_t read_at(int descriptor, void *to, size_t size, size_t offset) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(descriptor, (char *)to + done, size - done, (off_t)(offset + done));
    if (n == 0)
      break;
    if (n > 0)
      done += (size_t)n;
    else if (errno != EINTR)
      return -1;
  }
  return (ssize_t)done;
}

static lsq_status open_file(lsq_npy_rows *rows, int which, const char *path, lsq_error *error) {
  unsigned char prefix[PREFIX + 8] = {0};
  struct stat found;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  rows->descriptor[which] = fd;
  if (fd < 0 || fstat(fd, &found) != 0)
    return unreadable(path, error);
  if (!S_ISREG(found.st_mode))
    return lsq_fail(error, LSQ_NO_FILE, "cannot read '%.200s': not a regular file", path);
  const ssize_t got = read_at(fd, prefix, PREFIX, 0);
  if (got < 0)
    return unreadable(path, error);
  const size_t width = prefix[6] == 1 ? 2 : 4;
  if ((size_t)got >= 12 && lsq_little_endian(prefix + 8, width) > PREFIX - 12)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: a header of more than %d bytes", path, PREFIX);
  lsq_npy npy;
  /* Looks at the header alone, which the prefix holds. */
  const lsq_status status = lsq_npy_open(&npy, path, prefix, lsq_size_of(found.st_size), error);
  if (status != LSQ_OK)
    return status;
  if (npy.kind != 'f' || npy.item_size != 8 || npy.big_endian || npy.fortran_order)
    return lsq_fail(error, LSQ_BAD_FORMAT,
                    "%.200s: streamed files hold '<f8' row by row (fortran_order False)", path);
  rows->offset[which] = (size_t)(npy.data - prefix);
  *(which == 0 ? &rows->x : &rows->y) = lsq_matrix_over(NULL, npy.rows, npy.cols);
  return LSQ_OK;
}

static lsq_status read_rows(const lsq_npy_rows *rows, int which, size_t first, const lsq_matrix *m,
                            lsq_error *error) {
  const size_t bytes = m->cols * sizeof(double);
  if (m->rows * m->cols == 0)
    return LSQ_OK;
  const ssize_t got = read_at(rows->descriptor[which], m->data, m->rows * bytes,
                              rows->offset[which] + first * bytes);
  if (got < 0)
    return unreadable(which == 0 ? "X" : "Y", error);
  if ((size_t)got < m->rows * bytes)
    return lsq_fail(error, LSQ_NO_FILE, "the file of %s has become shorter while it was read",
                    which == 0 ? "X" : "Y");
  unsigned char *byte = (unsigned char *)m->data;
  for (size_t k = 0; k < m->rows * m->cols; k++, byte += sizeof(double))
    m->data[k] = lsq_double_of(lsq_little_endian(byte, 8));
  return LSQ_OK;
}

static lsq_status read_pair(const lsq_row_source *source, size_t first, const lsq_matrix *x,
                            const lsq_matrix *y, lsq_error *error) {
  const lsq_npy_rows *rows = (const lsq_npy_rows *)source;
  const lsq_status status = read_rows(rows, 0, first, x, error);
  return status != LSQ_OK || y == NULL ? status : read_rows(rows, 1, first, y, error);
}

void lsq_npy_rows_initialise(lsq_npy_rows *rows) {
  *rows = (lsq_npy_rows){.source = {read_pair}, .descriptor = {-1, -1}};
}

lsq_status lsq_npy_rows_open(lsq_npy_rows *rows, const char *x_path, const char *y_path,
                             lsq_error *error) {
  lsq_status status = open_file(rows, 0, x_path, error);
  if (status == LSQ_OK)
    status = open_file(rows, 1, y_path, error);
  if (status == LSQ_OK && rows->x.rows != rows->y.rows)
    status = lsq_fail(error, LSQ_BAD_FORMAT, "%.150s has %zu rows, %.150s has %zu", x_path,
                      rows->x.rows, y_path, rows->y.rows);
  return status;
}

void lsq_npy_rows_close(lsq_npy_rows *rows) {
  for (int k = 0; k < 2; k++) {
    if (rows->descriptor[k] >= 0)
      close(rows->descriptor[k]);
    rows->descriptor[k] = -1;
  }
}
