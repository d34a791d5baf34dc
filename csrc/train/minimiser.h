/* L-BFGS (Nocedal 1980) with a strong-Wolfe line search (Nocedal and Wright, Numerical
   Optimization, Algorithms 3.5, 3.6 and 7.4), by reverse communication: the caller evaluates
   the objective wherever the minimiser asks, be it a network's loss or a Lua function. */
#ifndef LSQ_TRAIN_MINIMISER_H
#define LSQ_TRAIN_MINIMISER_H

#include <math.h>

#include "base/arena.h"
#include "base/option.h"

enum { LSQ_STRONG_WOLFE, LSQ_FIXED_STEP };

typedef struct {
  int64_t iterations, max_evaluations; /* max_evaluations 0: 1.25 iterations */
  int64_t memory;
  int line_search;
  double learning_rate, gradient_tolerance, loss_tolerance;
  int keep; /* 0: best, 1: last, -1: best, of fixed steps last as PyTorch */
} lsq_minimiser_options;

extern const char *const lsq_line_searches[];
extern const char *const lsq_minimiser_keeps[];

/* Declares those options, of a struct that begins with them. */
#define LSQ_MINIMISER_OPTIONS                                                                      \
  {.name = "iterations",                                                                           \
   .type = LSQ_OPTION_INTEGER,                                                                     \
   .offset = offsetof(lsq_minimiser_options, iterations),                                          \
   .standard = 60,                                                                                 \
   .minimum = 0,                                                                                   \
   .maximum = 1e9,                                                                                 \
   .text = "directions searched, at most"},                                                        \
      {.name = "max_evaluations",                                                                  \
       .type = LSQ_OPTION_INTEGER,                                                                 \
       .offset = offsetof(lsq_minimiser_options, max_evaluations),                                 \
       .standard = 0,                                                                              \
       .minimum = 0,                                                                               \
       .maximum = 1e12,                                                                            \
       .text = "evaluations of the objective, at most; 0: 1.25 times the iterations, one more at " \
               "least"},                                                                           \
      {.name = "memory",                                                                           \
       .type = LSQ_OPTION_INTEGER,                                                                 \
       .offset = offsetof(lsq_minimiser_options, memory),                                          \
       .standard = 10,                                                                             \
       .minimum = 1,                                                                               \
       .maximum = 1000,                                                                            \
       .text = "pairs of steps and gradient changes that stand for the Hessian"},                  \
      {.name = "line_search",                                                                      \
       .type = LSQ_OPTION_CHOICE,                                                                  \
       .offset = offsetof(lsq_minimiser_options, line_search),                                     \
       .choices = lsq_line_searches,                                                               \
       .text = "strong Wolfe conditions, or PyTorch's default: a fixed step"},                     \
      {.name = "learning_rate",                                                                    \
       .type = LSQ_OPTION_NUMBER,                                                                  \
       .offset = offsetof(lsq_minimiser_options, learning_rate),                                   \
       .standard = 1,                                                                              \
       .minimum = 0,                                                                               \
       .maximum = HUGE_VAL,                                                                        \
       .text = "first step tried along a direction, or the fixed one"},                            \
      {.name = "gradient_tolerance",                                                               \
       .type = LSQ_OPTION_NUMBER,                                                                  \
       .offset = offsetof(lsq_minimiser_options, gradient_tolerance),                              \
       .standard = 1e-7,                                                                           \
       .minimum = 0,                                                                               \
       .maximum = HUGE_VAL,                                                                        \
       .text = "stop when no entry of the gradient is larger"},                                    \
      {.name = "loss_tolerance",                                                                   \
       .type = LSQ_OPTION_NUMBER,                                                                  \
       .offset = offsetof(lsq_minimiser_options, loss_tolerance),                                  \
       .standard = 1e-9,                                                                           \
       .minimum = 0,                                                                               \
       .maximum = HUGE_VAL,                                                                        \
       .text = "stop when an iteration changes the loss by less"},                                 \
  {                                                                                                \
    .name = "keep", .type = LSQ_OPTION_CHOICE, .offset = offsetof(lsq_minimiser_options, keep),    \
    .standard = -1, .choices = lsq_minimiser_keeps,                                                \
    .text = "which point is returned; default: best, with fixed steps last as PyTorch"             \
  }

/* Them alone. */
extern const lsq_option lsq_minimiser_option_table[];

typedef enum {
  LSQ_MINIMISER_TRIAL,   /* evaluate at `trial` */
  LSQ_MINIMISER_ITERATE, /* an iteration ended at `point`; evaluate at `trial` */
  LSQ_MINIMISER_LIMIT,   /* iterations or evaluations are used up */
  LSQ_MINIMISER_CONVERGED,
  LSQ_MINIMISER_DIVERGED /* fixed steps only: the objective is not finite */
} lsq_minimiser_event;

/* A bracket's end: a step along the direction with its value and slope there. */
typedef struct {
  double step, value, slope;
} lsq_line_point;

typedef struct {
  const lsq_minimiser_options *options;
  size_t count;             /* of unknowns */
  double *trial;            /* where to evaluate next */
  double *point, *gradient; /* the current iterate */
  double value;
  double *best, best_value; /* lowest finite value seen */
  double *direction;
  double *steps, *changes;   /* memory x count, rings: s_k and y_k */
  double *curvature, *share; /* memory: s_k'y_k, and alpha_k of the two-loop recursion */
  size_t stored, next;       /* pairs in the rings; where the next goes */
  double scale;              /* of the initial inverse Hessian: s'y / y'y */
  size_t iteration, evaluations;
  double iterations_before; /* of the state this one goes on from */
  int phase;
  size_t search_evaluations;
  double slope;             /* of the objective along the direction at `point` */
  lsq_line_point low, high; /* the bracket; before there is one, low is the last trial */
  double *low_gradient;
  double step;      /* of the trial */
  double widths[2]; /* of the bracket, one and two trials ago */
} lsq_minimiser;

void lsq_minimiser_place(lsq_minimiser *m, lsq_arena *arena, size_t count,
                         const lsq_minimiser_options *options);

/* The first evaluation is to be made at m->trial, which the caller fills. */
void lsq_minimiser_start(lsq_minimiser *m);

/* value and gradient (count) of the objective at m->trial. */
lsq_minimiser_event lsq_minimiser_tell(lsq_minimiser *m, double value, const double *gradient);

/* Whether the options ask for `best` rather than `point`. */
bool lsq_minimiser_keeps_best(const lsq_minimiser *m);

/* What a later minimisation needs to go on from `point`: the pairs that stand for the Hessian.
   As many doubles as state_size says, the first of them the iterations done. */
size_t lsq_minimiser_state_size(size_t count, const lsq_minimiser_options *options);
void lsq_minimiser_save_state(const lsq_minimiser *m, double *state);
void lsq_minimiser_restore_state(lsq_minimiser *m, const double *state);

#endif
