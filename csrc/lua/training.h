/* A training in Lua: a userdata around an lsq_run that keeps everything alive the run works on.
   The arguments are read in training_arguments.c, schedules and states that go on in
   training_state.c; events become tables, callbacks and the report in training_report.c;
   training.c runs it, in one call or piece by piece. */
#ifndef LSQ_LUA_TRAINING_H
#define LSQ_LUA_TRAINING_H

#include "lua/support.h"
#include "train/run/run.h"

/* The arguments on the Lua stack; what reading them adds comes above. */
enum { LSQ_TRAINING_NET = 1, LSQ_TRAINING_X, LSQ_TRAINING_Y, LSQ_TRAINING_OPTIONS };

typedef struct {
  int loss; /* -1: the net's own */
  int64_t restarts;
  double time_limit, target_loss;
  int64_t patience; /* 0: none */
  int64_t seed;
  bool verbose, racing;
} lsq_training_options;

/* The options common to trainers, each of which may take fewer. */
extern const lsq_option lsq_training_option_table[];

/* Whether the trainer takes that one of them. */
bool lsq_training_takes(const lsq_trainer *trainer, const lsq_option *common);

typedef struct {
  lua_State *L; /* of the present call */
  const lsq_trainer *trainer;
  lsq_problem problem;
  lsq_training_options common;
  lsq_run_options run_options;
  lsq_init init;
  void *options;
  lsq_matrix *state; /* to go on from, k x 1; NULL: a fresh start */
  int callback;      /* its place among the values kept; 0 without */
  lsq_run run;
} lsq_training;

/* Pushes a training that has computed nothing yet, by the arguments on the stack as of a trainer,
   the net among them, and returns it; NULL, and error set, for data that are not finite. Misuse
   raises. `model` becomes lsq_problem.model; it has to be among the values on the stack. */
lsq_training *lsq_training_start(lua_State *L, const lsq_trainer *trainer, lsq_model *model,
                                 lsq_error *error);

/* Trains in one call: pushes what a trainer returns to Lua. */
int lsq_lua_train(lua_State *L, const lsq_trainer *trainer, lsq_model *model);

/* Reads and checks everything before any work. */
lsq_status lsq_training_read(lsq_training *t, lsq_error *error);

/* Reads the options `schedule` and `state`. */
void lsq_training_read_state(lsq_training *t);
void lsq_training_read_schedule(lsq_training *t);

/* Pushes what a later call needs to go on where the best training stands, nil where there is no
   such thing. */
void lsq_training_push_state(const lsq_training *t);

/* The values kept of a training: those on the stack when it was started, in their places, and
   these fields. */
#define LSQ_TRAINING_HISTORY "history" /* of the restart being run */
#define LSQ_TRAINING_KEPT "kept"       /* of the best */

/* Takes an event of the run into the history, tells the user of it, and obeys the answer. kept is
   the index of the values kept. */
void lsq_training_tell(lsq_training *t, const lsq_event *event, int kept);

/* Pushes the event as a table of its own. */
void lsq_training_push_event(const lsq_training *t, const lsq_event *event, int kept);

void lsq_training_push_report(const lsq_training *t, int kept);

/* Sets a field of the table on top, unless the value is NaN, which stands for absent. */
void lsq_lua_set_number(lua_State *L, const char *name, double value);

#endif
