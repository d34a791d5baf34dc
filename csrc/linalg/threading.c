#include "linalg/threading.h"

#include <math.h>

/* Below these one thread. OpenBLAS 0.3.21 with OpenMP, two threads of an EPYC, calm, best of many
   calls: the time on one thread over that on two, by order of square matrices (16 right-hand
   sides). The line is drawn where two gain a fifth at least and the call takes half a
   millisecond, so that what a region loses on a busy machine, a time slice or two, stays in
   proportion.
     dgemm       128: 1.17   181: 1.21   256: 1.52   512: 1.77
     dgemv       256: 0.58   512: 1.03   724: 1.07  1024: 1.36
     dtrsv      1024: 0.96: it does not split
     dtrsm       128: 0.75   256: 1.13   512: 1.28  1024: 1.26
     dpotrf       64: 0.36   256: 0.70   512: 1.02   724: 1.21  1024: 1.32
     dgetrf      128: 0.63   256: 0.69   512: 1.09   724: 1.26  1024: 1.54
     dgetrs       64: 0.95   128: 1.17   512: 1.22  1024: 1.24
     dgeqrf      128: 0.42   512: 0.69   724: 0.87  1024: 1.21  1448: 1.49
     dgelqf      128: 0.26   512: 0.61   724: 0.72  1024: 1.12  1448: 1.32
       of 4000 rows and 64 columns: 0.85, 20000 and 200: 1.08, 100000 and 64: 1.09
     dormqr       64: 0.07   256: 0.13   724: 0.20  1448: 0.47
     dtpqrt       64: 0.35   256: 0.50   512: 0.59, of 256 rows at a time
     dsyevd       64: 0.28   256: 0.68   512: 0.79   724: 1.14  1024: 1.18  1448: 1.32
     dgesdd       64: 0.39   256: 0.65   512: 1.07   724: 1.17  1024: 1.23 */
static const double worth_splitting[] = {
    [LSQ_DGEMM] = 0x1p24,    [LSQ_DGEMV] = 0x1p20,    [LSQ_DTRSV] = INFINITY, [LSQ_DTRSM] = 0x1p23,
    [LSQ_DPOTRF] = 0x1p26,   [LSQ_DGETRF] = 0x1p27,   [LSQ_DGETRS] = 0x1p23,  [LSQ_DGEQRF] = 0x1p29,
    [LSQ_DORMQR] = INFINITY, [LSQ_DTPQRT] = INFINITY, [LSQ_DSYEVD] = 0x1p29,  [LSQ_DGESDD] = 0x1p29,
};

int lsq_routine_enter(lsq_routine routine, double multiplications) {
  return lsq_threads_enter(multiplications < worth_splitting[routine] ? 1 : 0);
}
