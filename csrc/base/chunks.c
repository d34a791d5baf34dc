#include "base/chunks.h"

#include <string.h>

static bool holds(const lsq_tree *tree, size_t level) {
  return (tree->added >> level & 1) != 0;
}

void lsq_tree_place(lsq_tree *tree, lsq_arena *arena, size_t length, size_t chunks) {
  *tree = (lsq_tree){.length = length};
  for (size_t k = 0; k < LSQ_TREE_LEVELS && chunks >> k != 0; k++)
    tree->level[k] = lsq_arena_doubles(arena, length);
}

static void add(double *to, const double *from, size_t length) {
  for (size_t i = 0; i < length; i++)
    to[i] += from[i];
}

/* As a counter is increased: what level k holds is added to the left of the carry, which goes on
   to level k + 1. The carry lives in the level it will stay in. */
void lsq_tree_add(lsq_tree *tree, const double *sum) {
  size_t free_level = 0;
  while (holds(tree, free_level))
    free_level++;
  double *carry = tree->level[free_level];
  memcpy(carry, sum, tree->length * sizeof *carry);
  for (size_t k = 0; k < free_level; k++)
    add(carry, tree->level[k], tree->length);
  tree->added++;
}

void lsq_tree_root(lsq_tree *tree, double *sum) {
  bool first = true;
  memset(sum, 0, tree->length * sizeof *sum);
  for (size_t k = 0; k < LSQ_TREE_LEVELS; k++) {
    if (!holds(tree, k))
      continue;
    if (first)
      memcpy(sum, tree->level[k], tree->length * sizeof *sum);
    else
      add(sum, tree->level[k], tree->length);
    first = false;
  }
}
