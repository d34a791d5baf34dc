#include <math.h>

#include "nn/forward.h"
#include "train/run/lane.h"

enum { BLOCK_ROWS = 1024 }; /* of streamed rows */

/* Over rows that are not in memory, or all of them. */
typedef struct {
  lsq_row_reader reader;
  size_t rows; /* of a block */
  void *forward;
} loss_work;

static void place(loss_work *work, lsq_arena *arena, const lsq_problem *problem) {
  const lsq_rows *rows = &problem->rows;
  work->rows = rows->source == NULL ? rows->x->rows : lsq_size_min(rows->x->rows, BLOCK_ROWS);
  lsq_row_reader_place(&work->reader, arena, rows, work->rows);
  work->forward = lsq_arena_take(arena, lsq_forward_workspace(problem->net, work->rows), 1);
}

size_t lsq_run_loss_workspace(const lsq_problem *problem) {
  loss_work measured;
  lsq_arena arena = lsq_arena_measure();
  place(&measured, &arena, problem);
  return arena.used;
}

double lsq_run_loss(const lsq_run *run, const lsq_network *net) {
  loss_work work;
  lsq_arena arena = lsq_arena_over(run->loss_work);
  const size_t rows = run->problem.rows.x->rows;
  double sum = 0;
  place(&work, &arena, &run->problem);
  for (size_t first = 0; first < rows; first += work.rows) {
    const size_t count = lsq_size_min(work.rows, rows - first);
    lsq_row_block block;
    if (!lsq_row_reader_get(&work.reader, first, count, &block))
      return NAN;
    sum += (double)count * lsq_network_loss(net, net->loss, &block.x, &block.y, work.forward);
  }
  return sum / (double)rows;
}
