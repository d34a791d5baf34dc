#include "train/run/beside.h"

#include <math.h>

#include "base/clock.h"
#include "base/threads.h"
#include "train/run/lane.h"
#include "train/run/race.h"

static const double MOST_SECONDS = 0.1; /* at a time */

size_t lsq_beside_lanes(const lsq_run *run) {
  const size_t history = lsq_trainer_iterations(run->trainer, run->options);
  if (run->common.racing)
    return run->common.restarts;
  const bool may = run->trainer->restarts == LSQ_TRAININGS && run->problem.model == NULL &&
                   run->common.restarts > 1 && !run->common.watched &&
                   run->common.target_loss == -HUGE_VAL && history > 0 &&
                   history <= LSQ_BESIDE_HISTORY;
  return may ? lsq_size_min((size_t)run->threads, run->common.restarts) : 1;
}

/* The best history changes place with the lane's, which it was written in. */
void lsq_beside_close_lane(lsq_run *run, lsq_lane *lane) {
  if (lsq_lane_close(lane, run)) {
    lsq_told *freed = run->best_history;
    run->best_history = lane->history;
    run->best_iterations = lane->iterations;
    lane->history = freed;
  }
  lane->restart = 0;
}

static lsq_status begin_lanes(lsq_run *run, lsq_error *error) {
  lsq_status status = LSQ_OK;
  const int before = lsq_threads_enter(1); /* as they run on one thread each */
  for (size_t k = 0; k < run->lanes && status == LSQ_OK; k++)
    if (run->lane[k].restart == 0 && run->restart < run->common.restarts)
      status = lsq_lane_begin(&run->lane[k], run, error);
  lsq_threads_leave(before);
  return status;
}

static void run_lane(const lsq_run *run, lsq_lane *lane, double until) {
  const size_t most = lsq_race_iterations(run);
  while (lane->restart != 0 && lane->status == LSQ_OK && lane->stop == LSQ_RUNNING &&
         lane->iterations <= most) {
    lsq_progress progress;
    lane->status = lsq_lane_step(lane, run, until, &progress, &lane->error);
    const double now = lsq_clock_seconds();
    if (lane->status == LSQ_OK && progress.iteration_done &&
        lane->iterations <= lane->history_limit)
      lane->history[lane->iterations - 1] = (lsq_told){progress, now - run->started};
    if (now >= until)
      return;
  }
}

/* A lane whose training is over, NULL while there is none. */
static lsq_lane *ended_lane(const lsq_run *run) {
  for (size_t k = 0; k < run->lanes; k++)
    if (run->lane[k].restart != 0 && run->lane[k].stop != LSQ_RUNNING)
      return &run->lane[k];
  return NULL;
}

static bool is_idle(const lsq_run *run) {
  for (size_t k = 0; k < run->lanes; k++)
    if (run->lane[k].restart != 0)
      return false;
  return run->restart == run->common.restarts;
}

lsq_status lsq_beside_advance(lsq_run *run, double until, lsq_event *event, lsq_error *error) {
  lsq_lane *ended = ended_lane(run);
  if (ended != NULL) {
    event->kind = LSQ_EVENT_RESTART;
    event->restart = ended->restart;
    event->progress.stop = ended->stop;
    lsq_beside_close_lane(run, ended);
    return LSQ_OK;
  }
  if (run->stop != LSQ_RUNNING || is_idle(run)) {
    lsq_beside_close(run);
    run->phase = LSQ_RUN_TELL;
    return LSQ_OK;
  }
  if (lsq_race_ends_round(run)) {
    lsq_race_halve(run);
    return LSQ_OK;
  }
  lsq_status status = begin_lanes(run, error);
  const double now = lsq_clock_seconds();
  const double soon = until < now + MOST_SECONDS ? until : now + MOST_SECONDS;
#pragma omp parallel for schedule(dynamic, 1) num_threads(run->threads)
  for (size_t k = 0; k < run->lanes; k++)
    run_lane(run, &run->lane[k], soon);
  for (size_t k = 0; k < run->lanes && status == LSQ_OK; k++)
    if (run->lane[k].restart != 0 && run->lane[k].status != LSQ_OK) {
      *error = run->lane[k].error;
      status = run->lane[k].status;
    }
  if (run->stop == LSQ_RUNNING && lsq_clock_seconds() - run->started >= run->common.time_limit)
    run->stop = LSQ_STOPPED_TIME;
  return status;
}

/* A training that has not told of anything is no candidate, unless there is no other. */
void lsq_beside_close(lsq_run *run) {
  for (size_t k = 0; k < run->lanes; k++) {
    lsq_lane *lane = &run->lane[k];
    if (lane->restart != 0 && lane->iterations > 0)
      lsq_beside_close_lane(run, lane);
  }
  for (size_t k = 0; k < run->lanes && run->best.restart == 0; k++)
    if (run->lane[k].restart != 0)
      lsq_beside_close_lane(run, &run->lane[k]);
}

void lsq_beside_tell(lsq_run *run, lsq_event *event) {
  event->restart = run->best.restart;
  if (run->told < run->best_iterations) {
    event->kind = LSQ_EVENT_ITERATION;
    event->progress = run->best_history[run->told].progress;
    event->seconds = run->best_history[run->told].seconds;
    run->told++;
    return;
  }
  event->kind = LSQ_EVENT_RESTART;
  event->progress.stop = run->best.stop;
  event->best = true;
  run->phase = LSQ_RUN_OVER;
}
