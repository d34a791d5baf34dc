/* One call of a trainer: what the files of its driver share. The arguments are read in
   training_arguments.c, iterations are told in training_history.c, schedules and states that
   go on are in training_state.c, and trainers.c runs it all. */
#ifndef LSQ_LUA_TRAINING_H
#define LSQ_LUA_TRAINING_H

#include "lua/support.h"
#include "train/trainer.h"

/* The arguments on the Lua stack; what a training adds comes above them. */
enum { LSQ_TRAINING_NET = 1, LSQ_TRAINING_X, LSQ_TRAINING_Y, LSQ_TRAINING_OPTIONS };

typedef struct {
  int loss; /* -1: the net's own */
  int64_t restarts;
  double time_limit, target_loss;
  int64_t patience; /* 0: none */
  int64_t seed;
  bool verbose;
} lsq_training_options;

/* The options that all trainers take. */
extern const lsq_option lsq_training_option_table[];

typedef struct {
  lua_State *L;
  const lsq_trainer *trainer;
  lsq_problem problem;
  lsq_training_options common;
  lsq_init init;
  void *options, *memory;
  lsq_random random;
  lsq_matrix *validation_x, *validation_y; /* NULL without validation data */
  void *validation_workspace;
  double *validation_best; /* parameters of the lowest validation loss; NULL without patience */
  double lowest_validation;
  int64_t waited;    /* iterations since it was seen */
  lsq_matrix *state; /* to go on from, k x 1; NULL: a fresh start */
  int callback;      /* stack index, 0 without */
  int history, kept; /* stack indices of the history being written and the best one's */
  int kept_state;    /* stack index of the best restart's state, 0 for trainers without */
  double *best;      /* parameters of the best restart; NULL with a single one */
  lsq_result best_result;
  double started;      /* seconds, monotonic */
  const char *stopped; /* why the whole call ends; NULL while it does not */
  const char *ended;   /* why the last restart ended */
  int64_t restart, best_restart;
  bool replaying; /* the best draw of a search: goes on whatever the clock says */
} lsq_training;

/* Trains by the driver: the arguments on the stack as of a trainer, the net among them; pushes
   what the trainer returns to Lua. `model` becomes lsq_problem.model. */
int lsq_lua_train(lua_State *L, const lsq_trainer *trainer, void *model);

/* Reads and checks everything before any work. Misuse raises; data that are not finite give
   LSQ_NON_FINITE. */
lsq_status lsq_training_read(lsq_training *t, lsq_error *error);

/* Tells of a finished iteration: the history, the user's callback, the reasons to stop. */
void lsq_training_record(lsq_training *t, const lsq_progress *progress);

/* Whether somebody wants to be told of every iteration of every restart. */
bool lsq_training_is_watched(const lsq_training *t);

/* Draws the net of the next restart. */
void lsq_training_draw(lsq_training *t);

/* Scores all restarts from t->restart on, until there is a reason to stop, which t->stopped
   gets. True when one is better than the best so far: then the net is its draw, and t->restart
   its number. */
bool lsq_training_search(lsq_training *t);

/* Reads the options `schedule` and `state`. */
void lsq_training_read_state(lsq_training *t);
void lsq_training_read_schedule(lsq_training *t);

/* Pushes what a later call needs to go on where the trainer stands. */
void lsq_training_push_state(const lsq_training *t);

/* Sets a field of the table on top, unless the value is NaN, which stands for absent. */
void lsq_lua_set_number(lua_State *L, const char *name, double value);

#endif
