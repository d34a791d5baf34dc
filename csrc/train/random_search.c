/* Random search: draws nets, solves nothing, keeps the best. */
#include <math.h>

#include "base/threads.h"
#include "nn/forward.h"
#include "train/trainer.h"

static const size_t LANES_MEMORY = (size_t)256 << 20;

typedef struct {
  lsq_network net;
  lsq_forward_work *work;
} search_lane;

/* A training is one loss: the engine draws the nets. */
typedef struct {
  const lsq_problem *problem;
  size_t lanes;
  search_lane *lane;
} random_search;

static void place_lane(search_lane *lane, lsq_arena *arena, const lsq_problem *problem,
                       size_t threads) {
  lsq_network_place_like(&lane->net, arena, problem->net);
  lane->work = lsq_forward_take(arena, problem->net, &problem->rows, threads);
}

static size_t count_lanes(const lsq_problem *problem) {
  search_lane probe;
  lsq_arena measure = lsq_arena_measure();
  place_lane(&probe, &measure, problem, 1);
  const size_t fitting = lsq_size_max(1, LANES_MEMORY / lsq_size_max(1, measure.used));
  return lsq_size_min(fitting, problem->drawing.lanes);
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  random_search measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  (void)options;
  *self = (random_search){.problem = problem, .lanes = count_lanes(problem)};
  /* lanes work side by side, a single one within its rows */
  const size_t threads = self->lanes > 1 ? 1 : (size_t)lsq_threads();
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    search_lane probe;
    place_lane(self->lane == NULL ? &probe : &self->lane[k], arena, problem, threads);
  }
}

static lsq_status start(void *memory, lsq_error *error) {
  (void)memory;
  (void)error;
  return LSQ_OK;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  const random_search *self = memory;
  progress->iteration_done = true;
  progress->loss = progress->score =
      lsq_network_loss(self->problem->net, &self->problem->rows, self->lane[0].work);
  progress->stop = LSQ_STOPPED_ITERATIONS;
  return lsq_forward_status(self->lane[0].work, error);
}

static void finish(void *memory, lsq_result *result) {
  (void)memory;
  (void)result;
}

static void score(void *memory, const lsq_random *generators, size_t count, double *scores) {
  random_search *self = memory;
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)self->lanes) if (count > 1)
  for (size_t k = 0; k < count; k++) {
    search_lane *lane = &self->lane[lsq_thread_number()];
    lsq_random random = generators[k];
    lsq_network_initialise(&lane->net, self->problem->drawing.init, &random);
    scores[k] = lsq_network_loss(&lane->net, &self->problem->rows, lane->work);
  }
}

static const lsq_draw_hooks draws = {.score = score, .tells_each = true};
static const lsq_option option_table[] = {{.name = NULL}};

/***
@submodule lsqnet
*/

/*** Random search: draws nets, solves nothing, keeps the best.
@function random_search
@tparam network net of any kind, the first candidate; changed in place
@tparam matrix|stream X N x inputs, or a stream (`lsqnet.stream`) of X and Y
@tparam matrix Y N x outputs
@tparam[opt] table options the common ones: `restarts`, `target_loss`, `time_limit`, ...
@treturn[1] table report; one history entry a net
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise when shapes do not match or an option is wrong
*/
const lsq_trainer lsq_random_search = {.name = "random_search",
                                       .text = "the best of random nets",
                                       .options_size = 1,
                                       .options = option_table,
                                       .restarts = LSQ_DRAWS,
                                       .accepts = {.takes_skip = true},
                                       .takes = LSQ_TAKES_STREAM | LSQ_TAKES_WEIGHTS |
                                                LSQ_TAKES_INIT | LSQ_TAKES_LOSS,
                                       .place = place,
                                       .start = start,
                                       .step = step,
                                       .finish = finish,
                                       .draws = &draws};
