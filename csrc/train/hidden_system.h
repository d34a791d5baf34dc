/* The linear system of ANMIN's hidden layer (Eq. 6-9), with x~ = (x', 1):

     (M + lambda I) a = c,   M_jl = (B B')_jl U_jl,   U_jl = 1/N sum_i G_ij G_il x~_i x~_i',
     c_j = 1/N sum_i [(y_i - b0) B']_j G_ij x~_i,     M_jl, c_j, a_j: of the units j and l.

   Row, column and entry (p, j) of feature p and unit j are number p h + j: as in A, (d+1) x h, and
   in the net's flat vector.

   G = alpha + (1 - alpha) F is the frozen activation pattern. Only sums over F are gathered;
   the leaky ones follow in closed form. */
#ifndef LSQ_TRAIN_HIDDEN_SYSTEM_H
#define LSQ_TRAIN_HIDDEN_SYSTEM_H

#include "base/arena.h"
#include "base/status.h"
#include "nn/pattern_gram.h"

typedef struct {
  size_t units, features;   /* h and d + 1 */
  size_t order;             /* units * features; after shrinking, the weights that exist */
  int threads;              /* that fill the matrix */
  double alpha;             /* slope of the activation for z < 0; 0 for relu */
  lsq_pattern_gram gram;    /* sum_i F_ij F_il x~_i x~_i' */
  const lsq_matrix *moment; /* (d+1) x (d+1), lower: sum_i x~_i x~_i'; read unless alpha is 0 */
  lsq_matrix product;       /* units x units: B B' */
  lsq_matrix matrix;        /* order x order: M + lambda I (lower), then its factor */
  double *right;            /* order: c, then the solution */
  double *eigenvalues;      /* order; of the two functions that need them, NULL without */
  lsq_matrix rotated;       /* order x 1, likewise */
  void *eigen_workspace;
  bool can_rotate; /* whether eigenvectors were asked for */
} lsq_hidden_system;

/* Places the system. Of eigenvalues and eigenvectors, only what is asked for gets room. */
void lsq_hidden_system_place(lsq_hidden_system *system, lsq_arena *arena, size_t units,
                             size_t features, bool eigenvalues, bool eigenvectors);

/* moment: of lsq_two_layer, whose passes fill it. */
void lsq_hidden_system_start(lsq_hidden_system *system, double alpha, const lsq_matrix *moment);

/* matrix <- scale * sum_i (...) + lambda I, lower triangle, from the gathered sums and the output
   layer's weights (units x outputs); scale is 1/N in the equations. */
void lsq_hidden_system_assemble(lsq_hidden_system *system, const lsq_matrix *output_weight,
                                double scale, double lambda);

/* Sparse connections: keeps the rows and columns of the assembled matrix, and the entries of
   right, whose weight exists. mask is (d+1) x h with the biases last, 0 where none does. expand
   puts the solution back where it belongs, with zeros beside. */
void lsq_hidden_system_shrink(lsq_hidden_system *system, const double *mask);
void lsq_hidden_system_expand(lsq_hidden_system *system, const double *mask);

/* Factors the assembled matrix and solves; log_determinant gets ln |M + lambda I|. */
lsq_status lsq_hidden_system_solve(lsq_hidden_system *system, double *log_determinant,
                                   lsq_error *error);

/* Solves the assembled matrix by its eigenvalues, those below `floor` raised to it
   (Algorithm 1, lines 10-12). */
lsq_status lsq_hidden_system_solve_floored(lsq_hidden_system *system, double floor,
                                           lsq_error *error);

/* The 2-norm condition number of the assembled matrix, which is overwritten. */
lsq_status lsq_hidden_system_condition(lsq_hidden_system *system, double *condition,
                                       lsq_error *error);

#endif
