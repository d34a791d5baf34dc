#include "train/gradient_trainers.h"

#include <math.h>
#include <string.h>

#include "nn/forward.h"
#include "train/minimiser.h"

/* The full training loss of a net as the objective. */
typedef struct {
  const lsq_problem *problem;
  const lsq_minimiser_options *options;
  lsq_minimiser minimiser;
  double *gradient;
  void *workspace;
  bool diverged;
} lbfgs;

static void place(lbfgs *self, lsq_arena *arena, const lsq_problem *problem,
                  const lsq_minimiser_options *options) {
  const lsq_network *net = problem->net;
  *self = (lbfgs){.problem = problem, .options = options};
  lsq_minimiser_place(&self->minimiser, arena, net->parameter_count, options);
  self->gradient = lsq_arena_doubles(arena, net->parameter_count);
  self->workspace = lsq_arena_take(arena, lsq_gradient_workspace(net, problem->rows.x->rows), 1);
}

static size_t size(const lsq_problem *problem, const void *options) {
  lbfgs measured;
  lsq_arena arena = lsq_arena_measure();
  lsq_arena_take(&arena, 1, sizeof measured);
  place(&measured, &arena, problem, options);
  return arena.used;
}

static lsq_status start(void *memory, const lsq_problem *problem, const void *options,
                        lsq_error *error) {
  (void)error;
  lbfgs *self = memory;
  lsq_arena arena = lsq_arena_over(memory);
  lsq_arena_take(&arena, 1, sizeof *self);
  place(self, &arena, problem, options);
  memcpy(self->minimiser.trial, problem->net->parameters,
         problem->net->parameter_count * sizeof(double));
  lsq_minimiser_start(&self->minimiser);
  return LSQ_OK;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  (void)error;
  lbfgs *self = memory;
  const lsq_problem *p = self->problem;
  lsq_minimiser *m = &self->minimiser;
  lsq_network *net = p->net;
  const size_t bytes = net->parameter_count * sizeof(double), before = m->iteration;
  memcpy(net->parameters, m->trial, bytes);
  const double loss =
      lsq_network_gradient(net, net->loss, p->rows.x, p->rows.y, self->gradient, self->workspace);
  for (size_t i = 0; p->mask != NULL && i < net->parameter_count; i++)
    if (p->mask[i] == 0)
      self->gradient[i] = 0;
  const bool first = m->evaluations == 0;
  const lsq_minimiser_event event = lsq_minimiser_tell(m, loss, self->gradient);
  memcpy(net->parameters, m->point, bytes);
  switch (event) {
  case LSQ_MINIMISER_CONVERGED:
    progress->stop = LSQ_STOPPED_TOLERANCE;
    break;
  case LSQ_MINIMISER_LIMIT:
    progress->stop = LSQ_STOPPED_ITERATIONS;
    break;
  case LSQ_MINIMISER_DIVERGED:
    progress->stop = LSQ_STOPPED_DIVERGED;
    self->diverged = true;
    break;
  default:
    break;
  }
  progress->iteration_done = (first && !self->diverged) || m->iteration > before;
  progress->iteration = m->iteration;
  progress->loss = m->value;
  progress->measures[0] = (double)m->evaluations;
  return LSQ_OK;
}

/* The best point seen, or the last iterate, as the options ask. */
static void finish(void *memory, bool keep_current, lsq_result *result) {
  lbfgs *self = memory;
  const lsq_minimiser *m = &self->minimiser;
  const lsq_network *net = self->problem->net;
  const bool best = lsq_minimiser_keeps_best(m) || self->diverged;
  if (m->best_value == HUGE_VAL)
    return;
  if (best && !keep_current)
    memcpy(net->parameters, m->best, net->parameter_count * sizeof(double));
  result->loss = result->score = best && !keep_current ? m->best_value : m->value;
}

static size_t state_size(const lsq_problem *problem, const void *options) {
  return lsq_minimiser_state_size(problem->net->parameter_count, options);
}

static void save_state(const void *memory, double *state) {
  lsq_minimiser_save_state(&((const lbfgs *)memory)->minimiser, state);
}

static void restore_state(void *memory, const double *state) {
  lsq_minimiser_restore_state(&((lbfgs *)memory)->minimiser, state);
}

static const char *const measures[] = {"evaluations", NULL};

/***
@submodule lsqnet
*/

/*** L-BFGS (Nocedal 1980) on the full training loss, with a line search by the strong Wolfe
conditions (Nocedal and Wright, Numerical Optimization, Algorithms 3.5 and 3.6, cubic
interpolation). A trial whose loss is not finite counts as too long a step.
@function lbfgs
@tparam network net changed in place
@tparam matrix X N x inputs
@tparam matrix Y N x outputs, as for `sgd`
@tparam[opt] table options beside the common ones:
`iterations=60`; `max_evaluations` of the loss (1.25 times the iterations); `memory=10` pairs that
stand for the Hessian;
`line_search="strong_wolfe"`, or "fixed": PyTorch's default, steps of `learning_rate`, which on
ReLU nets blow up (Barbu 2023, Figure 3);
`learning_rate=1`, the first step tried; `gradient_tolerance=1e-7` and `loss_tolerance=1e-9`,
absolute;
`keep`: "best" or "last"; with fixed steps the last is the default, as PyTorch returns;
`state=report.state`: go on where that training stopped
@treturn[1] table report; the history adds `evaluations`, how many there have been
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `sgd`
*/
const lsq_trainer lsq_lbfgs = {.name = "lbfgs",
                               .text = "limited-memory BFGS with a strong-Wolfe line search",
                               .options_size = sizeof(lsq_minimiser_options),
                               .options = lsq_minimiser_option_table,
                               .measures = measures,
                               .takes_mask = true,
                               .size = size,
                               .start = start,
                               .step = step,
                               .finish = finish,
                               .state_size = state_size,
                               .save_state = save_state,
                               .restore_state = restore_state};
