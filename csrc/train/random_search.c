#include "train/random_search.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "nn/forward.h"

enum { MOST_DRAWS = 256 };           /* evaluated at a time */
static const double STEP_WORK = 2e8; /* multiplications of those, at most */
static const size_t LANES_MEMORY = (size_t)256 << 20;

typedef struct {
  lsq_network net;
  void *workspace;
} search_lane;

/* Iteration k is net k + 1 of `restarts`; the first is the net as given. */
typedef struct {
  const lsq_problem *problem;
  size_t lanes;
  search_lane *lane;
  lsq_random *generators; /* of the draws evaluated at a time, and their losses */
  double *losses;
  size_t count, next; /* of those; which to tell of next */
  int64_t iteration;  /* told of last, -1 before the first */
  int64_t best_iteration;
  double loss, best_loss;
  double *best;
} random_search;

static void place_lane(search_lane *lane, lsq_arena *arena, const lsq_problem *problem) {
  lsq_network_place_like(&lane->net, arena, problem->net);
  lane->workspace =
      lsq_arena_take(arena, lsq_forward_workspace(problem->net, problem->rows.x->rows), 1);
}

static size_t count_lanes(const lsq_problem *problem) {
  search_lane probe;
  lsq_arena measure = lsq_arena_measure();
  place_lane(&probe, &measure, problem);
  const size_t fitting = lsq_size_max(1, LANES_MEMORY / lsq_size_max(1, measure.used));
  const size_t wanted = problem->restarts > 1 ? (size_t)lsq_threads() : 1;
  return lsq_size_min(fitting, wanted);
}

static void place(random_search *self, lsq_arena *arena, const lsq_problem *problem) {
  *self = (random_search){.problem = problem, .iteration = -1, .best_loss = HUGE_VAL};
  self->lanes = count_lanes(problem);
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    search_lane measured;
    place_lane(self->lane == NULL ? &measured : &self->lane[k], arena, problem);
  }
  self->generators = lsq_arena_take(arena, MOST_DRAWS, sizeof *self->generators);
  self->losses = lsq_arena_doubles(arena, MOST_DRAWS);
  self->best = lsq_arena_doubles(arena, problem->net->parameter_count);
}

static size_t size(const lsq_problem *problem, const void *options) {
  random_search measured;
  lsq_arena arena = lsq_arena_measure();
  (void)options;
  lsq_arena_take(&arena, 1, sizeof measured);
  place(&measured, &arena, problem);
  return arena.used;
}

static lsq_status start(void *memory, const lsq_problem *problem, const void *options,
                        lsq_error *error) {
  random_search *self = memory;
  lsq_arena arena = lsq_arena_over(memory);
  (void)options;
  (void)error;
  lsq_arena_take(&arena, 1, sizeof *self);
  place(self, &arena, problem);
  self->loss = HUGE_VAL;
  return LSQ_OK;
}

static double loss_of(const random_search *self, const lsq_network *net, void *workspace) {
  const lsq_problem *p = self->problem;
  return lsq_network_loss(net, p->net->loss, p->rows.x, p->rows.y, workspace);
}

/* The losses of the next draws. They start few, so that little is in vain where a target is
   reached soon. */
static void evaluate(random_search *self) {
  const lsq_problem *p = self->problem;
  const double work = (double)p->rows.x->rows * (double)p->net->parameter_count;
  size_t count = lsq_size_min(2 * lsq_size_max(self->count, self->lanes), MOST_DRAWS);
  count = lsq_size_min(count, lsq_size_max(self->lanes, (size_t)(STEP_WORK / work)));
  count = lsq_size_min(count, p->restarts - (size_t)(self->iteration + 1));
  for (size_t k = 0; k < count; k++)
    self->generators[k] = lsq_random_split(p->random);
#pragma omp parallel for schedule(dynamic, 1) num_threads((int)self->lanes) if (count > 1)
  for (size_t k = 0; k < count; k++) {
    search_lane *lane = &self->lane[lsq_thread_number()];
    lsq_random random = self->generators[k];
    lsq_network_initialise(&lane->net, p->init, &random);
    self->losses[k] = loss_of(self, &lane->net, lane->workspace);
  }
  self->count = count;
  self->next = 0;
}

/* The net becomes the next draw. */
static void take_next(random_search *self) {
  if (self->next == self->count)
    evaluate(self);
  lsq_random random = self->generators[self->next];
  lsq_network_initialise(self->problem->net, self->problem->init, &random);
  self->loss = self->losses[self->next++];
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  random_search *self = memory;
  const lsq_network *net = self->problem->net;
  (void)error;
  if (self->iteration < 0)
    self->loss = loss_of(self, net, self->lane[0].workspace);
  else
    take_next(self);
  self->iteration++;
  if (self->loss < self->best_loss) {
    self->best_loss = self->loss;
    self->best_iteration = self->iteration;
    memcpy(self->best, net->parameters, net->parameter_count * sizeof(double));
  }
  progress->iteration_done = true;
  progress->iteration = (size_t)self->iteration;
  progress->loss = self->loss;
  if (self->iteration + 1 == (int64_t)self->problem->restarts)
    progress->stop = LSQ_STOPPED_ITERATIONS;
  return LSQ_OK;
}

static void finish(void *memory, bool keep_current, lsq_result *result) {
  random_search *self = memory;
  const lsq_network *net = self->problem->net;
  const bool keep_best = !keep_current && self->best_loss < HUGE_VAL;
  if (keep_best)
    memcpy(net->parameters, self->best, net->parameter_count * sizeof(double));
  result->loss = result->score = keep_best ? self->best_loss : self->loss;
  result->restart = (size_t)((keep_best ? self->best_iteration : self->iteration) + 1);
}

static const lsq_option option_table[] = {{.name = NULL}};

/***
@submodule lsqnet
*/

/*** Random search: draws nets, solves nothing, keeps the best.
@function random_search
@tparam network net of any kind, the first candidate; changed in place
@tparam matrix X N x inputs
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
                                       .restarts_are_iterations = true,
                                       .size = size,
                                       .start = start,
                                       .step = step,
                                       .finish = finish};
