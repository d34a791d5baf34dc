/* Text within a block, not ended by a zero byte. */
#ifndef LSQ_IO_TEXT_H
#define LSQ_IO_TEXT_H

#include <stddef.h>

typedef struct {
  const char *bytes;
  size_t length;
} lsq_text;

#endif
