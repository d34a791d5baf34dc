/* Minimum-norm least squares of small problems, many of them side by side: modified Gram-Schmidt
   with column pivoting over the columns of [a b], which stay in the second-level cache. With b
   as further columns this is as backward stable as Householder's method (Björck 1967), and it
   stops at the rank, so that the many dependent columns of a ReLU layer cost next to nothing.
   Where the pivots do not say beyond doubt which singular values are above the cut-off, and
   where the problem is not small, lsq_least_squares answers. */
#include "base/arena.h"
#include "base/simd.h"
#include "linalg/linalg.h"

enum {
  MOST_DOUBLES = 64 * 1024, /* of [a b]: 512 KiB */
  LANES = 8                 /* columns are padded with zeros to whole vectors */
};

/* How far a pivot has to be above the cut-off to be counted without looking at singular values,
   of which the smallest may be below the smallest pivot by about the number of columns. */
static const double CLEARLY_ABOVE = 1e3;

typedef struct {
  size_t m, n, k, height;
  double *columns; /* (n + k) x height: [a b] by columns, then what is left of them */
  double *square;  /* n + k: the squared norms of the columns */
  size_t *order;   /* n: the column of a at each place of r */
  lsq_matrix r;    /* min(m, n) x (n + k) */
  lsq_matrix core; /* min(m, n) squared: I + M M' */
} small_work;

static bool is_small(size_t m, size_t n, size_t k) {
  return lsq_size_multiply(lsq_size_add(m, LANES), lsq_size_add(n, k)) <= MOST_DOUBLES;
}

static void layout(small_work *w, lsq_arena *arena, size_t m, size_t n, size_t k) {
  const size_t steps = lsq_size_min(m, n), width = n + k;
  *w = (small_work){.m = m, .n = n, .k = k, .height = (m + LANES - 1) / LANES * LANES};
  w->columns = lsq_arena_doubles(arena, width * w->height);
  w->square = lsq_arena_doubles(arena, width);
  w->order = lsq_arena_take(arena, n, sizeof *w->order);
  w->r = lsq_arena_matrix(arena, steps, width);
  w->core = lsq_arena_matrix(arena, steps, steps);
}

size_t lsq_small_least_squares_workspace(size_t m, size_t n, size_t k) {
  small_work w;
  lsq_arena arena = lsq_arena_measure();
  if (is_small(m, n, k))
    layout(&w, &arena, m, n, k);
  return lsq_size_max(arena.used, lsq_least_squares_workspace(m, n, k));
}

LSQ_INLINE double dot(const double *restrict a, const double *restrict b, size_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; i++)
    sum += a[i] * b[i];
  return sum;
}

LSQ_CLONES
static double squared_norm(const double *a, size_t count) {
  return dot(a, a, count);
}

LSQ_CLONES
static void scale(double *a, double factor, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    a[i] *= factor;
}

/* row[j] = q . column j, which is taken out of the column; square[j] becomes the squared norm of
   what is left. q is a unit vector. */
LSQ_CLONES
static void take_out(const double *restrict q, double *restrict column, size_t height,
                     double *coefficient, double *square) {
  const double c = dot(q, column, height);
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < height; i++) {
    const double left = column[i] - c * q[i];
    column[i] = left;
    sum += left * left;
  }
  *coefficient = c;
  *square = sum;
}

static double *column_of(const small_work *w, size_t column) {
  return w->columns + column * w->height;
}

static void load(const small_work *w, const lsq_matrix *from, size_t first) {
  for (size_t j = 0; j < from->cols; j++) {
    double *column = column_of(w, first + j);
    for (size_t i = 0; i < w->m; i++)
      column[i] = from->data[i * from->stride + j];
    for (size_t i = w->m; i < w->height; i++)
      column[i] = 0;
    w->square[first + j] = squared_norm(column, w->height);
  }
}

/* The place from `step` on that holds the longest column, and the sum of all their squares. */
static size_t longest(const small_work *w, size_t step, double *total) {
  size_t place = step;
  *total = 0;
  for (size_t s = step; s < w->n; s++) {
    *total += w->square[w->order[s]];
    if (w->square[w->order[s]] > w->square[w->order[place]])
      place = s;
  }
  return place;
}

/* r and the rank; false when the rank is in doubt, also because of a NaN. */
static bool factor(const small_work *w, double rcond, size_t *rank) {
  const size_t steps = w->r.rows;
  double cut = 0, total;
  for (size_t s = 0; s < w->n; s++)
    w->order[s] = s;
  for (size_t step = 0; step < w->n; step++) {
    const size_t place = longest(w, step, &total), chosen = w->order[place];
    const double norm = sqrt(w->square[chosen]);
    *rank = step;
    if (step == 0) {
      if (total == 0)
        return true;
      if (!(norm > 0x1p-400 && norm < 0x1p400))
        return false;
      cut = rcond * norm; /* at most rcond times the largest singular value */
    }
    if (total <= cut * cut / 4)
      return true;
    if (step == steps || !(norm > CLEARLY_ABOVE * cut))
      return false;
    w->order[place] = w->order[step];
    w->order[step] = chosen;
    double *row = lsq_matrix_row(&w->r, step), *q = column_of(w, chosen);
    row[step] = norm;
    scale(q, 1 / norm, w->height);
    for (size_t s = step + 1; s < w->n; s++)
      take_out(q, column_of(w, w->order[s]), w->height, &row[s], &w->square[w->order[s]]);
    for (size_t j = w->n; j < w->n + w->k; j++)
      take_out(q, column_of(w, j), w->height, &row[j], &w->square[j]);
    /* Rows of r behind a swap: what stood at the two places changes sides too. */
    for (size_t i = 0; i < step && place != step; i++) {
      double *above = lsq_matrix_row(&w->r, i), held = above[place];
      above[place] = above[step];
      above[step] = held;
    }
  }
  *rank = w->n;
  return true;
}

/* Columns rank .. n+k-1 of r <- (leading rank x rank triangle)^-1 times them. */
static void back_substitute(const small_work *w, size_t rank) {
  const size_t width = w->n + w->k;
  for (size_t i = rank; i-- > 0;) {
    double *row = lsq_matrix_row(&w->r, i);
    for (size_t s = i + 1; s < rank; s++) {
      const double *below = lsq_matrix_row(&w->r, s);
      for (size_t j = rank; j < width; j++)
        row[j] -= row[s] * below[j];
    }
    for (size_t j = rank; j < width; j++)
      row[j] /= row[i];
  }
}

/* r = [triangle, M, x1] behind the substitution; a = basis [I M], so that the solution of least
   norm is [I M]' (I + M M')^-1 x1. */
static lsq_status shorten(const small_work *w, size_t rank, lsq_error *error) {
  const lsq_matrix core = {w->core.data, rank, rank, rank};
  const lsq_matrix x1 = {w->r.data + w->n, rank, w->k, w->r.stride};
  for (size_t i = 0; i < rank; i++)
    for (size_t j = 0; j <= i; j++) {
      const double *a = lsq_matrix_row(&w->r, i), *b = lsq_matrix_row(&w->r, j);
      double sum = i == j;
      for (size_t s = rank; s < w->n; s++)
        sum += a[s] * b[s];
      lsq_matrix_row(&core, i)[j] = sum;
    }
  const lsq_status status = lsq_cholesky(&core, error);
  if (status == LSQ_OK)
    lsq_cholesky_solve(&core, &x1);
  return status;
}

static void store(const small_work *w, size_t rank, const lsq_matrix *x) {
  lsq_matrix_fill(x, 0);
  for (size_t i = 0; i < rank; i++) {
    const double *row = lsq_matrix_row(&w->r, i);
    for (size_t j = 0; j < w->k; j++)
      lsq_matrix_row(x, w->order[i])[j] = row[w->n + j];
    for (size_t s = rank; s < w->n; s++)
      for (size_t j = 0; j < w->k; j++)
        lsq_matrix_row(x, w->order[s])[j] += row[s] * row[w->n + j];
  }
}

lsq_status lsq_small_least_squares(const lsq_matrix *a, const lsq_matrix *b, double rcond,
                                   const lsq_matrix *x, void *workspace, lsq_error *error) {
  small_work w;
  lsq_arena arena = lsq_arena_over(workspace);
  size_t rank;
  if (!is_small(a->rows, a->cols, b->cols) || a->rows == 0 || a->cols == 0 || b->cols == 0)
    return lsq_least_squares(a, b, rcond, x, NULL, workspace, error);
  layout(&w, &arena, a->rows, a->cols, b->cols);
  load(&w, a, 0);
  load(&w, b, a->cols);
  for (size_t j = 0; j < b->cols; j++)
    if (!(w.square[a->cols + j] < 0x1p800)) /* not finite, or out of this method's range */
      return lsq_least_squares(a, b, rcond, x, NULL, workspace, error);
  if (factor(&w, rcond, &rank)) {
    back_substitute(&w, rank);
    if (rank == a->cols || shorten(&w, rank, error) == LSQ_OK) {
      store(&w, rank, x);
      return LSQ_OK;
    }
  }
  return lsq_least_squares(a, b, rcond, x, NULL, workspace, error);
}
