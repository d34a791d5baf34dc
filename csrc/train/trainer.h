/* What every trainer looks like from outside. The glue checks the options by the table,
   allocates size() bytes, and runs start, step, step, ..., finish; between two steps it
   answers the host, looks at the clock and calls the user back. A trainer never allocates,
   prints or calls Lua. */
#ifndef LSQ_TRAIN_TRAINER_H
#define LSQ_TRAIN_TRAINER_H

#include "base/option.h"
#include "base/rows.h"
#include "nn/network.h"

typedef struct lsq_trainer lsq_trainer;

typedef struct {
  const lsq_trainer *trainer;
  lsq_network *net;
  lsq_rows rows;                 /* the training data, finite, at least one row */
  lsq_random *random;            /* for every draw a trainer makes */
  const lsq_matrix *connections; /* inputs x hidden units, 0 or 1, by the option; NULL without */
  size_t restarts;               /* asked for; 1 where runs_restarts is not to run them */
  size_t restart;                /* from 1: the start as given, then fresh draws */
  const lsq_init *init;          /* of the fresh draws of restarts */
  const double *learning_rates;  /* of each epoch, by the schedule option; NULL without */
  const double *mask;            /* by the mask option: 0 for parameters that stay; NULL: none do */
  void *model;                   /* of trainers that train something the net is made of */
} lsq_problem;

typedef enum {
  LSQ_RUNNING,
  LSQ_STOPPED_ITERATIONS,
  LSQ_STOPPED_TOLERANCE,
  LSQ_STOPPED_DIVERGED,
  LSQ_STOPPED_DEGENERATE
} lsq_stop;

enum {
  LSQ_MEASURES = 6, /* extra history columns, and extra report fields, a trainer may have */
  LSQ_WARNINGS = 4,
  LSQ_WARNING_SIZE = 192
};

/* What a step tells. */
typedef struct {
  bool iteration_done;           /* an iteration was completed in this step: the rest is valid, and
                                    net->parameters hold that iterate */
  size_t iteration;              /* its number, from 0 */
  double loss;                   /* full training loss of the net at that moment */
  double measures[LSQ_MEASURES]; /* in the order of the trainer's measures; NaN: absent */
  lsq_stop stop;                 /* LSQ_RUNNING, or why there is no further step */
  bool midway;                   /* not a net to stop at: its loss is not held against the target */
} lsq_progress;

/* What finish tells. */
typedef struct {
  double loss;  /* training loss of the net as it is left; infinite when no iterate is finite */
  double score; /* what restarts are compared by, lower is better */
  double totals[LSQ_MEASURES]; /* in the order of the trainer's totals */
  size_t restart;              /* of a trainer that makes its restarts itself: the best, from 1 */
  int warning_count;
  char warnings[LSQ_WARNINGS][LSQ_WARNING_SIZE];
} lsq_result;

struct lsq_trainer {
  const char *name;
  const char *text; /* one line */
  size_t options_size;
  const lsq_option *options;    /* its own; the common ones are added by the glue */
  const char *const *measures;  /* names of the extra history columns, NULL after the last */
  const char *const *totals;    /* names of the extra report fields, NULL after the last */
  bool takes_source;            /* whether problem->rows.source may be set */
  const void *rule;             /* what trainers that share their functions differ by */
  bool restarts_are_iterations; /* it makes the restarts itself, each one an iteration */

  /* Whether the report gets `trace`, the losses of the history without the first. May be NULL. */
  bool (*traces)(const void *options);

  /* LSQ_MISUSE for options that do not go together. May be NULL. */
  lsq_status (*check_options)(const void *options, lsq_error *error);

  /* LSQ_MISUSE for a net of the wrong kind. May be NULL. */
  lsq_status (*check)(const lsq_problem *problem, const void *options, lsq_error *error);

  /* Whether the trainer runs problem->restarts trainings itself and tells of the best when all
     are over. It is asked only where nobody wants to hear of the others in between. NULL: no. */
  bool (*runs_restarts)(const void *options);

  /* Bytes of `self`, which is aligned to LSQ_ALIGNMENT; SIZE_MAX when too large. */
  size_t (*size)(const lsq_problem *problem, const void *options);

  /* Once, before the first start: works out what all restarts share. May be NULL. */
  lsq_status (*prepare)(void *self, const lsq_problem *problem, const void *options,
                        lsq_error *error);

  /* problem and options stay valid until finish. */
  lsq_status (*start)(void *self, const lsq_problem *problem, const void *options,
                      lsq_error *error);

  /* One iteration or less, at most about 0.2 s where it can be cut. On failure the net holds
     its last complete iterate. */
  lsq_status (*step)(void *self, lsq_progress *progress, lsq_error *error);

  /* Leaves the net as the options ask (best or last), or at its current iterate where the
     caller wants that one. May be called after any step. The result comes zeroed. */
  void (*finish)(void *self, bool keep_current, lsq_result *result);

  /* For trainers of a model: this restart is the best so far. May be NULL. */
  void (*keep)(void *self);

  bool takes_mask; /* whether it honours problem->mask */

  /* For trainers whose restarts are worth running side by side: the score that each training
     would end with whose net is drawn from a generator, infinite where it diverges. The result
     must not depend on the number of threads. May be NULL; needs `prepare`, whose work it goes
     on from. Each of their draws has a generator of its own, split off problem->random. */
  void (*score_draws)(void *self, const lsq_random *generators, size_t count, double *scores);

  /* For trainers that take a schedule: how many learning rates it has to give. */
  size_t (*epochs)(const void *options);

  /* For trainers that can go on later: what they remember beside the parameters, as doubles,
     the first of them the iterations done. A state is restored after start. */
  size_t (*state_size)(const lsq_problem *problem, const void *options);
  void (*save_state)(const void *self, double *state);
  void (*restore_state)(void *self, const double *state);
};

/* Adds a warning to the report, as long as there is room. */
__attribute__((format(printf, 2, 3))) void lsq_warn(lsq_result *result, const char *format, ...);

/* All trainers, NULL after the last. */
extern const lsq_trainer *const lsq_trainers[];

#endif
