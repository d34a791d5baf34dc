#include "train/hidden_system.h"

#include <math.h>

#include "linalg/linalg.h"

/* Order below which filling the matrix is not worth waking a second thread for. */
enum { PARALLEL_ORDER = 256 };

void lsq_hidden_system_place(lsq_hidden_system *system, lsq_arena *arena, size_t units,
                             size_t features, bool eigenvalues, bool eigenvectors) {
  *system = (lsq_hidden_system){.units = units, .features = features};
  system->order = lsq_size_multiply(units, features);
  lsq_pattern_gram_place(&system->gram, arena, units, features);
  system->moment = lsq_arena_doubles(arena, system->gram.products);
  system->product = lsq_arena_matrix(arena, units, units);
  system->matrix = lsq_arena_matrix(arena, system->order, system->order);
  system->right = lsq_arena_doubles(arena, system->order);
  system->can_rotate = eigenvectors;
  if (!eigenvalues && !eigenvectors)
    return;
  system->eigenvalues = lsq_arena_doubles(arena, system->order);
  system->rotated = lsq_arena_matrix(arena, system->order, 1);
  system->eigen_workspace =
      lsq_arena_take(arena, lsq_eigh_workspace(system->order, eigenvectors), 1);
}

/* Block (j, l), l <= j, of the matrix: weight * U_jl. `binary` is U^F of the pair; `own` and
   `other`, for a leaky activation, are V_j and V_l, the blocks of the pairs (j, j), (l, l):

     U_jl = alpha^2 T + alpha (1 - alpha) (V_j + V_l) + (1 - alpha)^2 U^F_jl. */
static void fill_block(const lsq_hidden_system *system, size_t j, size_t l, double weight) {
  const size_t m = system->features;
  const double alpha = system->alpha;
  const lsq_pattern_gram *gram = &system->gram;
  const double *binary = gram->sums + lsq_pattern_pair(system->units, l, j) * gram->stride;
  const double *own = gram->sums + lsq_pattern_pair(system->units, j, j) * gram->stride;
  const double *other = gram->sums + lsq_pattern_pair(system->units, l, l) * gram->stride;
  const double keep = (1 - alpha) * (1 - alpha), mixed = alpha * (1 - alpha), leak = alpha * alpha;
  size_t product = 0;
  for (size_t p = 0; p < m; p++)
    for (size_t q = p; q < m; q++, product++) {
      double u = keep * binary[product];
      if (alpha != 0)
        u += mixed * (own[product] + other[product]) + leak * system->moment[product];
      u *= weight;
      lsq_matrix_row(&system->matrix, j * m + p)[l * m + q] = u;
      lsq_matrix_row(&system->matrix, j * m + q)[l * m + p] = u;
    }
}

void lsq_hidden_system_assemble(lsq_hidden_system *system, const lsq_matrix *output_weight,
                                size_t rows, double lambda) {
  lsq_multiply(1 / (double)rows, output_weight, false, output_weight, true, 0, &system->product);
#pragma omp parallel for schedule(dynamic, 1) if (system->order >= PARALLEL_ORDER)
  for (size_t j = 0; j < system->units; j++) {
    for (size_t l = 0; l <= j; l++)
      fill_block(system, j, l, lsq_matrix_row(&system->product, j)[l]);
    for (size_t p = j * system->features; p < (j + 1) * system->features; p++)
      lsq_matrix_row(&system->matrix, p)[p] += lambda;
  }
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
