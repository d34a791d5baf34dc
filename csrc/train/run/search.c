#include "train/run/search.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "train/run/lane.h"

enum { MOST_DRAWS = 256 }; /* scored at a time */

/* What a round may take: with a target little is to be computed in vain. */
static const double ROUND_SECONDS = 0.1, TARGET_ROUND_SECONDS = 1e-3;

struct lsq_search {
  lsq_random generators[MOST_DRAWS];
  double scores[MOST_DRAWS];
  size_t first;        /* restart of the first draw of the round */
  size_t count, told;  /* draws of the round, and those told of */
  size_t next_count;   /* of the next round */
  double lowest;       /* score of the best draw so far, or of what there was before */
  lsq_random best;     /* its generator */
  size_t best_restart; /* 0: no draw is better than what there was */
};

void lsq_search_place(lsq_run *run, lsq_arena *arena) {
  run->search = lsq_arena_take(arena, 1, sizeof *run->search);
}

void lsq_search_begin(lsq_run *run) {
  lsq_search *search = run->search;
  search->lowest = run->best.result.score;
  search->best_restart = 0;
  search->count = search->told = 0;
  search->next_count = lsq_size_min(run->problem.drawing.lanes, MOST_DRAWS);
  run->phase = LSQ_RUN_SEARCH;
}

/* The best draw is gone through step by step; whatever the clock says, it is what is returned. */
static lsq_status end(lsq_run *run, lsq_error *error) {
  const lsq_search *search = run->search;
  run->phase = LSQ_RUN_OVER;
  if (search->best_restart == 0)
    return LSQ_OK;
  run->replaying = true;
  run->phase = LSQ_RUN_STEP;
  return lsq_lane_begin_draw(run->lane, run, search->best_restart, &search->best, error);
}

/* Scores the next draws. */
static void score_round(lsq_run *run) {
  lsq_search *search = run->search;
  search->first = run->restart + 1;
  search->count = lsq_size_min(search->next_count, run->common.restarts - run->restart);
  search->told = 0;
  for (size_t k = 0; k < search->count; k++)
    search->generators[k] = lsq_random_split(&run->draws);
  run->trainer->draws->score(run->lane->memory, search->generators, search->count, search->scores);
  run->restart += search->count;
}

/* In their order, so that it does not matter how they were dealt to rounds. */
static void compare_round(lsq_run *run) {
  lsq_search *search = run->search;
  for (size_t k = 0; k < search->count && run->stop == LSQ_RUNNING; k++) {
    if (search->scores[k] < search->lowest) {
      search->lowest = search->scores[k];
      search->best = search->generators[k];
      search->best_restart = search->first + k;
    }
    if (search->scores[k] <= run->common.target_loss)
      run->stop = LSQ_STOPPED_TARGET;
  }
}

lsq_status lsq_search_advance(lsq_run *run, double until, lsq_error *error) {
  lsq_search *search = run->search;
  const double began = lsq_clock_seconds();
  const double enough = run->common.target_loss > -HUGE_VAL ? TARGET_ROUND_SECONDS : ROUND_SECONDS;
  if (run->stop != LSQ_RUNNING || run->restart == run->common.restarts) {
    if (!run->trainer->draws->tells_each)
      return end(run, error);
    run->phase = LSQ_RUN_OVER;
    return LSQ_OK;
  }
  score_round(run);
  const double now = lsq_clock_seconds(), room = fmin(enough, fmax(until - began, 0));
  if (now - began < room / 2)
    search->next_count = lsq_size_min(2 * search->count, MOST_DRAWS);
  else if (now - began > room)
    search->next_count = lsq_size_max(search->count / 2, run->problem.drawing.lanes);
  if (run->trainer->draws->tells_each)
    run->phase = LSQ_RUN_SCORED;
  else
    compare_round(run);
  if (run->stop == LSQ_RUNNING && now - run->started >= run->common.time_limit)
    run->stop = LSQ_STOPPED_TIME;
  return LSQ_OK;
}

/* The net becomes the draw, which is all that its training does. */
static void keep(lsq_run *run, size_t k) {
  const lsq_network *net = run->problem.net;
  lsq_random random = run->search->generators[k];
  lsq_network_initialise(run->problem.net, run->problem.drawing.init, &random);
  run->best.restart = run->search->first + k;
  run->best.result.loss = run->best.result.score = run->search->scores[k];
  run->best.random = random;
  memcpy(run->best.parameters, net->parameters, net->parameter_count * sizeof(double));
}

void lsq_search_tell(lsq_run *run, lsq_event *event) {
  lsq_search *search = run->search;
  const size_t k = search->told++;
  event->kind = LSQ_EVENT_ITERATION;
  event->restart = search->first + k;
  event->progress = (lsq_progress){.iteration_done = true,
                                   .iteration = event->restart - 1,
                                   .loss = search->scores[k],
                                   .score = search->scores[k]};
  if (search->scores[k] < run->best.result.score)
    keep(run, k);
  if (search->scores[k] <= run->common.target_loss)
    run->stop = LSQ_STOPPED_TARGET;
  if (search->told == search->count || run->stop == LSQ_STOPPED_TARGET)
    run->phase = LSQ_RUN_SEARCH;
}
