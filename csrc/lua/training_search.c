/* Restarts side by side: where nobody watches, only their scores are computed first, on all
   cores, and the training of the best draw alone is gone through step by step. */
#include <math.h>

#include "base/clock.h"
#include "base/threads.h"
#include "lua/training.h"

enum { MOST_DRAWS = 256 }; /* scored at a time */

/* What a round of draws takes, about: with a target little is to be computed in vain. */
static const double ROUND_SECONDS = 0.1, TARGET_ROUND_SECONDS = 1e-3;

typedef struct {
  lsq_random generators[MOST_DRAWS];
  double scores[MOST_DRAWS];
} draws;

bool lsq_training_is_watched(const lsq_training *t) {
  return t->callback != 0 || t->common.verbose || t->validation_x != NULL;
}

void lsq_training_draw(lsq_training *t) {
  if (t->trainer->score_draws == NULL) {
    lsq_network_initialise(t->problem.net, &t->init, &t->random);
    return;
  }
  lsq_random own = lsq_random_split(&t->random);
  lsq_network_initialise(t->problem.net, &t->init, &own);
}

/* Scores the next draws, in whose order the target is looked for; true when there are no more. */
static bool take_round(lsq_training *t, draws *round, size_t count, double *lowest,
                       lsq_random *best) {
  for (size_t k = 0; k < count; k++)
    round->generators[k] = lsq_random_split(&t->random);
  int before = lsq_lua_enter(t->L);
  t->trainer->score_draws(t->memory, round->generators, count, round->scores);
  lsq_threads_leave(before);
  for (size_t k = 0; k < count; k++) {
    if (round->scores[k] < *lowest) {
      *lowest = round->scores[k];
      *best = round->generators[k];
      t->best_restart = t->restart + (int64_t)k;
    }
    if (round->scores[k] <= t->common.target_loss) {
      t->stopped = "target";
      return true;
    }
  }
  t->restart += (int64_t)count;
  return t->restart > t->common.restarts;
}

static size_t count_threads(lua_State *L) {
  int before = lsq_lua_enter(L);
  const int threads = lsq_threads();
  lsq_threads_leave(before);
  return (size_t)threads;
}

bool lsq_training_search(lsq_training *t) {
  draws *round = lsq_lua_block(t->L, sizeof *round);
  const int64_t best_before = t->best_restart;
  const double enough = t->common.target_loss > -HUGE_VAL ? TARGET_ROUND_SECONDS : ROUND_SECONDS;
  double lowest = t->best_result.score;
  lsq_random best = t->random;
  size_t count = lsq_size_min(count_threads(t->L), MOST_DRAWS);
  for (bool over = false; !over && t->stopped == NULL;) {
    const double started = lsq_clock_seconds();
    count = lsq_size_min(count, (size_t)(t->common.restarts + 1 - t->restart));
    over = take_round(t, round, count, &lowest, &best);
    lsq_lua_answer_host(t->L);
    const double now = lsq_clock_seconds();
    if (t->stopped == NULL && now - t->started >= t->common.time_limit)
      t->stopped = "time";
    if (now - started < enough / 2)
      count = lsq_size_min(2 * count, MOST_DRAWS);
  }
  if (t->best_restart == best_before)
    return false;
  lsq_network_initialise(t->problem.net, &t->init, &best);
  t->restart = t->best_restart;
  return true;
}
