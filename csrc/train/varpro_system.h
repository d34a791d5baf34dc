/* The Gauss-Newton system of a two-layer ReLU net whose output layer follows its hidden layer (the
   variable projection of Golub and Pereyra, in Kaufman's form), the firing pattern frozen as in
   ANMIN. Row, column and entry (p, j) of feature p of x~ = (x', 1) and unit j are number p h + j,
   as in A, which is (d+1) x h, and in the net's flat vector. Over some rows, of weight W,

     U_jl = 1/W sum_i w_i G_ij G_il x~_i x~_i'              (the pattern-Gram tables)
     K_jl = U_jl a_l = 1/W sum_i w_i G_ij x~_i S_il         S = [sigma(X~ A), 1]
     (S'S)_jl = a_j' K_jl
     Sigma = B B' o (U - K (S'S + ridge I)^-1 K')

   with (B B')_jl for all of block (j, l): H_aa = B B' o U and, of output k, H_ab = diag(b_k) K,
   so that one product serves any number of outputs. */
#ifndef LSQ_TRAIN_VARPRO_SYSTEM_H
#define LSQ_TRAIN_VARPRO_SYSTEM_H

#include "linalg/single.h"
#include "nn/network.h"
#include "nn/pattern_gram.h"

typedef struct {
  size_t features, units, order; /* d+1, h, (d+1) h */
  double alpha;                  /* slope of the activation below 0 */
  lsq_pattern_gram gram;         /* U of the firing bits, then of the slopes */
  lsq_matrix second;             /* X~'X~, lower, where alpha is not 0 */
  lsq_matrix z;                  /* of a block of rows */
  lsq_matrix features_of;        /* X~ of a block of rows */
  lsq_matrix hidden;             /* A', h x (d+1) */
  double *product;               /* d+1 */
  lsq_single cross;              /* order x (h+1): K, then K L'^-1 */
  lsq_matrix outputs;            /* S'S, (h+1) x (h+1), lower; then L */
  lsq_single output_factor;
  lsq_matrix pairs;         /* B B', h x h */
  lsq_single matrix;        /* order x order, lower: Sigma, then the factor of a solve */
  lsq_single mean;          /* M, the average of Sigma, lower */
  double *product_diagonal; /* of H_aa of these rows */
  double *diagonal;         /* the average of it */
  double weight;            /* of the average: 1 + decay + decay^2 + ... */
  float *step;              /* order: the right-hand side, then the solution */
  size_t column;            /* of the factor, the next */
} lsq_varpro_system;

enum { LSQ_VARPRO_BLOCK = 256 /* rows of an add, at most */ };

void lsq_varpro_system_place(lsq_varpro_system *self, lsq_arena *arena, const lsq_network *net);

/* Forgets the average. */
void lsq_varpro_system_start(lsq_varpro_system *self, const lsq_network *net);

/* The tables of the rows given by `add`; weights NULL: all 1. */
void lsq_varpro_system_clear(lsq_varpro_system *self);
void lsq_varpro_system_add(lsq_varpro_system *self, const lsq_network *net, const lsq_matrix *x,
                           const double *weights);

/* Sigma of these rows, of weight `total`, at the net. LSQ_NOT_POSITIVE_DEFINITE where S'S is
   too near singular even so. */
lsq_status lsq_varpro_system_project(lsq_varpro_system *self, const lsq_network *net, double total,
                                     double lambda, lsq_error *error);

/* Takes Sigma into the average, whose former weight is multiplied by `decay`. */
void lsq_varpro_system_average(lsq_varpro_system *self, double decay);

/* Begins to solve (M + lambda I + damping D) delta = -gradient, D = max(diag H_aa, a tenth of its
   largest entry); goes on with it, `done` set when self->step holds delta. */
void lsq_varpro_system_begin_solve(lsq_varpro_system *self, double damping, double lambda,
                                   const double *gradient);
lsq_status lsq_varpro_system_solve(lsq_varpro_system *self, bool *done, lsq_error *error);

/* For timing: factors a leading part of the matrix of such a system, and returns how many times
   the work of it the whole factor would take. */
double lsq_varpro_system_sample(lsq_varpro_system *self, const double *gradient);

#endif
