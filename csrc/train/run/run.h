/* A training as an object: the one engine for all trainers. A run owns restarts, what is best so
   far, the reasons to stop, patience, the clock, and the numbers of the history. It is advanced
   until an event, or until the time given is over; how the time is cut changes no result. It
   knows no Lua. */
#ifndef LSQ_TRAIN_RUN_H
#define LSQ_TRAIN_RUN_H

#include "nn/forward.h"
#include "train/trainer.h"

/* What all trainers take. */
typedef struct {
  size_t restarts;
  double time_limit;   /* seconds from lsq_run_start on; HUGE_VAL: none */
  double target_loss;  /* training loss to stop at; -HUGE_VAL: none */
  size_t patience;     /* iterations without a lower validation loss; 0: no early stopping */
  lsq_rows validation; /* x NULL: none */
  const double *state; /* to go on from, as the trainer's state hooks say; NULL: a fresh start */
  lsq_random random;   /* seeded: the first training draws from it, all others from one split off */
  bool racing;         /* restarts by successive halving (race.h) */
  bool watched;        /* iterations are to be told of as they come: restarts run one by one */
  int threads;         /* of this run, whatever the setting becomes; 0: the setting as it is now */
} lsq_run_options;

typedef enum {
  LSQ_EVENT_NONE,      /* the time is over */
  LSQ_EVENT_ITERATION, /* an iteration of restart `restart`: `progress` */
  LSQ_EVENT_RESTART,   /* restart `restart` has ended: `progress.stop` says why */
  LSQ_EVENT_END        /* there is no further one: lsq_run.ended says why */
} lsq_event_kind;

typedef struct {
  lsq_event_kind kind;
  size_t restart; /* from 1: the start as given, then fresh draws */
  lsq_progress progress;
  double seconds;         /* since the start */
  double validation_loss; /* NaN without validation data */
  bool best;              /* of RESTART: it is the best so far */
} lsq_event;

typedef enum {
  LSQ_RUN_BEGIN,  /* the next restart */
  LSQ_RUN_STEP,   /* a training, step by step */
  LSQ_RUN_CLOSE,  /* its end */
  LSQ_RUN_BESIDE, /* trainings side by side, nobody watching */
  LSQ_RUN_TELL,   /* the best of them, iteration by iteration */
  LSQ_RUN_SEARCH, /* scores of draws, many at a time */
  LSQ_RUN_SCORED, /* telling of them, of trainers whose draws are iterations */
  LSQ_RUN_OVER
} lsq_run_phase;

typedef struct lsq_lane lsq_lane;
typedef struct lsq_search lsq_search;
typedef struct lsq_told lsq_told;
typedef struct lsq_scale lsq_scale;

/* What a training left, where it is the best so far. */
typedef struct {
  size_t restart; /* 0: none yet */
  lsq_result result;
  lsq_stop stop;
  lsq_random random; /* as the training left it */
  double *parameters, *state;
} lsq_kept;

typedef struct {
  const lsq_trainer *trainer;
  lsq_problem problem;
  const void *options;
  lsq_run_options common;
  int threads;
  lsq_run_phase phase;
  double started;
  lsq_random draws; /* fresh draws split theirs off, in order */
  size_t restart;   /* being run, or run last */
  lsq_stop stop;    /* why the whole run ends; LSQ_RUNNING while it does not */
  lsq_stop ended;   /* LSQ_RUNNING until the end was told of */
  bool replaying;   /* the best draw of a search: goes on whatever the clock says */
  size_t lanes;     /* more than 1: trainings side by side */
  lsq_lane *lane;
  lsq_kept best;
  lsq_told *best_history;       /* of trainings side by side */
  size_t best_iterations, told; /* in it, and those told of */
  lsq_search *search;
  size_t round; /* of a race */
  lsq_scale *scale;
  lsq_forward_work *validation_work, *loss_work;
} lsq_run;

/* Lays out everything; measured first, then placed, without a call of lsq_threads_* in between.
   problem, and what it points to, has to outlive the run; it is copied. */
void lsq_run_place(lsq_run *run, lsq_arena *arena, const lsq_trainer *trainer,
                   const lsq_problem *problem, const void *options, const lsq_run_options *common);

/* Computes nothing yet. */
void lsq_run_start(lsq_run *run);

/* Goes on until something is to be told, or for about so many seconds: more by at most one
   operation that cannot be cut. After a failure the run is over. */
lsq_status lsq_run_advance(lsq_run *run, double seconds, lsq_event *event, lsq_error *error);

/* The next advance ends the run, for this reason. */
void lsq_run_stop(lsq_run *run, lsq_stop why);

/* Any time, and as often as one likes: ends a run where it stands, and leaves the net as
   promised. run->best says what it is. */
void lsq_run_finish(lsq_run *run);

#endif
