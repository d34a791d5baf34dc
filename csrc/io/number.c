#include "io/number.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
#include "io/powers_of_five.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LITTLE_ENDIAN_WORDS 1
#else
#define LITTLE_ENDIAN_WORDS 0
#endif

bool lsq_number_enter(lsq_number_locale *locale, lsq_error *error) {
  locale->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (locale->c == (locale_t)0) {
    lsq_fail(error, LSQ_TOO_LARGE, "no memory for the C locale");
    return false;
  }
  locale->previous = uselocale(locale->c);
  return true;
}

void lsq_number_leave(const lsq_number_locale *locale) {
  uselocale(locale->previous);
  freelocale(locale->c);
}

typedef struct {
  uint64_t high, low;
} word_pair;

LSQ_INLINE word_pair multiply(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  __extension__ typedef unsigned __int128 wide;
  wide product = (wide)a * b;
  return (word_pair){(uint64_t)(product >> 64), (uint64_t)product};
#else
  uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
  uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;
  return (word_pair){a1 * b1 + (middle >> 32) + (other >> 32), (other << 32) | (uint32_t)low};
#endif
}

LSQ_INLINE int leading_zeros(uint64_t word) {
#ifdef __GNUC__
  return __builtin_clzll(word);
#else
  int count = 0;
  for (; word < UINT64_C(1) << 63; word <<= 1)
    count++;
  return count;
#endif
}

static double from_bits(uint64_t mantissa, int exponent) {
  uint64_t bits = mantissa | (uint64_t)exponent << 52;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* w 10^q correctly rounded, by the algorithm of Eisel and Lemire (Lemire, "Number parsing at a
   gigabyte per second", 2021; Mushtak and Lemire, "Fast number parsing without fallback", 2023,
   prove that 128 bits of 5^q always suffice). w != 0, q within the table. */
static double eisel_lemire(uint64_t w, int q) {
  enum { MANTISSA_BITS = 52, LOWEST_EXPONENT = -1023, INFINITE_EXPONENT = 0x7ff };
  const uint64_t *power = powers_of_five[q - SMALLEST_POWER];
  const int zeros = leading_zeros(w);
  w <<= zeros;
  /* The product's upper 55 bits decide, unless all bits below them are ones. */
  word_pair product = multiply(w, power[0]);
  const uint64_t below = UINT64_MAX >> (MANTISSA_BITS + 3);
  if ((product.high & below) == below) {
    word_pair finer = multiply(w, power[1]);
    product.low += finer.high;
    product.high += finer.high > product.low;
  }
  const int upper_bit = (int)(product.high >> 63);
  const int shift = upper_bit + 64 - MANTISSA_BITS - 3;
  uint64_t mantissa = product.high >> shift;
  /* 10^q has the binary exponent floor(217706 q / 2^16); the division cuts to the floor
     because 2048 is added first. */
  int exponent = (217706 * q + (2048 << 16)) / (1 << 16) - 2048 + 63;
  exponent += upper_bit - zeros - LOWEST_EXPONENT;
  if (exponent <= 0) { /* subnormal, where no tie is possible */
    if (1 - exponent >= 64)
      return 0;
    mantissa >>= 1 - exponent;
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    return from_bits(mantissa, 0); /* a carry into bit 52 makes the smallest normal number */
  }
  /* Halfway between two doubles: to even. Only small powers of ten have exact products. */
  if (product.low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 &&
      mantissa << shift == product.high)
    mantissa &= ~UINT64_C(1);
  mantissa = (mantissa + (mantissa & 1)) >> 1;
  if (mantissa >= UINT64_C(2) << MANTISSA_BITS) {
    mantissa = UINT64_C(1) << MANTISSA_BITS;
    exponent++;
  }
  if (exponent >= INFINITE_EXPONENT)
    return HUGE_VAL;
  return from_bits(mantissa & ~(UINT64_C(1) << MANTISSA_BITS), exponent);
}

/* w 10^q, correctly rounded. */
static double scale(uint64_t w, int64_t q) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  /* Clinger's case: both factors are exact doubles, so one operation rounds once. */
  if (FLT_EVAL_METHOD == 0 && w <= UINT64_C(1) << 53 && q >= -22 && q <= 22)
    return q < 0 ? (double)w / tens[-q] : (double)w * tens[q];
  if (w == 0 || q < SMALLEST_POWER)
    return 0;
  if (q > LARGEST_POWER)
    return HUGE_VAL;
  return eisel_lemire(w, (int)q);
}

LSQ_INLINE bool is_digit(char c) {
  return (unsigned char)(c - '0') < 10;
}

/* Reads digits into *w, which wraps beyond 19 of them; returns where they end. */
LSQ_INLINE const char *read_digits(const char *p, uint64_t *w) {
  uint64_t number = *w;
#if LITTLE_ENDIAN_WORDS
  /* Eight at a time within one word: whether all are digits, then three multiplications that
     join neighbours into numbers of two, four and eight digits. */
  for (;;) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    uint64_t value = word - UINT64_C(0x3030303030303030);
    if (((word + UINT64_C(0x4646464646464646)) | value) & UINT64_C(0x8080808080808080))
      break;
    value = value * 10 + (value >> 8);
    value = ((value & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
             ((value >> 16) & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
            32;
    number = number * 100000000 + (uint32_t)value;
    p += 8;
  }
#endif
  for (; is_digit(*p); p++)
    number = number * 10 + (uint64_t)(*p - '0');
  *w = number;
  return p;
}

/* Adds a written exponent, if there is one at p, to *exponent. One too large for any text
   to undo stays where it is. */
static const char *read_exponent(const char *p, int64_t *exponent) {
  if (*p != 'e' && *p != 'E')
    return p;
  const char *q = p + 1;
  bool negative = *q == '-';
  if (*q == '-' || *q == '+')
    q++;
  if (!is_digit(*q))
    return p;
  int64_t written = 0;
  for (; is_digit(*q); q++)
    if (written < INT64_C(100000000000000000))
      written = written * 10 + (*q - '0');
  *exponent += negative ? -written : written;
  return q;
}

/* More than 19 digits from `digits` on, with the last one worth 10^exponent. Where the first
   19 significant ones, cut and increased, round to the same double, that is the number. */
static double read_long(const char *digits, int64_t exponent) {
  uint64_t w = 0;
  int significant = 0;
  bool cut = false;
  for (const char *p = digits; is_digit(*p) || *p == '.'; p++) {
    if (*p == '.')
      continue;
    if (significant < 19) {
      w = w * 10 + (uint64_t)(*p - '0');
      significant += w != 0;
    } else {
      cut = true;
      exponent++;
    }
  }
  double value = scale(w, exponent);
  if (cut && scale(w + 1, exponent) != value)
    return strtod(digits, NULL);
  return value;
}

/* Whether `text` begins with `word`, in any case. */
static bool begins_with(const char *text, const char *word) {
  for (; *word != '\0'; text++, word++)
    if ((*text | 0x20) != *word)
      return false;
  return true;
}

static const char *read_word(const char *p, double *value) {
  static const struct {
    const char *word;
    double value;
  } words[] = {{"infinity", HUGE_VAL}, {"inf", HUGE_VAL}, {"nan", (double)NAN}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (begins_with(p, words[i].word)) {
      *value = words[i].value;
      return p + strlen(words[i].word);
    }
  return NULL;
}

const char *lsq_number_parse(const char *text, double *value) {
  const char *p = text;
  const bool negative = *p == '-';
  if (*p == '-' || *p == '+')
    p++;
  const char *digits = p;
  uint64_t w = 0;
  int64_t exponent = 0;
  double magnitude;
  p = read_digits(p, &w);
  ptrdiff_t count = p - digits;
  if (*p == '.') {
    const char *fraction = p + 1;
    p = read_digits(fraction, &w);
    exponent = fraction - p;
    count += p - fraction;
  }
  if (count == 0) {
    p = read_word(digits, &magnitude);
  } else {
    p = read_exponent(p, &exponent);
    magnitude = count <= 19 ? scale(w, exponent) : read_long(digits, exponent);
  }
  if (p != NULL)
    *value = negative ? -magnitude : magnitude;
  return p;
}

/* An integer of at most 15 digits, as "%.15g" writes it. */
static size_t format_integer(double value, char *text) {
  char digits[16];
  size_t count = 0, length = 0;
  uint64_t n = (uint64_t)fabs(value);
  do
    digits[count++] = (char)('0' + n % 10);
  while ((n /= 10) > 0);
  if (signbit(value))
    text[length++] = '-';
  while (count > 0)
    text[length++] = digits[--count];
  text[length] = '\0';
  return length;
}

size_t lsq_number_format(double value, char text[LSQ_NUMBER_SIZE]) {
  if (!isfinite(value)) {
    strcpy(text, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    return strlen(text);
  }
  if (fabs(value) < 1e15 && value == trunc(value))
    return format_integer(value, text);
  for (int digits = 15;; digits++) {
    char padded[LSQ_NUMBER_SIZE + 8]; /* lsq_number_parse looks eight bytes ahead */
    double back;
    int length = snprintf(padded, LSQ_NUMBER_SIZE, "%.*g", digits, value);
    memset(padded + length, 0, 8);
    lsq_number_parse(padded, &back);
    if (back == value || digits == 17) {
      memcpy(text, padded, (size_t)length + 1);
      return (size_t)length;
    }
  }
}
