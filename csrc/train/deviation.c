#include "train/deviation.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "linalg/linalg.h"
#include "linalg/narrow.h"
#include "nn/blocks.h"
#include "nn/dense.h"

enum {
  MOST_LANES = 16,
  SYSTEM_DOUBLES = 32 * 1024, /* of a block: 256 KiB, within a second-level cache */
  LEAST_BLOCK = 8,
  MOST_BLOCK = 256
};
static const size_t LANES_MEMORY = (size_t)64 << 20; /* bytes, for all lanes together */

struct lsq_deviation_lane {
  lsq_matrix *slopes; /* G of each hidden layer: block_rows x width */
  lsq_matrix system;  /* block_rows x unknowns, of one output */
  lsq_matrix right;   /* block_rows x 1 */
  lsq_matrix before;  /* block_rows x widest */
  lsq_matrix matrix;  /* unknowns x unknowns, lower */
  lsq_matrix cross;   /* unknowns x 1 */
  lsq_matrix *projection;
};

static size_t inputs_of(const lsq_network *net, size_t l) {
  return net->layers[l].weight.rows + (net->layers[l].bias != NULL);
}

static size_t unknowns_of(const lsq_network *net, size_t l) {
  return lsq_size_multiply(inputs_of(net, l), net->layers[l].weight.cols);
}

/* The largest sizes over all systems that a sweep solves. */
typedef struct {
  size_t unknowns, sides, widest, hidden, rank, projections;
} shape;

static shape shape_of(const lsq_network *net, const lsq_ills_settings *settings, size_t rows) {
  const size_t c = lsq_network_outputs(net);
  shape s = {.unknowns = 1, .sides = c, .widest = 1, .hidden = net->depth - 1};
  size_t sum = 0;
  for (size_t l = 0; l < s.hidden; l++) {
    const size_t width = net->layers[l].weight.cols;
    s.widest = lsq_size_max(s.widest, width);
    s.unknowns = lsq_size_max(s.unknowns, unknowns_of(net, l));
    sum = lsq_size_add(sum, unknowns_of(net, l));
    if (settings->deviation == LSQ_DEVIATION_LOCAL && l > 0)
      s.sides = lsq_size_max(s.sides, width);
  }
  if (settings->deviation == LSQ_DEVIATION_FULL)
    s.unknowns = lsq_size_max(sum, 1);
  if (settings->joint && s.hidden > 0) {
    s.rank = lsq_size_min(rows, inputs_of(net, net->depth - 1));
    s.projections = c;
  }
  return s;
}

static lsq_matrix *place_matrices(lsq_arena *arena, size_t count, size_t rows, size_t cols) {
  lsq_matrix *all = lsq_arena_take(arena, count, sizeof *all);
  for (size_t k = 0; k < count; k++) {
    const lsq_matrix m = lsq_arena_matrix(arena, rows, cols);
    if (all != NULL)
      all[k] = m;
  }
  return all;
}

static void place_lane(lsq_deviation_lane *lane, lsq_arena *arena, size_t block_rows,
                       const shape *s) {
  lane->slopes = place_matrices(arena, s->hidden, block_rows, s->widest);
  lane->system = lsq_arena_matrix(arena, block_rows, s->unknowns);
  lane->right = lsq_arena_matrix(arena, block_rows, 1);
  lane->before = lsq_arena_matrix(arena, block_rows, s->widest);
  lane->matrix = lsq_arena_matrix(arena, s->unknowns, s->unknowns);
  lane->cross = lsq_arena_matrix(arena, s->unknowns, 1);
  lane->projection = place_matrices(arena, s->projections, s->rank, s->unknowns);
}

void lsq_deviation_place(lsq_deviation_system *self, lsq_arena *arena, const lsq_network *net,
                         const lsq_ills_settings *settings, size_t rows) {
  const shape s = shape_of(net, settings, rows);
  *self = (lsq_deviation_system){.settings = settings, .rows = rows};
  size_t block = lsq_size_max(lsq_size_min(SYSTEM_DOUBLES / s.unknowns, MOST_BLOCK), LEAST_BLOCK);
  if (settings->block_rows > 0)
    block = settings->block_rows;
  self->block_rows = lsq_size_min(block, rows);
  self->residual = lsq_arena_matrix(arena, rows, s.sides);
  self->targets = lsq_arena_matrix(arena, rows, s.widest);
  self->q_count =
      settings->weighting == LSQ_WEIGHTING_NONE ? lsq_size_min(s.projections, 1) : s.projections;
  self->q = place_matrices(arena, self->q_count, rows, s.rank);
  self->projection = place_matrices(arena, s.projections, s.rank, s.unknowns);
  if (s.rank > 0) {
    const size_t inputs = inputs_of(net, net->depth - 1);
    self->q_triangle = lsq_arena_matrix(arena, s.rank, inputs);
    self->q_workspace = lsq_arena_take(arena, lsq_qr_workspace(rows, inputs), 1);
  }
  self->matrix = lsq_arena_matrix(arena, s.unknowns, s.unknowns);
  self->right = lsq_arena_doubles(arena, s.unknowns);
  self->deviation = lsq_arena_doubles(arena, s.unknowns);
  lsq_deviation_lane probe;
  lsq_arena measure = lsq_arena_measure();
  place_lane(&probe, &measure, self->block_rows, &s);
  const size_t blocks = (rows + self->block_rows - 1) / self->block_rows;
  self->lanes = lsq_size_min(LANES_MEMORY / measure.used, MOST_LANES);
  self->lanes = lsq_size_max(lsq_size_min(self->lanes, blocks), 1);
  self->lane = lsq_arena_take(arena, self->lanes, sizeof *self->lane);
  for (size_t k = 0; k < self->lanes; k++)
    place_lane(self->lane == NULL ? &probe : &self->lane[k], arena, self->block_rows, &s);
  /* Touched by the orthogonal route alone. */
  const size_t width = lsq_size_add(s.unknowns, 1), height = lsq_size_add(width, self->block_rows);
  self->stacked = lsq_arena_matrix(arena, height, width);
  self->orthogonal = lsq_arena_matrix(arena, height, width);
  self->triangle = lsq_arena_matrix(arena, width, width);
  self->qr = lsq_arena_take(arena, lsq_qr_workspace(height, width), 1);
  self->least_squares =
      lsq_arena_take(arena, lsq_least_squares_workspace(s.unknowns, s.unknowns, 1), 1);
}

void lsq_deviation_scale_residual(lsq_deviation_system *self) {
  if (self->scale.weighting == NULL && self->scale.roots == NULL)
    return;
  for (size_t i = 0; i < self->rows; i++)
    for (size_t k = 0; k < self->sides; k++)
      lsq_matrix_row(&self->residual, i)[k] *= lsq_ills_scale_of(&self->scale, i, k);
}

lsq_status lsq_deviation_project(lsq_deviation_system *self, lsq_ills_output *output,
                                 const lsq_ills_point *base, lsq_error *error) {
  for (size_t k = 0; k < self->q_count; k++) {
    const lsq_matrix inputs = lsq_ills_weighted_inputs(output, base, k);
    lsq_ills_factorise(&inputs, &output->factor);
    if (output->factor.valid && lsq_narrow_full_rank(output->factor.r, inputs.cols)) {
      const lsq_matrix columns = lsq_matrix_over(output->factor.q, inputs.cols, inputs.rows);
      lsq_transpose(&columns, &self->q[k]);
      continue;
    }
    const lsq_status status =
        lsq_qr(&inputs, &self->q[k], &self->q_triangle, self->q_workspace, error);
    if (status != LSQ_OK)
      return status;
  }
  return LSQ_OK;
}

/* delta *= sigma'(z) of the rows of hidden layer l. */
static void times_slope(const lsq_deviation_system *self, size_t l, size_t first,
                        const lsq_matrix *delta) {
  const lsq_network *net = &self->base->net;
  const lsq_matrix z = lsq_matrix_rows(&self->base->z[l], first, delta->rows);
  const lsq_matrix a = lsq_matrix_rows(&self->base->a[l], first, delta->rows);
  lsq_activation_backward(net->activation, net->alpha, &z, &a, delta);
}

static lsq_matrix slopes_of(const lsq_deviation_system *self, const lsq_deviation_lane *lane,
                            size_t l, size_t rows) {
  return lsq_matrix_over(lane->slopes[l].data, rows, self->base->net.layers[l].weight.cols);
}

/* G of the layers `highest` down to `lowest`, for column k of R. */
static void fill_slopes(const lsq_deviation_system *self, lsq_deviation_lane *lane, size_t k,
                        size_t first, size_t rows) {
  const lsq_network *net = &self->base->net;
  const size_t top = self->local ? self->highest : net->depth - 2;
  const lsq_matrix *w = &(self->local ? self->above : net)->layers[top + 1].weight;
  const lsq_matrix g = slopes_of(self, lane, top, rows);
  for (size_t i = 0; i < rows; i++) {
    const double weight = lsq_ills_scale_of(&self->scale, first + i, k);
    double *row = lsq_matrix_row(&g, i);
    for (size_t j = 0; j < g.cols; j++)
      row[j] = weight * w->data[j * w->stride + k];
  }
  times_slope(self, top, first, &g);
  for (size_t l = top; l > self->lowest; l--) {
    const lsq_matrix from = slopes_of(self, lane, l, rows);
    const lsq_matrix to = slopes_of(self, lane, l - 1, rows);
    lsq_dense_backward(&from, &net->layers[l].weight, &to);
    times_slope(self, l - 1, first, &to);
  }
}

/* a (n x m) -= q (n x r) b (r x m). */
static LSQ_CLONES void subtract_product(const lsq_matrix *q, const lsq_matrix *b,
                                        const lsq_matrix *a) {
  for (size_t i = 0; i < a->rows; i++) {
    const double *factor = q->data + i * q->stride;
    double *restrict row = a->data + i * a->stride;
    size_t r = 0;
    for (; r + 3 <= b->rows; r += 3) { /* so that the row is loaded and stored less often */
      const double *restrict from = b->data + r * b->stride;
      const double *restrict next = from + b->stride, *restrict last = next + b->stride;
#pragma omp simd
      for (size_t j = 0; j < a->cols; j++)
        row[j] -= factor[r] * from[j] + (factor[r + 1] * next[j] + factor[r + 2] * last[j]);
    }
    for (; r < b->rows; r++) {
      const double *restrict from = b->data + r * b->stride;
#pragma omp simd
      for (size_t j = 0; j < a->cols; j++)
        row[j] -= factor[r] * from[j];
    }
  }
}

LSQ_INLINE void multiply_out(size_t width, const lsq_matrix *p, const lsq_matrix *g, size_t offset,
                             const lsq_matrix *a) {
  for (size_t i = 0; i < g->rows; i++) {
    const double *taken = p->data + i * p->stride;
    const double *restrict slope = g->data + i * g->stride;
    double *restrict row = a->data + i * a->stride + offset;
    for (size_t q = 0; q < p->cols; q++, row += width)
#pragma omp simd
      for (size_t j = 0; j < width; j++)
        row[j] = taken[q] * slope[j];
  }
}

/* Row by row the outer product of p and g, into a from column `offset` on. For the narrowest
   layers the loop over the width, unrolled, is three times as fast as one of masked vectors. */
static LSQ_CLONES void outer_products(const lsq_matrix *p, const lsq_matrix *g, size_t offset,
                                      const lsq_matrix *a) {
  switch (g->cols) {
  case 1:
    multiply_out(1, p, g, offset, a);
    break;
  case 2:
    multiply_out(2, p, g, offset, a);
    break;
  case 3:
    multiply_out(3, p, g, offset, a);
    break;
  default:
    multiply_out(g->cols, p, g, offset, a);
  }
}

/* The rows of A_k. */
static lsq_matrix fill_system(const lsq_deviation_system *self, lsq_deviation_lane *lane, size_t k,
                              size_t first, size_t rows) {
  const lsq_matrix a = lsq_matrix_over(lane->system.data, rows, self->unknowns);
  fill_slopes(self, lane, k, first, rows);
  size_t offset = 0;
  for (size_t l = self->lowest; l <= self->highest; l++) {
    const lsq_matrix inputs = lsq_ills_fit_inputs(self->base, l);
    const lsq_matrix p = lsq_matrix_rows(&inputs, first, rows);
    const lsq_matrix g = slopes_of(self, lane, l, rows);
    outer_products(&p, &g, offset, &a);
    offset += p.cols * g.cols;
  }
  return a;
}

static const lsq_matrix *q_of(const lsq_deviation_system *self, size_t k) {
  return &self->q[self->q_count == 1 ? 0 : k];
}

static lsq_matrix projection_of(const lsq_deviation_system *self, const lsq_matrix *all, size_t k) {
  return lsq_matrix_over(all[k].data, self->q[0].cols, self->unknowns);
}

/* Adds the rows' part of Q_k' A_k. */
static void gather_projection(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t first,
                              size_t rows) {
  for (size_t k = 0; k < self->sides; k++) {
    const lsq_matrix a = fill_system(self, lane, k, first, rows);
    const lsq_matrix q = lsq_matrix_rows(q_of(self, k), first, rows);
    const lsq_matrix sum = projection_of(self, lane->projection, k);
    lsq_dense_gradient(&q, &a, &sum, NULL);
  }
  if (self->sides == 1 && rows == self->rows) /* then there is one lane */
    self->filled = true;
}

/* The rows of A_k - Q_k Q_k' A_k and of R_k. */
static lsq_matrix fill_projected(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t k,
                                 size_t first, size_t rows) {
  const bool filled = self->filled;
  const lsq_matrix a = filled ? lsq_matrix_over(lane->system.data, rows, self->unknowns)
                              : fill_system(self, lane, k, first, rows);
  if (filled)
    self->filled = false;
  for (size_t i = 0; i < rows; i++)
    lane->right.data[i] = lsq_matrix_row(&self->residual, first + i)[k];
  if (!self->projected)
    return a;
  const lsq_matrix projection = projection_of(self, self->projection, k);
  const lsq_matrix q = lsq_matrix_rows(q_of(self, k), first, rows);
  subtract_product(&q, &projection, &a);
  return a;
}

static void gather_gram(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t first,
                        size_t rows) {
  const lsq_matrix sum = lsq_matrix_over(lane->matrix.data, self->unknowns, self->unknowns);
  const lsq_matrix cross = lsq_matrix_over(lane->cross.data, self->unknowns, 1);
  const lsq_matrix right = lsq_matrix_rows(&lane->right, 0, rows);
  for (size_t k = 0; k < self->sides; k++) {
    const lsq_matrix a = fill_projected(self, lane, k, first, rows);
    lsq_dense_gram(&a, &sum);
    lsq_dense_gradient(&a, &right, &cross, NULL);
  }
}

typedef struct {
  void (*rows)(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t l, double step_size,
               size_t first, size_t rows);
  size_t l;
  double step_size;
} pass;

/* Deals the blocks of rows to the lanes. */
static void run(lsq_deviation_system *self, const pass *p) {
  const size_t blocks = (self->rows + self->block_rows - 1) / self->block_rows;
  const size_t each = (blocks + self->lanes - 1) / self->lanes;
  const double work = (double)self->rows * (double)self->sides * (double)self->unknowns;
  const bool pays = work * (double)self->unknowns >= 4.0 * LSQ_PARALLEL_WORK;
#pragma omp parallel for schedule(static, 1) if (pays)
  for (size_t lane = 0; lane < self->lanes; lane++)
    for (size_t b = lane * each; b < (lane + 1) * each && b < blocks; b++) {
      const size_t first = b * self->block_rows;
      p->rows(self, &self->lane[lane], p->l, p->step_size, first,
              lsq_size_min(self->block_rows, self->rows - first));
    }
}

static void projection_rows(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t l,
                            double step_size, size_t first, size_t rows) {
  (void)l;
  (void)step_size;
  gather_projection(self, lane, first, rows);
}

static void gram_rows(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t l,
                      double step_size, size_t first, size_t rows) {
  (void)l;
  (void)step_size;
  gather_gram(self, lane, first, rows);
}

static void sum_projections(lsq_deviation_system *self) {
  for (size_t k = 0; k < self->sides; k++) {
    const lsq_matrix sum = projection_of(self, self->projection, k);
    lsq_matrix_fill(&sum, 0);
    for (size_t lane = 0; lane < self->lanes; lane++)
      for (size_t i = 0; i < sum.rows * sum.cols; i++)
        sum.data[i] += self->lane[lane].projection[k].data[i];
  }
}

static void find_projections(lsq_deviation_system *self) {
  for (size_t lane = 0; lane < self->lanes; lane++)
    for (size_t k = 0; k < self->sides; k++) {
      const lsq_matrix sum = projection_of(self, self->lane[lane].projection, k);
      lsq_matrix_fill(&sum, 0);
    }
  run(self, &(pass){.rows = projection_rows});
  sum_projections(self);
}

/* matrix <- A'A, lower; right <- A'R. */
static lsq_matrix find_gram(lsq_deviation_system *self) {
  const size_t n = self->unknowns;
  const lsq_matrix matrix = lsq_matrix_over(self->matrix.data, n, n);
  for (size_t lane = 0; lane < self->lanes; lane++) {
    memset(self->lane[lane].matrix.data, 0, n * n * sizeof(double));
    memset(self->lane[lane].cross.data, 0, n * sizeof(double));
  }
  run(self, &(pass){.rows = gram_rows});
  lsq_matrix_fill(&matrix, 0);
  memset(self->right, 0, n * sizeof(double));
  for (size_t lane = 0; lane < self->lanes; lane++) {
    const double *sum = self->lane[lane].matrix.data;
    for (size_t i = 0; i < n; i++) {
      for (size_t j = 0; j <= i; j++)
        matrix.data[i * n + j] += sum[i * n + j];
      self->right[i] += self->lane[lane].cross.data[i];
    }
  }
  return matrix;
}

/* Few unknowns whose rows are all in one block. */
static bool solve_narrow(lsq_deviation_system *self) {
  const size_t n = self->unknowns, rows = self->rows;
  if (n > LSQ_NARROW || n > rows || rows > self->block_rows || self->sides > 1)
    return false;
  const lsq_matrix a = fill_projected(self, &self->lane[0], 0, 0, rows);
  const lsq_matrix right = lsq_matrix_rows(&self->lane[0].right, 0, rows);
  const lsq_matrix solution = lsq_matrix_over(self->deviation, n, 1);
  return lsq_narrow_qr(&a, self->stacked.data, self->triangle.data) &&
         lsq_narrow_solve(self->stacked.data, self->triangle.data, n,
                          self->settings->deviation_rcond, &right, &solution);
}

/* The triangle of [A R] grows block by block above the rows of the next one; it begins with
   sqrt(ridge) on the diagonal. */
static lsq_status solve_orthogonally(lsq_deviation_system *self, double ridge, lsq_error *error) {
  const size_t n = self->unknowns, width = n + 1;
  const lsq_matrix triangle = lsq_matrix_over(self->triangle.data, width, width);
  lsq_status status = LSQ_OK;
  lsq_matrix_fill(&triangle, 0);
  for (size_t i = 0; i < n; i++)
    lsq_matrix_row(&triangle, i)[i] = sqrt(ridge);
  for (size_t first = 0; status == LSQ_OK && first < self->rows; first += self->block_rows)
    for (size_t k = 0; status == LSQ_OK && k < self->sides; k++) {
      const size_t rows = lsq_size_min(self->block_rows, self->rows - first);
      const lsq_matrix a = fill_projected(self, &self->lane[0], k, first, rows);
      const lsq_matrix stacked = lsq_matrix_over(self->stacked.data, width + rows, width);
      const lsq_matrix q = lsq_matrix_over(self->orthogonal.data, width + rows, width);
      const lsq_matrix top = lsq_matrix_rows(&stacked, 0, width);
      lsq_matrix_copy(&triangle, &top);
      for (size_t i = 0; i < rows; i++) {
        double *row = lsq_matrix_row(&stacked, width + i);
        memcpy(row, lsq_matrix_row(&a, i), n * sizeof *row);
        row[n] = self->lane[0].right.data[i];
      }
      status = lsq_qr(&stacked, &q, &triangle, self->qr, error);
    }
  if (status != LSQ_OK)
    return status;
  const lsq_matrix r = {triangle.data, n, n, width}, right = {triangle.data + n, n, 1, width};
  const lsq_matrix solution = lsq_matrix_over(self->deviation, n, 1);
  const double rcond = ridge > 0 ? self->settings->rcond : self->settings->deviation_rcond;
  return lsq_least_squares(&r, &right, rcond, &solution, NULL, self->least_squares, error);
}

lsq_status lsq_deviation_solve(lsq_deviation_system *self, double damping, lsq_error *error) {
  const size_t n = self->unknowns;
  if (self->projected)
    find_projections(self);
  if (damping == 0)
    return solve_narrow(self) ? LSQ_OK : solve_orthogonally(self, 0, error);
  const lsq_matrix matrix = find_gram(self);
  double trace = 0;
  for (size_t i = 0; i < n; i++)
    trace += matrix.data[i * n + i];
  const double ridge = damping * trace / (double)n;
  for (size_t i = 0; i < n; i++)
    matrix.data[i * n + i] += ridge;
  const lsq_status status = lsq_cholesky(&matrix, error);
  if (status == LSQ_NOT_POSITIVE_DEFINITE)
    return solve_orthogonally(self, ridge, error);
  if (status != LSQ_OK)
    return status;
  memcpy(self->deviation, self->right, n * sizeof(double));
  const lsq_matrix solution = lsq_matrix_over(self->deviation, n, 1);
  lsq_cholesky_solve(&matrix, &solution);
  return LSQ_OK;
}

lsq_matrix lsq_deviation_of(const lsq_deviation_system *self, size_t l) {
  const lsq_network *net = &self->base->net;
  double *data = self->deviation;
  for (size_t below = self->lowest; below < l; below++)
    data += unknowns_of(net, below);
  return lsq_matrix_over(data, inputs_of(net, l), net->layers[l].weight.cols);
}

/* R -= sum_j G_k (P D)_j. */
static void take_step_off(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t l,
                          size_t first, const lsq_matrix *moves) {
  for (size_t k = 0; k < self->sides; k++) {
    fill_slopes(self, lane, k, first, moves->rows);
    const lsq_matrix g = slopes_of(self, lane, l, moves->rows);
    for (size_t i = 0; i < moves->rows; i++) {
      const double *slope = lsq_matrix_row(&g, i), *move = lsq_matrix_row(moves, i);
      double sum = 0;
      for (size_t j = 0; j < moves->cols; j++)
        sum += slope[j] * move[j];
      lsq_matrix_row(&self->residual, first + i)[k] -= sum;
    }
  }
}

/* relu has no inverse: only active units move. targets hold P D. */
static void active_targets(const lsq_matrix *z, double step_size, const lsq_matrix *targets) {
  for (size_t i = 0; i < z->rows * z->cols; i++) /* both are contiguous */
    targets->data[i] = z->data[i] + (z->data[i] > 0 ? step_size * targets->data[i] : 0);
}

/* to = z + (to - from), the difference clipped. */
static LSQ_CLONES void anchor(const double *restrict z, const double *restrict from, double cap,
                              double *restrict to, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++) {
    double difference = to[i] - from[i]; /* NaN stays */
    difference = difference > cap ? cap : difference;
    to[i] = z[i] + (difference < -cap ? -cap : difference);
  }
}

/* to = from + size * to. */
static LSQ_CLONES void go(const double *restrict from, double size, double *restrict to,
                          size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    to[i] = from[i] + size * to[i];
}

/* targets, which hold P D, <- z + clip(sigma^-1(a + step) - sigma^-1(a)), or sigma^-1(a + step)
   not anchored. */
static void inverse_targets(const lsq_deviation_system *self, lsq_deviation_lane *lane, size_t l,
                            size_t first, double step_size, const lsq_matrix *targets) {
  const lsq_network *net = &self->base->net;
  const double margin = self->settings->clip_margin, cap = self->settings->target_cap;
  const size_t count = targets->rows * targets->cols;
  const lsq_matrix z = lsq_matrix_rows(&self->base->z[l], first, targets->rows);
  const lsq_matrix a = lsq_matrix_rows(&self->base->a[l], first, targets->rows);
  times_slope(self, l, first, targets);
  go(a.data, step_size, targets->data, count);
  lsq_activation_invert(net->activation, net->alpha, margin, targets);
  if (!self->settings->anchor)
    return;
  const lsq_matrix before = lsq_matrix_over(lane->before.data, a.rows, a.cols);
  lsq_matrix_copy(&a, &before);
  lsq_activation_invert(net->activation, net->alpha, margin, &before);
  anchor(z.data, before.data, cap, targets->data, count);
}

static void target_rows(lsq_deviation_system *self, lsq_deviation_lane *lane, size_t l,
                        double step_size, size_t first, size_t rows) {
  const lsq_network *net = &self->base->net;
  const lsq_matrix d = lsq_deviation_of(self, l);
  const lsq_matrix p = lsq_ills_fit_inputs(self->base, l);
  const lsq_matrix inputs = lsq_matrix_rows(&p, first, rows);
  const lsq_matrix all = lsq_matrix_over(self->targets.data, self->rows, d.cols);
  const lsq_matrix targets = lsq_matrix_rows(&all, first, rows);
  lsq_dense_forward(&inputs, &d, NULL, &targets);
  if (self->settings->deviation == LSQ_DEVIATION_CHAIN && l > 0)
    take_step_off(self, lane, l, first, &targets);
  if (lsq_activation_is_invertible(net->activation, net->alpha))
    inverse_targets(self, lane, l, first, step_size, &targets);
  else {
    const lsq_matrix z = lsq_matrix_rows(&self->base->z[l], first, rows);
    active_targets(&z, step_size, &targets);
  }
}

void lsq_deviation_targets(lsq_deviation_system *self, size_t l, double step_size) {
  run(self, &(pass){.rows = target_rows, .l = l, .step_size = step_size});
}
