#include "train/restarts.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"

static const double STEP_SECONDS = 0.1;

struct lsq_restart_lane {
  lsq_network net;
  lsq_problem problem; /* of that net */
  void *memory;        /* of the trainer */
  lsq_progress *history;
  size_t count; /* iterations done */
  size_t start; /* which one it runs */
  bool busy;
  lsq_stop stop;
  lsq_status status;
  lsq_error error;
};

static void place_lane(lsq_restart_lane *lane, lsq_arena *arena, const lsq_restarts *self) {
  lsq_problem problem = *self->problem;
  problem.restarts = 1;
  lsq_network_place_like(&lane->net, arena, problem.net);
  lane->memory = lsq_arena_take(arena, self->trainer->size(&problem, self->options), 1);
  lane->history = lsq_arena_take(arena, self->history_limit, sizeof *lane->history);
}

void lsq_restarts_place(lsq_restarts *self, lsq_arena *arena, const lsq_trainer *trainer,
                        const lsq_problem *problem, const void *options, size_t history_limit) {
  const size_t count = problem->net->parameter_count;
  *self = (lsq_restarts){.trainer = trainer,
                         .problem = problem,
                         .options = options,
                         .history_limit = history_limit,
                         .best_start = problem->restarts};
  self->lanes = lsq_size_min((size_t)lsq_threads(), problem->restarts);
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_restart_lane measured;
    place_lane(self->lane == NULL ? &measured : &self->lane[k], arena, self);
  }
  self->starts = lsq_arena_doubles(arena, lsq_size_multiply(problem->restarts, count));
  self->randoms = lsq_arena_take(arena, problem->restarts, sizeof *self->randoms);
  self->best = lsq_arena_doubles(arena, count);
  self->best_history = lsq_arena_take(arena, history_limit, sizeof *self->best_history);
}

void lsq_restarts_start(lsq_restarts *self) {
  const lsq_problem *problem = self->problem;
  const lsq_network *net = problem->net;
  const size_t count = net->parameter_count;
  lsq_network drawn = *net;
  memcpy(self->starts, net->parameters, count * sizeof(double));
  memcpy(self->best, net->parameters, count * sizeof(double));
  for (size_t k = 1; k < problem->restarts; k++) {
    lsq_network_initialise(&drawn, problem->init, problem->random);
    memcpy(self->starts + k * count, net->parameters, count * sizeof(double));
  }
  memcpy(net->parameters, self->starts, count * sizeof(double));
  for (size_t k = 0; k < problem->restarts; k++)
    self->randoms[k] = lsq_random_split(problem->random);
  for (size_t k = 0; k < self->lanes; k++)
    self->lane[k].busy = false;
}

/* Gives the lane the next start, if there is one. */
static void take_start(lsq_restarts *self, lsq_restart_lane *lane) {
  const size_t count = self->problem->net->parameter_count;
  if (self->next == self->problem->restarts)
    return;
  lane->start = self->next++;
  lane->busy = true;
  lane->stop = LSQ_RUNNING;
  lane->count = 0;
  memcpy(lane->net.parameters, self->starts + lane->start * count, count * sizeof(double));
  lane->problem = *self->problem;
  lane->problem.restarts = 1;
  lane->problem.net = &lane->net;
  lane->problem.random = &self->randoms[lane->start];
  lane->status = self->trainer->start(lane->memory, &lane->problem, self->options, &lane->error);
}

/* Steps of one training, for about STEP_SECONDS. */
static void run_lane(const lsq_restarts *self, lsq_restart_lane *lane, double until) {
  while (lane->busy && lane->status == LSQ_OK && lane->stop == LSQ_RUNNING) {
    lsq_progress progress = {.stop = LSQ_RUNNING};
    lane->status = self->trainer->step(lane->memory, &progress, &lane->error);
    lane->stop = progress.stop;
    if (progress.iteration_done && lane->count < self->history_limit)
      lane->history[lane->count++] = progress;
    if (lsq_clock_seconds() >= until)
      return;
  }
}

/* Keeps what a training ended with if it is the best so far. */
static void end_lane(lsq_restarts *self, lsq_restart_lane *lane) {
  lsq_result result = {.loss = 0};
  self->trainer->finish(lane->memory, false, &result);
  lane->busy = false;
  const bool is_first = self->best_start == self->problem->restarts;
  if (!is_first && !(result.score < self->best_result.score ||
                     (result.score == self->best_result.score && lane->start < self->best_start)))
    return;
  result.restart = lane->start + 1;
  self->best_start = lane->start;
  self->best_result = result;
  self->best_stop = lane->stop;
  self->best_count = lane->count;
  memcpy(self->best, lane->net.parameters, lane->net.parameter_count * sizeof(double));
  memcpy(self->best_history, lane->history, lane->count * sizeof *lane->history);
}

static void replay(lsq_restarts *self, lsq_progress *progress) {
  if (self->replayed < self->best_count)
    *progress = self->best_history[self->replayed++];
  progress->stop = self->replayed == self->best_count ? self->best_stop : LSQ_RUNNING;
}

lsq_status lsq_restarts_step(lsq_restarts *self, lsq_progress *progress, lsq_error *error) {
  bool running = false;
  for (size_t k = 0; k < self->lanes; k++) {
    if (!self->lane[k].busy)
      take_start(self, &self->lane[k]);
    running = running || self->lane[k].busy;
  }
  if (!running) {
    replay(self, progress);
    return LSQ_OK;
  }
  const double until = lsq_clock_seconds() + STEP_SECONDS;
#pragma omp parallel for schedule(static, 1)
  for (size_t k = 0; k < self->lanes; k++)
    run_lane(self, &self->lane[k], until);
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_restart_lane *lane = &self->lane[k];
    if (lane->busy && lane->status != LSQ_OK) {
      *error = lane->error;
      return lane->status;
    }
    if (lane->busy && lane->stop != LSQ_RUNNING)
      end_lane(self, lane);
  }
  return LSQ_OK;
}

void lsq_restarts_finish(lsq_restarts *self, lsq_result *result) {
  const lsq_network *net = self->problem->net;
  for (size_t k = 0; k < self->lanes; k++)
    if (self->lane[k].busy && self->lane[k].count > 0)
      end_lane(self, &self->lane[k]);
  memcpy(net->parameters, self->best, net->parameter_count * sizeof(double));
  *result = self->best_result;
}
