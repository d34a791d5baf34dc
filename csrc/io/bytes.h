/* Numbers as bytes in files, whatever the machine's own order. */
#ifndef LSQ_IO_BYTES_H
#define LSQ_IO_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* `count` bytes, at most 8, the lowest first. */
static inline uint64_t lsq_little_endian(const unsigned char *bytes, size_t count) {
  uint64_t word = 0;
  for (size_t i = count; i-- > 0;)
    word = word << 8 | bytes[i];
  return word;
}

/* `count` bytes, at most 8, the highest first. */
static inline uint64_t lsq_big_endian(const unsigned char *bytes, size_t count) {
  uint64_t word = 0;
  for (size_t i = 0; i < count; i++)
    word = word << 8 | bytes[i];
  return word;
}

static inline void lsq_put_little_endian(unsigned char *bytes, uint64_t word, size_t count) {
  for (size_t i = 0; i < count; i++, word >>= 8)
    bytes[i] = (unsigned char)word;
}

static inline double lsq_double_of(uint64_t word) {
  double value;
  memcpy(&value, &word, sizeof value);
  return value;
}

static inline double lsq_double_of_single(uint64_t word) {
  uint32_t low = (uint32_t)word;
  float value;
  memcpy(&value, &low, sizeof value);
  return (double)value;
}

static inline uint64_t lsq_word_of(double value) {
  uint64_t word;
  memcpy(&word, &value, sizeof word);
  return word;
}

#endif
