/* What can go wrong because of the numbers or the world, and how it is told upwards. */
#ifndef LSQ_BASE_STATUS_H
#define LSQ_BASE_STATUS_H

typedef enum {
  LSQ_OK,
  LSQ_NON_FINITE,
  LSQ_NOT_POSITIVE_DEFINITE,
  LSQ_SINGULAR,
  LSQ_NO_CONVERGENCE,
  LSQ_NO_FILE,
  LSQ_NO_WRITE,
  LSQ_BAD_FORMAT,
  LSQ_TOO_LARGE,
  LSQ_MISUSE,  /* the caller's mistake, which the glue raises instead of returning */
  LSQ_INTERNAL /* our own bug, such as a negative LAPACK info */
} lsq_status;

/* Filled by the function that fails; its caller owns it and may leave it uninitialised. */
typedef struct {
  lsq_status status;
  char message[512];
} lsq_error;

/* The stable word that Lua sees as the third value: "non_finite", "no_file", ... */
const char *lsq_status_code(lsq_status status);

/* Writes the message (cut to what fits) and returns `status`, so that a caller can
   write: return lsq_fail(error, LSQ_SINGULAR, "...", ...). */
__attribute__((format(printf, 3, 4))) lsq_status lsq_fail(lsq_error *error, lsq_status status,
                                                          const char *format, ...);

#endif
