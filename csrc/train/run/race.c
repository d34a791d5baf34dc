#include "train/run/race.h"

#include <math.h>

#include "train/run/beside.h"
#include "train/run/lane.h"

lsq_status lsq_race_check(const lsq_trainer *trainer, const void *options,
                          const lsq_run_options *common, lsq_error *error) {
  const size_t history = lsq_trainer_iterations(trainer, options);
  if (!common->racing)
    return LSQ_OK;
  if (trainer->restarts != LSQ_TRAININGS || (trainer->takes & LSQ_TAKES_INIT) == 0 || history == 0)
    return lsq_fail(error, LSQ_MISUSE, "option 'racing': restarts of %s are no race",
                    trainer->name);
  if (history > LSQ_BESIDE_HISTORY)
    return lsq_fail(error, LSQ_MISUSE, "option 'racing': at most %d iterations expected",
                    LSQ_BESIDE_HISTORY - 1);
  if (common->validation.x != NULL)
    return lsq_fail(
        error, LSQ_MISUSE,
        "options 'racing' and 'validation' exclude each other: a race is decided by the "
        "training loss");
  return LSQ_OK;
}

/* Rounds until one is left: ceil(log2 restarts), and the last. */
static size_t count_rounds(const lsq_run *run) {
  size_t rounds = 1;
  while ((size_t)1 << (rounds - 1) < run->common.restarts)
    rounds++;
  return rounds;
}

size_t lsq_race_iterations(const lsq_run *run) {
  if (!run->common.racing)
    return SIZE_MAX;
  const size_t whole = lsq_trainer_iterations(run->trainer, run->options) - 1;
  const size_t left = count_rounds(run) - 1 - run->round;
  return left == 0 ? SIZE_MAX : lsq_size_max(1, whole >> left);
}

static bool goes_on(const lsq_lane *lane) {
  return lane->restart != 0 && lane->stop == LSQ_RUNNING;
}

bool lsq_race_ends_round(const lsq_run *run) {
  const size_t most = lsq_race_iterations(run);
  if (most == SIZE_MAX || run->restart < run->common.restarts)
    return false;
  for (size_t k = 0; k < run->lanes; k++)
    if (goes_on(&run->lane[k]) && run->lane[k].iterations <= most)
      return false;
  return true;
}

/* The lowest so far; of trainers whose iterates have no score, the loss of the last. */
static double score_of(const lsq_lane *lane) {
  return isnan(lane->last_score) ? lane->last_loss : lane->lowest_score;
}

/* The training that has come to the highest score of those that go on, the latest of equals. */
static lsq_lane *find_worst(const lsq_run *run, size_t *count) {
  lsq_lane *worst = NULL;
  *count = 0;
  for (size_t k = 0; k < run->lanes; k++) {
    lsq_lane *lane = &run->lane[k];
    if (!goes_on(lane))
      continue;
    ++*count;
    if (worst == NULL || !(score_of(lane) < score_of(worst)))
      worst = lane;
  }
  return worst;
}

void lsq_race_halve(lsq_run *run) {
  const size_t left = count_rounds(run) - 1 - ++run->round;
  const size_t most = lsq_size_min((size_t)1 << left, run->common.restarts);
  size_t count;
  for (lsq_lane *worst = find_worst(run, &count); count > most; worst = find_worst(run, &count))
    lsq_beside_close_lane(run, worst);
}
