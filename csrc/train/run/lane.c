#include "train/run/lane.h"

#include <math.h>
#include <string.h>

#include "nn/forward.h"

void lsq_lane_place(lsq_lane *lane, lsq_arena *arena, const lsq_run *run, bool beside) {
  const size_t count = run->problem.net->parameter_count;
  lsq_arena measure = lsq_arena_measure();
  *lane = (lsq_lane){.problem = run->problem};
  run->trainer->place(&measure, &run->problem, run->options);
  lane->memory = lsq_arena_take(arena, measure.used, 1);
  lane->last = lsq_arena_doubles(arena, count);
  lane->lowest = lsq_arena_doubles(arena, count);
  if (run->common.patience > 0)
    lane->validated = lsq_arena_doubles(arena, count);
  if (!beside)
    return;
  lsq_network_place_like(&lane->net, arena, run->problem.net);
  lane->history_limit = lsq_trainer_iterations(run->trainer, run->options);
  lane->history = lsq_arena_take(arena, lane->history_limit, sizeof *lane->history);
}

static void point(lsq_lane *lane, const lsq_run *run) {
  lane->problem = run->problem;
  lane->problem.drawing.random = &lane->random;
  if (lane->history != NULL)
    lane->problem.net = &lane->net;
}

/* From lane->problem.net and lane->random as they stand. */
static lsq_status start(lsq_lane *lane, const lsq_run *run, size_t restart, lsq_error *error) {
  const lsq_trainer *trainer = run->trainer;
  lane->restart = restart;
  lane->iterations = lane->waited = 0;
  lane->stop = LSQ_RUNNING;
  lane->status = LSQ_OK;
  lane->last_loss = lane->last_score = NAN;
  lane->lowest_loss = lane->lowest_score = lane->validation_loss = HUGE_VAL;
  if (trainer->draws == NULL) {
    lsq_arena arena = lsq_arena_over(lane->memory);
    trainer->place(&arena, &lane->problem, run->options);
  }
  const lsq_status status = trainer->start(lane->memory, error);
  if (status == LSQ_OK && restart == 1 && run->common.state != NULL)
    trainer->state->restore(lane->memory, run->common.state);
  return status;
}

lsq_status lsq_lane_begin_draw(lsq_lane *lane, lsq_run *run, size_t restart, const lsq_random *draw,
                               lsq_error *error) {
  lane->random = *draw;
  point(lane, run);
  if (run->problem.model != NULL)
    run->problem.model->draw(run->problem.model);
  else
    lsq_network_initialise(lane->problem.net, run->problem.drawing.init, &lane->random);
  return start(lane, run, restart, error);
}

lsq_status lsq_lane_begin(lsq_lane *lane, lsq_run *run, lsq_error *error) {
  const lsq_network *net = run->problem.net;
  if (++run->restart > 1) {
    const lsq_random draw = lsq_random_split(&run->draws);
    return lsq_lane_begin_draw(lane, run, run->restart, &draw, error);
  }
  lane->random = run->common.random;
  point(lane, run);
  if (lane->problem.net != net)
    memcpy(lane->net.parameters, net->parameters, net->parameter_count * sizeof(double));
  return start(lane, run, 1, error);
}

static void remember(lsq_lane *lane, const lsq_progress *progress) {
  const lsq_network *net = lane->problem.net;
  const size_t bytes = net->parameter_count * sizeof(double);
  lane->iterations++;
  lane->last_loss = progress->loss;
  lane->last_score = progress->score;
  if (isnan(progress->score))
    return;
  memcpy(lane->last, net->parameters, bytes);
  if (!(progress->score < lane->lowest_score))
    return;
  lane->lowest_score = progress->score;
  lane->lowest_loss = progress->loss;
  memcpy(lane->lowest, net->parameters, bytes);
}

lsq_status lsq_lane_step(lsq_lane *lane, const lsq_run *run, double until, lsq_progress *progress,
                         lsq_error *error) {
  *progress = (lsq_progress){.until = until, .score = NAN};
  for (int k = 0; k < LSQ_MEASURES; k++)
    progress->measures[k] = NAN;
  const lsq_status status = run->trainer->step(lane->memory, progress, error);
  if (status != LSQ_OK && status != LSQ_NON_FINITE)
    return status;
  if (status == LSQ_NON_FINITE || (progress->iteration_done && !isfinite(progress->loss))) {
    progress->iteration_done = false;
    progress->stop = LSQ_STOPPED_DIVERGED;
  }
  lane->stop = progress->stop;
  if (progress->iteration_done)
    remember(lane, progress);
  return LSQ_OK;
}

/* Of the training data, with the net as it stands; NaN when rows cannot be read any more. */
static double full_loss(const lsq_lane *lane, const lsq_run *run) {
  return lsq_network_loss(lane->problem.net, &run->problem.rows, run->loss_work);
}

/* Of trainers whose iterates have a score and that leave the choice: the lowest, or the last where
   they want that one or the run stops at it. */
static void choose_iterate(lsq_lane *lane, bool at_target, lsq_result *result) {
  const lsq_network *net = lane->problem.net;
  const size_t bytes = net->parameter_count * sizeof(double);
  const bool last = at_target || (result->keep_last && lane->stop != LSQ_STOPPED_DIVERGED);
  memcpy(net->parameters, last ? lane->last : lane->lowest, bytes);
  result->loss = last ? lane->last_loss : lane->lowest_loss;
  result->score = last ? lane->last_score : lane->lowest_score;
}

static void finish(lsq_lane *lane, const lsq_run *run, lsq_result *result) {
  const lsq_network *net = lane->problem.net;
  const bool at_target = run->stop == LSQ_STOPPED_TARGET;
  *result = (lsq_result){.loss = NAN, .score = NAN};
  run->trainer->finish(lane->memory, result);
  if (lane->iterations == 0) /* stopped before its first iterate */
    result->loss = result->score = full_loss(lane, run);
  else if (isnan(result->score) && !isnan(lane->last_score))
    choose_iterate(lane, at_target, result);
  if (lane->validated == NULL || at_target || lane->validation_loss == HUGE_VAL)
    return;
  memcpy(net->parameters, lane->validated, net->parameter_count * sizeof(double));
  result->loss = full_loss(lane, run);
  result->score = lane->validation_loss;
}

/* Lower, or as low and drawn before: which lane ends first is of no account. */
static bool is_better(const lsq_lane *lane, const lsq_result *result, const lsq_kept *best) {
  return best->restart == 0 || result->score < best->result.score ||
         (result->score == best->result.score && lane->restart < best->restart);
}

bool lsq_lane_close(lsq_lane *lane, lsq_run *run) {
  const lsq_network *net = lane->problem.net;
  lsq_kept *best = &run->best;
  lsq_result result;
  finish(lane, run, &result);
  if (!is_better(lane, &result, best))
    return false;
  best->restart = lane->restart;
  best->result = result;
  best->stop = lane->stop;
  best->random = lane->random;
  memcpy(best->parameters, net->parameters, net->parameter_count * sizeof(double));
  if (run->trainer->state != NULL)
    run->trainer->state->save(lane->memory, best->state);
  if (run->problem.model != NULL)
    run->problem.model->keep(run->problem.model);
  return true;
}
