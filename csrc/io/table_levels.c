#include <string.h>

#include "io/table.h"

enum { KNOWN_BITS = 8, KNOWN = 1 << KNOWN_BITS };

static size_t slots_for(size_t limit) {
  size_t slots = 16;
  while (slots < 2 * limit)
    slots *= 2;
  return slots;
}

void lsq_table_levels_place(lsq_table_levels *levels, size_t limit, lsq_arena *arena) {
  *levels = (lsq_table_levels){.limit = limit, .mask = slots_for(limit) - 1};
  levels->level = lsq_arena_take(arena, limit, sizeof *levels->level);
  levels->order = lsq_arena_take(arena, limit, sizeof *levels->order);
  levels->spare = lsq_arena_take(arena, limit, sizeof *levels->spare);
  levels->slots = lsq_arena_take(arena, levels->mask + 1, sizeof *levels->slots);
  levels->known = lsq_arena_take(arena, KNOWN, sizeof *levels->known);
  levels->known_code = lsq_arena_take(arena, KNOWN, sizeof *levels->known_code);
}

lsq_cell_text lsq_table_level_text(const lsq_table_text *text, const lsq_table_level *level) {
  if (level->number[0] == '\0')
    return lsq_table_text_of(text, &level->cell);
  return (lsq_cell_text){level->number, level->number + strlen(level->number), false};
}

static uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

/* Eight bytes at a time, the last ones filled up with zeros. */
static uint64_t hash_text(lsq_cell_text t) {
  uint64_t hash = 0, word;
  if (!t.doubled) {
    for (; t.end - t.begin >= 8; t.begin += 8) {
      memcpy(&word, t.begin, sizeof word);
      hash = mix(hash, word);
    }
    word = 0;
    for (size_t i = 0; t.begin < t.end; i++)
      ((unsigned char *)&word)[i] = (unsigned char)*t.begin++;
    return mix(hash, word);
  }
  for (size_t i = word = 0;; i++) {
    int byte = lsq_cell_text_next(&t);
    if (byte < 0)
      return mix(hash, word);
    ((unsigned char *)&word)[i % 8] = (unsigned char)byte;
    if (i % 8 == 7) {
      hash = mix(hash, word);
      word = 0;
    }
  }
}

static uint64_t hash_number(double value) {
  uint64_t bits = lsq_cell_bits(&value) * UINT64_C(0x9e3779b97f4a7c15);
  return bits ^ bits >> 32;
}

/* Below, at or above zero: the order of the bytes. */
static int compare(lsq_cell_text a, lsq_cell_text b) {
  int left, right;
  do {
    left = lsq_cell_text_next(&a);
    right = lsq_cell_text_next(&b);
  } while (left == right && left >= 0);
  return left - right;
}

static bool is_level(const lsq_table_text *text, const lsq_table_level *level, const double *cell,
                     bool number, lsq_cell_text t) {
  if (number || level->number[0] != '\0')
    return number && level->cell == *cell;
  lsq_cell_text other = lsq_table_text_of(text, &level->cell);
  if (!t.doubled && !other.doubled)
    return t.end - t.begin == other.end - other.begin &&
           memcmp(t.begin, other.begin, (size_t)(t.end - t.begin)) == 0;
  return compare(t, other) == 0;
}

/* The code of a cell that is a number or a text; a new one where it has none yet, 0 where the
   limit is reached. */
static uint32_t find_code(const lsq_table_text *text, const double *cell,
                          lsq_table_levels *levels) {
  const bool number = lsq_cell_kind_of(cell) == LSQ_CELL_NUMBER;
  lsq_cell_text t = {0};
  if (!number)
    t = lsq_table_text_of(text, cell);
  size_t slot = number ? hash_number(*cell == 0 ? 0 : *cell) : hash_text(t);
  for (;; slot++) {
    uint32_t code = levels->slots[slot & levels->mask];
    if (code == 0)
      break;
    if (is_level(text, levels->level + code - 1, cell, number, t))
      return code;
  }
  if (levels->count == levels->limit)
    return 0;
  lsq_table_level *level = levels->level + levels->count++;
  level->cell = *cell;
  level->number[0] = '\0';
  if (number)
    lsq_number_format(*cell == 0 ? 0 : *cell, level->number);
  return levels->slots[slot & levels->mask] = (uint32_t)levels->count;
}

/* Merges the sorted halves of order[first..last). */
static void merge(const lsq_table_text *text, lsq_table_levels *levels, size_t first, size_t middle,
                  size_t last) {
  size_t left = first, right = middle;
  for (size_t k = first; k < last; k++) {
    bool take_left = left < middle;
    if (take_left && right < last)
      take_left = compare(lsq_table_level_text(text, levels->level + levels->order[left]),
                          lsq_table_level_text(text, levels->level + levels->order[right])) <= 0;
    levels->spare[k] = levels->order[take_left ? left++ : right++];
  }
  memcpy(levels->order + first, levels->spare + first, (last - first) * sizeof *levels->order);
}

static void sort(const lsq_table_text *text, lsq_table_levels *levels) {
  const size_t count = levels->count;
  for (size_t i = 0; i < count; i++)
    levels->order[i] = (uint32_t)i;
  for (size_t width = 1; width < count; width *= 2)
    for (size_t first = 0; first + width < count; first += 2 * width)
      merge(text, levels, first, first + width, lsq_size_min(first + 2 * width, count));
  /* The rank of each level, by its code. */
  for (size_t i = 0; i < count; i++)
    levels->spare[levels->order[i]] = (uint32_t)i;
}

bool lsq_table_code(const lsq_table_text *text, const lsq_matrix *column,
                    lsq_table_levels *levels) {
  levels->count = 0;
  memset(levels->slots, 0, (levels->mask + 1) * sizeof *levels->slots);
  memset(levels->known_code, 0, KNOWN * sizeof *levels->known_code);
  for (size_t i = 0; i < column->rows; i++) {
    double *cell = lsq_matrix_row(column, i);
    lsq_cell_kind kind = lsq_cell_kind_of(cell);
    if (kind == LSQ_CELL_MISSING || kind == LSQ_CELL_WRONG)
      continue;
    const uint64_t bits = lsq_cell_bits(cell);
    const size_t place = (size_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> (64 - KNOWN_BITS));
    uint32_t code = levels->known_code[place]; /* 0: `known` is not set there */
    if (code != 0 && levels->known[place] != bits)
      code = 0;
    if (code == 0)
      code = find_code(text, cell, levels);
    if (code == 0) { /* back to cells, which stand for the same texts */
      for (size_t k = 0; k < i; k++) {
        cell = lsq_matrix_row(column, k);
        if (!isnan(*cell))
          lsq_cell_put(cell, lsq_cell_bits(&levels->level[(size_t)*cell - 1].cell));
      }
      return false;
    }
    levels->known[place] = bits;
    levels->known_code[place] = code;
    *cell = code;
  }
  sort(text, levels);
  for (size_t i = 0; i < column->rows; i++) {
    double *cell = lsq_matrix_row(column, i);
    if (!isnan(*cell))
      *cell = levels->spare[(size_t)*cell - 1] + 1.0;
  }
  return true;
}
