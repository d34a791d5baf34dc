/* One kernel, several instruction sets, chosen when the module is loaded. */
#ifndef LSQ_BASE_SIMD_H
#define LSQ_BASE_SIMD_H

#include <stdint.h> /* defines __GLIBC__, where it is the C library */

/* The architecture levels and not their features: "avx2" alone brings no FMA. Only glibc
   resolves the ifuncs behind target_clones; sanitizers run before they are resolved. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(LSQ_NO_CLONES)
#define LSQ_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LSQ_CLONES
#endif

/* For the helpers of a kernel: not inlined, they would stay baseline code. */
#define LSQ_INLINE static inline __attribute__((always_inline))

/* The level that LSQ_CLONES resolves to on this machine: "x86-64-v4", ..., "baseline". */
const char *lsq_simd_name(void);

#endif
