#include "train/gauss_newton_options.h"

#include <math.h>

enum { ROWS_AUTO = -1 }; /* of gram_rows; 0 is all */

static const char *const forms[] = {"auto", "refit", "joint", NULL};
static const char *const grams[] = {"auto", "jacobian", "kronecker", "pattern", NULL};
static const char *const warm_starts[] = {"none", "adam", NULL};
static const char *const row_words[] = {"auto", NULL};

const lsq_option lsq_gauss_newton_option_table[] = {
    {.name = "iterations",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(lsq_gauss_newton_options, iterations),
     .standard = 50,
     .minimum = 0,
     .maximum = 1e9,
     .text = "steps tried, those that are rejected included"},
    {.name = "damping",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(lsq_gauss_newton_options, damping),
     .standard = 1e-3,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "first multiple of the diagonal's running maximum that is added; led by the gain"},
    {.name = "lambda",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(lsq_gauss_newton_options, lambda),
     .standard = 0,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "ridge penalty of all weights and biases"},
    {.name = "gradient_tolerance",
     .type = LSQ_OPTION_NUMBER,
     .offset = offsetof(lsq_gauss_newton_options, gradient_tolerance),
     .standard = 1e-6,
     .minimum = 0,
     .maximum = HUGE_VAL,
     .text = "stop when no |g_i| / sqrt(H_ii f) is larger, g and H of half the objective f"},
    {.name = "form",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(lsq_gauss_newton_options, form),
     .standard = LSQ_FORM_AUTO,
     .choices = forms,
     .text = "refit: the output layer is solved anew behind each step; auto: with one hidden "
             "layer, and with more where gram_rows are not all and there are several outputs"},
    {.name = "gram",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(lsq_gauss_newton_options, gram),
     .standard = LSQ_GRAM_AUTO,
     .choices = grams,
     .text = "how J'J is summed; auto: what costs least, by measured rates"},
    {.name = "gram_rows",
     .type = LSQ_OPTION_INTEGER,
     .offset = offsetof(lsq_gauss_newton_options, gram_rows),
     .standard = ROWS_AUTO,
     .minimum = 0,
     .maximum = 1e15,
     .choices = row_words,
     .text = "rows that J'J is summed over, others after every accepted step; 0: all; auto: P / "
             "outputs, where there are 8 times as many"},
    {.name = "warm_start",
     .type = LSQ_OPTION_CHOICE,
     .offset = offsetof(lsq_gauss_newton_options, warm_start),
     .standard = LSQ_WARM_NONE,
     .choices = warm_starts,
     .text = "adam: 25 epochs at 0.03 before the first step"},
    {.name = NULL}};

static const double DOMINATION = 8;
static const double SUBSAMPLE_FROM = 8; /* times P / c rows */

static bool is_masked(const lsq_problem *problem, size_t from) {
  for (size_t i = from; problem->mask != NULL && i < problem->net->parameter_count; i++)
    if (problem->mask[i] == 0)
      return true;
  return false;
}

/* Why the output layer cannot be refitted, NULL where it can. */
static const char *no_refit(const lsq_problem *problem) {
  const lsq_network *net = problem->net;
  const lsq_layer *output = &net->layers[net->depth - 1];
  if (net->depth < 2)
    return "a hidden layer";
  if (!net->loss->squares)
    return "the loss mse";
  if (!lsq_activation_is_linear(net->output_activation))
    return "the output activation identity";
  if (output->bias == NULL)
    return "biases in the output layer";
  if (is_masked(problem, (size_t)(output->weight.data - net->parameters)))
    return "an output layer that is not masked";
  return NULL;
}

lsq_status lsq_gauss_newton_check(const lsq_problem *problem, const void *memory,
                                  lsq_error *error) {
  const lsq_gauss_newton_options *options = memory;
  const lsq_loss *loss = problem->net->loss;
  const char *missing = no_refit(problem);
  if (loss->curvature == NULL && !loss->squares)
    return lsq_fail(error, LSQ_MISUSE, "gauss_newton needs a loss with a curvature, %s has none",
                    loss->name);
  if (options->form == LSQ_FORM_REFIT && missing != NULL)
    return lsq_fail(error, LSQ_MISUSE, "option 'form': \"refit\" needs %s", missing);
  if (options->gram == LSQ_GRAM_PATTERN && !lsq_curvature_takes(problem->net, LSQ_BY_PATTERN))
    return lsq_fail(error, LSQ_MISUSE,
                    "option 'gram': \"pattern\" needs one hidden layer of relu or leaky_relu, "
                    "biases, an identity output and the loss mse");
  return LSQ_OK;
}

/* Whether J'J of all rows is by far the largest part of an iteration: passes for loss, gradient and
   refit go over all rows anyway. Nanoseconds of a row as in curvature.c. Nets of 25 parameters gain
   no time by a part of the rows, and with tanh end ten times higher. */
static bool gram_dominates(const lsq_problem *problem) {
  const lsq_network *net = problem->net;
  double units = 0;
  for (size_t k = 0; k < net->depth; k++)
    units += (double)net->layers[k].weight.cols;
  const lsq_curvature_way way = lsq_curvature_cheapest(net, problem->rows.x->rows);
  const double passes = 0.2 * (double)net->parameter_count + 4 * units;
  return lsq_curvature_cost(net, way) > DOMINATION * passes;
}

size_t lsq_gauss_newton_rows(const lsq_problem *problem, const lsq_gauss_newton_options *options) {
  const size_t rows = problem->rows.x->rows;
  if (options->gram_rows == 0)
    return rows;
  if (options->gram_rows > 0)
    return lsq_size_min((size_t)options->gram_rows, rows);
  const double needed =
      (double)problem->net->parameter_count / (double)lsq_network_outputs(problem->net);
  if (!(lsq_rows_weight(&problem->rows) > SUBSAMPLE_FROM * needed) || !gram_dominates(problem))
    return rows;
  return lsq_size_min(rows, lsq_size_max((size_t)needed, 1));
}

lsq_curvature_way lsq_gauss_newton_way(const lsq_problem *problem,
                                       const lsq_gauss_newton_options *options) {
  switch (options->gram) {
  case LSQ_GRAM_JACOBIAN:
    return LSQ_BY_JACOBIAN;
  case LSQ_GRAM_KRONECKER:
    return LSQ_BY_KRONECKER;
  case LSQ_GRAM_PATTERN:
    return LSQ_BY_PATTERN;
  default:
    return lsq_curvature_cheapest(problem->net, lsq_gauss_newton_rows(problem, options));
  }
}

/* Of deeper nets a refit is of use with many rows and several outputs alone. */
bool lsq_gauss_newton_refits(const lsq_problem *problem, const lsq_gauss_newton_options *options) {
  const lsq_network *net = problem->net;
  if (options->form == LSQ_FORM_JOINT || no_refit(problem) != NULL)
    return false;
  return options->form == LSQ_FORM_REFIT || net->depth == 2 ||
         (lsq_gauss_newton_rows(problem, options) < problem->rows.x->rows &&
          lsq_network_outputs(net) > 1);
}
