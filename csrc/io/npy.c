#include "io/npy.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "io/bytes.h"

enum { ALIGNMENT = 64, MAGIC_SIZE = 8 };
static const char magic[] = "\x93NUMPY";

/* The header is a Python dictionary of three known entries. */
typedef struct {
  const char *path;
  const char *p, *end;
  lsq_error *error;
} cursor;

static bool refuse(cursor *c, const char *what) {
  lsq_fail(c->error, LSQ_BAD_FORMAT, "%.200s: %s", c->path, what);
  return false;
}

static void skip_spaces(cursor *c) {
  while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' || *c->p == '\t'))
    c->p++;
}

/* Moves past `wanted` if it comes next. */
static bool take(cursor *c, char wanted) {
  skip_spaces(c);
  if (c->p == c->end || *c->p != wanted)
    return false;
  c->p++;
  return true;
}

/* A quoted word of printable characters that fits. */
static bool read_word(cursor *c, char *word, size_t size) {
  char quote = take(c, '\'') ? '\'' : '"';
  if (quote == '"' && !take(c, '"'))
    return false;
  size_t length = 0;
  for (; c->p < c->end && *c->p != quote; c->p++) {
    if (length + 1 == size || *c->p < ' ' || *c->p > '~' || *c->p == '\\')
      return false;
    word[length++] = *c->p;
  }
  word[length] = '\0';
  return c->p++ < c->end;
}

static bool read_type(cursor *c, lsq_npy *npy) {
  char type[32], message[160];
  skip_spaces(c);
  if (c->p < c->end && *c->p == '[')
    return refuse(c, "records (structured dtypes) are not supported");
  if (!read_word(c, type, sizeof type))
    return refuse(c, "the header's 'descr' cannot be read");
  static const char *const known[] = {"f4", "f8", "i1", "i2", "i4", "i8",
                                      "u1", "u2", "u4", "u8", "b1"};
  bool supported = false;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++)
    supported = supported || (type[0] != '\0' && strcmp(type + 1, known[k]) == 0);
  bool order = type[0] == '<' || type[0] == '>' || (type[0] == '|' && type[2] == '1');
  if (!supported || !order) {
    snprintf(message, sizeof message,
             "dtype '%s' is not supported (f4, f8, i1 to i8, u1 to u8 and b1 are)", type);
    return refuse(c, message);
  }
  npy->big_endian = type[0] == '>';
  npy->kind = type[1];
  npy->item_size = (size_t)(type[2] - '0');
  return true;
}

static bool read_order(cursor *c, lsq_npy *npy) {
  static const char *const words[] = {"False", "True"};
  skip_spaces(c);
  for (int k = 0; k < 2; k++) {
    size_t length = strlen(words[k]);
    if ((size_t)(c->end - c->p) >= length && memcmp(c->p, words[k], length) == 0) {
      c->p += length;
      npy->fortran_order = k == 1;
      return true;
    }
  }
  return refuse(c, "the header's 'fortran_order' is neither True nor False");
}

/* A tuple: (), (3,), (3, 4). */
static bool read_shape(cursor *c, lsq_npy *npy) {
  static const char wrong[] = "the header's 'shape' cannot be read";
  size_t sizes[2] = {1, 1}, axes = 0;
  bool comma = true;
  if (!take(c, '('))
    return refuse(c, wrong);
  while (!take(c, ')')) {
    skip_spaces(c);
    const char *digits = c->p;
    size_t number = 0;
    for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
      number = lsq_size_add(lsq_size_multiply(number, 10), (size_t)(*c->p - '0'));
    if (c->p == digits || !comma)
      return refuse(c, wrong);
    if (number > SIZE_MAX / 16)
      return refuse(c, "the array is too large for this machine");
    if (axes < 2)
      sizes[axes] = number;
    axes++;
    comma = take(c, ',');
  }
  if (axes == 1 && !comma)
    return refuse(c, wrong);
  if (axes > 2) {
    char message[80];
    snprintf(message, sizeof message, "the array has %zu axes, a matrix has 2", axes);
    return refuse(c, message);
  }
  npy->rows = sizes[0];
  npy->cols = sizes[1];
  return true;
}

static bool read_header(cursor *c, lsq_npy *npy) {
  enum { TYPE = 1, ORDER = 2, SHAPE = 4 };
  unsigned seen = 0;
  char key[32];
  bool comma = true;
  if (!take(c, '{'))
    return refuse(c, "the header is no dictionary");
  while (!take(c, '}')) {
    if (!comma || !read_word(c, key, sizeof key) || !take(c, ':'))
      return refuse(c, "the header cannot be read");
    unsigned entry = strcmp(key, "descr") == 0           ? TYPE
                     : strcmp(key, "fortran_order") == 0 ? ORDER
                     : strcmp(key, "shape") == 0         ? SHAPE
                                                         : 0;
    if (entry == 0 || (seen & entry) != 0)
      return refuse(c, entry == 0 ? "the header has an unknown entry"
                                  : "the header has an entry twice");
    seen |= entry;
    if (!(entry == TYPE    ? read_type(c, npy)
          : entry == ORDER ? read_order(c, npy)
                           : read_shape(c, npy)))
      return false;
    comma = take(c, ',');
  }
  skip_spaces(c);
  if (c->p != c->end)
    return refuse(c, "text behind the header's dictionary");
  if (seen != (TYPE | ORDER | SHAPE))
    return refuse(c, "the header lacks 'descr', 'fortran_order' or 'shape'");
  return true;
}

lsq_status lsq_npy_open(lsq_npy *npy, const char *path, const void *block, size_t size,
                        lsq_error *error) {
  const unsigned char *bytes = block;
  if (size < MAGIC_SIZE || memcmp(bytes, magic, sizeof magic - 1) != 0)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: not a .npy file", path);
  unsigned major = bytes[6], minor = bytes[7];
  if (major < 1 || major > 3 || minor != 0)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: version %u.%u of the .npy format is not known",
                    path, major, minor);
  size_t width = major == 1 ? 2 : 4; /* of the header's length */
  size_t header = MAGIC_SIZE + width;
  uint64_t length = size < header ? 0 : lsq_little_endian(bytes + MAGIC_SIZE, width);
  if (size < header || length > size - header)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: the file ends within its header", path);
  npy->data = bytes + header + length;
  cursor c = {path, (const char *)bytes + header, (const char *)npy->data, error};
  if (!read_header(&c, npy))
    return error->status;
  size_t wanted = lsq_size_multiply(lsq_size_multiply(npy->rows, npy->cols), npy->item_size);
  size_t got = size - header - (size_t)length;
  if (wanted != got)
    return lsq_fail(error, LSQ_BAD_FORMAT, "%.200s: %zu bytes of data expected, got %zu", path,
                    wanted, got);
  return LSQ_OK;
}

static double element(const lsq_npy *npy, const unsigned char *bytes) {
  const size_t size = npy->item_size;
  uint64_t word = npy->big_endian ? lsq_big_endian(bytes, size) : lsq_little_endian(bytes, size);
  switch (npy->kind) {
  case 'f':
    return size == 8 ? lsq_double_of(word) : lsq_double_of_single(word);
  case 'i':
    if (word >> (8 * size - 1) == 0)
      return (double)word;
    /* The magnitude of a negative number: its two's complement within its own width. */
    return -(double)((~word & (UINT64_MAX >> (64 - 8 * size))) + 1);
  case 'b':
    return word != 0;
  default:
    return (double)word;
  }
}

void lsq_npy_read(const lsq_npy *npy, const lsq_matrix *m) {
  const bool plain = npy->kind == 'f' && npy->item_size == 8 && !npy->big_endian;
  for (size_t i = 0; i < m->rows; i++) {
    double *row = lsq_matrix_row(m, i);
    size_t step = npy->item_size * (npy->fortran_order ? m->rows : 1);
    const unsigned char *from = npy->data + npy->item_size * i * (npy->fortran_order ? 1 : m->cols);
    for (size_t j = 0; j < m->cols; j++, from += step)
      row[j] = plain ? lsq_double_of(lsq_little_endian(from, 8)) : element(npy, from);
  }
}

lsq_status lsq_npy_write(lsq_writer *writer, const char *path, const lsq_matrix *m,
                         lsq_error *error) {
  lsq_status status = lsq_writer_open(writer, path, error);
  if (status != LSQ_OK)
    return status;
  char text[128];
  int used =
      snprintf(text, sizeof text, "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu, %zu), }",
               m->rows, m->cols);
  /* Blanks and a line end round the text up to a multiple of the alignment. */
  size_t fixed = MAGIC_SIZE + 2;
  size_t total = (fixed + (size_t)used + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  unsigned char version_and_length[] = {1, 0, 0, 0};
  lsq_put_little_endian(version_and_length + 2, total - fixed, 2);
  lsq_writer_bytes(writer, magic, sizeof magic - 1);
  lsq_writer_bytes(writer, version_and_length, sizeof version_and_length);
  lsq_writer_bytes(writer, text, (size_t)used);
  for (size_t k = fixed + (size_t)used; k + 1 < total; k++)
    lsq_writer_text(writer, " ");
  lsq_writer_text(writer, "\n");
  for (size_t i = 0; i < m->rows; i++)
    lsq_writer_doubles(writer, lsq_matrix_row(m, i), m->cols);
  return lsq_writer_save(writer, error);
}
