/* What every trainer looks like from outside: a record of data and functions. The engine
   (train/run) runs it; a trainer knows nothing of restarts, clocks, callbacks or the best so far,
   and never allocates, prints or calls Lua. */
#ifndef LSQ_TRAIN_TRAINER_H
#define LSQ_TRAIN_TRAINER_H

#include "base/option.h"
#include "base/rows.h"
#include "nn/network.h"

/* Something a trainer trains that the net is made of (a triangle network). Its maker extends it. */
typedef struct lsq_model lsq_model;
struct lsq_model {
  void (*draw)(lsq_model *self); /* the next start is to be a fresh draw */
  void (*keep)(lsq_model *self); /* as it stands it is the best so far */
};

typedef struct {
  lsq_random *random;   /* for every draw a trainer makes */
  const lsq_init *init; /* of the nets of fresh draws */
  size_t lanes;         /* draws that are scored at a time, at most; 1: none are */
} lsq_drawing;

typedef struct {
  lsq_network *net;
  lsq_rows rows; /* the training data, finite, at least one row */
  lsq_drawing drawing;
  const double *learning_rates;  /* of each epoch, by the schedule option; NULL without */
  const double *mask;            /* by the mask option: 0 for parameters that stay; NULL: none do */
  const lsq_matrix *connections; /* inputs x hidden units, 0 or 1, by the option; NULL without */
  lsq_model *model;              /* NULL: the net itself is trained */
  double seconds; /* that a training may take, of trainers that plan; HUGE_VAL: any */
} lsq_problem;

typedef enum {
  LSQ_RUNNING,
  LSQ_STOPPED_ITERATIONS,
  LSQ_STOPPED_TOLERANCE,
  LSQ_STOPPED_STALLED,
  LSQ_STOPPED_DIVERGED,
  LSQ_STOPPED_DEGENERATE,
  LSQ_STOPPED_TARGET, /* these three by the engine alone */
  LSQ_STOPPED_TIME,
  LSQ_STOPPED_CALLBACK,
  LSQ_STOPS
} lsq_stop;

/* "iterations", ...; NULL of LSQ_RUNNING. */
extern const char *const lsq_stop_names[LSQ_STOPS];

enum {
  LSQ_MEASURES = 6, /* extra history columns, and extra report fields, a trainer may have */
  LSQ_WARNINGS = 4,
  LSQ_WARNING_SIZE = 192
};

/* What a step tells; it comes with `until` set and the rest zeroed, score and measures NaN. */
typedef struct {
  double until;                  /* the clock at which a step that can be cut gives back control */
  bool iteration_done;           /* an iteration was completed in this step: the rest is valid, and
                                    net->parameters hold that iterate */
  size_t iteration;              /* its number, from 0 */
  double loss;                   /* full training loss of the net at that moment */
  double score;                  /* what iterates and restarts are compared by, lower is better;
                                    NaN: not by this iterate, finish says it */
  double measures[LSQ_MEASURES]; /* in the order of the trainer's measures; NaN: absent */
  lsq_stop stop;                 /* LSQ_RUNNING, or why there is no further step */
  bool midway;                   /* not a net to stop at: its loss is not held against the target */
} lsq_progress;

/* What finish tells. */
typedef struct {
  double loss;                 /* training loss of the net as it is left */
  double score;                /* what restarts are compared by */
  bool keep_last;              /* the last iterate is to be left, not the one of the lowest score */
  double totals[LSQ_MEASURES]; /* in the order of the trainer's totals */
  int warning_count;
  char warnings[LSQ_WARNINGS][LSQ_WARNING_SIZE];
} lsq_result;

/* Which nets a trainer trains; lists of names end with NULL, a NULL list: any. */
typedef struct {
  size_t most_layers; /* with weights; 0: any number. SIZE_MAX is none */
  size_t least_layers;
  const char *const *activations; /* of hidden layers */
  const char *const *output_activations;
  const char *const *losses;
  bool needs_biases; /* in all layers */
  bool takes_skip;   /* direct connections from inputs to outputs are trained too */
} lsq_accepts;

/* What a trainer honours of what not all do. */
typedef enum {
  LSQ_TAKES_MASK = 1 << 0,
  LSQ_TAKES_STATE = 1 << 1,
  LSQ_TAKES_STREAM = 1 << 2,
  LSQ_TAKES_WEIGHTS = 1 << 3,
  LSQ_TAKES_INIT = 1 << 4,     /* restarts draw a net by its scheme */
  LSQ_TAKES_SCHEDULE = 1 << 5, /* learning rates by epoch */
  LSQ_TAKES_CONNECTIONS = 1 << 6,
  LSQ_TAKES_LOSS = 1 << 7, /* the option `loss` */
  LSQ_NEEDS_SCALE = 1 << 8 /* columns of mean 0 and deviation 1, about: it warns of others */
} lsq_takes;

typedef enum {
  LSQ_TRAININGS, /* each restart is a run of iterations */
  LSQ_DRAWS,     /* the scores of many starts are computed at once, the best is then trained */
  LSQ_SINGLE     /* a restart would lead to the same net */
} lsq_restart_kind;

/* Of trainers that can go on later: what they remember beside the parameters, as doubles, the
   first of them the iterations done. A state is restored after start. */
typedef struct {
  size_t (*size)(const lsq_problem *problem, const void *options);
  void (*save)(const void *self, double *state);
  void (*restore)(void *self, const double *state);
} lsq_state_hooks;

/* Of LSQ_DRAWS. Each draw has a generator of its own, from which problem->drawing.init draws its
   net. */
typedef struct {
  /* Once, before the first start: what all starts share. May be NULL. */
  lsq_status (*prepare)(void *self, lsq_error *error);
  /* The score each training would end with, infinite where it diverges. Must not depend on the
     number of threads. */
  void (*score)(void *self, const lsq_random *generators, size_t count, double *scores);
  bool tells_each; /* a draw is an iteration: its score is its loss, and is in the history */
} lsq_draw_hooks;

typedef struct lsq_trainer {
  const char *name;
  const char *text;          /* one line */
  const lsq_option *options; /* its own; the common ones are added by the glue */
  size_t options_size;
  const char *const *measures; /* names of the extra history columns, NULL after the last */
  const char *const *totals;   /* names of the extra report fields, NULL after the last */
  lsq_restart_kind restarts;
  lsq_accepts accepts;
  unsigned takes; /* lsq_takes */

  /* LSQ_MISUSE for what the declarations cannot say: options that do not go together, or with the
     net. May be NULL. */
  lsq_status (*check)(const lsq_problem *problem, const void *options, lsq_error *error);

  /* Takes the trainer's own struct from the arena, first of all, and everything else behind it,
     and sets it to its beginning; problem and options stay valid. Measures with a measuring
     arena. */
  void (*place)(lsq_arena *arena, const lsq_problem *problem, const void *options);

  /* From problem->net as it stands. Follows a place over the same memory; of LSQ_DRAWS there is
     one place and one prepare for all starts. */
  lsq_status (*start)(void *self, lsq_error *error);

  /* One iteration or less: at most about 0.1 s where it can be cut, and less where `until` says
     so. How it is cut changes no result. */
  lsq_status (*step)(void *self, lsq_progress *progress, lsq_error *error);

  /* After the last step, which may be any: totals, warnings, and keep_last, by which the engine
     chooses among the iterates' nets; or the net as the trainer means to leave it, with its loss
     and score. The result comes zeroed, loss and score NaN. */
  void (*finish)(void *self, lsq_result *result);

  const lsq_state_hooks *state; /* NULL: LSQ_TAKES_STATE is not set */
  const lsq_draw_hooks *draws;  /* NULL unless LSQ_DRAWS */
} lsq_trainer;

/* Adds a warning to the report, as long as there is room. */
__attribute__((format(printf, 2, 3))) void lsq_warn(lsq_result *result, const char *format, ...);

/* The struct of a trainer over the arena; `measured` stands for it while measuring. */
static inline void *lsq_arena_self(lsq_arena *arena, size_t size, void *measured) {
  void *self = lsq_arena_take(arena, 1, size);
  return self == NULL ? measured : self;
}

/* Their records are called lsq_NAME, each in the file of its trainer, which nobody else includes;
   this is the order in which they are listed. */
#define LSQ_TRAINERS(each)                                                                         \
  each(anmin) each(linstorch) each(random_search) each(elm) each(spread_net) each(knot_search)     \
      each(ills) each(triangle_trainer) each(sgd) each(adam) each(adagrad) each(lbfgs)             \
          each(gauss_newton) each(coordinate_descent) each(varpro)

#define LSQ_DECLARE_TRAINER(name) extern const lsq_trainer lsq_##name;
LSQ_TRAINERS(LSQ_DECLARE_TRAINER)

/* All of them, NULL after the last. */
extern const lsq_trainer *const lsq_trainers[];

/* NULL where none is. */
const lsq_trainer *lsq_trainer_named(const char *name);

/* Iterations that a training may have, the start included, by its option `iterations` or `epochs`;
   0 where it has neither, or where that is 0 and other reasons end it. */
size_t lsq_trainer_iterations(const lsq_trainer *trainer, const void *options);

/* LSQ_MISUSE, with a sentence that begins with the trainer's name, for a net it does not train. */
lsq_status lsq_trainer_accepts(const lsq_trainer *trainer, const lsq_network *net,
                               lsq_error *error);

#endif
