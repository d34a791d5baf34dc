/* Minibatch gradient descent: the loop that sgd, adam and adagrad share. */
#ifndef LSQ_TRAIN_DESCENT_H
#define LSQ_TRAIN_DESCENT_H

#include "train/trainer.h"

/* The head of the options of each of the three. */
typedef struct {
  int64_t epochs, batch_size;
  double learning_rate, weight_decay;
  bool shuffle;
} lsq_descent_options;

/* Declares the options of that head; `rate` is the default learning rate. */
#define LSQ_DESCENT_OPTIONS(rate)                                                                  \
  {.name = "epochs",                                                                               \
   .type = LSQ_OPTION_INTEGER,                                                                     \
   .offset = offsetof(lsq_descent_options, epochs),                                                \
   .standard = 300,                                                                                \
   .minimum = 0,                                                                                   \
   .maximum = 1e9,                                                                                 \
   .text = "passes over the training data"},                                                       \
      {.name = "batch_size",                                                                       \
       .type = LSQ_OPTION_INTEGER,                                                                 \
       .offset = offsetof(lsq_descent_options, batch_size),                                        \
       .standard = 256,                                                                            \
       .minimum = 1,                                                                               \
       .maximum = 1e15,                                                                            \
       .text = "rows of a step; the last batch of an epoch may have fewer"},                       \
      {.name = "learning_rate",                                                                    \
       .type = LSQ_OPTION_NUMBER,                                                                  \
       .offset = offsetof(lsq_descent_options, learning_rate),                                     \
       .standard = rate,                                                                           \
       .minimum = 0,                                                                               \
       .maximum = HUGE_VAL,                                                                        \
       .text = "step size"},                                                                       \
      {.name = "weight_decay",                                                                     \
       .type = LSQ_OPTION_NUMBER,                                                                  \
       .offset = offsetof(lsq_descent_options, weight_decay),                                      \
       .standard = 0,                                                                              \
       .minimum = 0,                                                                               \
       .maximum = HUGE_VAL,                                                                        \
       .text =                                                                                     \
           "adds this times the parameters, biases too, to the gradient: half of it is a lambda"}, \
      {.name = "shuffle",                                                                          \
       .type = LSQ_OPTION_BOOLEAN,                                                                 \
       .offset = offsetof(lsq_descent_options, shuffle),                                           \
       .standard = 1,                                                                              \
       .text = "draw a new order of the rows for every epoch"},                                    \
  {                                                                                                \
    .name = "schedule", .type = LSQ_OPTION_VALUE,                                                  \
    .text = "learning rate by epoch: {every=, factor=}, a list of {epoch, learning_rate}, or a "   \
            "function(epoch) returning it"                                                         \
  }

/* One update of `count` parameters by the gradient of a batch. */
typedef struct {
  double *parameters, *gradient; /* the gradient may be overwritten */
  double *moments;               /* rule->moments vectors of `count`, zero before step 1 */
  size_t count;
  double step; /* 1 for the first since the moments were zero */
  double learning_rate, weight_decay;
} lsq_descent_update;

typedef struct {
  size_t moments; /* vectors of state beside the parameters */
  void (*update)(const lsq_descent_update *update, const void *options);
} lsq_descent_rule;

/* One update by Adam with its standard decays (0.9, 0.999) and epsilon (1e-8), for trainers that
   begin with some. */
void lsq_adam_update(const lsq_descent_update *update);

/* The hooks of trainers whose options begin with an lsq_descent_options. */
void lsq_descent_place(lsq_arena *arena, const lsq_problem *problem, const void *options,
                       const lsq_descent_rule *rule);
lsq_status lsq_descent_start(void *self, lsq_error *error);
lsq_status lsq_descent_step(void *self, lsq_progress *progress, lsq_error *error);
void lsq_descent_finish(void *self, lsq_result *result);

size_t lsq_descent_state_size(const lsq_problem *problem, const lsq_descent_rule *rule);
void lsq_descent_save_state(const void *self, double *state);
void lsq_descent_restore_state(void *self, const double *state);

#endif
