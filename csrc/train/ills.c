/* ILLS, iterative linear least squares: Khadilkar, "Using Linear Regression for Iteratively
   Training Neural Networks" (arXiv 2307.05189), and a guarded form of it. */
#include <math.h>
#include <string.h>

#include "nn/dense.h"
#include "train/deviation.h"
#include "train/trainer.h"

/* -1 and NaN: not given, decided by the variant. */
typedef struct {
  int64_t iterations, block_rows;
  int variant, keep, deviation, fit_order, joint, guard, anchor, output_weighting;
  double step_size, damping, target_cap, target_margin, clip_margin, rcond, deviation_rcond;
  bool refit;
} ills_options;

typedef enum { ROBUST, PAPER } ills_variant;
typedef enum { KEEP_BEST, KEEP_LAST } ills_keep;
typedef enum { FIT_FIRST, FIT_LAST } ills_fit_order;
typedef enum { GUARD_NONE, GUARD_DAMPING, GUARD_HALVING } ills_guard;

static const char *const variants[] = {"robust", "paper", NULL};
static const char *const keeps[] = {"best", "last", NULL};
static const char *const deviations[] = {"local", "chain", "full", NULL};
static const char *const fit_orders[] = {"first", "last", NULL};
static const char *const guards[] = {"halving", NULL};
static const char *const weightings[] = {"none", "target", "secant", NULL};

static const lsq_option option_table[] = {
    {.name = "iterations",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(ills_options, iterations),
     .standard = 100,
     .minimum = 0,
     .maximum = 1e9,
     .text = "sweeps over the layers; a guarded one may take several tries"},
    {.name = "variant",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(ills_options, variant),
     .standard = ROBUST,
     .choices = variants,
     .text =
         "'robust', or 'paper': the method as published; sets the defaults of the options below"},
    {.name = "keep",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(ills_options, keep),
     .standard = KEEP_BEST,
     .choices = keeps,
     .text = "which net is returned: that of the lowest training loss, or the last"},
    {.name = "step_size",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(ills_options, step_size),
     .standard = NAN,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "share of the linearised step that the activations go; default: 1, paper 0.3"},
    {.name = "deviation",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(ills_options, deviation),
     .standard = -1,
     .choices = deviations,
     .text = "what a layer's step answers to: the layer above (local), the output (chain), or the "
             "output "
             "for all layers at once (full); default: chain, paper local"},
    {.name = "fit_order",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(ills_options, fit_order),
     .standard = -1,
     .choices = fit_orders,
     .text =
         "whether a sweep begins or ends with the output layer; default: last, paper first (last "
         "where a guard or joint is asked for)"},
    {.name = "joint",
     .type = LSQ_OPTION_SWITCH,
     .offset = offsetof(ills_options, joint),
     .standard = -1,
     .text = "project the output layer out of the deviations; default: true, paper false"},
    {.name = "guard",
     .type = LSQ_OPTION_SWITCH,
     .offset = offsetof(ills_options, guard),
     .standard = -1,
     .choices = guards,
     .text =
         "try again until the objective does not rise: with more damping (true) or half the step "
         "('halving'); default: true, paper false"},
    {.name = "damping",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(ills_options, damping),
     .standard = NAN,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "multiple of the deviation system's mean diagonal added to it; 0: minimum norm by "
             "orthogonal "
             "transformations; default: 1e-3, paper 0"},
    {.name = "anchor",
     .type = LSQ_OPTION_SWITCH,
     .offset = offsetof(ills_options, anchor),
     .standard = -1,
     .text =
         "add the difference of the inverses to the units' own inputs; default: true, paper false"},
    {.name = "target_cap",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(ills_options, target_cap),
     .standard = NAN,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text =
         "most that an anchored target differs; math.huge: no cap; default: 1, paper math.huge"},
    {.name = "output_weighting",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(ills_options, output_weighting),
     .standard = -1,
     .choices = weightings,
     .text = "weights that bring the fit before the output activation near the one behind it; no "
             "effect "
             "with an identity output; default: secant, paper none"},
    {.name = "target_margin",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(ills_options, target_margin),
     .standard = NAN,
     .minimum = 1e-15,
     .maximum = 0.5,
     .text = "distance kept from the ends of the output's range; default: 1e-3, paper 1e-6"},
    {.name = "clip_margin",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(ills_options, clip_margin),
     .standard = 1e-6,
     .minimum = 1e-15,
     .maximum = 0.5,
     .text = "distance kept from the ends of the hidden units' range"},
    {.name = "rcond",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(ills_options, rcond),
     .standard = 1e-10,
     .minimum = 0,
     .maximum = 1,
     .text = "singular values at most this times the largest count as zero"},
    {.name = "deviation_rcond",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(ills_options, deviation_rcond),
     .standard = 1e-8,
     .minimum = 0,
     .maximum = 1,
     .text = "the same, of deviation systems without damping: smaller ones give leaps, not steps"},
    {.name = "refit",
     .type = LSQ_OPTION_BOOLEAN,
     .offset = offsetof(ills_options, refit),
     .standard = 1,
     .text = "fit hidden layers to their targets; false: add the deviations, a Gauss-Newton step"},
    {.name = "block_rows",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(ills_options, block_rows),
     .standard = 0,
     .minimum = 0,
     .maximum = 1e9,
     .text = "rows of the data taken at a time; 0: chosen by the size of the system"},
    {.name = NULL}};

enum { MOST_TRIES = 7, MOST_STALLS = 3 };
static const double LEAST_GAIN = 1e-12;    /* relative, of the objective */
static const double LEAST_DAMPING = 1e-14; /* after success; after failure 100 times that */

typedef struct {
  const lsq_problem *problem;
  int64_t iterations;
  ills_keep keep;
  ills_fit_order fit_order;
  ills_guard guard;
  double step_size, damping; /* as they are now */
  double first_step_size;
  lsq_ills_settings settings;

  lsq_ills_output output;
  lsq_deviation_system system;
  lsq_ills_point points[2], *base, *trial;
  int64_t iteration; /* -1 before the first report */
  int tries, stalls;
  size_t rejected;
  double floor; /* the objective that is rounding alone */
} ills;

/* `given`, or by the variant where it is not. */
static int choose(int given, ills_variant variant, int robust, int paper) {
  return given >= 0 ? given : variant == ROBUST ? robust : paper;
}

static double choose_number(double given, ills_variant variant, double robust, double paper) {
  return !isnan(given) ? given : variant == ROBUST ? robust : paper;
}

static void resolve(ills *self, const ills_options *o, const lsq_network *net) {
  const ills_variant v = (ills_variant)o->variant;
  self->iterations = o->iterations;
  self->keep = (ills_keep)o->keep;
  self->guard = (ills_guard)choose(o->guard, v, GUARD_DAMPING, GUARD_NONE);
  self->step_size = self->first_step_size = choose_number(o->step_size, v, 1, 0.3);
  self->damping = choose_number(o->damping, v, 1e-3, 0);
  lsq_ills_settings *s = &self->settings;
  s->deviation = (lsq_deviation)choose(o->deviation, v, LSQ_DEVIATION_CHAIN, LSQ_DEVIATION_LOCAL);
  s->weighting =
      (lsq_weighting)choose(o->output_weighting, v, LSQ_WEIGHTING_SECANT, LSQ_WEIGHTING_NONE);
  if (lsq_activation_is_linear(net->output_activation))
    s->weighting = LSQ_WEIGHTING_NONE;
  s->joint = choose(o->joint, v, true, false) != 0;
  s->anchor = choose(o->anchor, v, true, false) != 0;
  s->refit = o->refit;
  s->target_cap = choose_number(o->target_cap, v, 1, HUGE_VAL);
  s->target_margin = choose_number(o->target_margin, v, 1e-3, 1e-6);
  s->clip_margin = o->clip_margin;
  s->rcond = o->rcond;
  s->deviation_rcond = o->deviation_rcond;
  s->block_rows = lsq_size_of(o->block_rows);
  const bool last = v == ROBUST || s->joint || self->guard != GUARD_NONE;
  self->fit_order = o->fit_order >= 0 ? (ills_fit_order)o->fit_order : last ? FIT_LAST : FIT_FIRST;
}

static void place(lsq_arena *arena, const lsq_problem *problem, const void *options) {
  ills measured, *self = lsq_arena_self(arena, sizeof measured, &measured);
  const lsq_ills_settings *settings = &self->settings;
  const lsq_network *net = problem->net;
  const size_t rows = problem->rows.x->rows;
  *self = (ills){.problem = problem, .iteration = -1};
  resolve(self, options, net);
  for (int k = 0; k < 2; k++)
    lsq_ills_point_place(&self->points[k], arena, net, rows);
  lsq_ills_output_place(&self->output, arena, net, settings, &problem->rows);
  lsq_deviation_place(&self->system, arena, net, settings, rows);
}

static lsq_status check(const lsq_problem *problem, const void *options, lsq_error *error) {
  const lsq_network *net = problem->net;
  const ills_options *o = options;
  ills resolved;
  resolve(&resolved, o, net);
  if (!lsq_activation_is_invertible(net->output_activation, net->alpha))
    return lsq_fail(error, LSQ_MISUSE,
                    "ills inverts the output activation, %s with alpha = 0 has no inverse",
                    net->output_activation->name);
  if (resolved.guard != GUARD_NONE && resolved.fit_order == FIT_FIRST)
    return lsq_fail(error, LSQ_MISUSE,
                    "option 'fit_order': a guard compares nets whose output layer was fitted "
                    "last; 'first' needs guard = false");
  return LSQ_OK;
}

static lsq_status start(void *memory, lsq_error *error) {
  (void)error;
  ills *self = memory;
  const lsq_problem *problem = self->problem;
  for (int k = 0; k < 2; k++)
    lsq_ills_point_start(&self->points[k], problem->net, problem->rows.x);
  self->base = &self->points[0];
  self->trial = &self->points[1];
  lsq_ills_output_start(&self->output, self->base, &problem->rows);
  self->floor = lsq_ills_floor(&self->output);
  return LSQ_OK;
}

/* residual <- H - z of the output, rows scaled. */
static void begin_output_residual(ills *self) {
  lsq_deviation_system *system = &self->system;
  const lsq_ills_point *base = self->base;
  const lsq_matrix *z = &base->z[base->net.depth - 1];
  system->local = false;
  system->scale = self->output.scale;
  system->projected = self->settings.joint;
  system->sides = z->cols;
  system->residual = lsq_matrix_over(system->residual.data, z->rows, z->cols);
  for (size_t i = 0; i < z->rows * z->cols; i++)
    system->residual.data[i] = self->output.targets.data[i] - z->data[i];
  lsq_deviation_scale_residual(system);
}

/* residual <- what the refitted layer l leaves of its targets, rows scaled: the local recursion. */
static void begin_local_residual(ills *self, size_t l) {
  lsq_deviation_system *system = &self->system;
  const lsq_layer *layer = &self->trial->net.layers[l];
  const size_t rows = system->rows, width = layer->weight.cols;
  lsq_matrix inputs = self->base->inputs[l];
  inputs.cols--;
  system->local = true;
  system->above = &self->trial->net;
  system->scale = (lsq_ills_scale){.roots = self->output.roots};
  system->projected = false;
  system->sides = width;
  system->residual = lsq_matrix_over(system->residual.data, rows, width);
  lsq_dense_forward(&inputs, &layer->weight, layer->bias, &system->residual);
  for (size_t i = 0; i < rows * width; i++)
    system->residual.data[i] = system->targets.data[i] - system->residual.data[i];
  lsq_deviation_scale_residual(system);
}

/* The layer l of the trial net: fitted to its targets, or moved by its deviation. */
static lsq_status move_layer(ills *self, size_t l, lsq_error *error) {
  lsq_network *net = &self->trial->net;
  const lsq_layer *layer = &net->layers[l];
  const lsq_matrix d = lsq_deviation_of(&self->system, l);
  lsq_deviation_targets(&self->system, l, self->step_size);
  if (self->settings.refit) {
    const lsq_matrix targets =
        lsq_matrix_over(self->system.targets.data, self->system.rows, d.cols);
    return lsq_ills_fit_layer(&self->output, self->base, l, &targets, net, error);
  }
  /* Weights and bias lie behind each other, as in d. */
  for (size_t i = 0; i < d.rows * d.cols; i++)
    layer->weight.data[i] += self->step_size * d.data[i];
  return LSQ_OK;
}

static void take(lsq_deviation_system *system, size_t lowest, size_t highest) {
  system->lowest = lowest;
  system->highest = highest;
  system->unknowns = 0;
  for (size_t l = lowest; l <= highest; l++) {
    const lsq_matrix p = lsq_ills_fit_inputs(system->base, l);
    system->unknowns += p.cols * system->base->net.layers[l].weight.cols;
  }
}

/* trial's hidden layers <- one sweep from base, whose output layer is fitted. */
static lsq_status sweep(ills *self, lsq_error *error) {
  const size_t hidden = self->base->net.depth - 1;
  lsq_deviation_system *system = &self->system;
  lsq_status status = LSQ_OK;
  memcpy(self->trial->net.parameters, self->base->net.parameters,
         self->base->net.parameter_count * sizeof(double));
  if (hidden == 0)
    return LSQ_OK;
  system->base = self->base;
  lsq_ills_weigh(&self->output, self->base);
  begin_output_residual(self);
  if (self->settings.joint)
    status = lsq_deviation_project(system, &self->output, self->base, error);
  const bool full = self->settings.deviation == LSQ_DEVIATION_FULL;
  for (size_t l = hidden; status == LSQ_OK && l-- > 0;) {
    if (!full || l + 1 == hidden) {
      take(system, full ? 0 : l, l);
      status = lsq_deviation_solve(system, self->damping, error);
    }
    if (status == LSQ_OK)
      status = move_layer(self, l, error);
    if (self->settings.deviation == LSQ_DEVIATION_LOCAL && l > 0)
      begin_local_residual(self, l);
  }
  return status;
}

static void report(ills *self, lsq_progress *progress) {
  const lsq_ills_point *base = self->base;
  lsq_network *net = self->problem->net;
  memcpy(net->parameters, base->net.parameters, net->parameter_count * sizeof(double));
  progress->iteration_done = true;
  progress->iteration = (size_t)self->iteration;
  progress->loss = progress->score = base->loss;
  progress->measures[0] = base->objective;
  progress->measures[1] = self->damping;
  progress->measures[2] = self->step_size;
  progress->measures[3] = self->tries;
  if (self->iteration == self->iterations)
    progress->stop = LSQ_STOPPED_ITERATIONS;
  else if (base->objective <= self->floor)
    progress->stop = LSQ_STOPPED_TOLERANCE;
}

static void swap_points(ills *self) {
  lsq_ills_point *point = self->base;
  self->base = self->trial;
  self->trial = point;
}

/* The net as given, as iteration 0; then its output layer is fitted where that comes last. */
static lsq_status begin(ills *self, lsq_progress *progress, lsq_error *error) {
  lsq_ills_forward(self->base, 0);
  lsq_ills_measure(&self->output, self->base);
  self->iteration = 0;
  if (!isfinite(self->base->loss)) {
    progress->stop = LSQ_STOPPED_DIVERGED;
    return LSQ_OK;
  }
  report(self, progress);
  if (progress->stop != LSQ_RUNNING || self->fit_order == FIT_FIRST)
    return LSQ_OK;
  return lsq_ills_fit_output(&self->output, self->base, error);
}

static lsq_status step_unguarded(ills *self, lsq_progress *progress, lsq_error *error) {
  lsq_status status = LSQ_OK;
  self->iteration++;
  self->tries = 1;
  if (self->fit_order == FIT_FIRST)
    status = lsq_ills_fit_output(&self->output, self->base, error);
  if (status == LSQ_OK)
    status = sweep(self, error);
  if (status != LSQ_OK)
    return status;
  lsq_ills_forward(self->trial, 0);
  lsq_ills_measure(&self->output, self->trial);
  if (self->fit_order == FIT_LAST)
    status = lsq_ills_fit_output(&self->output, self->trial, error);
  if (status != LSQ_OK)
    return status;
  swap_points(self);
  if (isfinite(self->base->loss))
    report(self, progress);
  else
    progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

static void end_guarded(ills *self, double gain, lsq_progress *progress) {
  self->stalls = gain > LEAST_GAIN ? 0 : self->stalls + 1;
  self->iteration++;
  report(self, progress);
  self->tries = 0;
  if (progress->stop == LSQ_RUNNING && self->stalls == MOST_STALLS)
    progress->stop = LSQ_STOPPED_TOLERANCE;
}

/* One try. The candidate is judged after its output layer was refitted, never before. */
static lsq_status step_guarded(ills *self, lsq_progress *progress, lsq_error *error) {
  const double before = self->base->objective;
  lsq_status status = sweep(self, error);
  if (status == LSQ_OK) {
    lsq_ills_forward(self->trial, 0);
    status = lsq_ills_fit_output(&self->output, self->trial, error);
  }
  if (status != LSQ_OK && status != LSQ_NON_FINITE)
    return status;
  self->tries++;
  const double after = self->trial->objective;
  if (status == LSQ_OK && isfinite(after) && isfinite(self->trial->loss) && after <= before) {
    swap_points(self);
    if (self->guard == GUARD_DAMPING)
      self->damping = fmax(self->damping / 3, LEAST_DAMPING);
    else
      self->step_size = fmin(self->first_step_size, 2 * self->step_size);
    end_guarded(self, (before - after) / fmax(before, 1e-300), progress);
    return LSQ_OK;
  }
  self->rejected++;
  if (self->guard == GUARD_DAMPING)
    self->damping = 10 * fmax(self->damping, 100 * LEAST_DAMPING);
  else
    self->step_size /= 2;
  if (self->tries == MOST_TRIES)
    end_guarded(self, 0, progress);
  return LSQ_OK;
}

static lsq_status step(void *memory, lsq_progress *progress, lsq_error *error) {
  ills *self = memory;
  lsq_status status;
  if (self->iteration < 0)
    status = begin(self, progress, error);
  else if (self->guard == GUARD_NONE)
    status = step_unguarded(self, progress, error);
  else
    status = step_guarded(self, progress, error);
  if (status != LSQ_NON_FINITE)
    return status;
  progress->stop = LSQ_STOPPED_DIVERGED;
  return LSQ_OK;
}

static void finish(void *memory, lsq_result *result) {
  const ills *self = memory;
  result->keep_last = self->keep == KEEP_LAST;
  result->totals[0] = (double)self->rejected;
}

static const char *const measures[] = {"objective", "damping", "step_size", "tries", NULL};
static const char *const totals[] = {"rejected", NULL};

static const char *const activations[] = {"identity", "relu",    "leaky_relu", "elu",
                                          "tanh",     "sigmoid", NULL};
static const char *const invertible[] = {"identity", "leaky_relu", "elu", "tanh", "sigmoid", NULL};
static const char *const losses[] = {"mse", NULL};

/***
@submodule lsqnet
*/

/*** ILLS, iterative linear least squares: fits each layer by linear regression in turn. The output
layer is fitted to the inverse of the targets, H = f^-1(Y); the deviation of a hidden layer's
parameters that best answers the residual to first order is solved for, the activations go
`step_size` of the way, and the layer is fitted to their inverse. Khadilkar (2023), "Using Linear
Regression for Iteratively Training Neural Networks", arXiv 2307.05189, of which
`variant="paper"` is the published form and `variant="robust"` one with the output layer projected
out of the deviations, residuals chained through all layers, anchored targets and a guard that
adapts Levenberg-Marquardt damping. docs/ills.md says what each of them buys.

Hidden activations: tanh, sigmoid (the activations clipped to their open range with
`clip_margin`), elu (above -1), leaky_relu and identity have an inverse; of relu, and leaky_relu
with alpha = 0, only active units move. Output: any activation but these two; targets are clipped
into its range with `target_margin`.

An iteration costs O(N c u^2) operations, u = (inputs + 1) units being the unknowns of a layer
(`deviation="full"`: of all hidden layers together), and as much for each try that the guard
rejects. Memory is O(u^2) a lane plus the activations, N times the sum of the widths: the
system itself does not grow with N.
@function ills
@tparam network net any depth, mse; changed in place. A usual start is weights of deviation
1/sqrt(inputs); teachers are found again from `init={"uniform", -1, 1}`
@tparam matrix X N x inputs; best scaled to O(1)
@tparam matrix Y N x outputs; best within [-0.8, 0.8] for a tanh output
@tparam[opt] table options beside the common ones, `weights` among them (all fits, deviation
systems and means count a row by its weight): `iterations=100`; `variant="robust"` or "paper";
`keep="best"` (of the training loss) or "last"; and, with their defaults for robust / paper:
`step_size=1 / 0.3`; `deviation="chain" / "local"`, or "full"; `fit_order="last" / "first"` (last
wherever `joint` or a guard is asked for): when a sweep fits the output layer; `joint=true / false`;
`guard=true / false`: try a sweep up to 7 times until the objective does not rise, with 10 times the
damping each, or "halving" the step; `damping=1e-3 / 0` (relative to the mean of the system's
diagonal; 0 takes the orthogonal route to the solution of minimum norm); `anchor=true / false`;
`target_cap=1 / math.huge` (of anchored targets); `output_weighting="secant" / "none"`, or "target"
(no effect on an identity output); `target_margin=1e-3 / 1e-6`. For both: `clip_margin=1e-6`;
`rcond=1e-10`; `deviation_rcond=1e-8` (of deviation systems without damping); `refit=true` (false:
hidden layers take step_size times their deviation instead of a fit: Gauss-Newton steps);
`block_rows` (rows of the data taken at a time; by default a block fits the cache; results agree to
rounding)
@treturn[1] table report; the history adds `objective` (what the guard compares: the mean squared
H - z before the output activation, weighted; with secant weights the mse against the clipped
targets), `damping`, `step_size` and `tries`; the report adds `rejected`, the tries that were.
`stopped` is "tolerance" after three iterations that gain less than 1e-12 of the objective, or when
it is rounding (2^-47 of the targets, root mean square), and "diverged" when an unguarded sweep
gives numbers that are not finite
@treturn[2] nil
@treturn[2] string message
@treturn[2] string "non_finite", "too_large", or "no_convergence" of a singular value decomposition
@raise when the net's loss is not mse, its output activation has no inverse, a guard is asked for
with `fit_order="first"`, shapes do not match or an option is wrong
*/
const lsq_trainer lsq_ills = {
    .name = "ills",
    .text = "iterative linear least squares, for invertible activations",
    .options_size = sizeof(ills_options),
    .options = option_table,
    .measures = measures,
    .totals = totals,
    .restarts = LSQ_TRAININGS,
    .accepts = {.activations = activations, .output_activations = invertible, .losses = losses},
    .takes = LSQ_NEEDS_SCALE | LSQ_TAKES_WEIGHTS | LSQ_TAKES_INIT | LSQ_TAKES_LOSS,
    .check = check,
    .place = place,
    .start = start,
    .step = step,
    .finish = finish};
