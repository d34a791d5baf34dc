#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "nn/forward.h"
#include "train/minimiser.h"
#include "train/trainer.h"

typedef struct {
  lsq_minimiser_options minimiser;
  double lambda;
} lbfgs_options;

static const lsq_option lbfgs_table[] = {
    LSQ_MINIMISER_OPTIONS,
    {.name = "lambda",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(lbfgs_options, lambda),
     .standard = 0,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "ridge penalty of all weights and biases: the objective is loss + lambda |them|^2"},
    {.name = NULL}};

/* The objective is the full training loss of a net + lambda |parameters|^2. */
typedef struct {
  const lsq_problem *problem;
  double lambda;
  lsq_minimiser minimiser;
  double loss; /* of the iterate, without the penalty */
  double *gradient;
  lsq_gradient_work *work;
} lbfgs;

static void place(lsq_arena *arena, const lsq_problem *problem, const void *memory) {
  const lbfgs_options *options = memory;
  lbfgs measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_network *net = problem->net;
  *self = (lbfgs){.problem = problem, .lambda = options->lambda};
  lsq_minimiser_place(&self->minimiser, arena, net->parameter_count, &options->minimiser);
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

/* The objective of the net, and its gradient by the parameters that are free. */
static double find_objective(const lbfgs *self, double loss) {
  const lsq_problem *p = self->problem;
  const double *parameters = p->net->parameters;
  double *gradient = self->gradient, sum = 0;
  for (size_t i = 0; self->lambda > 0 && i < p->net->parameter_count; i++) {
    sum += parameters[i] * parameters[i];
    gradient[i] += 2 * self->lambda * parameters[i];
  }
  for (size_t i = 0; p->mask != NULL && i < p->net->parameter_count; i++)
    if (p->mask[i] == 0)
      gradient[i] = 0;
  return loss + self->lambda * sum;
}

/* The net becomes the iterate. Where that is not the trial of which `loss` is, but the best of a
   search that was given up, its loss is found anew: of an objective it is only a part. */
static void take_iterate(lbfgs *self, double loss) {
  const lsq_network *net = self->problem->net;
  const size_t bytes = net->parameter_count * sizeof(double);
  const bool is_trial = memcmp(net->parameters, self->minimiser.point, bytes) == 0;
  memcpy(net->parameters, self->minimiser.point, bytes);
  if (self->lambda == 0)
    self->loss = self->minimiser.value;
  else
    self->loss = is_trial
                     ? loss
                     : lsq_network_gradient(net, &self->problem->rows, self->gradient, self->work);
}

static lsq_stop stop_of(lsq_minimiser_event event) {
  switch (event) {
  case LSQ_MINIMISER_CONVERGED:
    return LSQ_STOPPED_TOLERANCE;
  case LSQ_MINIMISER_LIMIT:
    return LSQ_STOPPED_ITERATIONS;
  case LSQ_MINIMISER_DIVERGED:
    return LSQ_STOPPED_DIVERGED;
  default:
    return LSQ_RUNNING;
  }
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
  const double objective = find_objective(self, loss);
  const bool first = m->evaluations == 0;
  const lsq_minimiser_event event = lsq_minimiser_tell(m, objective, self->gradient);
  progress->stop = stop_of(event);
  progress->iteration_done = (first && event != LSQ_MINIMISER_DIVERGED) || m->iteration > before;
  progress->iteration = m->iteration;
  if (progress->iteration_done)
    take_iterate(self, loss);
  else
    memcpy(net->parameters, m->point, bytes);
  progress->loss = self->loss;
  progress->score = m->value;
  progress->measures[0] = m->value;
  progress->measures[1] = (double)m->evaluations;
  return lsq_gradient_status(self->work, error);
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
  result->score = m->best_value;
  result->loss = self->lambda == 0
                     ? m->best_value
                     : lsq_network_gradient(net, &self->problem->rows, self->gradient, self->work);
}

static size_t state_size(const lsq_problem *problem, const void *options) {
  const lbfgs_options *chosen = options;
  return lsq_minimiser_state_size(problem->net->parameter_count, &chosen->minimiser);
}

static void save_state(const void *memory, double *state) {
  lsq_minimiser_save_state(&((const lbfgs *)memory)->minimiser, state);
}

static void restore_state(void *memory, const double *state) {
  lsq_minimiser_restore_state(&((lbfgs *)memory)->minimiser, state);
}

static const lsq_state_hooks state = {state_size, save_state, restore_state};
static const char *const measures[] = {"objective", "evaluations", NULL};

/***
@submodule lsqnet
*/

/*** L-BFGS (Nocedal 1980) on loss + `lambda` |parameters|^2 over all rows, with a line search by
the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization, Algorithms 3.5 and 3.6,
cubic interpolation). A trial whose objective is not finite counts as too long a step.
@function lbfgs
@tparam network net changed in place
@tparam matrix|stream X N x inputs, or a stream (`lsqnet.stream`) of X and Y
@tparam matrix Y N x outputs, as for `sgd`
@tparam[opt] table options beside the common ones:
`iterations=60`; `max_evaluations` of the objective (1.25 times the iterations); `memory=10` pairs
that stand for the Hessian; `line_search="strong_wolfe"`, or "fixed": PyTorch's default, steps of
`learning_rate`, which on ReLU nets blow up (Barbu 2023, Figure 3); `learning_rate=1`, the first
step tried; `gradient_tolerance=1e-7` and `loss_tolerance=1e-9`, of the objective, absolute;
`lambda=0`, the penalty of all weights and biases, as of `gauss_newton`: the best net is the one of
the lowest objective, losses in history and report are without;
`keep`: "best" or "last"; with fixed steps the last is the default, as PyTorch returns;
`state=report.state`: go on where that training stopped
@treturn[1] table report; the history adds `objective` and `evaluations`, how many there
have been
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `sgd`
*/
const lsq_trainer lsq_lbfgs = {.name = "lbfgs",
                               .text = "limited-memory BFGS with a strong-Wolfe line search",
                               .options_size = sizeof(lbfgs_options),
                               .options = lbfgs_table,
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
