/* How many threads a call to BLAS or LAPACK gets: one below a number of multiplications that was
   measured for each routine. A threaded library splits far smaller work (OpenBLAS's dpotrf from
   order 64 on), gains nothing by it, and where other programs hold the cores each of its regions
   waits for a thread that does not run. */
#ifndef LSQ_LINALG_THREADING_H
#define LSQ_LINALG_THREADING_H

#include "base/threads.h"

typedef enum {
  LSQ_DGEMM,  /* m n k */
  LSQ_DGEMV,  /* m n */
  LSQ_DTRSV,  /* n^2 / 2 */
  LSQ_DTRSM,  /* n^2 k / 2 */
  LSQ_DPOTRF, /* n^3 / 6 */
  LSQ_DGETRF, /* n^3 / 3; dgetri and dgecon too */
  LSQ_DGETRS, /* n^2 k */
  LSQ_DGEQRF, /* m n min(m, n); dgelqf and dorglq too */
  LSQ_DORMQR, /* m n k */
  LSQ_DTPQRT, /* m n^2 */
  LSQ_DSYEVD, /* n^3 */
  LSQ_DGESDD  /* m n min(m, n); dgesvd too */
} lsq_routine;

/* Before a call that takes about so many multiplications. Returns what lsq_threads_leave wants
   after it. */
int lsq_routine_enter(lsq_routine routine, double multiplications);

#endif
