#include "base/threads.h"

#ifdef _OPENMP
#include <omp.h>

int lsq_threads(void) {
  return omp_in_parallel() ? 1 : omp_get_max_threads();
}

int lsq_threads_enter(int threads) {
  int previous = omp_get_max_threads();
  if (threads > 0)
    omp_set_num_threads(threads);
  return previous;
}

void lsq_threads_leave(int previous) {
  omp_set_num_threads(previous);
}

int lsq_thread_number(void) {
  return omp_get_thread_num();
}

#else

int lsq_threads(void) {
  return 1;
}

int lsq_threads_enter(int threads) {
  (void)threads;
  return 1;
}

void lsq_threads_leave(int previous) {
  (void)previous;
}

int lsq_thread_number(void) {
  return 0;
}

#endif
