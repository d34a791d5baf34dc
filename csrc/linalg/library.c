/* dladdr is not POSIX; glibc, musl, the BSDs and macOS have it. */
#define _GNU_SOURCE
#include "linalg/library.h"

#include <dlfcn.h>
#include <stdio.h>

#include "linalg/blas.h"

typedef void any_function(void);

static const char *path_of(any_function *function) {
  Dl_info found;
  if (dladdr(*(void **)&function, &found) == 0 || found.dli_fname == NULL)
    return "unknown";
  return found.dli_fname;
}

/* Looked up in the library that holds dgemm_, not globally: Lua loads C modules locally. */
void lsq_blas_description(char *text, size_t size) {
  const char *path = path_of((any_function *)dgemm_);
  char *(*openblas)(void) = NULL;
  void *library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
  if (library != NULL)
    *(void **)&openblas = dlsym(library, "openblas_get_config");
  if (openblas == NULL)
    snprintf(text, size, "%s", path);
  else
    snprintf(text, size, "%s (%s)", path, openblas());
  if (library != NULL)
    dlclose(library);
}

void lsq_lapack_description(char *text, size_t size) {
  snprintf(text, size, "%s", path_of((any_function *)dpotrf_));
}
