/* xoshiro256** (Blackman and Vigna 2018), seeded by splitmix64. Uniforms and integers are
   the same bit for bit on every machine; normals up to the last bit of the C library's log. */
#ifndef LSQ_BASE_RANDOM_H
#define LSQ_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t word[4];
  double spare; /* second normal of a pair of the polar method */
  bool has_spare;
} lsq_random;

void lsq_random_seed(lsq_random *random, uint64_t seed);

/* All 64 bits of the next output. */
uint64_t lsq_random_next(lsq_random *random);

/* Uniform in [0, 1), a multiple of 2^-53. */
double lsq_random_uniform(lsq_random *random);

/* Standard normal, by Marsaglia's polar method. */
double lsq_random_normal(lsq_random *random);

/* Uniform in 0 .. bound-1, without bias; bound > 0. */
uint64_t lsq_random_below(lsq_random *random, uint64_t bound);

/* order[0..count-1] becomes a uniform random permutation of 0 .. count-1. */
void lsq_random_permutation(lsq_random *random, size_t *order, size_t count);

/* A generator whose next 2^128 outputs are disjoint from those of `random`, which jumps
   past them. */
lsq_random lsq_random_split(lsq_random *random);

#endif
