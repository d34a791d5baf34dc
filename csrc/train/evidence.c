#include "train/evidence.h"

#include <string.h>

#include "linalg/linalg.h"

static const size_t first_estimate = 6, tries = 8, blocks = 64;

/* Where the pieces of w begin. */
static size_t at_bias(const lsq_evidence *e) {
  return e->x->cols * e->options.units;
}

static size_t at_output(const lsq_evidence *e) {
  return at_bias(e) + e->options.units;
}

static size_t at_constant(const lsq_evidence *e) {
  return at_output(e) + e->options.units;
}

static size_t at_direct(const lsq_evidence *e) {
  return at_constant(e) + 1;
}

/* The group of a parameter: inputs, then biases, output weights, the constant, direct ones. */
static size_t group(const lsq_evidence *e, size_t parameter) {
  const size_t d = e->x->cols;
  if (parameter < at_bias(e))
    return parameter / e->options.units;
  return d + (size_t)(parameter >= at_output(e)) + (size_t)(parameter >= at_constant(e)) +
         (size_t)(parameter >= at_direct(e));
}

static size_t constant_group(const lsq_evidence *e) {
  return e->x->cols + 2;
}

void lsq_evidence_place(lsq_evidence *e, lsq_arena *arena) {
  const size_t n = e->x->rows, d = e->x->cols, h = e->options.units, p = at_direct(e) + d;
  e->parameters = p;
  e->groups = d + 4;
  double **const vectors[] = {&e->w, &e->trial, &e->gradient, &e->diagonal, &e->inverse};
  for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
    *vectors[k] = lsq_arena_doubles(arena, p);
  e->residual = lsq_arena_doubles(arena, n);
  e->trial_residual = lsq_arena_doubles(arena, n);
  e->alpha = lsq_arena_doubles(arena, e->groups);
  e->shares = lsq_arena_doubles(arena, e->groups);
  e->norms = lsq_arena_doubles(arena, e->groups);
  e->hidden = lsq_arena_doubles(arena, h);
  e->slope = lsq_arena_doubles(arena, h);
  e->jacobian = lsq_arena_matrix(arena, n, p);
  e->gram = lsq_arena_matrix(arena, p, p);
  e->system = lsq_arena_matrix(arena, p, p);
  e->scratch = lsq_arena_matrix(arena, p, p);
}

/* The hidden units of a row and, unless slope is NULL, their slopes; returns the output. */
static double forward(const lsq_evidence *e, const double *w, const double *row, double *slope) {
  const size_t d = e->x->cols, h = e->options.units;
  double *z = e->hidden, out = w[at_constant(e)];
  memcpy(z, w + at_bias(e), h * sizeof *z);
  for (size_t j = 0; j < d; j++) {
    for (size_t u = 0; u < h; u++)
      z[u] += row[j] * w[j * h + u];
    out += row[j] * w[at_direct(e) + j];
  }
  for (size_t u = 0; u < h; u++) {
    z[u] = lsq_unit_value(e->options.unit, z[u], slope == NULL ? NULL : slope + u);
    out += z[u] * w[at_output(e) + u];
  }
  return out;
}

/* Residuals, and their sum of squares. */
static double residuals(const lsq_evidence *e, const double *w, double *residual) {
  double sum = 0;
  for (size_t i = 0; i < e->x->rows; i++) {
    residual[i] = forward(e, w, lsq_matrix_row(e->x, i), NULL) - e->y[i];
    sum += residual[i] * residual[i];
  }
  return sum;
}

static void fill_jacobian(const lsq_evidence *e) {
  const size_t d = e->x->cols, h = e->options.units;
  for (size_t i = 0; i < e->x->rows; i++) {
    const double *row = lsq_matrix_row(e->x, i);
    double *out = lsq_matrix_row(&e->jacobian, i);
    forward(e, e->w, row, e->slope);
    for (size_t u = 0; u < h; u++)
      out[at_bias(e) + u] = e->slope[u] * e->w[at_output(e) + u];
    for (size_t j = 0; j < d; j++)
      for (size_t u = 0; u < h; u++)
        out[j * h + u] = row[j] * out[at_bias(e) + u];
    memcpy(out + at_output(e), e->hidden, h * sizeof *out);
    out[at_constant(e)] = 1;
    memcpy(out + at_direct(e), row, d * sizeof *out);
  }
}

/* The lower triangle of J'J, in blocks of columns. */
static void fill_gram(const lsq_matrix *j, const lsq_matrix *gram) {
  for (size_t c = 0; c < j->cols; c += blocks) {
    const size_t width = lsq_size_min(blocks, j->cols - c), below = j->cols - c;
    const lsq_matrix left = {j->data + c, j->rows, below, j->stride};
    const lsq_matrix right = {j->data + c, j->rows, width, j->stride};
    const lsq_matrix out = {gram->data + c * gram->stride + c, below, width, gram->stride};
    lsq_multiply(1, &left, true, &right, false, 0, &out);
  }
}

static void fill_gradient(const lsq_evidence *e) {
  const lsq_matrix r = lsq_matrix_over(e->residual, e->x->rows, 1);
  const lsq_matrix g = lsq_matrix_over(e->gradient, e->parameters, 1);
  lsq_multiply(1, &e->jacobian, true, &r, false, 0, &g);
}

static double penalty(const lsq_evidence *e, const double *w) {
  double sum = 0;
  for (size_t i = 0; i < e->parameters; i++)
    sum += e->alpha[group(e, i)] * w[i] * w[i];
  return sum;
}

/* system = gram with alpha and, for mu > 0, mu (D + 1e-3 mean D) on the diagonal, factored. */
static lsq_status factor(const lsq_evidence *e, double mu, lsq_error *error) {
  double mean = 0;
  for (size_t i = 0; i < e->parameters; i++)
    mean += e->diagonal[i] / (double)e->parameters;
  for (size_t i = 0; i < e->parameters; i++) {
    double *row = lsq_matrix_row(&e->system, i);
    memcpy(row, lsq_matrix_row(&e->gram, i), (i + 1) * sizeof *row);
    row[i] += e->alpha[group(e, i)] + mu * (e->diagonal[i] + 1e-3 * mean);
  }
  return lsq_cholesky(&e->system, error);
}

/* How many parameters of each group the data determine, and the groups' squared norms. */
static void count_determined(lsq_evidence *e) {
  memset(e->shares, 0, e->groups * sizeof *e->shares);
  memset(e->norms, 0, e->groups * sizeof *e->norms);
  e->effective = 0;
  for (size_t i = 0; i < e->parameters; i++) {
    const size_t c = group(e, i);
    const double share = fmin(1, fmax(0, 1 - e->alpha[c] * e->inverse[i]));
    e->shares[c] += share;
    e->norms[c] += e->w[i] * e->w[i];
    e->effective += share;
  }
}

/* alpha_c <- sqrt(alpha_c sigma^2 (gamma_c + 1e-3) / |w_c|^2), half a step of the evidence's own.
 */
static void estimate(lsq_evidence *e) {
  lsq_error error;
  if (factor(e, 0, &error) != LSQ_OK)
    return; /* the penalties stay: the damped system below is better conditioned */
  const double n = (double)e->x->rows;
  lsq_cholesky_inverse_diagonal(&e->system, &e->scratch, e->inverse);
  count_determined(e);
  const double variance = e->squares / fmax(n - e->effective, n / 10);
  for (size_t c = 0; c < e->groups; c++) {
    if (c == constant_group(e))
      continue;
    const double wanted = variance * (e->shares[c] + 1e-3) / (e->norms[c] + 1e-12);
    e->alpha[c] = fmin(1e5, fmax(e->options.floor, sqrt(e->alpha[c] * wanted)));
  }
}

/* Random directions of length U(.5, 1.5) whose kinks lie at rows. */
static void draw(lsq_evidence *e, lsq_random *random) {
  const size_t d = e->x->cols, h = e->options.units;
  for (size_t u = 0; u < h; u++) {
    double squares = 0, product = 0;
    for (size_t j = 0; j < d; j++) {
      const double value = lsq_random_normal(random);
      e->w[j * h + u] = value;
      squares += value * value;
    }
    const double *row = lsq_matrix_row(e->x, lsq_random_below(random, e->x->rows));
    const double scale = (.5 + lsq_random_uniform(random)) / sqrt(squares);
    for (size_t j = 0; j < d; j++)
      product += (e->w[j * h + u] *= scale) * row[j];
    e->w[at_bias(e) + u] = -product;
  }
}

/* Output and direct weights by ridge regression, lambda = 1: the last columns of the Jacobian are
   what they weigh. */
static lsq_status fit_output(lsq_evidence *e, lsq_error *error) {
  const size_t from = at_output(e), count = e->parameters - from;
  memset(e->w + from, 0, count * sizeof *e->w);
  fill_jacobian(e);
  const lsq_matrix f = {e->jacobian.data + from, e->x->rows, count, e->jacobian.stride};
  const lsq_matrix system = {e->system.data, count, count, e->system.stride};
  fill_gram(&f, &system);
  for (size_t i = 0; i < count; i++)
    lsq_matrix_row(&system, i)[i] += from + i == at_constant(e) ? 1e-8 : 1;
  const lsq_status status = lsq_cholesky(&system, error);
  if (status != LSQ_OK)
    return status;
  const lsq_matrix y = {(double *)e->y, e->x->rows, 1, 1};
  const lsq_matrix solution = lsq_matrix_over(e->w + from, count, 1);
  lsq_multiply(1, &f, true, &y, false, 0, &solution);
  lsq_cholesky_solve(&system, &solution);
  return LSQ_OK;
}

lsq_status lsq_evidence_start(lsq_evidence *e, lsq_error *error) {
  lsq_random random;
  lsq_random_seed(&random, e->options.seed);
  for (size_t c = 0; c < e->groups; c++)
    e->alpha[c] = 1;
  e->alpha[e->x->cols] = .1;
  e->alpha[constant_group(e)] = 1e-8;
  e->damping = 1e-2;
  e->iteration = e->quiet = 0;
  e->effective = 0;
  draw(e, &random);
  const lsq_status status = fit_output(e, error);
  if (status == LSQ_OK)
    e->squares = residuals(e, e->w, e->residual);
  return status;
}

/* A step that lowers the objective, looked for with rising damping: it goes to trial, and
   trial_residual. Returns the objective there, or the present one without a step. */
static double search(lsq_evidence *e, double objective, double *squares) {
  lsq_error error;
  const lsq_matrix step = lsq_matrix_over(e->trial, e->parameters, 1);
  for (size_t k = 0; k < tries; k++) {
    if (factor(e, e->damping, &error) != LSQ_OK) {
      e->damping *= 10;
      continue;
    }
    memcpy(e->trial, e->gradient, e->parameters * sizeof *e->trial);
    lsq_cholesky_solve(&e->system, &step);
    for (size_t i = 0; i < e->parameters; i++)
      e->trial[i] = e->w[i] - e->trial[i];
    *squares = residuals(e, e->trial, e->trial_residual);
    const double reached = *squares + penalty(e, e->trial);
    if (reached < objective)
      return reached;
    e->damping *= 5;
  }
  return objective;
}

static void accept(lsq_evidence *e, double squares) {
  double *kept = e->w;
  e->w = e->trial;
  e->trial = kept;
  kept = e->residual;
  e->residual = e->trial_residual;
  e->trial_residual = kept;
  e->squares = squares;
  e->damping = fmax(e->damping / 4, 1e-7);
}

lsq_status lsq_evidence_step(lsq_evidence *e, bool *more, lsq_error *error) {
  static const double small = 1e-4;
  *more = false;
  fill_jacobian(e);
  fill_gram(&e->jacobian, &e->gram);
  for (size_t i = 0; i < e->parameters; i++)
    e->diagonal[i] = lsq_matrix_row(&e->gram, i)[i];
  if (!isfinite(e->squares))
    return lsq_fail(error, LSQ_NON_FINITE, "the residuals are not finite");
  if (e->iteration >= first_estimate)
    estimate(e);
  fill_gradient(e);
  for (size_t i = 0; i < e->parameters; i++)
    e->gradient[i] += e->alpha[group(e, i)] * e->w[i];
  const double objective = e->squares + penalty(e, e->w);
  double squares = 0;
  const double reached = search(e, objective, &squares);
  if (!(reached < objective))
    return LSQ_OK;
  accept(e, squares);
  e->quiet = objective - reached < small * objective ? e->quiet + 1 : 0;
  e->iteration++;
  *more =
      e->iteration < e->options.iterations && !(e->quiet >= 3 && e->iteration > 2 * first_estimate);
  return LSQ_OK;
}
