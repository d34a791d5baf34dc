#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

const char *lsq_status_code(lsq_status status) {
  static const char *const codes[] = {
      [LSQ_OK] = "ok",
      [LSQ_NON_FINITE] = "non_finite",
      [LSQ_NOT_POSITIVE_DEFINITE] = "not_positive_definite",
      [LSQ_SINGULAR] = "singular",
      [LSQ_NO_CONVERGENCE] = "no_convergence",
      [LSQ_NO_FILE] = "no_file",
      [LSQ_NO_WRITE] = "no_write",
      [LSQ_BAD_FORMAT] = "bad_format",
      [LSQ_TOO_LARGE] = "too_large",
      [LSQ_MISUSE] = "misuse",
      [LSQ_INTERNAL] = "internal",
  };
  return codes[status];
}

lsq_status lsq_fail(lsq_error *error, lsq_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  error->status = status;
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  return status;
}
