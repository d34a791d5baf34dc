#include "train/hidden_cg.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "base/threads.h"
#include "linalg/linalg.h"
#include "nn/dense.h"

/* Multiplications below which the lanes run on one thread, as in two_layer.c. */
enum { PARALLEL_WORK = 256 * 1024 };

struct lsq_cg_lane {
  lsq_row_reader reader;
  lsq_matrix z, back;  /* rows x h */
  lsq_matrix output;   /* rows x c */
  lsq_matrix features; /* rows x (d+1): X~ */
  double *sums;        /* of the chunk: (d+1) x h of a product, or the moment's (d+1) x (d+1) */
};

static void place_lane(lsq_cg_lane *lane, lsq_arena *arena, const lsq_hidden_cg *self,
                       const lsq_rows *samples, size_t sums) {
  const size_t rows = lsq_size_min(LSQ_LANE_ROWS, lsq_size_max(samples->x->rows, 1));
  lsq_row_reader_place(&lane->reader, arena, samples, rows);
  lane->z = lsq_arena_matrix(arena, rows, self->h);
  lane->back = lsq_arena_matrix(arena, rows, self->h);
  lane->output = lsq_arena_matrix(arena, rows, self->layers->c);
  lane->features = lsq_arena_matrix(arena, rows, self->m);
  lane->sums = lsq_arena_doubles(arena, sums);
}

static void place_lanes(lsq_hidden_cg *self, lsq_arena *arena) {
  lsq_cg_lane probe;
  lsq_arena measure = lsq_arena_measure();
  const lsq_rows *rows = self->layers->rows;
  const lsq_rows in_memory = {.x = rows->x, .y = rows->y};
  const size_t sums = lsq_size_multiply(self->m, lsq_size_max(self->m, self->h));
  place_lane(&probe, &measure, self, &in_memory, sums);
  self->walk = lsq_chunk_walk_of(self->layers->row_count, lsq_chunk_walk_fitting(measure.used),
                                 LSQ_MOST_LANES * LSQ_LANE_ROWS);
  self->lane = lsq_arena_take(arena, self->walk.lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->walk.lanes; k++)
    place_lane(self->lane == NULL ? &probe : &self->lane[k], arena, self, rows, sums);
  lsq_tree_place(&self->tree, arena, sums, self->walk.chunks.count);
}

void lsq_hidden_cg_place(lsq_hidden_cg *self, lsq_arena *arena, const lsq_two_layer *layers,
                         lsq_preconditioner kind) {
  const size_t m = layers->d + 1, h = layers->h;
  *self = (lsq_hidden_cg){
      .layers = layers, .kind = kind, .m = m, .h = h, .count = m * h, .threads = lsq_threads()};
  place_lanes(self, arena);
  self->firing = lsq_arena_take(arena, lsq_size_multiply(layers->row_count, layers->firing_words),
                                sizeof *self->firing);
  self->product = lsq_arena_matrix(arena, h, h);
  lsq_matrix *const vectors[] = {&self->solution, &self->right,  &self->residual, &self->direction,
                                 &self->image,    &self->scaled, &self->rotated};
  for (size_t k = 0; k < sizeof vectors / sizeof *vectors; k++)
    *vectors[k] = lsq_arena_matrix(arena, m, h);
  self->moment = lsq_arena_matrix(arena, m, m);
  if (kind == LSQ_KRONECKER) {
    self->slopes = lsq_arena_matrix(arena, h, h);
    self->moment_values = lsq_arena_doubles(arena, m);
    self->values = lsq_arena_doubles(arena, h);
    const size_t bytes = lsq_size_max(lsq_eigh_workspace(m, true), lsq_eigh_workspace(h, true));
    self->eigen_workspace = lsq_arena_take(arena, bytes, 1);
    return;
  }
  self->block = lsq_arena_take(arena, h, sizeof *self->block);
  for (size_t j = 0; j < h; j++) {
    const lsq_matrix block = lsq_arena_matrix(arena, m, m);
    if (self->block != NULL)
      self->block[j] = block;
  }
}

void lsq_hidden_cg_start(lsq_hidden_cg *self, double lambda, double tolerance, size_t limit,
                         const double *mask) {
  self->alpha = lsq_two_layer_alpha(&self->layers->net);
  self->lambda = lambda;
  self->tolerance = tolerance;
  self->limit = limit;
  self->mask = mask;
  self->has_moment = false;
}

static void begin_pass(lsq_hidden_cg *self, lsq_cg_pass pass) {
  self->pass = pass;
  lsq_chunk_walk_begin(&self->walk);
  lsq_tree_clear(&self->tree);
  self->tree.length = pass == LSQ_CG_MOMENT ? self->m * self->m : self->count;
  if (pass == LSQ_CG_BLOCKS)
    for (size_t j = 0; j < self->h; j++)
      lsq_matrix_fill(&self->block[j], 0);
}

static void apply_mask(const lsq_hidden_cg *self, const lsq_matrix *v) {
  for (size_t k = 0; self->mask != NULL && k < self->count; k++)
    v->data[k] *= self->mask[k];
}

static double dot(const lsq_matrix *a, const lsq_matrix *b) {
  double sum = 0;
  for (size_t k = 0; k < a->rows * a->cols; k++)
    sum += a->data[k] * b->data[k];
  return sum;
}

void lsq_hidden_cg_begin(lsq_hidden_cg *self) {
  const lsq_matrix *weight = &self->layers->net.layers[1].weight;
  lsq_multiply(1, weight, false, weight, true, 0, &self->product);
  memcpy(self->solution.data, self->layers->net.parameters, self->count * sizeof(double));
  apply_mask(self, &self->solution);
  lsq_two_layer_sum_right(self->layers, 1 / self->layers->weight, self->right.data);
  apply_mask(self, &self->right);
  self->right_norm = sqrt(dot(&self->right, &self->right));
  self->iterations = 0;
  begin_pass(self, self->has_moment ? self->kind == LSQ_BLOCK ? LSQ_CG_BLOCKS : LSQ_CG_RESIDUAL
                                    : LSQ_CG_MOMENT);
}

/* z <- G o z for rows whose firing bits are given. */
LSQ_CLONES
static void apply_slopes(const lsq_matrix *z, const uint64_t *firing, size_t words, double alpha) {
  for (size_t i = 0; i < z->rows; i++)
    for (size_t word = 0; word < words; word++) {
      const uint64_t bits = firing[i * words + word];
      const size_t count = lsq_size_min(z->cols - 64 * word, 64);
      double *row = lsq_matrix_row(z, i) + 64 * word;
#pragma omp simd
      for (size_t j = 0; j < count; j++)
        row[j] = (bits >> j & 1) != 0 ? row[j] : alpha * row[j];
    }
}

/* sums += X~' (G o ((G o (X~ V)) B B')) over a few rows, the first of which is row `first`. */
static void multiply_rows(const lsq_hidden_cg *self, const lsq_cg_lane *lane,
                          const lsq_row_block *block, size_t first, const lsq_matrix *v) {
  const size_t d = self->m - 1, words = self->layers->firing_words, rows = block->x.rows;
  const uint64_t *firing = self->firing + first * words;
  const lsq_matrix *output = &self->layers->net.layers[1].weight;
  const lsq_matrix weight = lsq_matrix_rows(v, 0, d), sum = lsq_matrix_over(lane->sums, d, self->h);
  const lsq_matrix z = lsq_matrix_rows(&lane->z, 0, rows);
  const lsq_matrix back = lsq_matrix_rows(&lane->back, 0, rows);
  lsq_dense_forward(&block->x, &weight, lsq_matrix_row(v, d), &z);
  apply_slopes(&z, firing, words, self->alpha);
  if (2 * self->layers->c < self->h) {
    const lsq_matrix prediction = lsq_matrix_rows(&lane->output, 0, rows);
    lsq_dense_forward(&z, output, NULL, &prediction);
    lsq_dense_backward(&prediction, output, &back);
  } else
    lsq_dense_forward(&z, &self->product, NULL, &back);
  apply_slopes(&back, firing, words, self->alpha);
  lsq_two_layer_scale_rows(&back, block->weights);
  lsq_dense_gradient(&block->x, &back, &sum, lane->sums + d * self->h);
}

static void add_moment(const lsq_hidden_cg *self, const lsq_cg_lane *lane,
                       const lsq_row_block *block) {
  const lsq_matrix features = lsq_matrix_rows(&lane->features, 0, block->x.rows);
  const lsq_matrix sum = lsq_matrix_over(lane->sums, self->m, self->m);
  lsq_two_layer_fill_features(&block->x, block->weights, &features);
  lsq_dense_gram(&features, &sum);
}

/* block[j] += the sum of x~ x~' over those of a few rows in which unit j fires. */
static void add_block(const lsq_hidden_cg *self, const lsq_cg_lane *lane, const lsq_row_block *rows,
                      size_t first, size_t j) {
  const size_t words = self->layers->firing_words;
  size_t fires = 0;
  for (size_t i = 0; i < rows->x.rows; i++) {
    if ((self->firing[(first + i) * words + j / 64] >> (j % 64) & 1) == 0)
      continue;
    const lsq_matrix x = lsq_matrix_rows(&rows->x, i, 1);
    const lsq_matrix feature = lsq_matrix_rows(&lane->features, fires++, 1);
    lsq_two_layer_fill_features(&x, rows->weights == NULL ? NULL : rows->weights + i, &feature);
  }
  const lsq_matrix features = lsq_matrix_rows(&lane->features, 0, fires);
  lsq_dense_gram(&features, &self->block[j]);
}

/* A step of the blocks of the units of one share: each unit sees the rows in the same order,
   whoever has it. */
static void add_blocks(const lsq_hidden_cg *self, size_t share) {
  lsq_cg_lane *lane = &self->lane[share];
  lsq_row_block block;
  for (size_t k = 0; k < self->walk.lanes; k++) {
    size_t start = 0;
    const size_t rows = lsq_chunk_walk_rows(&self->walk, k, &start);
    for (size_t done = 0, count; done < rows; done += count) {
      count = lsq_size_min(LSQ_LANE_ROWS, rows - done);
      if (!lsq_row_reader_get(&lane->reader, start + done, count, &block))
        return;
      for (size_t j = share; j < self->h; j += self->walk.lanes)
        add_block(self, lane, &block, start + done, j);
    }
  }
}

static void run_lane(const lsq_hidden_cg *self, size_t k) {
  lsq_cg_lane *lane = &self->lane[k];
  size_t start = 0;
  const size_t rows = lsq_chunk_walk_rows(&self->walk, k, &start);
  if (self->pass == LSQ_CG_BLOCKS) {
    add_blocks(self, k);
    return;
  }
  if (lsq_chunk_walk_begins(&self->walk))
    memset(lane->sums, 0, self->tree.length * sizeof *lane->sums);
  lsq_row_block block;
  for (size_t done = 0, count; done < rows; done += count) {
    count = lsq_size_min(LSQ_LANE_ROWS, rows - done);
    if (!lsq_row_reader_get(&lane->reader, start + done, count, &block))
      return;
    if (self->pass == LSQ_CG_MOMENT)
      add_moment(self, lane, &block);
    else
      multiply_rows(self, lane, &block, start + done,
                    self->pass == LSQ_CG_RESIDUAL ? &self->solution : &self->direction);
  }
}

/* moment <- X~'X~ / N. */
static lsq_status end_moment(lsq_hidden_cg *self, lsq_error *error) {
  const double scale = 1 / self->layers->weight;
  lsq_tree_root(&self->tree, self->moment.data);
  for (size_t k = 0; k < self->m * self->m; k++)
    self->moment.data[k] *= scale;
  self->has_moment = true;
  if (self->kind == LSQ_BLOCK)
    return LSQ_OK;
  return lsq_eigh(&self->moment, self->moment_values, true, self->eigen_workspace, error);
}

/* Block j: (B B')_jj (alpha^2 X~'X~ + (1 - alpha^2) the sum over firing rows) / N + lambda I. */
static lsq_status end_blocks(lsq_hidden_cg *self, lsq_error *error) {
  const double square = self->alpha * self->alpha, scale = 1 / self->layers->weight;
  for (size_t j = 0; j < self->h; j++) {
    const double weight = lsq_matrix_row(&self->product, j)[j];
    double trace = 0;
    for (size_t p = 0; p < self->m; p++) {
      double *row = lsq_matrix_row(&self->block[j], p);
      for (size_t q = 0; q <= p; q++)
        row[q] =
            weight * (square * lsq_matrix_row(&self->moment, p)[q] + (1 - square) * scale * row[q]);
      trace += row[p];
    }
    /* A unit that is dead or has no weight must not spoil the others. */
    const double least = self->lambda > 0 ? 0 : trace > 0 ? 1e-12 * trace : 1;
    for (size_t p = 0; p < self->m; p++)
      lsq_matrix_row(&self->block[j], p)[p] += self->lambda + least;
    const lsq_status status = lsq_cholesky(&self->block[j], error);
    if (status == LSQ_NOT_POSITIVE_DEFINITE) {
      self->indefinite_units++;
      lsq_matrix_fill(&self->block[j], 0);
      for (size_t p = 0; p < self->m; p++)
        lsq_matrix_row(&self->block[j], p)[p] = 1;
    } else if (status != LSQ_OK)
      return status;
  }
  return LSQ_OK;
}

static lsq_status prepare_kronecker(lsq_hidden_cg *self, lsq_error *error) {
  lsq_two_layer_sum_slopes(self->layers, 1 / self->layers->weight, &self->slopes);
  for (size_t j = 0; j < self->h; j++)
    for (size_t l = 0; l <= j; l++)
      lsq_matrix_row(&self->slopes, j)[l] *= lsq_matrix_row(&self->product, j)[l];
  return lsq_eigh(&self->slopes, self->values, true, self->eigen_workspace, error);
}

/* scaled <- the preconditioner's inverse of residual. */
static void precondition(lsq_hidden_cg *self) {
  if (self->kind == LSQ_BLOCK) {
    lsq_matrix_copy(&self->residual, &self->scaled);
    for (size_t j = 0; j < self->h; j++) {
      const lsq_matrix unit = {self->scaled.data + j, self->m, 1, self->h};
      lsq_cholesky_solve(&self->block[j], &unit);
    }
    apply_mask(self, &self->scaled);
    return;
  }
  const double largest = self->values[self->h - 1] * self->moment_values[self->m - 1];
  const double least = largest > 0 ? 1e-12 * largest : 1;
  lsq_multiply(1, &self->moment, true, &self->residual, false, 0, &self->scaled);
  lsq_multiply(1, &self->scaled, false, &self->slopes, false, 0, &self->rotated);
  for (size_t p = 0; p < self->m; p++)
    for (size_t j = 0; j < self->h; j++)
      lsq_matrix_row(&self->rotated, p)[j] /=
          fmax(self->moment_values[p] * self->values[j] + self->lambda, least);
  lsq_multiply(1, &self->rotated, false, &self->slopes, true, 0, &self->scaled);
  lsq_multiply(1, &self->moment, false, &self->scaled, false, 0, &self->rotated);
  lsq_matrix_copy(&self->rotated, &self->scaled);
  apply_mask(self, &self->scaled);
}

/* image <- the matrix times v, from the sums of the pass. */
static void sum_image(lsq_hidden_cg *self, const lsq_matrix *v) {
  const double scale = 1 / self->layers->weight;
  lsq_tree_root(&self->tree, self->image.data);
  for (size_t k = 0; k < self->count; k++)
    self->image.data[k] = scale * self->image.data[k] + self->lambda * v->data[k];
  apply_mask(self, &self->image);
}

static void add_scaled(const lsq_matrix *to, double factor, const lsq_matrix *from) {
  for (size_t k = 0; k < to->rows * to->cols; k++)
    to->data[k] += factor * from->data[k];
}

/* Whether the residual is small enough, or there is nothing left to do about it. One iteration is
   made whatever the start: a warm start within the tolerance would leave the layer as it is, and
   every later iteration of the training likewise. */
static bool is_solved(lsq_hidden_cg *self) {
  const double norm = sqrt(dot(&self->residual, &self->residual));
  self->residual_norm = self->right_norm > 0 ? norm / self->right_norm : norm;
  if (!isfinite(norm) || norm == 0 || self->iterations >= self->limit)
    return true;
  return self->iterations > 0 && self->residual_norm <= self->tolerance;
}

static void begin_direction(lsq_hidden_cg *self, bool first) {
  precondition(self);
  const double rho = dot(&self->residual, &self->scaled);
  if (first)
    lsq_matrix_copy(&self->scaled, &self->direction);
  else
    for (size_t k = 0; k < self->count; k++)
      self->direction.data[k] = self->scaled.data[k] + rho / self->rho * self->direction.data[k];
  self->rho = rho;
  begin_pass(self, LSQ_CG_DIRECTION);
}

static lsq_status end_residual(lsq_hidden_cg *self, bool *done, lsq_error *error) {
  const lsq_status status = self->kind == LSQ_BLOCK ? LSQ_OK : prepare_kronecker(self, error);
  if (status != LSQ_OK)
    return status;
  sum_image(self, &self->solution);
  lsq_matrix_copy(&self->right, &self->residual);
  add_scaled(&self->residual, -1, &self->image);
  *done = is_solved(self);
  if (!*done)
    begin_direction(self, true);
  return LSQ_OK;
}

/* A direction along which the matrix vanishes ends the solve (lambda = 0). */
static void end_direction(lsq_hidden_cg *self, bool *done) {
  sum_image(self, &self->direction);
  const double curvature = dot(&self->direction, &self->image);
  *done = true;
  if (!(curvature > 0))
    return;
  const double length = self->rho / curvature;
  self->iterations++;
  add_scaled(&self->solution, length, &self->direction);
  add_scaled(&self->residual, -length, &self->image);
  *done = is_solved(self);
  if (!*done)
    begin_direction(self, false);
}

static lsq_status end_pass(lsq_hidden_cg *self, bool *done, lsq_error *error) {
  lsq_status status = LSQ_OK;
  switch (self->pass) {
  case LSQ_CG_MOMENT:
    if ((status = end_moment(self, error)) == LSQ_OK)
      begin_pass(self, self->kind == LSQ_BLOCK ? LSQ_CG_BLOCKS : LSQ_CG_RESIDUAL);
    break;
  case LSQ_CG_BLOCKS:
    if ((status = end_blocks(self, error)) == LSQ_OK)
      begin_pass(self, LSQ_CG_RESIDUAL);
    break;
  case LSQ_CG_RESIDUAL:
    status = end_residual(self, done, error);
    break;
  case LSQ_CG_DIRECTION:
    end_direction(self, done);
    break;
  }
  return status;
}

lsq_status lsq_hidden_cg_advance(lsq_hidden_cg *self, bool *done, lsq_error *error) {
  const bool pays = lsq_chunk_walk_step(&self->walk) * self->count >= PARALLEL_WORK;
  *done = false;
#pragma omp parallel for schedule(static, 1) num_threads(self->threads) if (pays)
  for (size_t k = 0; k < self->walk.lanes; k++)
    run_lane(self, k);
  for (size_t k = 0; k < self->walk.lanes; k++)
    if (self->lane[k].reader.status != LSQ_OK) {
      *error = self->lane[k].reader.error;
      return self->lane[k].reader.status;
    }
  const size_t ended = lsq_chunk_walk_advance(&self->walk);
  for (size_t k = 0; k < ended && self->pass != LSQ_CG_BLOCKS; k++)
    lsq_tree_add(&self->tree, self->lane[k].sums);
  return lsq_chunk_walk_is_over(&self->walk) ? end_pass(self, done, error) : LSQ_OK;
}
