#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "nn/forward.h"
#include "train/minimiser.h"
#include "train/trainer.h"

/* The full training loss of a net as the objective. */
typedef struct {
  const lsq_problem *problem;
  const lsq_minimiser_options *options;
  lsq_minimiser minimiser;
  double *gradient;
  lsq_gradient_work *work;
} lbfgs;

static void place(lsq_arena *arena, const lsq_problem *problem, const void *memory) {
  const lsq_minimiser_options *options = memory;
  lbfgs measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_network *net = problem->net;
  *self = (lbfgs){.problem = problem, .options = options};
  lsq_minimiser_place(&self->minimiser, arena, net->parameter_count, options);
  self->gradient = lsq_arena_doubles(arena, net->parameter_count);
  self->work = lsq_gradient_take(arena, net, &problem->rows, (size_t)lsq_threads());
}

static lsq_status start(void *memory, lsq_error *error) {
  (void)error;
  lbfgs *self = memory;
  const lsq_network *net = self->problem->net;
  memcpy(self->minimiser.trial, net->parameters, net->parameter_count * sizeof(double));
  lsq_minimiser_start(&self->minimiser);
  return LSQ_OK;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  lbfgs *self = memory;
  const lsq_problem *p = self->problem;
  lsq_minimiser *m = &self->minimiser;
  lsq_network *net = p->net;
  const size_t bytes = net->parameter_count * sizeof(double), before = m->iteration;
  memcpy(net->parameters, m->trial, bytes);
  const double loss = lsq_network_gradient(net, &p->rows, self->gradient, self->work);
  const lsq_status status = lsq_gradient_status(self->work, error);
  if (status != LSQ_OK)
    return status;
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
    break;
  default:
    break;
  }
  progress->iteration_done = (first && event != LSQ_MINIMISER_DIVERGED) || m->iteration > before;
  progress->iteration = m->iteration;
  progress->loss = progress->score = m->value;
  progress->measures[0] = (double)m->evaluations;
  return LSQ_OK;
}

/* The best point seen may be a trial of the line search that was not taken, which the engine has
   not seen. */
static void finish(void *memory, lsq_result *result) {
  const lbfgs *self = memory;
  const lsq_minimiser *m = &self->minimiser;
  const lsq_network *net = self->problem->net;
  result->keep_last = !lsq_minimiser_keeps_best(m);
  if (result->keep_last || m->best_value == HUGE_VAL)
    return;
  memcpy(net->parameters, m->best, net->parameter_count * sizeof(double));
  result->loss = result->score = m->best_value;
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

static const lsq_state_hooks state = {state_size, save_state, restore_state};
static const char *const measures[] = {"evaluations", NULL};

/***
@submodule lsqnet
*/

/*** L-BFGS (Nocedal 1980) on the full training loss, with a line search by the strong Wolfe
conditions (Nocedal and Wright, Numerical Optimization, Algorithms 3.5 and 3.6, cubic
interpolation). A trial whose loss is not finite counts as too long a step.
@function lbfgs
@tparam network net changed in place
@tparam matrix|stream X N x inputs, or a stream (`lsqnet.stream`) of X and Y
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
                               .restarts = LSQ_TRAININGS,
                               .accepts = {.takes_skip = true},
                               .takes = LSQ_NEEDS_SCALE | LSQ_TAKES_MASK | LSQ_TAKES_STATE |
                                        LSQ_TAKES_STREAM | LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT |
                                        LSQ_TAKES_LOSS,
                               .place = place,
                               .start = start,
                               .step = step,
                               .finish = finish,
                               .state = &state};
