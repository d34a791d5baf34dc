/* Which BLAS and LAPACK stand behind the names we are linked with. */
#ifndef LSQ_LINALG_LIBRARY_H
#define LSQ_LINALG_LIBRARY_H

#include <stddef.h>

/* The path of the shared object that holds dgemm_, and OpenBLAS's own description. */
void lsq_blas_description(char *text, size_t size);

/* The path of the shared object that holds dpotrf_. */
void lsq_lapack_description(char *text, size_t size);

#endif
