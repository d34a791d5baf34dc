/* Decimal text to double, correctly rounded, and back with the fewest digits. The decimal
   point is always '.': both directions may fall back on the C library, so they must run
   between lsq_number_enter and lsq_number_leave. */
#ifndef LSQ_IO_NUMBER_H
#define LSQ_IO_NUMBER_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

#include "base/status.h"

typedef struct {
  locale_t c, previous;
} lsq_number_locale;

/* Puts the calling thread (no other) into the C locale; false, and LSQ_TOO_LARGE, when there
   is no memory for that. */
bool lsq_number_enter(lsq_number_locale *locale, lsq_error *error);
void lsq_number_leave(const lsq_number_locale *locale);

/* Reads a decimal number (sign, digits with or without a point, exponent), nan, inf or
   infinity (in any case) at `text`, and returns where it ends, or NULL when none begins there.
   No blanks are skipped. What exceeds the largest double is infinite. The text must end with a
   zero byte that has seven readable bytes behind it. */
const char *lsq_number_parse(const char *text, double *value);

/* Most bytes that lsq_number_format writes: -1.2345678901234567e-308 and the closing zero. */
enum { LSQ_NUMBER_SIZE = 25 };

/* Writes `value` with the fewest of 15, 16, 17 significant digits that read back equal, as
   "%.*g" would; nan, inf, -inf. Returns the length. */
size_t lsq_number_format(double value, char text[LSQ_NUMBER_SIZE]);

#endif
