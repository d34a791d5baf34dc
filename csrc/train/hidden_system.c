#include "train/hidden_system.h"

#include <math.h>
#include <string.h>

#include "base/threads.h"
#include "linalg/linalg.h"

enum {
  PARALLEL_ORDER =
      1024, /* below it, filling the matrix, half a millisecond's work, pays no region */
  TILE = 8  /* units: a cache line of the matrix */
};

/* The matrix waits while the tables are summed: those of leaves lie in it, as far as they fit. */
static void lend_matrix(lsq_hidden_system *system, lsq_arena *arena) {
  const size_t length = lsq_pattern_gram_length(&system->gram);
  size_t left = lsq_size_multiply(system->order, system->order);
  double *at = system->matrix.data, *lent[LSQ_PATTERN_LEVELS];
  for (size_t k = 0; k < LSQ_PATTERN_LEVELS; k++) {
    const bool fits = length <= left;
    lent[k] = !fits ? lsq_arena_doubles(arena, length) : at == NULL ? NULL : at + k * length;
    left -= fits ? length : 0;
  }
  lsq_pattern_gram_lend(&system->gram, lent);
}

void lsq_hidden_system_place(lsq_hidden_system *system, lsq_arena *arena, size_t units,
                             size_t features, bool eigenvalues, bool eigenvectors) {
  *system = (lsq_hidden_system){.units = units, .features = features, .threads = lsq_threads()};
  system->order = lsq_size_multiply(units, features);
  lsq_pattern_gram_place(&system->gram, arena, units, features);
  system->product = lsq_arena_matrix(arena, units, units);
  system->matrix = lsq_arena_matrix(arena, system->order, system->order);
  lend_matrix(system, arena);
  system->right = lsq_arena_doubles(arena, system->order);
  system->can_rotate = eigenvectors;
  if (!eigenvalues && !eigenvectors)
    return;
  system->eigenvalues = lsq_arena_doubles(arena, system->order);
  system->rotated = lsq_arena_matrix(arena, system->order, 1);
  size_t bytes = eigenvalues ? lsq_eigh_workspace(system->order, false) : 0;
  if (eigenvectors) /* LAPACK may want more without them */
    bytes = lsq_size_max(bytes, lsq_eigh_workspace(system->order, true));
  system->eigen_workspace = lsq_arena_take(arena, bytes, 1);
}

void lsq_hidden_system_start(lsq_hidden_system *system, double alpha, const lsq_matrix *moment) {
  system->alpha = alpha;
  system->moment = moment;
}

/* The packed products of U^F_jl. */
static const double *pair_sums(const lsq_hidden_system *system, size_t j, size_t l) {
  const lsq_pattern_gram *gram = &system->gram;
  const size_t pair = lsq_pattern_pair(system->units, lsq_size_min(j, l), lsq_size_max(j, l));
  return gram->sums + pair * gram->stride;
}

/* With V_j and V_l, the blocks of the pairs (j, j) and (l, l), and T = sum_i x~_i x~_i':

     U_jl = alpha^2 T + alpha (1 - alpha) (V_j + V_l) + (1 - alpha)^2 U^F_jl. */
static double leaky(double alpha, double binary, double own, double other, double moment) {
  return (1 - alpha) * (1 - alpha) * binary + alpha * (1 - alpha) * (own + other) +
         alpha * alpha * moment;
}

static double moment_of(const lsq_hidden_system *system, size_t p, size_t q) {
  return lsq_matrix_row(system->moment, lsq_size_max(p, q))[lsq_size_min(p, q)];
}

/* The entries (p, j), (q, l), q <= p, of the matrix for one unit j and a few units l, `count` from
   `first`: (B B')_jl U_jl[p, q]. Few, so that what is read stays in the cache while cache lines
   are written whole. */
static void fill_tile(const lsq_hidden_system *system, size_t j, size_t first, size_t count) {
  const size_t h = system->units, m = system->features;
  const double alpha = system->alpha, *own = pair_sums(system, j, j);
  const double *weight = lsq_matrix_row(&system->product, j) + first;
  const double *binary[TILE], *other[TILE];
  for (size_t l = 0; l < count; l++) {
    binary[l] = pair_sums(system, j, first + l);
    other[l] = pair_sums(system, first + l, first + l);
  }
  for (size_t q = 0, k = 0; q < m; q++)
    for (size_t p = q; p < m; p++, k++) {
      double *row = lsq_matrix_row(&system->matrix, p * h + j) + q * h + first;
      const double moment = alpha == 0 ? 0 : moment_of(system, p, q);
      for (size_t l = 0; l < count; l++)
        row[l] = weight[l] * (alpha == 0 ? binary[l][k]
                                         : leaky(alpha, binary[l][k], own[k], other[l][k], moment));
    }
}

void lsq_hidden_system_assemble(lsq_hidden_system *system, const lsq_matrix *output_weight,
                                double scale, double lambda) {
  system->order = system->matrix.rows = system->matrix.cols = system->units * system->features;
  lsq_multiply(scale, output_weight, false, output_weight, true, 0, &system->product);
#pragma omp parallel for schedule(dynamic, 1)                                                      \
    num_threads(system->threads) if (system->order >= PARALLEL_ORDER)
  for (size_t j = 0; j < system->units; j++) {
    for (size_t l = 0; l < system->units; l += TILE)
      fill_tile(system, j, l, lsq_size_min(TILE, system->units - l));
    for (size_t p = 0; p < system->features; p++)
      lsq_matrix_row(&system->matrix, p * system->units + j)[p * system->units + j] += lambda;
  }
}

void lsq_hidden_system_shrink(lsq_hidden_system *system, const double *mask) {
  const size_t full = system->units * system->features;
  size_t kept = 0;
  for (size_t k = 0; k < full; k++) {
    if (mask[k] == 0)
      continue;
    const double *from = lsq_matrix_row(&system->matrix, k);
    double *to = lsq_matrix_row(&system->matrix, kept);
    size_t col = 0;
    for (size_t l = 0; l <= k; l++)
      if (mask[l] != 0)
        to[col++] = from[l];
    system->right[kept++] = system->right[k];
  }
  system->order = system->matrix.rows = system->matrix.cols = kept;
}

void lsq_hidden_system_expand(lsq_hidden_system *system, const double *mask) {
  size_t kept = system->order;
  for (size_t k = system->units * system->features; k-- > 0;)
    system->right[k] = mask[k] != 0 ? system->right[--kept] : 0;
}

lsq_status lsq_hidden_system_solve(lsq_hidden_system *system, double *log_determinant,
                                   lsq_error *error) {
  lsq_status status = lsq_cholesky(&system->matrix, error);
  if (status != LSQ_OK)
    return status;
  *log_determinant = lsq_cholesky_log_determinant(&system->matrix);
  lsq_matrix right = lsq_matrix_over(system->right, system->order, 1);
  lsq_cholesky_solve(&system->matrix, &right);
  return LSQ_OK;
}

lsq_status lsq_hidden_system_solve_floored(lsq_hidden_system *system, double floor,
                                           lsq_error *error) {
  lsq_status status =
      lsq_eigh(&system->matrix, system->eigenvalues, true, system->eigen_workspace, error);
  if (status != LSQ_OK)
    return status;
  lsq_matrix right = lsq_matrix_over(system->right, system->order, 1);
  system->rotated.rows = system->order;
  lsq_multiply(1, &system->matrix, true, &right, false, 0, &system->rotated);
  for (size_t k = 0; k < system->order; k++)
    system->rotated.data[k] /= fmax(system->eigenvalues[k], floor);
  lsq_multiply(1, &system->matrix, false, &system->rotated, false, 0, &right);
  return LSQ_OK;
}

lsq_status lsq_hidden_system_condition(lsq_hidden_system *system, double *condition,
                                       lsq_error *error) {
  lsq_status status =
      lsq_eigh(&system->matrix, system->eigenvalues, false, system->eigen_workspace, error);
  if (status != LSQ_OK)
    return status;
  double smallest = system->eigenvalues[0], largest = system->eigenvalues[system->order - 1];
  *condition = smallest > 0 ? largest / smallest : HUGE_VAL;
  return LSQ_OK;
}
