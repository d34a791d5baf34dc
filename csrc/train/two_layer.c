#include "train/two_layer.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "linalg/linalg.h"
#include "nn/dense.h"
#include "nn/loss.h"

static const double STEP_WORK = 4e8; /* elementary operations: about 0.1 s on one thread */
enum {
  STEP_ROWS = LSQ_MOST_LANES * LSQ_LANE_ROWS, /* at most */
  LEAST_STEP_ROWS = 64,

  /* Chunks of a leaf of the pattern tables, which are far larger than the other sums: the tables
     of more than 4 leaves would be added for longer than they are summed. */
  LEAF_CHUNKS = LSQ_MOST_CHUNKS / LSQ_MOST_PATTERN_LEAVES,

  /* Multiplications below which the lanes run on one thread: waking a second one costs as much,
     and on a machine that is busy otherwise far more. */
  PARALLEL_WORK = 256 * 1024
};

struct lsq_lane {
  lsq_row_reader reader;
  lsq_matrix activations; /* rows x (h+1): S */
  lsq_matrix output;      /* rows x c: the prediction, then R */
  lsq_matrix back;        /* rows x h: (R B') o G */
  double *sums;           /* of the chunk */
};

/* What a pass sums, as views into an array of doubles. */
typedef struct {
  lsq_matrix gram, cross; /* FIT: S'S (h+1) x (h+1), lower; S'Y (h+1) x c */
  lsq_matrix right;       /* EVALUATE: X~' back, (d+1) x h */
  lsq_matrix slopes;      /* with firing bits: G'G h x h, lower */
  lsq_matrix moment;      /* with a pattern: X~'X~ (d+1) x (d+1), lower */
  double *squared_error;
  size_t length; /* of the array */
} pass_sums;

static lsq_matrix view(pass_sums *sums, double *data, size_t rows, size_t cols) {
  const lsq_matrix m = lsq_matrix_over(data == NULL ? NULL : data + sums->length, rows, cols);
  sums->length += rows * cols;
  return m;
}

static pass_sums fit_sums(const lsq_two_layer *self, double *data) {
  pass_sums sums = {.length = 0};
  sums.gram = view(&sums, data, self->h + 1, self->h + 1);
  sums.cross = view(&sums, data, self->h + 1, self->c);
  return sums;
}

static pass_sums evaluate_sums(const lsq_two_layer *self, double *data, bool slopes, bool moment) {
  pass_sums sums = {.length = 0};
  sums.right = view(&sums, data, self->d + 1, self->h);
  if (slopes)
    sums.slopes = view(&sums, data, self->h, self->h);
  if (moment)
    sums.moment = view(&sums, data, self->d + 1, self->d + 1);
  sums.squared_error = view(&sums, data, 1, 1).data;
  return sums;
}

/* Of the pass under way. */
static pass_sums sums_of(const lsq_two_layer *self, double *data) {
  return self->pass == LSQ_FIT_PASS
             ? fit_sums(self, data)
             : evaluate_sums(self, data, self->firing != NULL, self->sums_moment);
}

static size_t most_sums(const lsq_two_layer *self, bool with_pattern) {
  return lsq_size_max(fit_sums(self, NULL).length,
                      evaluate_sums(self, NULL, true, with_pattern).length);
}

static size_t step_rows(const lsq_two_layer *self, bool with_pattern) {
  const double h = (double)self->h, m = (double)self->d + 1, c = (double)self->c;
  const double gram = h * (h + 1) / 2 * m * (m + 1) / 2 / 6; /* six rows a table look-up */
  const double per_row = (with_pattern ? gram : 0) + h * h + 4 * h * (m + c);
  const double rows = STEP_WORK / per_row;
  return rows < LEAST_STEP_ROWS ? LEAST_STEP_ROWS : rows > STEP_ROWS ? STEP_ROWS : (size_t)rows;
}

static void place_lane(lsq_lane *lane, lsq_arena *arena, const lsq_two_layer *self,
                       const lsq_rows *samples, size_t sums) {
  const size_t rows = lsq_size_min(LSQ_LANE_ROWS, lsq_size_max(self->row_count, 1));
  lsq_row_reader_place(&lane->reader, arena, samples, rows);
  lane->activations = lsq_arena_matrix(arena, rows, self->h + 1);
  lane->output = lsq_arena_matrix(arena, rows, self->c);
  lane->back = lsq_arena_matrix(arena, rows, self->h);
  lane->sums = lsq_arena_doubles(arena, sums);
}

static size_t fitting_lanes(const lsq_two_layer *self, size_t sums) {
  lsq_lane probe;
  lsq_arena measure = lsq_arena_measure();
  const lsq_rows in_memory = {.x = self->rows->x, .y = self->rows->y};
  place_lane(&probe, &measure, self, &in_memory, sums);
  return lsq_chunk_walk_fitting(measure.used);
}

static void place_lanes(lsq_two_layer *self, lsq_arena *arena, size_t sums) {
  self->lane = lsq_arena_take(arena, self->walk.lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->walk.lanes; k++) {
    lsq_lane measured;
    place_lane(self->lane == NULL ? &measured : &self->lane[k], arena, self, self->rows, sums);
  }
  lsq_tree_place(&self->tree, arena, sums, self->walk.chunks.count);
  self->total = lsq_arena_doubles(arena, sums);
}

static void place(lsq_two_layer *self, lsq_arena *arena, const lsq_network *net,
                  const lsq_rows *rows, bool with_pattern) {
  *self = (lsq_two_layer){.rows = rows,
                          .threads = lsq_threads(),
                          .d = lsq_network_inputs(net),
                          .h = net->layers[0].weight.cols,
                          .c = lsq_network_outputs(net),
                          .row_count = rows->x->rows};
  lsq_network_place_like(&self->net, arena, net);
  self->firing_words = (self->h + 63) / 64;
  const size_t sums = most_sums(self, with_pattern);
  self->walk =
      lsq_chunk_walk_of(self->row_count, fitting_lanes(self, sums), step_rows(self, with_pattern));
  place_lanes(self, arena, sums);
  const size_t step = lsq_size_min(self->walk.lanes * self->walk.piece, self->row_count);
  self->z = lsq_arena_matrix(arena, step, self->h);
  if (with_pattern) {
    self->features = lsq_arena_matrix(arena, step, self->d + 1);
    self->moment = lsq_arena_matrix(arena, self->d + 1, self->d + 1);
  }
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
  self->weight = lsq_rows_weight(self->rows);
}

double lsq_two_layer_alpha(const lsq_network *net) {
  return lsq_activation_slope(net->activation, net->alpha);
}

static void begin(lsq_two_layer *self, lsq_pass pass) {
  self->pass = pass;
  self->pattern = NULL;
  self->firing = NULL;
  self->gathers_right = self->sums_moment = false;
  lsq_chunk_walk_begin(&self->walk);
}

/* When it is settled what the pass sums. */
static void begin_sums(lsq_two_layer *self) {
  lsq_tree_clear(&self->tree);
  self->tree.length = sums_of(self, NULL).length;
}

void lsq_two_layer_begin_fit(lsq_two_layer *self) {
  begin(self, LSQ_FIT_PASS);
  begin_sums(self);
}

void lsq_two_layer_begin_evaluate(lsq_two_layer *self, lsq_right right_kind,
                                  lsq_pattern_gram *pattern) {
  begin(self, LSQ_EVALUATE_PASS);
  self->right_kind = right_kind;
  self->pattern = pattern;
  self->gathers_right = pattern != NULL;
  self->sums_moment = pattern != NULL && !self->has_moment && lsq_two_layer_alpha(&self->net) != 0;
  if (pattern != NULL)
    lsq_pattern_gram_clear(pattern);
  begin_sums(self);
}

void lsq_two_layer_begin_gradient(lsq_two_layer *self) {
  lsq_two_layer_begin_evaluate(self, LSQ_RESIDUALS, NULL);
  self->gathers_right = true;
}

void lsq_two_layer_begin_firing(lsq_two_layer *self, lsq_right right_kind, uint64_t *firing) {
  lsq_two_layer_begin_evaluate(self, right_kind, NULL);
  self->firing = firing;
  self->gathers_right = true;
  begin_sums(self);
}

static lsq_matrix first_columns(const lsq_matrix *m, size_t rows, size_t cols) {
  return (lsq_matrix){m->data, rows, cols, m->stride};
}

/* row i <- its weight, or the root of it, times row i. */
static void scale_rows(const lsq_matrix *m, const double *weights, bool root) {
  for (size_t i = 0; weights != NULL && i < m->rows; i++) {
    const double factor = root ? sqrt(weights[i]) : weights[i];
    double *row = lsq_matrix_row(m, i);
    for (size_t k = 0; k < m->cols; k++)
      row[k] *= factor;
  }
}

void lsq_two_layer_scale_rows(const lsq_matrix *m, const double *weights) {
  scale_rows(m, weights, false);
}

/* S'S and S'Y of a few rows of a chunk. */
static void fit_rows(const lsq_two_layer *self, const lsq_lane *lane, const lsq_row_block *block) {
  const lsq_layer *hidden = &self->net.layers[0];
  const pass_sums sums = fit_sums(self, lane->sums);
  lsq_matrix s = first_columns(&lane->activations, block->x.rows, self->h + 1);
  lsq_matrix units = first_columns(&s, block->x.rows, self->h);
  lsq_dense_forward(&block->x, &hidden->weight, hidden->bias, &units);
  lsq_activate(self->net.activation, self->net.alpha, &units);
  for (size_t i = 0; i < s.rows; i++)
    lsq_matrix_row(&s, i)[self->h] = 1;
  scale_rows(&s, block->weights, true);
  lsq_dense_gram(&s, &sums.gram);
  scale_rows(&s, block->weights, true);
  lsq_dense_gradient(&s, &block->y, &sums.cross, NULL);
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

/* G'G of a few rows of a chunk. */
static void gather_slopes(const lsq_two_layer *self, const lsq_lane *lane, const lsq_matrix *z,
                          const double *weights, const lsq_matrix *sum) {
  const double alpha = lsq_two_layer_alpha(&self->net);
  lsq_matrix slopes = first_columns(&lane->back, z->rows, self->h);
  for (size_t i = 0; i < z->rows; i++)
    for (size_t j = 0; j < self->h; j++)
      lsq_matrix_row(&slopes, i)[j] = lsq_matrix_row(z, i)[j] > 0 ? 1 : alpha;
  scale_rows(&slopes, weights, true);
  lsq_dense_gram(&slopes, sum);
}

/* X~' ((R B') o G) over a few rows, whose prediction lane->output holds. */
static void gather_right(const lsq_two_layer *self, const lsq_lane *lane,
                         const lsq_row_block *block, const lsq_matrix *units,
                         const lsq_matrix *right) {
  const lsq_layer *output = &self->net.layers[1];
  lsq_matrix r = first_columns(&lane->output, block->y.rows, self->c);
  lsq_matrix back = first_columns(&lane->back, block->y.rows, self->h);
  for (size_t i = 0; i < r.rows; i++) {
    const double *target = lsq_matrix_row(&block->y, i);
    double *row = lsq_matrix_row(&r, i);
    for (size_t k = 0; k < self->c; k++)
      row[k] = self->right_kind == LSQ_RESIDUALS ? row[k] - target[k] : target[k] - output->bias[k];
  }
  scale_rows(&r, block->weights, false);
  lsq_dense_backward(&r, &output->weight, &back);
  lsq_activation_backward(self->net.activation, self->net.alpha, NULL, units, &back);
  lsq_matrix weights = lsq_matrix_rows(right, 0, self->d);
  lsq_dense_gradient(&block->x, &back, &weights, lsq_matrix_row(right, self->d));
}

/* z and, with a pattern, features (rows x (d+1)) get what the pattern's table is made of. */
static void evaluate_rows(const lsq_two_layer *self, const lsq_lane *lane,
                          const lsq_row_block *block, size_t first, const lsq_matrix *z,
                          const lsq_matrix *features) {
  const lsq_layer *hidden = &self->net.layers[0], *output = &self->net.layers[1];
  const pass_sums sums = sums_of(self, lane->sums);
  lsq_matrix units = first_columns(&lane->activations, block->x.rows, self->h);
  lsq_matrix prediction = first_columns(&lane->output, block->x.rows, self->c);
  lsq_dense_forward(&block->x, &hidden->weight, hidden->bias, z);
  lsq_matrix_copy(z, &units);
  lsq_activate(self->net.activation, self->net.alpha, &units);
  lsq_dense_forward(&units, &output->weight, output->bias, &prediction);
  *sums.squared_error += lsq_loss_sum(&lsq_loss_mse, 0, &prediction, &block->y, block->weights);
  if (self->gathers_right)
    gather_right(self, lane, block, &units, &sums.right);
  if (self->firing != NULL) {
    write_firing(self, z, first);
    gather_slopes(self, lane, z, block->weights, &sums.slopes);
  }
  if (self->pattern != NULL)
    lsq_two_layer_fill_features(&block->x, block->weights, features);
  if (self->sums_moment)
    lsq_dense_gram(features, &sums.moment);
}

void lsq_two_layer_fill_features(const lsq_matrix *x, const double *weights,
                                 const lsq_matrix *features) {
  for (size_t i = 0; i < x->rows; i++) {
    double *row = lsq_matrix_row(features, i);
    memcpy(row, lsq_matrix_row(x, i), x->cols * sizeof *row);
    row[x->cols] = 1;
  }
  scale_rows(features, weights, true);
}

/* A step of one lane, whose place in z and features is from row `offset` on. */
static void run_lane(lsq_two_layer *self, size_t k, size_t offset) {
  lsq_lane *lane = &self->lane[k];
  size_t start = 0;
  const size_t rows = lsq_chunk_walk_rows(&self->walk, k, &start);
  if (lsq_chunk_walk_begins(&self->walk))
    memset(lane->sums, 0, self->tree.length * sizeof *lane->sums);
  for (size_t done = 0, count; done < rows; done += count) {
    count = lsq_size_min(rows - done, LSQ_LANE_ROWS);
    lsq_row_block block;
    if (!lsq_row_reader_get(&lane->reader, start + done, count, &block))
      return;
    if (self->pass == LSQ_FIT_PASS) {
      fit_rows(self, lane, &block);
      continue;
    }
    const lsq_matrix z = lsq_matrix_rows(&self->z, offset + done, count);
    lsq_matrix features = {NULL, 0, 0, 0};
    if (self->pattern != NULL)
      features = lsq_matrix_rows(&self->features, offset + done, count);
    evaluate_rows(self, lane, &block, start + done, &z, &features);
  }
}

/* The sums of the chunks that ended go to the tree; its root is the pass's result. */
static void end_chunks(lsq_two_layer *self, size_t ended) {
  const bool over = lsq_chunk_walk_is_over(&self->walk);
  for (size_t k = 0; k < ended; k++)
    lsq_tree_add(&self->tree, self->lane[k].sums);
  if (self->pattern != NULL && (over || self->walk.chunk % LEAF_CHUNKS == 0))
    lsq_pattern_gram_end_leaf(self->pattern, over);
  if (!over)
    return;
  lsq_tree_root(&self->tree, self->total);
  if (!self->sums_moment)
    return;
  const pass_sums sums = sums_of(self, self->total);
  lsq_matrix_copy(&sums.moment, &self->moment);
  self->has_moment = true;
}

/* One step of a pass: the next rows, dealt to the lanes. True when the pass is over. */
bool lsq_two_layer_advance(lsq_two_layer *self) {
  size_t first;
  const size_t rows = lsq_chunk_walk_step(&self->walk);
  const size_t each = lsq_chunk_walk_rows(&self->walk, 0, &first);
  const bool pays = rows * self->net.parameter_count >= PARALLEL_WORK;
#pragma omp parallel for schedule(static, 1) num_threads(self->threads) if (pays)
  for (size_t k = 0; k < self->walk.lanes; k++)
    run_lane(self, k, k * each);
  if (lsq_two_layer_status(self, NULL) != LSQ_OK)
    return true;
  if (self->pattern != NULL) {
    const lsq_matrix z = lsq_matrix_rows(&self->z, 0, rows);
    const lsq_matrix features = lsq_matrix_rows(&self->features, 0, rows);
    lsq_pattern_gram_gather(self->pattern, &features, &z);
  }
  const size_t ended = lsq_chunk_walk_advance(&self->walk);
  if (ended > 0)
    end_chunks(self, ended);
  return lsq_chunk_walk_is_over(&self->walk);
}

lsq_status lsq_two_layer_status(const lsq_two_layer *self, lsq_error *error) {
  for (size_t k = 0; k < self->walk.lanes; k++)
    if (self->lane[k].reader.status != LSQ_OK) {
      if (error != NULL)
        *error = self->lane[k].reader.error;
      return self->lane[k].reader.status;
    }
  return LSQ_OK;
}

/* to <- scale * from, of the same shape, without padding. */
static void scale_into(const lsq_matrix *from, double scale, double *to) {
  for (size_t i = 0; i < from->rows * from->cols; i++)
    to[i] = scale * from->data[i];
}

void lsq_two_layer_sum_fit(lsq_two_layer *self, double scale) {
  const pass_sums sums = fit_sums(self, self->total);
  scale_into(&sums.gram, scale, self->gram.data);
  scale_into(&sums.cross, scale, self->cross.data);
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
  return *sums_of(self, self->total).squared_error;
}

void lsq_two_layer_sum_right(const lsq_two_layer *self, double scale, double *right) {
  const pass_sums sums = sums_of(self, self->total);
  scale_into(&sums.right, scale, right);
}

void lsq_two_layer_sum_slopes(const lsq_two_layer *self, double scale, const lsq_matrix *slopes) {
  const pass_sums sums = sums_of(self, self->total);
  scale_into(&sums.slopes, scale, slopes->data);
}
