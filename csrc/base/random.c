#include "base/random.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

void lsq_random_seed(lsq_random *random, uint64_t seed) {
  for (int k = 0; k < 4; k++)
    random->word[k] = splitmix64(&seed);
  random->spare = 0;
  random->has_spare = false;
}

uint64_t lsq_random_next(lsq_random *random) {
  uint64_t *s = random->word;
  const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  const uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double lsq_random_uniform(lsq_random *random) {
  return (double)(lsq_random_next(random) >> 11) * 0x1p-53;
}

double lsq_random_normal(lsq_random *random) {
  if (random->has_spare) {
    random->has_spare = false;
    return random->spare;
  }
  double u, v, s;
  do {
    u = 2 * lsq_random_uniform(random) - 1;
    v = 2 * lsq_random_uniform(random) - 1;
    s = u * u + v * v;
  } while (s >= 1 || s == 0);
  const double scale = sqrt(-2 * log(s) / s);
  random->spare = v * scale;
  random->has_spare = true;
  return u * scale;
}

/* The outputs above the largest multiple of bound are thrown away. */
uint64_t lsq_random_below(lsq_random *random, uint64_t bound) {
  const uint64_t excess = (UINT64_MAX % bound + 1) % bound;
  uint64_t x;
  do
    x = lsq_random_next(random);
  while (x > UINT64_MAX - excess);
  return x % bound;
}

void lsq_random_permutation(lsq_random *random, size_t *order, size_t count) {
  for (size_t i = 0; i < count; i++) {
    size_t j = (size_t)lsq_random_below(random, (uint64_t)i + 1);
    if (j != i)
      order[i] = order[j];
    order[j] = i;
  }
}

lsq_random lsq_random_split(lsq_random *random) {
  static const uint64_t jump[] = {UINT64_C(0x180ec6d33cfd0aba), UINT64_C(0xd5a61266f0c9392c),
                                  UINT64_C(0xa9582618e03fc9aa), UINT64_C(0x39abdc4529b1661c)};
  lsq_random child = *random;
  child.has_spare = false;
  uint64_t s[4] = {0, 0, 0, 0};
  for (size_t i = 0; i < sizeof jump / sizeof *jump; i++)
    for (int bit = 0; bit < 64; bit++) {
      if (jump[i] & UINT64_C(1) << bit)
        for (int k = 0; k < 4; k++)
          s[k] ^= random->word[k];
      lsq_random_next(random);
    }
  for (int k = 0; k < 4; k++)
    random->word[k] = s[k];
  random->has_spare = false;
  return child;
}
