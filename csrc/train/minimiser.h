/* L-BFGS (Nocedal 1980) with a strong-Wolfe line search (Nocedal and Wright, Numerical
   Optimization, Algorithms 3.5, 3.6 and 7.4), by reverse communication: the caller evaluates
   the objective wherever the minimiser asks, be it a network's loss or a Lua function. */
#ifndef LSQ_TRAIN_MINIMISER_H
#define LSQ_TRAIN_MINIMISER_H

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
