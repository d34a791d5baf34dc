#include "train/run/run.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/threads.h"
#include "nn/forward.h"
#include "train/run/beside.h"
#include "train/run/lane.h"
#include "train/run/scale.h"
#include "train/run/search.h"

static bool searches(const lsq_run *run) {
  return run->trainer->draws != NULL && run->common.restarts > 1 && !run->common.watched;
}

static void place_lanes(lsq_run *run, lsq_arena *arena) {
  const bool beside = run->lanes > 1;
  run->lane = lsq_arena_take(arena, run->lanes, sizeof *run->lane);
  const int before = lsq_threads_enter(beside ? 1 : run->threads);
  for (size_t k = 0; k < run->lanes; k++) {
    lsq_lane measured;
    lsq_lane_place(run->lane == NULL ? &measured : &run->lane[k], arena, run, beside);
  }
  lsq_threads_leave(before);
  if (beside)
    run->best_history = lsq_arena_take(arena, lsq_trainer_iterations(run->trainer, run->options),
                                       sizeof *run->best_history);
}

static size_t state_size(const lsq_run *run) {
  const lsq_state_hooks *state = run->trainer->state;
  return state == NULL ? 0 : state->size(&run->problem, run->options);
}

void lsq_run_place(lsq_run *run, lsq_arena *arena, const lsq_trainer *trainer,
                   const lsq_problem *problem, const void *options, const lsq_run_options *common) {
  const lsq_rows *validation = &common->validation;
  *run = (lsq_run){.trainer = trainer, .problem = *problem, .options = options, .common = *common};
  const int before = lsq_threads_enter(common->threads);
  run->threads = lsq_threads();
  run->problem.seconds = common->time_limit / (double)common->restarts;
  run->problem.drawing.lanes = searches(run) ? (size_t)run->threads : 1;
  run->lanes = lsq_beside_lanes(run);
  place_lanes(run, arena);
  run->best.parameters = lsq_arena_doubles(arena, problem->net->parameter_count);
  run->best.state = lsq_arena_doubles(arena, state_size(run));
  if (searches(run))
    lsq_search_place(run, arena);
  if (validation->x != NULL)
    run->validation_work = lsq_forward_take(arena, problem->net, validation, (size_t)run->threads);
  lsq_scale_place(run, arena);
  run->loss_work = lsq_forward_take(arena, problem->net, &problem->rows, (size_t)run->threads);
  lsq_threads_leave(before);
}

void lsq_run_start(lsq_run *run) {
  lsq_random copy = run->common.random;
  run->draws = lsq_random_split(&copy);
  run->started = lsq_clock_seconds();
  for (size_t k = 0; k < run->lanes; k++)
    run->lane[k].restart = 0;
}

static lsq_status prepare_draws(lsq_run *run, lsq_error *error) {
  lsq_arena arena = lsq_arena_over(run->lane->memory);
  run->lane->problem.drawing.random = &run->lane->random;
  run->trainer->place(&arena, &run->lane->problem, run->options);
  if (run->trainer->draws->prepare == NULL)
    return LSQ_OK;
  return run->trainer->draws->prepare(run->lane->memory, error);
}

/* A start that fails by what a callback made of the data: what there is stays the best. */
static void drop(lsq_run *run, lsq_event *event) {
  event->kind = LSQ_EVENT_RESTART;
  event->restart = run->lane->restart;
  event->progress.stop = LSQ_STOPPED_DIVERGED;
  run->lane->restart = 0;
  run->phase = LSQ_RUN_BEGIN;
}

static lsq_status begin(lsq_run *run, lsq_event *event, lsq_error *error) {
  lsq_status status = LSQ_OK;
  if (run->stop != LSQ_RUNNING || (run->restart > 0 && run->restart == run->common.restarts)) {
    run->phase = LSQ_RUN_OVER;
    return LSQ_OK;
  }
  if (run->lanes > 1) {
    run->phase = LSQ_RUN_BESIDE;
    return LSQ_OK;
  }
  if (run->restart == 0 && run->trainer->draws != NULL)
    status = prepare_draws(run, error);
  if (status != LSQ_OK)
    return status;
  if (run->restart > 0 && searches(run)) {
    lsq_search_begin(run);
    return LSQ_OK;
  }
  run->phase = LSQ_RUN_STEP;
  status = lsq_lane_begin(run->lane, run, error);
  if (status != LSQ_NON_FINITE || run->best.restart == 0)
    return status;
  drop(run, event);
  return LSQ_OK;
}

static double validation_loss(const lsq_run *run) {
  const lsq_network *net = run->problem.net;
  const lsq_rows *validation = &run->common.validation;
  if (validation->x == NULL)
    return NAN;
  return lsq_network_loss(net, validation, run->validation_work);
}

/* Early stopping of this training: remembers the net of the lowest validation loss. */
static void judge_validation(const lsq_run *run, lsq_lane *lane, double loss) {
  const lsq_network *net = run->problem.net;
  if (lane->validated == NULL)
    return;
  if (loss < lane->validation_loss) {
    lane->validation_loss = loss;
    lane->waited = 0;
    memcpy(lane->validated, net->parameters, net->parameter_count * sizeof(double));
  } else if (++lane->waited >= run->common.patience && lane->stop == LSQ_RUNNING)
    lane->stop = LSQ_STOPPED_TOLERANCE;
}

static void tell_iteration(lsq_run *run, const lsq_progress *progress, lsq_event *event) {
  const bool is_draw = run->trainer->draws != NULL && run->trainer->draws->tells_each;
  event->kind = LSQ_EVENT_ITERATION;
  event->progress = *progress;
  if (is_draw)
    event->progress.iteration = run->lane->restart - 1;
  event->validation_loss = validation_loss(run);
  judge_validation(run, run->lane, event->validation_loss);
  if (progress->midway || progress->loss > run->common.target_loss)
    return;
  run->stop = LSQ_STOPPED_TARGET;
  if (run->lane->stop == LSQ_RUNNING)
    run->lane->stop = LSQ_STOPPED_TARGET;
}

static lsq_status step(lsq_run *run, double until, lsq_event *event, lsq_error *error) {
  lsq_lane *lane = run->lane;
  lsq_progress progress;
  const lsq_status status = lsq_lane_step(lane, run, until, &progress, error);
  if (status != LSQ_OK)
    return status;
  event->restart = lane->restart;
  const double now = lsq_clock_seconds();
  if (progress.iteration_done)
    tell_iteration(run, &progress, event);
  if (run->stop == LSQ_RUNNING && lane->stop == LSQ_RUNNING && !run->replaying &&
      now - run->started >= run->common.time_limit)
    run->stop = LSQ_STOPPED_TIME;
  if (lane->stop != LSQ_RUNNING || (run->stop != LSQ_RUNNING && !run->replaying))
    run->phase = LSQ_RUN_CLOSE;
  return LSQ_OK;
}

/* A replayed draw is the last; what ended the search ended the run. */
static void close(lsq_run *run, lsq_event *event) {
  lsq_lane *lane = run->lane;
  if (lane->stop == LSQ_RUNNING)
    lane->stop = run->stop;
  event->kind = LSQ_EVENT_RESTART;
  event->restart = lane->restart;
  event->progress.stop = lane->stop;
  event->best = lsq_lane_close(lane, run);
  lane->restart = 0;
  run->phase = run->replaying ? LSQ_RUN_OVER : LSQ_RUN_BEGIN;
}

static void end(lsq_run *run, lsq_event *event) {
  lsq_run_finish(run);
  event->kind = LSQ_EVENT_END;
  event->restart = run->best.restart;
  event->progress.stop = run->ended;
}

static lsq_status advance(lsq_run *run, double until, lsq_event *event, lsq_error *error) {
  switch (run->phase) {
  case LSQ_RUN_BEGIN:
    return begin(run, event, error);
  case LSQ_RUN_STEP:
    return step(run, until, event, error);
  case LSQ_RUN_CLOSE:
    close(run, event);
    return LSQ_OK;
  case LSQ_RUN_BESIDE:
    return lsq_beside_advance(run, until, event, error);
  case LSQ_RUN_TELL:
    lsq_beside_tell(run, event);
    return LSQ_OK;
  case LSQ_RUN_SEARCH:
    return lsq_search_advance(run, until, error);
  case LSQ_RUN_SCORED:
    lsq_search_tell(run, event);
    return LSQ_OK;
  case LSQ_RUN_OVER:
    end(run, event);
    return LSQ_OK;
  }
  return LSQ_OK;
}

lsq_status lsq_run_advance(lsq_run *run, double seconds, lsq_event *event, lsq_error *error) {
  const double began = lsq_clock_seconds(), until = began + seconds;
  const int before = lsq_threads_enter(run->threads);
  lsq_status status;
  *event = (lsq_event){.validation_loss = NAN, .seconds = NAN};
  do
    status = advance(run, until, event, error);
  while (status == LSQ_OK && event->kind == LSQ_EVENT_NONE && lsq_clock_seconds() < until);
  if (isnan(event->seconds))
    event->seconds = lsq_clock_seconds() - run->started;
  if (status != LSQ_OK)
    run->phase = LSQ_RUN_OVER;
  lsq_threads_leave(before);
  return status;
}

void lsq_run_stop(lsq_run *run, lsq_stop why) {
  if (run->stop == LSQ_RUNNING)
    run->stop = why;
  if (run->phase == LSQ_RUN_STEP)
    run->phase = LSQ_RUN_CLOSE;
}

void lsq_run_finish(lsq_run *run) {
  const lsq_network *net = run->problem.net;
  lsq_event event;
  if (run->ended != LSQ_RUNNING)
    return;
  if (run->phase != LSQ_RUN_OVER)
    lsq_run_stop(run, LSQ_STOPPED_CALLBACK);
  const int before = lsq_threads_enter(run->threads);
  if (run->phase == LSQ_RUN_CLOSE)
    close(run, &event);
  if (run->phase == LSQ_RUN_BESIDE)
    lsq_beside_close(run);
  if (run->best.restart > 0)
    memcpy(net->parameters, run->best.parameters, net->parameter_count * sizeof(double));
  else
    run->best.result.loss = lsq_network_loss(net, &run->problem.rows, run->loss_work);
  lsq_scale_warn(run, &run->best.result);
  lsq_threads_leave(before);
  run->phase = LSQ_RUN_OVER;
  run->ended = run->stop != LSQ_RUNNING ? run->stop : run->best.stop;
}
