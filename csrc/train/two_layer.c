#include "train/two_layer.h"

#include <string.h>

#include "linalg/linalg.h"
#include "nn/dense.h"

enum { MOST_LANES = 16, LANE_ROWS = 128 };
static const size_t LANES_MEMORY = (size_t)64 << 20; /* bytes, for all lanes together */
static const double STEP_WORK = 4e8; /* elementary operations: about 0.1 s on one thread */

/* Multiplications below which the lanes run on one thread: waking a second one costs as much,
   and on a machine that is busy otherwise far more. */
enum { PARALLEL_WORK = 256 * 1024 };

struct lsq_lane {
  lsq_row_reader reader;
  lsq_matrix activations; /* rows x (h+1): S */
  lsq_matrix output;      /* rows x c: the prediction, then R */
  lsq_matrix back;        /* rows x h: (R B') o G */
  lsq_matrix gram;        /* (h+1) x (h+1): S'S, lower; h x h of it G'G with firing bits */
  lsq_matrix cross;       /* (h+1) x c: S'Y */
  lsq_matrix right;       /* (d+1) x h: X~' back */
  double squared_error;
};

static size_t step_rows(const lsq_two_layer *self, bool with_pattern) {
  const double h = (double)self->h, m = (double)self->d + 1, c = (double)self->c;
  const double gram = h * (h + 1) / 2 * m * (m + 1) / 2 / 6; /* six rows a table look-up */
  const double per_row = (with_pattern ? gram : 0) + h * h + 4 * h * (m + c);
  const double rows = STEP_WORK / per_row;
  return rows < 64 ? 64 : rows > MOST_LANES * LANE_ROWS ? MOST_LANES * LANE_ROWS : (size_t)rows;
}

static void place_lane(lsq_lane *lane, lsq_arena *arena, const lsq_two_layer *self,
                       const lsq_rows *samples, size_t rows) {
  lsq_row_reader_place(&lane->reader, arena, samples, rows);
  lane->activations = lsq_arena_matrix(arena, rows, self->h + 1);
  lane->output = lsq_arena_matrix(arena, rows, self->c);
  lane->back = lsq_arena_matrix(arena, rows, self->h);
  lane->gram = lsq_arena_matrix(arena, self->h + 1, self->h + 1);
  lane->cross = lsq_arena_matrix(arena, self->h + 1, self->c);
  lane->right = lsq_arena_matrix(arena, self->d + 1, self->h);
}

/* Rows of a step that one lane gets, at most. */
static size_t lane_rows(const lsq_two_layer *self) {
  return (self->step_rows + self->lanes - 1) / self->lanes;
}

static size_t count_lanes(const lsq_two_layer *self) {
  lsq_lane probe;
  lsq_arena measure = lsq_arena_measure();
  const lsq_rows in_memory = {.x = self->rows->x, .y = self->rows->y};
  place_lane(&probe, &measure, self, &in_memory, LANE_ROWS);
  size_t fitting = LANES_MEMORY / measure.used;
  return lsq_size_max(1, lsq_size_min(fitting, MOST_LANES));
}

static void place_lanes(lsq_two_layer *self, lsq_arena *arena) {
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_lane measured;
    place_lane(self->lane == NULL ? &measured : &self->lane[k], arena, self, self->rows,
               lane_rows(self));
  }
}

static void place(lsq_two_layer *self, lsq_arena *arena, const lsq_network *net,
                  const lsq_rows *rows, bool with_pattern) {
  *self = (lsq_two_layer){.rows = rows,
                          .d = lsq_network_inputs(net),
                          .h = net->layers[0].weight.cols,
                          .c = lsq_network_outputs(net),
                          .row_count = rows->x->rows};
  lsq_network_place_like(&self->net, arena, net);
  self->firing_words = (self->h + 63) / 64;
  self->step_rows = step_rows(self, with_pattern);
  self->lanes = count_lanes(self);
  place_lanes(self, arena);
  self->z = lsq_arena_matrix(arena, self->step_rows, self->h);
  if (with_pattern)
    self->features = lsq_arena_matrix(arena, self->step_rows, self->d + 1);
  self->gram = lsq_arena_matrix(arena, self->h + 1, self->h + 1);
  self->cross = lsq_arena_matrix(arena, self->h + 1, self->c);
  self->eigenvalues = lsq_arena_doubles(arena, self->h + 1);
  self->rotated = lsq_arena_matrix(arena, self->h + 1, self->c);
  self->eigen_workspace = lsq_arena_take(arena, lsq_eigh_workspace(self->h + 1, true), 1);
}

void lsq_two_layer_place(lsq_two_layer *self, lsq_arena *arena, const lsq_network *net,
                         const lsq_rows *rows) {
  place(self, arena, net, rows, true);
}

void lsq_two_layer_place_matrix_free(lsq_two_layer *self, lsq_arena *arena, const lsq_network *net,
                                     const lsq_rows *rows) {
  place(self, arena, net, rows, false);
}

void lsq_two_layer_start(lsq_two_layer *self, const lsq_network *net) {
  memcpy(self->net.parameters, net->parameters, net->parameter_count * sizeof(double));
}

double lsq_two_layer_alpha(const lsq_network *net) {
  return lsq_activation_slope(net->activation, net->alpha);
}

lsq_status lsq_two_layer_check(const lsq_network *net, const char *who, lsq_error *error) {
  if (net->depth != 2)
    return lsq_fail(error, LSQ_MISUSE, "%s trains a net with one hidden layer, this has %zu", who,
                    net->depth - 1);
  if (!lsq_activation_has_kink(net->activation))
    return lsq_fail(error, LSQ_MISUSE, "%s trains a relu or leaky_relu net, this is %s", who,
                    net->activation->name);
  if (!lsq_activation_is_linear(net->output_activation))
    return lsq_fail(error, LSQ_MISUSE,
                    "%s trains a net whose output activation is identity, this has %s", who,
                    net->output_activation->name);
  if (net->layers[0].bias == NULL || net->layers[1].bias == NULL)
    return lsq_fail(error, LSQ_MISUSE, "%s trains a net with biases in both layers", who);
  if (!net->loss->squares)
    return lsq_fail(error, LSQ_MISUSE, "%s minimises the mse, the net's loss is %s", who,
                    net->loss->name);
  return LSQ_OK;
}

void lsq_two_layer_sum_slopes(const lsq_two_layer *self, double scale, const lsq_matrix *slopes) {
  lsq_matrix_fill(slopes, 0);
  for (size_t k = 0; k < self->lanes; k++)
    for (size_t j = 0; j < self->h; j++)
      for (size_t l = 0; l <= j; l++)
        lsq_matrix_row(slopes, j)[l] += scale * lsq_matrix_row(&self->lane[k].gram, j)[l];
}

static void begin(lsq_two_layer *self, lsq_pass pass) {
  self->pass = pass;
  self->row = 0;
  for (size_t k = 0; k < self->lanes; k++) {
    lsq_lane *lane = &self->lane[k];
    lsq_matrix_fill(pass == LSQ_FIT_PASS ? &lane->gram : &lane->right, 0);
    if (pass == LSQ_FIT_PASS)
      lsq_matrix_fill(&lane->cross, 0);
    lane->squared_error = 0;
  }
}

void lsq_two_layer_begin_fit(lsq_two_layer *self) {
  begin(self, LSQ_FIT_PASS);
}

void lsq_two_layer_begin_evaluate(lsq_two_layer *self, lsq_right right_kind,
                                  lsq_pattern_gram *pattern) {
  begin(self, LSQ_EVALUATE_PASS);
  self->right_kind = right_kind;
  self->pattern = pattern;
  self->firing = NULL;
  if (pattern != NULL)
    lsq_pattern_gram_clear(pattern);
}

void lsq_two_layer_begin_firing(lsq_two_layer *self, lsq_right right_kind, uint64_t *firing) {
  lsq_two_layer_begin_evaluate(self, right_kind, NULL);
  self->firing = firing;
  for (size_t k = 0; k < self->lanes; k++)
    lsq_matrix_fill(&self->lane[k].gram, 0);
}

static lsq_matrix first_columns(const lsq_matrix *m, size_t rows, size_t cols) {
  return (lsq_matrix){m->data, rows, cols, m->stride};
}

/* S'S and S'Y of the rows of one lane. */
static void fit_lane(lsq_two_layer *self, lsq_lane *lane, const lsq_matrix *x,
                     const lsq_matrix *y) {
  const lsq_layer *hidden = &self->net.layers[0];
  lsq_matrix s = first_columns(&lane->activations, x->rows, self->h + 1);
  lsq_matrix units = first_columns(&s, x->rows, self->h);
  lsq_dense_forward(x, &hidden->weight, hidden->bias, &units);
  lsq_activate(self->net.activation, self->net.alpha, &units);
  for (size_t i = 0; i < s.rows; i++)
    lsq_matrix_row(&s, i)[self->h] = 1;
  lsq_dense_gram(&s, &lane->gram);
  lsq_dense_gradient(&s, y, &lane->cross, NULL);
}

/* The bits of the units that fire in the rows of z, the first of which is row `first`. */
static void write_firing(const lsq_two_layer *self, const lsq_matrix *z, size_t first) {
  const size_t words = self->firing_words;
  for (size_t i = 0; i < z->rows; i++) {
    const double *row = lsq_matrix_row(z, i);
    uint64_t *bits = self->firing + (first + i) * words;
    memset(bits, 0, words * sizeof *bits);
    for (size_t j = 0; j < z->cols; j++)
      bits[j / 64] |= (uint64_t)(row[j] > 0) << (j % 64);
  }
}

/* G'G of the rows of one lane. */
static void gather_slopes(const lsq_two_layer *self, lsq_lane *lane, const lsq_matrix *z) {
  const double alpha = lsq_two_layer_alpha(&self->net);
  lsq_matrix slopes = first_columns(&lane->back, z->rows, self->h);
  lsq_matrix gram = first_columns(&lane->gram, self->h, self->h);
  for (size_t i = 0; i < z->rows; i++)
    for (size_t j = 0; j < self->h; j++)
      lsq_matrix_row(&slopes, i)[j] = lsq_matrix_row(z, i)[j] > 0 ? 1 : alpha;
  lsq_dense_gram(&slopes, &gram);
}

/* X~' ((R B') o G) over the rows of one lane, whose prediction lane->output holds. */
static void gather_right(lsq_two_layer *self, lsq_lane *lane, const lsq_matrix *x,
                         const lsq_matrix *y, const lsq_matrix *units) {
  const lsq_layer *output = &self->net.layers[1];
  lsq_matrix r = first_columns(&lane->output, y->rows, self->c);
  lsq_matrix back = first_columns(&lane->back, y->rows, self->h);
  for (size_t i = 0; i < y->rows; i++) {
    const double *target = lsq_matrix_row(y, i);
    double *row = lsq_matrix_row(&r, i);
    for (size_t k = 0; k < self->c; k++)
      row[k] = self->right_kind == LSQ_RESIDUALS ? row[k] - target[k] : target[k] - output->bias[k];
  }
  lsq_dense_backward(&r, &output->weight, &back);
  lsq_activation_backward(self->net.activation, self->net.alpha, NULL, units, &back);
  lsq_matrix weights = lsq_matrix_rows(&lane->right, 0, self->d);
  lsq_dense_gradient(x, &back, &weights, lsq_matrix_row(&lane->right, self->d));
}

static void evaluate_lane(lsq_two_layer *self, lsq_lane *lane, const lsq_matrix *x,
                          const lsq_matrix *y, const lsq_matrix *z, size_t first) {
  const lsq_layer *hidden = &self->net.layers[0], *output = &self->net.layers[1];
  lsq_matrix units = first_columns(&lane->activations, x->rows, self->h);
  lsq_matrix prediction = first_columns(&lane->output, x->rows, self->c);
  lsq_dense_forward(x, &hidden->weight, hidden->bias, z);
  lsq_matrix_copy(z, &units);
  lsq_activate(self->net.activation, self->net.alpha, &units);
  lsq_dense_forward(&units, &output->weight, output->bias, &prediction);
  lane->squared_error += lsq_loss_sum(&lsq_loss_mse, 0, &prediction, y, NULL);
  if (self->pattern == NULL && self->firing == NULL)
    return;
  gather_right(self, lane, x, y, &units);
  if (self->firing == NULL)
    return;
  write_firing(self, z, first);
  gather_slopes(self, lane, z);
}

void lsq_two_layer_fill_features(const lsq_matrix *x, const lsq_matrix *features) {
  for (size_t i = 0; i < x->rows; i++) {
    double *row = lsq_matrix_row(features, i);
    memcpy(row, lsq_matrix_row(x, i), x->cols * sizeof *row);
    row[x->cols] = 1;
  }
}

/* One step of a pass: the next rows, dealt to the lanes. True when the pass is over. */
bool lsq_two_layer_advance(lsq_two_layer *self) {
  const size_t rows = lsq_size_min(self->step_rows, self->row_count - self->row);
  const size_t each = (rows + self->lanes - 1) / self->lanes;
  const bool pays = rows * self->net.parameter_count >= PARALLEL_WORK;
#pragma omp parallel for schedule(static, 1) if (pays)
  for (size_t k = 0; k < self->lanes; k++) {
    const size_t first = lsq_size_min(k * each, rows);
    const size_t count = lsq_size_min(each, rows - first);
    lsq_lane *lane = &self->lane[k];
    lsq_matrix z = lsq_matrix_rows(&self->z, first, count);
    lsq_row_block block;
    if (!lsq_row_reader_get(&lane->reader, self->row + first, count, &block))
      continue;
    if (self->pass == LSQ_FIT_PASS)
      fit_lane(self, lane, &block.x, &block.y);
    else
      evaluate_lane(self, lane, &block.x, &block.y, &z, self->row + first);
    if (self->pass == LSQ_EVALUATE_PASS && self->pattern != NULL) {
      lsq_matrix features = lsq_matrix_rows(&self->features, first, count);
      lsq_two_layer_fill_features(&block.x, &features);
    }
  }
  if (self->pass == LSQ_EVALUATE_PASS && self->pattern != NULL) {
    lsq_matrix z = lsq_matrix_rows(&self->z, 0, rows);
    lsq_matrix features = lsq_matrix_rows(&self->features, 0, rows);
    lsq_pattern_gram_add(self->pattern, &features, &z);
  }
  self->row += rows;
  return self->row == self->row_count || lsq_two_layer_status(self, NULL) != LSQ_OK;
}

lsq_status lsq_two_layer_status(const lsq_two_layer *self, lsq_error *error) {
  for (size_t k = 0; k < self->lanes; k++)
    if (self->lane[k].reader.status != LSQ_OK) {
      if (error != NULL)
        *error = self->lane[k].reader.error;
      return self->lane[k].reader.status;
    }
  return LSQ_OK;
}

void lsq_two_layer_sum_fit(lsq_two_layer *self, double scale) {
  const size_t n = self->h + 1;
  lsq_matrix_fill(&self->gram, 0);
  lsq_matrix_fill(&self->cross, 0);
  for (size_t k = 0; k < self->lanes; k++) {
    for (size_t i = 0; i < n * n; i++)
      self->gram.data[i] += scale * self->lane[k].gram.data[i];
    for (size_t i = 0; i < n * self->c; i++)
      self->cross.data[i] += scale * self->lane[k].cross.data[i];
  }
}

static void sum_ridge(lsq_two_layer *self, double scale, double lambda) {
  lsq_two_layer_sum_fit(self, scale);
  for (size_t i = 0; i <= self->h; i++)
    lsq_matrix_row(&self->gram, i)[i] += lambda;
}

static lsq_status solve_singular(lsq_two_layer *self, double scale, double lambda,
                                 lsq_error *error) {
  const size_t n = self->h + 1;
  sum_ridge(self, scale, lambda);
  lsq_status status = lsq_eigh(&self->gram, self->eigenvalues, true, self->eigen_workspace, error);
  if (status != LSQ_OK)
    return status;
  const double cut = (double)n * 0x1p-52 * self->eigenvalues[n - 1];
  lsq_multiply(1, &self->gram, true, &self->cross, false, 0, &self->rotated);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < self->c; k++)
      lsq_matrix_row(&self->rotated, i)[k] *=
          self->eigenvalues[i] > cut ? 1 / self->eigenvalues[i] : 0;
  lsq_multiply(1, &self->gram, false, &self->rotated, false, 0, &self->cross);
  return LSQ_OK;
}

lsq_status lsq_two_layer_solve_output(lsq_two_layer *self, double scale, double lambda,
                                      bool *singular, lsq_error *error) {
  const lsq_layer *output = &self->net.layers[1];
  sum_ridge(self, scale, lambda);
  *singular = false;
  lsq_status status = lsq_cholesky(&self->gram, error);
  if (status == LSQ_OK)
    lsq_cholesky_solve(&self->gram, &self->cross);
  else if (status == LSQ_NOT_POSITIVE_DEFINITE) {
    *singular = true;
    status = solve_singular(self, scale, lambda, error);
  }
  if (status != LSQ_OK)
    return status;
  lsq_matrix weight = lsq_matrix_rows(&self->cross, 0, self->h);
  lsq_matrix_copy(&weight, &output->weight);
  memcpy(output->bias, lsq_matrix_row(&self->cross, self->h), self->c * sizeof(double));
  return LSQ_OK;
}

double lsq_two_layer_squared_error(const lsq_two_layer *self) {
  double sum = 0;
  for (size_t k = 0; k < self->lanes; k++)
    sum += self->lane[k].squared_error;
  return sum;
}

void lsq_two_layer_sum_right(const lsq_two_layer *self, double scale, double *right) {
  for (size_t k = 0; k < (self->d + 1) * self->h; k++) {
    double sum = 0;
    for (size_t lane = 0; lane < self->lanes; lane++)
      sum += self->lane[lane].right.data[k];
    right[k] = sum * scale;
  }
}
