/* Workspace without malloc. The glue allocates one block (a Lua userdata, so that a raise
   leaks nothing) and C code cuts it up. One layout function serves both purposes: run over
   a measuring arena it says how much is needed, run over a real one it places the pieces.

     static void layout(struct work *w, lsq_arena *arena) {
       w->column = lsq_arena_doubles(arena, rows);
       w->order = lsq_arena_take(arena, rows, sizeof *w->order);
     }
     size_t work_size(void) { struct work w; lsq_arena a = lsq_arena_measure();
                              layout(&w, &a); return a.used; }
*/
#ifndef LSQ_BASE_ARENA_H
#define LSQ_BASE_ARENA_H

#include "base/matrix.h"
#include "base/size.h"

enum { LSQ_ALIGNMENT = 64 }; /* bytes: a cache line, and the widest SIMD register */

typedef struct {
  unsigned char *base; /* aligned to LSQ_ALIGNMENT; NULL while measuring */
  size_t used;         /* bytes; SIZE_MAX once the sum has overflowed */
} lsq_arena;

static inline lsq_arena lsq_arena_measure(void) {
  return (lsq_arena){NULL, 0};
}

static inline lsq_arena lsq_arena_over(void *memory) {
  return (lsq_arena){memory, 0};
}

/* Room for count items, aligned to LSQ_ALIGNMENT; not initialised. NULL while measuring. */
static inline void *lsq_arena_take(lsq_arena *arena, size_t count, size_t item_size) {
  void *piece = arena->base == NULL ? NULL : arena->base + arena->used;
  size_t bytes = lsq_size_multiply(count, item_size);
  bytes = lsq_size_multiply(lsq_size_add(bytes, LSQ_ALIGNMENT - 1) / LSQ_ALIGNMENT, LSQ_ALIGNMENT);
  if (bytes >= SIZE_MAX - LSQ_ALIGNMENT)
    bytes = SIZE_MAX;
  arena->used = lsq_size_add(arena->used, bytes);
  return piece;
}

static inline double *lsq_arena_doubles(lsq_arena *arena, size_t count) {
  return (double *)lsq_arena_take(arena, count, sizeof(double));
}

static inline lsq_matrix lsq_arena_matrix(lsq_arena *arena, size_t rows, size_t cols) {
  return (lsq_matrix){lsq_arena_doubles(arena, lsq_size_multiply(rows, cols)), rows, cols, cols};
}

#endif
