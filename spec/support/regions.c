/* Counts the parallel regions of more than one thread that a program enters, ours and those of an
   OpenBLAS built with OpenMP. Loaded before libgomp (LD_PRELOAD), it appends a line with their
   number to the file that $LSQNET_REGIONS names when the program ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <omp.h>

typedef void region(void (*body)(void *), void *data, unsigned threads, unsigned flags);

static unsigned long entered;

void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

/* `threads` is what the region asks for: 0 for the default, 1 where its condition does not hold. */
__attribute__((visibility("default"))) void GOMP_parallel(void (*body)(void *), void *data,
                                                          unsigned threads, unsigned flags) {
  region *next = NULL;
  *(void **)&next = dlsym(RTLD_NEXT, "GOMP_parallel");
  const unsigned wanted = threads == 0 ? (unsigned)omp_get_max_threads() : threads;
  if (wanted > 1 && !omp_in_parallel())
    __atomic_fetch_add(&entered, 1, __ATOMIC_RELAXED);
  next(body, data, threads, flags);
}

__attribute__((destructor)) static void report(void) {
  const char *path = getenv("LSQNET_REGIONS");
  FILE *file = path == NULL ? NULL : fopen(path, "a");
  if (file == NULL)
    return;
  fprintf(file, "%lu\n", entered);
  fclose(file);
}
