#include "linalg/narrow.h"

#include <string.h>

#include "base/simd.h"
#include "base/size.h"

static const double DEPENDENT = 1e-13; /* below it what is left of a column is rounding */
static const double UNIT = 0x1p-53;
enum { LANES = 8, MOST_SWEEPS = 60, BLOCK = 256 /* rows */ };

LSQ_INLINE double dot(const double *restrict a, const double *restrict b, size_t count) {
  double sum = 0;
#pragma omp simd reduction(+ : sum)
  for (size_t i = 0; i < count; i++)
    sum += a[i] * b[i];
  return sum;
}

LSQ_INLINE void subtract(double factor, const double *restrict from, double *restrict to,
                         size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    to[i] -= factor * from[i];
}

LSQ_INLINE void scale(double *v, double factor, size_t count) {
#pragma omp simd
  for (size_t i = 0; i < count; i++)
    v[i] *= factor;
}

/* q holds the columns of a. Each is freed of all before it at once, twice: as orthogonal as
   modified Gram-Schmidt done twice (Giraud, Langou, Rozloznik and van den Eshof 2005), and the
   products do not wait for each other. */
static LSQ_CLONES bool factor_columns(double *q, size_t m, size_t n, double *r) {
  double part[LSQ_NARROW];
  for (size_t j = 0; j < n; j++) {
    double *column = q + j * m;
    const double square = dot(column, column, m);
    if (!(square < 0x1p400 && (square > 0x1p-400 || square == 0)))
      return false;
    for (size_t i = 0; i < n; i++)
      r[i * n + j] = 0;
    for (int twice = 0; twice < 2; twice++) {
      for (size_t i = 0; i < j; i++)
        part[i] = dot(q + i * m, column, m);
      for (size_t i = 0; i < j; i++) {
        subtract(part[i], q + i * m, column, m);
        r[i * n + j] += part[i];
      }
    }
    const double left = sqrt(dot(column, column, m));
    const bool independent = left > DEPENDENT * sqrt(square);
    if (independent)
      r[j * n + j] = left;
    scale(column, independent ? 1 / left : 0, m);
  }
  return true;
}

bool lsq_narrow_qr(const lsq_matrix *a, double *q, double *r) {
  for (size_t i = 0; i < a->rows; i++)
    for (size_t j = 0; j < a->cols; j++)
      q[j * a->rows + i] = a->data[i * a->stride + j];
  return factor_columns(q, a->rows, a->cols, r);
}

bool lsq_narrow_full_rank(const double *r, size_t n) {
  for (size_t j = 0; j < n; j++)
    if (r[j * n + j] == 0)
      return false;
  return true;
}

/* A triangle and right-hand sides, their rows filled up with zeros to whole vectors. */
typedef struct {
  double triangle[LSQ_NARROW][LSQ_NARROW], side[LSQ_NARROW][LSQ_NARROW];
  size_t n, k;
} tableau;

/* triangle = r, side = q b. */
static LSQ_CLONES void fill(const double *q, const double *r, const lsq_matrix *b, tableau *t) {
  double column[BLOCK];
  for (size_t i = 0; i < t->n; i++) {
    memset(t->triangle[i], 0, sizeof t->triangle[i]);
    memset(t->side[i], 0, sizeof t->side[i]);
    memcpy(t->triangle[i], r + i * t->n, t->n * sizeof *r);
  }
  for (size_t first = 0; first < b->rows; first += BLOCK) {
    const size_t count = lsq_size_min(b->rows - first, BLOCK);
    for (size_t k = 0; k < t->k; k++) {
      for (size_t j = 0; j < count; j++)
        column[j] = b->data[(first + j) * b->stride + k];
      for (size_t i = 0; i < t->n; i++)
        t->side[i][k] += dot(q + i * b->rows + first, column, count);
    }
  }
}

/* |r| |r^-1| (Frobenius norms), which no ratio of singular values exceeds; the columns of r^-1 one
   after the other. */
static double condition_bound(const tableau *t) {
  double square = 0, inverse_square = 0, column[LSQ_NARROW];
  for (size_t j = 0; j < t->n; j++)
    for (size_t i = j + 1; i-- > 0;) {
      double sum = i == j;
      for (size_t s = i + 1; s <= j; s++)
        sum -= t->triangle[i][s] * column[s];
      column[i] = sum / t->triangle[i][i];
      square += t->triangle[i][j] * t->triangle[i][j];
      inverse_square += column[i] * column[i];
    }
  return sqrt(square) * sqrt(inverse_square);
}

static void back_substitute(const tableau *t, const lsq_matrix *x) {
  for (size_t i = t->n; i-- > 0;)
    for (size_t k = 0; k < t->k; k++) {
      double sum = t->side[i][k];
      for (size_t j = i + 1; j < t->n; j++)
        sum -= t->triangle[i][j] * lsq_matrix_row(x, j)[k];
      lsq_matrix_row(x, i)[k] = sum / t->triangle[i][i];
    }
}

LSQ_INLINE size_t whole_vectors(size_t count) {
  return (count + LANES - 1) / LANES * LANES;
}

LSQ_INLINE void rotate(double *restrict a, double *restrict b, double cosine, double sine,
                       size_t count) {
  for (size_t first = 0; first < count; first += LANES)
#pragma omp simd
    for (size_t j = first; j < first + LANES; j++) {
      const double above = a[j];
      a[j] = cosine * above - sine * b[j];
      b[j] = sine * above + cosine * b[j];
    }
}

LSQ_INLINE double dot_vectors(const double *restrict a, const double *restrict b, size_t count) {
  double sum[LANES] = {0};
  for (size_t first = 0; first < count; first += LANES)
#pragma omp simd
    for (size_t j = 0; j < LANES; j++)
      sum[j] += a[first + j] * b[first + j];
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

/* Jacobi's one-sided method, on rows: rotations make those of the triangle orthogonal. Their
   squared norms are followed along; of a rotation they need no new sums. */
static LSQ_CLONES void orthogonalise(tableau *t, double *square) {
  const size_t n = whole_vectors(t->n), k = whole_vectors(t->k);
  const double tolerance = (double)t->n * UNIT;
  bool rotated = true;
  for (int sweep = 0; rotated && sweep < MOST_SWEEPS; sweep++) {
    rotated = false;
    for (size_t i = 0; i < t->n; i++)
      square[i] = dot_vectors(t->triangle[i], t->triangle[i], n);
    for (size_t p = 0; p < t->n; p++)
      for (size_t q = p + 1; q < t->n; q++) {
        const double both = dot_vectors(t->triangle[p], t->triangle[q], n);
        if (!(both * both > tolerance * tolerance * square[p] * square[q]))
          continue;
        const double zeta = (square[q] - square[p]) / (2 * both);
        const double tangent = copysign(1 / (fabs(zeta) + sqrt(1 + zeta * zeta)), zeta);
        const double cosine = 1 / sqrt(1 + tangent * tangent);
        rotate(t->triangle[p], t->triangle[q], cosine, cosine * tangent, n);
        rotate(t->side[p], t->side[q], cosine, cosine * tangent, k);
        const double left = square[p] - tangent * both;
        square[p] = left > 0 ? left : 0;
        square[q] += tangent * both;
        rotated = true;
      }
  }
}

/* With u' r = diag(values) v' the rows of the triangle become the right singular vectors times
   their values, and u' (q b) stands beside them. */
static void solve_by_singular_values(tableau *t, double rcond, const lsq_matrix *x) {
  double square[LSQ_NARROW], largest = 0;
  orthogonalise(t, square);
  for (size_t i = 0; i < t->n; i++)
    largest = square[i] > largest ? square[i] : largest;
  lsq_matrix_fill(x, 0);
  for (size_t i = 0; i < t->n; i++) {
    if (!(sqrt(square[i]) > rcond * sqrt(largest)))
      continue;
    for (size_t j = 0; j < t->n; j++)
      for (size_t k = 0; k < t->k; k++)
        lsq_matrix_row(x, j)[k] += t->triangle[i][j] * (t->side[i][k] / square[i]);
  }
}

bool lsq_narrow_solve(const double *q, const double *r, size_t n, double rcond, const lsq_matrix *b,
                      const lsq_matrix *x) {
  tableau t;
  t.n = n;
  for (size_t first = 0; first < b->cols; first += LSQ_NARROW) {
    t.k = lsq_size_min(b->cols - first, LSQ_NARROW);
    const lsq_matrix sides = {b->data + first, b->rows, t.k, b->stride};
    const lsq_matrix solution = {x->data + first, n, t.k, x->stride};
    fill(q, r, &sides, &t);
    if (lsq_narrow_full_rank(r, n) && condition_bound(&t) * rcond < 0.5)
      back_substitute(&t, &solution);
    else
      solve_by_singular_values(&t, rcond, &solution);
  }
  return lsq_matrix_is_finite(x, NULL, NULL);
}
