#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/bytes.h"

/* Messages keep this much of a path, so that the reason always fits behind it. */
#define PATH_FORMAT "'%.300s'"

static lsq_status fail(lsq_error *error, lsq_status status, const char *path, int number) {
  char reason[128];
  if (strerror_r(number, reason, sizeof reason) != 0)
    snprintf(reason, sizeof reason, "error %d", number);
  const char *verb = status == LSQ_NO_WRITE ? "write" : "read";
  return lsq_fail(error, status, "cannot %s " PATH_FORMAT ": %s", verb, path, reason);
}

/* Opens without waiting for the other end of a pipe and without gaining a terminal. */
static lsq_status open_regular(const char *path, int *descriptor, size_t *size, lsq_error *error) {
  int fd;
  do
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  while (fd < 0 && errno == EINTR);
  if (fd < 0)
    return fail(error, LSQ_NO_FILE, path, errno);
  struct stat status;
  lsq_status result = LSQ_OK;
  if (fstat(fd, &status) != 0)
    result = fail(error, LSQ_NO_FILE, path, errno);
  else if (S_ISDIR(status.st_mode))
    result = fail(error, LSQ_NO_FILE, path, EISDIR);
  else if (!S_ISREG(status.st_mode))
    result = lsq_fail(error, LSQ_NO_FILE, "cannot read " PATH_FORMAT ": not a regular file", path);
  else if (status.st_size < 0 || (uintmax_t)status.st_size > SIZE_MAX / 2)
    result = lsq_fail(error, LSQ_TOO_LARGE, PATH_FORMAT " is too large to read", path);
  if (result != LSQ_OK) {
    close(fd);
    return result;
  }
  *descriptor = fd;
  *size = (size_t)status.st_size;
  return LSQ_OK;
}

lsq_status lsq_file_size(const char *path, size_t *size, lsq_error *error) {
  int descriptor = -1;
  lsq_status status = open_regular(path, &descriptor, size, error);
  if (status == LSQ_OK)
    close(descriptor);
  return status;
}

/* Reads up to `count` bytes; fewer only at the end of the file. errno's value, or 0. */
static int read_fully(int descriptor, unsigned char *block, size_t count, size_t *got) {
  const size_t largest = (size_t)1 << 30; /* Linux cuts a read at 2 GB, some systems refuse it */
  *got = 0;
  while (*got < count) {
    size_t left = count - *got;
    ssize_t n = read(descriptor, block + *got, left < largest ? left : largest);
    if (n == 0)
      break;
    if (n > 0)
      *got += (size_t)n;
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

lsq_status lsq_file_read(const char *path, void *block, size_t size, lsq_error *error) {
  int descriptor = -1;
  size_t size_now = 0, got = 0, beyond = 0;
  lsq_status status = open_regular(path, &descriptor, &size_now, error);
  if (status != LSQ_OK)
    return status;
  unsigned char *bytes = block;
  unsigned char extra;
  int failure = read_fully(descriptor, bytes, size, &got);
  if (failure == 0)
    failure = read_fully(descriptor, &extra, 1, &beyond);
  close(descriptor);
  if (failure != 0)
    return fail(error, LSQ_NO_FILE, path, failure);
  if (got != size || beyond != 0)
    return lsq_fail(error, LSQ_NO_FILE, "cannot read " PATH_FORMAT ": its size changed meanwhile",
                    path);
  memset(bytes + size, 0, LSQ_FILE_PADDING);
  return LSQ_OK;
}

/* Length of the folder part of a path with its closing slash; 0 for a bare name. */
static size_t folder_length(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? 0 : (size_t)(slash - path) + 1;
}

/* Follows the symbolic links of the last component, also those that lead to nothing yet, so
   that the rename replaces the file and not the link. errno's value, or 0. */
static int follow_links(const char *path, char *target) {
  char link[LSQ_PATH_MAX];
  if (strlen(path) >= LSQ_PATH_MAX)
    return ENAMETOOLONG;
  strcpy(target, path);
  for (int hops = 0; hops < 40; hops++) {
    ssize_t length = readlink(target, link, sizeof link - 1);
    if (length < 0) /* no link, or nothing there: opening will tell what is wrong */
      return 0;
    size_t folder = link[0] == '/' ? 0 : folder_length(target);
    if (folder + (size_t)length >= LSQ_PATH_MAX)
      return ENAMETOOLONG;
    memcpy(target + folder, link, (size_t)length);
    target[folder + (size_t)length] = '\0';
  }
  return ELOOP;
}

/* Creates a file of a name not in use in the target's folder. errno's value, or 0. */
static int create_temporary(lsq_writer *writer, mode_t mode) {
  const int attempts = 10000;
  size_t folder = folder_length(writer->target);
  for (int k = 0; k < attempts; k++) {
    int length = snprintf(writer->temporary, sizeof writer->temporary, "%.*s.lsqnet-%ld-%d.tmp",
                          (int)folder, writer->target, (long)getpid(), k);
    if (length < 0 || (size_t)length >= sizeof writer->temporary)
      return ENAMETOOLONG;
    do
      writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    while (writer->descriptor < 0 && errno == EINTR);
    if (writer->descriptor >= 0)
      return 0;
    if (errno != EEXIST)
      return errno;
  }
  return EEXIST;
}

lsq_status lsq_writer_open(lsq_writer *writer, const char *path, lsq_error *error) {
  lsq_writer_measure(writer);
  writer->path = path;
  int failure = follow_links(path, writer->target);
  if (failure != 0)
    return fail(error, LSQ_NO_WRITE, path, failure);
  struct stat old;
  bool exists = stat(writer->target, &old) == 0;
  if (exists && S_ISDIR(old.st_mode))
    return fail(error, LSQ_NO_WRITE, path, EISDIR);
  if (exists && !S_ISREG(old.st_mode))
    return lsq_fail(error, LSQ_NO_WRITE, "cannot write " PATH_FORMAT ": not a regular file", path);
  failure = create_temporary(writer, exists ? 0600 : 0666);
  if (failure != 0)
    return fail(error, LSQ_NO_WRITE, path, failure);
  if (exists) {
    /* The owner changes only where root saves another's file; elsewhere it may not. */
    int ignored = fchown(writer->descriptor, old.st_uid, old.st_gid);
    (void)ignored;
    if (fchmod(writer->descriptor, old.st_mode & 07777) != 0)
      writer->failure = errno;
  }
  return LSQ_OK;
}

void lsq_writer_measure(lsq_writer *writer) {
  writer->descriptor = -1;
  writer->failure = 0;
  writer->total = writer->used = 0;
  writer->path = "";
}

static void flush(lsq_writer *writer) {
  size_t done = 0;
  while (writer->descriptor >= 0 && writer->failure == 0 && done < writer->used) {
    ssize_t n = write(writer->descriptor, writer->buffer + done, writer->used - done);
    if (n >= 0)
      done += (size_t)n;
    else if (errno != EINTR)
      writer->failure = errno;
  }
  writer->used = 0;
}

unsigned char *lsq_writer_room(lsq_writer *writer, size_t count) {
  if (sizeof writer->buffer - writer->used < count)
    flush(writer);
  return writer->buffer + writer->used;
}

void lsq_writer_bytes(lsq_writer *writer, const void *bytes, size_t count) {
  const unsigned char *from = bytes;
  while (count > 0) {
    unsigned char *room = lsq_writer_room(writer, 1);
    size_t part = sizeof writer->buffer - writer->used;
    part = part < count ? part : count;
    memcpy(room, from, part);
    lsq_writer_filled(writer, part);
    from += part;
    count -= part;
  }
}

void lsq_writer_text(lsq_writer *writer, const char *text) {
  lsq_writer_bytes(writer, text, strlen(text));
}

void lsq_writer_doubles(lsq_writer *writer, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    lsq_put_little_endian(lsq_writer_room(writer, 8), lsq_word_of(values[i]), 8);
    lsq_writer_filled(writer, 8);
  }
}

/* Makes the rename itself durable. Folders that may not be opened or synced are let be. */
static int sync_folder(lsq_writer *writer) {
  size_t length = folder_length(writer->target);
  char *folder = writer->temporary;
  if (length == 0)
    strcpy(folder, ".");
  else {
    memcpy(folder, writer->target, length);
    folder[length] = '\0';
  }
  int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0)
    return 0;
  int failure = fsync(descriptor) != 0 && errno != EINVAL ? errno : 0;
  close(descriptor);
  return failure;
}

lsq_status lsq_writer_save(lsq_writer *writer, lsq_error *error) {
  flush(writer);
  while (writer->failure == 0 && fsync(writer->descriptor) != 0)
    if (errno != EINTR)
      writer->failure = errno;
  if (close(writer->descriptor) != 0 && errno != EINTR && writer->failure == 0)
    writer->failure = errno;
  writer->descriptor = -1;
  if (writer->failure == 0 && rename(writer->temporary, writer->target) != 0)
    writer->failure = errno;
  if (writer->failure != 0) {
    unlink(writer->temporary);
    return fail(error, LSQ_NO_WRITE, writer->path, writer->failure);
  }
  int failure = sync_folder(writer);
  return failure == 0 ? LSQ_OK : fail(error, LSQ_NO_WRITE, writer->path, failure);
}

void lsq_writer_abandon(lsq_writer *writer) {
  close(writer->descriptor);
  writer->descriptor = -1;
  unlink(writer->temporary);
}
