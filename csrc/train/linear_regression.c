#include "train/linear_regression.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "linalg/row_factor.h"

/* A column of [x y], over the rows that count. */
typedef struct {
  double first, low, high;
  double offset; /* the mean is first + offset: of equal numbers that is exact */
  double factor; /* a power of two that brings the spread near 1 */
  int exponent;  /* factor = 2^-exponent */
  double norm;   /* of the centred column of x times factor; 1 where that is 0 */
  bool is_constant;
} column;

typedef struct {
  const lsq_rows *rows;
  size_t n, k; /* columns of x and of y */
  column *columns;
  lsq_matrix loaded; /* a block by columns, n + k of them: centred, scaled, rows times the roots of
                        their weights */
  lsq_row_reader reader;
  lsq_row_factor factor; /* of all rows; its block is `loaded` */
  lsq_matrix u, v;       /* of x's triangle: see solve */
  double *values;
  lsq_matrix rotated; /* n x k */
  void *svd;
  lsq_matrix basis, part; /* of the null space, n x n at most; coordinates in it, n x k */
  lsq_matrix x, y;        /* fewer rows than columns: all of them, `loaded` by rows */
  void *solver;
  double largest_weight;
} regression;

static bool is_wide(const lsq_rows *rows) {
  return rows->x->rows < rows->x->cols;
}

static void place_tall(regression *s, lsq_arena *arena) {
  const size_t n = s->n, k = s->k;
  lsq_row_factor_place(&s->factor, arena, n + k);
  s->loaded = s->factor.block;
  s->u = lsq_arena_matrix(arena, n, n);
  s->v = lsq_arena_matrix(arena, n, n);
  s->values = lsq_arena_doubles(arena, n);
  s->rotated = lsq_arena_matrix(arena, n, k);
  s->svd = lsq_arena_take(arena, lsq_svd_workspace(n, n), 1);
  s->basis = lsq_arena_matrix(arena, n, n);
  s->part = lsq_arena_matrix(arena, n, k);
  s->solver = lsq_arena_take(arena, lsq_least_squares_workspace(n, n, k), 1);
}

static void place_wide(regression *s, lsq_arena *arena) {
  const size_t rows = s->rows->x->rows;
  s->loaded = lsq_arena_matrix(arena, s->n + s->k, rows);
  s->x = lsq_arena_matrix(arena, rows, s->n);
  s->y = lsq_arena_matrix(arena, rows, s->k);
  s->part = lsq_arena_matrix(arena, s->n, s->k);
  s->solver = lsq_arena_take(arena, lsq_least_squares_workspace(rows, s->n, s->k), 1);
}

static void place(regression *s, lsq_arena *arena, const lsq_rows *rows) {
  *s = (regression){.rows = rows, .n = rows->x->cols, .k = rows->y->cols};
  s->columns = lsq_arena_take(arena, s->n + s->k, sizeof *s->columns);
  if (is_wide(rows))
    place_wide(s, arena);
  else
    place_tall(s, arena);
  lsq_row_reader_place(&s->reader, arena, rows, s->loaded.cols);
}

size_t lsq_linear_regression_workspace(const lsq_rows *rows) {
  regression measured;
  lsq_arena arena = lsq_arena_measure();
  place(&measured, &arena, rows);
  return arena.used;
}

static double weight_of(const lsq_row_block *block, size_t row) {
  return block->weights == NULL ? 1 : block->weights[row];
}

static void begin_columns(column *columns, const double *values, size_t count) {
  for (size_t j = 0; j < count; j++)
    columns[j] = (column){.first = values[j], .low = values[j], .high = values[j], .norm = 1};
}

static void survey_row(column *columns, const double *values, size_t count, double weight) {
  for (size_t j = 0; j < count; j++) {
    column *c = &columns[j];
    c->low = fmin(c->low, values[j]);
    c->high = fmax(c->high, values[j]);
    c->offset += weight * (values[j] - c->first);
  }
}

/* `what` begins the message: "X", "Y". */
static lsq_status check_finite(const lsq_matrix *m, const char *what, size_t first,
                               lsq_error *error) {
  size_t row, col;
  if (lsq_matrix_is_finite(m, &row, &col))
    return LSQ_OK;
  const double value = lsq_matrix_row(m, row)[col];
  return lsq_fail(error, LSQ_NON_FINITE, "%s is not finite: row %zu, column %zu is %s", what,
                  first + row + 1, col + 1,
                  isnan(value) ? "nan"
                  : value > 0  ? "inf"
                               : "-inf");
}

static void finish_columns(regression *s, double total) {
  for (size_t j = 0; j < s->n + s->k; j++) {
    column *c = &s->columns[j];
    c->offset /= total;
    c->is_constant = c->low == c->high;
    frexp(c->high / 2 - c->low / 2, &c->exponent);
    c->exponent = c->exponent > 1000 ? 1000 : c->exponent < -1000 ? -1000 : c->exponent;
    c->factor = ldexp(1, -c->exponent);
  }
}

/* The first pass: means, spreads, and whether all is finite. */
static lsq_status survey(regression *s, lsq_error *error) {
  const size_t rows = s->rows->x->rows, step = s->loaded.cols;
  bool begun = false;
  for (size_t first = 0; first < rows; first += step) {
    lsq_row_block block;
    const size_t count = lsq_size_min(step, rows - first);
    if (!lsq_row_reader_get(&s->reader, first, count, &block)) {
      *error = s->reader.error;
      return s->reader.status;
    }
    lsq_status status = check_finite(&block.x, "X", first, error);
    if (status == LSQ_OK)
      status = check_finite(&block.y, "Y", first, error);
    if (status != LSQ_OK)
      return status;
    for (size_t i = 0; i < count; i++) {
      const double weight = weight_of(&block, i);
      const double *x = lsq_matrix_row(&block.x, i), *y = lsq_matrix_row(&block.y, i);
      if (weight == 0)
        continue;
      s->largest_weight = fmax(s->largest_weight, weight);
      if (!begun) {
        begin_columns(s->columns, x, s->n);
        begin_columns(s->columns + s->n, y, s->k);
        begun = true;
      }
      survey_row(s->columns, x, s->n, weight);
      survey_row(s->columns + s->n, y, s->k, weight);
    }
  }
  finish_columns(s, lsq_rows_weight(s->rows));
  return LSQ_OK;
}

/* Rows of m into the factor's block from its row `at` on. */
static void load(regression *s, const lsq_row_block *rows, const lsq_matrix *m, size_t at) {
  for (size_t j = 0; j < m->cols; j++) {
    const column *c = &s->columns[at + j];
    double *to = lsq_matrix_row(&s->loaded, at + j);
    const double first = c->factor * c->first, offset = c->factor * c->offset;
    for (size_t i = 0; i < m->rows; i++) {
      const double weight = weight_of(rows, i);
      const double deviation = (c->factor * lsq_matrix_row(m, i)[j] - first) - offset;
      to[i] = weight == 1 && s->largest_weight == 1 ? deviation
                                                    : sqrt(weight / s->largest_weight) * deviation;
    }
  }
}

static lsq_status load_block(regression *s, size_t first, size_t count, lsq_error *error) {
  lsq_row_block block;
  if (!lsq_row_reader_get(&s->reader, first, count, &block)) {
    *error = s->reader.error;
    return s->reader.status;
  }
  load(s, &block, &block.x, 0);
  load(s, &block, &block.y, s->n);
  return LSQ_OK;
}

/* The second pass: the triangle of all rows. */
static lsq_status factor(regression *s, lsq_error *error) {
  const size_t rows = s->rows->x->rows, step = s->loaded.cols;
  lsq_status status = LSQ_OK;
  lsq_row_factor_clear(&s->factor);
  for (size_t first = 0; first < rows && status == LSQ_OK; first += step) {
    const size_t count = lsq_size_min(step, rows - first);
    status = load_block(s, first, count, error);
    if (status == LSQ_OK)
      status = lsq_row_factor_add(&s->factor, count, error);
  }
  return status;
}

/* Each column of x, or of its triangle, to norm 1: what units it has must not decide the rank. */
static void normalise(regression *s, const lsq_matrix *by_columns, size_t height) {
  for (size_t j = 0; j < s->n; j++) {
    column *c = &s->columns[j];
    double *values = lsq_matrix_row(by_columns, j), square = 0;
    for (size_t i = 0; i < height; i++)
      square += values[i] * values[i];
    c->norm = square > 0 && !c->is_constant ? sqrt(square) : 1;
    for (size_t i = 0; i < height; i++)
      values[i] = c->is_constant ? 0 : values[i] / c->norm;
  }
}

/* With r' = u diag(values) v', as our rows have the triangle r, weight = u diag(1 / values) v' q'y
   over the singular values that count. Returns the rank. What of q'y belongs to the others is
   part of the error: rows rank .. n-1 of rotated. */
static size_t solve(regression *s, double rcond, const lsq_matrix *weight) {
  const lsq_matrix right = {lsq_matrix_row(&s->factor.factor, s->n), s->k, s->n, s->n + s->k};
  const size_t rank = s->values[0] > 0 ? lsq_numerical_rank(s->values, s->n, rcond) : 0;
  lsq_matrix counted = s->u, scaled = lsq_matrix_rows(&s->part, 0, rank);
  lsq_multiply(1, &s->v, true, &right, true, 0, &s->rotated);
  for (size_t i = 0; i < rank; i++)
    for (size_t j = 0; j < s->k; j++)
      lsq_matrix_row(&scaled, i)[j] = lsq_matrix_row(&s->rotated, i)[j] / s->values[i];
  counted.cols = rank;
  lsq_multiply(1, &counted, false, &scaled, false, 0, weight);
  return rank;
}

/* Back to the units of x and y. */
static void unscale(const regression *s, const lsq_matrix *weight) {
  for (size_t j = 0; j < s->n; j++)
    for (size_t l = 0; l < s->k; l++) {
      double *w = &lsq_matrix_row(weight, j)[l];
      *w = ldexp(*w / s->columns[j].norm, s->columns[s->n + l].exponent - s->columns[j].exponent);
    }
}

static int smallest_exponent(const regression *s) {
  int smallest = INT_MAX;
  for (size_t j = 0; j < s->n; j++)
    if (!s->columns[j].is_constant && s->columns[j].exponent < smallest)
      smallest = s->columns[j].exponent;
  return smallest == INT_MAX ? 0 : smallest;
}

/* The solution of smallest norm in these units: without its part in the null space of x, which the
   columns of u behind the rank span in scaled ones. */
static lsq_status shorten(regression *s, size_t rank, const lsq_matrix *weight, lsq_error *error) {
  const lsq_matrix basis = {s->basis.data, s->n, s->n - rank, s->n - rank};
  const lsq_matrix part = lsq_matrix_rows(&s->part, 0, s->n - rank);
  const int smallest = smallest_exponent(s);
  for (size_t j = 0; j < s->n; j++) {
    const column *c = &s->columns[j];
    const int exponent = c->is_constant ? 0 : smallest - c->exponent;
    for (size_t l = 0; l < basis.cols; l++)
      lsq_matrix_row(&basis, j)[l] = ldexp(lsq_matrix_row(&s->u, j)[rank + l] / c->norm, exponent);
  }
  const lsq_status status = lsq_least_squares(&basis, weight, lsq_default_rcond(s->n, basis.cols),
                                              &part, NULL, s->solver, error);
  if (status == LSQ_OK)
    lsq_multiply(-1, &basis, false, &part, false, 1, weight);
  for (size_t j = 0; j < s->n; j++)
    for (size_t l = 0; l < s->k && s->columns[j].is_constant; l++)
      lsq_matrix_row(weight, j)[l] = 0;
  return status;
}

/* bias = mean of y - mean of x times weight. */
static void set_bias(const regression *s, const lsq_layer *layer) {
  for (size_t l = 0; l < s->k; l++) {
    const column *y = &s->columns[s->n + l];
    double sum = y->first + y->offset;
    for (size_t j = 0; j < s->n; j++)
      sum -= (s->columns[j].first + s->columns[j].offset) * lsq_matrix_row(&layer->weight, j)[l];
    layer->bias[l] = sum;
  }
}

/* What of y is left: below x's part of the triangle, and where singular values were cut. */
static double squared_error(const regression *s, size_t rank) {
  double sum = 0;
  for (size_t l = 0; l < s->k; l++) {
    const double *triangle = lsq_matrix_row(&s->factor.factor, s->n + l);
    double square = 0;
    for (size_t i = s->n; i <= s->n + l; i++)
      square += triangle[i] * triangle[i];
    for (size_t i = rank; i < s->n; i++)
      square += lsq_matrix_row(&s->rotated, i)[l] * lsq_matrix_row(&s->rotated, i)[l];
    sum += ldexp(square, 2 * s->columns[s->n + l].exponent);
  }
  return sum * s->largest_weight;
}

static lsq_status fit_tall(regression *s, const lsq_matrix *weight, double rcond, size_t *rank,
                           double *square, lsq_error *error) {
  lsq_status status = factor(s, error);
  if (status != LSQ_OK)
    return status;
  const lsq_matrix triangle = {s->factor.factor.data, s->n, s->n, s->n + s->k};
  normalise(s, &triangle, s->n);
  status = lsq_svd(&triangle, &s->u, s->values, &s->v, s->svd, error);
  if (status != LSQ_OK)
    return status;
  *rank = solve(s, rcond, weight);
  *square = squared_error(s, *rank);
  unscale(s, weight);
  return *rank < s->n ? shorten(s, *rank, weight, error) : LSQ_OK;
}

static double squared_residual(const regression *s, const lsq_matrix *weight) {
  double sum = 0;
  lsq_multiply(-1, &s->x, false, weight, false, 1, &s->y);
  for (size_t i = 0; i < s->y.rows; i++)
    for (size_t l = 0; l < s->k; l++)
      sum += ldexp(lsq_matrix_row(&s->y, i)[l] * lsq_matrix_row(&s->y, i)[l],
                   2 * s->columns[s->n + l].exponent);
  return sum * s->largest_weight;
}

/* Scaled columns decide the rank; where the columns as they are have the same one, theirs is the
   solution of smallest norm, otherwise that of the scaled ones. */
static lsq_status fit_wide(regression *s, const lsq_matrix *weight, double rcond, size_t *rank,
                           double *square, lsq_error *error) {
  const size_t rows = s->rows->x->rows;
  const lsq_matrix x = lsq_matrix_rows(&s->loaded, 0, s->n);
  const lsq_matrix y = lsq_matrix_rows(&s->loaded, s->n, s->k);
  size_t plain_rank;
  lsq_status status = load_block(s, 0, rows, error);
  if (status != LSQ_OK)
    return status;
  normalise(s, &x, rows);
  lsq_transpose(&x, &s->x);
  lsq_transpose(&y, &s->y);
  status = lsq_least_squares(&s->x, &s->y, rcond, weight, rank, s->solver, error);
  if (status != LSQ_OK)
    return status;
  int largest = INT_MIN;
  for (size_t j = 0; j < s->n; j++)
    if (!s->columns[j].is_constant && s->columns[j].exponent > largest)
      largest = s->columns[j].exponent;
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < s->n; j++) {
      const column *c = &s->columns[j];
      lsq_matrix_row(&s->x, i)[j] =
          c->is_constant ? 0 : ldexp(lsq_matrix_row(&x, j)[i] * c->norm, c->exponent - largest);
    }
  status = lsq_least_squares(&s->x, &s->y, rcond, &s->part, &plain_rank, s->solver, error);
  if (status != LSQ_OK)
    return status;
  if (plain_rank < *rank) {
    lsq_transpose(&x, &s->x);
    *square = squared_residual(s, weight);
    unscale(s, weight);
    return LSQ_OK;
  }
  *square = squared_residual(s, &s->part);
  for (size_t j = 0; j < s->n; j++)
    for (size_t l = 0; l < s->k; l++)
      lsq_matrix_row(weight, j)[l] =
          s->columns[j].is_constant
              ? 0
              : ldexp(lsq_matrix_row(&s->part, j)[l], s->columns[s->n + l].exponent - largest);
  return LSQ_OK;
}

lsq_status lsq_linear_regression(lsq_network *net, const lsq_rows *rows, double rcond, size_t *rank,
                                 double *loss, void *workspace, lsq_error *error) {
  regression s;
  lsq_arena arena = lsq_arena_over(workspace);
  double square = 0;
  place(&s, &arena, rows);
  const lsq_layer *layer = &net->layers[0];
  lsq_status status = survey(&s, error);
  if (status == LSQ_OK)
    status = is_wide(rows) ? fit_wide(&s, &layer->weight, rcond, rank, &square, error)
                           : fit_tall(&s, &layer->weight, rcond, rank, &square, error);
  if (status != LSQ_OK)
    return status;
  set_bias(&s, layer);
  *loss = square / lsq_rows_weight(rows) / (double)s.k;
  return LSQ_OK;
}
