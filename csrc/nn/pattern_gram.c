/* Two ideas make this faster than the matrix product it stands for.

   Rows with the same firing pattern share one slot, which sums their products. The h hyperplanes
   of a hidden layer cut the space of d inputs into at most sum_{k <= d} C(h, k) cells: 64 units
   over two inputs show at most 2081 patterns, however many rows there are. Where all patterns
   differ, looking them up costs a few per cent of what follows.

   The slots are then summed by the method of the four Russians: a group of GROUP slots has 2^GROUP
   subset sums; a pair of units adds the one that the AND of their bits names: a lookup and an
   addition for GROUP multiply-adds. A pass takes GROUPS groups, so that loading and storing an
   accumulator is spread over as many lookups; its tables over one cache line of products
   (LANES doubles) stay in the L1 cache. */
#include "nn/pattern_gram.h"

#include <string.h>

#include "base/simd.h"
#include "base/threads.h"

/* ms to sum 3341 x 8, 13903 x 14 and 58464 x 3 (slots x features), 64 units, one thread of a
   2.6 GHz Xeon, AVX-512 / AVX2: GROUP 6, GROUPS 8 (32 kB of tables) 1.9 25 6.6 / 3.5 47 12;
   6, 6 (24 kB) 2.1 27 6.8 / 3.9 52 15; 5, 12 (24 kB) 2.1 28 7.4 / 4.4 57 14; 7, 4 (32 kB)
   2.0 29 7.2. Two cache lines of products at a time share the index arithmetic, but halve the
   groups of a pass: 2.5 27 15. The whole call, all patterns distinct: 2.4 27 12, of which
   sum_tile 92, 93 and 60 %, pack_rows, which reads z from memory, 2, 2 and 13 %, and
   transpose_pass 5, 2 and 17 %; on two threads 1.5 16 7. With the patterns of a hidden layer over
   two inputs the last is 1.9.

   The threads meet twice for each filling of the slots. On a quiet machine half the slots would
   do as well; beside a busy process every meeting costs a time slice, some 5 ms. */
enum {
  LANES = 8,
  GROUP = 6,
  SUBSETS = 1 << GROUP,
  GROUPS = 8,
  PASS = GROUP * GROUPS, /* slots; their bits fit a 64-bit word */
  TABLE = GROUPS * SUBSETS * LANES,
  RANGE = 4096,           /* pairs swept at a time: 256 kB of accumulators, for the L2 cache */
  MOST_PACKED = 1 << 16,  /* words of firing patterns: 512 kB */
  WORTH = 1 << 20,        /* lookups or comparisons, half a millisecond's, that pay a region */
  MOST_SLOTS = 8256,      /* a multiple of PASS */
  MOST_PRODUCTS = 1 << 19 /* doubles that slots may fill: 4 MB */
};

/* One SIMD register of AVX-512; two, four under AVX2, SSE2. */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), may_alias));

static size_t tiles_of(const lsq_pattern_gram *gram) {
  return (gram->products + LANES - 1) / LANES;
}

void lsq_pattern_gram_place(lsq_pattern_gram *gram, lsq_arena *arena, size_t units,
                            size_t features) {
  lsq_pattern_scratch *s = &gram->scratch;
  gram->units = units;
  gram->features = features;
  gram->pairs = lsq_size_multiply(units, lsq_size_add(units, 1)) / 2;
  gram->products = lsq_size_multiply(features, lsq_size_add(features, 1)) / 2;
  /* An odd number of cache lines: one tile of successive pairs spreads over all cache sets. */
  gram->stride = (tiles_of(gram) | 1) * LANES;
  gram->sums = lsq_arena_doubles(arena, lsq_pattern_gram_length(gram));
  gram->leaves = (lsq_pattern_leaves){.own = gram->sums};

  s->threads = (size_t)lsq_threads();
  s->words = (units + 63) / 64;
  s->capacity = lsq_size_min(MOST_PRODUCTS / gram->stride / PASS * PASS, MOST_SLOTS);
  s->capacity = lsq_size_max(s->capacity, PASS);
  s->batch = lsq_size_max(MOST_PACKED / lsq_size_max(s->words, 1), PASS);
  s->hash_log = 1;
  while ((size_t)1 << s->hash_log < 2 * s->capacity)
    s->hash_log++;
  s->packed = lsq_arena_take(arena, s->batch * s->words, sizeof *s->packed);
  s->slot_of = lsq_arena_take(arena, s->batch, sizeof *s->slot_of);
  s->hash = lsq_arena_take(arena, (size_t)1 << s->hash_log, sizeof *s->hash);
  s->pattern = lsq_arena_take(arena, lsq_size_multiply(s->capacity, s->words), sizeof *s->pattern);
  s->products = lsq_arena_doubles(arena, lsq_size_multiply(s->capacity, gram->stride));
  s->columns =
      lsq_arena_take(arena, lsq_size_multiply(s->capacity / PASS, units), sizeof *s->columns);
  s->tables = lsq_arena_doubles(arena, lsq_size_multiply(s->threads, TABLE));
}

/* Bit j of the result: z_j > 0, for j < 64. Lane q gathers the bits 8 r + q at 8 r, so that one
   comparison and one OR serve LANES units. */
LSQ_INLINE uint64_t pack_word(const double *z) {
  uint64_t gathered[LANES] = {0}, bits = 0;
#pragma GCC unroll 8
  for (unsigned r = 0; r < 64 / LANES; r++) {
#pragma omp simd
    for (unsigned q = 0; q < LANES; q++)
      gathered[q] |= z[r * LANES + q] > 0 ? UINT64_C(1) << (r * LANES) : 0;
  }
  for (unsigned q = 0; q < LANES; q++)
    bits |= gathered[q] << q;
  return bits;
}

/* packed (count x words): the firing patterns of the rows of z from `first`. */
LSQ_CLONES
static void pack_rows(const lsq_matrix *z, size_t first, size_t count, uint64_t *packed) {
  const unsigned rest = (unsigned)(z->cols % 64);
  for (size_t i = first; i < first + count; i++) {
    const double *row = lsq_matrix_row(z, i);
    for (size_t w = 0; w < z->cols / 64; w++, row += 64)
      *packed++ = pack_word(row);
    if (rest > 0) {
      uint64_t bits = 0;
      for (unsigned j = 0; j < rest; j++)
        bits |= (uint64_t)(row[j] > 0) << j;
      *packed++ = bits;
    }
  }
}

static uint64_t hash_of(const uint64_t *pattern, size_t words) {
  uint64_t hash = 0;
  for (size_t w = 0; w < words; w++) {
    hash = (hash ^ pattern[w]) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 32;
  }
  return hash * UINT64_C(0x9E3779B97F4A7C15);
}

static void empty_slots(lsq_pattern_scratch *s) {
  memset(s->hash, 0, ((size_t)1 << s->hash_log) * sizeof *s->hash);
  s->used = 0;
}

static void clear_sums(const lsq_pattern_gram *gram) {
  memset(gram->sums, 0, lsq_pattern_gram_length(gram) * sizeof *gram->sums);
}

void lsq_pattern_gram_clear(lsq_pattern_gram *gram) {
  gram->sums = gram->leaves.own;
  gram->leaves.added = 0;
  clear_sums(gram);
  empty_slots(&gram->scratch);
}

/* Finds the slots of the packed rows first .. count-1, making new ones; returns the row to go
   on with once all slots are used, or count. */
static size_t find_slots(lsq_pattern_scratch *s, size_t first, size_t count) {
  const size_t words = s->words, bytes = words * sizeof *s->packed;
  const size_t mask = ((size_t)1 << s->hash_log) - 1;
  size_t i = first;
  for (; i < count && s->used < s->capacity; i++) {
    const uint64_t *row = s->packed + i * words;
    size_t at = (size_t)(hash_of(row, words) >> (64 - s->hash_log));
    while (s->hash[at] != 0 && memcmp(s->pattern + (s->hash[at] - 1) * words, row, bytes) != 0)
      at = (at + 1) & mask;
    if (s->hash[at] == 0) {
      memcpy(s->pattern + s->used * words, row, bytes);
      s->hash[at] = (uint32_t)++s->used;
    }
    s->slot_of[i] = s->hash[at] - 1;
  }
  return i;
}

/* Adds the products of the rows first .. last-1 of x to their slots, as far as they lie in the
   tiles first_tile .. last_tile-1. `used` slots were there before these rows; a new slot shows
   by its number. */
LSQ_CLONES
static void add_products(const lsq_pattern_gram *gram, const lsq_matrix *x, size_t first,
                         size_t last, size_t used, size_t first_tile, size_t last_tile) {
  const size_t features = gram->features;
  const size_t begin = first_tile * LANES, end = lsq_size_min(last_tile * LANES, gram->products);
  for (size_t i = first; i < last; i++) {
    const size_t slot = gram->scratch.slot_of[i];
    const double *row = lsq_matrix_row(x, i);
    double *sum = gram->scratch.products + slot * gram->stride;
    if (slot == used) {
      memset(sum + begin, 0, (last_tile - first_tile) * LANES * sizeof *sum);
      used++;
    }
    for (size_t p = 0, at = 0; at < end; at += features - p++) {
      const size_t from = lsq_size_max(at, begin), to = lsq_size_min(at + features - p, end);
      const double left = row[p], *right = row + p;
#pragma omp simd
      for (size_t k = from; k < to; k++)
        sum[k] += left * right[k - at];
    }
  }
}

/* columns (units) = the patterns of the PASS slots from `first`, bit r that of slot first + r. */
LSQ_CLONES
static void transpose_pass(const lsq_pattern_scratch *s, size_t units, size_t first,
                           uint64_t *columns) {
  for (size_t w = 0; w < s->words; w++) {
    uint64_t column[64] = {0};
    for (unsigned r = 0; r < PASS; r++) {
      const uint64_t bits = s->pattern[(first + r) * s->words + w];
      for (unsigned j = 0; j < 64; j++)
        column[j] |= (bits >> j & 1) << r;
    }
    memcpy(columns + w * 64, column, lsq_size_min(units - w * 64, 64) * sizeof *columns);
  }
}

/* table (GROUPS x SUBSETS) = the sums of every subset of the slots of each group, over one tile
   of products; `slots` points at that tile of the first slot. */
LSQ_INLINE void build_tables(const double *slots, size_t stride, lanes *restrict table) {
  for (int k = 0; k < GROUPS; k++, table += SUBSETS) {
    table[0] = (lanes){0};
    for (int b = 0; b < GROUP; b++, slots += stride) {
      const lanes slot = *(const lanes *)slots;
      for (int m = 0; m < 1 << b; m++)
        table[(1 << b) + m] = table[m] + slot;
    }
  }
}

/* Adds all passes to the tile of products of the pairs first .. last-1. */
LSQ_CLONES
static void sum_tile(const lsq_pattern_gram *gram, size_t tile, size_t first, size_t last,
                     size_t passes, double *memory) {
  const size_t units = gram->units, stride = gram->stride;
  lanes *restrict table = (lanes *)memory;
  size_t first_j = 0;
  while (lsq_pattern_pair(units, first_j + 1, first_j + 1) <= first)
    first_j++;
  const size_t first_l = first - lsq_pattern_pair(units, first_j, 0);

  for (size_t pass = 0; pass < passes; pass++) {
    const uint64_t *columns = gram->scratch.columns + pass * units;
    double *sum = gram->sums + first * stride + tile * LANES;
    size_t left = last - first;
    build_tables(gram->scratch.products + pass * PASS * stride + tile * LANES, stride, table);
    for (size_t j = first_j, l = first_l; left > 0; l = ++j) {
      const uint64_t fires = columns[j];
      const size_t end = lsq_size_min(units, l + left);
      left -= end - l;
      for (; l < end; l++, sum += stride) {
        const uint64_t both = fires & columns[l];
        lanes total = *(lanes *)sum;
#pragma GCC unroll 8
        for (int k = 0; k < GROUPS; k++)
          total += table[k * SUBSETS + (int)(both >> (k * GROUP) & (SUBSETS - 1))];
        *(lanes *)sum = total;
      }
    }
  }
}

/* Share `share` of all (tile, pair): contiguous, so that few tables are built twice. Every sum
   belongs to one share, which adds the passes in order. */
static void sum_share(const lsq_pattern_gram *gram, size_t passes, size_t share) {
  const size_t pairs = gram->pairs, all = tiles_of(gram) * pairs;
  const size_t shares = gram->scratch.threads, part = all / shares, rest = all % shares;
  const size_t end = part * (share + 1) + lsq_size_min(share + 1, rest);
  size_t at = part * share + lsq_size_min(share, rest);
  while (at < end) {
    const size_t tile = at / pairs, first = at % pairs;
    const size_t count = lsq_size_min(lsq_size_min(pairs - first, end - at), RANGE);
    sum_tile(gram, tile, first, first + count, passes, gram->scratch.tables + share * TABLE);
    at += count;
  }
}

/* Adds the rows first .. last-1 of x, which have their slots, of which the first `used` are older
   than these rows, and, where `all` is set, the slots to the sums, leaving them empty. */
static void add_slots(lsq_pattern_gram *gram, const lsq_matrix *x, size_t used, size_t first,
                      size_t last, bool all) {
  lsq_pattern_scratch *s = &gram->scratch;
  const size_t shares = s->threads, tiles = tiles_of(gram);
  const size_t passes = all ? (s->used + PASS - 1) / PASS : 0;
  const bool worth =
      (last - first) * gram->products > WORTH || passes * GROUPS > WORTH / gram->pairs / tiles;
  if (all) {
    const size_t padding = passes * PASS - s->used;
    memset(s->pattern + s->used * s->words, 0, padding * s->words * sizeof *s->pattern);
    memset(s->products + s->used * gram->stride, 0, padding * gram->stride * sizeof *s->products);
  }
#pragma omp parallel num_threads((int)shares) if (worth)
  {
    /* By tiles, as in sum_share: a core then finds most of what it reads there in its cache. */
#pragma omp for schedule(static) nowait
    for (size_t share = 0; share < shares; share++)
      add_products(gram, x, first, last, used, tiles * share / shares,
                   tiles * (share + 1) / shares);
#pragma omp for schedule(static)
    for (size_t pass = 0; pass < passes; pass++)
      transpose_pass(s, gram->units, pass * PASS, s->columns + pass * gram->units);
    if (all) {
#pragma omp for schedule(static)
      for (size_t share = 0; share < shares; share++)
        sum_share(gram, passes, share);
    }
  }
  if (all)
    empty_slots(s);
}

/* Adds a batch of rows; the slots go to the sums when all are used. */
static void add_batch(lsq_pattern_gram *gram, const lsq_matrix *x, const lsq_matrix *z) {
  lsq_pattern_scratch *s = &gram->scratch;
  const size_t rows = z->rows;
#pragma omp parallel for num_threads((int)s->threads) schedule(static) if (rows * z->cols > WORTH)
  for (size_t first = 0; first < rows; first += PASS)
    pack_rows(z, first, lsq_size_min(rows - first, PASS), s->packed + first * s->words);
  for (size_t first = 0, next; first < rows; first = next) {
    const size_t used = s->used;
    next = find_slots(s, first, rows);
    add_slots(gram, x, used, first, next, s->used == s->capacity);
  }
}

void lsq_pattern_gram_gather(lsq_pattern_gram *gram, const lsq_matrix *x, const lsq_matrix *z) {
  if (gram->pairs == 0 || gram->products == 0)
    return;
  for (size_t first = 0, count; first < z->rows; first += count) {
    count = lsq_size_min(z->rows - first, gram->scratch.batch);
    const lsq_matrix inputs = lsq_matrix_rows(x, first, count);
    const lsq_matrix patterns = lsq_matrix_rows(z, first, count);
    add_batch(gram, &inputs, &patterns);
  }
}

void lsq_pattern_gram_flush(lsq_pattern_gram *gram) {
  const lsq_matrix none = {NULL, 0, gram->features, gram->features};
  if (gram->pairs > 0 && gram->products > 0)
    add_slots(gram, &none, gram->scratch.used, 0, 0, true);
}

void lsq_pattern_gram_add(lsq_pattern_gram *gram, const lsq_matrix *x, const lsq_matrix *z) {
  lsq_pattern_gram_gather(gram, x, z);
  lsq_pattern_gram_flush(gram);
}

size_t lsq_pattern_gram_length(const lsq_pattern_gram *gram) {
  return lsq_size_multiply(gram->pairs, gram->stride);
}

void lsq_pattern_gram_lend(lsq_pattern_gram *gram, double *const lent[LSQ_PATTERN_LEVELS]) {
  memcpy(gram->leaves.lent, lent, sizeof gram->leaves.lent);
}

static void add_sums(const lsq_pattern_gram *gram, double *restrict to,
                     const double *restrict from) {
  const size_t count = lsq_pattern_gram_length(gram);
#pragma omp parallel for simd num_threads((int)gram->scratch.threads)                              \
    schedule(static) if (count > WORTH)
  for (size_t i = 0; i < count; i++)
    to[i] += from[i];
}

static bool holds(const lsq_pattern_leaves *leaves, size_t level) {
  return (leaves->added >> level & 1) != 0;
}

static bool is_held(const lsq_pattern_leaves *leaves, const double *table) {
  for (size_t k = 0; k < LSQ_PATTERN_LEVELS; k++)
    if (holds(leaves, k) && leaves->level[k] == table)
      return true;
  return false;
}

/* Where the next leaf is summed: the own table where no level holds it. */
static double *free_table(const lsq_pattern_leaves *leaves) {
  size_t k = 0;
  if (!is_held(leaves, leaves->own))
    return leaves->own;
  while (is_held(leaves, leaves->lent[k]))
    k++;
  return leaves->lent[k];
}

/* As a binary counter is increased, and after the last leaf all that it holds added to the carry.
   Of two tables the sum takes the own one's place where that is among them. */
void lsq_pattern_gram_end_leaf(lsq_pattern_gram *gram, bool last) {
  lsq_pattern_leaves *leaves = &gram->leaves;
  double *carry = gram->sums;
  size_t k = 0;
  lsq_pattern_gram_flush(gram);
  for (; holds(leaves, k) || (last && leaves->added >> k != 0); k++) {
    if (!holds(leaves, k))
      continue;
    double *other = leaves->level[k];
    double *sum = other == leaves->own ? other : carry;
    add_sums(gram, sum, sum == other ? carry : other);
    carry = sum;
  }
  leaves->added++;
  if (last) {
    gram->sums = carry;
    return;
  }
  leaves->level[k] = carry;
  gram->sums = free_table(leaves);
  clear_sums(gram);
}
