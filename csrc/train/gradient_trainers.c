/* The trainers that follow the gradient of the loss. */
#include <math.h>

#include "base/simd.h"
#include "train/descent.h"

/* The update rules of PyTorch (torch.optim 1.13), order of operations included. */

typedef struct {
  lsq_descent_options descent;
  double momentum, dampening;
  bool nesterov;
} sgd_options;

typedef struct {
  lsq_descent_options descent;
  double beta1, beta2, epsilon;
  bool amsgrad, decoupled;
} adam_options;

typedef struct {
  lsq_descent_options descent;
  double epsilon, learning_rate_decay;
} adagrad_options;

static const lsq_option sgd_table[] = {LSQ_DESCENT_OPTIONS(0.01),
                                       {.name = "momentum",
                                        .type = LSQ_OPTION_NUMBER,
                                        .offset = offsetof(sgd_options, momentum),
                                        .standard = 0,
                                        .minimum = 0,
                                        .maximum = 1,
                                        .text = "share of the former step that is kept"},
                                       {.name = "dampening",
                                        .type = LSQ_OPTION_NUMBER,
                                        .offset = offsetof(sgd_options, dampening),
                                        .standard = 0,
                                        .minimum = 0,
                                        .maximum = 1,
                                        .text = "share of the gradient that momentum leaves out"},
                                       {.name = "nesterov",
                                        .type = LSQ_OPTION_BOOLEAN,
                                        .offset = offsetof(sgd_options, nesterov),
                                        .text = "look ahead along the momentum (Nesterov)"},
                                       {.name = NULL}};

static const lsq_option adam_table[] = {LSQ_DESCENT_OPTIONS(0.001),
                                        {.name = "beta1",
                                         .type = LSQ_OPTION_NUMBER,
                                         .offset = offsetof(adam_options, beta1),
                                         .standard = 0.9,
                                         .minimum = 0,
                                         .maximum = 1,
                                         .text = "decay of the mean of the gradient"},
                                        {.name = "beta2",
                                         .type = LSQ_OPTION_NUMBER,
                                         .offset = offsetof(adam_options, beta2),
                                         .standard = 0.999,
                                         .minimum = 0,
                                         .maximum = 1,
                                         .text = "decay of the mean of the squared gradient"},
                                        {.name = "epsilon",
                                         .type = LSQ_OPTION_NUMBER,
                                         .offset = offsetof(adam_options, epsilon),
                                         .standard = 1e-8,
                                         .minimum = 0,
                                         .maximum = HUGE_VAL,
                                         .text = "added to the root of the mean squared gradient"},
                                        {.name = "amsgrad",
                                         .type = LSQ_OPTION_BOOLEAN,
                                         .offset = offsetof(adam_options, amsgrad),
                                         .text = "divide by the largest mean square so far"},
                                        {.name = "decoupled",
                                         .type = LSQ_OPTION_BOOLEAN,
                                         .offset = offsetof(adam_options, decoupled),
                                         .text = "weight_decay shrinks the parameters, not by way "
                                                 "of the gradient (AdamW)"},
                                        {.name = NULL}};

static const lsq_option adagrad_table[] = {
    LSQ_DESCENT_OPTIONS(0.01),
    {.name = "epsilon",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(adagrad_options, epsilon),
     .standard = 1e-10,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "added to the root of the summed squared gradient"},
    {.name = "learning_rate_decay",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(adagrad_options, learning_rate_decay),
     .standard = 0,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "step t, from 0, has the learning rate over 1 + this times t"},
    {.name = NULL}};

static lsq_status check_sgd(const lsq_problem *problem, const void *options, lsq_error *error) {
  (void)problem;
  const sgd_options *chosen = options;
  if (chosen->nesterov && chosen->momentum == 0)
    return lsq_fail(error, LSQ_MISUSE, "option 'nesterov' needs a 'momentum' above 0");
  if (chosen->nesterov && chosen->dampening != 0)
    return lsq_fail(error, LSQ_MISUSE, "option 'nesterov' needs a 'dampening' of 0");
  return LSQ_OK;
}

static lsq_status check_adam(const lsq_problem *problem, const void *options, lsq_error *error) {
  (void)problem;
  const adam_options *chosen = options;
  if (chosen->beta1 == 1 || chosen->beta2 == 1)
    return lsq_fail(error, LSQ_MISUSE, "option '%s': less than 1 expected, got 1",
                    chosen->beta1 == 1 ? "beta1" : "beta2");
  return LSQ_OK;
}

static LSQ_CLONES void sgd_update(const lsq_descent_update *u, const void *memory) {
  const sgd_options *options = memory;
  const double momentum = options->momentum, decay = u->weight_decay, rate = u->learning_rate;
  double *restrict parameters = u->parameters, *restrict velocity = u->moments;
  const double *restrict gradient = u->gradient;
  if (momentum == 0) {
    for (size_t i = 0; i < u->count; i++)
      parameters[i] -= rate * (gradient[i] + decay * parameters[i]);
    return;
  }
  const bool first = u->step == 1; /* the first velocity is the gradient, undampened */
  const double kept = first ? 0 : momentum, share = first ? 1 : 1 - options->dampening;
  const double ahead = options->nesterov ? momentum : 0, direct = options->nesterov ? 1 : 0;
  for (size_t i = 0; i < u->count; i++) {
    const double g = gradient[i] + decay * parameters[i];
    velocity[i] = kept * velocity[i] + share * g;
    const double along = options->nesterov ? direct * g + ahead * velocity[i] : velocity[i];
    parameters[i] -= rate * along;
  }
}

/* `amsgrad` is a constant of each caller. */
static inline __attribute__((always_inline)) void adam(const lsq_descent_update *u,
                                                       const adam_options *options, bool amsgrad) {
  const double beta1 = options->beta1, beta2 = options->beta2, epsilon = options->epsilon;
  const double decay = options->decoupled ? 0 : u->weight_decay;
  const double kept = options->decoupled ? 1 - u->learning_rate * u->weight_decay : 1;
  const double rate = u->learning_rate / (1 - pow(beta1, u->step));
  const double correction = 1 / sqrt(1 - pow(beta2, u->step));
  double *restrict parameters = u->parameters, *restrict mean = u->moments;
  double *restrict square = u->moments + u->count;
  double *restrict largest = amsgrad ? u->moments + 2 * u->count : NULL;
  const double *restrict gradient = u->gradient;
  for (size_t i = 0; i < u->count; i++) {
    const double g = gradient[i] + decay * parameters[i];
    mean[i] = beta1 * mean[i] + (1 - beta1) * g;
    square[i] = beta2 * square[i] + (1 - beta2) * g * g;
    if (amsgrad)
      largest[i] = square[i] > largest[i] ? square[i] : largest[i];
    const double root = sqrt(amsgrad ? largest[i] : square[i]);
    parameters[i] = kept * parameters[i] - rate * mean[i] / (root * correction + epsilon);
  }
}

static LSQ_CLONES void adam_update(const lsq_descent_update *update, const void *options) {
  adam(update, options, false);
}

static LSQ_CLONES void amsgrad_update(const lsq_descent_update *update, const void *options) {
  adam(update, options, true);
}

static LSQ_CLONES void adagrad_update(const lsq_descent_update *u, const void *memory) {
  const adagrad_options *options = memory;
  const double epsilon = options->epsilon, decay = u->weight_decay;
  const double rate = u->learning_rate / (1 + (u->step - 1) * options->learning_rate_decay);
  double *restrict parameters = u->parameters, *restrict sum = u->moments;
  const double *restrict gradient = u->gradient;
  for (size_t i = 0; i < u->count; i++) {
    const double g = gradient[i] + decay * parameters[i];
    sum[i] += g * g;
    parameters[i] -= rate * g / (sqrt(sum[i]) + epsilon);
  }
}

void lsq_adam_update(const lsq_descent_update *update) {
  const adam_options standard = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  adam_update(update, &standard);
}

static const lsq_descent_rule sgd_rule = {1, sgd_update};
static const lsq_descent_rule adam_rule = {2, adam_update};
static const lsq_descent_rule amsgrad_rule = {3, amsgrad_update};
static const lsq_descent_rule adagrad_rule = {1, adagrad_update};

static const lsq_descent_rule *rule_of_adam(const void *options) {
  return ((const adam_options *)options)->amsgrad ? &amsgrad_rule : &adam_rule;
}

static void place_sgd(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  lsq_descent_place(arena, problem, options, &sgd_rule);
}

static void place_adam(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  lsq_descent_place(arena, problem, options, rule_of_adam(options));
}

static void place_adagrad(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  lsq_descent_place(arena, problem, options, &adagrad_rule);
}

/* sgd and adagrad remember one vector, adam two, or three with amsgrad. */
static size_t one_moment(const lsq_problem *problem, const void *options) {
  (void)options;
  return lsq_descent_state_size(problem, &sgd_rule);
}

static size_t moments_of_adam(const lsq_problem *problem, const void *options) {
  return lsq_descent_state_size(problem, rule_of_adam(options));
}

static const lsq_state_hooks one_moment_state = {one_moment, lsq_descent_save_state,
                                                 lsq_descent_restore_state};
static const lsq_state_hooks adam_state = {moments_of_adam, lsq_descent_save_state,
                                           lsq_descent_restore_state};

#define DESCENT                                                                                    \
  .restarts = LSQ_TRAININGS, .accepts = {.takes_skip = true},                                      \
  .takes = LSQ_NEEDS_SCALE | LSQ_TAKES_MASK | LSQ_TAKES_STATE | LSQ_TAKES_STREAM |                 \
           LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT | LSQ_TAKES_SCHEDULE | LSQ_TAKES_LOSS,               \
  .start = lsq_descent_start, .step = lsq_descent_step, .finish = lsq_descent_finish

/***
@submodule lsqnet
*/

/*** Stochastic gradient descent on minibatches, with PyTorch's rules (torch.optim.SGD). Nets of any
depth, activation and loss.
@function sgd
@tparam network net changed in place
@tparam matrix|stream X N x inputs, or a stream (`lsqnet.stream`) of X and Y: of that, blocks of
about 8192 rows are shuffled, and the rows within a block
@tparam matrix Y N x outputs; for cross-entropy probability rows, or 0/1 where there is one output;
nil behind a stream
@tparam[opt] table options beside the common ones:
`epochs=300`; `batch_size=256` (rows of a step; the last of an epoch may have fewer);
`learning_rate=0.01`; `momentum=0`; `dampening=0` (share of the gradient that stays out of the
momentum, from the second step on); `nesterov=false` (without dampening);
`weight_decay=0`: times the parameters, all of them, biases too as in PyTorch, it is added to the
gradient, which then is that of loss + weight_decay / 2 |parameters|^2: the minimum is the one of
`lbfgs` or `gauss_newton` with `lambda` = weight_decay / 2. Losses in history and report are
without; `shuffle=true` (a new order of the rows for every epoch, drawn by `seed`); `schedule`:
`{every=100, factor=0.1}`, or a list of `{epoch, learning_rate}` by rising epoch, each holding from
its epoch on, or a function of the epoch that returns its learning rate (called for all epochs
before the first); `weights`: a batch's gradient is that of the sum of its rows' losses, each times
its weight, over the number of the rows and the mean weight of all data: weights are repeated rows
in expectation, and with `batch_size` from N on and `shuffle=false` exactly; `patience=K`: stop
after K epochs without a lower validation loss, and return the net of the lowest;
`state=report.state`: go on exactly where that training stopped
@treturn[1] table report; `loss` in the history is the mean over the epoch's batches as they were
seen (of entry 1, and of the report, the full loss); `state` is what a later call goes on from
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise when shapes do not match, Y cannot be targets of the loss, or an option is wrong
*/
const lsq_trainer lsq_sgd = {.name = "sgd",
                             .text = "stochastic gradient descent, with momentum",
                             .options_size = sizeof(sgd_options),
                             .options = sgd_table,
                             .check = check_sgd,
                             .place = place_sgd,
                             .state = &one_moment_state,
                             DESCENT};

/*** Adam (Kingma and Ba 2014) on minibatches, with PyTorch's rules: both means are corrected for
their start, epsilon is added to the corrected root.
@function adam
@tparam network net changed in place
@tparam matrix|stream X N x inputs, or a stream, as for `sgd`
@tparam matrix Y N x outputs, as for `sgd`
@tparam[opt] table options as of `sgd` without the momenta; `learning_rate=0.001`, `beta1=0.9`,
`beta2=0.999`, `epsilon=1e-8`; `weight_decay` as of `sgd`; `decoupled=false`: with true each step
multiplies the parameters by 1 - learning_rate * weight_decay instead, which is AdamW (Loshchilov
and Hutter 2019) and no penalty of the loss; `amsgrad=false`: with true the root is of the largest
mean square so far (Reddi, Kale and Kumar 2018), and a `state` is one of such a training
@treturn[1] table report, as of `sgd`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `sgd`
*/
const lsq_trainer lsq_adam = {.name = "adam",
                              .text = "Adam (Kingma and Ba 2014)",
                              .options_size = sizeof(adam_options),
                              .options = adam_table,
                              .check = check_adam,
                              .place = place_adam,
                              .state = &adam_state,
                              DESCENT};

/*** AdaGrad (Duchi, Hazan and Singer 2011) on minibatches, with PyTorch's rules: the sum of
squared gradients starts at 0.
@function adagrad
@tparam network net changed in place
@tparam matrix|stream X N x inputs, or a stream, as for `sgd`
@tparam matrix Y N x outputs, as for `sgd`
@tparam[opt] table options as of `sgd` without the momenta; `learning_rate=0.01`, `epsilon=1e-10`;
`learning_rate_decay=0`: step t of all, from 0, has the learning rate over 1 + learning_rate_decay
t; `weight_decay` as of `sgd`
@treturn[1] table report, as of `sgd`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite"
@raise as `sgd`
*/
const lsq_trainer lsq_adagrad = {.name = "adagrad",
                                 .text = "AdaGrad (Duchi, Hazan and Singer 2011)",
                                 .options_size = sizeof(adagrad_options),
                                 .options = adagrad_table,
                                 .place = place_adagrad,
                                 .state = &one_moment_state,
                                 DESCENT};
