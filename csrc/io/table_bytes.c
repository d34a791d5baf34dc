#include <string.h>

#include "io/bytes.h"
#include "io/table.h"

/* Bytes of a code point in UTF-8. */
static size_t utf8_size(uint32_t point) {
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}

static unsigned char *put_utf8(uint32_t point, unsigned char *out) {
  static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  size_t size = utf8_size(point);
  for (size_t i = size; i-- > 1; point >>= 6)
    out[i] = (unsigned char)(0x80 | (point & 0x3f));
  out[0] = (unsigned char)(lead[size] | point);
  return out + size;
}

/* The length of the character of UTF-8 at p, of at most `left` bytes; 0 where it is broken:
   too long a form, a surrogate, beyond U+10FFFF, a byte that does not belong there. */
static size_t utf8_length(const unsigned char *p, size_t left) {
  size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
  if (length == 0 || p[0] > 0xf4 || length > left)
    return 0;
  for (size_t i = 1; i < length; i++)
    if ((p[i] & 0xc0) != 0x80)
      return 0;
  bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
  bool beyond = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
  return overlong || beyond ? 0 : length;
}

static bool is_utf8(const unsigned char *block, size_t size) {
  for (size_t i = 0; i < size;) {
    uint64_t word[8];
    if (size - i >= sizeof word) { /* most text has none but ASCII */
      memcpy(word, block + i, sizeof word);
      uint64_t all = (word[0] | word[1]) | (word[2] | word[3]);
      all |= (word[4] | word[5]) | (word[6] | word[7]);
      if ((all & UINT64_C(0x8080808080808080)) == 0) {
        i += sizeof word;
        continue;
      }
    }
    size_t length = utf8_length(block + i, size - i);
    if (length == 0)
      return false;
    i += length;
  }
  return true;
}

/* The next code point of UTF-16 at *p, of at least two bytes. */
static uint32_t next_utf16(const unsigned char **p, const unsigned char *end, bool big) {
  uint64_t (*read)(const unsigned char *, size_t) = big ? lsq_big_endian : lsq_little_endian;
  uint32_t unit = (uint32_t)read(*p, 2);
  *p += 2;
  if (unit < 0xd800 || unit > 0xdfff)
    return unit;
  if (unit > 0xdbff || end - *p < 2)
    return 0xfffd;
  uint32_t low = (uint32_t)read(*p, 2);
  if (low < 0xdc00 || low > 0xdfff)
    return 0xfffd;
  *p += 2;
  return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
}

/* Runs over UTF-16 behind its byte order mark; writes where `out` is not NULL. */
static size_t convert_utf16(const unsigned char *block, size_t size, bool big, unsigned char *out) {
  const unsigned char *p = block + 2, *end = block + size;
  size_t total = 0;
  while (end - p >= 2) {
    uint32_t point = next_utf16(&p, end, big);
    total += utf8_size(point);
    if (out != NULL)
      out = put_utf8(point, out);
  }
  return total;
}

lsq_table_encoding lsq_table_bytes_encoding(const unsigned char *block, size_t size,
                                            size_t *size_as_utf8) {
  *size_as_utf8 = size;
  bool little = size >= 2 && block[0] == 0xff && block[1] == 0xfe;
  bool big = size >= 2 && block[0] == 0xfe && block[1] == 0xff;
  if (little || big) {
    *size_as_utf8 = convert_utf16(block, size, big, NULL);
    return big ? LSQ_TABLE_UTF16_BIG : LSQ_TABLE_UTF16_LITTLE;
  }
  if (is_utf8(block, size))
    return LSQ_TABLE_UTF8;
  for (size_t i = 0; i < size; i++)
    *size_as_utf8 += block[i] >> 7;
  return LSQ_TABLE_LATIN1;
}

void lsq_table_bytes_convert(const unsigned char *block, size_t size, lsq_table_encoding encoding,
                             unsigned char *out) {
  unsigned char *p = out;
  if (encoding == LSQ_TABLE_LATIN1)
    for (size_t i = 0; i < size; i++)
      p = put_utf8(block[i], p);
  else
    p += convert_utf16(block, size, encoding == LSQ_TABLE_UTF16_BIG, out);
  memset(p, 0, LSQ_FILE_PADDING);
}

bool lsq_table_bytes_end_lines(unsigned char *block, size_t size) {
  if (memchr(block, '\n', size) != NULL || memchr(block, '\r', size) == NULL)
    return false;
  for (unsigned char *p = block; (p = memchr(p, '\r', size - (size_t)(p - block))) != NULL;)
    *p++ = '\n';
  return true;
}
