/* Whole files in, by read() and never mmap: a file truncated underneath must not kill the
   host. Whole files out, atomically: a failed save leaves the old file as it was. */
#ifndef LSQ_IO_FILE_H
#define LSQ_IO_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

#ifdef PATH_MAX
#define LSQ_PATH_MAX PATH_MAX
#else
#define LSQ_PATH_MAX 4096
#endif

/* Zero bytes behind a file's content, so that parsers need not look for the end at each
   byte and may load eight bytes anywhere within the content. */
enum { LSQ_FILE_PADDING = 8 };

/* Size in bytes of the regular file at `path`. LSQ_NO_FILE, also for folders, pipes and
   devices; LSQ_TOO_LARGE. */
lsq_status lsq_file_size(const char *path, size_t *size, lsq_error *error);

/* Reads the whole file, of the size that lsq_file_size gave, into `block`, which has
   LSQ_FILE_PADDING more bytes; those become zero. A file that has another size by now is
   LSQ_NO_FILE. */
lsq_status lsq_file_read(const char *path, void *block, size_t size, lsq_error *error);

/* A buffered stream into a temporary file beside the target, which takes the target's place
   when all of it is on the disk. Writing cannot fail: the first error is kept and told by
   lsq_writer_save. Too large for a thread's stack: the caller finds the memory. */
typedef struct {
  int descriptor;               /* -1: only counts */
  int failure;                  /* errno of the first write that failed, or 0 */
  size_t total;                 /* bytes written so far */
  size_t used;                  /* of the buffer */
  const char *path;             /* as the caller named it, for messages */
  char target[LSQ_PATH_MAX];    /* where the path's symbolic links lead */
  char temporary[LSQ_PATH_MAX]; /* in the same folder */
  unsigned char buffer[1 << 16];
} lsq_writer;

/* `path` must outlive the writer. On success lsq_writer_save or lsq_writer_abandon must
   follow. LSQ_NO_WRITE. */
lsq_status lsq_writer_open(lsq_writer *writer, const char *path, lsq_error *error);

/* A writer that only counts, in `total`; it needs no closing. */
void lsq_writer_measure(lsq_writer *writer);

/* Doubles are written as eight bytes, the lowest first. */
void lsq_writer_bytes(lsq_writer *writer, const void *bytes, size_t count);
void lsq_writer_text(lsq_writer *writer, const char *text);
void lsq_writer_doubles(lsq_writer *writer, const double *values, size_t count);

/* Room for at most `count` bytes (at most the buffer's size) in the buffer, to be filled
   directly and then told by lsq_writer_filled. */
unsigned char *lsq_writer_room(lsq_writer *writer, size_t count);
static inline void lsq_writer_filled(lsq_writer *writer, size_t count) {
  writer->used += count;
  writer->total += count;
}

/* Syncs and renames. On failure the temporary is gone and the old file is as it was. */
lsq_status lsq_writer_save(lsq_writer *writer, lsq_error *error);

/* Removes the temporary. */
void lsq_writer_abandon(lsq_writer *writer);

#endif
